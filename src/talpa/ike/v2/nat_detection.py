"""Who of the two is behind a NAT (RFC 7296 2.23)."""

from talpa.ike.natt import NatFound, nat_found_v2, nat_hash_v2
from talpa.ike.v2.numbers import Kind, NotifyKind
from talpa.ike.v2.payloads import Contents, notify
from talpa.sansio import Address, Path

Parts = list[tuple[Kind, object]]


def nat_notifies(
    spis: tuple[bytes, bytes], local: Address, remote: Address, *, hide: bool = False
) -> Parts:
    """NAT_DETECTION_*_IP of a message from `local` to `remote`. `hide`: say of our own address what
    cannot be right, so that the peer takes us for one behind a NAT and encapsulates in UDP."""
    source = Address("0.0.0.0", 0) if hide else local
    return [
        notify(NotifyKind.NAT_DETECTION_SOURCE_IP, nat_hash_v2(*spis, source)),
        notify(NotifyKind.NAT_DETECTION_DESTINATION_IP, nat_hash_v2(*spis, remote)),
    ]


def nat_found(contents: Contents, spis: tuple[bytes, bytes], path: Path) -> NatFound | None:
    """Whether we are, and whether the peer is, behind a NAT; None: the message does not tell."""
    sources, destinations = (
        [one.data for one in contents.notifies.get(kind, ())]
        for kind in (
            NotifyKind.NAT_DETECTION_SOURCE_IP,
            NotifyKind.NAT_DETECTION_DESTINATION_IP,
        )
    )
    return nat_found_v2(*spis, path, sources, destinations)
