"""The encryption algorithms of IKE and ESP: what each is called, and the sizes that it has."""

from collections.abc import Callable
from dataclasses import dataclass, field

from talpa.crypto.algorithms import EncryptionId
from talpa.crypto.ciphers import (
    AesCbc,
    AesGcm8,
    AesGcm12,
    AesGcm16,
    ChaCha20,
    Cipher,
    NullCipher,
    TripleDesCbc,
)

__all__ = ["ENCRYPTIONS", "Cipher", "Encryption", "encryption"]


@dataclass(frozen=True, slots=True)
class Encryption:
    """One algorithm with one length of key."""

    id: EncryptionId
    key_bits: int
    """As the attribute "key length" says it; 0 where there is one length and no attribute."""
    name: str
    """"AES-CBC-256"."""
    key_octets: int
    """Keying material in all: the key, then the salt."""
    salt_octets: int
    iv_octets: int
    """Of the explicit IV in each packet."""
    block_octets: int
    """1 where there are no blocks."""
    icv_octets: int
    """0 unless `aead`."""
    make: Callable[[bytes], Cipher] = field(repr=False)

    @property
    def aead(self) -> bool:
        """It has integrity of its own."""
        return self.icv_octets > 0

    def keyed(self, key: bytes) -> Cipher:
        """The cipher under `key`: `key_octets` of it. Raises `ValueError` for another length."""
        if len(key) != self.key_octets:
            raise ValueError(f"{self.name} takes {self.key_octets} octets of key, not {len(key)}")
        return self.make(key)


def _table() -> tuple[Encryption, ...]:
    ids = EncryptionId
    gcm = (
        (ids.AES_GCM_16, 16, AesGcm16),
        (ids.AES_GCM_12, 12, AesGcm12),
        (ids.AES_GCM_8, 8, AesGcm8),
    )
    lengths = (256, 192, 128)
    return (
        *(
            Encryption(id_, bits, f"AES-GCM-{icv}-{bits}", bits // 8 + 4, 4, 8, 1, icv, make)
            for id_, icv, make in gcm
            for bits in lengths
        ),
        Encryption(ids.CHACHA20_POLY1305, 0, "CHACHA20-POLY1305", 36, 4, 8, 1, 16, ChaCha20),
        *(
            Encryption(ids.AES_CBC, bits, f"AES-CBC-{bits}", bits // 8, 0, 16, 16, 0, AesCbc)
            for bits in lengths
        ),
        Encryption(ids.DES3, 0, "3DES-CBC", 24, 0, 8, 8, 0, TripleDesCbc),
        Encryption(ids.NULL, 0, "NULL", 0, 0, 0, 1, 0, NullCipher),
    )


ENCRYPTIONS = _table()
"""Everything that we know; what is taken is the policies' affair."""

_BY_NUMBERS = {(each.id, each.key_bits): each for each in ENCRYPTIONS}


def encryption(id_: EncryptionId, key_bits: int) -> Encryption:
    """The algorithm of that transform id and key length; `LookupError` when we have none such."""
    return _BY_NUMBERS[id_, key_bits]
