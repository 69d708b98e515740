"""The replay window of an inbound SA (RFC 4303 3.4.3 and appendix A), shaped after RFC 6479.

A ring of bits that is a little longer than the window: it moves on by clearing whole octets and is
never shifted.
"""

LARGEST = 4096
"""Packets."""


class Window:
    """Which sequence numbers were seen. Nothing here changes before `mark`, which is for packets
    that passed the integrity check."""

    __slots__ = ("_esn", "_mask", "_ring", "_size", "highest")

    def __init__(self, size: int, *, esn: bool) -> None:
        """`size` packets; 0 takes any number at any time. Raises `ValueError`."""
        if not 0 <= size <= LARGEST:
            raise ValueError(f"a replay window of {size} packets: 0 to {LARGEST}")
        self.highest = 0
        """The highest number marked; 0 before the first."""
        self._size = size
        self._esn = esn
        octets = 1
        while octets * 8 < size + 8:
            octets *= 2
        self._ring = bytearray(octets if size else 0)
        self._mask = octets - 1

    def place(self, low: int) -> int:
        """The whole sequence number of a packet that carries `low`, its 32 lower bits.

        With ESN it is the only one that is not below the window and within 2**32 of its lower end
        (RFC 4303 A2.2); a negative one is before the first packet.
        """
        if not self._esn:
            return low
        bottom = self.highest - (self._size or 1) + 1
        return bottom + ((low - bottom) & 0xFFFFFFFF)

    def fresh(self, number: int) -> bool:
        """Whether a packet of that number is still wanted. Cheap: asked before any crypto."""
        highest = self.highest
        if number > highest:
            return True
        if number <= 0:
            return False
        if not self._size:
            return True
        if number + self._size <= highest:
            return False
        return not self._ring[number >> 3 & self._mask] & 1 << (number & 7)

    def mark(self, number: int) -> None:
        """A packet of that number is genuine: not to be taken again."""
        ring, mask = self._ring, self._mask
        if number > self.highest:
            if ring:
                last, octet = self.highest >> 3, number >> 3
                if octet - last > mask:
                    ring[:] = bytes(len(ring))
                else:
                    for each in range(last + 1, octet + 1):
                        ring[each & mask] = 0
            self.highest = number
        if ring:
            ring[number >> 3 & mask] |= 1 << (number & 7)
