"""Tunnel and session ids: 16 bits, never 0, drawn so that nobody can guess them, and rested."""

from collections.abc import Callable

from talpa.sansio import Rng

_TRIES = 32
_STEPS = 1024
"""Ids looked at in a row where nearly all are taken: a look at all 65,535 for each call would let
a peer whose calls come and go stall everybody else."""


def draw(rng: Rng, taken: Callable[[int], bool]) -> int | None:
    """An id that is not `taken`; None when all are, or so many that none is found soon."""
    found = 0
    for _ in range(_TRIES):
        found = int.from_bytes(rng(2), "big")
        if found and not taken(found):
            return found
    # Nearly all are taken: the next free one behind a random place.
    return next_free(found, taken)


def next_free(last: int, taken: Callable[[int], bool]) -> int | None:
    """The next id behind `last` that is not `taken`; None when none is near."""
    for step in range(1, _STEPS + 1):
        near = (last + step) & 0xFFFF
        if near and not taken(near):
            return near
    return None


class Resting:
    """Keys that must not be used again for a while: for `seconds` at least, twice that at most."""

    __slots__ = ("_new", "_old", "_seconds", "_turned")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._new: set[int] = set()
        self._old: set[int] = set()
        self._turned = 0.0

    def add(self, key: int, now: float) -> None:
        """Lay `key` to rest."""
        self._turn(now)
        self._new.add(key)

    def holds(self, key: int, now: float) -> bool:
        """Whether `key` still rests."""
        self._turn(now)
        return key in self._new or key in self._old

    def _turn(self, now: float) -> None:
        passed = now - self._turned
        if passed < self._seconds:
            return
        self._old = self._new if passed < 2 * self._seconds else set()
        self._new = set()
        self._turned = now
