"""What an L2TP endpoint tells its owner, and the values that go with it.

Tunnels are named by the Tunnel ID we gave out, sessions by (tunnel ID, Session ID we gave out).
"""

from dataclasses import dataclass

from talpa.sansio import Path


@dataclass(frozen=True, slots=True)
class Result:
    """Why a control connection or a call ended (RFC 2661 4.4.2, RFC 3145)."""

    code: int
    """Result Code: of StopCCN for a control connection, of CDN for a call."""
    error: int = 0
    """Error Code; meaningful when `code` is 2 (general error)."""
    message: str = ""
    """Text for a person."""
    cause: str = ""
    """The PPP Disconnect Cause Code of RFC 3145 in words, where the peer sent one."""


@dataclass(frozen=True, slots=True)
class Peer:
    """What the other end of a control connection said of itself."""

    host_name: str
    vendor_name: str
    firmware: int
    tunnel_id: int
    """Tunnel ID the peer gave out."""
    receive_window: int
    framing: int
    """Framing Capabilities, bits: 1 synchronous, 2 asynchronous."""
    bearer: int
    """Bearer Capabilities, bits: 1 digital, 2 analog."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of a call: from ICRQ or OCRQ, then ICCN or OCCN. Absent values are None."""

    serial: int
    """Call Serial Number."""
    peer_session_id: int
    """Session ID the peer gave out; 0 until known."""
    calling_number: str = ""
    called_number: str = ""
    sub_address: str = ""
    bearer_type: int | None = None
    framing_type: int | None = None
    physical_channel: int | None = None
    tx_connect_speed: int | None = None
    """Bits per second."""
    rx_connect_speed: int | None = None
    minimum_bps: int | None = None
    maximum_bps: int | None = None
    private_group: str = ""
    sequencing_required: bool = False
    proxy_lcp: tuple[bytes, bytes, bytes] = (b"", b"", b"")
    """Initial received, last sent and last received LCP CONFREQ, where the LAC had begun LCP."""
    proxy_authen: "ProxyAuthen | None" = None
    access_line: tuple[tuple[str, object], ...] = ()
    """The access line AVPs of RFC 5515 that came, by name."""


@dataclass(frozen=True, slots=True)
class ProxyAuthen:
    """Authentication that the LAC has already seen (RFC 2661 4.4.5)."""

    kind: int
    name: str
    challenge: bytes
    identifier: int
    response: bytes

    def __repr__(self) -> str:
        return f"ProxyAuthen(kind={self.kind}, name={self.name!r})"


@dataclass(frozen=True, slots=True)
class ControlConnectionUp:
    """A control connection is established: calls may be made."""

    tunnel_id: int
    path: Path
    peer: Peer
    authenticated: bool
    """The peer proved that it knows the tunnel secret."""


@dataclass(frozen=True, slots=True)
class ControlConnectionDown:
    """A control connection ended, or never came up. Its calls have had their `CallDown` before."""

    tunnel_id: int
    path: Path
    peer: Peer | None
    result: Result
    by_peer: bool
    """The peer ended it; otherwise we did, or it fell silent."""


@dataclass(frozen=True, slots=True)
class ControlConnectionRefused:
    """A caller's SCCRQ was not acceptable; nothing of it is kept. Whoever sends can bring this
    about, under any address: what is told to people must be bounded."""

    path: Path
    host_name: str
    result: Result


@dataclass(frozen=True, slots=True)
class PathMoved:
    """The peer answers from another address or port than it was called at (RFC 2661 8.1)."""

    tunnel_id: int
    path: Path


@dataclass(frozen=True, slots=True)
class CallOffered:
    """The peer, a LAC, has an incoming call (ICRQ): answer with `accept_call` or `close_call`."""

    tunnel_id: int
    session_id: int
    call: Call


@dataclass(frozen=True, slots=True)
class CallRequested:
    """The peer, an LNS, asks us to place an outgoing call (OCRQ): `accept_call`, then
    `connect_call` once it is answered, or `close_call`."""

    tunnel_id: int
    session_id: int
    call: Call


@dataclass(frozen=True, slots=True)
class CallUp:
    """A session is established: PPP may start on it."""

    tunnel_id: int
    session_id: int
    call: Call
    incoming: bool
    """Incoming call (ICRQ) rather than outgoing (OCRQ)."""
    we_are_lac: bool


@dataclass(frozen=True, slots=True)
class CallDown:
    """A session ended, or never came up."""

    tunnel_id: int
    session_id: int
    result: Result
    by_peer: bool


@dataclass(frozen=True, slots=True)
class LinkInfoSet:
    """SLI: the LNS told the LAC the ACCMs that LCP negotiated."""

    tunnel_id: int
    session_id: int
    send_accm: int
    receive_accm: int


@dataclass(frozen=True, slots=True)
class WanErrorsNotified:
    """WEN: counts of errors on the LAC's line."""

    tunnel_id: int
    session_id: int
    crc_errors: int
    framing_errors: int
    hardware_overruns: int
    buffer_overruns: int
    timeout_errors: int
    alignment_errors: int


Event = (
    ControlConnectionUp
    | ControlConnectionDown
    | ControlConnectionRefused
    | PathMoved
    | CallOffered
    | CallRequested
    | CallUp
    | CallDown
    | LinkInfoSet
    | WanErrorsNotified
)
