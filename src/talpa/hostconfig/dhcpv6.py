"""DHCPv6 on a PPP link: what the server's end answers (RFC 8415 18.3).

The link's /64 is the host's own, so there is nothing to keep: every answer follows from the offer.
Hosts usually form their address from the router advertisement; one that asks here gets a second
address of the same /64.
"""

from ipaddress import IPv6Address, IPv6Network

from talpa.hostconfig import dhcpv6_message as dhcpv6
from talpa.hostconfig.dhcpv6_message import (
    Association,
    Lease,
    Message,
    MessageType,
    Status,
    StatusCode,
    TemporaryAssociation,
)
from talpa.hostconfig.offer import LEAST_MTU_IPV6, HostOffer
from talpa.hostconfig.packets import parse_udp6, udp6
from talpa.sansio import Drops
from talpa.wire import Malformed

LEASE_SECONDS = 86400
"""Valid and preferred lifetime of an address; it ends with the link in any case."""
_RENEW_SECONDS = LEASE_SECONDS // 2
_REBIND_SECONDS = LEASE_SECONDS * 4 // 5
_MOST_ASSOCIATIONS = 8
_UDP_HEADERS = 48
_ASSIGNED = 0x1_0001
"""::1:1 in the /64: no interface identifier of an IPv6 stack looks like it."""

_Kind = MessageType
_NAMES_SERVER = frozenset((_Kind.REQUEST, _Kind.RENEW, _Kind.RELEASE, _Kind.DECLINE))
_NAMES_NO_SERVER = frozenset((_Kind.SOLICIT, _Kind.CONFIRM, _Kind.REBIND))
_ANSWERED = _NAMES_SERVER | _NAMES_NO_SERVER | {_Kind.INFORMATION_REQUEST}
_IAS = frozenset((dhcpv6.IA_NA.number, dhcpv6.IA_TA.number, dhcpv6.IA_PD.number))

Options = list[tuple[int, bytes]]


def assigned_address(prefix: IPv6Network) -> IPv6Address:
    """The address of the /64 that DHCPv6 hands out."""
    return prefix.network_address + _ASSIGNED


def answer(packet: bytes, offer: HostOffer, drops: Drops | None = None) -> bytes | None:
    """The answer to an IP packet with a DHCPv6 message; None: none, the reason is counted."""
    try:
        return _answer(packet, offer)
    except Malformed as error:
        if drops is not None:
            drops.add(error.reason)
        return None


def _answer(packet: bytes, offer: HostOffer) -> bytes:
    datagram = parse_udp6(packet)
    if datagram.destination_port != dhcpv6.SERVER_PORT:
        raise Malformed("UDP to another port than DHCPv6's")
    if offer.ours is None or not offer.duid:
        raise Malformed("DHCPv6 on a link without it")
    if not datagram.source.is_link_local:
        raise Malformed("DHCPv6 not from a link-local address")
    if datagram.destination not in (dhcpv6.ALL_SERVERS, offer.ours):
        raise Malformed("DHCPv6 not to its servers")
    message = dhcpv6.parse_message(datagram.payload)
    _validate(message, offer.duid)
    kind, options = _content(message, offer)
    client = message.get(dhcpv6.CLIENT_ID)
    told: Options = [(dhcpv6.SERVER_ID.number, offer.duid)]
    if client is not None:
        told.insert(0, (dhcpv6.CLIENT_ID.number, client))
    told += options
    payload = dhcpv6.build_message(Message(kind, message.transaction, tuple(told)))
    if _UDP_HEADERS + len(payload) > max(offer.mtu, LEAST_MTU_IPV6):
        raise Malformed("DHCPv6: answer too large")
    source, client_port = dhcpv6.SERVER_PORT, dhcpv6.CLIENT_PORT
    return udp6(offer.ours, datagram.source, source, client_port, payload)


def _validate(message: Message, duid: bytes) -> None:
    """RFC 8415 16.2 to 16.14."""
    kind = message.kind
    if kind not in _ANSWERED:
        raise Malformed("DHCPv6: message type not for a server on the link")
    client, server = message.get(dhcpv6.CLIENT_ID), message.get(dhcpv6.SERVER_ID)
    if client is None and kind != MessageType.INFORMATION_REQUEST:
        raise Malformed("DHCPv6: no client identifier")
    if server is None and kind in _NAMES_SERVER:
        raise Malformed("DHCPv6: no server identifier")
    if server is not None and kind in _NAMES_NO_SERVER:
        raise Malformed("DHCPv6: server identifier where none may be")
    if server not in (None, duid):
        raise Malformed("DHCPv6: for another server")
    associations = sum(code in _IAS for code, _ in message.options)
    if associations and kind == MessageType.INFORMATION_REQUEST:
        raise Malformed("DHCPv6: information request for an address")
    if associations > _MOST_ASSOCIATIONS:
        raise Malformed("DHCPv6: too many identity associations")


