"""Signatures of IKE, made and checked.

Three ways to sign: RFC 7427 (IKEv2 method 14), the classic methods of IKEv2 (RFC 7296 2.15, RFC
4754), and those of IKEv1 (RFC 2409 5.1, RFC 4754). Public keys are those of the library.
"""

from collections.abc import Collection
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey, Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    NoDigestInfo,
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, HashAlgorithm

from talpa.crypto import signature_algorithms as algorithms
from talpa.crypto.signature_algorithms import HASHES, IDENTITY, SHA2_256, SHA2_384, SHA2_512

__all__ = [
    "ECDSA_256",
    "ECDSA_384",
    "ECDSA_521",
    "HASHES",
    "RSA",
    "RSA_V1",
    "BadSignature",
    "PrivateKey",
    "PublicKey",
    "SigningKey",
    "UnfitKey",
    "fit_key",
    "kind_of",
    "verify_classic",
    "verify_rfc7427",
    "verify_v1",
]

RSA: Final = 1
"""IKEv2's method "RSA Digital Signature"."""
RSA_V1: Final = 3
"""IKEv1's method "RSA signatures"."""
ECDSA_256: Final = 9
ECDSA_384: Final = 10
ECDSA_521: Final = 11
"""The same numbers in both versions."""

LEAST_RSA_BITS: Final = 2048
MOST_RSA_BITS: Final = 8192
MOST_RSA_EXPONENT: Final = 1 << 32
"""What anybody can have us compute with a certificate of his own is bounded."""

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey | Ed448PrivateKey

_LIBRARY: dict[int, HashAlgorithm] = {SHA2_256: SHA256(), SHA2_384: SHA384(), SHA2_512: SHA512()}
_SHA1 = SHA1()  # noqa: S303
_PREHASHED = {each.digest_size: ECDSA(Prehashed(each)) for each in (_SHA1, *_LIBRARY.values())}
"""IKEv1 signs a HASH as it is."""
_PKCS1 = PKCS1v15()

_CURVES: dict[int, tuple[type[EllipticCurve], int, int]] = {
    ECDSA_256: (SECP256R1, 32, SHA2_256),
    ECDSA_384: (SECP384R1, 48, SHA2_384),
    ECDSA_521: (SECP521R1, 66, SHA2_512),
}
"""Method: its curve, octets of each half of a signature, its hash (RFC 4754)."""


class BadSignature(ValueError):
    """A signature that proves nothing. The text says why."""


class UnfitKey(ValueError):
    """A key that no method can use. The text says why."""


def kind_of(key: object) -> str:
    """Which kind of public key it is: "RSA", "ECDSA", "Ed25519" or "Ed448".

    Raises `UnfitKey` for any other, RSA below 2,048 or above 8,192 bits or with a large exponent,
    and curves that IKE has no method for.
    """
    if isinstance(key, RSAPublicKey):
        if key.key_size < LEAST_RSA_BITS:
            raise UnfitKey(f"an RSA key of {key.key_size} bits, of which 2,048 is the least taken")
        if key.key_size > MOST_RSA_BITS:
            raise UnfitKey(f"an RSA key of {key.key_size} bits, of which 8,192 is the most taken")
        if key.public_numbers().e >= MOST_RSA_EXPONENT:
            raise UnfitKey("an RSA key whose public exponent is above 32 bits")
        return "RSA"
    if isinstance(key, EllipticCurvePublicKey):
        if not isinstance(key.curve, SECP256R1 | SECP384R1 | SECP521R1):
            raise UnfitKey(f"a key on the curve {key.curve.name}; P-256, P-384 and P-521 are taken")
        return "ECDSA"
    if isinstance(key, Ed25519PublicKey):
        return "Ed25519"
    if isinstance(key, Ed448PublicKey):
        return "Ed448"
    raise UnfitKey("a key that is none of RSA, ECDSA, Ed25519 and Ed448")


def fit_key(key: object) -> PublicKey:
    """`key`, when some method can use it; raises `UnfitKey`, as `kind_of`."""
    kind_of(key)
    assert isinstance(key, PublicKey)
    return key


