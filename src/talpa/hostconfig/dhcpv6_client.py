"""DHCPv6 on a PPP link: how the client's end asks for name servers (RFC 8415 18.2.6)."""

from dataclasses import dataclass
from ipaddress import IPv6Address

from talpa.hostconfig import dhcpv6_message as dhcpv6
from talpa.hostconfig.dhcpv6_message import Message, MessageType
from talpa.hostconfig.names import usable_names
from talpa.hostconfig.packets import parse_udp6, udp6
from talpa.wire import Malformed


@dataclass(frozen=True, slots=True)
class Informed:
    """What a Reply to our Information-request tells."""

    dns: tuple[IPv6Address, ...]
    search: tuple[str, ...]


def information_request(transaction: int, source: IPv6Address) -> bytes:
    """The IP packet, from our link-local address. `transaction`: 24 bits nobody can guess."""
    wanted = dhcpv6.NUMBERS.encode((dhcpv6.DNS.number, dhcpv6.SEARCH.number, dhcpv6.REFRESH.number))
    options = ((dhcpv6.ELAPSED.number, bytes(2)), (dhcpv6.WANTED.number, wanted))
    message = Message(MessageType.INFORMATION_REQUEST, transaction & 0xFFFFFF, options)
    ports = dhcpv6.CLIENT_PORT, dhcpv6.SERVER_PORT
    return udp6(source, dhcpv6.ALL_SERVERS, *ports, dhcpv6.build_message(message))


def parse_reply(packet: bytes, transaction: int) -> Informed:
    """The answer to the request with `transaction`. Raises `Malformed` for anything else."""
    datagram = parse_udp6(packet)
    if datagram.destination_port != dhcpv6.CLIENT_PORT:
        raise Malformed("UDP to another port than DHCPv6's")
    message = dhcpv6.parse_message(datagram.payload)
    if message.kind != MessageType.REPLY or message.transaction != transaction & 0xFFFFFF:
        raise Malformed("DHCPv6: no answer to our request")
    # RFC 8415 16.10; the request had no client identifier, so the answer may have none.
    if message.get(dhcpv6.SERVER_ID) is None or message.get(dhcpv6.CLIENT_ID) is not None:
        raise Malformed("DHCPv6: answer with wrong identifiers")
    return Informed(message.get(dhcpv6.DNS) or (), usable_names(message.get(dhcpv6.SEARCH) or ()))
