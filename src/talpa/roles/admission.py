"""How many callers are set up at once: what keeps a server useful when thousands call together.

Each caller waits a few seconds for each answer. Where all are served at once, all are served late:
they repeat themselves, give up and begin anew, and the work done for them is lost. So only as many
are let in as get through at once; the others wait in line.

A place, such as the address of a carrier's NAT, may have all of it while nobody else calls; but
what it has above a quarter is not counted against the others.
"""

from typing import Any

from talpa.sansio import place

SETUPS_AT_ONCE = 256
"""Callers between their first proven message and their address."""
SHARE = 4
"""A place counts for at most a quarter of them, however many it has."""
CALLS_PER_TUNNEL = 4096
"""Calls of one tunnel on their way to an address: a LAC may bring thousands at once. Each is a PPP
link of a few KiB."""
CALLS_PER_PLACE = 8192
"""The same, of all tunnels of one place."""
CALL_WAIT = 5.0
"""Seconds for which a tunnel without a call counts: some tunnels never have one."""


class Admission:
    """Counts the callers on their way. Sources are addresses without a port."""

    __slots__ = (
        "_calls",
        "_calls_by_place",
        "_calls_by_tunnel",
        "_let_in",
        "_places",
        "_tunnels",
        "limit",
    )

    def __init__(self, limit: int = SETUPS_AT_ONCE) -> None:
        self.limit = limit
        self._tunnels: dict[int, tuple[float, str]] = {}
        """Tunnels that wait for their first call: when they came up, and where; oldest first."""
        self._calls: dict[tuple[int, int], str] = {}
        """Calls on their way to an address: where they come from."""
        self._calls_by_tunnel: dict[int, int] = {}
        self._calls_by_place: dict[str, int] = {}
        self._let_in: list[str] = []
        """Places of those let in within this turn, whose tunnels are not up yet."""
        self._places = _Shares(limit // SHARE)

    def open(self, source: str, now: float) -> bool:
        """Whether there is room for one more of `source`."""
        self._forget_silent(now)
        places = self._places
        within_share = places.of(place(source)) < places.share
        return (places.counted if within_share else places.total) < self.limit

    def let_in(self, source: str, now: float) -> bool:
        """The same; where there is room, it is taken until the end of the turn."""
        if not self.open(source, now):
            return False
        self._let_in.append(place(source))
        self._places.add(place(source))
        return True

    def turn_over(self) -> None:
        """Whoever was let in has a tunnel by now, or came to nothing."""
        for where in self._let_in:
            self._places.remove(where)
        self._let_in.clear()

    def tunnel_up(self, tunnel_id: int, source: str, now: float) -> None:
        """A tunnel came up: a call is to be expected."""
        where = place(source)
        self._tunnels[tunnel_id] = now, where
        if where in self._let_in:
            self._let_in.remove(where)
        else:
            self._places.add(where)

    def tunnel_down(self, tunnel_id: int) -> None:
        """It is gone."""
        waiting = self._tunnels.pop(tunnel_id, None)
        if waiting is not None:
            self._places.remove(waiting[1])

    def call_begun(self, tunnel_id: int, session_id: int, source: str) -> str:
        """A tunnel has one more call; why it cannot be taken, empty when it can."""
        where = place(source)
        if self._calls_by_tunnel.get(tunnel_id, 0) >= CALLS_PER_TUNNEL:
            return "too many calls of this tunnel are being set up"
        if self._calls_by_place.get(where, 0) >= CALLS_PER_PLACE:
            return "too many calls from this address are being set up"
        self.tunnel_down(tunnel_id)
        self._calls[tunnel_id, session_id] = where
        _count(self._calls_by_tunnel, tunnel_id, 1)
        _count(self._calls_by_place, where, 1)
        self._places.add(where)
        return ""

    def call_settled(self, tunnel_id: int, session_id: int) -> None:
        """It has its address, or came to nothing. May be said more than once."""
        where = self._calls.pop((tunnel_id, session_id), None)
        if where is not None:
            _count(self._calls_by_tunnel, tunnel_id, -1)
            _count(self._calls_by_place, where, -1)
            self._places.remove(where)

    def _forget_silent(self, now: float) -> None:
        """Tunnels that have waited too long for a call."""
        while self._tunnels:
            tunnel_id, (since, _) = next(iter(self._tunnels.items()))
            if now - since < CALL_WAIT:
                break
            self.tunnel_down(tunnel_id)


class _Shares:
    """Counts by place, of which each counts for no more than `share`."""

    __slots__ = ("_by_place", "counted", "share", "total")

    def __init__(self, share: int) -> None:
        self.share = share
        self.total = 0
        self.counted = 0
        """The total, without what places have above their share."""
        self._by_place: dict[str, int] = {}

    def of(self, where: str) -> int:
        return self._by_place.get(where, 0)

    def add(self, where: str) -> None:
        self.total += 1
        self.counted += self.of(where) < self.share
        _count(self._by_place, where, 1)

    def remove(self, where: str) -> None:
        self.total -= 1
        _count(self._by_place, where, -1)
        self.counted -= self.of(where) < self.share


def _count(counts: dict[Any, int], key: int | str, step: int) -> None:
    left = counts.get(key, 0) + step
    if left:
        counts[key] = left
    else:
        del counts[key]
