"""What each family of clients offers in IKE, and how long its keys live: as in `families`."""

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.ike.config import Habits, Lifetimes
from talpa.ike.devices import VENDOR_IDS
from talpa.storm.security import SecurityHabits

_AES, _3DES, _GCM = EncryptionId.AES_CBC, EncryptionId.DES3, EncryptionId.AES_GCM_16
_SHA1, _SHA256 = PrfId.HMAC_SHA1, PrfId.HMAC_SHA2_256
_SHA384, _SHA512 = PrfId.HMAC_SHA2_384, PrfId.HMAC_SHA2_512
_MAC1, _MAC256 = IntegrityId.HMAC_SHA1_96, IntegrityId.HMAC_SHA2_256_128
_MAC384, _MAC512 = IntegrityId.HMAC_SHA2_384_192, IntegrityId.HMAC_SHA2_512_256

_MODP1024, _MODP1536, _MODP2048 = GroupId.MODP1024, GroupId.MODP1536, GroupId.MODP2048

_WINDOWS = SecurityHabits(
    Habits(
        vendor_ids=tuple(
            VENDOR_IDS[name]
            for name in (
                "IKE Authip",
                "MS NT5 ISAKMPOAKLEY",
                "RFC 3947",
                "draft-ietf-ipsec-nat-t-ike-02\\n",
                "FRAGMENTATION",
                "MS-Negotiation Discovery Capable",
                "Vid-Initial-Contact",
                "IKE CGA version 1",
            )
            if name in VENDOR_IDS
        ),
        nonce_octets=48,
        message_id=1,
        ike_transforms=(
            (_AES, 256, _SHA1, GroupId.ECP384),
            (_AES, 128, _SHA1, GroupId.ECP256),
            (_AES, 256, _SHA1, _MODP2048),
            (_3DES, 0, _SHA1, _MODP2048),
            (_3DES, 0, _SHA1, _MODP1024),
        ),
        esp_transforms=((_AES, 256, _MAC1), (_AES, 128, _MAC1), (_3DES, 0, _MAC1)),
        kilobytes=250_000,
        dpd=False,
    ),
    Lifetimes(ike=28_800.0, child=3_600.0, child_octets=250_000_000),
)

_MACOS = SecurityHabits(
    Habits(
        nonce_octets=16,
        natt_drafts=True,
        ike_transforms=(
            (_AES, 256, _SHA256, _MODP2048),
            (_AES, 256, _SHA1, _MODP2048),
            (_AES, 256, _SHA512, _MODP2048),
            (_AES, 256, _SHA256, _MODP1536),
            (_AES, 256, _SHA1, _MODP1536),
            (_AES, 256, _SHA256, _MODP1024),
            (_AES, 256, _SHA1, _MODP1024),
            (_AES, 128, _SHA1, _MODP1024),
            (_3DES, 0, _SHA1, _MODP1024),
        ),
        esp_transforms=(
            (_AES, 256, _MAC256),
            (_AES, 256, _MAC1),
            (_AES, 128, _MAC256),
            (_AES, 128, _MAC1),
            (_3DES, 0, _MAC256),
            (_3DES, 0, _MAC1),
        ),
        dpd=False,
    ),
    Lifetimes(ike=3_600.0, child=3_600.0),
    ephemeral_port=True,
)

_ANDROID = SecurityHabits(
    Habits(
        nonce_octets=16,
        natt_drafts=True,
        ike_transforms=tuple(
            (cipher, bits, prf, _MODP1024)
            for cipher, bits, prfs in (
                (_AES, 256, (_SHA384, _SHA256, _SHA512, _SHA1)),
                (_AES, 128, (_SHA512, _SHA384, _SHA256, _SHA1)),
                (_3DES, 0, (_SHA256, _SHA1)),
            )
            for prf in prfs
        ),
        esp_transforms=tuple(
            (cipher, bits, mac)
            for cipher, bits in ((_AES, 256), (_AES, 128), (_3DES, 0))
            for mac in (_MAC512, _MAC384, _MAC1, _MAC256)
        ),
        dpd=False,
    ),
    Lifetimes(ike=28_800.0, child=28_800.0),
)

_CHROMEOS = SecurityHabits(
    Habits(
        ike_transforms=(
            (_AES, 128, _SHA256, GroupId.MODP3072),
            (_AES, 128, _SHA1, _MODP2048),
            (_3DES, 0, _SHA1, _MODP1536),
            (_3DES, 0, _SHA1, _MODP1024),
        ),
        esp_transforms=(
            (_GCM, 128, IntegrityId.NONE),
            (_AES, 128, _MAC256),
            (_AES, 128, _MAC1),
            (_3DES, 0, _MAC1),
        ),
    ),
    Lifetimes(ike=14_400.0, child=3_600.0),
)

_ROUTEROS = SecurityHabits(
    Habits(
        nonce_octets=24,
        ike_transforms=(
            (_AES, 128, _SHA1, _MODP2048),
            (_AES, 128, _SHA1, _MODP1024),
            (_3DES, 0, _SHA1, _MODP2048),
            (_3DES, 0, _SHA1, _MODP1024),
        ),
        esp_transforms=((_AES, 256, _MAC1), (_AES, 192, _MAC1), (_AES, 128, _MAC1)),
    ),
    Lifetimes(ike=86_400.0, child=1_800.0),
    pfs=_MODP1024,
)

_STRONGSWAN = SecurityHabits(
    Habits(
        ike_transforms=((_AES, 128, _SHA256, GroupId.ECP256), (_AES, 256, _SHA1, _MODP2048)),
        esp_transforms=((_GCM, 128, IntegrityId.NONE), (_AES, 256, _MAC1)),
    ),
    Lifetimes(ike=14_400.0, child=3_600.0),
)

SECURITY: dict[str, SecurityHabits] = {
    "xl2tpd": _STRONGSWAN,
    "windows": _WINDOWS,
    "macos": _MACOS,
    "android": _ANDROID,
    "routeros": _ROUTEROS,
    "chromeos": _CHROMEOS,
    "lac": _STRONGSWAN,
}
"""By name of the family."""
