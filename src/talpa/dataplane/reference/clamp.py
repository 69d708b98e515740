"""Lowering the Maximum Segment Size that a TCP segment with SYN announces (RFC 9293 3.7.1)."""

from talpa.dataplane.packets import TCP_HEADER
from talpa.wire import adjusted_checksum

_SYN = 0x02
_END, _NOTHING, _MSS = 0, 1, 2


def clamped(packet: bytes, at: int, most: int) -> bytes:
    """`packet`, whose TCP header stands at `at`, with its MSS option lowered to `most` octets.

    The packet itself when there is nothing to lower: no SYN, no MSS option, a lower one, options
    that make no sense. An option is never added.
    """
    if at + TCP_HEADER > len(packet) or not packet[at + 13] & _SYN:
        return packet
    value_at = _mss_option(packet, at)
    if value_at == 0:
        return packet
    old = packet[value_at] << 8 | packet[value_at + 1]
    if old <= most:
        return packet
    lowered = bytearray(packet)
    lowered[value_at : value_at + 2] = most.to_bytes(2, "big")
    checksum = packet[at + 16] << 8 | packet[at + 17]
    if (value_at - at) % 2:
        # The value lies across two words of the sum; swapping both keeps the sum right (RFC 1071).
        old, most = _swapped(old), _swapped(most)
    lowered[at + 16 : at + 18] = adjusted_checksum(checksum, old, most).to_bytes(2, "big")
    return bytes(lowered)


def _mss_option(packet: bytes, at: int) -> int:
    """Where the value of the MSS option stands; 0 when there is none."""
    end = min(at + (packet[at + 12] >> 4) * 4, len(packet))
    option = at + TCP_HEADER
    while option + 1 < end:
        kind = packet[option]
        if kind == _END:
            return 0
        if kind == _NOTHING:
            option += 1
            continue
        length = packet[option + 1]
        if length < 2 or option + length > end:
            return 0
        if kind == _MSS:
            return option + 2 if length == 4 else 0
        option += length
    return 0


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8
