"""Deadlines of many owners in one heap, and the earliest of a few."""

import heapq
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_SLACK = 64


def earliest(*deadlines: float | None) -> float | None:
    """The first of the deadlines that are set; None when none is."""
    return min((d for d in deadlines if d is not None), default=None)


class Deadlines(Generic[K]):
    """One deadline for each key, in one heap.

    Moving a deadline later is free: the stale entry stays in the heap and is pushed again when it
    comes up, so a timer that is put off with every packet costs no heap work. Stale entries are
    swept out when they are more than twice the deadlines.
    """

    __slots__ = ("_heap", "_queued", "_tick", "_when")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, K]] = []
        self._when: dict[K, float] = {}
        self._queued: dict[K, float] = {}
        self._tick = 0

    def __len__(self) -> int:
        return len(self._when)

    def arm(self, key: K, when: float | None) -> None:
        """Set, move or (with None) clear the deadline of `key`."""
        if when is None:
            self._when.pop(key, None)
            return
        self._when[key] = when
        queued = self._queued.get(key)
        if queued is None or when < queued:
            self._push(key, when)

    def next(self) -> float | None:
        """The earliest deadline that is still meant."""
        while self._heap:
            queued, _, key = self._heap[0]
            when = self._when.get(key)
            if self._queued.get(key) == queued and when is not None and when <= queued:
                return when
            self._settle(key, queued, when)
        return None

    def due(self, now: float) -> Iterator[K]:
        """Take out every key whose deadline has passed, earliest first, and each once: what is
        armed anew for a time that has passed is due at the next call."""
        seen: set[K] = set()
        again: dict[K, float] = {}
        while (when := self.next()) is not None and when <= now:
            _, _, key = heapq.heappop(self._heap)
            del self._when[key]
            del self._queued[key]
            if key in seen:
                again[key] = when
            else:
                seen.add(key)
                yield key
        for key, when in again.items():
            if key not in self._when:
                self.arm(key, when)

    def _push(self, key: K, when: float) -> None:
        if len(self._heap) > _SLACK + 2 * len(self._when):
            self._sweep()
            return
        self._queued[key] = when
        self._tick += 1
        heapq.heappush(self._heap, (when, self._tick, key))

    def _settle(self, key: K, queued: float, when: float | None) -> None:
        """Drop the entry at the top, which no longer says when `key` is due."""
        heapq.heappop(self._heap)
        if self._queued.get(key) == queued:
            if when is None:
                del self._queued[key]
            else:
                self._push(key, when)

    def _sweep(self) -> None:
        """Make the heap anew, with one entry for each deadline."""
        self._queued = dict(self._when)
        self._heap = [(when, tick, key) for tick, (key, when) in enumerate(self._when.items())]
        self._tick = max(self._tick, len(self._heap))
        heapq.heapify(self._heap)
