"""Vendor ids: what those of the peer say, and which we send."""

from collections.abc import Sequence

from talpa.ike.config import Habits
from talpa.ike.devices import (
    answer_v1,
    device_of,
    is_microsoft,
    knows,
    natt_of,
    offer_v1,
    vendor_names,
)
from talpa.ike.suites import IkeOffer
from talpa.ike.v1.sa import IkeSa, NatVersion

_NAT_VERSIONS = {version.value: version for version in NatVersion}
_MOST_SHOWN = 24


def note(sa: IkeSa, vids: Sequence[bytes], offers: Sequence[IkeOffer] = ()) -> None:
    """Keep what a peer's vendor ids say. `offers`: its transforms, which tell as well."""
    sa.nat = _NAT_VERSIONS[natt_of(vids)]
    sa.dpd = knows(vids, "DPD")
    sa.fragments = knows(vids, "FRAGMENTATION")
    sa.device = device_of(vids, 1, offers)
    sa.microsoft = is_microsoft(vids)
    sa.vendors = vendor_names(tuple(vids[:_MOST_SHOWN]))


def as_initiator(habits: Habits) -> Sequence[bytes]:
    """Ours, or those of the device that we play."""
    if habits.vendor_ids is not None:
        return habits.vendor_ids
    return offer_v1(drafts=habits.natt_drafts, dpd=habits.dpd)


def as_responder(vids: Sequence[bytes]) -> Sequence[bytes]:
    """No more than the peer offered, and to Microsoft as few as can be."""
    return answer_v1(vids)
