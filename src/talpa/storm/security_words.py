"""What a family does in IKE and ESP, in words."""

from collections.abc import Iterator

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.ike.devices import name_of
from talpa.ike.words import encryption_name, group_name, hash_name, integrity_name
from talpa.storm.security import SecurityHabits


def in_words(habits: SecurityHabits) -> Iterator[str]:
    """What is particular about a family's IPsec, a line for each habit."""
    ike, lifetimes = habits.ike, habits.lifetimes
    yield f"IPsec is known from: {habits.evidence}."
    yield f"Vendor ids: {', '.join(map(name_of, ike.vendor_ids or ()))}."
    yield f"Phase 1 offers {', '.join(map(_phase_1, ike.ike_transforms or ()))}."
    yield f"Phase 2 offers {', '.join(map(_phase_2, ike.esp_transforms or ()))}."
    yield f"Keys of phase 1 live {lifetimes.ike:,.0f} s, those of phase 2 {lifetimes.child:,.0f} s."
    if lifetimes.child_octets is not None:
        kilobytes = lifetimes.child_octets // 1_024
        yield f"Keys of phase 2 last for no more than {kilobytes:,} KB."
    yield f"Nonces have {ike.nonce_octets} octets."
    if habits.pfs is not None:
        yield f"Asks for PFS with {group_name(habits.pfs)}."
    if ike.message_id is not None:
        yield f"The first Quick Mode has message id {ike.message_id}."
    if habits.ephemeral_port:
        yield "L2TP comes from a port of its own, not from 1701."
    if not ike.dpd:
        yield "Never asks whether the server is still there."


def _phase_1(transform: tuple[EncryptionId, int, PrfId, GroupId]) -> str:
    cipher, bits, hash_, key = transform
    return f"{encryption_name((cipher, bits))}/{hash_name(hash_)}/{group_name(key)}"


def _phase_2(transform: tuple[EncryptionId, int, IntegrityId]) -> str:
    cipher, bits, mac = transform
    name = encryption_name((cipher, bits))
    return f"{name}/{integrity_name(mac)}" if mac else name
