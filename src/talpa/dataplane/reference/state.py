"""What both directions of the plane share: the tables, what goes out, and what is counted."""

from talpa.dataplane.reference.associations import Association
from talpa.dataplane.reference.early import EarlyData
from talpa.dataplane.reference.esp_outbound import EspOutbound
from talpa.dataplane.reference.framing import numbered_header, ppp_header
from talpa.dataplane.reference.outputs import Outputs
from talpa.dataplane.reference.tables import Session, Tables, Tunnel
from talpa.sansio import Deadlines, Drops, Rng


class State(Outputs):
    """Tables, outputs, counters, deadlines."""

    __slots__ = ("early", "esp", "forward_between_sessions", "gaps", "idle", "tables")

    def __init__(self, *, forward_between_sessions: bool, drops: Drops, rng: Rng) -> None:
        super().__init__(drops)
        self.tables = Tables(rng)
        self.esp = EspOutbound(self, self.tables.associations)
        self.forward_between_sessions = forward_between_sessions
        self.early = EarlyData(drops)
        self.gaps: Deadlines[int] = Deadlines()
        """By session id: when the gap that it waits for is given up."""
        self.idle: Deadlines[int] = Deadlines()
        """By session id: when to look whether it is idle."""

    def drop(self, reason: str, owner: Session | Association | None = None) -> None:
        """Count a dropped packet, against its session or association where that is known."""
        self.drops.add(reason)
        if owner is not None:
            owner.dropped += 1

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

    def send_frame(self, session: Session, frame: bytes, now: float) -> None:
        """Send a PPP frame that has its framing already."""
        assert session.tunnel is not None
        header = self._numbered(session) if session.numbering else session.header
        self.send(session.tunnel, header + frame, now)

    def send(self, tunnel: Tunnel, datagram: bytes, now: float) -> None:
        """Send an L2TP datagram the way of its tunnel."""
        association = tunnel.association
        if association is None:
            self.to_network.append((tunnel.path, datagram))
        else:
            self.esp.l2tp(association, tunnel.path, datagram, now)

    def send_ppp(self, session: Session, protocol: int, payload: bytes, now: float) -> None:
        """Send a PPP frame."""
        self.send_frame(session, ppp_header(protocol) + payload, now)

    def _numbered(self, session: Session) -> bytes:
        tunnel = session.tunnel
        assert tunnel is not None
        number = session.send_number
        session.send_number = (number + 1) & 0xFFFF
        return numbered_header(tunnel.spec.remote_id, session.remote_id, session.offset, number)
