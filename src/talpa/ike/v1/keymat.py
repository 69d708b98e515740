"""Keys and hashes of IKEv1 (RFC 2409 5, 5.5 and appendix B)."""

from talpa.crypto.encryption import Cipher, Encryption
from talpa.crypto.prf import Prf
from talpa.wire import Malformed


class Keys:
    """What phase 1 leaves: keys for its own messages, and for those of phase 2."""

    __slots__ = ("_cipher", "block", "key", "last_block", "prf", "skeyid", "skeyid_a", "skeyid_d")

    def __init__(
        self,
        prf: Prf,
        encryption: Encryption,
        skeyid: bytes,
        shared: bytes,
        cookies: bytes,
        iv: bytes,
    ) -> None:
        """`shared`: g^xy. `cookies`: CKY-I, CKY-R. `iv`: of the first encrypted message."""
        self.prf = prf
        self.block = encryption.block_octets
        self.skeyid = skeyid
        self.skeyid_d = prf.compute(skeyid, shared, cookies, b"\x00")
        self.skeyid_a = prf.compute(skeyid, self.skeyid_d, shared, cookies, b"\x01")
        skeyid_e = prf.compute(skeyid, self.skeyid_a, shared, cookies, b"\x02")
        self.key = expand(prf, skeyid_e, encryption.key_octets)
        self._cipher: Cipher = encryption.keyed(self.key)
        self.last_block = iv
        """The last block of phase 1 so far: IV of its next message, and what the IVs of phase 2 are
        made from."""

    def __repr__(self) -> str:
        return f"Keys({self.prf.name})"

    def proven(self) -> None:
        """Phase 1 is done: SKEYID itself has served."""
        self.skeyid = b""

    def phase_2_iv(self, message_id: bytes) -> bytes:
        """Of the first message of an exchange after phase 1 (appendix B)."""
        return self.prf.digest(self.last_block, message_id)[: self.block]

    def encrypt(self, iv: bytes, plaintext: bytes) -> bytes:
        """Padded with zeros to whole blocks. The last block of the result is the next IV."""
        return self._cipher.encrypt(iv, plaintext + bytes(-len(plaintext) % self.block))

    def decrypt(self, iv: bytes, ciphertext: bytes) -> bytes:
        """With the padding. Raises `Malformed` for what is no whole number of blocks."""
        if not ciphertext or len(ciphertext) % self.block:
            raise Malformed("encrypted part is no whole number of blocks")
        plaintext = self._cipher.decrypt(iv, ciphertext)
        if plaintext is None:
            raise Malformed("encrypted part is no whole number of blocks")
        return plaintext

    def hash(self, *parts: bytes) -> bytes:
        """HASH(1), HASH(2), HASH(3) and those of informational exchanges (5.5, 5.7)."""
        return self.prf.compute(self.skeyid_a, *parts)

    def keymat(self, octets: int, protocol: int, spi: bytes, nonces: bytes, shared: bytes) -> bytes:
        """Of one SA (5.5): `spi` is that of its receiver, `shared` g(qm)^xy or empty."""
        seed = b"%b%c%b%b" % (shared, protocol, spi, nonces)
        block = self.prf.compute(self.skeyid_d, seed)
        out = block
        while len(out) < octets:
            block = self.prf.compute(self.skeyid_d, block, seed)
            out += block
        return out[:octets]


def skeyid_of_psk(prf: Prf, psk: bytes, nonces: bytes) -> bytes:
    """With a pre-shared key; `nonces`: Ni_b, Nr_b."""
    return prf.compute(psk, nonces)


def skeyid_of_signatures(prf: Prf, nonces: bytes, shared: bytes) -> bytes:
    """With signatures."""
    return prf.compute(nonces, shared)


def proof(
    prf: Prf, skeyid: bytes, own_public: bytes, other_public: bytes, cookies: bytes, rest: bytes
) -> bytes:
    """HASH_I or HASH_R (5). `own_public`: of whom the hash is; `cookies`: its own first; `rest`:
    SAi_b, then the identity of whom the hash is."""
    return prf.compute(skeyid, own_public, other_public, cookies, rest)


def first_iv(prf: Prf, initiator_public: bytes, responder_public: bytes, block: int) -> bytes:
    """Of the first encrypted message of phase 1 (appendix B)."""
    return prf.digest(initiator_public, responder_public)[:block]


def expand(prf: Prf, skeyid_e: bytes, octets: int) -> bytes:
    """The key of the cipher: SKEYID_e itself where it is long enough (appendix B)."""
    if octets <= len(skeyid_e):
        return skeyid_e[:octets]
    block = prf.compute(skeyid_e, b"\x00")
    out = block
    while len(out) < octets:
        block = prf.compute(skeyid_e, block)
        out += block
    return out[:octets]