class SigningKey:
    """A private key, and how IKE signs with it."""

    __slots__ = ("_private", "_public", "kind", "method")

    def __init__(self, private: PrivateKey) -> None:
        """Raises `UnfitKey`, as `kind_of`."""
        self._private = private
        self._public: PublicKey = private.public_key()
        self.kind = kind_of(self._public)
        """"RSA", "ECDSA", "Ed25519" or "Ed448"."""
        self.method = _ecdsa_method(self._public)
        """The classic method that the key is for: 9 to 11 for ECDSA, 1 for RSA (3 in IKEv1); None:
        it has none, and signs by RFC 7427 only."""

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    @property
    def private(self) -> PrivateKey:
        """The key itself: for TLS, which signs in its own way."""
        return self._private

    def __repr__(self) -> str:
        return f"SigningKey({self.kind})"

    def sign_rfc7427(self, data: bytes, peer_hashes: Collection[int]) -> bytes | None:
        """The AUTH data of method 14: length, AlgorithmIdentifier, signature.

        None: the peer takes no hash that the key can be used with.
        """
        private = self._private
        if isinstance(private, Ed25519PrivateKey):
            if IDENTITY not in peer_hashes:
                return None
            return _with_length(algorithms.ED25519) + private.sign(data)
        if isinstance(private, Ed448PrivateKey):
            if IDENTITY not in peer_hashes:
                return None
            return _with_length(algorithms.ED448) + private.sign(data)
        if isinstance(private, RSAPrivateKey):
            for number in (SHA2_256, SHA2_384, SHA2_512):
                if number in peer_hashes:
                    signature = private.sign(data, _PKCS1, _LIBRARY[number])
                    return _with_length(algorithms.RSA_PKCS1[number]) + signature
            return None
        matching = _CURVES[self.method or ECDSA_256][2]
        for number in (matching, SHA2_512, SHA2_384, SHA2_256):
            if number in peer_hashes:
                signature = private.sign(data, ECDSA(_LIBRARY[number]))
                return _with_length(algorithms.ECDSA[number]) + signature
        return None

    def sign_classic(self, method: int, data: bytes, *, sha1: bool = False) -> bytes | None:
        """The AUTH data of methods 1, 9, 10 and 11 of IKEv2.

        Method 1 is SHA-1 for all that peers can be relied on to know (RFC 7296 2.15). None: the key
        is not for that method, or SHA-1 is not allowed.
        """
        private = self._private
        if isinstance(private, RSAPrivateKey):
            return private.sign(data, _PKCS1, _SHA1) if method == RSA and sha1 else None
        if method != self.method or not isinstance(private, EllipticCurvePrivateKey):
            return None
        _curve, half, number = _CURVES[method]
        return _halves(private.sign(data, ECDSA(_LIBRARY[number])), half)

    def sign_v1(self, hash_: bytes, method: int) -> bytes:
        """The signature of IKEv1 over HASH_I or HASH_R, which is not hashed again.

        RSA (method 3): PKCS#1 v1.5 without the name of a hash (RFC 2409 5.1). ECDSA: `hash_` comes
        of the PRF of the method's own hash (RFC 4754 4). Raises `ValueError` when the key is not
        for that method.
        """
        private = self._private
        if isinstance(private, RSAPrivateKey) and method == RSA_V1:
            return private.sign(hash_, _PKCS1, NoDigestInfo())
        if method != self.method or not isinstance(private, EllipticCurvePrivateKey):
            raise ValueError(f"method {method} is not for a key of kind {self.kind}")
        return _halves(private.sign(hash_, _PREHASHED[len(hash_)]), _CURVES[method][1])


