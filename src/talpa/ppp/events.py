"""What a PPP link tells its owner."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from talpa.crypto.credentials import Attempt


@dataclass(frozen=True, slots=True)
class LinkOpened:
    """LCP is open."""

    peer_mru: int
    """Octets: the largest packet we may send."""
    our_mru: int
    """Octets: the largest packet the peer may send."""
    peer_accm: int
    our_accm: int


@dataclass(frozen=True, slots=True)
class PeerAttempted:
    """The peer tried to authenticate: answer with `PppLink.verdict`."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Authentication is done, both ways where both were asked for."""

    name: str
    """The peer's name as verified; empty when nobody asked it to authenticate."""
    method: str
    """"MS-CHAPv2", "MS-CHAP", "CHAP", "PAP", or "none"."""


@dataclass(frozen=True, slots=True)
class Ipv4Up:
    """IPCP is open."""

    ours: IPv4Address
    peer: IPv4Address
    dns: tuple[IPv4Address, ...]
    """Name servers that the peer gave us (client)."""
    wins: tuple[IPv4Address, ...]


@dataclass(frozen=True, slots=True)
class Ipv4Down:
    """IPCP is no longer open."""


@dataclass(frozen=True, slots=True)
class Ipv6Up:
    """IPV6CP is open: both link-local addresses are known."""

    ours: IPv6Address
    peer: IPv6Address


@dataclass(frozen=True, slots=True)
class Ipv6Down:
    """IPV6CP is no longer open."""


@dataclass(frozen=True, slots=True)
class PeerIdentified:
    """LCP Identification (RFC 1570): text as sent, made printable and bounded to 256 characters."""

    text: str


@dataclass(frozen=True, slots=True)
class LinkClosed:
    """The link is finished; nothing more will come of it."""

    reason: str
    """One sentence for a person: who ended it and why."""
    cause: int
    """RFC 3145 disconnect cause code, 0 where none fits."""
    by_peer: bool
    ras_error: int = 0
    """The error number that a Windows client shows its user, from its Terminate-Request."""
    direction: int = 0
    """Direction of the cause (RFC 3145 2): 0 none, 1 by the peer, 2 by us."""
    protocol: int = 0
    """Control Protocol Number of the cause (RFC 3145 2); 0 where it belongs to none."""


Event = (
    LinkOpened
    | PeerAttempted
    | Authenticated
    | Ipv4Up
    | Ipv4Down
    | Ipv6Up
    | Ipv6Down
    | PeerIdentified
    | LinkClosed
)
