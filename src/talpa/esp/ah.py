"""AH in transport mode (RFC 4302): integrity without secrecy, outer addresses included.

The integrity check covers the IP header as it arrives, with the fields that routers may change
taken as 0. So over IPv4 whole packets are made and taken here; over IPv6, where nothing of the
header depends on us but the addresses, what stands behind it.
"""

import struct

from talpa.crypto.integrity import integrity
from talpa.esp.life import Life
from talpa.esp.packet import EXPIRED, Opened
from talpa.esp.replay import Window
from talpa.esp.sa import Protocol, Sa

CUT_SHORT = "AH packet cut short"
OPTIONS = "AH packet with IP options"
REPLAYED = "AH packet replayed"
FORGED = "AH packet forged"

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_AH = struct.Struct("!BBHII")
"""Next Header, Payload Len, reserved, SPI, sequence number."""
_TTL = 64
_LARGEST4 = 0xFFFF


class _Shape:
    """The key of an SA and the layout that goes with it."""

    __slots__ = ("esn", "icv", "mac", "spi")

    def __init__(self, sa: Sa) -> None:
        kind, key = integrity(sa.suite.integrity), sa.key.reveal()
        if len(key) != kind.key_octets:
            raise ValueError(f"{kind.name} takes a key of {kind.key_octets} octets, not {len(key)}")
        self.mac = kind.keyed(key)
        self.icv = kind.icv_octets
        self.spi = sa.spi
        self.esn = sa.suite.esn

    def padding(self, address: bytes) -> bytes:
        """Behind the ICV: the header is a multiple of 4 octets in IPv4, of 8 in IPv6."""
        return bytes(-(_AH.size + self.icv) % (4 if len(address) == 4 else 8))

    def header(self, next_header: int, number: int, padding: bytes) -> bytes:
        """Without ICV and padding."""
        words = (_AH.size + self.icv + len(padding)) // 4
        return _AH.pack(next_header, words - 2, 0, self.spi, number & 0xFFFFFFFF)

    def covered(self, outer: bytes, packet: bytes, number: int) -> tuple[bytes, ...]:
        """What the ICV is made of: `outer` with its mutable fields 0; `packet` with its ICV 0."""
        if not self.esn:
            return outer, packet
        return outer, packet, (number >> 32).to_bytes(4, "big")


class AhOutbound:
    """Seals packets under an outbound SA."""

    __slots__ = ("_number", "_shape", "life", "spi")

    def __init__(self, sa: Sa) -> None:
        """Raises `ValueError` for a key of the wrong length."""
        self.spi = sa.spi
        self.life = Life(sa)
        self._shape = _Shape(sa)
        self._number = 0

    def seal(
        self, payload: bytes, next_header: int, source: bytes, destination: bytes
    ) -> bytes | None:
        """Over IPv4 the whole IP packet, over IPv6 what follows the IP header; None when the SA is
        used up, or the packet would be too long. Addresses are octets."""
        life, shape = self.life, self._shape
        if life.expired:
            return None
        self._number = number = self._number + 1
        padding = shape.padding(source)
        header = shape.header(next_header, number, padding)
        rest = padding + payload
        length = len(header) + shape.icv + len(rest)
        if len(source) == 4:
            length += _IPV4.size
            if length > _LARGEST4:
                return None
            # Not 0, for which the kernel would put its own.
            identification = number % 0xFFFF + 1
            fields = (0x45, 0, length, identification, 0)
            outer = _IPV4.pack(*fields, 0, Protocol.AH, 0, source, destination)
            sent = _IPV4.pack(*fields, _TTL, Protocol.AH, 0, source, destination)
        else:
            outer = _IPV6.pack(6 << 28, length & 0xFFFF, Protocol.AH, 0, source, destination)
            sent = b""
        icv = shape.mac.icv(*shape.covered(outer, header + bytes(shape.icv) + rest, number))
        life.use(number, length)
        return sent + header + icv + rest


class AhInbound:
    """Opens packets under an inbound SA."""

    __slots__ = ("_shape", "life", "spi", "window")

    def __init__(self, sa: Sa) -> None:
        """Raises `ValueError` for a key of the wrong length, or such a window."""
        self.spi = sa.spi
        self.life = Life(sa)
        self.window = Window(sa.window, esn=sa.suite.esn)
        self._shape = _Shape(sa)

    def open(self, packet: bytes, source: bytes, destination: bytes) -> Opened:
        """Check a packet that has our SPI: a whole IP packet over IPv4, what follows the IP header
        over IPv6. Gives what is behind AH."""
        outer: bytes | None
        if len(source) == 4:
            if packet[:1] != b"\x45":
                return OPTIONS
            outer, packet = _immutable(packet), packet[_IPV4.size :]
        else:
            length = len(packet) & 0xFFFF
            outer = _IPV6.pack(6 << 28, length, Protocol.AH, 0, source, destination)
        shape = self._shape
        padding = len(shape.padding(source))
        end = _AH.size + shape.icv
        if len(packet) < end + padding or outer is None:
            return CUT_SHORT
        next_header, words, _, _, low = _AH.unpack_from(packet)
        if (words + 2) * 4 != end + padding:
            return CUT_SHORT
        if self.life.expired:
            return EXPIRED
        window = self.window
        number = window.place(low)
        if not window.fresh(number):
            return REPLAYED
        bare = packet[: _AH.size] + bytes(shape.icv) + packet[end:]
        if not shape.mac.verify(packet[_AH.size : end], *shape.covered(outer, bare, number)):
            return FORGED
        window.mark(number)
        self.life.use(window.highest, len(packet))
        return next_header, packet[end + padding :]


def spi_of(packet: bytes, *, inet6: bool) -> int:
    """The SPI of a packet as `AhInbound.open` takes it; 0 when there is none."""
    at = 4 if inet6 else (packet[0] & 0x0F) * 4 + 4 if packet else 4
    return int.from_bytes(packet[at : at + 4], "big") if len(packet) >= at + 4 else 0


def _immutable(packet: bytes) -> bytes | None:
    """The IPv4 header with type of service, flags, offset, time to live and checksum taken as 0
    (RFC 4302 3.3.3.1.1.1); None when the packet is not as long as it says."""
    if len(packet) < _IPV4.size or packet[2] << 8 | packet[3] != len(packet):
        return None
    return packet[:1] + b"\0" + packet[2:6] + b"\0\0\0" + packet[9:10] + b"\0\0" + packet[12:20]
