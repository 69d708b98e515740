"""How an L2TP endpoint behaves."""

from collections.abc import Callable
from dataclasses import dataclass

from talpa.wire.secret import Secret


def _no_secret(_host_name: str) -> Secret | None:
    return None


@dataclass(frozen=True, slots=True)
class Habits:
    """How a particular kind of peer goes about it, where the RFC leaves a choice or is stretched.

    The defaults are ours. The load generator sets them to what real clients do.
    """

    framing: int = 3
    bearer: int | None = None
    """None: no Bearer Capabilities AVP."""
    firmware: int | None = 0x0100
    """None: no Firmware Revision AVP."""
    vendor_name: str = "talpa"
    """Empty: no Vendor Name AVP."""
    host_name_first: bool = False
    """Host Name before Framing Capabilities in SCCRQ (Android)."""
    count_ids: bool = False
    """Tunnel and session ids count from 1 (Windows) rather than being beyond guessing."""
    call_after_ack: bool = False
    """Hold ICRQ back until SCCCN is acknowledged (Android) rather than send it right behind."""
    fixed_retransmit: float | None = None
    """Seconds between retransmissions without back-off or limit (Android); None: RFC 2661 5.8."""
    tx_connect_speed: int = 1_000_000_000
    """Bits per second, in ICCN and OCCN."""
    close_call_first: bool = True
    """End calls by CDN; Android knows StopCCN alone."""
    short_result: bool = False
    """Result Code of two octets, without the Error Code (Android, Apple)."""
    swapped_result: bool = False
    """Result Code in little endian (Apple)."""
    peer_ids_at_end: bool = False
    """StopCCN and CDN name the id that the other side gave out (old Windows)."""
    foreign_avps: tuple[tuple[int, int, bytes], ...] = ()
    """(vendor, attribute, value): vendor AVPs, not mandatory, in ICRQ (Windows)."""


@dataclass(frozen=True, slots=True)
class Config:
    """Limits and timers of an endpoint; seconds where not said otherwise."""

    host_name: str
    secret_for: Callable[[str], Secret | None] = _no_secret
    """The tunnel secret shared with the peer of that Host Name; None: no tunnel authentication."""
    receive_window: int = 16
    """Messages. What we let the peer send unacknowledged."""
    send_window: int = 16
    """Messages. Cap on the peer's receive window, which bounds what we keep for it."""
    hello_interval: float = 60.0
    """Silence after which HELLO is sent."""
    retransmit_first: float = 1.0
    retransmit_cap: float = 8.0
    """RFC 2661 5.8: not below 8."""
    retransmit_limit: int = 6
    """Transmissions of one message without an answer before the control connection is given up."""
    acknowledge_delay: float = 0.0
    """How long an acknowledgement may wait for a message to ride on. 0: at once, as clients that
    wait for it need."""
    setup_timeout: float = 30.0
    """From SCCRQ to established, and from the first message of a call to established."""
    embryonic_limit: int = 8192
    """Control connections before SCCCN; above it one of them at random makes room."""
    embryonic_per_address: int = 4096
    """As many from one address: a carrier's NAT, whose clients all call at once after a restart."""
    tunnels_per_address: int = 20_000
    """A carrier's NAT, and a load generator, hold many behind one address."""
    sessions_per_tunnel: int = 65_000
    quarantine: float = 31.0
    """How long a closed control connection still acknowledges retransmissions (RFC 2661 5.7), and
    how long its ids rest."""
    tie_breaker: bool = False
    """Send a Tie Breaker with SCCRQ: only one control connection between two hosts."""
    habits: Habits = Habits()
