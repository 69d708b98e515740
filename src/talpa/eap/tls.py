"""EAP-TLS (RFC 5216 with TLS 1.2, RFC 9190 with TLS 1.3), both sides."""

from talpa.crypto.attempts import CertificateAttempt
from talpa.crypto.credentials import Accepted, PasswordChanged, Refused
from talpa.eap.methods import Answer, Ask, Fault, Proven, Say
from talpa.eap.tls_engine import Engine, TlsFailed
from talpa.eap.tls_fragments import ACKNOWLEDGEMENT, START, Fragments, parse
from talpa.eap.tls_names import named_by, user_names
from talpa.eap.tls_settings import TlsSettings
from talpa.wire import Malformed, Secret, printable

_SHOWN = 64


class TlsServer:
    """The authenticator's side. `identity` is what the peer called itself."""

    __slots__ = ("_engine", "_fault", "_fragments", "_held", "_identity", "_proven", "_settings")

    def __init__(self, settings: TlsSettings, identity: bytes) -> None:
        self._settings = settings
        self._identity = identity
        self._fragments = Fragments(settings.fragment)
        self._engine: Engine | None = None
        self._held = b""
        """Our last words, kept until it is decided that the user may come in."""
        self._fault: Fault | None = None
        self._proven: Proven | None = None

    def start(self, identifier: int) -> Say:  # noqa: ARG002
        """See `ServerMethod`."""
        return Say(bytes((START,)))

    def receive(self, identifier: int, data: bytes) -> Say | Ask | Proven | Fault:  # noqa: ARG002
        """See `ServerMethod`."""
        if self._fragments.pending:
            self._fragments.acknowledged(data)
            return Say(self._fragments.next())
        if self._fault is not None:
            # The alert is said.
            return self._fault
        message = self._fragments.receive(data)
        if message is None:
            return Say(ACKNOWLEDGEMENT)
        if not message:
            if self._proven is not None:
                return self._proven
            raise Malformed("EAP-TLS response empty")
        return self._take(message)

    def verdict(self, verdict: Accepted | Refused | PasswordChanged) -> Say | Fault:
        """See `ServerMethod`."""
        if isinstance(verdict, Refused) or self._engine is None:
            reason = verdict.reason if isinstance(verdict, Refused) else "no TLS"
            return Fault(reason, by_peer=False)
        try:
            if self._engine.tls13:
                self._held += self._engine.commit()
            self._proven = Proven(verdict.name, self._engine.key())
        except TlsFailed as failed:
            return Fault(failed.reason, by_peer=failed.by_peer)
        return Say(self._fragments.load(self._held))

    def _take(self, message: bytes) -> Say | Ask | Fault:
        try:
            engine = self._engine = self._engine or Engine(self._settings)
            out = engine.feed(message)
        except TlsFailed as failed:
            fault = Fault(failed.reason, by_peer=failed.by_peer)
            if not failed.alert or self._proven is not None:
                return fault
            self._fault = fault
            return Say(self._fragments.load(failed.alert))
        if self._proven is not None:
            return Fault("TLS data after the end of the handshake", by_peer=True)
        if engine.established:
            self._held = out
            return self._ask(engine)
        if not out:
            return Fault("TLS message incomplete", by_peer=True)
        return Say(self._fragments.load(out))

    def _ask(self, engine: Engine) -> Ask | Fault:
        certificate = engine.certificate
        if certificate is None:
            return Fault("TLS: no certificate", by_peer=True)
        names = user_names(certificate.der)
        name = named_by(self._identity, names)
        if name is None:
            who = printable(self._identity, _SHOWN)
            whom = " or ".join(printable(n, _SHOWN) for n in names[:4]) or "nobody by name"
            reason = f"the certificate is for {whom}, but the peer calls itself {who}"
            return Fault(reason, by_peer=False)
        return Ask(CertificateAttempt(name, certificate.subject))


class TlsPeer:
    """The peer's side."""

    __slots__ = ("_done", "_engine", "_fault", "_fragments", "_settings")

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._fragments = Fragments(settings.fragment)
        self._engine: Engine | None = None
        self._fault: Fault | None = None
        self._done = False

    def refused(self) -> Fault | None:
        """See `PeerMethod`."""
        return self._fault

    def receive(self, identifier: int, data: bytes) -> Answer | Fault:  # noqa: ARG002
        """See `PeerMethod`."""
        flags, _, _ = parse(data)
        if self._engine is None:
            if not flags & START:
                raise Malformed("EAP-TLS request before the start")
            try:
                self._engine = Engine(self._settings)
            except TlsFailed as failed:
                return Fault(failed.reason, by_peer=False)
            return self._feed(self._engine, b"")
        if flags & START:
            raise Malformed("EAP-TLS start again")
        if self._fragments.pending:
            self._fragments.acknowledged(data)
            return Answer(self._fragments.next())
        if self._fault is not None or self._done:
            raise Malformed("EAP-TLS request after the end")
        message = self._fragments.receive(data)
        if message is None:
            return Answer(ACKNOWLEDGEMENT)
        if not message:
            raise Malformed("EAP-TLS request empty")
        return self._feed(self._engine, message)

    def _feed(self, engine: Engine, message: bytes) -> Answer:
        try:
            out = engine.feed(message)
        except TlsFailed as failed:
            self._fault = Fault(failed.reason, by_peer=failed.by_peer)
            return Answer(self._fragments.load(failed.alert))
        msk: Secret | None = None
        # In TLS 1.3 the server has still to say that it takes our certificate (RFC 9190 2.5).
        if engine.established and (engine.committed or not engine.tls13):
            self._done = True
            msk = engine.key()
        return Answer(self._fragments.load(out), self._done, msk)
