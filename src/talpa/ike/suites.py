"""Suites of IKE, what peers offer, and what is chosen of it, as values."""

from dataclasses import dataclass
from functools import lru_cache

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.crypto.encryption import encryption
from talpa.crypto.exchange import group
from talpa.crypto.integrity import integrity
from talpa.crypto.prf import prf
from talpa.esp.sa import Protocol, Suite


@dataclass(frozen=True, slots=True)
class IkeSuite:
    """How an IKE SA is protected."""

    encryption: EncryptionId
    key_bits: int
    integrity: IntegrityId
    """NONE for AEAD, and in IKEv1."""
    prf: PrfId
    """IKEv1: the hash."""
    group: GroupId
    additional: tuple[GroupId, ...] = ()
    """By ADDKE1 to the last (RFC 9370); NONE where one is not done."""

    @property
    def name(self) -> str:
        """As shown to people: "AES-CBC-256/SHA-1/ECP-384", "AES-GCM-16-256/SHA-256/X25519"."""
        return _ike_name(self)


@lru_cache(256)
def _ike_name(suite: IkeSuite) -> str:
    words = [encryption(suite.encryption, suite.key_bits).name]
    if suite.integrity is not IntegrityId.NONE:
        words.append(integrity(suite.integrity).name)
    words.append(prf(suite.prf).hash_name)
    words.append(group(suite.group).name)
    words += [group(one).name for one in suite.additional if one is not GroupId.NONE]
    return "/".join(words)


ike_suite = lru_cache(maxsize=256)(IkeSuite)
"""The same suite for all that agreed on it: there are few suites and many SAs."""
esp_suite = lru_cache(maxsize=256)(Suite)


@dataclass(frozen=True, slots=True)
class IkeOffer:
    """What is offered for an IKE SA. IKEv1: one suite, a transform. IKEv2: a proposal, of each kind
    one is to be chosen. What we do not know is in it, too, for the log."""

    number: int
    encryption: tuple[tuple[EncryptionId, int], ...]
    integrity: tuple[IntegrityId, ...]
    """Empty where none is offered."""
    prf: tuple[PrfId, ...]
    groups: tuple[GroupId, ...]
    additional: tuple[tuple[GroupId, ...], ...] = ()
    """By ADDKE1 to ADDKE7; empty where none is offered."""
    token: object = None
    """Whatever the version needs to find it again."""


@dataclass(frozen=True, slots=True)
class IkeChoice:
    """The best that we allow."""

    offer: IkeOffer
    suite: IkeSuite
    weak: tuple[str, ...] = ()
    """What of it had to be allowed by name."""


@dataclass(frozen=True, slots=True)
class EspOffer:
    """What is offered for a child: as `IkeOffer`."""

    number: int
    protocol: Protocol
    spi: bytes
    encryption: tuple[tuple[EncryptionId, int], ...]
    """AH: empty, or NULL."""
    integrity: tuple[IntegrityId, ...]
    groups: tuple[GroupId, ...] = ()
    """Of PFS; empty: none."""
    esn: tuple[bool, ...] = (False,)
    """Extended sequence numbers, or not; empty: neither, which nothing can be made of."""
    token: object = None


@dataclass(frozen=True, slots=True)
class EspChoice:
    """The best that we allow."""

    offer: EspOffer
    suite: Suite
    group: GroupId
    """NONE without PFS."""
    weak: tuple[str, ...] = ()
