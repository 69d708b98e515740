"""Choices drawn from the octets of an input; when they are used up, every choice is 0."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Octets:
    """Reads an input from front to back and never fails."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        """Whether there is any left."""
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        """The next octets, fewer at the end."""
        at, self._at = self._at, self._at + count
        return self._data[at : self._at]

    def number(self, octets: int = 1) -> int:
        """A number of so many octets."""
        return int.from_bytes(self.take(octets).ljust(octets, b"\0"), "big")

    def chunk(self) -> bytes:
        """Octets of a length that the input names: one octet, or 255 and then two."""
        size = self.number()
        return self.take(self.number(2) if size == 0xFF else size)

    def pick(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[self.number() % len(choices)]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))


def chunk(data: bytes) -> bytes:
    """What `Octets.chunk` reads as `data`."""
    if len(data) < 0xFF:
        return bytes((len(data),)) + data
    return b"\xff" + len(data).to_bytes(2, "big") + data
