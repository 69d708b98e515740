"""An offer with everything in it, and packets of the hosts that ask."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from talpa.hostconfig import HostOffer, uuid_duid
from talpa.hostconfig import dhcp_message as dhcp
from talpa.hostconfig.dhcp_message import Message, MessageType
from talpa.hostconfig.packets import udp4

FULL = HostOffer(
    server=IPv4Address("10.77.0.1"),
    client=IPv4Address("10.77.0.50"),
    dns=(IPv4Address("10.77.0.1"), IPv4Address("10.77.0.3")),
    wins=(IPv4Address("10.77.0.2"),),
    routes=(IPv4Network("10.0.0.0/8"), IPv4Network("192.0.2.128/25")),
    search=("corp.example.com", "example.com"),
    ours=IPv6Address("fe80::1"),
    peer=IPv6Address("fe80::1234:5678:9abc:def0"),
    prefix=IPv6Network("fd77:0:0:5::/64"),
    dns6=(IPv6Address("fd77::1"),),
    mtu=1400,
    duid=uuid_duid(bytes(range(16))),
)
BARE = HostOffer()

WINDOWS_ASKS = (6, 44, 43, 77, 249, 15)
MACOS_ASKS = (1, 6, 15, 43, 44, 249)
MACOS_NEW_ASKS = (1, 121, 3, 6, 15, 119, 252, 95, 44, 46)


def request(
    kind: int = MessageType.INFORM,
    asks: tuple[int, ...] = WINDOWS_ASKS,
    more: dict[int, bytes] | None = None,
    relay: str = "0.0.0.0",
    port: int = dhcp.SERVER_PORT,
) -> bytes:
    options = {53: bytes((kind,))}
    if asks:
        options[55] = bytes(asks)
    client = IPv4Address("10.77.0.50")
    message = Message(
        op=1,
        hardware_type=8,
        hardware_length=6,
        xid=0x1234ABCD,
        flags=0,
        client=client,
        yours=IPv4Address(0),
        relay=IPv4Address(relay),
        hardware=bytes.fromhex("005345000000").ljust(16, b"\0"),
        options=options | (more or {}),
    )
    payload = dhcp.build_message(message)
    return udp4(client, IPv4Address("255.255.255.255"), dhcp.CLIENT_PORT, port, payload)
