"""Offers and policies in the same words, so that a log can show both lists side by side."""

from collections.abc import Iterable, Sequence
from typing import Final

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.crypto.encryption import encryption
from talpa.crypto.exchange import group
from talpa.crypto.integrity import integrity
from talpa.crypto.prf import prf
from talpa.esp.sa import Protocol
from talpa.ike.config import Policy, Weakness
from talpa.ike.suites import EspOffer, IkeOffer

_MOST_LINES: Final = 64
_MOST_NAMES: Final = 24

_ENCRYPTION: Final = {
    1: "DES-IV64",
    2: "DES-CBC",
    3: "3DES-CBC",
    4: "RC5",
    5: "IDEA",
    6: "CAST",
    7: "BLOWFISH",
    12: "AES-CBC",
    13: "AES-CTR",
    14: "AES-CCM-8",
    15: "AES-CCM-12",
    16: "AES-CCM-16",
    18: "AES-GCM-8",
    19: "AES-GCM-12",
    20: "AES-GCM-16",
    21: "AES-GMAC",
    23: "CAMELLIA-CBC",
}
_INTEGRITY: Final = {1: "HMAC-MD5-96", 5: "AES-XCBC-96", 8: "AES-CMAC-96"}
_PRF: Final = {1: "MD5", 3: "TIGER", 4: "AES-XCBC", 8: "AES-CMAC"}
_GROUP: Final = {
    1: "MODP-768",
    17: "MODP-6144",
    18: "MODP-8192",
    22: "MODP-1024/160",
    23: "MODP-2048/224",
    24: "MODP-2048/256",
    25: "ECP-192",
    26: "ECP-224",
    27: "BRAINPOOL-224",
    28: "BRAINPOOL-256",
    29: "BRAINPOOL-384",
    30: "BRAINPOOL-512",
    35: "ML-KEM-512",
}


def encryption_name(cipher: tuple[EncryptionId, int]) -> str:
    """As in "AES-CBC-256"; also of much that we do not have."""
    id_, bits = cipher
    try:
        return encryption(id_, bits).name
    except LookupError:
        name = _ENCRYPTION.get(int(id_), f"encryption {int(id_)}")
        return f"{name}-{bits}" if bits else name


def integrity_name(id_: IntegrityId) -> str:
    """As in "HMAC-SHA2-256-128"."""
    if id_ is IntegrityId.NONE:
        return "no integrity"
    try:
        return integrity(id_).name
    except LookupError:
        return _INTEGRITY.get(int(id_), f"integrity {int(id_)}")


def hash_name(id_: PrfId) -> str:
    """As in "SHA-256"."""
    try:
        return prf(id_).hash_name
    except LookupError:
        return _PRF.get(int(id_), f"PRF {int(id_)}")


def group_name(id_: GroupId) -> str:
    """As in "ECP-256"."""
    if id_ is GroupId.NONE:
        return "none"
    try:
        return group(id_).name
    except LookupError:
        return _GROUP.get(int(id_), f"group {int(id_)}")


def describe_offers(offers: Sequence[IkeOffer | EspOffer]) -> tuple[str, ...]:
    """A line for each offer: what of each kind it has, kinds divided by " / "."""
    lines = [f"{offer.number}: {_offer(offer)}" for offer in offers[:_MOST_LINES]]
    if len(offers) > _MOST_LINES:
        lines.append(f"and {len(offers) - _MOST_LINES} more")
    return tuple(lines)


def _offer(offer: IkeOffer | EspOffer) -> str:
    ciphers = [encryption_name(one) for one in offer.encryption]
    macs = [integrity_name(one) for one in offer.integrity]
    groups = [group_name(one) for one in offer.groups]
    if isinstance(offer, EspOffer):
        name = "AH" if offer.protocol is Protocol.AH else "ESP"
        kinds = [macs] if offer.protocol is Protocol.AH else [ciphers, macs]
        return f"{name} {_kinds(kinds)}" + (f" / PFS with {_names(groups)}" if groups else "")
    hashes = [hash_name(one) for one in offer.prf]
    added = [[group_name(one) for one in methods] for methods in offer.additional]
    return "IKE " + _kinds([ciphers, macs, hashes, groups, *added])


def describe_policy(policy: Policy, *, esp: bool = False) -> tuple[str, ...]:
    """What a policy takes of each kind, best first, in the words of `describe_offers`; then what is
    only taken by name. `esp`: of children, not of IKE."""
    if esp:
        kinds = {
            "encryption": [encryption_name(one) for one in policy.esp_encryption],
            "integrity": [integrity_name(one) for one in policy.esp_integrity],
            "PFS": [group_name(one) for one in policy.pfs_groups],
        }
    else:
        kinds = {
            "encryption": [encryption_name(one) for one in policy.encryption],
            "integrity": [integrity_name(one) for one in policy.integrity],
            "hash": [hash_name(one) for one in policy.prf],
            "group": [group_name(one) for one in policy.groups],
            "additional": [group_name(one) for one in policy.additional],
        }
    title = "ESP" if esp else "IKE"
    lines = [f"{title} {kind}: {', '.join(names)}" for kind, names in kinds.items() if names]
    ours = ("3des", "pfs-modp1024", "sha256-96") if esp else ("3des", "modp1024")
    lines += [_weakness(one) for one in policy.weak if one.what in ours]
    return tuple(lines)


def _weakness(weak: Weakness) -> str:
    device = "any device" if weak.device == "any" else weak.device
    end = f" until {weak.until}" if weak.until else ""
    return f"weak, by name: {weak.what} for {device}{end}"


def _kinds(kinds: Iterable[Sequence[str]]) -> str:
    return " / ".join(_names(names) for names in kinds if names)


def _names(names: Sequence[str]) -> str:
    more = ["..."] if len(names) > _MOST_NAMES else []
    return ", ".join([*names[:_MOST_NAMES], *more])
