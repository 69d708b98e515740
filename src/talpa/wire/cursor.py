"""A bounded cursor over received octets."""

import struct

from talpa.wire.errors import Malformed

_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")
_U64 = struct.Struct("!Q")


class Reader:
    """Reads forward through `data` from `start` up to `end` and never past it.

    Every read names what it reads, so that an error says what was missing. All reads raise
    `Malformed`.
    """

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self.data = data
        self.pos = start
        self.end = len(data) if end is None else end

    def __len__(self) -> int:
        """Octets left."""
        return self.end - self.pos

    def u8(self, what: str) -> int:
        """One octet."""
        return self.data[self._advance(1, what)]

    def u16(self, what: str) -> int:
        """Two octets, network order."""
        value: int = _U16.unpack_from(self.data, self._advance(2, what))[0]
        return value

    def u32(self, what: str) -> int:
        """Four octets, network order."""
        value: int = _U32.unpack_from(self.data, self._advance(4, what))[0]
        return value

    def u64(self, what: str) -> int:
        """Eight octets, network order."""
        value: int = _U64.unpack_from(self.data, self._advance(8, what))[0]
        return value

    def take(self, count: int, what: str) -> bytes:
        """The next `count` octets."""
        at = self._advance(count, what)
        return self.data[at : at + count]

    def rest(self) -> bytes:
        """All octets that are left."""
        at, self.pos = self.pos, self.end
        return self.data[at : self.end]

    def sub(self, count: int, what: str) -> "Reader":
        """A reader of the next `count` octets only; this one moves behind them."""
        at = self._advance(count, what)
        return Reader(self.data, at, at + count)

    def done(self, what: str) -> None:
        """Demand that nothing is left."""
        if self.pos != self.end:
            raise Malformed(f"{what}: octets left over", f"{self.end - self.pos}")

    def _advance(self, count: int, what: str) -> int:
        at = self.pos
        if count < 0 or at + count > self.end:
            raise Malformed(f"{what}: cut short", f"{count} octets wanted, {self.end - at} left")
        self.pos = at + count
        return at
