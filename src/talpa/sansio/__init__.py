"""What every protocol core is made of: its verbs, deadlines and drop counters."""

from talpa.sansio.core import Address, Core, Path, Rng
from talpa.sansio.deadlines import Deadlines, earliest
from talpa.sansio.drops import Drops
from talpa.sansio.places import place

__all__ = ["Address", "Core", "Deadlines", "Drops", "Path", "Rng", "earliest", "place"]
