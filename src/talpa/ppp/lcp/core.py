"""LCP: what we want of the link, what we make of the peer's wishes, and the maintenance packets."""

import struct
from typing import ClassVar

from talpa.ppp.auth.methods import METHODS, method_of
from talpa.ppp.auth.policy import agree, demand, demand_after_nak
from talpa.ppp.automaton import Event, State
from talpa.ppp.events import LinkClosed, LinkOpened, PeerIdentified
from talpa.ppp.frames import (
    DEFAULT_MRU,
    HEADER_SIZE,
    Code,
    Protocol,
    emit_packet,
    protocol_name,
)
from talpa.ppp.lcp.echo import KeepAlive
from talpa.ppp.lcp.options import ACCM, ACFC, AUTHENTICATION, MAGIC, MRU, PFC
from talpa.ppp.lcp.ras import RAS_HUNG_UP, RAS_LOGIN_REFUSED, ras_data, ras_error, ras_text
from talpa.ppp.line import Line
from talpa.ppp.negotiation import ControlProtocol
from talpa.wire import printable

LEAST_MRU = 128
"""Octets; a peer that takes less cannot be told anything."""
DEFAULT_ACCM = 0xFFFFFFFF
MOST_IDENTIFICATIONS = 8
"""Identifications that are told of while LCP is open."""
MOST_TEXT = 256
"""Characters of the peer's texts that are kept."""

_MOST_LOOPS = 5
"""Our own Magic-Number seen so often: the line is looped."""
_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")
_EXTRA_OVERHEAD = 4
"""Octets of Magic-Number in maintenance packets."""

# RFC 3145 3.
_CAUSE_TERMINATED = 3
_CAUSE_NOTHING_HEARD = 6
_CAUSE_LOOPED = 7
_CAUSE_METHOD = 15
_CAUSE_AUTHENTICATION = 16
_BY_PEER = 1
_BY_US = 2


