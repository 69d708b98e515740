"""How each end of phase 1 says who it is and proves it (RFC 2409 5.1, 5.4, RFC 4754)."""

from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import ip_address

from talpa.crypto import certificates
from talpa.crypto.certificates import CertificateRefused, Credential
from talpa.crypto.signing import BadSignature, verify_v1
from talpa.ike.config import Connection, Psk
from talpa.ike.identities import Identity, IdentityKind, of_address
from talpa.ike.links import is_of, proves
from talpa.ike.v1.messages import Chain
from talpa.ike.v1.numbers import AuthMethod, CertEncoding, PayloadType
from talpa.ike.v1.payloads import (
    CERT,
    CERT_REQ,
    ID,
    Certificate,
    CertificateRequest,
    Identification,
)
from talpa.ike.v1.room import Room
from talpa.ike.v1.rules import Payloads
from talpa.ike.v1.sa import IkeSa
from talpa.wire import Malformed

_MOST_CANDIDATES = 64
_CURVES = {256: AuthMethod.ECDSA_256, 384: AuthMethod.ECDSA_384, 521: AuthMethod.ECDSA_521}
_SIZES = {
    IdentityKind.IPV4: 4,
    IdentityKind.IPV6: 16,
}
_KINDS = frozenset(
    (
        IdentityKind.IPV4,
        IdentityKind.FQDN,
        IdentityKind.USER_FQDN,
        IdentityKind.IPV6,
        IdentityKind.DER_DN,
        IdentityKind.KEY_ID,
    )
)


class Unproven(Exception):
    """The peer did not prove what it had to; the argument is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What the peer proved itself by."""

    method: str
    credential: str
    certificate: certificates.Certificate | None = None


def method_of(credential: Credential) -> AuthMethod | None:
    """How our certificate's key signs in IKEv1; None: not at all."""
    key = credential.key
    if key.kind == "RSA":
        return AuthMethod.RSA
    if key.kind == "ECDSA":
        return _CURVES.get(getattr(key.public, "key_size", 0))
    return None


def methods(room: Room, host: str, connection: Connection | None) -> list[AuthMethod]:
    """Ways to authenticate that a phase 1 with this peer may take."""
    config = room.config
    found = []
    wish = connection.authentication if connection else ""
    if config.credential and config.trust and wish in ("", "certificate"):
        method = method_of(config.credential)
        if method is not None:
            found.append(method)
    if wish == "psk" or (not wish and candidates(room, host, None)):
        found.append(AuthMethod.PSK)
    return found


def candidates(room: Room, host: str, connection: Connection | None) -> list[Psk]:
    """Pre-shared keys that the peer may have, most specific first."""
    if connection is not None and connection.psk is not None:
        return [connection.psk]
    config = room.config
    address = ip_address(host.partition("%")[0])
    named = [
        psk
        for psk in (each.psk for each in config.connections if each.version == 1)
        if psk is not None and (psk.peer is None or address in psk.peer)
    ]
    return [*named, *config.psks(host)][:_MOST_CANDIDATES]


def own_identity(room: Room, sa: IkeSa, method: AuthMethod) -> bytes:
    """The body of our identification payload."""
    connection, config = sa.connection, room.config
    identity = connection.local_identity if connection else None
    if identity is None:
        identity = config.identity
    if identity is None and method is not AuthMethod.PSK and config.credential is not None:
        identity = Identity(IdentityKind.DER_DN, config.credential.chain[0].subject_der)
    if identity is None:
        private = connection.habits.local_address if connection else None
        identity = of_address(private or sa.path.local.host)
    return ID.encode(Identification(int(identity.kind), 0, 0, identity.value))


def read_identity(body: bytes) -> Identity:
    """The peer's; kinds that name one peer only. Raises `Malformed`."""
    identity = ID.decode(body).identity
    if identity.kind not in _KINDS or not identity.value:
        raise Malformed("identity of a kind that names no peer", str(identity.kind))
    size = _SIZES.get(identity.kind)
    if size is not None and len(identity.value) != size:
        raise Malformed("identity of wrong length", f"{len(identity.value)} octets")
    return identity


def prove(room: Room, method: AuthMethod, proof: bytes) -> Chain:
    """Our HASH, or certificates and signature."""
    credential = room.config.credential
    if method is AuthMethod.PSK or credential is None:
        return [(PayloadType.HASH, proof)]
    chain: Chain = [
        (
            PayloadType.CERT.value,
            CERT.encode(Certificate(CertEncoding.X509_SIGNATURE, certificate.der)),
        )
        for certificate in credential.chain
    ]
    chain.append((PayloadType.SIG, credential.key.sign_v1(proof, int(method))))
    return chain


