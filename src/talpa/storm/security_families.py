"""What each family of clients does in IKE and ESP: one row for each, as in `families`.

Offers stand in the order in which the clients make them. They hold for IKEv1, which is what the
clients that are built into systems speak for L2TP. Our IKEv2 offers what the policy has for IKE
itself, and the family's ciphers for ESP.
"""

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
_ECP256, _ECP384 = GroupId.ECP256, GroupId.ECP384

_RFC_3947 = VENDOR_IDS["RFC 3947"]
_DRAFT = "draft-ietf-ipsec-nat-t-ike"
_FRAGMENTATION = VENDOR_IDS["FRAGMENTATION"]
_MAIN_MODE = bytes.fromhex("80000000")
"""Behind the id of fragmentation: in Main Mode."""


def _drafts(*numbers: str) -> tuple[bytes, ...]:
    return tuple(VENDOR_IDS[f"{_DRAFT}-{number}"] for number in numbers)


_WINDOWS = SecurityHabits(
    "logs of servers that Windows 7 to 11 called; nobody logged all of its offers for ESP",
    Habits(
        vendor_ids=(
            VENDOR_IDS["IKE Authip"] + bytes.fromhex("00000001"),
            VENDOR_IDS["MS NT5 ISAKMPOAKLEY"] + bytes.fromhex("00000009"),  # since Windows 8
            _RFC_3947,
            *_drafts("02\\n"),
            _FRAGMENTATION,
            VENDOR_IDS["MS-Negotiation Discovery Capable"],
            VENDOR_IDS["Vid-Initial-Contact"],
            VENDOR_IDS["IKE CGA version 1"],
        ),
        nonce_octets=48,
        message_id=1,
        ike_transforms=(
            (_AES, 256, _SHA1, _ECP384),
            (_AES, 128, _SHA1, _ECP256),
            (_AES, 256, _SHA1, _MODP2048),
            (_3DES, 0, _SHA1, _MODP2048),
            (_3DES, 0, _SHA1, _MODP1024),
        ),
        esp_transforms=((_AES, 256, _MAC1), (_AES, 128, _MAC1), (_3DES, 0, _MAC1)),
        dpd=False,
    ),
    Lifetimes(ike=28_800.0, child=3_600.0, child_octets=250_000 * 1_024),
)

_MACOS = SecurityHabits(
    "Apple's published source; its offers with MD5 are left out",
    Habits(
        vendor_ids=(
            _RFC_3947,
            VENDOR_IDS[_DRAFT],
            *_drafts("08", "07", "06", "05", "04", "03", "02", "02\\n"),
            _FRAGMENTATION + _MAIN_MODE,
        ),
        nonce_octets=16,
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
        esp_transforms=tuple(
            (cipher, bits, mac)
            for cipher, bits in ((_AES, 256), (_AES, 128), (_3DES, 0))
            for mac in (_MAC256, _MAC1)
        ),
        dpd=False,
    ),
    Lifetimes(ike=3_600.0, child=3_600.0),
    ephemeral_port=True,
)

_ANDROID = SecurityHabits(
    "the source of Android's racoon, as in Android 4 to 11, and logs of servers that it called; "
    "its offers with MD5 or DES are left out",
    Habits(
        vendor_ids=(
            _RFC_3947,
            *_drafts("02", "02\\n", "00"),
            _FRAGMENTATION + _MAIN_MODE,
            VENDOR_IDS["DPD"],
        ),
        nonce_octets=16,
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

_ROUTEROS = SecurityHabits(
    "exported configurations and logs; the order of its offers, and its nonce, are assumed",
    Habits(
        vendor_ids=(_RFC_3947, VENDOR_IDS["XAUTH"], VENDOR_IDS["DPD"]),
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

_STRONGSWAN_IDS = (
    VENDOR_IDS["XAUTH"],
    VENDOR_IDS["DPD"],
    _FRAGMENTATION + _MAIN_MODE,
    _RFC_3947,
    *_drafts("02\\n"),
)

_CHROMEOS = SecurityHabits(
    "the source of ChromeOS's shill, which runs strongSwan; that one's own offers at the end, and "
    "those with MD5, are left out",
    Habits(
        vendor_ids=_STRONGSWAN_IDS,
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

_NETWORKMANAGER = SecurityHabits(
    "the documentation of NetworkManager-l2tp, and logs of servers that its strongSwan called",
    Habits(
        vendor_ids=_STRONGSWAN_IDS,
        ike_transforms=(
            *(
                (_AES, 256, prf, group)
                for prf in (_SHA256, _SHA1)
                for group in (_MODP2048, _MODP1536, _MODP1024)
            ),
            (_AES, 256, _SHA1, _ECP384),
            (_AES, 128, _SHA1, _MODP1024),
            (_AES, 128, _SHA1, _ECP256),
            (_3DES, 0, _SHA1, _MODP2048),
            (_3DES, 0, _SHA1, _MODP1024),
        ),
        esp_transforms=((_AES, 256, _MAC1), (_AES, 128, _MAC1), (_3DES, 0, _MAC1)),
    ),
    Lifetimes(ike=10_800.0, child=3_600.0),
)

_LAC = SecurityHabits(
    "nobody: what a strongSwan of today is best set to",
    Habits(
        vendor_ids=_STRONGSWAN_IDS,
        ike_transforms=((_AES, 128, _SHA256, _ECP256),),
        esp_transforms=((_GCM, 128, IntegrityId.NONE),),
    ),
    Lifetimes(ike=14_400.0, child=3_600.0),
)

SECURITY: dict[str, SecurityHabits] = {
    "xl2tpd": _NETWORKMANAGER,
    "windows": _WINDOWS,
    "macos": _MACOS,
    "android": _ANDROID,
    "routeros": _ROUTEROS,
    "chromeos": _CHROMEOS,
    "lac": _LAC,
}
"""By name of the family."""
