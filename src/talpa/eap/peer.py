"""The side that has to say who it is (RFC 3748 2), for IKEv2 and PPP alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from talpa.crypto.certificates import Credential, Trust
from talpa.eap.md5 import Md5Peer
from talpa.eap.methods import METHODS, Fault, Method, PeerMethod
from talpa.eap.mschapv2_peer import MsChapV2Peer
from talpa.eap.outcomes import Failure, Outcome, Success
from talpa.eap.packets import MOST_IDENTITY, MOST_MESSAGE, Code, Packet, Type, emit, parse
from talpa.eap.tls import TlsPeer
from talpa.eap.tls_settings import FRAGMENT, TlsSettings
from talpa.sansio import Drops, Rng
from talpa.wire import Malformed, Secret, printable

MOST_ROUNDS = 64
"""Requests of one conversation that are answered."""


@dataclass(frozen=True, slots=True)
class PeerStep:
    """What follows from an input; nothing when the input was dropped."""

    reply: bytes | None = None
    """An EAP response to send."""
    outcome: Outcome | None = None
    """It is over: let in, or not. With a method of which a key comes, `Success.msk` is what the
    owner binds the rest to."""
    notice: str = ""
    """What the authenticator wants a person to read (Notification, RFC 3748 5.2)."""


class Peer:
    """One conversation. `user` is our identity, at most 255 octets of UTF-8 (else `ValueError`).

    A method of `methods` ("mschapv2", "tls", "md5"), best first, is taken up where its means are
    there: `password` for the first and last, `credential` and `trust` for "tls". For others the
    authenticator is told which we want (Nak). `server_name` is what its certificate has to be for;
    None: any name that the CA vouches for. `wall` gives the time of day (aware) for certificates.

    Drive it so: give each EAP packet of the authenticator to `receive`, whole; send `reply`. A
    request that comes again is answered with the same packet. Nothing raises, whatever is received.
    """

    __slots__ = (
        "_done",
        "_drops",
        "_method",
        "_methods",
        "_msk",
        "_new_password",
        "_outcome",
        "_party",
        "_password",
        "_reply",
        "_request",
        "_rng",
        "_rounds",
        "_tls",
        "_user",
    )

    def __init__(
        self,
        user: str,
        password: Secret | None = None,
        credential: Credential | None = None,
        trust: Trust | None = None,
        server_name: str | None = None,
        methods: tuple[str, ...] = ("tls", "mschapv2", "md5"),
        *,
        wall: Callable[[], datetime],
        rng: Rng,
        new_password: Secret | None = None,
        fragment: int = FRAGMENT,
        drops: Drops | None = None,
    ) -> None:
        self._user = user.encode()
        if len(self._user) > MOST_IDENTITY:
            raise ValueError(f"identity of {len(self._user)} octets: at most {MOST_IDENTITY}")
        self._password = password
        self._new_password = new_password
        self._tls: TlsSettings | None = None
        if credential is not None and trust is not None and "tls" in methods:
            self._tls = TlsSettings(
                credential, trust, wall, fragment=fragment, server=False, server_name=server_name
            )
        self._methods = [METHODS[m] for m in methods if self._able(m)]
        self._rng = rng
        self._drops = Drops() if drops is None else drops
        self._method: Method | None = None
        self._party: PeerMethod | None = None
        self._rounds = 0
        self._request = b""
        """The one answered last."""
        self._reply: bytes | None = None
        self._done = False
        self._msk: Secret | None = None
        self._outcome: Outcome | None = None

    @property
    def method(self) -> str:
        """Title of the method under way ("EAP-TLS"), or ""."""
        return "" if self._method is None else self._method.title

    @property
    def outcome(self) -> Outcome | None:
        """As the last `PeerStep` said; None while it goes on."""
        return self._outcome

    @property
    def done(self) -> bool:
        """The method is through on our side; only Success is awaited."""
        return self._done

    @property
    def refusal(self) -> str:
        """What the authenticator said when it refused us, should it go away without Failure."""
        fault = None if self._party is None else self._party.refused()
        return "" if fault is None else fault.reason

    def receive(self, data: bytes) -> PeerStep:
        """An EAP packet of the authenticator."""
        if self._request and data == self._request:
            return PeerStep(self._reply)
        try:
            packet = parse(data)
            if packet.code == Code.RESPONSE:
                raise Malformed("EAP packet is no request")
            if self._outcome is not None:
                raise Malformed("EAP packet after the end")
            if packet.code == Code.REQUEST:
                return self._answer(packet, data)
            return self._end(packet)
        except Malformed as malformed:
            self._drops.add(malformed.reason)
            return PeerStep()

    def _able(self, method: str) -> bool:
        return self._tls is not None if method == "tls" else self._password is not None

    def _answer(self, packet: Packet, request: bytes) -> PeerStep:
        notice = ""
        if packet.type == Type.IDENTITY:
            # What it holds is a prompt.
            answer = self._user
        elif packet.type == Type.NOTIFICATION:
            answer, notice = b"", printable(packet.data, MOST_MESSAGE)
        elif packet.type == Type.NAK:
            raise Malformed("EAP request is a Nak")
        elif self._method is not None and packet.type != self._method.type:
            # One method in one conversation (RFC 3748 2.1).
            raise Malformed("EAP request of another method")
        else:
            method = self._method or self._chosen(packet.type)
            if method is None:
                return self._nak(packet, request)
            if self._party is None:
                self._party = self._made(method)
            turn = self._party.receive(packet.identifier, packet.data)
            self._method = method
            if isinstance(turn, Fault):
                return self._failed(turn)
            answer = turn.data
            if turn.done:
                self._done, self._msk = True, turn.msk
        return self._respond(packet, request, packet.type, answer, notice)

    def _chosen(self, kind: int) -> Method | None:
        return next((m for m in self._methods if m.type == kind), None)

    def _nak(self, packet: Packet, request: bytes) -> PeerStep:
        """RFC 3748 5.3.1; a 0 says that there is none."""
        wanted = bytes(m.type for m in self._methods) or b"\0"
        return self._respond(packet, request, Type.NAK, wanted)

    def _made(self, method: Method) -> PeerMethod:
        if method.type == Type.TLS and self._tls is not None:
            return TlsPeer(self._tls)
        assert self._password is not None
        if method.type == Type.MD5:
            return Md5Peer(self._user, self._password)
        return MsChapV2Peer(self._user, self._password, self._rng, self._new_password)

    def _respond(
        self, packet: Packet, request: bytes, kind: int, answer: bytes, notice: str = ""
    ) -> PeerStep:
        self._rounds += 1
        if self._rounds > MOST_ROUNDS:
            return self._failed(Fault("EAP takes too many rounds", by_peer=True))
        self._request = request
        self._reply = emit(Packet(Code.RESPONSE, packet.identifier, kind, answer))
        return PeerStep(self._reply, notice=notice)

    def _end(self, packet: Packet) -> PeerStep:
        """Success or Failure."""
        if self._reply is None:
            raise Malformed("EAP ends before it began")
        last = self._reply[1]
        # Some authenticators count on.
        if packet.identifier not in (last, (last + 1) & 0xFF):
            raise Malformed("EAP end of another conversation")
        if packet.code == Code.FAILURE:
            said = None if self._party is None else self._party.refused()
            tried = f"by {self._method.title}" if self._method is not None else "without a method"
            return self._failed(said or Fault(f"refused {tried}", by_peer=True))
        if not self._done or self._method is None:
            # Else anybody could end the proof of the other side by saying so (RFC 3748 4.2).
            raise Malformed("EAP Success before the method is through")
        self._outcome = Success(self._user.decode(), self._method.title, self._msk)
        return PeerStep(outcome=self._outcome)

    def _failed(self, fault: Fault) -> PeerStep:
        self._outcome = Failure(fault.reason, fault.by_peer, fault.error)
        return PeerStep(outcome=self._outcome)
