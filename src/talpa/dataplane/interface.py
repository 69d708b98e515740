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

from talpa.esp.sa import AssociationSpec, Sa
from talpa.sansio import Address, Drops, Path


class StaleId(KeyError):
    """A call named an association, tunnel or session that is gone: a fault of the caller."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a data plane is started with."""

    listens: tuple[Address, ...]
    """UDP addresses for L2TP in the clear. Port 0: any free one."""
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
    accept_clear: bool = True
    """Take what comes to `listens`. False: it is dropped and counted, without an answer of any
    kind; L2TP comes through associations alone, and an address of `listens` that another program
    has is `Degraded`, not an error."""
    ike: tuple[Address, ...] = ()
    """UDP addresses for IKE (500). Port 0: any free one."""
    natt: tuple[Address, ...] = ()
    """UDP addresses for IKE and ESP together (4500; RFC 3948). Port 0: any free one."""
    raw_esp: tuple[str, ...] = ()
    """Hosts (numeric, or a wildcard) on which ESP and AH are taken as IP protocols 50 and 51.
    Needs CAP_NET_RAW; where that is missing it is `Degraded`, not an error."""


@dataclass(frozen=True, slots=True)
class TunnelSpec:
    """An L2TPv2 tunnel: where its data messages come from and go to."""

    path: Path
    """Its `association` is 0 in the clear. Otherwise it is the id of an association in transport
    mode, and the addresses are those that `PuntL2tp` named."""
    local_id: int
    """Tunnel ID we gave out: stands in what we receive. Unique among all tunnels."""
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


@dataclass(slots=True)
class AssociationCounters:
    """What went through an association since it was made: protected packets, whose octets are
    counted without the outer headers."""

    received_packets: int = 0
    received_octets: int = 0
    sent_packets: int = 0
    sent_octets: int = 0
    replayed: int = 0
    """Dropped: seen before, or too old for the window."""
    forged: int = 0
    """Dropped: the integrity check failed."""
    dropped: int = 0
    """For any other reason, after the integrity check."""
    last_received: float = 0.0
    """When the last valid packet came: proof of life."""
    last_sent: float = 0.0


class PuntIke(NamedTuple):
    """An IKE message: a datagram on an `ike` socket, or one with the non-ESP marker, which is taken
    off, on a `natt` socket."""

    path: Path
    data: bytes
    natt: bool


class SaExpiring(NamedTuple):
    """A soft limit of an SA is reached, or half of the sequence numbers are used. Said once."""

    association: int
    spi: int
    inbound: bool


class SaExpired(NamedTuple):
    """A hard limit of an SA is reached: it is used no more. Said once."""

    association: int
    spi: int
    inbound: bool


class SaFirstInbound(NamedTuple):
    """The first valid packet came under an SA. Said once."""

    association: int
    spi: int


class PeerMoved(NamedTuple):
    """A valid packet, newer than all before, came from elsewhere. Said again only after a second or
    for yet another place. Nothing moves until `association_move`."""

    association: int
    path: Path


class PuntL2tp(NamedTuple):
    """An L2TP datagram with the T bit set, or one that no known version claims. The path of one
    that came through an association has its id; the hosts are those of the association as it was
    made, the ports those of the inner UDP header: so it stays the same while the peer moves."""

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


Event = (
    PuntL2tp
    | PuntPpp
    | PuntIp
    | PuntIke
    | SaExpiring
    | SaExpired
    | SaFirstInbound
    | PeerMoved
    | SessionIdle
    | Degraded
)

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
    def ike_listens(self) -> tuple[Address, ...]:
        """The addresses that are really bound for IKE alone."""

    @property
    def natt_listens(self) -> tuple[Address, ...]:
        """The addresses that are really bound for IKE and ESP together."""

    @property
    def takes_raw(self) -> bool:
        """Whether ESP is taken outside of UDP, wherever that was asked for."""

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

    def association_add(self, spec: AssociationSpec) -> int:
        """Make an association without SAs; its id, above 0."""

    def association_move(self, association: int, path: Path) -> None:
        """The peer is reached another way now. What tunnels in it know as their path stays."""

    def association_routes(self, association: int, networks: Sequence[Network]) -> None:
        """Tunnel mode: replace what of the host's packets goes into it, as `session_routes` does.
        What comes out must be of its selectors `remote` and go to those of `local`."""

    def association_remove(self, association: int) -> AssociationCounters:
        """Forget an association, its SAs and keys. Tunnels in it stay, mute, until removed."""

    def association_counters(self, association: int) -> AssociationCounters:
        """The counters as they stand."""

    def sa_add(self, association: int, inbound: Sa, outbound: Sa, *, use: bool) -> None:
        """Install a pair of SAs. Packets under the inbound one are taken at once; the outbound one
        is sent with when `use`, or when there is no other. Raises `ValueError` when the inbound SPI
        is taken or the plane does not know the suite."""

    def sa_use(self, association: int, outbound_spi: int) -> None:
        """Send with this outbound SA from now on. Raises `StaleId`."""

    def sa_remove(self, association: int, inbound_spi: int, outbound_spi: int) -> None:
        """Forget a pair. When the outbound one was in use, the latest added of the others is used.
        Raises `StaleId`."""

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
        """Send a control message: in the clear, or through the association that the path names;
        with that gone it is dropped and counted."""

    def send_ike(self, path: Path, data: bytes) -> None:
        """Send an IKE message, behind the non-ESP marker when it leaves a `natt` socket."""

    def send_ppp(self, session: int, protocol: int, payload: bytes) -> None:
        """Send a PPP frame that is no user traffic, with address and control field."""

    def send_ip(self, session: int, packet: bytes) -> None:
        """Send an IP packet of a service on the link to the peer."""
