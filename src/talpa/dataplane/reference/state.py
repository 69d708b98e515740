"""What both directions of the plane share: the tables, what goes out, and what is counted."""

from talpa.dataplane.interface import Event
from talpa.dataplane.reference.early import EarlyData
from talpa.dataplane.reference.framing import numbered_header, ppp_header
from talpa.dataplane.reference.tables import Session, Tables
from talpa.sansio import Deadlines, Drops, Path


class State:
    """Tables, outputs, counters, deadlines."""

    __slots__ = (
        "drops",
        "early",
        "events",
        "forward_between_sessions",
        "gaps",
        "idle",
        "tables",
        "to_network",
        "to_tun",
        "told_at",
    )

    def __init__(self, *, forward_between_sessions: bool, drops: Drops) -> None:
        self.tables = Tables()
        self.forward_between_sessions = forward_between_sessions
        self.to_network: list[tuple[Path, bytes]] = []
        self.to_tun: list[bytes] = []
        self.events: list[Event] = []
        self.told_at: float | None = None
        """When a command, rather than a packet or a deadline, made events that nobody took yet."""
        self.drops = drops
        self.early = EarlyData(drops)
        self.gaps: Deadlines[int] = Deadlines()
        """By session id: when the gap that it waits for is given up."""
        self.idle: Deadlines[int] = Deadlines()
        """By session id: when to look whether it is idle."""

    def drop(self, reason: str, session: Session | None = None) -> None:
        """Count a dropped packet, against its session where it is known to belong to one."""
        self.drops.add(reason)
        if session is not None:
            session.dropped += 1

    def traffic(self, session: Session, now: float) -> None:
        """There was user traffic."""
        session.last_traffic = now
        if session.idle_told:
            session.idle_told = False
            self.watch_idle(session)

    def watch_idle(self, session: Session) -> None:
        """Set the idle deadline of an open session from its last traffic; clear it otherwise."""
        seconds = session.idle_seconds
        watched = session.open4 or session.open6 or session.other is not None
        if seconds is None or not watched or session.idle_told:
            self.idle.arm(session.id, None)
        else:
            self.idle.arm(session.id, session.last_traffic + seconds)

    def send_frame(self, session: Session, frame: bytes) -> None:
        """Send a PPP frame that has its framing already."""
        assert session.tunnel is not None
        header = self._numbered(session) if session.numbering else session.header
        self.to_network.append((session.tunnel.path, header + frame))

    def send_ppp(self, session: Session, protocol: int, payload: bytes) -> None:
        """Send a PPP frame."""
        self.send_frame(session, ppp_header(protocol) + payload)

    def _numbered(self, session: Session) -> bytes:
        tunnel = session.tunnel
        assert tunnel is not None
        number = session.send_number
        session.send_number = (number + 1) & 0xFFFF
        return numbered_header(tunnel.spec.remote_id, session.remote_id, session.offset, number)
