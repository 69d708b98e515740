"""Which session an address belongs to: the longest prefix."""

from ipaddress import IPv4Network, IPv6Network
from typing import Generic, TypeVar

T = TypeVar("T")

Prefix = tuple[int, bytes | int]
"""Length, and the leading octets; their number shifted right where the length is no whole octet.
Much smaller than a network object."""


class RouteTable(Generic[T]):
    """The routes of one address family.

    One dictionary for each prefix length in use, longest first: a host route, the common case, is
    one slice and one look-up, and the work never grows with the number of routes.
    """

    __slots__ = ("_levels", "_routes")

    def __init__(self) -> None:
        self._routes: dict[int, dict[bytes | int, T]] = {}
        self._levels: tuple[tuple[int, int, dict[bytes | int, T]], ...] = ()

    def find(self, address: bytes) -> T | None:
        """What `address` (4 or 16 octets) is reached through; None when there is no route."""
        for octets, spare, routes in self._levels:
            key: bytes | int = address[:octets]
            if spare:
                key = int.from_bytes(address[:octets], "big") >> spare
            owner = routes.get(key)
            if owner is not None:
                return owner
        return None

    def add(self, prefix: Prefix, owner: T) -> None:
        """Route `prefix` to `owner`, who takes it from any earlier one."""
        length, key = prefix
        if length not in self._routes:
            self._routes[length] = {}
            self._arrange()
        self._routes[length][key] = owner

    def remove(self, prefix: Prefix, owner: T) -> None:
        """Take the route away if it is still that of `owner`."""
        length, key = prefix
        routes = self._routes.get(length)
        if routes is None or routes.get(key) is not owner:
            return
        del routes[key]
        if not routes:
            del self._routes[length]
            self._arrange()

    def __len__(self) -> int:
        return sum(map(len, self._routes.values()))

    def _arrange(self) -> None:
        self._levels = tuple(
            (-(-length // 8), -length % 8, self._routes[length])
            for length in sorted(self._routes, reverse=True)
        )


def prefix_of(network: IPv4Network | IPv6Network) -> Prefix:
    """The prefix of a network."""
    octets, spare = -(-network.prefixlen // 8), -network.prefixlen % 8
    leading = network.network_address.packed[:octets]
    key = int.from_bytes(leading, "big") >> spare if spare else leading
    return network.prefixlen, key
