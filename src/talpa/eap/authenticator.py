"""The side that wants to know who the other is (RFC 3748 2), for IKEv2 and PPP alike."""

from dataclasses import dataclass

from talpa.crypto.attempts import name_text
from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused
from talpa.eap.md5 import Md5Server
from talpa.eap.methods import METHODS, Ask, Fault, Method, Proven, Say, ServerMethod
from talpa.eap.mschapv2 import MsChapV2Server
from talpa.eap.outcomes import Failure, Outcome, Success
from talpa.eap.packets import MOST_IDENTITY, Code, Packet, Type, emit, parse
from talpa.eap.tls import TlsServer
from talpa.eap.tls_settings import TlsSettings
from talpa.sansio import Drops, Rng
from talpa.wire import Malformed, printable

MOST_ROUNDS = 64
"""Requests in one conversation."""
_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from an input; nothing when the input was dropped."""

    reply: bytes | None = None
    """An EAP packet to send: a Request, or Success or Failure at the end."""
    attempt: Attempt | None = None
    """To be decided: hand the decision to `Authenticator.verdict`. There is no `reply` beside."""
    outcome: Outcome | None = None
    """It is over; `reply` still has to be sent."""


class Authenticator:
    """One conversation.

    `methods` by name ("mschapv2", "tls", "md5"), best first; "tls" needs `tls`. `name` is how we
    call ourselves in challenges. `drops` counts input that was dropped, by reason.

    Drive it so: send what `begin` returns; give each EAP packet of the peer to `receive`, whole;
    act on the `Step`. A response that comes again is answered with the same packet again. There is
    no timer: where packets can be lost (PPP) the owner sends its last request again and ends the
    conversation; IKEv2 does both by itself. Nothing raises, whatever is received.
    """

    __slots__ = (
        "_answered",
        "_asked",
        "_drops",
        "_identifier",
        "_identity",
        "_last",
        "_left",
        "_method",
        "_methods",
        "_moved",
        "_name",
        "_outcome",
        "_rng",
        "_rounds",
        "_server",
        "_tls",
        "refusal",
    )

    def __init__(
        self,
        methods: tuple[str, ...],
        rng: Rng,
        name: str = "talpa",
        tls: TlsSettings | None = None,
        drops: Drops | None = None,
    ) -> None:
        self._methods = [METHODS[m] for m in methods if m != "tls" or tls is not None]
        self._left = list(self._methods)
        self._rng = rng
        self._name = (name or "talpa").encode()[:MOST_IDENTITY]
        self._tls = tls
        self._drops = Drops() if drops is None else drops
        self._identity: bytes | None = None
        self._identifier = 0
        self._rounds = 0
        self._method: Method | None = None
        self._server: ServerMethod | None = None
        self._moved = False
        """The peer has taken the method up."""
        self._asked = False
        """A verdict is awaited."""
        self._answered = b""
        """The response that was taken last."""
        self._last: bytes | None = None
        """What we sent last."""
        self._outcome: Outcome | None = None
        self.refusal = ""
        """Why the peer's last try was refused: for the log, should it go away without a word."""

    @property
    def identity(self) -> str:
        """What the peer calls itself, fit for a log line; "" before it said so. Not proven."""
        return printable(self._identity or b"", _SHOWN)

    @property
    def method(self) -> str:
        """Title of the method under way ("EAP-TLS"), or ""."""
        return "" if self._method is None else self._method.title

    @property
    def outcome(self) -> Outcome | None:
        """As the last `Step` said; None while it goes on."""
        return self._outcome

    def begin(self, identity: str | None = None) -> bytes:
        """The first packet. With `identity`, known from elsewhere, the peer is not asked for it:
        the first method begins (RFC 3748 5.1). None: an Identity request.

        Without any method it is Failure, and `outcome` is set.
        """
        self._identifier = self._rng(1)[0]
        if identity is not None:
            self._identity = identity.encode("utf-8", "surrogateescape")[:MOST_IDENTITY]
            return self._next_method().reply or b""
        if not self._methods:
            return self._fail(Fault("no EAP method is configured", by_peer=False)).reply or b""
        return self._request(Type.IDENTITY, b"").reply or b""

    def receive(self, data: bytes) -> Step:
        """An EAP packet of the peer."""
        if self._answered and data == self._answered:
            return Step(self._last)
        try:
            packet = self._expected(data)
            step = self._response(packet)
        except Malformed as malformed:
            self._drops.add(malformed.reason)
            return Step()
        self._answered = data
        return step

    def verdict(self, verdict: Accepted | Refused | PasswordChanged) -> Step:
        """What was decided about the attempt. Without an attempt waiting nothing happens."""
        if not self._asked or self._server is None:
            return Step()
        self._asked = False
        if isinstance(verdict, Refused):
            self.refusal = verdict.reason
        return self._follow(self._server.verdict(verdict))

    def _expected(self, data: bytes) -> Packet:
        """The packet, if it is a response to our request."""
        packet = parse(data)
        if packet.code != Code.RESPONSE:
            raise Malformed("EAP packet is no response")
        if self._outcome is not None:
            raise Malformed("EAP response after the end")
        if packet.identifier != self._identifier or self._last is None:
            raise Malformed("EAP response to another request")
        if self._asked:
            raise Malformed("EAP response while a verdict is awaited")
        return packet

    def _response(self, packet: Packet) -> Step:
        if self._method is None or self._server is None:
            if packet.type != Type.IDENTITY:
                raise Malformed("EAP response is no Identity")
            return self._identified(packet.data)
        if packet.type == Type.NAK and not self._moved:
            return self._nak(packet.data)
        if packet.type != self._method.type:
            raise Malformed("EAP response of another method")
        turn = self._server.receive(packet.identifier, packet.data)
        self._moved = True
        return self._follow(turn)

    def _identified(self, identity: bytes) -> Step:
        if len(identity) > MOST_IDENTITY:
            raise Malformed("EAP identity too long")
        # Some put a displayable text and options behind a NUL (RFC 3748 5.1).
        self._identity = identity.partition(b"\0")[0]
        return self._next_method()

    def _nak(self, wanted: bytes) -> Step:
        """The peer wants another method (RFC 3748 5.3.1); we go by our order."""
        self._left = [m for m in self._left if m.type in wanted]
        if self._left:
            return self._next_method()
        names = ", ".join(str(Type(t)) for t in wanted[:8] if t) or "none"
        ours = ", ".join(m.title for m in self._methods)
        reason = f"no EAP method in common: the peer wants {names}, we have {ours}"
        return self._fail(Fault(reason, by_peer=False))

    def _next_method(self) -> Step:
        if not self._left:
            return self._fail(Fault("no EAP method is configured", by_peer=False))
        self._method = self._left.pop(0)
        self._server = self._made(self._method)
        self._moved = False
        return self._follow(self._server.start(self._following()))

    def _made(self, method: Method) -> ServerMethod:
        identity = self._identity or b""
        if method.type == Type.TLS and self._tls is not None:
            return TlsServer(self._tls, identity)
        if method.type == Type.MD5:
            return Md5Server(identity, self._name, self._rng)
        return MsChapV2Server(self._name, self._rng)

    def _following(self) -> int:
        """The identifier of the next request."""
        return (self._identifier + 1) & 0xFF

    def _follow(self, turn: Say | Ask | Proven | Fault) -> Step:
        if isinstance(turn, Ask):
            self._asked = True
            self._last = None
            return Step(attempt=turn.attempt)
        if isinstance(turn, Fault):
            return self._fail(turn)
        assert self._method is not None
        if isinstance(turn, Say):
            return self._request(self._method.type, turn.data)
        self._outcome = Success(turn.name, self._method.title, turn.msk)
        return self._end(Code.SUCCESS)

    def _request(self, kind: Type, data: bytes) -> Step:
        self._rounds += 1
        if self._rounds > MOST_ROUNDS:
            return self._fail(Fault("EAP takes too many rounds", by_peer=True))
        self._identifier = self._following()
        self._last = emit(Packet(Code.REQUEST, self._identifier, kind, data))
        return Step(self._last)

    def _fail(self, fault: Fault) -> Step:
        self._outcome = Failure(fault.reason, fault.by_peer, fault.error)
        return self._end(Code.FAILURE)

    def _end(self, code: Code) -> Step:
        """Success and Failure carry the identifier of the response before (RFC 3748 4.2)."""
        self._server = None
        self._last = emit(Packet(code, self._identifier))
        return Step(self._last, outcome=self._outcome)

    @property
    def user(self) -> str:
        """The identity as a user's name, without a Windows domain. Not proven."""
        return name_text(self._identity or b"")