def _content(message: Message, offer: HostOffer) -> tuple[MessageType, Options]:
    """Type of the answer, and its options behind the identifiers."""
    match message.kind:
        case MessageType.SOLICIT if message.get(dhcpv6.RAPID_COMMIT) is None:
            return MessageType.ADVERTISE, _associations(message, offer) + _network(offer)
        case MessageType.SOLICIT:
            rapid: Options = [(dhcpv6.RAPID_COMMIT.number, b"")]
            return MessageType.REPLY, rapid + _associations(message, offer) + _network(offer)
        case MessageType.REQUEST | MessageType.RENEW | MessageType.REBIND:
            return MessageType.REPLY, _associations(message, offer) + _network(offer)
        case MessageType.CONFIRM:
            return MessageType.REPLY, [_confirmed(message, offer.prefix)]
        case MessageType.RELEASE | MessageType.DECLINE:
            return MessageType.REPLY, [_status(Status.SUCCESS, "noted")]
        case _:
            return MessageType.REPLY, _network(offer)


def _network(offer: HostOffer) -> Options:
    """Said also unasked: a host without DNS in its option request has no use for us."""
    told: Options = []
    if offer.dns6:
        told.append((dhcpv6.DNS.number, dhcpv6.DNS.codec.encode(offer.dns6)))
    if offer.search:
        told.append((dhcpv6.SEARCH.number, dhcpv6.SEARCH.codec.encode(offer.search)))
    return told


def _status(code: Status, text: str) -> tuple[int, bytes]:
    return dhcpv6.STATUS.number, dhcpv6.STATUS.codec.encode(StatusCode(code, text))


def _associations(message: Message, offer: HostOffer) -> Options:
    """Each identity association of the message, answered."""
    told: Options = []
    given = offer.prefix is None
    for code, data in message.options:
        if code == dhcpv6.IA_NA.number:
            asked: Association = dhcpv6.IA_NA.codec.decode(data)
            told.append((code, _addresses(asked, None if given else offer.prefix)))
            given = True
        elif code == dhcpv6.IA_TA.number:
            temporary: TemporaryAssociation = dhcpv6.IA_TA.codec.decode(data)
            inner = dhcpv6.encode_options([_status(Status.NO_ADDRS_AVAIL, "none temporary")])
            value = TemporaryAssociation(temporary.iaid, inner)
            told.append((code, dhcpv6.IA_TA.codec.encode(value)))
        elif code == dhcpv6.IA_PD.number:
            wanted: Association = dhcpv6.IA_PD.codec.decode(data)
            inner = dhcpv6.encode_options([_status(Status.NO_PREFIX_AVAIL, "none delegated here")])
            told.append((code, dhcpv6.IA_PD.codec.encode(Association(wanted.iaid, 0, 0, inner))))
    return told


def _addresses(asked: Association, prefix: IPv6Network | None) -> bytes:
    """The IA_NA of the answer: our address, those that are not ours ended (RFC 8415 18.3.4)."""
    if prefix is None:
        inner = [_status(Status.NO_ADDRS_AVAIL, "one address for each link")]
        value = Association(asked.iaid, 0, 0, dhcpv6.encode_options(inner))
        return dhcpv6.IA_NA.codec.encode(value)
    ours = assigned_address(prefix)
    leases = [Lease(ours, LEASE_SECONDS, LEASE_SECONDS, b"")]
    leases += [Lease(old, 0, 0, b"") for old in _leased(asked.options) if old != ours]
    told = dhcpv6.encode_options(
        (dhcpv6.IA_ADDRESS.number, dhcpv6.IA_ADDRESS.codec.encode(lease)) for lease in leases
    )
    return dhcpv6.IA_NA.codec.encode(Association(asked.iaid, _RENEW_SECONDS, _REBIND_SECONDS, told))


def _leased(options: bytes) -> list[IPv6Address]:
    found = dhcpv6.parse_options(options)[:_MOST_ASSOCIATIONS]
    codec = dhcpv6.IA_ADDRESS.codec
    return [codec.decode(data).address for code, data in found if code == dhcpv6.IA_ADDRESS.number]


def _confirmed(message: Message, prefix: IPv6Network | None) -> tuple[int, bytes]:
    """RFC 8415 18.3.3."""
    held = [
        address
        for code, data in message.options
        if code == dhcpv6.IA_NA.number
        for address in _leased(dhcpv6.IA_NA.codec.decode(data).options)
    ]
    if prefix is None or not held:
        raise Malformed("DHCPv6: nothing to confirm")
    if all(address in prefix for address in held):
        return _status(Status.SUCCESS, "still right")
    return _status(Status.NOT_ON_LINK, "not of this link")
