"""The reference data plane without its sockets: packets and commands in, packets and events out.

It is the executable specification: another implementation, given the same calls with the same
times, has the same outputs, octet for octet and in the same order.
"""

from collections.abc import Sequence

from talpa.dataplane.interface import (
    Counters,
    Event,
    Network,
    SessionIdle,
    SessionSpec,
    TunnelSpec,
)
from talpa.dataplane.reference.inbound import Inbound
from talpa.dataplane.reference.outbound import Outbound
from talpa.dataplane.reference.sequencing import gap_deadline, overdue
from talpa.dataplane.reference.state import State
from talpa.dataplane.reference.tables import Session
from talpa.sansio import Drops, Path, earliest


class Pipeline:
    """Commands as in `DataPlane`; `now` is in monotonic seconds and never goes back."""

    __slots__ = ("_inbound", "_outbound", "_state", "_tables", "from_network", "from_tun")

    def __init__(
        self, *, forward_between_sessions: bool = True, drops: Drops | None = None
    ) -> None:
        self._state = State(
            forward_between_sessions=forward_between_sessions,
            drops=Drops() if drops is None else drops,
        )
        self._tables = self._state.tables
        self._inbound = Inbound(self._state)
        self._outbound = Outbound(self._state)
        self.from_network = self._inbound.receive
        """(path, datagram, now): a UDP payload came in."""
        self.from_tun = self._outbound.receive
        """(packet, now): the kernel hands over an IP packet."""

    # What comes of it

    @property
    def drops(self) -> Drops:
        """What was dropped, by reason."""
        return self._state.drops

    def take_network(self) -> list[tuple[Path, bytes]]:
        """The datagrams to send since the last call."""
        taken, self._state.to_network = self._state.to_network, []
        return taken

    def take_tun(self) -> list[bytes]:
        """The IP packets for the kernel since the last call."""
        taken, self._state.to_tun = self._state.to_tun, []
        return taken

    def drain(self) -> list[Event]:
        """The events since the last call."""
        taken, self._state.events = self._state.events, []
        self._state.told_at = None
        return taken

    # Time

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        state = self._state
        return earliest(
            state.told_at, state.gaps.next(), state.idle.next(), state.early.next_timeout()
        )

    def handle_timeout(self, now: float) -> None:
        """Let go of what waited for reordering, find idle sessions, drop what waited in vain."""
        state = self._state
        for number in state.gaps.due(now):
            session = self._tables.session(number)
            for frame in overdue(session, now):
                self._inbound.frame(session, frame, now)
            state.gaps.arm(number, gap_deadline(session))
        for number in state.idle.due(now):
            session = self._tables.session(number)
            seconds = session.idle_seconds
            if seconds is not None and session.last_traffic + seconds <= now:
                session.idle_told = True
                state.events.append(SessionIdle(number))
            else:
                state.watch_idle(session)
        state.early.handle_timeout(now)

    # Tunnels

    def tunnel_add(self, spec: TunnelSpec) -> int:
        """Make a tunnel; its id."""
        return self._tables.add_tunnel(spec).id

    def tunnel_move(self, tunnel: int, path: Path) -> None:
        """Send to, and take from, another path."""
        self._tables.tunnel(tunnel).move(path)

    def tunnel_remove(self, tunnel: int) -> None:
        """Forget a tunnel and its sessions."""
        found = self._tables.tunnel(tunnel)
        while found.sessions:
            self._forget(found.sessions[-1])
        self._tables.remove_tunnel(found)

    def tunnel_last_received(self, tunnel: int) -> float:
        """When the last valid data message of any of its sessions came."""
        return self._tables.tunnel(tunnel).last_received

    # Sessions

    def session_add(self, spec: SessionSpec, now: float) -> int:
        """Make a session, closed; its id. Takes what came for it before."""
        session = self._tables.add_session(spec)
        for path, datagram in self._state.early.take(session.key):
            self.from_network(path, datagram, now)
            self._state.told_at = now
        return session.id

    def session_open(self, session: int, ipv4: bool, ipv6: bool, now: float) -> None:
        """Forward user traffic of these network protocols. Idle time counts from the first one."""
        found = self._tables.session(session)
        was_open = found.open4 or found.open6
        found.open4, found.open6 = ipv4, ipv6
        if not was_open:
            self._start_idle(found, now)
        self._state.watch_idle(found)

    def session_routes(self, session: int, networks: Sequence[Network]) -> None:
        """Replace the routes. A prefix that two sessions claim belongs to the later one."""
        self._tables.route(self._tables.session(session), networks)

    def session_set(
        self,
        session: int,
        *,
        mtu: int | None = None,
        mru: int | None = None,
        idle_seconds: float | None = None,
    ) -> None:
        """Change what is not None."""
        found = self._tables.session(session)
        if mtu is not None:
            found.mtu = mtu
        if mru is not None:
            found.mru = mru
        if idle_seconds is not None:
            found.idle_seconds = idle_seconds
            found.idle_told = False
            self._state.watch_idle(found)

    def session_connect(self, a: int, b: int, now: float) -> None:
        """Cross-connect two sessions. What either was connected with before is left alone.

        Raises `ValueError` for a session and itself."""
        one, two = self._tables.session(a), self._tables.session(b)
        if one is two:
            raise ValueError("a session cannot be connected with itself")
        for session in (one, two):
            if session.other is not None and session.other.other is session:
                session.other.other = None
                self._state.watch_idle(session.other)
        one.other, two.other = two, one
        for session in (one, two):
            self._start_idle(session, now)
            self._state.watch_idle(session)

    def session_remove(self, session: int) -> Counters:
        """Forget a session; its final counters."""
        found = self._tables.session(session)
        self._forget(found)
        return found.counters()

    def session_counters(self, session: int) -> Counters:
        """The counters as they stand."""
        return self._tables.session(session).counters()

    # Sending

    def send_l2tp(self, path: Path, data: bytes) -> None:
        """Send a control message."""
        self._state.to_network.append((path, data))

    def send_ppp(self, session: int, protocol: int, payload: bytes) -> None:
        """Send a PPP frame that is no user traffic."""
        self._state.send_ppp(self._tables.session(session), protocol, payload)

    def send_ip(self, session: int, packet: bytes) -> None:
        """Send an IP packet of a service on the link."""
        self._outbound.send_service(self._tables.session(session), packet)

    def _forget(self, session: Session) -> None:
        self._state.gaps.arm(session.id, None)
        self._state.idle.arm(session.id, None)
        self._tables.remove_session(session)

    def _start_idle(self, session: Session, now: float) -> None:
        session.last_traffic = now
        session.idle_told = False