class Lcp(ControlProtocol):
    """One link's LCP."""

    __slots__ = (
        "_accm",
        "_counter_offers",
        "_loops",
        "_mru",
        "_refused_methods",
        "_told",
        "demand",
        "echo",
        "magic",
        "peer_accm",
        "peer_mru",
        "prove",
        "rejected_protocol",
    )

    PROTOCOL: ClassVar[Protocol] = Protocol.LCP
    TIMEOUT_CAUSE: ClassVar[int] = 5

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.echo = KeepAlive()
        self.rejected_protocol = 0
        """Of a Protocol-Reject from the peer; the owner sets it back."""
        self.renew()
        self.unjudged()

    @property
    def mru(self) -> int:
        """Octets we take, as the peer knows it."""
        return self._mru if self.wants(MRU.type) else DEFAULT_MRU

    @property
    def accm(self) -> int:
        """Our ACCM, as the peer knows it."""
        asked = self._line.config.habits.ask_accm and self.wants(ACCM.type)
        return self._accm if asked else DEFAULT_ACCM

    def listen(self, now: float) -> None:
        """Wait for the peer's first Configure-Request, but not long: it may be waiting for ours.

        This is the Stopped state: the answer to that request brings our own along.
        """
        self._restart()
        self.state = State.STOPPED
        self.deadline = now + self.restart_seconds() / 3

    def handle_timeout(self, now: float) -> None:
        """See `ControlProtocol`."""
        if self.state is State.STOPPED and self.deadline is not None and self.deadline <= now:
            self.state = State.STARTING
            self.up(now)
        else:
            super().handle_timeout(now)

    # What we want.

    def renew(self) -> None:
        """See `ControlProtocol`."""
        config = self._line.config
        self.magic = self._random()
        self.demand = demand(config.authenticate)
        """Method with which the peer must authenticate itself."""
        self._mru = config.mru
        self._accm = 0
        self._refused_methods: tuple[str, ...] = ()
        self._loops = 0
        self._counter_offers = 0
        self._told = 0
        self.echo.unanswered = 0

    def wanted(self) -> list[tuple[int, bytes]]:
        """See `ControlProtocol`."""
        habits = self._line.config.habits
        options = []
        if self._mru != DEFAULT_MRU:
            options.append((MRU.type, _U16.pack(self._mru)))
        if habits.ask_accm:
            options.append((ACCM.type, _U32.pack(self._accm)))
        if self.demand:
            options.append((AUTHENTICATION.type, METHODS[self.demand].option))
        options.append((MAGIC.type, _U32.pack(self.magic)))
        if habits.ask_pfc:
            options.append((PFC.type, b""))
        if habits.ask_acfc:
            options.append((ACFC.type, b""))
        options.extend(habits.extra_lcp)
        if not self._dropped:
            return options
        return [option for option in options if self.wants(option[0])]

    def suggested(self, kind: int, value: bytes) -> None:
        """See `ControlProtocol`."""
        match kind:
            case MRU.type if len(value) == 2 and LEAST_MRU <= _U16.unpack(value)[0] < self._mru:
                self._mru = _U16.unpack(value)[0]
            case ACCM.type if len(value) == 4:
                self._accm |= _U32.unpack(value)[0]
            case AUTHENTICATION.type:
                self._other_method(value)
            case MAGIC.type:
                # Not the number that the peer suggests: on a looped line it is our own suggestion.
                self.magic = self._random()
            case _:
                self.give_up(kind)

    def refused(self, kind: int) -> None:
        """See `ControlProtocol`."""
        if kind == AUTHENTICATION.type:
            self.fail(
                "the peer does not authenticate itself; allowed here: "
                f"{_titles(self._line.config.authenticate)}",
                _CAUSE_METHOD,
                _BY_PEER,
            )
        elif kind == MAGIC.type:
            self.magic = 0

    def _other_method(self, value: bytes) -> None:
        allowed = self._line.config.authenticate
        self._refused_methods += (self.demand or "",)
        self.demand = demand_after_nak(allowed, self._refused_methods, value)
        if self.demand is None:
            self.fail(
                f"the peer offers only {_method_title(value)} to authenticate itself; "
                f"allowed here: {_titles(allowed)}",
                _CAUSE_METHOD,
                _BY_PEER,
            )

    # What the peer wants.

    def unjudged(self) -> None:
        """See `ControlProtocol`."""
        self.peer_mru = DEFAULT_MRU
        self.peer_accm = DEFAULT_ACCM
        self.prove: str | None = None
        """Method with which we must authenticate ourselves."""

    def judge(self, kind: int, value: bytes) -> bytes | None:
        """See `ControlProtocol`."""
        match kind:
            case MRU.type:
                return self._judge_mru(value)
            case ACCM.type:
                if len(value) != 4:
                    return _U32.pack(0)
                self.peer_accm = _U32.unpack(value)[0]
                return value
            case AUTHENTICATION.type:
                return self._judge_authentication(value)
            case MAGIC.type:
                return self._judge_magic(value)
            case PFC.type | ACFC.type:
                # It means that the peer can receive short headers; we send them to nobody.
                return None if value else value
            case _:
                return None

    def lacking(self, kinds: int) -> list[tuple[int, bytes]]:  # noqa: ARG002
        """See `ControlProtocol`."""
        return []

    def _judge_mru(self, value: bytes) -> bytes:
        if len(value) != 2:
            return _U16.pack(DEFAULT_MRU)
        mru: int = _U16.unpack(value)[0]
        if mru < LEAST_MRU:
            return _U16.pack(LEAST_MRU)
        self.peer_mru = mru
        return value

    def _judge_magic(self, value: bytes) -> bytes:
        magic = _U32.unpack(value)[0] if len(value) == 4 else 0
        if magic == 0 or magic == self.magic:
            if magic:
                self._looped()
            return _U32.pack(self._random())
        return value

    def _judge_authentication(self, value: bytes) -> bytes | None:
        config = self._line.config
        if config.credentials is None or not config.accept:
            return None
        method = agree(config.accept, value)
        if method is not None:
            self.prove = method
            return value
        # Each of ours is suggested in turn, and the first once more; then it is a refusal.
        if self._counter_offers > len(config.accept):
            self.fail(
                f"the peer wants us to authenticate with {_method_title(value)}; "
                f"allowed here: {_titles(config.accept)}",
                _CAUSE_METHOD,
                _BY_US,
            )
        suggestion = config.accept[self._counter_offers % len(config.accept)]
        self._counter_offers += 1
        return METHODS[suggestion].option

    def _looped(self) -> None:
        self._loops += 1
        if self._loops >= _MOST_LOOPS:
            self.fail("the line is looped back: our own packets come back to us", _CAUSE_LOOPED)

    def _random(self) -> int:
        # Zero is not a Magic-Number.
        magic: int = _U32.unpack(self._line.rng(4))[0]
        return magic or 1

    # Opened and left.

    def opened(self, now: float) -> None:
        """See `ControlProtocol`."""
        super().opened(now)
        line = self._line
        line.peer_mru = self.peer_mru
        interval = line.config.echo_interval
        self.echo.deadline = now + interval if interval > 0 else None
        line.events.append(LinkOpened(self.peer_mru, self.mru, self.peer_accm, self.accm))
        for message in line.config.habits.identification:
            self.identify(message)
        if line.config.habits.echo_when_open:
            self.send_echo(now)

    def left_opened(self, now: float) -> None:
        """See `ControlProtocol`."""
        super().left_opened(now)
        self.echo.deadline = None
        self._line.peer_mru = DEFAULT_MRU

    def terminated(self, data: bytes) -> LinkClosed:
        """See `ControlProtocol`."""
        error = ras_error(data)
        reason = "the peer ended the link"
        if error:
            reason += f": {ras_text(error)}"
        elif data:
            reason += f', saying "{printable(data, MOST_TEXT)}"'
        return LinkClosed(
            reason, _CAUSE_TERMINATED, by_peer=True, ras_error=error, direction=_BY_PEER
        )

    def farewell(self) -> str:
        """See `ControlProtocol`."""
        # Why an authentication failed is for our own log: it would tell who exists and who not.
        if self.why is not None and self.why.cause == _CAUSE_AUTHENTICATION:
            return "authentication failed"
        return super().farewell()

    def send_terminate_request(self) -> None:
        """See `Automaton`."""
        if not self._line.config.habits.ras_farewell:
            super().send_terminate_request()
            return
        refused = self.why is not None and self.why.cause == _CAUSE_AUTHENTICATION
        data = ras_data(self.magic, RAS_LOGIN_REFUSED if refused else RAS_HUNG_UP)
        self.send(emit_packet(Code.TERMINATE_REQUEST, self.next_serial(), data))

    # Maintenance packets.

    def extended(self, code: int, packet: bytes, data: bytes, now: float) -> bool:
        """See `ControlProtocol`."""
        match code:
            case Code.ECHO_REQUEST:
                self._echo_request(packet, data, now)
            case Code.ECHO_REPLY:
                self._echo_reply(packet, data, now)
            case Code.DISCARD_REQUEST | Code.TIME_REMAINING:
                self.happen(Event.RXR, now)
            case Code.IDENTIFICATION:
                self._identification(data, now)
            case Code.PROTOCOL_REJECT:
                self._protocol_reject(data, now)
            case _:
                return False
        return True

    def identify(self, text: bytes) -> None:
        """Send an Identification (RFC 1570 1.1)."""
        room = self._line.peer_mru - HEADER_SIZE - _EXTRA_OVERHEAD
        self._maintain(Code.IDENTIFICATION, self.next_serial(), text[: min(room, MOST_TEXT)])

    def send_echo(self, now: float) -> None:
        """Send an Echo-Request."""
        identifier = self.next_serial()
        self.echo.asked(identifier, now)
        self._maintain(Code.ECHO_REQUEST, identifier, b"")

    def reject_protocol(self, protocol: int, payload: bytes) -> None:
        """Send a Protocol-Reject (RFC 1661 5.7), unless there were too many."""
        if self.state is not State.OPENED or not self._line.allow_reject():
            self._drop("unknown protocols, too many")
            return
        room = self._line.peer_mru - HEADER_SIZE - _U16.size
        data = _U16.pack(protocol) + payload[:room]
        self.send(emit_packet(Code.PROTOCOL_REJECT, self.next_serial(), data))

    def _maintain(self, code: Code, identifier: int, data: bytes) -> None:
        self.send(emit_packet(code, identifier, _U32.pack(self.magic) + data))

    def _echo_request(self, packet: bytes, data: bytes, now: float) -> None:
        if self._own(data):
            return
        answer = b""
        if self.state is State.OPENED:
            if self._line.allow_echo():
                room = self._line.peer_mru - HEADER_SIZE
                body = (_U32.pack(self.magic) + data[4:])[:room]
                answer = emit_packet(Code.ECHO_REPLY, packet[1], body)
            else:
                self._drop("Echo-Requests, too many")
        self.happen(Event.RXR, now, packet, answer)

    def _echo_reply(self, packet: bytes, data: bytes, now: float) -> None:
        if self._own(data):
            return
        if not self.echo.answered(packet[1], now):
            self._drop("Echo-Reply to nothing that was asked")
        self.happen(Event.RXR, now)

    def _own(self, data: bytes) -> bool:
        """Whether an Echo packet is too short, or bears our own Magic-Number: it was looped."""
        if len(data) < 4:
            self._drop("Echo packet without Magic-Number")
            return True
        if self.magic and _U32.unpack_from(data)[0] == self.magic:
            self._drop("Echo packet of our own, looped")
            if self.state is State.OPENED:
                self._looped()
            return True
        return False

    def _identification(self, data: bytes, now: float) -> None:
        if len(data) > 4 and self._told < MOST_IDENTIFICATIONS:
            self._told += 1
            self._line.events.append(PeerIdentified(printable(data[4:], MOST_TEXT)))
        else:
            self._drop("Identifications, empty or too many")
        self.happen(Event.RXR, now)

    def _protocol_reject(self, data: bytes, now: float) -> None:
        if self.state is not State.OPENED or len(data) < 2:
            self._drop("Protocol-Reject while LCP is not open, or cut short")
            return
        protocol = _U16.unpack_from(data)[0]
        if protocol == Protocol.LCP:
            self.why = self.why or LinkClosed("the peer rejects LCP itself", 0, by_peer=True)
            self.happen(Event.RXJ_MINUS, now)
        else:
            self.rejected_protocol = protocol
            self.happen(Event.RXJ_PLUS, now)

    def _unanswered(self) -> LinkClosed:
        if self._heard:
            return super()._unanswered()
        return LinkClosed(
            "the peer sent no LCP Configure-Request",
            _CAUSE_NOTHING_HEARD,
            by_peer=False,
            protocol=self.PROTOCOL,
        )

    def _code_reject(self, data: bytes, now: float) -> None:
        if data[:1] == bytes((Code.ECHO_REQUEST,)):
            self.echo.deadline = None
        super()._code_reject(data, now)


def _method_title(value: bytes) -> str:
    """The method in an Authentication-Protocol option, as a person reads it."""
    method = method_of(value)
    if method is not None:
        return method.title
    return protocol_name(int.from_bytes(value[:2], "big"))


def _titles(names: tuple[str, ...]) -> str:
    return ", ".join(METHODS[name].title for name in names) or "none"
