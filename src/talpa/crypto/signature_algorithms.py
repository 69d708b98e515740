"""How signatures name their algorithms: in RFC 7427 (appendix A), and inside RSA's padding.

The DER of each is written out here; what is not among these is not known.
"""

from enum import Enum
from hashlib import sha1, sha256, sha384, sha512
from typing import Final

SHA2_256: Final = 2
SHA2_384: Final = 3
SHA2_512: Final = 4
IDENTITY: Final = 5
"""The message itself is signed (RFC 8420)."""
HASHES: Final = (SHA2_256, SHA2_384, SHA2_512, IDENTITY)
"""What we say in SIGNATURE_HASH_ALGORITHMS (RFC 7427 7)."""


class Scheme(Enum):
    """A way of signing; the value says with which kind of key."""

    RSA_PKCS1 = ("RSA", "PKCS#1 v1.5")
    RSA_PSS = ("RSA", "PSS")
    ECDSA = ("ECDSA", "")
    ED25519 = ("Ed25519", "")
    ED448 = ("Ed448", "")

    @property
    def kind(self) -> str:
        """As `signing.kind_of`."""
        return self.value[0]


def _tagged(tag: int, *contents: bytes) -> bytes:
    """One element of DER, shorter than 128 octets."""
    content = b"".join(contents)
    return bytes((tag, len(content))) + content


def _sequence(*contents: bytes) -> bytes:
    return _tagged(0x30, *contents)


_NULL = _tagged(0x05)
_SHA2 = (SHA2_256, SHA2_384, SHA2_512)

# The last number of each object identifier counts up with the hash.
_RSA_OID = bytes.fromhex("06092a864886f70d0101")
_PSS_OID = _RSA_OID + b"\x0a"
_MGF1_OID = _RSA_OID + b"\x08"
_ECDSA_OID = bytes.fromhex("06082a8648ce3d0403")
_SHA2_OID = bytes.fromhex("06096086480165030402")

RSA_PKCS1 = {number: _sequence(_RSA_OID, bytes((number + 9,)), _NULL) for number in _SHA2}
ECDSA = {number: _sequence(_ECDSA_OID, bytes((number,))) for number in _SHA2}
ED25519 = _sequence(bytes.fromhex("06032b6570"))
ED448 = _sequence(bytes.fromhex("06032b6571"))

_SHA2_NAMES = {number: _SHA2_OID + bytes((number - 1,)) for number in _SHA2}
_SHA2_OCTETS = {SHA2_256: 32, SHA2_384: 48, SHA2_512: 64}


def _pss(number: int) -> list[bytes]:
    """PSS with one hash throughout and a salt as long as the hash, in every way it is written: with
    and without the NULL behind a hash, with and without the trailer's default."""
    salt = _tagged(0xA2, _tagged(0x02, bytes((_SHA2_OCTETS[number],))))
    written = []
    for null in (_NULL, b""):
        hash_ = _sequence(_SHA2_NAMES[number], null)
        generator = _tagged(0xA1, _sequence(_MGF1_OID, hash_))
        for trailer in (b"", _tagged(0xA3, _tagged(0x02, b"\x01"))):
            parameters = _sequence(_tagged(0xA0, hash_), generator, salt, trailer)
            written.append(_sequence(_PSS_OID, parameters))
    return written


KNOWN: dict[bytes, tuple[Scheme, int]] = {
    **{identifier: (Scheme.RSA_PKCS1, number) for number, identifier in RSA_PKCS1.items()},
    **{identifier: (Scheme.RSA_PSS, number) for number in _SHA2 for identifier in _pss(number)},
    **{identifier: (Scheme.ECDSA, number) for number, identifier in ECDSA.items()},
    ED25519: (Scheme.ED25519, IDENTITY),
    ED448: (Scheme.ED448, IDENTITY),
}
"""AlgorithmIdentifier: the way of signing, and the hash."""

_SHA1_NAME = bytes.fromhex("06052b0e03021a")


def _digest_info(name: bytes, digest: bytes) -> bytes:
    return _sequence(_sequence(name, _NULL), _tagged(0x04, digest))


def sha2_digest_infos(data: bytes) -> tuple[bytes, ...]:
    """What RSA's padding holds for `data` (RFC 8017 9.2), one for each hash of SHA-2."""
    return (
        _digest_info(_SHA2_NAMES[SHA2_256], sha256(data).digest()),
        _digest_info(_SHA2_NAMES[SHA2_384], sha384(data).digest()),
        _digest_info(_SHA2_NAMES[SHA2_512], sha512(data).digest()),
    )


def sha1_digest_info(data: bytes) -> bytes:
    """The same for SHA-1."""
    return _digest_info(_SHA1_NAME, sha1(data, usedforsecurity=False).digest())
