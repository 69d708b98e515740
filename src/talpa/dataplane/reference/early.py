"""Data messages that come before their session is made.

A peer sends its first PPP frame right behind the control message that completes the call, and the
control plane has yet to read that one. A frame lost there costs the peer's restart timer, 3 s of
every set-up. So data for an unknown session of a known tunnel waits a moment for its session.
"""

from collections.abc import Iterator

from talpa.sansio import Drops, Path

WAIT = 1.0
"""Seconds."""
MESSAGES = 512
"""In the whole plane; the oldest makes room."""
MESSAGES_PER_SESSION = 4
LONGEST = 2048
"""Octets: PPP control frames are short."""

REASON = "data for no session"


class EarlyData:
    """What waits, oldest first."""

    __slots__ = ("_count", "_drops", "_waiting")

    def __init__(self, drops: Drops) -> None:
        self._drops = drops
        self._count = 0
        self._waiting: dict[bytes, tuple[float, list[tuple[Path, bytes]]]] = {}
        """By tunnel and session id on the wire: when the first came, and all in order."""

    def keep(self, key: bytes, path: Path, datagram: bytes, now: float) -> None:
        """Keep a datagram for the session with that key, or count it as dropped."""
        found = self._waiting.get(key)
        if len(datagram) > LONGEST or (found and len(found[1]) >= MESSAGES_PER_SESSION):
            self._drops.add(REASON)
            return
        if self._count >= MESSAGES:
            self._discard(next(iter(self._waiting)))
        # Discarding the oldest may have discarded this very key.
        self._waiting.setdefault(key, (now, []))[1].append((path, datagram))
        self._count += 1

    def take(self, key: bytes) -> Iterator[tuple[Path, bytes]]:
        """What waited for the session, in order."""
        _, messages = self._waiting.pop(key, (0.0, []))
        self._count -= len(messages)
        return iter(messages)

    def next_timeout(self) -> float | None:
        """When the oldest has waited long enough."""
        for since, _ in self._waiting.values():
            return since + WAIT
        return None

    def handle_timeout(self, now: float) -> None:
        """Drop what waited long enough."""
        while (when := self.next_timeout()) is not None and when <= now:
            self._discard(next(iter(self._waiting)))

    def _discard(self, key: bytes) -> None:
        _, messages = self._waiting.pop(key)
        self._count -= len(messages)
        self._drops.add(REASON, len(messages))
