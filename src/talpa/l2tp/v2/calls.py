"""Calls and their sessions (RFC 2661 5.2, 5.6, 7.4, 7.5): runs the tables of `call_fsm`."""

from dataclasses import replace

from talpa.l2tp.events import (
    Call,
    CallDown,
    CallOffered,
    CallRequested,
    CallUp,
    LinkInfoSet,
    Result,
    WanErrorsNotified,
)
from talpa.l2tp.v2 import results
from talpa.l2tp.v2.call_description import (
    CallParameters,
    call_of_iccn,
    call_of_icrq,
    call_of_occn,
    call_of_ocrq,
    iccn,
    icrq,
    occn,
    ocrq,
)
from talpa.l2tp.v2.call_fsm import Action, Event, Role, State, step
from talpa.l2tp.v2.control_connection import ControlConnection, Shared
from talpa.l2tp.v2.identifiers import Resting, draw, next_free
from talpa.l2tp.v2.messages import (
    Cdn,
    Iccn,
    Icrp,
    Icrq,
    Message,
    Occn,
    Ocrp,
    Ocrq,
    Sli,
    Wen,
    encode,
)
from talpa.l2tp.values import Accm, CallErrors, PppDisconnectCause

MOST_ANSWERS = 1024
"""Messages that may wait for a peer while it asks for more calls; above it they are refused."""
MOST_REFUSALS = 2 * MOST_ANSWERS
"""As many above which it is not even told that they are."""


class Session:
    """One call."""

    __slots__ = ("call", "connection", "peer_session_id", "physical", "role", "session_id", "state")

    def __init__(self, connection: ControlConnection, session_id: int, role: Role) -> None:
        self.connection = connection
        self.session_id = session_id
        self.peer_session_id = 0
        """0 until known."""
        self.role = role
        self.state = State.IDLE
        self.call: Call | None = None
        """Until it is established; then the owner has it."""
        self.physical: int | None = None

    @property
    def key(self) -> int:
        """What the session is found by."""
        return self.connection.tunnel_id << 16 | self.session_id

    @property
    def peer_key(self) -> int:
        """What it is found by where the peer names it by its own id."""
        return self.connection.tunnel_id << 16 | self.peer_session_id


