"""Limits on guessing passwords.

A wrong password makes its user wait before the next try from the same place, each time twice as
long. A place with too many wrong passwords waits for all who gave one, and with far too many for
all but those who have logged in from there: others behind the same LAC or NAT are not locked out by
one who guesses. Nobody is locked out for good, since that would be a weapon against the user. What
is waited for is not even looked at, so that waiting tells nothing about the password, and does not
prolong itself.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from talpa.sansio import place


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """Seconds where not said otherwise."""

    first_wait: float = 1.0
    longest_wait: float = 300.0
    source_failures: int = 30
    """Wrong passwords from one place, within `source_window`, before all who gave one wait."""
    source_most_failures: int = 300
    """The same, before all wait there who have not logged in from there."""
    source_window: float = 600.0
    entries: int = 100_000
    """Users and places remembered, of each kind; the ones longest not seen are forgotten first."""


class _User(NamedTuple):
    failures: int
    until: float
    """No try before."""


class _Source(NamedTuple):
    failures: int
    since: float


class Guesses:
    """Who has guessed wrong, where, and how long they wait."""

    __slots__ = ("_limits", "_sources", "_users", "_welcome")

    def __init__(self, limits: GuessLimits) -> None:
        self._limits = limits
        self._users: OrderedDict[tuple[str, str], _User] = OrderedDict()
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._welcome: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Users who have logged in from a place."""

    def __len__(self) -> int:
        return len(self._users) + len(self._sources) + len(self._welcome)

    def user_wait(self, user: str, source: str, now: float) -> float:
        """Seconds until `user` may try again from `source`; 0: at once."""
        entry = self._users.get((user, place(source)))
        return 0.0 if entry is None else max(0.0, entry.until - now)

    def source_wait(self, user: str, source: str, now: float) -> float:
        """Seconds until `user` may try from `source`, where many have failed; 0: at once.

        The same for a name that does not exist, so that names cannot be found out."""
        limits, where = self._limits, place(source)
        entry = self._sources.get(where)
        if entry is None or entry.failures < limits.source_failures:
            return 0.0
        if (user, where) in self._welcome:
            return 0.0
        failed = self._users.get((user, where))
        innocent = failed is None or now > failed.until + limits.longest_wait
        if innocent and entry.failures < limits.source_most_failures:
            return 0.0
        return max(0.0, entry.since + limits.source_window - now)

    def failed(self, user: str, source: str, now: float) -> None:
        """A wrong password, or a user that does not exist."""
        limits, where = self._limits, place(source)
        entry = self._users.pop((user, where), None)
        # Who has kept still for as long as the longest wait begins anew.
        old = 0 if entry is None or now > entry.until + limits.longest_wait else entry.failures
        # The exponent is bounded, since 2.0 ** 1024 overflows.
        wait = min(limits.longest_wait, limits.first_wait * 2.0 ** min(old, 64))
        self._users[user, where] = _User(old + 1, now + wait)
        source_entry = self._sources.pop(where, None)
        if source_entry is None or now >= source_entry.since + limits.source_window:
            source_entry = _Source(0, now)
        self._sources[where] = _Source(source_entry.failures + 1, source_entry.since)
        for table in (self._users, self._sources):
            if len(table) > limits.entries:
                table.popitem(last=False)

    def succeeded(self, user: str, source: str) -> None:
        """The right password. The place keeps its count: else one account clears it for all."""
        key = user, place(source)
        self._users.pop(key, None)
        self._welcome[key] = None
        self._welcome.move_to_end(key)
        if len(self._welcome) > self._limits.entries:
            self._welcome.popitem(last=False)
