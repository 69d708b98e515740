"""What a connected host is told about its network."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from talpa.hostconfig.names import encode_names

HOST_MASK = IPv4Address("255.255.255.255")
LEAST_MTU = 576
"""Octets every IPv4 host takes (RFC 791)."""
LEAST_MTU_IPV6 = 1280
"""Octets every IPv6 link carries (RFC 8200 5)."""


@dataclass(frozen=True, slots=True)
class HostOffer:
    """One host's configuration, made from its lease when a packet asks for it, not kept.

    Raises `ValueError` for what no answer could say: a name that is no domain name, a prefix that
    is no /64, more than fits.
    """

    server: IPv4Address | None = None
    """Our IPv4 address on the link: server identifier, and the gateway of the routes."""
    client: IPv4Address | None = None
    """None: the link carries no IPv4, and DHCP is not answered."""
    mask: IPv4Address = HOST_MASK
    dns: tuple[IPv4Address, ...] = ()
    wins: tuple[IPv4Address, ...] = ()
    routes: tuple[IPv4Network, ...] = ()
    """What is reached through the link (split tunnel); empty: say nothing of routes."""
    search: tuple[str, ...] = ()
    """Domains in which short names are looked up; the first is also the host's own."""
    ours: IPv6Address | None = None
    """Our link-local address."""
    peer: IPv6Address | None = None
    """The host's link-local address. None (either): no IPv6 on the link."""
    prefix: IPv6Network | None = None
    """The host's own /64; None: it gets no global address."""
    dns6: tuple[IPv6Address, ...] = ()
    mtu: int = 1400
    """Octets of the largest packet the link carries towards the host."""
    duid: bytes = b""
    """Our DHCP unique identifier (RFC 8415 11); empty: DHCPv6 is not answered."""

    def __post_init__(self) -> None:
        if self.search:
            encode_names(self.search)
        if self.prefix is not None and self.prefix.prefixlen != 64:
            raise ValueError(f"{self.prefix} is not a /64, which address autoconfiguration needs")
        if not LEAST_MTU <= self.mtu <= 0xFFFF:
            raise ValueError(f"an MTU of {self.mtu} octets is outside {LEAST_MTU} to 65535")
        if len(self.dns) > 16 or len(self.dns6) > 16 or len(self.wins) > 16:
            raise ValueError("more than 16 name servers")