class Calls:
    """All calls of an endpoint."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._sessions: dict[int, Session] = {}
        self._by_peer_id: dict[int, Session] = {}
        """The same by tunnel id and the peer's session id, where that is known."""
        self._resting = Resting(shared.config.quarantine)
        self._serial = int.from_bytes(shared.rng(3), "big")

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, tunnel_id: int, session_id: int) -> Session | None:
        """The session that we gave this id."""
        return self._sessions.get(tunnel_id << 16 | session_id)

    # --- what the owner wants ------------------------------------------------------------------

    def place(
        self,
        connection: ControlConnection | None,
        tunnel_id: int,
        role: Role,
        parameters: CallParameters,
        now: float,
    ) -> int:
        """Begin a call of ours; its session id. Where it cannot be, `CallDown` says why."""
        self._serial = (self._serial + 1) & 0xFFFFFFFF
        refusal, session_id = results.NO_TUNNEL, None
        if connection is not None:
            refusal, session_id = results.TOO_MANY_CALLS, self._draw(connection, now)
        if connection is None or session_id is None:
            session_id = self._shared.random_nonzero()
            self._shared.events.append(CallDown(tunnel_id, session_id, refusal, by_peer=False))
            return session_id
        session = self._add(connection, session_id, role)
        session.call = replace(Call(self._serial, 0), **parameters)
        self._apply(session, Event.OPEN, now)
        if connection.waiting is None:
            self._apply(session, Event.TUNNEL_OPEN, now)
        return session_id

    def tunnel_open(self, connection: ControlConnection, now: float) -> None:
        """The tunnel is there: start the calls that wait for it."""
        waiting, connection.waiting = connection.waiting or (), None
        for session_id in waiting:
            session = self.find(connection.tunnel_id, session_id)
            if session is not None:
                self._apply(session, Event.TUNNEL_OPEN, now)

    def accept(self, session: Session, physical_channel: int | None, now: float) -> None:
        """The owner takes the peer's call."""
        session.physical = physical_channel
        self._apply(session, Event.OCRQ if session.role.we_are_lac else Event.ICRQ, now)

    def connect(self, session: Session, parameters: CallParameters, now: float) -> None:
        """The outgoing call that the peer asked for is answered."""
        if session.call is not None:
            session.call = replace(session.call, **parameters)
        self._apply(session, Event.BEARER_ANSWER, now)

    def close(
        self,
        session: Session,
        result: Result,
        now: float,
        cause: PppDisconnectCause | int | None = None,
    ) -> None:
        """End a call, in whatever state."""
        event = Event.CLOSE
        if session.state is State.IDLE:
            event = Event.OCRQ_UNACCEPTABLE if session.role.we_are_lac else Event.ICRQ_UNACCEPTABLE
        self._apply(session, event, now, result, cause=cause)

    def drop_all(
        self, connection: ControlConnection, result: Result, now: float, *, by_peer: bool
    ) -> None:
        """The tunnel is gone, and its calls with it (RFC 2661 5.7)."""
        for session_id in sorted(connection.session_ids or ()):
            session = self._sessions[connection.tunnel_id << 16 | session_id]
            self._clean_up(session, result, by_peer, now)

    def disconnect_all(self, connection: ControlConnection, result: Result, now: float) -> None:
        """End every call by CDN."""
        for session_id in sorted(connection.session_ids or ()):
            self.close(self._sessions[connection.tunnel_id << 16 | session_id], result, now)

    def set_link_info(self, session: Session, send_accm: int, receive_accm: int) -> None:
        """Tell the LAC the ACCMs."""
        self._send(session, Sli(accm=Accm(send_accm, receive_accm)))

    def notify_errors(self, session: Session, errors: CallErrors) -> None:
        """Tell the LNS of errors on the line."""
        self._send(session, Wen(call_errors=errors))

    def time_out(self, key: int, now: float) -> None:
        """A call has had its time for set-up."""
        session = self._sessions.get(key)
        if session is not None and session.state is not State.ESTABLISHED:
            self.close(session, results.CALL_TOO_SLOW, now)

    # --- what the peer sends -------------------------------------------------------------------

    def receive(
        self, connection: ControlConnection, session_id: int, message: Message, now: float
    ) -> None:
        """Take a message that belongs to a call."""
        session = self._sessions.get(connection.tunnel_id << 16 | session_id)
        if session is None:
            if isinstance(message, Icrq | Ocrq):
                self._request(connection, message, now)
                return
            if isinstance(message, Cdn):
                session = self._meant_by(connection, message)
        if session is None:
            self._shared.drops.add("message for a session that is not there")
            return
        if not message.faults:
            self._take(session, message, now)
            return
        fault = results.of_fault(message.faults[0])
        unacceptable = _UNACCEPTABLE.get(type(message))
        if unacceptable is not None:
            self._apply(session, unacceptable, now, fault)
        else:
            self.close(session, fault, now)

    def _take(self, session: Session, message: Message, now: float) -> None:
        match message:
            case Iccn():
                if session.call is not None:
                    session.call = call_of_iccn(session.call, message)
                self._apply(session, Event.ICCN, now)
            case Icrp():
                self._learn_id(session, message.assigned_session_id)
                self._apply(session, Event.ICRP, now)
            case Cdn():
                if not _names(message.assigned_session_id, session):
                    self._shared.drops.add("CDN for another session")
                    return
                self._apply(session, Event.CDN, now, results.of_cdn(message), by_peer=True)
            case Ocrp():
                self._learn_id(session, message.assigned_session_id)
                if session.call is not None:
                    channel = message.physical_channel_id
                    session.call = replace(session.call, physical_channel=channel)
                self._apply(session, Event.OCRP, now)
            case Occn():
                if session.call is not None:
                    session.call = call_of_occn(session.call, message)
                self._apply(session, Event.OCCN, now)
            case Sli():
                self._sli(session, message)
            case Wen():
                self._wen(session, message)
            case Icrq():
                self._apply(session, Event.ICRQ, now)
            case Ocrq():
                self._apply(session, Event.OCRQ, now)

    def _learn_id(self, session: Session, assigned_session_id: int) -> None:
        if assigned_session_id and not session.peer_session_id:
            session.peer_session_id = assigned_session_id
            self._by_peer_id[session.peer_key] = session

    def _request(self, connection: ControlConnection, message: Icrq | Ocrq, now: float) -> None:
        incoming = isinstance(message, Icrq)
        refusal, session_id = None, None
        if message.faults:
            refusal = results.of_fault(message.faults[0])
        elif connection.channel.backlog >= MOST_ANSWERS:
            refusal = results.TOO_MANY_UNANSWERED
        else:
            session_id = self._draw(connection, now)
        if session_id is None:
            refusal = refusal or results.TOO_MANY_CALLS
            self._shared.drops.add(f"call refused, result {refusal.code}")
            if message.assigned_session_id and connection.channel.backlog < MOST_REFUSALS:
                unused = self._shared.random_nonzero()
                self._send_cdn(connection, message.assigned_session_id, unused, refusal, None)
            return
        role = Role.LNS_INCOMING if incoming else Role.LAC_OUTGOING
        session = self._add(connection, session_id, role)
        self._learn_id(session, message.assigned_session_id)
        session.call = call_of_icrq(message) if isinstance(message, Icrq) else call_of_ocrq(message)
        self._arm(session, now)
        kind = CallOffered if incoming else CallRequested
        self._shared.events.append(kind(connection.tunnel_id, session_id, session.call))

    def _meant_by(self, connection: ControlConnection, message: Cdn) -> Session | None:
        """The session of a CDN whose header does not name it.

        The peer may not know our session id yet (RFC 2661 4.4.4); and Windows puts the id that the
        other side gave out where its own belongs.
        """
        assigned = message.assigned_session_id
        if not assigned:
            return None
        session = self._by_peer_id.get(connection.tunnel_id << 16 | assigned)
        return session or self.find(connection.tunnel_id, assigned)

    def _sli(self, session: Session, message: Sli) -> None:
        if session.state is not State.ESTABLISHED or not session.role.we_are_lac:
            self._shared.drops.add("SLI out of place")
            return
        accm = message.accm
        tunnel_id = session.connection.tunnel_id
        self._shared.events.append(
            LinkInfoSet(tunnel_id, session.session_id, accm.send, accm.receive)
        )

    def _wen(self, session: Session, message: Wen) -> None:
        if session.state is not State.ESTABLISHED or session.role.we_are_lac:
            self._shared.drops.add("WEN out of place")
            return
        e = message.call_errors
        self._shared.events.append(
            WanErrorsNotified(
                session.connection.tunnel_id,
                session.session_id,
                e.crc_errors,
                e.framing_errors,
                e.hardware_overruns,
                e.buffer_overruns,
                e.timeout_errors,
                e.alignment_errors,
            )
        )

    # --- the machine ---------------------------------------------------------------------------

    def _apply(
        self,
        session: Session,
        event: Event,
        now: float,
        result: Result = results.CALL_OUT_OF_SEQUENCE,
        *,
        cause: PppDisconnectCause | int | None = None,
        by_peer: bool = False,
    ) -> None:
        actions, session.state = step(session.role, session.state, event)
        connection = session.connection
        for action in actions:
            match action:
                case Action.OPEN_TUNNEL:
                    if connection.waiting is not None:
                        connection.waiting.append(session.session_id)
                case Action.SEND_ICRQ | Action.SEND_OCRQ:
                    self._send_request(session, now)
                case Action.SEND_ICRP:
                    self._send(session, Icrp(assigned_session_id=session.session_id))
                case Action.SEND_OCRP:
                    self._send(
                        session,
                        Ocrp(
                            assigned_session_id=session.session_id,
                            physical_channel_id=session.physical,
                        ),
                    )
                case Action.SEND_ICCN:
                    assert session.call is not None, "described until established"
                    self._send_hiding(session, iccn(session.call, self._shared.config.habits))
                case Action.SEND_OCCN:
                    assert session.call is not None, "described until established"
                    self._send(session, occn(session.call, self._shared.config.habits))
                case Action.PREPARE_FOR_DATA:
                    self._up(session)
                case Action.SEND_CDN:
                    self._send_cdn(
                        connection, session.peer_session_id, session.session_id, result, cause
                    )
                case Action.CLEAN_UP:
                    self._clean_up(session, result, by_peer, now)

    def _add(self, connection: ControlConnection, session_id: int, role: Role) -> Session:
        session = Session(connection, session_id, role)
        self._sessions[session.key] = session
        if connection.session_ids is None:
            connection.session_ids = set()
        connection.session_ids.add(session_id)
        return session

    def _draw(self, connection: ControlConnection, now: float) -> int | None:
        if connection.session_count >= self._shared.config.sessions_per_tunnel:
            return None
        base = connection.tunnel_id << 16

        def taken(session_id: int) -> bool:
            return base | session_id in self._sessions or self._resting.holds(
                base | session_id, now
            )

        if self._shared.config.habits.count_ids:
            return next_free(0, taken)
        return draw(self._shared.rng, taken)

    def _arm(self, session: Session, now: float) -> None:
        self._shared.deadlines.arm(session.key, now + self._shared.config.setup_timeout)

    def _up(self, session: Session) -> None:
        self._shared.deadlines.arm(session.key, None)
        call, session.call = session.call, None
        assert call is not None, "a call is described until it is established"
        if call.peer_session_id != session.peer_session_id:
            call = replace(call, peer_session_id=session.peer_session_id)
        self._shared.events.append(
            CallUp(
                session.connection.tunnel_id,
                session.session_id,
                call,
                session.role.incoming,
                session.role.we_are_lac,
            )
        )

    def _clean_up(self, session: Session, result: Result, by_peer: bool, now: float) -> None:
        key, connection = session.key, session.connection
        session.state = State.IDLE
        del self._sessions[key]
        if self._by_peer_id.get(session.peer_key) is session:
            del self._by_peer_id[session.peer_key]
        self._shared.deadlines.arm(key, None)
        self._resting.add(key, now)
        assert connection.session_ids is not None, "the session was one of them"
        connection.session_ids.discard(session.session_id)
        if not connection.session_ids:
            connection.session_ids = None
        self._shared.events.append(
            CallDown(connection.tunnel_id, session.session_id, result, by_peer)
        )

    # --- what we send --------------------------------------------------------------------------

    def _send(self, session: Session, message: Message) -> None:
        session.connection.send(message, session.peer_session_id)
        self._shared.touch(session.connection)

    def _send_hiding(
        self,
        session: Session,
        message: Message,
        foreign: tuple[tuple[int, int, bytes], ...] = (),
    ) -> None:
        """Send a message whose personal AVPs are hidden where there is a secret."""
        secret = session.connection.secret
        vector = self._shared.rng(16) if secret is not None else b""
        body = encode(message, hide_with=secret, random_vector=vector, foreign=foreign)
        session.connection.send(message, session.peer_session_id, body=body)
        self._shared.touch(session.connection)

    def _send_request(self, session: Session, now: float) -> None:
        assert session.call is not None, "a call is described until it is established"
        self._arm(session, now)
        habits = self._shared.config.habits
        if session.role is Role.LAC_INCOMING:
            self._send_hiding(session, icrq(session.session_id, session.call), habits.foreign_avps)
        else:
            self._send_hiding(session, ocrq(session.session_id, session.call, habits))

    def _send_cdn(
        self,
        connection: ControlConnection,
        peer_session_id: int,
        session_id: int,
        result: Result,
        cause: PppDisconnectCause | int | None,
    ) -> None:
        habits = self._shared.config.habits
        if not habits.close_call_first:
            return
        message = Cdn(
            result_code=results.result_code(result, habits),
            assigned_session_id=peer_session_id if habits.peer_ids_at_end else session_id,
            ppp_disconnect_cause=results.disconnect_cause(cause),
        )
        connection.send(message, peer_session_id)
        self._shared.touch(connection)


def _names(assigned_session_id: int, session: Session) -> bool:
    """Whether the Assigned Session ID in a CDN is of this session: the peer's, or as old Windows
    has it ours. Without one, or before the peer told its own, the header's is enough."""
    known = session.peer_session_id
    return not (assigned_session_id and known) or assigned_session_id in (
        known,
        session.session_id,
    )


_UNACCEPTABLE: dict[type[Message], Event] = {
    Icrq: Event.ICRQ_UNACCEPTABLE,
    Icrp: Event.ICRP_UNACCEPTABLE,
    Iccn: Event.ICCN_UNACCEPTABLE,
    Ocrq: Event.OCRQ_UNACCEPTABLE,
    Ocrp: Event.OCRP_UNACCEPTABLE,
    Occn: Event.OCCN_UNACCEPTABLE,
}
