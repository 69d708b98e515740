"""Pools of addresses, and the leases that come out of them."""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

from talpa.aaa.numbers import Numbers

SESSION_PREFIX = 64
"""Length of the prefix that a session gets: what a client can make its own addresses in."""


@dataclass(frozen=True)
class Pool:
    """Addresses for clients, and what goes with them. Raises `ValueError` for what cannot be."""

    name: str
    ipv4: IPv4Network
    ipv6: IPv6Network | None = None
    """Each session gets a /64 of it. Of a /64 or longer, each session gets one address (/128).
    The first /64 (or address) is ours."""
    gateway: IPv4Address | None = None
    """Our address inside the sessions; None: the first of the network."""
    dns: tuple[IPv4Address | IPv6Address, ...] = ()
    wins: tuple[IPv4Address, ...] = ()
    routes: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that clients are told to reach through the tunnel; empty: the client decides."""
    search: tuple[str, ...] = ()
    idle_seconds: float | None = None
    """End a session without traffic after so long; None: the pool does not say."""
    session_seconds: float | None = None
    """End a session after so long; None: the pool does not say."""

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a pool needs a name")
        if self.ipv4.prefixlen > 30:
            raise ValueError(f"pool {self.name}: {self.ipv4} has no room for clients")
        if self.ipv6 is not None and self.ipv6.prefixlen > 126:
            raise ValueError(f"pool {self.name}: {self.ipv6} has no room for clients")

    @property
    def ours(self) -> IPv4Address:
        """Our address inside the sessions."""
        return self.gateway or self.ipv4[1]

    @property
    def kept(self) -> tuple[IPv4Address, ...]:
        """IPv4 addresses that no client gets: ours, the servers', network and broadcast."""
        servers = (a for a in (*self.dns, *self.wins) if isinstance(a, IPv4Address))
        return (self.ours, self.ipv4.network_address, self.ipv4.broadcast_address, *servers)


@dataclass(frozen=True, slots=True)
class Lease:
    """What a session got: addresses of its own, and the settings of its pool."""

    user: str
    spec: Pool
    ipv4: IPv4Address
    ipv6_prefix: IPv6Network | None
    """A /64 for the client to make addresses in, or a single address (/128)."""
    idle_seconds: float | None
    session_seconds: float | None

    @property
    def pool(self) -> str:
        """Name of the pool."""
        return self.spec.name

    @property
    def gateway(self) -> IPv4Address:
        """Our IPv4 address in the session."""
        return self.spec.ours

    @property
    def dns(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """All name servers, IPv4 and IPv6, as configured."""
        return self.spec.dns

    @property
    def dns6(self) -> tuple[IPv6Address, ...]:
        """The name servers of `dns` that are reached by IPv6."""
        return tuple(a for a in self.spec.dns if isinstance(a, IPv6Address))

    @property
    def wins(self) -> tuple[IPv4Address, ...]:
        """WINS servers."""
        return self.spec.wins

    @property
    def routes(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks behind us, for split tunnelling."""
        return self.spec.routes

    @property
    def search(self) -> tuple[str, ...]:
        """Domains to search names in."""
        return self.spec.search


class PoolUsage(NamedTuple):
    """How full a pool is. Reserved and fixed addresses do not count."""

    name: str
    ipv4_used: int
    ipv4_size: int
    ipv6_used: int
    ipv6_size: int


class Addresses:
    """The addresses of one pool: who has which."""

    __slots__ = ("_base4", "_base6", "_numbers4", "_numbers6", "_shift6", "spec")

    def __init__(self, spec: Pool, fixed: Collection[IPv4Address]) -> None:
        self._base4 = int(spec.ipv4.network_address)
        self._numbers4 = Numbers(spec.ipv4.num_addresses)
        self._numbers6: Numbers | None = None
        self._base6 = self._shift6 = 0
        if spec.ipv6 is not None:
            length = SESSION_PREFIX if spec.ipv6.prefixlen < SESSION_PREFIX else 128
            self._base6 = int(spec.ipv6.network_address)
            self._shift6 = 128 - length
            # The first is ours.
            self._numbers6 = Numbers(1 << (length - spec.ipv6.prefixlen), (0,))
        self.adopt(spec, fixed)

    def adopt(self, spec: Pool, fixed: Collection[IPv4Address]) -> None:
        """Go on under a new specification of the same networks."""
        self.spec = spec
        self._numbers4.reserve([int(a) - self._base4 for a in (*spec.kept, *fixed)])

    def acquire4(self, user: str, now: float) -> IPv4Address | None:
        """An IPv4 address for `user`; None when all are in use."""
        number = self._numbers4.acquire(user, now)
        return None if number is None else IPv4Address(self._base4 + number)

    def acquire6(self, user: str, now: float) -> IPv6Network | None:
        """An IPv6 prefix for `user`; None when all are in use, or there are none."""
        if self._numbers6 is None:
            return None
        number = self._numbers6.acquire(user, now)
        if number is None:
            return None
        return IPv6Network((self._base6 + (number << self._shift6), 128 - self._shift6))

    def take4(self, address: IPv4Address) -> bool:
        """Take exactly `address`; False when it is in use or not of this pool."""
        return self._numbers4.take(int(address) - self._base4)

    def take6(self, prefix: IPv6Network) -> bool:
        """Take exactly `prefix`; False when it is in use or not of this pool."""
        numbers = self._numbers6
        if numbers is None or prefix.prefixlen != 128 - self._shift6:
            return False
        return numbers.take((int(prefix.network_address) - self._base6) >> self._shift6)

    def release4(self, address: IPv4Address, user: str, now: float) -> None:
        """Give an address back; one that is not of this pool is ignored."""
        self._numbers4.release(int(address) - self._base4, user, now)

    def release6(self, prefix: IPv6Network, user: str, now: float) -> None:
        """Give a prefix back; one that is not of this pool is ignored."""
        if self._numbers6 is not None and prefix.prefixlen == 128 - self._shift6:
            number = (int(prefix.network_address) - self._base6) >> self._shift6
            self._numbers6.release(number, user, now)

    def usage(self) -> PoolUsage:
        """How full it is."""
        four, six = self._numbers4, self._numbers6
        return PoolUsage(
            self.spec.name,
            four.used,
            four.capacity,
            0 if six is None else six.used,
            0 if six is None else six.capacity,
        )
