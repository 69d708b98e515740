"""ICMP errors to the sender of a packet from the TUN device (RFC 792, RFC 1191, RFC 4443).

They come from the address that the packet was sent to, not from the gateway's: the gateway's is an
address of this very host, and the kernel throws away what comes in from outside under its own
address. Towards the session's addresses the reverse path through the TUN device is right.
"""

import struct

from talpa.dataplane.packets import ICMP, ICMPV6, upper_layer4, upper_layer6
from talpa.wire import internet_checksum

_TTL = 64
_QUOTE4 = 548
"""Octets of the packet quoted: an error of at most 576 octets (RFC 1812 4.3.2.3)."""
_QUOTE6 = 1232
"""As much as keeps the error within 1280 octets (RFC 4443 3.2)."""
_ERRORS4 = frozenset({3, 4, 5, 11, 12})

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_ICMP = struct.Struct("!BBHI")
_PSEUDO6 = struct.Struct("!16s16sIxxxB")


def too_big4(packet: bytes, mtu: int) -> bytes | None:
    """Fragmentation Needed with the next hop's MTU; None when no error may be sent."""
    return _error4(packet, 3, 4, mtu)


def unreachable4(packet: bytes) -> bytes | None:
    """Host Unreachable; None when no error may be sent."""
    return _error4(packet, 3, 1, 0)


def too_big6(packet: bytes, mtu: int) -> bytes | None:
    """Packet Too Big; None when no error may be sent."""
    return _error6(packet, 2, 0, mtu)


def unreachable6(packet: bytes) -> bytes | None:
    """Address Unreachable; None when no error may be sent."""
    return _error6(packet, 1, 3, 0)


def _error4(packet: bytes, kind: int, code: int, word: int) -> bytes | None:
    source, destination = packet[12:16], packet[16:20]
    # RFC 1122 3.2.2: no error about an error, a later fragment, or to what is no single host.
    protocol, at = upper_layer4(packet)
    if protocol < 0 or not 1 <= source[0] < 224 or source[0] == 127 or destination[0] >= 224:
        return None
    if protocol == ICMP and (at >= len(packet) or packet[at] in _ERRORS4):
        return None
    quote = packet[:_QUOTE4]
    checksum = internet_checksum(_ICMP.pack(kind, code, 0, word), quote)
    length = _IPV4.size + _ICMP.size + len(quote)
    fields = (0x45, 0, length, 0, 0x4000, _TTL, ICMP)
    header_checksum = internet_checksum(_IPV4.pack(*fields, 0, destination, source))
    header = _IPV4.pack(*fields, header_checksum, destination, source)
    return header + _ICMP.pack(kind, code, checksum, word) + quote


def _error6(packet: bytes, kind: int, code: int, word: int) -> bytes | None:
    source, destination = packet[8:24], packet[24:40]
    # RFC 4443 2.4 (e).
    protocol, at = upper_layer6(packet)
    if source[0] == 0xFF or not any(source[:15]) or destination[0] == 0xFF:
        return None
    if protocol == ICMPV6 and (at >= len(packet) or packet[at] < 128):
        return None
    quote = packet[:_QUOTE6]
    length = _ICMP.size + len(quote)
    pseudo = _PSEUDO6.pack(destination, source, length, ICMPV6)
    checksum = internet_checksum(pseudo, _ICMP.pack(kind, code, 0, word), quote)
    header = _IPV6.pack(6 << 28, length, ICMPV6, _TTL, destination, source)
    return header + _ICMP.pack(kind, code, checksum, word) + quote
