"""DHCP on a PPP link: how the client's end asks for routes and search domains (RFC 2131 4.4.3)."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from talpa.hostconfig import dhcp_message as dhcp
from talpa.hostconfig.dhcp_message import Message, MessageType
from talpa.hostconfig.names import usable_names
from talpa.hostconfig.packets import parse_udp4, udp4
from talpa.hostconfig.routes import Route
from talpa.wire import Malformed

_BROADCAST = IPv4Address("255.255.255.255")
_ASKED = (
    dhcp.SUBNET_MASK,
    dhcp.DNS,
    dhcp.DOMAIN,
    dhcp.WINS,
    dhcp.SEARCH,
    dhcp.ROUTES_121,
    dhcp.ROUTES_249,
)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a DHCPACK to our DHCPINFORM tells."""

    server: IPv4Address | None
    mask: IPv4Address | None
    dns: tuple[IPv4Address, ...]
    wins: tuple[IPv4Address, ...]
    search: tuple[str, ...]
    """The search list; without one, the domain name alone."""
    routes: tuple[Route, ...]


def inform_request(xid: int, client: IPv4Address, mtu: int = 1400) -> bytes:
    """The IP packet of a DHCPINFORM from `client`. `xid`: 32 bits that nobody can guess."""
    message = Message(
        op=1,
        hardware_type=1,
        hardware_length=6,
        xid=xid,
        flags=0,
        client=client,
        yours=IPv4Address(0),
        relay=IPv4Address(0),
        # PPP has no hardware addresses, yet servers want one: a locally administered one.
        hardware=b"\x02\x00" + client.packed,
        options={
            dhcp.MESSAGE_TYPE.number: bytes((MessageType.INFORM,)),
            dhcp.WANTED.number: bytes(row.number for row in _ASKED),
            dhcp.MOST_SIZE.number: mtu.to_bytes(2, "big"),
        },
    )
    payload = dhcp.build_message(message)
    return udp4(client, _BROADCAST, dhcp.CLIENT_PORT, dhcp.SERVER_PORT, payload)


def parse_ack(packet: bytes, xid: int) -> Acknowledged:
    """The answer to the request with `xid`. Raises `Malformed` for anything else."""
    datagram = parse_udp4(packet)
    if datagram.source_port != dhcp.SERVER_PORT or datagram.destination_port != dhcp.CLIENT_PORT:
        raise Malformed("UDP to another port than DHCP's")
    message = dhcp.parse_message(datagram.payload)
    if message.op != 2 or message.xid != xid:
        raise Malformed("DHCP: no answer to our request")
    if message.get(dhcp.MESSAGE_TYPE) != MessageType.ACK:
        raise Malformed("DHCP: no acknowledgement")
    # Some servers end the text with a zero octet (RFC 2132 2 tells clients to bear it).
    domain: str = (message.get(dhcp.DOMAIN) or "").rstrip("\0")
    return Acknowledged(
        server=message.get(dhcp.SERVER_ID),
        mask=message.get(dhcp.SUBNET_MASK),
        dns=message.get(dhcp.DNS) or (),
        wins=message.get(dhcp.WINS) or (),
        search=usable_names(message.get(dhcp.SEARCH) or (domain,)),
        # RFC 3442 has precedence; older servers of the Microsoft kind say only 249.
        routes=message.get(dhcp.ROUTES_121) or message.get(dhcp.ROUTES_249) or (),
    )
