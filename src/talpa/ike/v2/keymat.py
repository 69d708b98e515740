"""Keys of IKEv2: SKEYSEED, SK_*, KEYMAT (RFC 7296 2.14, 2.17, 2.18; RFC 9370 2.2.2, 2.2.4)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from talpa.crypto.encryption import encryption
from talpa.crypto.integrity import integrity
from talpa.crypto.prf import Prf
from talpa.crypto.prf import prf as prf_of
from talpa.ike.policies import IkeSuite


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of an IKE SA. Those of integrity are empty with an AEAD cipher."""

    d: bytes = field(repr=False)
    ai: bytes = field(repr=False)
    ar: bytes = field(repr=False)
    ei: bytes = field(repr=False)
    er: bytes = field(repr=False)
    pi: bytes = field(repr=False)
    pr: bytes = field(repr=False)

    def of_children(self) -> "Keys":
        """What is needed of them once both ends have proved themselves, and the ciphers are
        made."""
        return Keys(self.d, b"", b"", b"", b"", b"", b"")


def first_skeyseed(prf: Prf, nonces: bytes, shared: bytes) -> bytes:
    """SKEYSEED of IKE_SA_INIT. `nonces`: Ni | Nr."""
    return prf.compute(nonces, shared)


def further_skeyseed(prf: Prf, d: bytes, nonces: bytes, shared: bytes) -> bytes:
    """SKEYSEED after an additional key exchange in IKE_INTERMEDIATE (RFC 9370 2.2.2)."""
    return prf.compute(d, shared, nonces)


def rekeyed_skeyseed(prf: Prf, d: bytes, nonces: bytes, shared: Sequence[bytes]) -> bytes:
    """SKEYSEED of a re-keyed IKE SA, by the PRF and SK_d of the old one (RFC 7296 2.18). `shared`:
    of the exchange itself, and of the additional ones in IKE_FOLLOWUP_KE (RFC 9370 2.2.4)."""
    return prf.compute(d, shared[0], nonces, *shared[1:])


def ike_keys(suite: IkeSuite, skeyseed: bytes, nonces: bytes, spis: bytes) -> Keys:
    """SK_* (RFC 7296 2.14). `spis`: SPIi | SPIr."""
    prf = prf_of(suite.prf)
    cipher = encryption(suite.encryption, suite.key_bits)
    mac = 0 if cipher.aead else integrity(suite.integrity).key_octets
    sizes = (prf.octets, mac, mac, cipher.key_octets, cipher.key_octets, prf.octets, prf.octets)
    material = prf.plus(skeyseed, nonces + spis, sum(sizes))
    cut, at = [], 0
    for size in sizes:
        cut.append(material[at : at + size])
        at += size
    return Keys(*cut)


def child_keymat(
    prf: Prf, d: bytes, nonces: bytes, shared: Sequence[bytes], octets: int
) -> tuple[bytes, bytes]:
    """KEYMAT of a child, `octets` for each direction: from its initiator, and to it. `shared`: of
    the key exchanges in it, if any."""
    seed = shared[0] + nonces + b"".join(shared[1:]) if shared else nonces
    material = prf.plus(d, seed, 2 * octets)
    return material[:octets], material[octets:]


def with_ppk(prf: Prf, keys: Keys, ppk: bytes) -> Keys:
    """The keys after a post-quantum pre-shared key was mixed in (RFC 8784 3)."""
    size = prf.octets
    return Keys(
        d=prf.plus(ppk, keys.d, size),
        ai=keys.ai,
        ar=keys.ar,
        ei=keys.ei,
        er=keys.er,
        pi=prf.plus(ppk, keys.pi, size),
        pr=prf.plus(ppk, keys.pr, size),
    )
