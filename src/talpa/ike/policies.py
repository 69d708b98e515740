"""The named policies; and all that is asked about policies and offers, under one name."""

from typing import Final

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.ike.choice import allowed, choose_esp, choose_ike
from talpa.ike.config import Policy, Weakness
from talpa.ike.own_offers import esp_offers, ike_offers
from talpa.ike.suites import EspChoice, EspOffer, IkeChoice, IkeOffer, IkeSuite
from talpa.ike.words import describe_offers, describe_policy

__all__ = [
    "COMPATIBLE",
    "LEGACY",
    "MODERN",
    "WEAKNESSES",
    "EspChoice",
    "EspOffer",
    "IkeChoice",
    "IkeOffer",
    "IkeSuite",
    "allowed",
    "choose_esp",
    "choose_ike",
    "describe_offers",
    "describe_policy",
    "esp_offers",
    "ike_offers",
]

_E, _I, _P, _G = EncryptionId, IntegrityId, PrfId, GroupId
_GCM: Final = ((_E.AES_GCM_16, 256), (_E.AES_GCM_16, 192), (_E.AES_GCM_16, 128))
_AEAD: Final = (*_GCM, (_E.CHACHA20_POLY1305, 0))
_CBC: Final = ((_E.AES_CBC, 256), (_E.AES_CBC, 192), (_E.AES_CBC, 128))
_SHA2_MACS: Final = (_I.HMAC_SHA2_256_128, _I.HMAC_SHA2_384_192, _I.HMAC_SHA2_512_256)
_SHA2_PRFS: Final = (_P.HMAC_SHA2_256, _P.HMAC_SHA2_384, _P.HMAC_SHA2_512)
_CURVES: Final = (_G.X25519, _G.ECP384, _G.ECP256, _G.ECP521, _G.X448)
_MODP: Final = (_G.MODP3072, _G.MODP4096, _G.MODP2048)

MODERN: Final = Policy(
    name="modern",
    encryption=(*_AEAD, *_CBC),
    integrity=_SHA2_MACS,
    prf=_SHA2_PRFS,
    groups=(*_CURVES, *_MODP),
    esp_encryption=(*_AEAD, *_CBC),
    esp_integrity=_SHA2_MACS,
    pfs_groups=(*_CURVES, *_MODP),
    additional=(_G.MLKEM768, _G.MLKEM1024),
)
"""Without SHA-1. The L2TP clients that are built into systems find nothing in it."""

COMPATIBLE: Final = Policy(
    name="compatible",
    encryption=(*_AEAD, *_CBC),
    integrity=(*_SHA2_MACS, _I.HMAC_SHA1_96),
    prf=(*_SHA2_PRFS, _P.HMAC_SHA1),
    groups=(*_CURVES, *_MODP, _G.MODP1536),
    esp_encryption=(*_AEAD, *_CBC),
    esp_integrity=(*_SHA2_MACS, _I.HMAC_SHA1_96),
    pfs_groups=(*_CURVES, *_MODP, _G.MODP1536),
    additional=(_G.MLKEM768, _G.MLKEM1024),
)
"""Every client that is built into a current system, and nothing that is broken."""

LEGACY: Final = Policy(
    name="legacy",
    encryption=COMPATIBLE.encryption,
    integrity=COMPATIBLE.integrity,
    prf=COMPATIBLE.prf,
    groups=COMPATIBLE.groups,
    esp_encryption=COMPATIBLE.esp_encryption,
    esp_integrity=COMPATIBLE.esp_integrity,
    pfs_groups=COMPATIBLE.pfs_groups,
    additional=COMPATIBLE.additional,
    weak=(Weakness("modp1024"), Weakness("3des"), Weakness("pfs-modp1024")),
)
"""Adds what is weak, for every device and for ever; each use of it is told."""

WEAKNESSES: Final = ("modp1024", "3des", "pfs-modp1024", "sha256-96")
"""What `Weakness.what` may be."""