def ask_for_certificates(room: Room, method: AuthMethod) -> Chain:
    """CERT_REQ for each of our CAs, when certificates are used."""
    trust = room.config.trust
    if method is AuthMethod.PSK or trust is None:
        return []
    return [
        (
            PayloadType.CERT_REQ.value,
            CERT_REQ.encode(CertificateRequest(CertEncoding.X509_SIGNATURE, subject)),
        )
        for subject in list(trust.ca_subjects())[:16] or [b""]
    ]


def check_psk(found: Payloads, proof: bytes) -> bool:
    """The peer's HASH is this one."""
    said = found.get(PayloadType.HASH, [])
    return bool(said) and compare_digest(said[0], proof)


def check_signature(
    room: Room, sa: IkeSa, method: AuthMethod, found: Payloads, proof: bytes, identity: Identity
) -> Proven:
    """The peer's certificates and signature. Raises `Unproven`."""
    trust, signature = room.config.trust, found.get(PayloadType.SIG)
    if trust is None or not signature:
        raise Unproven("The peer sent no signature, though certificates were agreed.")
    sent = [CERT.decode(body) for body in found.get(PayloadType.CERT, [])]
    chain = [each.data for each in sent if each.encoding == CertEncoding.X509_SIGNATURE]
    if sent and not chain:
        ways = ", ".join(dict.fromkeys(_name_of_encoding(each.encoding) for each in sent))
        raise Unproven(
            f"The peer sent its certificate as {ways}, which is not read here: let it send X.509"
            " certificates one by one."
        )
    if not chain:
        raise Unproven("The peer sent no certificate: let it send the one that it signs with.")
    connection = sa.connection
    expected = connection.remote_identity if connection else None
    name = None
    if sa.initiated and connection is not None and expected is None:
        name = connection.remote_host or None
    try:
        certificate = trust.verify(
            chain,
            room.config.wall(),
            usage="server" if sa.initiated else "client",
            name=name,
        )
    except CertificateRefused as refused:
        raise Unproven(str(refused)) from refused
    try:
        kind = verify_v1(certificate.public_key, int(method), signature[0], proof)
    except BadSignature as bad:
        raise Unproven(
            f"The signature is not by the key of the certificate {certificate.subject}."
        ) from bad
    if not identity.matches(certificate):
        raise Unproven(
            f"The peer calls itself {identity.show()}, and its certificate {certificate.subject}"
            " does not say so: use a name that stands in it as identity."
        )
    return Proven(kind, certificate.subject, certificate)


def _name_of_encoding(encoding: int) -> str:
    if encoding == CertEncoding.PKCS7:
        return "PKCS #7"
    return f"encoding {int(encoding)}"


def expected_identity(sa: IkeSa, identity: Identity) -> None:
    """The peer is whom we demand. Raises `Unproven`."""
    connection = sa.connection
    expected = connection.remote_identity if connection is not None else None
    if expected is not None and not expected.same(identity):
        raise Unproven(
            f"The peer calls itself {identity.show()}, and {expected.show()} is expected."
        )


def connection_of(
    room: Room,
    identity: Identity,
    host: str,
    psk: Psk | None,
    certificate: certificates.Certificate | None,
) -> Connection | None:
    """The peer that is expected by name and has this identity, which it proved by `psk`, or by a
    certificate (`psk` None). Whoever proves it in another way, such as by a key that many have, is
    somebody else; so is who comes from its address with a certificate that is not for it."""
    fallback = None
    for each in room.config.connections:
        if each.version != 1 or not proves(each, psk):
            continue
        if each.remote_identity is not None and each.remote_identity.same(identity):
            return each
        if each.remote_identity is None and _same_host(each.remote_host, host):
            if psk is None and not _names(room, certificate, each):
                continue
            fallback = each
    return fallback


def _names(room: Room, certificate: certificates.Certificate | None, each: Connection) -> bool:
    trust = room.config.trust
    return certificate is not None and trust is not None and is_of(each, certificate, trust)


def _same_host(one: str, other: str) -> bool:
    try:
        return ip_address(one) == ip_address(other)
    except ValueError:
        return False


def usable(keys: Sequence[Psk], identity: Identity) -> list[Psk]:
    """Keys that the peer of this identity may have: those for it alone, or, where there are none,
    those for anybody."""
    own = [psk for psk in keys if psk.identity is not None and psk.identity.same(identity)]
    return own or [psk for psk in keys if psk.identity is None]
