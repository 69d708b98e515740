"""Vendor ids, and what they and the offers tell of the device at the other end."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import md5
from typing import Final

from talpa.crypto.algorithms import EncryptionId, GroupId, PrfId
from talpa.ike.suites import IkeOffer
from talpa.wire import printable


def _of(text: str) -> bytes:
    """Most vendor ids are the MD5 of a text."""
    return md5(text.encode(), usedforsecurity=False).digest()


VENDOR_IDS: Final[dict[str, bytes]] = {
    "RFC 3947": _of("RFC 3947"),
    "draft-ietf-ipsec-nat-t-ike": _of("draft-ietf-ipsec-nat-t-ike"),
    **{
        f"draft-ietf-ipsec-nat-t-ike-{number:02}": _of(f"draft-ietf-ipsec-nat-t-ike-{number:02}")
        for number in range(9)
    },
    "draft-ietf-ipsec-nat-t-ike-02\\n": _of("draft-ietf-ipsec-nat-t-ike-02\n"),
    "DPD": bytes.fromhex("afcad71368a1f1c96b8696fc77570100"),
    "FRAGMENTATION": _of("FRAGMENTATION"),
    "XAUTH": bytes.fromhex("09002689dfd6b712"),
    "Cisco Unity": bytes.fromhex("12f5f28c457168a9702d9fe274cc0100"),
    "MS NT5 ISAKMPOAKLEY": _of("MS NT5 ISAKMPOAKLEY"),
    "MS-Negotiation Discovery Capable": _of("MS-Negotiation Discovery Capable"),
    "Vid-Initial-Contact": _of("Vid-Initial-Contact"),
    "IKE CGA version 1": _of("IKE CGA version 1"),
    "GSSAPI": _of("GSSAPI"),
    "IKE Authip": bytes.fromhex("01528bbbc00696121849ab9a1c5b2a51"),
    "strongSwan": _of("strongSwan"),
    "Libreswan": b"OE-Libreswan-",
    "Cisco Delete Reason": b"CISCO-DELETE-REASON",
    "FlexVPN": b"FLEXVPN-SUPPORTED",
    "Talpa": b"Talpa",
}
"""By name. Of those in `_OPEN` more octets follow: a version, capabilities."""

_OPEN: Final = frozenset(
    (
        "FRAGMENTATION",
        "MS NT5 ISAKMPOAKLEY",
        "GSSAPI",
        "IKE Authip",
        "Libreswan",
    )
)
_DRAFTS: Final = ("draft-ietf-ipsec-nat-t-ike-03", "draft-ietf-ipsec-nat-t-ike-02\\n")
_MICROSOFT: Final = ("MS NT5 ISAKMPOAKLEY", "MS-Negotiation Discovery Capable")
_BY_OCTETS: Final = {octets: name for name, octets in VENDOR_IDS.items()}
_STRONGSWAN_V1: Final = frozenset(
    ("XAUTH", "DPD", "FRAGMENTATION", "RFC 3947", "draft-ietf-ipsec-nat-t-ike-02\\n")
)
"""charon says its own name only when told to; it is known by what it says beside."""
_FRAGMENTATION_MAIN: Final = VENDOR_IDS["FRAGMENTATION"] + bytes.fromhex("80000000")
"""With capabilities: of Main Mode."""


def name_of(vendor_id: bytes) -> str:
    """Its name, with what follows in hex; one that we do not know as text or in hex."""
    name = _BY_OCTETS.get(vendor_id)
    if name is not None:
        return name
    for name in _OPEN:
        octets = VENDOR_IDS[name]
        if vendor_id.startswith(octets):
            rest = vendor_id[len(octets) :]
            return f"{name} {printable(rest, 32) if name == 'Libreswan' else rest[:8].hex()}"
    return vendor_id[:32].hex()


@lru_cache(64)
def vendor_names(vendor_ids: tuple[bytes, ...]) -> tuple[str, ...]:
    """Their names: the same tuple for all devices of a kind."""
    return tuple(map(name_of, vendor_ids))


def _base(vendor_id: bytes) -> str:
    name = _BY_OCTETS.get(vendor_id)
    if name is not None:
        return name
    return next((one for one in _OPEN if vendor_id.startswith(VENDOR_IDS[one])), "")


def knows(vendor_ids: Sequence[bytes], name: str) -> bool:
    """Whether the vendor id of that name is among them."""
    return any(_base(one) == name for one in vendor_ids)


def is_microsoft(vendor_ids: Sequence[bytes]) -> bool:
    """Windows. The id of fragmentation does not show it: others send it, too."""
    return any(_base(one) in _MICROSOFT for one in vendor_ids)


def device_of(vendor_ids: Sequence[bytes], version: int, offers: Sequence[IkeOffer] = ()) -> str:
    """The class of device: "windows", "apple", "android", "chromeos", "routeros", "strongswan",
    "libreswan", "talpa"; "" when nothing tells. `offers` are those of phase 1, where some differ.

    Whoever wants to can pretend to be another: this chooses between habits, and proves nothing.
    """
    if is_microsoft(vendor_ids):
        return "windows"
    names = {_base(one) for one in vendor_ids}
    for name, device in (("Talpa", "talpa"), ("Libreswan", "libreswan")):
        if name in names:
            return device
    if version != 1:
        return "strongswan" if "strongSwan" in names else ""
    if "draft-ietf-ipsec-nat-t-ike" in names and "XAUTH" not in names:
        return "apple"
    if _is_chromeos(offers):
        return "chromeos"
    if "strongSwan" in names or names - {""} == _STRONGSWAN_V1:
        return "strongswan"
    if "draft-ietf-ipsec-nat-t-ike-00" in names and _is_android(offers):
        return "android"
    if "XAUTH" in names and "RFC 3947" in names and _is_routeros(offers):
        return "routeros"
    return ""


def _groups(offers: Sequence[IkeOffer]) -> set[GroupId]:
    return {group for offer in offers for group in offer.groups}


def _is_android(offers: Sequence[IkeOffer]) -> bool:
    """Android up to 11 knows one group."""
    return not offers or _groups(offers) == {GroupId.MODP1024}


def _is_chromeos(offers: Sequence[IkeOffer]) -> bool:
    """It begins with what nobody else begins with."""
    if not offers:
        return False
    first = offers[0]
    return (
        first.encryption == ((EncryptionId.AES_CBC, 128),)
        and first.prf == (PrfId.HMAC_SHA2_256,)
        and first.groups == (GroupId.MODP3072,)
    )


def _is_routeros(offers: Sequence[IkeOffer]) -> bool:
    """Its default profile: AES-128 and 3DES with SHA-1, MODP-2048 and MODP-1024."""
    return (
        bool(offers)
        and _groups(offers) <= {GroupId.MODP2048, GroupId.MODP1024}
        and {prf for offer in offers for prf in offer.prf} == {PrfId.HMAC_SHA1}
        and offers[0].encryption == ((EncryptionId.AES_CBC, 128),)
    )


def answer_v1(vendor_ids: Sequence[bytes], *, dpd: bool = True) -> tuple[bytes, ...]:
    """The vendor ids that we answer with: few, and to Microsoft the fewest, for updates of Windows
    have failed on more. Of NAT traversal the RFC alone, unless the peer knows drafts only."""
    microsoft = is_microsoft(vendor_ids)
    answer: list[bytes] = []
    natt = natt_of(vendor_ids)
    if natt:
        answer.append(VENDOR_IDS[natt])
    if dpd and not microsoft and knows(vendor_ids, "DPD"):
        answer.append(VENDOR_IDS["DPD"])
    if knows(vendor_ids, "FRAGMENTATION"):
        answer.append(VENDOR_IDS["FRAGMENTATION"] if microsoft else _FRAGMENTATION_MAIN)
    return tuple(answer)


def natt_of(vendor_ids: Sequence[bytes]) -> str:
    """The kind of NAT traversal that we do with a peer: the name of its vendor id; "": none."""
    for name in ("RFC 3947", *_DRAFTS, "draft-ietf-ipsec-nat-t-ike-02"):
        if VENDOR_IDS[name] in vendor_ids:
            return name
    return ""


def offer_v1(*, drafts: bool = False, dpd: bool = True) -> tuple[bytes, ...]:
    """The vendor ids that we call with."""
    offered = [VENDOR_IDS["RFC 3947"]]
    if drafts:
        offered += [VENDOR_IDS[name] for name in _DRAFTS]
        offered.append(VENDOR_IDS["draft-ietf-ipsec-nat-t-ike-02"])
    if dpd:
        offered.append(VENDOR_IDS["DPD"])
    offered.append(_FRAGMENTATION_MAIN)
    return tuple(offered)
