"""The UDP header inside ESP in transport mode (RFC 768, RFC 3948 3.1.2)."""

import struct

from talpa.dataplane.packets import UDP, UDP_HEADER
from talpa.wire import internet_checksum

_HEADER = struct.Struct("!HHHH")
_PSEUDO4 = struct.Struct("!4s4sxBH")
_PSEUDO6 = struct.Struct("!16s16sIxxxB")
_LONGEST = 0xFFFF - UDP_HEADER


def built(source: int, destination: int, data: bytes, ends: tuple[bytes, bytes] | None) -> bytes:
    """A UDP datagram. `ends`: the addresses that its checksum covers, source first; None: it has
    no checksum. Empty when `data` is too long for one."""
    length = UDP_HEADER + len(data)
    if len(data) > _LONGEST:
        return b""
    header = _HEADER.pack(source, destination, length, 0)
    if ends is None:
        return header + data
    # What comes out as 0 is sent as its other form: 0 says that there is none.
    checksum = internet_checksum(_pseudo(ends, length), header, data) or 0xFFFF
    return header[:6] + checksum.to_bytes(2, "big") + data


def length_of(datagram: bytes) -> int:
    """Octets of the UDP datagram that `datagram` begins with; 0 when it is none or cut short."""
    if len(datagram) < UDP_HEADER:
        return 0
    length = datagram[4] << 8 | datagram[5]
    return length if UDP_HEADER <= length <= len(datagram) else 0


def checksum_wrong(datagram: bytes, ends: tuple[bytes, bytes]) -> bool:
    """Whether a datagram, exactly as long as it says, has a checksum and a wrong one."""
    if datagram[6:8] == b"\0\0":
        return False
    return internet_checksum(_pseudo(ends, len(datagram)), datagram) != 0


def _pseudo(ends: tuple[bytes, bytes], length: int) -> bytes:
    source, destination = ends
    if len(source) == 4:
        return _PSEUDO4.pack(source, destination, UDP, length)
    return _PSEUDO6.pack(source, destination, length, UDP)