def verify_rfc7427(public_key: PublicKey, auth_data: bytes, data: bytes) -> str:
    """Check the AUTH data of method 14. The kind of key: "RSA", "ECDSA", "Ed25519", "Ed448".

    Raises `BadSignature`, for SHA-1 and MD5 too.
    """
    kind = _fit(public_key)
    end = 1 + auth_data[0] if auth_data else 0
    identifier, signature = auth_data[1:end], auth_data[end:]
    known = algorithms.KNOWN.get(identifier)
    if known is None:
        raise BadSignature(
            f"signed in a way that is not taken (algorithm {identifier.hex()[:160]})"
        )
    scheme, number = known
    if scheme.kind != kind:
        raise BadSignature(f"signed with {scheme.kind}, but the certificate's key is {kind}")
    try:
        if isinstance(public_key, RSAPublicKey):
            hash_ = _LIBRARY[number]
            pss = scheme is algorithms.Scheme.RSA_PSS
            padding = PSS(MGF1(hash_), hash_.digest_size) if pss else _PKCS1
            public_key.verify(signature, data, padding, hash_)
        elif isinstance(public_key, EllipticCurvePublicKey):
            public_key.verify(signature, data, ECDSA(_LIBRARY[number]))
        else:
            public_key.verify(signature, data)
    except InvalidSignature:
        raise BadSignature("the signature is wrong") from None
    return kind


def verify_classic(
    public_key: PublicKey, method: int, signature: bytes, data: bytes, *, sha1: bool = False
) -> str:
    """Check the AUTH data of methods 1, 9, 10 and 11 of IKEv2; as `verify_rfc7427` otherwise.

    `sha1`: take it with RSA, as Windows signs. SHA-2 is always taken.
    """
    kind = _fit(public_key)
    if method == RSA and isinstance(public_key, RSAPublicKey):
        info = _recovered(public_key, signature)
        if info in algorithms.sha2_digest_infos(data):
            return kind
        if info == algorithms.sha1_digest_info(data):
            if sha1:
                return kind
            raise BadSignature("signed with SHA-1, which the policy does not allow")
        raise BadSignature("the signature is wrong")
    _check_ecdsa(public_key, method, signature, data, None)
    return kind


def verify_v1(public_key: PublicKey, method: int, signature: bytes, hash_: bytes) -> str:
    """Check a signature of IKEv1 over HASH_I or HASH_R; as `verify_rfc7427` otherwise."""
    kind = _fit(public_key)
    if method == RSA_V1 and isinstance(public_key, RSAPublicKey):
        if _recovered(public_key, signature) != hash_:
            raise BadSignature("the signature is wrong")
        return kind
    prehashed = _PREHASHED.get(len(hash_))
    if prehashed is None:
        raise BadSignature(f"a hash of {len(hash_)} octets")
    _check_ecdsa(public_key, method, signature, hash_, prehashed)
    return kind


def _check_ecdsa(
    public_key: PublicKey, method: int, signature: bytes, data: bytes, prehashed: ECDSA | None
) -> None:
    """Methods 9 to 11: two halves instead of DER (RFC 4754 7)."""
    if _ecdsa_method(public_key) != method or not isinstance(public_key, EllipticCurvePublicKey):
        raise BadSignature(f"method {method} does not go with the certificate's key")
    _curve, half, number = _CURVES[method]
    if len(signature) != 2 * half:
        raise BadSignature(f"a signature of {len(signature)} octets instead of {2 * half}")
    r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    try:
        public_key.verify(encode_dss_signature(r, s), data, prehashed or ECDSA(_LIBRARY[number]))
    except InvalidSignature:
        raise BadSignature("the signature is wrong") from None


def _recovered(public_key: RSAPublicKey, signature: bytes) -> bytes:
    """What the padding of PKCS#1 v1.5 holds."""
    try:
        return public_key.recover_data_from_signature(signature, _PKCS1, None)
    except (InvalidSignature, ValueError):
        raise BadSignature("the signature is wrong") from None


def _fit(public_key: PublicKey) -> str:
    try:
        return kind_of(public_key)
    except UnfitKey as error:
        raise BadSignature(f"signed with {error}") from None


def _ecdsa_method(public_key: PublicKey) -> int | None:
    if isinstance(public_key, EllipticCurvePublicKey):
        for method, (curve, _half, _number) in _CURVES.items():
            if isinstance(public_key.curve, curve):
                return method
    return RSA if isinstance(public_key, RSAPublicKey) else None


def _with_length(identifier: bytes) -> bytes:
    return bytes((len(identifier),)) + identifier


def _halves(signature: bytes, half: int) -> bytes:
    r, s = decode_dss_signature(signature)
    return r.to_bytes(half, "big") + s.to_bytes(half, "big")
