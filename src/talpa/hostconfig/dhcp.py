"""DHCP on a PPP link: what the server's end answers (RFC 2131 4.3.5).

Addresses come from IPCP; DHCP only tells the rest, to a host that asks with DHCPINFORM. Windows
asks for its routes in option 249, macOS in 121, so both are said.
"""

from functools import lru_cache
from ipaddress import IPv4Address

from talpa.hostconfig import dhcp_message as dhcp
from talpa.hostconfig.dhcp_message import Message, MessageType, Option
from talpa.hostconfig.offer import LEAST_MTU, HostOffer
from talpa.hostconfig.packets import parse_udp4, udp4
from talpa.hostconfig.routes import Route
from talpa.sansio import Drops
from talpa.wire import Malformed

_NOBODY = IPv4Address(0)
_UDP_HEADERS = 28
_ALWAYS = frozenset((dhcp.ROUTES_121.number, dhcp.ROUTES_249.number))
_LEAST_IMPORTANT_FIRST = (dhcp.WINS, dhcp.SEARCH, dhcp.DOMAIN, dhcp.SUBNET_MASK, dhcp.DNS)


def answer_inform(packet: bytes, offer: HostOffer, drops: Drops | None = None) -> bytes | None:
    """The DHCPACK for an IP packet with a DHCPINFORM; None: no answer, the reason is counted."""
    try:
        return _answer(packet, offer)
    except Malformed as error:
        if drops is not None:
            drops.add(error.reason)
        return None


def _answer(packet: bytes, offer: HostOffer) -> bytes:
    datagram = parse_udp4(packet)
    if datagram.destination_port != dhcp.SERVER_PORT:
        raise Malformed("UDP to another port than DHCP's")
    if offer.server is None or offer.client is None:
        raise Malformed("DHCP on a link without IPv4")
    message = dhcp.parse_message(datagram.payload)
    if message.op != 1 or message.hardware_length > 16:
        raise Malformed("DHCP: no request")
    if message.relay != _NOBODY:
        raise Malformed("DHCP: relayed")
    kind = message.get(dhcp.MESSAGE_TYPE)
    if kind is None:
        raise Malformed("DHCP: no message type")
    if kind != MessageType.INFORM:
        # The address came from IPCP: there is none to hand out, give back or refuse here.
        raise Malformed(
            f"DHCP{kind.name}: not answered" if kind in _KNOWN else "DHCP: unknown message type"
        )
    ack = Message(
        op=2,
        hardware_type=message.hardware_type,
        hardware_length=message.hardware_length,
        xid=message.xid,
        flags=message.flags,
        client=message.client,
        yours=_NOBODY,
        relay=_NOBODY,
        hardware=message.hardware,
        options=_options(message, offer),
    )
    # The lease's address is the only one on the link, whatever the host believes.
    return udp4(
        offer.server, offer.client, dhcp.SERVER_PORT, dhcp.CLIENT_PORT, dhcp.build_message(ack)
    )


_KNOWN = frozenset(MessageType)


def _options(message: Message, offer: HostOffer) -> dict[int, bytes]:
    assert offer.server is not None
    wanted: tuple[int, ...] = message.get(dhcp.WANTED) or ()
    first = {
        dhcp.MESSAGE_TYPE.number: bytes((MessageType.ACK,)),
        dhcp.SERVER_ID.number: offer.server.packed,
    }
    told = {
        row.number: row.codec.encode(value)
        for row, value in _configured(offer)
        if not wanted or row.number in wanted or row.number in _ALWAYS
    }
    _fit(told, wanted, _room(message, offer) - _size(first))
    # Options that answer stand in the order asked for (RFC 2132 9.8).
    rank = {code: place for place, code in reversed(list(enumerate(wanted)))}
    return first | dict(sorted(told.items(), key=lambda o: rank.get(o[0], 256 + o[0])))


def _configured(offer: HostOffer) -> list[tuple[Option, object]]:
    routes = tuple(Route(network, offer.server or _NOBODY) for network in offer.routes)
    rows: list[tuple[Option, object]] = [
        (dhcp.SUBNET_MASK, offer.mask),
        (dhcp.DNS, offer.dns),
        (dhcp.DOMAIN, _ascii(offer.search[0]) if offer.search else ""),
        (dhcp.WINS, offer.wins),
        (dhcp.SEARCH, offer.search),
        (dhcp.ROUTES_121, routes),
        (dhcp.ROUTES_249, routes),
    ]
    return [(row, value) for row, value in rows if value]


@lru_cache(64)
def _ascii(name: str) -> str:
    return name.rstrip(".").encode("idna").decode("ascii")


def _room(message: Message, offer: HostOffer) -> int:
    """Octets that options may take.

    A client that names no size is only sure to take 576 octets; but all read what their link
    carries, and routes left out would do certain harm.
    """
    named: int | None = message.get(dhcp.MOST_SIZE)
    most = offer.mtu if named is None else min(max(named, LEAST_MTU), offer.mtu)
    return most - _UDP_HEADERS - dhcp.HEADER_SIZE - 1


def _fit(told: dict[int, bytes], wanted: tuple[int, ...], room: int) -> None:
    """Take out whole options until the rest fits: half a list of routes is worse than none.

    First the one of the two route options that was not asked for.
    """
    asked_249 = dhcp.ROUTES_249.number in wanted and dhcp.ROUTES_121.number not in wanted
    spare, needed = (
        (dhcp.ROUTES_121, dhcp.ROUTES_249) if asked_249 else (dhcp.ROUTES_249, dhcp.ROUTES_121)
    )
    size = _size(told)
    for row in (spare, *_LEAST_IMPORTANT_FIRST[:2], needed, *_LEAST_IMPORTANT_FIRST[2:]):
        if size <= room:
            return
        told.pop(row.number, None)
        size = _size(told)


def _size(options: dict[int, bytes]) -> int:
    return len(dhcp.encode_options(options.items()))
