"""Messages that came in pieces: of IKEv1 as Microsoft and Cisco cut them, and of IKEv2 (RFC 7383).

A peer that has not proved itself shares one `Budget` with all others like it.
"""

from typing import Final

MOST_FRAGMENTS: Final = 64
MOST_OCTETS: Final = 65_535
"""Of a whole message."""


class Budget:
    """Octets that all unproven peers together may have waiting. When they are used up, the pieces
    that wait longest go first."""

    __slots__ = ("_left", "_waiting")

    def __init__(self, octets: int = 1 << 20) -> None:
        self._left = octets
        self._waiting: dict[Reassembly, int] = {}

    @property
    def left(self) -> int:
        """Octets not in use."""
        return self._left

    def _take(self, reassembly: "Reassembly", octets: int) -> None:
        self._left -= octets
        self._waiting[reassembly] = self._waiting.get(reassembly, 0) + octets
        while self._left < 0:
            next(iter(self._waiting)).clear()

    def _give_back(self, reassembly: "Reassembly") -> None:
        self._left += self._waiting.pop(reassembly, 0)


class Reassembly:
    """The pieces of one message at a time, for one SA."""

    __slots__ = ("_budget", "_octets", "_parts", "_total")

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget
        self._parts: dict[int, bytes] = {}
        self._total = 0
        self._octets = 0

    def add(self, number: int, total: int, data: bytes) -> bytes | None:
        """One piece: `number` from 1; `total` how many there are, or 0 where that is not known yet
        (IKEv1 says it in the last piece alone). The whole message with its last missing piece.

        What contradicts itself is passed over; more pieces than before begin anew, for the peer has
        cut the message smaller (RFC 7383 2.6).
        """
        if not 1 <= number <= (total or MOST_FRAGMENTS) <= MOST_FRAGMENTS or not data:
            return None
        if total and self._total and total != self._total:
            if total < self._total:
                return None
            self.clear()
        if total and any(known > total for known in self._parts):
            return None
        if number in self._parts or (self._total and number > self._total):
            return None
        if self._octets + len(data) > MOST_OCTETS:
            self.clear()
            return None
        self._total = total or self._total
        self._parts[number] = data
        self._octets += len(data)
        if len(self._parts) == self._total:
            whole = b"".join(self._parts[at] for at in range(1, self._total + 1))
            self.clear()
            return whole
        if self._budget is not None:
            self._budget._take(self, len(data))  # noqa: SLF001 (two halves of one thing)
        return None

    def clear(self) -> None:
        """Forget what has come."""
        self._parts = {}
        self._total = self._octets = 0
        if self._budget is not None:
            self._budget._give_back(self)  # noqa: SLF001

    def proven(self) -> None:
        """The peer has proved itself: its pieces are no longer in the common budget."""
        if self._budget is not None:
            self._budget._give_back(self)  # noqa: SLF001
            self._budget = None
