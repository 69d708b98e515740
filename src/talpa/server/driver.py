"""The one event loop: readers of the data plane, and one timer for every deadline there is."""

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

from talpa.dataplane import interface as plane

_STUCK_SECONDS = 0.1
"""Wait before a deadline that stays due although it was seen to: a fault must not take all of the
processor."""


class Role(Protocol):
    """What the driver needs of a role."""

    def plane_event(self, event: plane.Event, now: float) -> None:
        """Take one event of the data plane."""

    def settle(self, now: float) -> None:
        """Bring everything to rest and send what is to be sent."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""

    def handle_timeout(self, now: float) -> None:
        """See to every deadline that has passed."""


class Driver:
    """Drives one role and one data plane on the running loop.

    A turn is: take what the data plane has, let the role settle, set the timer anew if the earliest
    deadline changed. Must be made and used on the loop's own thread.
    """

    def __init__(self, data_plane: plane.DataPlane, role: Role, clock: Callable[[], float]) -> None:
        self._plane = data_plane
        self._role = role
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._seen_to = -math.inf
        self._watched: list[int] = []
        self.after_turn: Callable[[], None] | None = None
        """Called at the end of every turn, for an owner who waits for the role to change."""

    def start(self) -> None:
        """Watch the data plane."""
        for descriptor, readable in self._plane.readers():
            self._watched.append(descriptor)
            self._loop.add_reader(descriptor, self._readable, readable)
        self.turn()

    def stop(self) -> None:
        """Stop watching; the data plane stays as it is."""
        for descriptor in self._watched:
            self._loop.remove_reader(descriptor)
        self._watched.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def now(self) -> float:
        """The time that cores are told."""
        return self._clock()

    def turn(self) -> None:
        """Take what is there, settle, set the timer. To be called after every command, too."""
        now = self._clock()
        try:
            for event in self._plane.drain():
                self._role.plane_event(event, now)
            self._role.settle(now)
        finally:
            # Without its timer the loop would not go on after a fault.
            self._arm(now)
        if self.after_turn is not None:
            self.after_turn()

    def _readable(self, read: Callable[[], None]) -> None:
        read()
        self.turn()

    def _arm(self, now: float) -> None:
        due = self._role.next_timeout()
        if self._timer is not None:
            if due is not None and self._due is not None and due >= self._due:
                return  # the present timer comes first; it looks again
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._due = due
            delay = _STUCK_SECONDS if due <= self._seen_to else max(0.0, due - now)
            self._timer = self._loop.call_later(delay, self._timeout)

    def _timeout(self) -> None:
        self._timer = None
        now = self._clock()
        due = self._role.next_timeout()
        try:
            if due is not None and due <= now:
                self._seen_to = now
                self._role.handle_timeout(now)
        finally:
            self.turn()
