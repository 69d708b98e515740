"""Redirect to another gateway (RFC 5685)."""

from ipaddress import ip_address

from talpa.ike.events import Redirected
from talpa.ike.v2.sa import IkeSa
from talpa.wire import printable


def gateway(to: str) -> bytes:
    """Type, length and identity of the gateway `to`."""
    try:
        address = ip_address(to)
    except ValueError:
        name = to.encode()[:255]
        return bytes([3, len(name)]) + name
    return bytes([1 if address.version == 4 else 2, len(address.packed)]) + address.packed


def read_gateway(data: bytes) -> tuple[str, bytes]:
    """The gateway ("": nothing that we know) and what stands behind it."""
    if len(data) < 2 or len(data) < 2 + data[1]:
        return "", b""
    value, rest = data[2 : 2 + data[1]], data[2 + data[1] :]
    if (data[0], len(value)) in ((1, 4), (2, 16)):
        return str(ip_address(value)), rest
    if data[0] == 3 and value:
        return printable(value, 255), rest
    return "", b""


def redirected(sa: IkeSa, to: str) -> None:
    """The peer wants us to call somebody else."""
    sa.room.shared.events.append(Redirected(sa.number, to))
    if sa.handshake is not None:
        sa.handshake.quiet = True
    sa.end(f"The peer sent us on to {to}.", by_peer=True)
