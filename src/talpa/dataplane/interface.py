"""The data plane as the control plane sees it: one protocol, several implementations.

The data plane owns the sockets that carry tunnels, and the TUN device. It takes packets from one
side and puts them out on the other. What it cannot decide itself it punts as an event: L2TP control
messages, PPP frames that are no user traffic, IP packets for a service on the link. Calls never
block; ids are small integers that are not used again while anyone could still hold them, and a call
with an id that is gone raises `StaleId`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple, Protocol

from talpa.sansio import Address, Drops, Path


class StaleId(KeyError):
    """A call named a peer, tunnel or session that is gone: a fault of the caller."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a data plane is started with."""

    listens: tuple[Address, ...]
    """UDP addresses for L2TP. Port 0: any free one."""
    tun: str | None
    """Name of the TUN device to make; None: no device, IP packets go nowhere but to punts."""
    tun_mtu: int = 1400
    """Octets; the largest packet the kernel may hand over. The device is made down: whoever sets
    its addresses brings it up."""
    receive_buffer: int = 4 << 20
    """Octets of socket buffer asked of the kernel, so that a storm of calls is not lost in it."""
    forward_between_sessions: bool = True
    """Whether a packet from one session may leave through another. It does so by way of the host,
    which routes it."""


@dataclass(frozen=True, slots=True)
class TunnelSpec:
    """An L2TPv2 tunnel: where its data messages come from and go to."""

    path: Path
    local_id: int
    """Tunnel ID we gave out: stands in what we receive."""
    remote_id: int
    """Tunnel ID the peer gave out: stands in what we send."""


@dataclass(frozen=True, slots=True)
class SessionSpec:
    """An L2TPv2 session that carries PPP frames. Made closed: everything in it is punted."""

    tunnel: int
    """Id that `tunnel_add` gave."""
    local_id: int
    remote_id: int
    mtu: int = 1400
    """Largest IP packet that may go to the peer: its MRU. A larger one is answered with ICMP, or
    cut into fragments where IPv4 allows it."""
    mru: int = 1400
    """Largest IP packet taken from the peer."""
    send_sequence: bool = False
    """Put Ns and Nr into data messages (RFC 2661 5.4)."""
    follow_sequence: bool = False
    """LAC without Sequencing Required: number our messages as soon as, and as long as, the LNS
    numbers its own (RFC 2661 5.4)."""
    require_sequence: bool = False
    """Drop data messages without Ns: sequencing was demanded."""
    reorder_seconds: float = 0.1
    """How long a gap in received sequence numbers is waited for."""
    mss_clamp: bool = True
    """Lower the MSS of TCP segments with SYN: of those from the peer to what `mtu` carries, of
    those to the peer to what `mru` carries."""
    antispoof: bool = True
    """Take from the peer only packets whose answers would go to this session by its routes."""
    idle_seconds: float | None = None
    """`SessionIdle` after so long without user traffic, either way, once the session is open."""
    offset: int | None = None
    """Octets of padding behind the header of data messages we send (Offset Size); None: none."""


@dataclass(slots=True)
class Counters:
    """What went through a session since it was made: IP packets of open network protocols, those of
    services on the link among them; PPP frames where it is cross-connected."""

    received_packets: int = 0
    received_octets: int = 0
    sent_packets: int = 0
    sent_octets: int = 0
    dropped: int = 0
    """Both ways, for whatever reason; the reasons are in the plane's `drops`. Packets that merely
    name the session, from a foreign address, are only there."""
    last_received: float = 0.0
    """When the last valid data message (user traffic or PPP control) came: proof of life."""


class PuntL2tp(NamedTuple):
    """An L2TP datagram with the T bit set, or one that no known version claims."""

    path: Path
    data: bytes


class PuntPpp(NamedTuple):
    """A PPP frame that is no user traffic of an open session."""

    session: int
    protocol: int
    """PPP protocol number."""
    payload: bytes
    """What stands behind the protocol field."""


class PuntIp(NamedTuple):
    """An IP packet to a service on the link, of an open network protocol: UDP to ports 67,
    68 (DHCP), 546 and 547 (DHCPv6), ICMPv6 router solicitation and advertisement. Its source is the
    session's, unspecified or link-local."""

    session: int
    packet: bytes


class SessionIdle(NamedTuple):
    """No user traffic for `idle_seconds`. Said once, and again only after traffic came."""

    session: int


class Degraded(NamedTuple):
    """The kernel refused something; the plane goes on without it."""

    what: str
    reason: str


Event = PuntL2tp | PuntPpp | PuntIp | SessionIdle | Degraded

Network = IPv4Network | IPv6Network


class DataPlane(Protocol):
    """The interface. `now` and clocks are monotonic seconds."""

    name: str
    """"reference", "native"."""
    drops: Drops

    def start(self, config: Config) -> None:
        """Bind the sockets and make the TUN device. Raises `OSError` with nothing left behind."""

    def stop(self) -> None:
        """Close everything. What was queued to the kernel is still sent."""

    @property
    def listens(self) -> tuple[Address, ...]:
        """The addresses that are really bound."""

    @property
    def tun(self) -> str | None:
        """The name that the kernel gave the TUN device."""

    def readers(self) -> Iterable[tuple[int, Callable[[], None]]]:
        """File descriptors to watch, each with what to call when it is readable. A call does a
        bounded amount of work."""

    def drain(self) -> list[Event]:
        """The events since the last call."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""

    def handle_timeout(self, now: float) -> None:
        """Let go of what waited for reordering, and find idle sessions."""

    def tunnel_add(self, spec: TunnelSpec) -> int:
        """Make a tunnel; its id. Raises `ValueError` when the local id is taken."""

    def tunnel_move(self, tunnel: int, path: Path) -> None:
        """The peer is reached another way now."""

    def tunnel_remove(self, tunnel: int) -> None:
        """Forget a tunnel and all its sessions."""

    def tunnel_last_received(self, tunnel: int) -> float:
        """When the last valid data message of any of its sessions came; 0.0: never."""

    def session_add(self, spec: SessionSpec) -> int:
        """Make a session, closed; its id. Raises `ValueError` when the local id is taken. Frames
        that came for it in the second before are punted now, and `next_timeout` is due."""

    def session_open(self, session: int, ipv4: bool, ipv6: bool) -> None:
        """Forward user traffic of the network protocols that are up; stop the others. Packets of
        those that are not are punted."""

    def session_routes(self, session: int, networks: Sequence[Network]) -> None:
        """Replace what is reached through a session: both destination lookup and source check. The
        longest prefix decides; of two sessions with the same one, the later call."""

    def session_set(
        self,
        session: int,
        *,
        mtu: int | None = None,
        mru: int | None = None,
        idle_seconds: float | None = None,
    ) -> None:
        """Change what negotiation changed. None: leave as it is."""

    def session_connect(self, a: int, b: int) -> None:
        """Cross-connect two sessions: every PPP frame of one goes out on the other, unlooked at.
        The switch between two links (L2TP multihop). When one is removed, the frames of the other
        are dropped. Raises `ValueError` for a session and itself."""

    def session_remove(self, session: int) -> Counters:
        """Forget a session; its final counters."""

    def session_counters(self, session: int) -> Counters:
        """The counters as they stand."""

    def send_l2tp(self, path: Path, data: bytes) -> None:
        """Send a control message."""

    def send_ppp(self, session: int, protocol: int, payload: bytes) -> None:
        """Send a PPP frame that is no user traffic, with address and control field."""

    def send_ip(self, session: int, packet: bytes) -> None:
        """Send an IP packet of a service on the link to the peer."""
