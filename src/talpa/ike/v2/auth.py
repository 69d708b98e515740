"""The AUTH payload: what proves who is at an end (RFC 7296 2.15; RFC 7427, RFC 8420, RFC 9242)."""

import hmac
from collections.abc import Iterable, Sequence

from talpa.crypto.algorithms import PrfId
from talpa.crypto.certificates import Certificate, CertificateRefused, Credential
from talpa.crypto.prf import prf as prf_of
from talpa.crypto.signing import BadSignature, verify_classic, verify_rfc7427
from talpa.ike.config import Psk
from talpa.ike.identities import Identity, parse_identity
from talpa.ike.v2.keymat import Keys
from talpa.ike.v2.numbers import CERT_X509, AuthMethod, Kind
from talpa.ike.v2.payloads import (
    Authentication,
    CertificateData,
    Contents,
    Identification,
)
from talpa.ike.v2.sa import IkeSa

_PAD = b"Key Pad for IKEv2"
_NOTHING = bytes(3)
_MOST_KEYS = 64
_CLASSIC = {
    AuthMethod.RSA: "RSA",
    AuthMethod.ECDSA_256: "ECDSA",
    AuthMethod.ECDSA_384: "ECDSA",
    AuthMethod.ECDSA_521: "ECDSA",
}


class Unproven(Exception):
    """The peer is not who it says, or cannot be shown to be: a person's sentence."""


def identification(identity: Identity) -> Identification:
    """The ID payload."""
    return Identification(int(identity.kind), _NOTHING, identity.value)


def identity_of(payload: Identification) -> Identity:
    """Of an ID payload."""
    return parse_identity(payload.kind, payload.data)


def body(payload: Identification) -> bytes:
    """The ID payload without its generic header, as AUTH covers it."""
    return bytes([payload.kind]) + payload.reserved + payload.data


def signed_octets(sa: IkeSa, keys: Keys, id_body: bytes, *, of_initiator: bool) -> bytes:
    """What an end signs, or puts a MAC on."""
    made, suite = sa.handshake, sa.suite
    assert made is not None
    assert suite is not None
    prf = prf_of(suite.prf)
    intermediate = b""
    if made.authenticated_i:
        intermediate = (
            made.authenticated_i + made.authenticated_r + made.first_auth.to_bytes(4, "big")
        )
    if of_initiator:
        return made.message_i + made.nonce_r + prf.compute(keys.pi, id_body) + intermediate
    return made.message_r + made.nonce_i + prf.compute(keys.pr, id_body) + intermediate


def mac(sa: IkeSa, key: bytes, octets: bytes) -> bytes:
    """AUTH by a shared key: pre-shared, or from EAP."""
    assert sa.suite is not None
    prf = prf_of(sa.suite.prf)
    return prf.compute(prf.compute(key, _PAD), octets)


def by_key(data: bytes) -> tuple[Kind, Authentication]:
    """The AUTH payload of a shared key."""
    return Kind.AUTH, Authentication(AuthMethod.PSK, _NOTHING, data)


def signature(
    sa: IkeSa, credential: Credential, octets: bytes
) -> tuple[Kind, Authentication] | None:
    """AUTH by our certificate's key; None: there is no way to sign that the peer takes."""
    made, key = sa.handshake, credential.key
    assert made is not None
    if made.hashes:
        data = key.sign_rfc7427(octets, made.hashes)
        if data is not None:
            method = AuthMethod.DIGITAL_SIGNATURE
            return Kind.AUTH, Authentication(method, _NOTHING, data)
    for method in _CLASSIC:
        data = key.sign_classic(method, octets, sha1=takes_sha1(sa))
        if data is not None:
            return Kind.AUTH, Authentication(method, _NOTHING, data)
    return None


def takes_sha1(sa: IkeSa) -> bool:
    """Whether RSA goes with SHA-1, as those sign who do not know RFC 7427: where the policy takes
    SHA-1 at all."""
    return PrfId.HMAC_SHA1 in sa.policy.prf


def certificates(credential: Credential) -> list[tuple[Kind, CertificateData]]:
    """Our chain, our own first."""
    return [(Kind.CERT, CertificateData(CERT_X509, each.der)) for each in credential.chain]


def narrowed(keys: Iterable[Psk], identity: Identity) -> list[Psk]:
    """The pre-shared keys that a peer of this identity may have: those for it; those for all only
    where it has none of its own, since they prove nobody's name."""
    mine, anybody = [], []
    for one in keys:
        if one.identity is None:
            anybody.append(one)
        elif one.identity.same(identity):
            mine.append(one)
    return (mine or anybody)[:_MOST_KEYS]


def check_psk(sa: IkeSa, said: Authentication, octets: bytes, keys: Sequence[Psk]) -> Psk:
    """The pre-shared key that the peer has. Raises `Unproven`."""
    if not keys:
        raise Unproven(
            "There is no pre-shared key for this peer: set one for its identity or address."
        )
    for one in keys:
        if hmac.compare_digest(mac(sa, one.secret.reveal(), octets), said.data):
            return one
    raise Unproven("The pre-shared key is another at the peer: compare both.")


def check_signature(
    sa: IkeSa,
    contents: Contents,
    said: Authentication,
    octets: bytes,
    identity: Identity,
    *,
    usage: str,
    name: str | None,
) -> tuple[str, Certificate]:
    """The name of the method, and the certificate whose key signed. Raises `Unproven`."""
    config = sa.room.shared.config
    if config.trust is None:
        raise Unproven("The peer shows a certificate, and no CA is trusted here: name one.")
    chain = [c.data for c in contents.all(Kind.CERT) if c.encoding == CERT_X509]
    if not chain:
        raise Unproven("The peer signs, but sends no certificate: have it send its own.")
    try:
        found = config.trust.verify(
            chain, config.wall(), usage="server" if usage == "server" else "client", name=name
        )
    except CertificateRefused as refused:
        raise Unproven(str(refused)) from refused
    if not identity.matches(found):
        raise Unproven(
            f"The peer calls itself {identity.show()}, and its certificate is for "
            f"{found.subject}: give it an identity that stands in the certificate."
        )
    try:
        if said.method == AuthMethod.DIGITAL_SIGNATURE:
            return verify_rfc7427(found.public_key, said.data, octets), found
        if said.method in _CLASSIC:
            sha1 = takes_sha1(sa)
            way = verify_classic(found.public_key, said.method, said.data, octets, sha1=sha1)
            return way, found
    except BadSignature as bad:
        raise Unproven(f"The peer's signature is not valid: {bad}") from bad
    raise Unproven(f"The peer proves itself by a method that we do not know: {said.method}.")
