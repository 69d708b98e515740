"""An L2TPv2 endpoint: all control connections and calls behind some listening addresses.

Drive it as `talpa.sansio.core` says. Ids in commands and events are those that we gave out. A
command for a tunnel or call that has meanwhile gone is passed over: its end is told in an event
that the owner has yet to read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Unpack

from talpa.l2tp.config import Config
from talpa.l2tp.events import Event, Peer, Result
from talpa.l2tp.v2 import results
from talpa.l2tp.v2.call_description import CallParameters
from talpa.l2tp.v2.call_fsm import Role
from talpa.l2tp.v2.call_fsm import State as CallState
from talpa.l2tp.v2.calls import Calls, Session
from talpa.l2tp.v2.control_connection import ControlConnection, Shared
from talpa.l2tp.v2.establishment import Establishment
from talpa.l2tp.v2.fsm import State
from talpa.l2tp.v2.header import ControlHeader, pack_control, parse_control
from talpa.l2tp.v2.identifiers import draw, next_free
from talpa.l2tp.v2.messages import Sccrq, StopCcn, parse
from talpa.l2tp.v2.reception import Reception, Stranger
from talpa.l2tp.values import CallErrors, PppDisconnectCause
from talpa.sansio import Drops, Path, Rng, earliest
from talpa.wire import Malformed


@dataclass(frozen=True, slots=True)
class TunnelDescription:
    """A control connection as a person wants to see it."""

    tunnel_id: int
    peer_tunnel_id: int
    """0 until known."""
    state: str
    """As RFC 2661 7.2.1 calls it: "wait-ctl-reply", "wait-ctl-conn", "established"; "idle" for one
    that has ended and rests."""
    path: Path
    host_name: str
    vendor_name: str
    authenticated: bool
    sessions: int
    since: float
    """When it was begun, monotonic."""
    window: int
    """Messages that we may have under way."""
    unacknowledged: int
    """Messages that wait for the peer."""
    rtt: float | None
    """Smoothed round trip of control messages, seconds."""


def _no_data(_tunnel_id: int) -> float:
    return 0.0


MOST_OCTETS = 8192
"""Of a datagram with a control message: the longest real one, an ICCN with all that a LAC learnt of
LCP and of the user, stays below 2,000."""

_LOOK_AGAIN = 0.1
"""Seconds after which those in line are looked at, whatever else happens."""


def _always(_path: Path, _now: float) -> bool:
    return True


class Endpoint:
    """`rng` must be beyond guessing. `last_data` says when data last came through a tunnel; it is
    asked only when a HELLO is due. `admit(path, now)` says whether there is room for one more peer
    from there to be set up: while there is none, their SCCCNs wait in line, each address in its
    own, and `proceed` takes them up."""

    def __init__(
        self,
        config: Config,
        rng: Rng,
        last_data: Callable[[int], float] = _no_data,
        admit: Callable[[Path, float], bool] = _always,
    ) -> None:
        self.config = config
        self._admit = admit
        self._shared = Shared(config, rng, last_data)
        self._out: list[tuple[Path, bytes]] = []
        self.accepting = True
        """Whether new control connections are taken. While not, SCCRQ stays without an answer, so
        that the caller goes on trying and finds whoever comes after us."""
        self._now = 0.0
        self._last_id = 0
        """The latest tunnel id of our own."""
        self._calls = Calls(self._shared)
        self._establishment = Establishment(self._shared, self._calls)
        self._reception = Reception(self._shared, self._out)

    @property
    def drops(self) -> Drops:
        """What was not taken, and why."""
        return self._shared.drops

    # --- input ---------------------------------------------------------------------------------

    def receive(self, path: Path, data: bytes, now: float) -> None:
        """Take a datagram whose T bit is set."""
        self._now = now
        if len(data) > MOST_OCTETS:
            self.drops.add("control message too long")
            return
        try:
            header, body = parse_control(data)
        except Malformed as problem:
            self.drops.add(problem.reason)
            return
        connection = self._shared.connections.get(header.tunnel_id)
        if connection is not None:
            self._establishment.receive(connection, path, header, body, now)
        elif header.tunnel_id == 0:
            self._receive_unaddressed(path, header, body, len(data), now)
        else:
            self._receive_stranger(path, header, body, len(data), now)

    def handle_timeout(self, now: float) -> None:
        """Act on every deadline that has passed."""
        self._now = now
        for key in self._shared.deadlines.due(now):
            if key > 0xFFFF:
                self._calls.time_out(key, now)
                continue
            connection = self._shared.connections.get(key)
            if connection is not None:
                self._establishment.handle_timeout(connection, now)
        self._reception.handle_timeout(now)
        self.proceed(now)

    def _receive_unaddressed(
        self, path: Path, header: ControlHeader, body: bytes, size: int, now: float
    ) -> None:
        """Tunnel ID 0: the peer does not know ours yet. It may ask for a control connection, or
        take its request back. Anybody could do the latter in its name: it gets an acknowledgement,
        and what was half open ends by itself."""
        if header.session_id or header.ns > 1 or header.nr > 1 or not body:
            self.drops.add("control message without tunnel id")
            return
        try:
            message = parse(body)
            if isinstance(message, Sccrq) and header.ns == 0:
                if not self.accepting:
                    self.drops.add("SCCRQ while no new tunnels are taken")
                    return
                secret = self.config.secret_for(message.host_name)
                if secret is not None and message.faults:
                    message = parse(body, secret)  # some of it may have been hidden
                assert isinstance(message, Sccrq), "the same octets"
                if self._establishment.break_tie(path, message, now):
                    self._reception.sccrq(path, message, secret, size, now)
                return
        except Malformed as problem:
            self.drops.add(problem.reason)
            return
        if isinstance(message, StopCcn):
            stranger = self._reception.by_peer(path, message.assigned_tunnel_id)
            if stranger is not None:
                self.drops.add("StopCCN for a half-open control connection")
                nr = (header.ns + 1) & 0xFFFF
                self._out.append((path, pack_control(message.assigned_tunnel_id, 0, 1, nr, b"")))
                return
            self._stop_named(path, header, message, body, now)
            return
        self.drops.add("control message without tunnel id")

    def _receive_stranger(
        self, path: Path, header: ControlHeader, body: bytes, size: int, now: float
    ) -> None:
        """A tunnel id that no control connection has."""
        stranger = self._reception.get(header.tunnel_id)
        if stranger is not None:
            # Who has our SCCRP acknowledges it with whatever it sends.
            if path != stranger.path:
                self.drops.add("control message from another path")
                return
            if header.nr != 1:
                self.drops.add("control message that does not acknowledge SCCRP")
                return
            if not self.accepting:
                self._reception.dismiss(stranger, results.GOING_DOWN, header.ns, size)
                return
            if self._reception.lines or not self._admit(path, now):
                # Whoever has waited goes first.
                self._reception.put_in_line(stranger, header, body)
                self.drops.add("control message put off: too many are being set up")
                return
            self._take_in(stranger, header, body, now)
            return
        self.drops.add("control message for a tunnel that is not there")

    def proceed(self, now: float) -> None:
        """Take up those who wait in line, as far as there is room."""
        self._now = now
        if not self.accepting:
            return
        for line in list(self._reception.lines.values()):
            while line:
                stranger, header, body = next(iter(line.values()))
                if not self._admit(stranger.path, now):
                    break
                self._take_in(stranger, header, body, now)

    def _take_in(self, stranger: Stranger, header: ControlHeader, body: bytes, now: float) -> None:
        """Make a control connection of a stranger, which leaves the line."""
        self._reception.remove(stranger)
        connection = self._establishment.admit(stranger, now)
        self._establishment.receive(connection, stranger.path, header, body, now)

    def _stop_named(
        self, path: Path, header: ControlHeader, message: StopCcn, body: bytes, now: float
    ) -> None:
        """StopCCN that names its tunnel by the id of the other side, ours (Windows)."""
        connection = self._shared.connections.get(message.assigned_tunnel_id)
        if connection is None or connection.path != path:
            self.drops.add("StopCCN for a tunnel that is not there")
            return
        self._establishment.receive(connection, path, header, body, now)

    # --- commands: control connections ----------------------------------------------------------

    def open(
        self,
        path: Path,
        now: float,
        *,
        tie_breaker: bytes | None = None,
        peer_name: str = "",
    ) -> int:
        """Begin a control connection; its tunnel id.

        `peer_name` is the Host Name under which the tunnel secret is looked up, before the peer has
        said its own. Raises `LookupError` when all 65,535 tunnel ids are taken.
        """
        self._now = now
        tunnel_id = self._draw()
        if tunnel_id is None:
            raise LookupError("no tunnel id is free")
        self._last_id = tunnel_id
        if tie_breaker is None and self.config.tie_breaker:
            tie_breaker = self._shared.rng(8)
        self._establishment.open(tunnel_id, path, tie_breaker, peer_name, now)
        return tunnel_id

    def close(self, tunnel_id: int, result: Result, now: float) -> None:
        """End a control connection and its calls: CDN for each where they are few, StopCCN."""
        self._now = now
        connection = self._live(tunnel_id)
        if connection is not None:
            self._establishment.close(connection, result, now)

    def abandon(self, tunnel_id: int, result: Result, now: float) -> None:
        """Forget a control connection whose way to the peer is gone: nothing more is sent."""
        self._now = now
        connection = self._live(tunnel_id)
        if connection is not None:
            self._establishment.abandon(connection, result, now)

    def close_all(self, result: Result, now: float) -> None:
        """End every control connection."""
        self._now = now
        for connection in list(self._shared.connections.values()):
            if connection.state is not State.IDLE:
                self._establishment.close(connection, result, now)

    # --- commands: calls ------------------------------------------------------------------------

    def place_call(self, tunnel_id: int, now: float, **parameters: Unpack[CallParameters]) -> int:
        """As LAC, announce an incoming call (ICRQ); its session id. ICCN goes out by itself when
        the peer has accepted. A call placed before the tunnel is up waits for it."""
        return self._place(tunnel_id, Role.LAC_INCOMING, parameters, now)

    def request_call(self, tunnel_id: int, now: float, **parameters: Unpack[CallParameters]) -> int:
        """As LNS, ask for an outgoing call (OCRQ); its session id."""
        return self._place(tunnel_id, Role.LNS_OUTGOING, parameters, now)

    def accept_call(
        self, tunnel_id: int, session_id: int, now: float, *, physical_channel: int | None = None
    ) -> None:
        """Take a call that was offered (ICRP) or requested (OCRP)."""
        session = self._session(tunnel_id, session_id, now)
        if session is not None:
            self._calls.accept(session, physical_channel, now)

    def connect_call(
        self, tunnel_id: int, session_id: int, now: float, **parameters: Unpack[CallParameters]
    ) -> None:
        """As LAC, say that a requested call was answered (OCCN)."""
        session = self._session(tunnel_id, session_id, now)
        if session is not None:
            self._calls.connect(session, parameters, now)

    def close_call(
        self,
        tunnel_id: int,
        session_id: int,
        result: Result,
        now: float,
        cause: PppDisconnectCause | int | None = None,
    ) -> None:
        """Refuse or end a call (CDN). `cause` says why PPP ended: the AVP of RFC 3145, or its
        Disconnect Code alone."""
        session = self._session(tunnel_id, session_id, now)
        if session is not None:
            self._calls.close(session, result, now, cause)

    def set_link_info(
        self, tunnel_id: int, session_id: int, send_accm: int, receive_accm: int, now: float
    ) -> None:
        """As LNS, tell the LAC the ACCMs that LCP negotiated (SLI)."""
        session = self._session(tunnel_id, session_id, now)
        if session is not None and session.state is CallState.ESTABLISHED:
            self._calls.set_link_info(session, send_accm, receive_accm)

    def notify_errors(
        self, tunnel_id: int, session_id: int, errors: CallErrors, now: float
    ) -> None:
        """As LAC, tell the LNS of errors on the line (WEN)."""
        session = self._session(tunnel_id, session_id, now)
        if session is not None and session.state is CallState.ESTABLISHED:
            self._calls.notify_errors(session, errors)

    # --- output ---------------------------------------------------------------------------------

    def transmits(self) -> list[tuple[Path, bytes]]:
        """Drain what is to be sent. Ends the turn: acknowledgements that found no message to ride
        on go out alone."""
        self._settle()
        out = self._out[:]
        self._out.clear()
        return out

    def events(self) -> list[Event]:
        """Drain what happened."""
        events = self._shared.events[:]
        self._shared.events.clear()
        return events

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        self._settle()
        again = self._now + _LOOK_AGAIN if self._reception.lines else None
        return earliest(self._shared.deadlines.next(), self._reception.next_timeout(), again)

    def _settle(self) -> None:
        shared = self._shared
        if not shared.touched:
            return
        interval = shared.config.hello_interval
        for connection in shared.touched.values():
            peer_tunnel_id, path = connection.peer_tunnel_id, connection.path
            for session_id, ns, nr, body in connection.channel.flush(self._now):
                self._out.append((path, pack_control(peer_tunnel_id, session_id, ns, nr, body)))
            shared.deadlines.arm(connection.tunnel_id, connection.deadline(interval))
        shared.touched.clear()

    # --- what there is --------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """A control connection is not at rest, or its goodbye is not acknowledged yet."""
        return any(
            c.state is not State.IDLE or c.channel.backlog
            for c in self._shared.connections.values()
        )

    def tunnels(self) -> list[int]:
        """Ids of the control connections that have not ended."""
        return [c.tunnel_id for c in self._live_ones()]

    def peer(self, tunnel_id: int) -> Peer | None:
        """What the other end said of itself; None before it did, and after the end."""
        connection = self._shared.connections.get(tunnel_id)
        return connection.peer if connection is not None else None

    def path(self, tunnel_id: int) -> Path:
        """Where the peer is; raises `KeyError` for a tunnel that is gone and has rested."""
        return self._shared.connections[tunnel_id].path

    def describe(self) -> list[TunnelDescription]:
        """The control connections that have not ended."""
        return [_described(c) for c in self._live_ones()]

    def description(self, tunnel_id: int) -> TunnelDescription | None:
        """One control connection, also one that has ended and rests."""
        connection = self._shared.connections.get(tunnel_id)
        return _described(connection) if connection is not None else None

    def _draw(self) -> int | None:
        def taken(tunnel_id: int) -> bool:
            known = self._shared.connections
            return tunnel_id in known or self._reception.get(tunnel_id) is not None

        if self.config.habits.count_ids:
            return next_free(self._last_id, taken)
        return draw(self._shared.rng, taken)

    def _place(self, tunnel_id: int, role: Role, parameters: CallParameters, now: float) -> int:
        self._now = now
        return self._calls.place(self._live(tunnel_id), tunnel_id, role, parameters, now)

    def _session(self, tunnel_id: int, session_id: int, now: float) -> Session | None:
        self._now = now
        return self._calls.find(tunnel_id, session_id)

    def _live(self, tunnel_id: int) -> ControlConnection | None:
        connection = self._shared.connections.get(tunnel_id)
        if connection is None or connection.state is State.IDLE:
            return None
        return connection

    def _live_ones(self) -> Iterator[ControlConnection]:
        return (c for c in self._shared.connections.values() if c.state is not State.IDLE)


def _described(connection: ControlConnection) -> TunnelDescription:
    peer = connection.peer
    return TunnelDescription(
        connection.tunnel_id,
        connection.peer_tunnel_id,
        str(connection.state),
        connection.path,
        peer.host_name if peer is not None else "",
        peer.vendor_name if peer is not None else "",
        connection.authenticated,
        connection.session_count,
        connection.since,
        connection.channel.peer_window,
        connection.channel.backlog,
        connection.channel.rtt,
    )
