"""Control connections from SCCRQ to StopCCN (RFC 2661 5.1, 5.5, 5.7): runs the table of `fsm`."""

from talpa.l2tp.avps import HOST_NAME, PROTOCOL_VERSION
from talpa.l2tp.control_channel import ControlChannel
from talpa.l2tp.events import ControlConnectionDown, ControlConnectionUp, PathMoved, Result
from talpa.l2tp.v2 import results
from talpa.l2tp.v2.authentication import CHALLENGE_SIZE, proves, response
from talpa.l2tp.v2.calls import Calls
from talpa.l2tp.v2.control_connection import ControlConnection, Shared
from talpa.l2tp.v2.fsm import Action, Event, State, step
from talpa.l2tp.v2.header import ControlHeader
from talpa.l2tp.v2.messages import (
    Hello,
    Scccn,
    Sccrp,
    Sccrq,
    StopCcn,
    UnknownMessage,
    encode,
    parse,
)
from talpa.l2tp.v2.reception import Stranger, peer_of
from talpa.l2tp.values import GeneralError
from talpa.sansio import Path, place
from talpa.wire import Malformed

_HELLO = encode(Hello())


class Establishment:
    """The machine of all control connections of an endpoint that are more than strangers."""

    def __init__(self, shared: Shared, calls: Calls) -> None:
        self._shared = shared
        self._calls = calls
        self._opening: dict[int, ControlConnection] = {}
        """Those whose SCCRQ is under way."""
        config = shared.config
        self._cycle = sum(
            min(config.retransmit_first * 2.0**i, config.retransmit_cap)
            for i in range(config.retransmit_limit)
        )
        """Seconds from the first transmission of a message until it is given up."""

    # --- what the owner wants ------------------------------------------------------------------

    def open(
        self, tunnel_id: int, path: Path, tie_breaker: bytes | None, peer_name: str, now: float
    ) -> None:
        """Begin a control connection: send SCCRQ."""
        shared = self._shared
        channel = ControlChannel(shared.config, shared.drops)
        connection = ControlConnection(tunnel_id, path, State.IDLE, channel, now)
        connection.tie_breaker = tie_breaker
        connection.secret = shared.config.secret_for(peer_name)
        if connection.secret is not None:
            connection.challenge = shared.rng(CHALLENGE_SIZE)
        self._add(connection, now + shared.config.setup_timeout)
        self._opening[tunnel_id] = connection
        self._apply(connection, Event.OPEN, now)

    def close(self, connection: ControlConnection, result: Result, now: float) -> None:
        """End a control connection, its calls first."""
        habits = self._shared.config.habits
        connection.channel.drop_unsent()
        # StopCCN ends all calls by itself (5.7). CDN is a courtesy that must not hold it up.
        if habits.close_call_first and connection.session_count <= connection.channel.peer_window:
            ended = Result(3, 0, result.message)
            self._calls.disconnect_all(connection, ended, now)
        self._apply(connection, Event.CLOSE, now, result=result)

    # --- strangers -----------------------------------------------------------------------------

    def admit(self, stranger: Stranger, now: float) -> ControlConnection:
        """The stranger has shown that SCCRP reached it: keep a whole control connection for it."""
        shared = self._shared
        channel = ControlChannel.answered(shared.config, shared.drops, stranger.peer.receive_window)
        connection = ControlConnection(
            stranger.tunnel_id, stranger.path, State.WAIT_CTL_CONN, channel, now
        )
        connection.peer = stranger.peer
        connection.peer_tunnel_id = stranger.peer.tunnel_id
        connection.secret = shared.config.secret_for(stranger.peer.host_name)
        connection.challenge = stranger.challenge
        self._add(connection, stranger.expires)
        return connection

    def break_tie(self, path: Path, message: Sccrq, now: float) -> bool:
        """Whether to go on with an SCCRQ of a host to which our own may be under way (4.4.3).

        Where ours had no tie breaker it stays, though the RFC lets the peer's win: we asked for no
        choice, and anybody can send an SCCRQ under the address of the host that we call.
        """
        theirs = message.tie_breaker
        go_on = True
        for connection in list(self._opening.values()):
            ours = connection.tie_breaker
            if (
                ours is None
                or connection.path.remote.host != path.remote.host
                or connection.path.association != path.association
            ):
                continue
            if theirs is not None and theirs <= ours:
                self._apply(connection, Event.SCCRQ_TIE_LOST, now, result=results.TIE_LOST)
            if theirs is None or ours <= theirs:
                self._shared.drops.add("SCCRQ lost the tie")
                go_on = False
        return go_on

    # --- what the peer sends -------------------------------------------------------------------

    def receive(
        self,
        connection: ControlConnection,
        path: Path,
        header: ControlHeader,
        body: bytes,
        now: float,
    ) -> None:
        """Take a control message, or a ZLB, that bears the connection's tunnel id."""
        if path != connection.path and not self._may_move(connection, path, header, body):
            self._shared.drops.add("control message from another path")
            return
        connection.heard = now
        channel = connection.channel
        for session_id, delivered in channel.receive(
            header.session_id, header.ns, header.nr, body, now
        ):
            self._deliver(connection, session_id, delivered, now)
        if connection.waiting and not channel.backlog and connection.state is State.ESTABLISHED:
            self._calls.tunnel_open(connection, now)
        self._shared.touch(connection)

    def _may_move(
        self, connection: ControlConnection, path: Path, header: ControlHeader, body: bytes
    ) -> bool:
        """Whether the peer speaks up from elsewhere than SCCRQ went to (8.1): with an SCCRP that we
        accept, and nothing else. What is wrong with anything else may be a forger's doing."""
        if (
            connection.state is not State.WAIT_CTL_REPLY
            or connection.peer_tunnel_id
            or (header.ns, header.nr) != (0, 1)
            or not body
            or path.association != connection.path.association
        ):
            return False
        try:
            message = parse(body, connection.secret)
        except Malformed:
            return False
        if not isinstance(message, Sccrp) or self._sccrp_refusal(connection, message) is not None:
            return False
        self._count_address(connection.path, -1)
        self._count_address(path, 1)
        connection.path = path
        self._shared.events.append(PathMoved(connection.tunnel_id, path))
        return True

    def _deliver(
        self, connection: ControlConnection, session_id: int, body: bytes, now: float
    ) -> None:
        try:
            message = parse(body, connection.secret)
        except Malformed as problem:
            self._shared.drops.add(problem.reason)
            fault = results.general(GeneralError.OUT_OF_RANGE, f"malformed message: {problem}")
            self._apply(connection, Event.CLOSE, now, result=fault)
            return
        if message.IN_CALL:
            if connection.state is State.ESTABLISHED:
                self._calls.receive(connection, session_id, message, now)
            elif connection.state is not State.IDLE:
                self._apply(connection, Event.CLOSE, now, result=results.STATE_MACHINE_ERROR)
            return
        match message:
            case Scccn():
                self._scccn(connection, message, now)
            case Sccrp():
                self._sccrp(connection, message, now)
            case StopCcn():
                if not _names(message.assigned_tunnel_id, connection):
                    self._shared.drops.add("StopCCN for another tunnel")
                    return
                result = results.of_stopccn(message)
                self._apply(connection, Event.STOPCCN, now, result=result, by_peer=True)
            case Sccrq():
                # A connection at rest is no idle one that could be opened again.
                if connection.state is not State.IDLE:
                    self._apply(connection, Event.SCCRQ, now)
            case UnknownMessage(mandatory=True):
                text = f"unknown message type {message.type} with the M bit set"
                unknown = results.general(GeneralError.UNKNOWN_MANDATORY_AVP, text)
                self._apply(connection, Event.CLOSE, now, result=unknown)
            case _ if message.faults:
                fault = results.of_fault(message.faults[0])
                self._apply(connection, Event.CLOSE, now, result=fault)
            case _:
                pass  # HELLO asks for nothing but its acknowledgement

    def _sccrp(self, connection: ControlConnection, message: Sccrp, now: float) -> None:
        if connection.state in (State.WAIT_CTL_REPLY, State.IDLE):
            connection.peer_tunnel_id = connection.peer_tunnel_id or message.assigned_tunnel_id
        refusal = None
        if connection.state is State.WAIT_CTL_REPLY:
            refusal = self._sccrp_refusal(connection, message)
        if refusal is not None:
            self._apply(connection, Event.SCCRP_UNACCEPTABLE, now, result=refusal)
            return
        if connection.state is State.WAIT_CTL_REPLY:
            connection.peer = peer_of(message)
            if connection.challenge is not None:
                connection.secret = self._shared.config.secret_for(message.host_name) or (
                    connection.secret
                )
                connection.authenticated = True
            connection.channel.set_peer_window(connection.peer.receive_window)
        self._apply(connection, Event.SCCRP, now, message=message)

    def _sccrp_refusal(self, connection: ControlConnection, message: Sccrp) -> Result | None:
        """Why the SCCRP is not acceptable; None: it is."""
        if message.protocol_version.version != 1:
            return results.wrong_version(message.protocol_version.version)
        if message.faults:
            return results.of_fault(message.faults[0])
        named = self._shared.config.secret_for(message.host_name)
        secret = named or connection.secret
        if connection.challenge is None:
            if named is not None:
                # Only a secret that was known before SCCRQ could be asked for.
                text = "a tunnel secret is shared, but this end did not ask for proof of it"
                return results.not_authorized(text)
        else:
            assert secret is not None, "only with a secret there is a challenge"
            if not proves(message.challenge_response, Sccrp.TYPE, secret, connection.challenge):
                return self._not_proved(message.challenge_response)
        if message.challenge is not None and secret is None:
            text = "no tunnel secret is shared with this host name"
            return results.not_authorized(text)
        return None

    def _scccn(self, connection: ControlConnection, message: Scccn, now: float) -> None:
        refusal = None
        if connection.state is State.WAIT_CTL_CONN:
            if message.faults:
                refusal = results.of_fault(message.faults[0])
            elif connection.challenge is not None:
                secret, given = connection.secret, message.challenge_response
                if secret is None or not proves(given, Scccn.TYPE, secret, connection.challenge):
                    refusal = self._not_proved(given)
                else:
                    connection.authenticated = True
        if refusal is not None:
            self._apply(connection, Event.SCCCN_UNACCEPTABLE, now, result=refusal)
        else:
            self._apply(connection, Event.SCCCN, now)

    def _not_proved(self, given: bytes | None) -> Result:
        if given is None:
            reason, text = "tunnel authentication: no response", "a tunnel secret is required"
        else:
            reason, text = "tunnel authentication: wrong response", "the tunnel secrets differ"
        self._shared.drops.add(reason)
        return results.not_authorized(text)

    # --- the machine ---------------------------------------------------------------------------

    def _apply(
        self,
        connection: ControlConnection,
        event: Event,
        now: float,
        *,
        result: Result = results.STATE_MACHINE_ERROR,
        by_peer: bool = False,
        message: Sccrp | None = None,
    ) -> None:
        before = connection.state
        actions, connection.state = step(before, event)
        for action in actions:
            match action:
                case Action.SEND_SCCRQ:
                    self._send_sccrq(connection)
                case Action.SEND_SCCCN:
                    assert message is not None, "SCCCN answers SCCRP"
                    self._send_scccn(connection, message)
                case Action.SEND_STOPCCN:
                    self._send_stopccn(connection, result)
                case Action.TUNNEL_OPEN:
                    self._tunnel_open(connection, now)
                case Action.CLEAN_UP:
                    if before is not State.IDLE:
                        if Action.SEND_STOPCCN not in actions:
                            connection.channel.abandon()
                        self._clean_up(connection, result, by_peer, now)
                case Action.SEND_SCCRP | Action.REQUEUE_SCCRQ:
                    pass  # the reception answers SCCRQ
        self._shared.touch(connection)

    def _add(self, connection: ControlConnection, expires: float) -> None:
        connection.expires = expires
        self._shared.connections[connection.tunnel_id] = connection
        self._count_address(connection.path, 1)

    def _count_address(self, path: Path, step: int) -> None:
        counts, where = self._shared.per_address, place(path.remote.host)
        count = counts.get(where, 0) + step
        if count:
            counts[where] = count
        else:
            del counts[where]

    def _tunnel_open(self, connection: ControlConnection, now: float) -> None:
        if connection.expires is not None:
            connection.expires = None
            connection.challenge = connection.tie_breaker = None
            self._opening.pop(connection.tunnel_id, None)
            assert connection.peer is not None, "both ways to here went through SCCRQ or SCCRP"
            self._shared.events.append(
                ControlConnectionUp(
                    connection.tunnel_id,
                    connection.path,
                    connection.peer,
                    connection.authenticated,
                )
            )
        if not (self._shared.config.habits.call_after_ack and connection.channel.backlog):
            self._calls.tunnel_open(connection, now)

    def _clean_up(
        self, connection: ControlConnection, result: Result, by_peer: bool, now: float
    ) -> None:
        self._calls.drop_all(connection, results.of_call(result), now, by_peer=by_peer)
        self._opening.pop(connection.tunnel_id, None)
        self._count_address(connection.path, -1)
        self._shared.events.append(
            ControlConnectionDown(
                connection.tunnel_id, connection.path, connection.peer, result, by_peer
            )
        )
        connection.expires = now + self._shared.config.quarantine
        connection.peer = connection.secret = connection.challenge = None
        connection.waiting = None

    # --- time ----------------------------------------------------------------------------------

    def handle_timeout(self, connection: ControlConnection, now: float) -> None:
        """Retransmit, say HELLO, give up, let ids free: whatever is due."""
        if connection.expires is not None and connection.expires <= now:
            if connection.state is State.IDLE:
                del self._shared.connections[connection.tunnel_id]
                self._shared.touched.pop(connection.tunnel_id, None)
                return
            silent = connection.state is State.WAIT_CTL_REPLY
            late = Result(1, 0, "not established in time")
            self._apply(connection, Event.CLOSE, now, result=results.SILENT if silent else late)
        if not connection.channel.handle_timeout(now):
            self._unanswered(connection, now)
        if (
            connection.state is State.ESTABLISHED
            and not connection.channel.backlog
            and connection.heard + self._shared.config.hello_interval <= now
        ):
            connection.heard = max(connection.heard, self._shared.last_data(connection.tunnel_id))
            if connection.heard + self._shared.config.hello_interval <= now:
                connection.channel.send(0, _HELLO)
        self._shared.touch(connection)

    def _unanswered(self, connection: ControlConnection, now: float) -> None:
        """A message went out for the last time, in vain."""
        channel = connection.channel
        if connection.state is State.ESTABLISHED and channel.oldest_body == _HELLO:
            # Data, or another control message, is life: some peers answer no HELLO while they are
            # busy, some never do.
            alive = max(connection.heard, self._shared.last_data(connection.tunnel_id))
            if alive > now - self._cycle:
                channel.start_over()
                return
        self.abandon(connection, results.SILENT, now)

    def abandon(self, connection: ControlConnection, result: Result, now: float) -> None:
        """Forget a control connection without a word to the peer, who is out of reach."""
        connection.channel.abandon()
        if connection.state is not State.IDLE:
            connection.state = State.IDLE
            self._clean_up(connection, result, by_peer=False, now=now)
        self._shared.touch(connection)

    # --- what we send --------------------------------------------------------------------------

    def _send_sccrq(self, connection: ControlConnection) -> None:
        config = self._shared.config
        habits = config.habits
        message = Sccrq(
            framing_capabilities=habits.framing,
            bearer_capabilities=habits.bearer,
            firmware_revision=habits.firmware,
            host_name=config.host_name,
            vendor_name=habits.vendor_name or None,
            assigned_tunnel_id=connection.tunnel_id,
            receive_window_size=config.receive_window,
            challenge=connection.challenge,
            tie_breaker=connection.tie_breaker,
        )
        first = (PROTOCOL_VERSION.key, HOST_NAME.key) if habits.host_name_first else ()
        connection.send(message, body=encode(message, first=first))

    def _send_scccn(self, connection: ControlConnection, message: Sccrp) -> None:
        answer = None
        if message.challenge is not None:
            assert connection.secret is not None, "an SCCRP that we cannot answer is refused"
            answer = response(Scccn.TYPE, connection.secret, message.challenge)
        connection.send(Scccn(challenge_response=answer))

    def _send_stopccn(self, connection: ControlConnection, result: Result) -> None:
        if not connection.peer_tunnel_id:
            # SCCRQ has no answer yet. Should one come, StopCCN follows it (idle, Receive SCCRP).
            connection.channel.abandon()
            return
        habits = self._shared.config.habits
        by_peer_id = habits.peer_ids_at_end
        message = StopCcn(
            assigned_tunnel_id=connection.peer_tunnel_id if by_peer_id else connection.tunnel_id,
            result_code=results.result_code(result, habits),
        )
        connection.send(message)


def _names(assigned_tunnel_id: int, connection: ControlConnection) -> bool:
    """Whether the Assigned Tunnel ID in a StopCCN is of this connection.

    Old Windows names the id of the other side, ours. One who leaves it out is believed; so is one
    who had not told its id before: what it sends along with a refusal stands for nothing.
    """
    known = connection.peer_tunnel_id
    return not (assigned_tunnel_id and known) or assigned_tunnel_id in (
        known,
        connection.tunnel_id,
    )
