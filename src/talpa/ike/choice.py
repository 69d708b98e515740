"""The best of what a peer offers that a policy allows.

The peer's order counts for nothing. What is weak is taken only where `Policy.weak` names it, for
the peer's class of device, up to its last day.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, TypeVar

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId
from talpa.crypto.encryption import encryption
from talpa.esp.sa import Protocol
from talpa.ike.config import Policy
from talpa.ike.suites import (
    EspChoice,
    EspOffer,
    IkeChoice,
    IkeOffer,
    IkeSuite,
    esp_suite,
    ike_suite,
)

_E, _I, _G = EncryptionId, IntegrityId, GroupId
T = TypeVar("T")
_3DES: Final = (_E.DES3, 0)


def allowed(policy: Policy, what: str, device: str, today: date) -> bool:
    """Whether a weakness is allowed for that class of device, today."""
    return any(
        one.what == what
        and one.device in ("any", device)
        and (one.until is None or today <= one.until)
        for one in policy.weak
    )


class Order:
    """A policy's lists for one device on one day: what is weak comes last, where it is allowed."""

    __slots__ = ("cut", "encryption", "esp_encryption", "esp_integrity", "groups", "pfs_groups")

    def __init__(self, policy: Policy, device: str, today: date) -> None:
        des = (_3DES,) if allowed(policy, "3des", device, today) else ()
        modp = (_G.MODP1024,) if allowed(policy, "modp1024", device, today) else ()
        pfs = (_G.MODP1024,) if allowed(policy, "pfs-modp1024", device, today) else ()
        self.encryption = _ranks((*_without(policy.encryption, _3DES), *des))
        self.esp_encryption = _ranks((*_without(policy.esp_encryption, _3DES), *des))
        self.groups = _ranks((*_without(policy.groups, _G.MODP1024), *modp))
        self.pfs_groups = _ranks((*_without(policy.pfs_groups, _G.MODP1024), *pfs))
        self.cut = allowed(policy, "sha256-96", device, today)
        macs = tuple(_without(policy.esp_integrity, _I.HMAC_SHA2_256_96))
        if (device == "android" or self.cut) and _I.HMAC_SHA1_96 in macs:
            # Kernels of such devices cut SHA-256 to 96 bits, and their SHA-384 is odd, too.
            macs = (_I.HMAC_SHA1_96, *_without(macs, _I.HMAC_SHA1_96))
        self.esp_integrity = _ranks(macs)


def _without(values: Iterable[T], value: T) -> list[T]:
    return [one for one in values if one != value]


def _ranks(values: Sequence[T]) -> dict[T, int]:
    ranks: dict[T, int] = {}
    for rank, value in enumerate(values):
        ranks.setdefault(value, rank)
    return ranks


def _best(offered: Iterable[T], ranks: dict[T, int]) -> tuple[int, T] | None:
    found = [(ranks[one], one) for one in offered if one in ranks]
    return min(found, key=lambda pair: pair[0], default=None)


def _aead(cipher: tuple[EncryptionId, int]) -> bool:
    return encryption(*cipher).aead


def choose_ike(
    policy: Policy,
    offers: Sequence[IkeOffer],
    device: str,
    today: date,
    *,
    version: int = 2,
) -> IkeChoice | None:
    """The best suite of all offers. In IKEv1 the hash is all the integrity there is; in IKEv2 a
    cipher without its own needs one beside it."""
    order = Order(policy, device, today)
    prfs, macs = _ranks(policy.prf), _ranks(policy.integrity)
    best: tuple[tuple[int, ...], IkeOffer, IkeSuite] | None = None
    for offer in offers:
        key = _best(offer.groups, order.groups)
        hash_ = _best(offer.prf, prfs)
        added = _choose_additional(policy, offer)
        if key is None or hash_ is None or added is None:
            continue
        for cipher in offer.encryption:
            if cipher not in order.encryption:
                continue
            mac: tuple[int, IntegrityId] | None = (0, IntegrityId.NONE)
            if version != 1 and not _aead(cipher):
                mac = _best(offer.integrity, macs)
            if mac is None or (version == 1 and _aead(cipher)):
                continue
            rank = (order.encryption[cipher], added[0], key[0], hash_[0], mac[0])
            if best is None or rank < best[0]:
                suite = ike_suite(*cipher, mac[1], hash_[1], key[1], added[1])
                best = (rank, offer, suite)
    if best is None:
        return None
    _, offer, suite = best
    weak = []
    if suite.encryption is EncryptionId.DES3:
        weak.append("3des")
    if suite.group is GroupId.MODP1024:
        weak.append("modp1024")
    return IkeChoice(offer, suite, tuple(weak))


