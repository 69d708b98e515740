"""What EAP-TLS is done with: our certificate, whom we trust, and TLS set up for it."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from cryptography import x509
from OpenSSL import SSL, crypto

from talpa.crypto.certificates import Certificate, CertificateRefused, Credential, Trust

FRAGMENT = 1024
"""Octets of TLS in one packet that go through anything."""
LEAST_FRAGMENT = 64
_MOST_CHAIN = 8
"""Certificates behind the peer's own."""
_MOST_CA_NAMES = 4096
"""Octets of the names of CAs that are said to clients."""
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES"
"""Of TLS 1.2: with forward secrecy, down to CBC for old clients."""


class TlsSettings:
    """Make it once for all conversations of an authenticator: what OpenSSL needs is set up with the
    first that comes to TLS, and kept.

    `wall` gives the time of day (aware) that certificates are held against. `fragment` is the most
    octets of TLS in one packet. `tls13` False: TLS 1.2 only. `server_name`, for a peer, is what the
    server's certificate has to be for.

    OpenSSL does TLS: it draws its own randomness, and nothing else of the world outside: octets go
    in and out by memory, and certificates are judged by `trust` alone.
    """

    __slots__ = (
        "_context",
        "_credential",
        "_tls13",
        "fragment",
        "server",
        "server_name",
        "trust",
        "wall",
    )

    def __init__(
        self,
        credential: Credential,
        trust: Trust,
        wall: Callable[[], datetime],
        *,
        fragment: int = FRAGMENT,
        tls13: bool = True,
        server: bool = True,
        server_name: str | None = None,
    ) -> None:
        self._credential = credential
        self._tls13 = tls13
        self._context: SSL.Context | None = None
        self.trust = trust
        self.wall = wall
        self.fragment = max(LEAST_FRAGMENT, fragment)
        self.server = server
        self.server_name = server_name

    def context(self) -> SSL.Context:
        """OpenSSL, set up. Raises `SSL.Error` for a certificate or key that it does not take."""
        if self._context is None:
            self._context = _context(self._credential, self.trust, tls13=self._tls13)
        return self._context


class Verification:
    """The judgement of one peer's certificate chain."""

    __slots__ = ("_chain", "_judged", "_settings", "certificate", "refusal")

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._chain: dict[int, bytes] = {}
        self._judged = False
        self.certificate: Certificate | None = None
        """The peer's own, when the chain holds."""
        self.refusal = ""
        """Why it does not."""

    def take(self, der: bytes, depth: int) -> bool:
        """One certificate of the chain; the peer's own has depth 0. False: the chain is refused.

        OpenSSL shows the farthest first, since it knows no CA that could have made it; then each
        from there to the peer's own. So when that is shown the chain is whole.
        """
        if depth > _MOST_CHAIN:
            self.refusal = f"the certificate chain is longer than {_MOST_CHAIN}"
            return False
        self._chain[depth] = der
        whole = 0 in self._chain and len(self._chain) == max(self._chain) + 1
        return not whole or self._judgement()

    def _judgement(self) -> bool:
        settings = self._settings
        if not self._judged:
            self._judged = True
            chain = [self._chain[depth] for depth in sorted(self._chain)]
            usage: Literal["client", "server"] = "client" if settings.server else "server"
            try:
                self.certificate = settings.trust.verify(
                    chain, settings.wall(), usage=usage, name=settings.server_name
                )
            except CertificateRefused as refused:
                self.refusal = str(refused)
        return self.certificate is not None


def _context(credential: Credential, trust: Trust, *, tls13: bool) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(SSL.TLS1_3_VERSION if tls13 else SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    # Servers such as strongSwan's do not know RFC 5746, which protects what is never done here.
    context.set_options(SSL.OP_LEGACY_SERVER_CONNECT)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_cipher_list(_CIPHERS)
    own, *others = (x509.load_der_x509_certificate(c.der) for c in credential.chain)
    context.use_certificate(own)
    for other in others:
        context.add_extra_chain_cert(other)
    context.use_privatekey(credential.key.private)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _verify)
    context.set_verify_depth(_MOST_CHAIN)
    if sum(map(len, trust.ca_subjects())) <= _MOST_CA_NAMES:
        # A client with many certificates chooses by these; without any it has to guess.
        for ca in trust.cas:
            context.add_client_ca(ca)
    return context


def _verify(
    connection: SSL.Connection, certificate: crypto.X509, _error: int, depth: int, _good: int
) -> bool:
    """OpenSSL's question about one certificate. Its own opinion is passed over: it knows no CA, and
    has another clock."""
    verification: Verification = connection.get_app_data()
    return verification.take(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate), depth)
