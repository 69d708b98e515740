"""TLS as EAP-TLS needs it: messages in, messages out, and a key (RFC 5216 2.3, RFC 9190 2.3)."""

from OpenSSL import SSL

from talpa.crypto.certificates import Certificate
from talpa.eap.packets import Type
from talpa.eap.tls_settings import TlsSettings, Verification
from talpa.wire import Secret

_CHUNK = 0x4000
_KEY = 128
_MSK = 64
_LABEL_12 = b"client EAP encryption"
_LABEL_13 = b"EXPORTER_EAP_TLS_Key_Material"
_COMMITMENT = b"\0"
"""That no more handshake messages follow (RFC 9190 2.5)."""


class TlsFailed(Exception):
    """The handshake is over without success."""

    def __init__(self, reason: str, alert: bytes, *, by_peer: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.alert = alert
        """What is still to be said; may be empty."""
        self.by_peer = by_peer
        """It was the other side that ended it."""


class Engine:
    """One connection. Raises `TlsFailed` when OpenSSL does not take our own certificate."""

    __slots__ = ("_connection", "_verification", "committed", "established")

    def __init__(self, settings: TlsSettings) -> None:
        self._verification = Verification(settings)
        try:
            self._connection = SSL.Connection(settings.context(), None)
        except SSL.Error as error:
            reason = f"OpenSSL does not take our own certificate: {_words(error)}"
            raise TlsFailed(reason, b"", by_peer=False) from None
        self._connection.set_app_data(self._verification)
        if settings.server:
            self._connection.set_accept_state()
        else:
            self._connection.set_connect_state()
        self.established = False
        """The handshake is through on our side."""
        self.committed = False
        """The server said that it is on its side, too (TLS 1.3)."""

    @property
    def tls13(self) -> bool:
        """The version is 1.3. Only known when established."""
        return self._connection.get_protocol_version_name() == "TLSv1.3"

    @property
    def certificate(self) -> Certificate | None:
        """The peer's, verified."""
        return self._verification.certificate

    def feed(self, data: bytes) -> bytes:
        """Octets of the peer; what we say to it. Raises `TlsFailed`."""
        try:
            if data:
                self._connection.bio_write(data)
            self._proceed()
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            raise self._failed(error) from None
        return self._output()

    def commit(self) -> bytes:
        """The server's commitment message."""
        try:
            self._connection.send(_COMMITMENT)
        except SSL.Error as error:
            raise self._failed(error) from None
        return self._output()

    def key(self) -> Secret:
        """The Master Session Key, 64 octets."""
        if self.tls13:
            # The length is part of what 1.3 makes the key of: all 128 octets, then cut.
            whole = self._connection.export_keying_material(_LABEL_13, _KEY, bytes((Type.TLS,)))
        else:
            whole = self._connection.export_keying_material(_LABEL_12, _KEY)
        return Secret(whole[:_MSK])

    def _proceed(self) -> None:
        if not self.established:
            self._connection.do_handshake()
            self.established = True
        # Whatever comes behind the handshake: alerts, tickets, the commitment.
        said = self._connection.recv(_CHUNK)
        if said != _COMMITMENT or self.committed:
            raise SSL.Error([("", "", "application data")])
        self.committed = True

    def _output(self) -> bytes:
        out = []
        while True:
            try:
                out.append(self._connection.bio_read(_CHUNK))
            except SSL.Error:
                return b"".join(out)

    def _failed(self, error: SSL.Error) -> TlsFailed:
        if self._verification.refusal:
            return TlsFailed(self._verification.refusal, self._output(), by_peer=False)
        reason = _words(error)
        by_peer = "alert" in reason
        if isinstance(error, SSL.ZeroReturnError):
            reason, by_peer = "closed", True
        sentence = f"TLS: the peer says: {reason}" if by_peer else f"TLS failed: {reason}"
        return TlsFailed(sentence, self._output(), by_peer=by_peer)


def _words(error: SSL.Error) -> str:
    """OpenSSL's own phrase; it has no octets of the peer in it."""
    entries = error.args[0] if error.args else ()
    if isinstance(entries, list):
        for entry in entries:
            if isinstance(entry, tuple) and len(entry) == 3 and entry[2]:
                return str(entry[2])
    return "broken"
