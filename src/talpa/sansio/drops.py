"""What was dropped, and why: one counter for each reason."""

from collections.abc import Iterator


class Drops:
    """Counts of dropped input by reason.

    Reasons come from the program's own vocabulary, never from the input, so the table is bounded.
    """

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, reason: str, count: int = 1) -> None:
        """Count one more drop (or `count`) for `reason`."""
        self._counts[reason] = self._counts.get(reason, 0) + count

    def __getitem__(self, reason: str) -> int:
        return self._counts.get(reason, 0)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(sorted(self._counts.items()))

    def total(self) -> int:
        """All drops together."""
        return sum(self._counts.values())