def _choose_additional(policy: Policy, offer: IkeOffer) -> tuple[int, tuple[GroupId, ...]] | None:
    """One method for each ADDKE that is offered, none of them twice (RFC 9370 2.2.1), with its
    rank; None when one that must be done is none of ours."""
    ranks = _ranks(policy.additional)
    chosen: list[GroupId] = []
    for methods in offer.additional:
        found = _best((one for one in methods if one not in chosen), ranks)
        if found is not None:
            chosen.append(found[1])
        elif not methods or GroupId.NONE in methods:
            chosen.append(GroupId.NONE)
        else:
            return None
    done = [ranks[one] for one in chosen if one is not GroupId.NONE]
    if not done:
        if policy.require_additional:
            return None
        return len(ranks), tuple(chosen)
    return min(done), tuple(chosen)


def choose_esp(
    policy: Policy,
    offers: Sequence[EspOffer],
    device: str,
    today: date,
    *,
    ah: bool = False,
) -> EspChoice | None:
    """The best suite of all offers; AH only when `ah`."""
    order = Order(policy, device, today)
    best: tuple[tuple[int, ...], EspOffer, tuple[EncryptionId, int], IntegrityId, GroupId] | None
    best = None
    for offer in offers:
        pfs = _choose_pfs(offer, order)
        if pfs is None or not offer.esn or (offer.protocol is Protocol.AH and not ah):
            continue
        for cipher in _ciphers(offer):
            rank = 0
            if offer.protocol is Protocol.ESP:
                if cipher not in order.esp_encryption:
                    continue
                rank = order.esp_encryption[cipher]
            mac: tuple[int, IntegrityId] | None = (0, IntegrityId.NONE)
            if not _aead(cipher):
                mac = _best(offer.integrity, order.esp_integrity)
            if mac is None:
                continue
            ranks = (offer.protocol is Protocol.AH, rank, pfs[0], mac[0])
            if best is None or ranks < best[0]:
                best = (ranks, offer, cipher, mac[1], pfs[1])
    if best is None:
        return None
    _, offer, cipher, integrity_, group_ = best
    weak = []
    if cipher == _3DES:
        weak.append("3des")
    if group_ is GroupId.MODP1024:
        weak.append("pfs-modp1024")
    if order.cut and integrity_ is IntegrityId.HMAC_SHA2_256_128:
        integrity_ = IntegrityId.HMAC_SHA2_256_96
        weak.append("sha256-96")
    esn = True in offer.esn and (policy.esn or False not in offer.esn)
    suite = esp_suite(offer.protocol, *cipher, integrity_, esn)
    return EspChoice(offer, suite, group_, tuple(weak))


def _ciphers(offer: EspOffer) -> tuple[tuple[EncryptionId, int], ...]:
    return ((_E.NULL, 0),) if offer.protocol is Protocol.AH else offer.encryption


def _choose_pfs(offer: EspOffer, order: Order) -> tuple[int, GroupId] | None:
    if not offer.groups:
        return 0, GroupId.NONE
    found = _best(offer.groups, order.pfs_groups)
    if found is None and GroupId.NONE in offer.groups:
        return len(order.pfs_groups), GroupId.NONE
    return found
