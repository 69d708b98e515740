"""DES of one block, as MS-CHAP uses it (RFC 2759 8.6)."""

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

_ODD_PARITY = bytes(i | (i.bit_count() + 1 & 1) for i in range(0, 256, 2) for _ in (0, 1))
"""Each octet with its lowest bit set so that the number of bits is odd."""


def expand_key(key: bytes) -> bytes:
    """7 octets of raw key as the 8 octets that DES takes, with odd parity (RFC 2759 9.3)."""
    raw = int.from_bytes(key, "big") << 1
    spread = bytes(raw >> shift & 0xFE for shift in (49, 42, 35, 28, 21, 14, 7, 0))
    return spread.translate(_ODD_PARITY)


def des_encrypt(clear: bytes, key: bytes) -> bytes:
    """`clear` (8 octets) under `key` (7 octets)."""
    # Triple DES under three equal keys is DES, which the library no longer has.
    return Cipher(TripleDES(3 * expand_key(key)), modes.ECB()).encryptor().update(clear)  # noqa: S305


def des_decrypt(cypher: bytes, key: bytes) -> bytes:
    """`cypher` (8 octets) under `key` (7 octets)."""
    return Cipher(TripleDES(3 * expand_key(key)), modes.ECB()).decryptor().update(cypher)  # noqa: S305
