"""What we offer ourselves, best first."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from talpa.crypto.algorithms import EncryptionId, GroupId, PrfId
from talpa.crypto.encryption import encryption
from talpa.esp.sa import Protocol
from talpa.ike.choice import Order
from talpa.ike.config import Policy
from talpa.ike.suites import EspOffer, IkeOffer

_G, _P = GroupId, PrfId
_3DES: Final = (EncryptionId.DES3, 0)
_V1_GROUPS: Final = frozenset(
    (
        _G.MODP1024,
        _G.MODP1536,
        _G.MODP2048,
        _G.MODP3072,
        _G.MODP4096,
        _G.ECP256,
        _G.ECP384,
        _G.ECP521,
    )
)
"""Those with a number in IKEv1."""


def _is_old(group: GroupId, hash_: PrfId) -> bool:
    """What peers have that know no AES."""
    return hash_ is _P.HMAC_SHA1 and group in (_G.MODP1024, _G.MODP1536, _G.MODP2048)


def _aead(cipher: tuple[EncryptionId, int]) -> bool:
    return encryption(*cipher).aead


def ike_offers(policy: Policy, today: date, *, version: int) -> tuple[IkeOffer, ...]:
    """What we offer ourselves, best first: in IKEv1 a suite each, in IKEv2 one proposal of AEAD
    ciphers and one of the others. What is weak, where it is allowed for any device."""
    order = Order(policy, "", today)
    ciphers, groups = tuple(order.encryption), tuple(order.groups)
    if version == 1:
        return _v1_offers(ciphers, policy.prf, groups)
    additional: tuple[tuple[GroupId, ...], ...] = ()
    if policy.additional:
        optional = () if policy.require_additional else (GroupId.NONE,)
        additional = ((*policy.additional, *optional),)
    offers: list[IkeOffer] = []
    for kind, macs in ((True, ()), (False, policy.integrity)):
        chosen = tuple(cipher for cipher in ciphers if _aead(cipher) is kind)
        if chosen and (kind or macs):
            offers.append(IkeOffer(len(offers) + 1, chosen, macs, policy.prf, groups, additional))
    return tuple(offers)


def _v1_offers(
    ciphers: Sequence[tuple[EncryptionId, int]],
    prfs: Sequence[PrfId],
    groups: Sequence[GroupId],
) -> tuple[IkeOffer, ...]:
    """Every suite with the common lengths and hashes: few enough for one datagram."""
    ciphers = [one for one in ciphers if not _aead(one)]
    common = [one for one in ciphers if one[1] != 192] or ciphers
    hashes = [one for one in prfs if one in (_P.HMAC_SHA2_256, _P.HMAC_SHA1)] or prfs[:2]
    ours = [one for one in groups if one in _V1_GROUPS and one is not _G.ECP521]
    suites = [
        (c, g, p) for c in common for g in ours for p in hashes if c != _3DES or _is_old(g, p)
    ]
    return tuple(
        IkeOffer(number, (cipher,), (), (hash_,), (key,))
        for number, (cipher, key, hash_) in enumerate(suites, 1)
    )


def esp_offers(
    policy: Policy,
    today: date,
    *,
    version: int,
    pfs: GroupId = GroupId.NONE,
    ah: bool = False,
) -> tuple[EspOffer, ...]:
    """What we offer ourselves for a child, best first, without SPI. IKEv2 with PFS: the group of
    its KE payload."""
    order = Order(policy, "", today)
    groups = () if pfs is GroupId.NONE else (pfs,)
    macs = policy.esp_integrity
    esn = (True, False) if policy.esn and version == 2 else (False,)
    if ah:
        if version == 1:
            return tuple(
                EspOffer(number, Protocol.AH, b"", (), (mac,), groups)
                for number, mac in enumerate(macs, 1)
            )
        return (EspOffer(1, Protocol.AH, b"", (), macs, groups, esn),)
    ciphers = tuple(order.esp_encryption)
    if version == 2:
        offers: list[EspOffer] = []
        for kind, those in ((True, ()), (False, macs)):
            chosen = tuple(cipher for cipher in ciphers if _aead(cipher) is kind)
            if chosen and (kind or those):
                offers.append(
                    EspOffer(len(offers) + 1, Protocol.ESP, b"", chosen, those, groups, esn)
                )
        return tuple(offers)
    pairs = [
        (cipher, those)
        for cipher in ciphers
        if cipher[0] is not EncryptionId.CHACHA20_POLY1305
        for those in ([()] if _aead(cipher) else [(mac,) for mac in macs])
    ]
    return tuple(
        EspOffer(number, Protocol.ESP, b"", (cipher,), those, groups)
        for number, (cipher, those) in enumerate(pairs, 1)
    )
