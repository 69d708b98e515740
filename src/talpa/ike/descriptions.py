"""What an operator is shown of an IKE SA."""

from dataclasses import dataclass

from talpa.ike.events import Peer
from talpa.sansio import Path


@dataclass(frozen=True, slots=True)
class IkeDescription:
    """One IKE SA as it stands."""

    ike: int
    version: int
    """1 or 2."""
    state: str
    """"connecting", "up", "closing"..., in the version's own words."""
    path: Path
    peer: Peer | None
    """None until it has proved itself."""
    since: float
    """When it came up, or began; monotonic."""
    rekeyed: int
    """How often it has been replaced by a new one."""
    associations: tuple[int, ...]
    """Ids, as in the events."""
