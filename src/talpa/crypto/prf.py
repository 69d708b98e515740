"""The pseudorandom functions of IKE, and the hash that each is made of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha1, sha256, sha384, sha512
from hmac import digest
from typing import Protocol

from talpa.crypto.algorithms import PrfId

__all__ = ["PRFS", "Prf", "prf"]

_MOST_BLOCKS = 255
"""RFC 7296 2.13: the counter is one octet."""


class _Hash(Protocol):
    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Prf:
    """HMAC with one hash, uncut. A key may have any length."""

    id: PrfId
    name: str
    """"HMAC-SHA2-256"."""
    hash_name: str
    """"SHA-256"."""
    octets: int
    """Of the output, and of a key that is made for it (RFC 7296 2.14)."""
    hash: str = field(repr=False)
    """As `hashlib` calls it."""
    make: Callable[[bytes], _Hash] = field(repr=False)

    def compute(self, key: bytes, *parts: bytes) -> bytes:
        """prf(key, parts one after the other)."""
        return digest(key, b"".join(parts), self.hash)

    def plus(self, key: bytes, seed: bytes, octets: int) -> bytes:
        """prf+(key, seed) (RFC 7296 2.13). Raises `ValueError` for more than it can give."""
        if octets > _MOST_BLOCKS * self.octets:
            raise ValueError("prf+ gives 255 blocks at most")
        name = self.hash
        block = b""
        blocks = []
        for counter in range(1, -(-octets // self.octets) + 1):
            block = digest(key, b"%b%b%c" % (block, seed, counter), name)
            blocks.append(block)
        return b"".join(blocks)[:octets]

    def digest(self, *parts: bytes) -> bytes:
        """The plain hash of all parts, one after the other."""
        return self.make(b"".join(parts)).digest()


PRFS = (
    Prf(PrfId.HMAC_SHA2_512, "HMAC-SHA2-512", "SHA-512", 64, "sha512", sha512),
    Prf(PrfId.HMAC_SHA2_384, "HMAC-SHA2-384", "SHA-384", 48, "sha384", sha384),
    Prf(PrfId.HMAC_SHA2_256, "HMAC-SHA2-256", "SHA-256", 32, "sha256", sha256),
    Prf(PrfId.HMAC_SHA1, "HMAC-SHA1", "SHA-1", 20, "sha1", sha1),
)
"""Everything that we know; what is taken is the policies' affair."""

_BY_ID = {each.id: each for each in PRFS}


def prf(id_: PrfId) -> Prf:
    """The PRF of that transform id; `LookupError` when we have none such."""
    return _BY_ID[id_]
