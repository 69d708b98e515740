"""Numbers handed out and taken back: what addresses and prefixes are counted with."""

import struct
from collections import OrderedDict
from collections.abc import Collection, Iterator
from hashlib import blake2s

QUARANTINE = 60.0
"""Seconds in which a freed number goes to nobody but its last owner, so that packets still under
way do not reach somebody else. Given up when nothing else is left."""

_PROBES = struct.Struct("<4Q")


class Numbers:
    """Hands out the numbers 0 to `size` - 1, each to one owner at a time.

    Memory goes with the numbers in use and in quarantine, not with `size`; an acquisition takes
    constant time on average. An owner tends to get the same number each time, also after a restart:
    the first free one of a few that are computed from the owner's name.
    """

    __slots__ = ("_cursor", "_freed", "_held", "_reserved", "_spare", "size")

    def __init__(self, size: int, reserved: Collection[int] = ()) -> None:
        self.size = size
        self._reserved: frozenset[int] = frozenset()
        self._held: set[int] = set()
        self._freed: OrderedDict[int, tuple[float, str]] = OrderedDict()
        """The quarantine: when each number came back, and from whom; oldest first."""
        self._spare: set[int] = set()
        """Free numbers below the cursor whose quarantine is over."""
        self._cursor = 0
        """All numbers below are held, freed, spare or reserved."""
        self.reserve(reserved)

    def reserve(self, reserved: Collection[int]) -> None:
        """Set which numbers are given to nobody by `acquire`. Their holders keep them."""
        self._reserved = frozenset(n for n in reserved if 0 <= n < self.size)
        # Numbers that are no longer reserved are found by starting over.
        self._cursor = 0
        self._spare.clear()

    @property
    def capacity(self) -> int:
        """Numbers that `acquire` can give out."""
        return self.size - len(self._reserved)

    @property
    def used(self) -> int:
        """Numbers of `capacity` that are held."""
        return len(self._held) - sum(n in self._held for n in self._reserved)

    def holds(self, number: int) -> bool:
        """Whether somebody has `number`."""
        return number in self._held

    def acquire(self, owner: str, now: float) -> int | None:
        """A number for `owner`; None when all are held."""
        self._end_quarantine(now)
        number = self._usual(owner)
        if number is None and self._spare:
            number = self._spare.pop()
        if number is None:
            number = self._fresh()
        if number is None:
            # Better early than never.
            number = next((n for n in self._freed if n not in self._reserved), None)
        if number is not None:
            self.take(number)
        return number

    def take(self, number: int) -> bool:
        """Take exactly `number`, reserved or not; False when it is held or out of range."""
        if number in self._held or not 0 <= number < self.size:
            return False
        self._freed.pop(number, None)
        self._spare.discard(number)
        self._held.add(number)
        return True

    def release(self, number: int, owner: str, now: float) -> None:
        """Give `number` back; nothing happens when nobody held it."""
        if number in self._held:
            self._held.remove(number)
            self._freed[number] = (now, owner)
            self._end_quarantine(now)

    def _end_quarantine(self, now: float) -> None:
        while self._freed:
            number = next(iter(self._freed))
            if self._freed[number][0] + QUARANTINE > now:
                return
            del self._freed[number]
            # Above the cursor a free number need not be remembered.
            if number < self._cursor and number not in self._reserved:
                self._spare.add(number)

    def _usual(self, owner: str) -> int | None:
        """One that `owner` tends to get."""
        for number in self._probes(owner):
            if number in self._held or number in self._reserved:
                continue
            freed = self._freed.get(number)
            if freed is None or freed[1] == owner:
                return number
        return None

    def _probes(self, owner: str) -> Iterator[int]:
        digest = blake2s(owner.encode("utf-8", "surrogatepass")).digest()
        return (word % self.size for word in _PROBES.unpack(digest))

    def _fresh(self) -> int | None:
        """One at or above the cursor, which passes each number once: cheap over all."""
        for number in range(self._cursor, self.size):
            if not (number in self._held or number in self._freed or number in self._reserved):
                self._cursor = number + 1
                return number
        self._cursor = self.size
        return None
