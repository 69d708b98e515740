"""Classless static routes of DHCP (RFC 3442): options 121 and 249 have this layout."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from talpa.wire import Codec, Malformed, Reader

MOST_ROUTES = 256


class Route(NamedTuple):
    """A destination and the way to it."""

    network: IPv4Network
    gateway: IPv4Address
    """0.0.0.0: on the link itself."""

    def __str__(self) -> str:
        return f"{self.network} via {self.gateway}"


def encode_routes(routes: Iterable[Route]) -> bytes:
    """Width of the mask, as many octets of the network as it has significant ones, the router."""
    return b"".join(
        bytes((network.prefixlen,))
        + network.network_address.packed[: (network.prefixlen + 7) // 8]
        + gateway.packed
        for network, gateway in routes
    )


def decode_routes(data: bytes) -> tuple[Route, ...]:
    """Raises `Malformed`. Bits of a destination beyond its mask are cleared (RFC 3442: the client
    applies the mask)."""
    reader = Reader(data)
    routes: list[Route] = []
    while len(reader):
        width = reader.u8("route mask width")
        if width > 32:
            raise Malformed("route mask width above 32")
        if len(routes) == MOST_ROUTES:
            raise Malformed("too many routes")
        network = reader.take((width + 7) // 8, "route destination").ljust(4, b"\0")
        gateway = IPv4Address(reader.take(4, "route gateway"))
        routes.append(Route(IPv4Network((network, width), strict=False), gateway))
    return tuple(routes)


def split_routes(data: bytes, most: int) -> list[bytes]:
    """Encoded routes in parts of at most `most` octets, each of whole routes."""
    parts: list[bytes] = []
    start = at = 0
    while at < len(data):
        size = 5 + (data[at] + 7) // 8
        if at + size - start > most:
            parts.append(data[start:at])
            start = at
        at += size
    parts.append(data[start:])
    return parts


ROUTES: Codec[tuple[Route, ...]] = Codec(
    "classless routes",
    decode_routes,
    encode_routes,
    5,
    None,
    parts=lambda data: [(str(r.network), r.gateway) for r in decode_routes(data)],
    show=lambda routes: ", ".join(map(str, routes)),
)
