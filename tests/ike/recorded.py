"""What the built-in clients offer, as they were read in their source or recorded on the wire.

Phase 1 and phase 2 of IKEv1, in the client's own order. MD5, DES and their like are in it: they are
what a server must pass over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.esp.sa import Protocol
from talpa.ike.devices import VENDOR_IDS
from talpa.ike.suites import EspOffer, IkeOffer

Cipher = tuple[EncryptionId, int]

AES256, AES192, AES128 = ((EncryptionId.AES_CBC, bits) for bits in (256, 192, 128))
GCM128 = (EncryptionId.AES_GCM_16, 128)
DES3 = (EncryptionId.DES3, 0)
DES = (EncryptionId(2), 0)
SHA1, SHA256 = PrfId.HMAC_SHA1, PrfId.HMAC_SHA2_256
SHA384, SHA512 = PrfId.HMAC_SHA2_384, PrfId.HMAC_SHA2_512
MD5 = PrfId(1)
MAC1, MAC256 = IntegrityId.HMAC_SHA1_96, IntegrityId.HMAC_SHA2_256_128
MAC384, MAC512 = IntegrityId.HMAC_SHA2_384_192, IntegrityId.HMAC_SHA2_512_256
MAC_MD5 = IntegrityId(1)
G = GroupId


@dataclass(frozen=True)
class Client:
    """One family of clients."""

    name: str
    device: str
    """As `device_of` must tell it."""
    vendor_ids: tuple[bytes, ...]
    ike: tuple[IkeOffer, ...]
    esp: tuple[EspOffer, ...]
    ike_seconds: int
    esp_seconds: int
    esp_kilobytes: int | None = None


def ike(*suites: tuple[Cipher, PrfId, GroupId]) -> tuple[IkeOffer, ...]:
    """Transforms of phase 1."""
    return tuple(
        IkeOffer(number, (cipher,), (), (hash_,), (group,))
        for number, (cipher, hash_, group) in enumerate(suites, 1)
    )


def esp(
    suites: Iterable[tuple[Cipher, IntegrityId | None]], pfs: GroupId | None = None
) -> tuple[EspOffer, ...]:
    """Transforms of phase 2."""
    return tuple(
        EspOffer(
            number,
            Protocol.ESP,
            b"\x0a\x0b\x0c\x0d",
            (cipher,),
            () if mac is None else (mac,),
            () if pfs is None else (pfs,),
        )
        for number, (cipher, mac) in enumerate(suites, 1)
    )


def vendors(*names: str) -> tuple[bytes, ...]:
    """Vendor ids by name."""
    return tuple(VENDOR_IDS[name] for name in names)


_WINDOWS_IDS = (
    VENDOR_IDS["IKE Authip"] + b"\0\0\0\x01",
    VENDOR_IDS["MS NT5 ISAKMPOAKLEY"] + b"\0\0\0\x08",
    *vendors(
        "RFC 3947",
        "draft-ietf-ipsec-nat-t-ike-02\\n",
        "FRAGMENTATION",
        "MS-Negotiation Discovery Capable",
        "Vid-Initial-Contact",
        "IKE CGA version 1",
    ),
)
_WINDOWS_ESP = esp(((AES256, MAC1), (AES128, MAC1), (DES3, MAC1)))

WINDOWS = Client(
    "Windows 7 to 11",
    "windows",
    _WINDOWS_IDS,
    ike(
        (AES256, SHA1, G.ECP384),
        (AES128, SHA1, G.ECP256),
        (AES256, SHA1, G.MODP2048),
        (DES3, SHA1, G.MODP2048),
        (DES3, SHA1, G.MODP1024),
    ),
    _WINDOWS_ESP,
    28_800,
    3_600,
    250_000,
)
WINDOWS_XP = Client(
    "Windows as KB 325158 has it",
    "windows",
    _WINDOWS_IDS[1:5],
    ike((DES3, SHA1, G.MODP2048), (DES3, MD5, G.MODP2048), (DES3, SHA1, G.MODP1024)),
    esp(((DES3, MAC_MD5), (DES3, MAC1))),
    28_800,
    3_600,
    250_000,
)
APPLE = Client(
    "macOS and iOS",
    "apple",
    (
        *vendors(
            "RFC 3947",
            "draft-ietf-ipsec-nat-t-ike",
            "draft-ietf-ipsec-nat-t-ike-08",
            "draft-ietf-ipsec-nat-t-ike-07",
            "draft-ietf-ipsec-nat-t-ike-06",
            "draft-ietf-ipsec-nat-t-ike-05",
            "draft-ietf-ipsec-nat-t-ike-04",
            "draft-ietf-ipsec-nat-t-ike-03",
            "draft-ietf-ipsec-nat-t-ike-02",
            "draft-ietf-ipsec-nat-t-ike-02\\n",
        ),
        VENDOR_IDS["FRAGMENTATION"] + bytes.fromhex("80000000"),
    ),
    ike(
        (AES256, SHA256, G.MODP2048),
        (AES256, SHA1, G.MODP2048),
        (AES256, MD5, G.MODP2048),
        (AES256, SHA512, G.MODP2048),
        (AES256, SHA256, G.MODP1536),
        (AES256, SHA1, G.MODP1536),
        (AES256, MD5, G.MODP1536),
        (AES256, SHA256, G.MODP1024),
        (AES256, SHA1, G.MODP1024),
        (AES256, MD5, G.MODP1024),
        (AES128, SHA1, G.MODP1024),
        (AES128, MD5, G.MODP1024),
        (DES3, SHA1, G.MODP1024),
        (DES3, MD5, G.MODP1024),
    ),
    esp(product((AES256, AES128, DES3), (MAC256, MAC1, MAC_MD5))),
    3_600,
    3_600,
)
ANDROID = Client(
    "Android up to 11",
    "android",
    (
        *vendors(
            "RFC 3947",
            "draft-ietf-ipsec-nat-t-ike-02",
            "draft-ietf-ipsec-nat-t-ike-02\\n",
            "draft-ietf-ipsec-nat-t-ike-00",
        ),
        VENDOR_IDS["FRAGMENTATION"] + bytes.fromhex("80000000"),
    ),
    ike(
        *((AES256, one, G.MODP1024) for one in (SHA384, SHA256, SHA512, SHA1, MD5)),
        *((AES128, one, G.MODP1024) for one in (SHA512, SHA384, SHA256, SHA1, MD5)),
        *((DES3, one, G.MODP1024) for one in (SHA256, SHA1, MD5)),
        *((DES, one, G.MODP1024) for one in (SHA256, SHA1, MD5)),
    ),
    esp(product((AES256, AES128, DES3, DES), (MAC512, MAC384, MAC1, MAC256, MAC_MD5))),
    28_800,
    28_800,
    0xFFFFFFFF,
)
CHROMEOS = Client(
    "ChromeOS",
    "chromeos",
    (
        *vendors("XAUTH", "DPD", "RFC 3947", "draft-ietf-ipsec-nat-t-ike-02\\n"),
        VENDOR_IDS["FRAGMENTATION"] + bytes.fromhex("80000000"),
    ),
    ike(
        (AES128, SHA256, G.MODP3072),
        (AES128, SHA1, G.MODP2048),
        (DES3, SHA1, G.MODP1536),
        (DES3, SHA1, G.MODP1024),
    ),
    esp(
        (
            (GCM128, None),
            (AES128, MAC256),
            (AES128, MAC1),
            (DES3, MAC1),
            (DES3, MAC_MD5),
        )
    ),
    10_800,
    3_600,
)
ROUTEROS = Client(
    "RouterOS, default profile",
    "routeros",
    vendors("XAUTH", "DPD", "RFC 3947"),
    ike(
        (AES128, SHA1, G.MODP2048),
        (AES128, SHA1, G.MODP1024),
        (DES3, SHA1, G.MODP2048),
        (DES3, SHA1, G.MODP1024),
    ),
    esp(((AES256, MAC1), (AES192, MAC1), (AES128, MAC1)), G.MODP1024),
    86_400,
    1_800,
)
ROUTEROS_WITHOUT_PFS = Client(
    "RouterOS, pfs-group=none",
    "routeros",
    ROUTEROS.vendor_ids,
    ROUTEROS.ike,
    esp(((AES256, MAC1), (AES192, MAC1), (AES128, MAC1))),
    86_400,
    1_800,
)
NETWORKMANAGER = Client(
    "NetworkManager-l2tp",
    "strongswan",
    (
        *vendors("XAUTH", "DPD", "RFC 3947", "draft-ietf-ipsec-nat-t-ike-02\\n"),
        VENDOR_IDS["FRAGMENTATION"] + bytes.fromhex("80000000"),
    ),
    ike(
        (AES256, SHA256, G.MODP2048),
        (AES256, SHA256, G.MODP1536),
        (AES256, SHA256, G.MODP1024),
        (AES256, SHA1, G.MODP2048),
        (AES256, SHA1, G.MODP1536),
        (AES256, SHA1, G.MODP1024),
        (AES256, SHA1, G.ECP384),
        (AES128, SHA1, G.MODP1024),
        (AES128, SHA1, G.ECP256),
        (DES3, SHA1, G.MODP2048),
        (DES3, SHA1, G.MODP1024),
    ),
    esp(((AES256, MAC1), (AES128, MAC1), (DES3, MAC1))),
    10_800,
    3_600,
)

CLIENTS = (
    WINDOWS,
    WINDOWS_XP,
    APPLE,
    ANDROID,
    CHROMEOS,
    ROUTEROS,
    ROUTEROS_WITHOUT_PFS,
    NETWORKMANAGER,
)
