"""A simulated network in virtual time: a link that ill-treats what it carries, and two ends on it.

Payloads are any objects. A run is a function of its seed.
"""

import heapq
import random
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from talpa.sansio import earliest

P = TypeVar("P")


class Link(Generic[P]):
    """Carries payloads in two directions (0 and 1) and loses, doubles, delays, reorders them.

    `loss`, `duplicate` and `reorder` are probabilities; `delay` is the range of the way in seconds.
    What is not reordered keeps its order within a direction. A reordered payload takes up to four
    times the longest way.
    """

    def __init__(
        self,
        seed: int,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        delay: tuple[float, float] = (0.01, 0.05),
    ) -> None:
        self.random = random.Random(seed)
        self.loss = loss
        self.duplicate = duplicate
        self.reorder = reorder
        self.delay = delay
        self.sent = [0, 0]
        self.lost = [0, 0]
        self.delivered = [0, 0]
        self.cut = False
        """While set, nothing gets through."""
        self._heap: list[tuple[float, int, int, P]] = []
        self._tick = 0
        self._last = [0.0, 0.0]

    def send(self, direction: int, payload: P, now: float) -> None:
        """Put a payload on the link."""
        self.sent[direction] += 1
        if self.cut or self.random.random() < self.loss:
            self.lost[direction] += 1
            return
        self._schedule(direction, payload, now)
        if self.random.random() < self.duplicate:
            self._schedule(direction, payload, now)

    def deliver(self, now: float) -> list[tuple[int, P]]:
        """What has arrived by `now`, with its direction, in order of arrival."""
        arrived = []
        while self._heap and self._heap[0][0] <= now:
            _, _, direction, payload = heapq.heappop(self._heap)
            self.delivered[direction] += 1
            arrived.append((direction, payload))
        return arrived

    def next_time(self) -> float | None:
        """When the next payload arrives; None when the link is empty."""
        return self._heap[0][0] if self._heap else None

    def _schedule(self, direction: int, payload: P, now: float) -> None:
        arrival = now + self.random.uniform(*self.delay)
        if self.random.random() < self.reorder:
            arrival += self.random.uniform(0, 3 * self.delay[1])
        else:
            arrival = self._last[direction] = max(arrival, self._last[direction])
        self._tick += 1
        heapq.heappush(self._heap, (arrival, self._tick, direction, payload))


class End(Protocol[P]):
    """What stands at one end of a link: usually a thin wrapper around a core."""

    def receive(self, payload: P, now: float) -> None:
        """Take what arrived."""

    def transmits(self) -> Iterable[P]:
        """Drain what is to be sent."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""

    def handle_timeout(self, now: float) -> None:
        """Act on the deadlines that have passed."""


class Stuck(AssertionError):
    """The ends go on without virtual time going on, or far longer than they should."""


class Pair(Generic[P]):
    """Two ends on a link. What `left` sends travels in direction 0, what `right` sends in 1.

    `now` jumps from one happening to the next. Every run is bounded in steps, and so is the number
    of steps without time passing: a pair that does not settle fails its test.
    """

    def __init__(self, link: Link[P], left: End[P], right: End[P], start: float = 1000.0) -> None:
        self.link = link
        self.ends = (left, right)
        self.now = start
        self.steps = 0

    def run(
        self,
        seconds: float | None = None,
        until: Callable[[], bool] | None = None,
        most_steps: int = 100_000,
    ) -> bool:
        """Let it happen for `seconds` (None: until nothing is awaited any more), or until `until`
        holds. Returns whether `until` holds at the end; True when there is none."""
        end = None if seconds is None else self.now + seconds
        still = 0
        for _ in range(most_steps):
            self._collect()
            if until is not None and until():
                return True
            when = earliest(self.link.next_time(), *(e.next_timeout() for e in self.ends))
            if when is None or (end is not None and when > end):
                if end is not None:
                    self.now = end
                return until is None
            still = 0 if when > self.now else still + 1
            if still > 1000:
                raise Stuck(f"time stands still at {self.now}")
            self.now = max(self.now, when)
            self._step()
        raise Stuck(f"not settled after {most_steps} steps, at {self.now}")

    def _step(self) -> None:
        self.steps += 1
        for direction, payload in self.link.deliver(self.now):
            self.ends[1 - direction].receive(payload, self.now)
            self._collect()
        for end in self.ends:
            due = end.next_timeout()
            if due is not None and due <= self.now:
                end.handle_timeout(self.now)

    def _collect(self) -> None:
        for direction, end in enumerate(self.ends):
            for payload in end.transmits():
                self.link.send(direction, payload, self.now)
