"""Which protections exist, what each is called and how much key it takes.

The closed set: AES-GCM with an ICV of 16, 12 or 8 octets (RFC 4106), ChaCha20-Poly1305 (RFC 7634),
AES-CBC (RFC 3602), 3DES (RFC 2451) and NULL (RFC 2410), the last three with an HMAC (RFC 2404,
RFC 4868). AH (RFC 4302) with any of these HMACs.
"""

from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.crypto.encryption import encryption
from talpa.crypto.integrity import integrity


def check(cipher: EncryptionId, key_bits: int, mac: IntegrityId, *, ah: bool) -> None:
    """Raises `ValueError` for algorithms we do not have, and for what protects nothing."""
    try:
        found = encryption(cipher, key_bits)
        if mac is not IntegrityId.NONE:
            integrity(mac)
    except LookupError as error:
        raise ValueError(f"no such algorithm: {error}") from error
    if ah and cipher is not EncryptionId.NULL:
        raise ValueError("AH does not encrypt")
    if found.aead and mac is not IntegrityId.NONE:
        raise ValueError(f"{found.name} brings its own integrity check")
    if not found.aead and mac is IntegrityId.NONE:
        raise ValueError(f"{found.name} without an integrity check")


def name(cipher: EncryptionId, key_bits: int, mac: IntegrityId, *, ah: bool) -> str:
    """As shown to people: "AES-GCM-16-256", "AES-CBC-256/HMAC-SHA2-256-128", "AH/HMAC-SHA1-96"."""
    if ah:
        return f"AH/{integrity(mac).name}"
    shown = encryption(cipher, key_bits).name
    return shown if mac is IntegrityId.NONE else f"{shown}/{integrity(mac).name}"


def key_octets(cipher: EncryptionId, key_bits: int, mac: IntegrityId) -> int:
    """Octets of KEYMAT for one direction."""
    octets = encryption(cipher, key_bits).key_octets
    return octets if mac is IntegrityId.NONE else octets + integrity(mac).key_octets
