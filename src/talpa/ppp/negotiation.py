"""What LCP and every NCP do alike: the packets with codes 1 to 7, and the way to an agreement.

A protocol class says what it wants (`wanted`), judges what the peer wants (`judge`, `lacking`), and
takes in what the peer makes of its own wishes (`suggested`, `refused`). All else is here: matching
of identifiers, Ack, Nak or Reject, bounds on how long two sides may disagree.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from talpa.ppp.automaton import Automaton, Event, Signal, State
from talpa.ppp.events import LinkClosed
from talpa.ppp.frames import HEADER_SIZE, Code, Protocol, emit_packet, parse_packet
from talpa.ppp.line import Line
from talpa.ppp.options import emit_options, parse_options

_LAST_NAMED = Code.CODE_REJECT
_MOST_REPEATED_ACKS = 2
_ROUNDS_PER_FAILURE = 4
"""Rounds of Nak and Reject, both ways, for each of `max_failure` before it is given up."""
_TERMINATE_PAUSE = 1.0
"""Seconds that a peer which terminated has for our Terminate-Ack before the layer is finished."""
_FIRST_REPEAT = 0.25
"""Part of the Restart timer; see `_hear`."""
_LONGEST_FAREWELL = 100
"""Octets."""
_DEAF = (State.CLOSED, State.CLOSING, State.STOPPING)
"""States where a Configure-Request is not looked into: good and bad make no difference."""


class ControlProtocol(Automaton):
    """One automaton with its packets."""

    __slots__ = (
        "_acked",
        "_dropped",
        "_heard",
        "_line",
        "_naks",
        "_repeated",
        "_request",
        "_rounds",
        "_serial",
        "why",
    )

    PROTOCOL: ClassVar[Protocol]
    TIMEOUT_CAUSE: ClassVar[int]
    """RFC 3145 code of a peer that does not answer."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line
        self._serial = 0
        self._request = b""
        """Our Configure-Request that waits for an answer."""
        self._acked = b""
        """The peer's Configure-Request that we acknowledged."""
        self._repeated = 0
        self._naks = 0
        """Configure-Naks sent without a Configure-Ack (RFC 1661 4.6, Max-Failure)."""
        self._rounds = 0
        self._dropped = 0
        """Bit n: option n is not asked for any more."""
        self._heard = False
        self.why: LinkClosed | None = None
        """Why this layer is ending or did not come up."""

    # The protocol's own.

    @abstractmethod
    def wanted(self) -> list[tuple[int, bytes]]:
        """Options of our Configure-Request."""

    def unjudged(self) -> None:
        """A Configure-Request is about to be judged: what the peer wants is the default again."""

    @abstractmethod
    def judge(self, kind: int, value: bytes) -> bytes | None:
        """What we make of an option: `value` itself to acknowledge it, other octets to Nak it with
        them, None to reject it."""

    @abstractmethod
    def lacking(self, kinds: int) -> list[tuple[int, bytes]]:
        """Options to prompt the peer for. `kinds`: bit n for each option n that it listed."""

    @abstractmethod
    def suggested(self, kind: int, value: bytes) -> None:
        """The peer Naks an option that we asked for."""

    def refused(self, kind: int) -> None:
        """The peer rejects an option that we asked for; it is not asked for any more."""

    @abstractmethod
    def renew(self) -> None:
        """A negotiation begins: want again what was given up in the last."""

    @abstractmethod
    def terminated(self, data: bytes) -> LinkClosed:
        """Why the layer ends when the peer sent a Terminate-Request with `data`."""

    def extended(self, code: int, packet: bytes, data: bytes, now: float) -> bool:  # noqa: ARG002
        """Take a packet with a code above 7; False: the code is not known."""
        return False

    # Driven by the link.

    def up(self, now: float) -> None:
        """The lower layer can carry packets."""
        self._restart()
        self.happen(Event.UP, now)

    def down(self, now: float) -> None:
        """The lower layer is gone."""
        self.happen(Event.DOWN, now)
        self._request = self._acked = b""
        self._heard = False

    def open(self, now: float) -> None:
        """The layer is wanted."""
        self.happen(Event.OPEN, now)

    def close(self, now: float, why: LinkClosed) -> None:
        """The layer is not wanted any more. The first reason given stays."""
        self.why = self.why or why
        self.happen(Event.CLOSE, now)

    def take_signal(self) -> Signal:
        """What happened since the last call."""
        signal, self.signal = self.signal, Signal.NONE
        return signal

    def receive(self, payload: bytes, now: float) -> None:
        """Take one packet. Raises `Malformed`, with nothing changed."""
        code, _, data = parse_packet(payload)
        packet = payload[: HEADER_SIZE + len(data)]
        if self.state <= State.STARTING:
            self._drop("before it may be negotiated")
            return
        match code:
            case Code.CONFIGURE_REQUEST:
                self._configure_request(packet, data, now)
            case Code.CONFIGURE_ACK:
                self._configure_ack(packet, now)
            case Code.CONFIGURE_NAK | Code.CONFIGURE_REJECT:
                self._configure_nak(packet, data, now)
            case Code.TERMINATE_REQUEST:
                self._terminate_request(packet, data, now)
            case Code.TERMINATE_ACK:
                self.happen(Event.RTA, now)
            case Code.CODE_REJECT:
                self._code_reject(data, now)
            case _ if not self.extended(code, packet, data, now):
                self.happen(Event.RUC, now, packet)

    def handle_timeout(self, now: float) -> None:
        """Act when the Restart timer has expired."""
        if self.deadline is None or self.deadline > now:
            return
        if self._left <= 0 and self.state >= State.REQ_SENT and self.why is None:
            self.why = self._unanswered()
        super().handle_timeout(now)

    def fail(self, reason: str, cause: int = 0, direction: int = 0) -> None:
        """No agreement is possible: the owner should close."""
        if self.why is None:
            self.why = LinkClosed(
                reason, cause, by_peer=False, direction=direction, protocol=self.PROTOCOL
            )
        self.signal = Signal.FAILED

    def next_serial(self) -> int:
        """An identifier for a new packet of ours."""
        if self._line.config.habits.one_count:
            return self._line.next_serial()
        self._serial = (self._serial + 1) & 0xFF
        return self._serial

    def wants(self, kind: int) -> bool:
        """Whether option `kind` may still be asked for."""
        return not self._dropped >> kind & 1

    def give_up(self, kind: int) -> None:
        """Do not ask for option `kind` any more."""
        self._dropped |= 1 << kind

    # What the automaton does.

    def restart_seconds(self) -> float:
        """See `Automaton`."""
        return self._line.config.restart_timer

    def pause_seconds(self) -> float:
        """See `Automaton`."""
        return _TERMINATE_PAUSE

    def max_configure(self) -> int:
        """See `Automaton`."""
        return self._line.config.max_configure

    def max_terminate(self) -> int:
        """See `Automaton`."""
        return self._line.config.max_terminate

    def send_configure_request(self) -> None:
        """A request that was not answered is repeated with its identifier, so that the answer to
        either counts."""
        if not self._request:
            options = emit_options(self.wanted())
            self._request = emit_packet(Code.CONFIGURE_REQUEST, self.next_serial(), options)
        self.send(self._request)

    def send_terminate_request(self) -> None:
        """The reason goes along, for whoever reads the peer's log."""
        text = self.farewell().encode("ascii", "replace")[:_LONGEST_FAREWELL]
        self.send(emit_packet(Code.TERMINATE_REQUEST, self.next_serial(), text))

    def farewell(self) -> str:
        """What the peer is told when we end the layer."""
        return self.why.reason if self.why is not None else ""

    def send_terminate_ack(self, packet: bytes) -> None:
        """See `Automaton`."""
        self.send(emit_packet(Code.TERMINATE_ACK, packet[1]))

    def send_code_reject(self, packet: bytes) -> None:
        """See `Automaton`."""
        if self._line.allow_reject():
            most = self._line.peer_mru - HEADER_SIZE
            self.send(emit_packet(Code.CODE_REJECT, self.next_serial(), packet[:most]))
        else:
            self._drop("unknown codes, too many")

    def send(self, packet: bytes) -> None:
        """See `Automaton`."""
        self._line.out.append((self.PROTOCOL, packet))

    def acknowledged_peer(self, packet: bytes) -> None:
        """See `Automaton`."""
        self._acked = packet
        self._repeated = 0
        self._naks = 0

    def opened(self, now: float) -> None:  # noqa: ARG002
        """See `Automaton`."""
        self.why = None
        self._rounds = 0

    def left_opened(self, now: float) -> None:
        """See `Automaton`."""
        if self.state >= State.REQ_SENT:
            self._line.count_renegotiation(now)
        self._restart()

    # Packets.

    def _configure_request(self, packet: bytes, data: bytes, now: float) -> None:
        if self.state in _DEAF:
            self.happen(Event.RCR_PLUS, now, packet)
            return
        if self._repeats(packet):
            return
        options = parse_options(data)
        naks: list[tuple[int, bytes]] = []
        unwilling: list[tuple[int, bytes]] = []
        rejects: list[tuple[int, bytes]] = []
        kinds = 0
        self.unjudged()
        for kind, value in options:
            # None of our options may be listed twice.
            verdict = None if kinds >> kind & 1 else self.judge(kind, value)
            kinds |= 1 << kind
            if verdict is None:
                rejects.append((kind, value))
            elif verdict != value:
                naks.append((kind, verdict))
                unwilling.append((kind, value))
        if self.signal is Signal.FAILED:
            return
        if not rejects:
            if self._naks < self._line.config.max_failure:
                naks += self.lacking(kinds)
            else:
                naks, rejects = [], unwilling
        self._hear(now)
        self._answer_request(packet, data, naks, rejects, now)

    def _answer_request(
        self,
        packet: bytes,
        data: bytes,
        naks: list[tuple[int, bytes]],
        rejects: list[tuple[int, bytes]],
        now: float,
    ) -> None:
        identifier = packet[1]
        if rejects:
            answer = emit_packet(Code.CONFIGURE_REJECT, identifier, self._fitting(rejects))
        elif naks:
            self._naks += 1
            answer = emit_packet(Code.CONFIGURE_NAK, identifier, self._fitting(naks))
        else:
            answer = emit_packet(Code.CONFIGURE_ACK, identifier, data)
            self.happen(Event.RCR_PLUS, now, packet, answer)
            return
        self.happen(Event.RCR_MINUS, now, packet, answer)
        self._count_round(direction=2)

    def _repeats(self, packet: bytes) -> bool:
        """Answer a Configure-Request that we have acknowledged already, and are open on.

        Either the network doubled it or our Ack was lost. To leave Opened, as the table has it,
        would bring the link down for an agreement that stands. A peer that goes on asking has lost
        its state, and then the table rules.
        """
        if (
            self.state is not State.OPENED
            or packet != self._acked
            or self._repeated == _MOST_REPEATED_ACKS
        ):
            return False
        self._repeated += 1
        self.send(emit_packet(Code.CONFIGURE_ACK, packet[1], packet[HEADER_SIZE:]))
        return True

    def _hear(self, now: float) -> None:
        """The peer's first Configure-Request: it is there now.

        What we sent before it was listening is lost; do not wait a whole Restart timer to say it
        again.
        """
        if not self._heard:
            self._heard = True
            if self.deadline is not None and self.state is State.REQ_SENT:
                soon = now + _FIRST_REPEAT * self.restart_seconds()
                self.deadline = min(self.deadline, soon)

    def _configure_ack(self, packet: bytes, now: float) -> None:
        # Equal but for the code: same identifier, same options, unchanged (RFC 1661 5.2).
        if not self._request or packet[1:] != self._request[1:]:
            self._drop("Configure-Ack that answers nothing outstanding")
            return
        self._request = b""
        self.happen(Event.RCA, now, packet)

    def _configure_nak(self, packet: bytes, data: bytes, now: float) -> None:
        if not self._request or packet[1] != self._request[1]:
            self._drop("Configure-Nak or -Reject that answers nothing outstanding")
            return
        options = parse_options(data)
        asked = parse_options(self._request[HEADER_SIZE:])
        if packet[0] == Code.CONFIGURE_REJECT:
            if not options or any(option not in asked for option in options):
                self._drop("Configure-Reject of what was not asked for")
                return
            for kind, _ in options:
                self.give_up(kind)
                self.refused(kind)
        else:
            # Options we did not list are prompts to ask for them, which we do not follow.
            for kind in {kind for kind, _ in asked}:
                value = next((value for k, value in options if k == kind), None)
                if value is not None:
                    self.suggested(kind, value)
        if self.signal is Signal.FAILED:
            return
        self._request = b""
        self.happen(Event.RCN, now, packet)
        self._count_round(direction=1)

    def _terminate_request(self, packet: bytes, data: bytes, now: float) -> None:
        if self.why is None:
            self.why = self.terminated(data)
        self.happen(Event.RTR, now, packet)
        if self.state >= State.REQ_SENT:
            # A peer that takes leave before anything is agreed hardly comes back: ask once more.
            self._left = min(self._left, 1)

    def _code_reject(self, data: bytes, now: float) -> None:
        code = data[0] if data else 0
        if 1 <= code <= _LAST_NAMED:
            if self.why is None:
                self.why = LinkClosed(
                    f"the peer does not understand {self.PROTOCOL.name}", 0, by_peer=True
                )
            self.happen(Event.RXJ_MINUS, now)
        else:
            self.happen(Event.RXJ_PLUS, now)

    def _count_round(self, direction: int) -> None:
        self._rounds += 1
        if self._rounds >= _ROUNDS_PER_FAILURE * max(self._line.config.max_failure, 1):
            self.fail(
                f"{self.PROTOCOL.name} came to no agreement with the peer",
                self._disagreement(),
                direction,
            )

    def _disagreement(self) -> int:
        """RFC 3145 code."""
        return 0

    def _unanswered(self) -> LinkClosed:
        return LinkClosed(
            f"the peer did not finish {self.PROTOCOL.name}",
            self.TIMEOUT_CAUSE,
            by_peer=False,
            protocol=self.PROTOCOL,
        )

    def _fitting(self, options: Iterable[tuple[int, bytes]]) -> bytes:
        """As many of the options as the peer can receive in one packet."""
        room = self._line.peer_mru - HEADER_SIZE
        fitting = []
        for kind, value in options:
            room -= 2 + len(value)
            if room < 0:
                break
            fitting.append((kind, value))
        return emit_options(fitting)

    def _restart(self) -> None:
        self._dropped = 0
        self._naks = 0
        self._rounds = 0
        self.renew()

    def _drop(self, what: str) -> None:
        self._line.drops.add(f"{self.PROTOCOL.name}: {what}")
