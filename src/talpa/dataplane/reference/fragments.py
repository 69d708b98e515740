"""Cutting an IPv4 packet into fragments (RFC 791 3.2)."""

from talpa.dataplane.packets import IPV4_HEADER
from talpa.wire import internet_checksum

_MORE = 0x2000
_OFFSET = 0x1FFF

_END, _NOTHING, _COPIED = 0, 1, 0x80
"""Two options of one octet, and the flag of an option that every fragment carries."""


def fragments(packet: bytes, most: int) -> list[bytes]:
    """The fragments of a valid IPv4 `packet`, none longer than `most` octets.

    Empty when `most` leaves no room for eight octets of payload behind the header.
    """
    header = (packet[0] & 0x0F) * 4
    first = packet[:header]
    later = _copied_options(first)
    place = packet[6] << 8 | packet[7]
    offset, more = (place & _OFFSET) * 8, place & _MORE
    at, end = header, len(packet)
    found = []
    head = first
    while at < end:
        room = most - len(head)
        if end - at > room:
            room &= ~7
        if room < 8:
            return []
        piece = packet[at : at + room]
        at += len(piece)
        flags = more if at == end else _MORE
        found.append(_fragment(head, piece, flags | offset >> 3))
        offset += len(piece)
        head = later
    return found


def _fragment(head: bytes, piece: bytes, place: int) -> bytes:
    built = bytearray(head)
    built[2:4] = (len(head) + len(piece)).to_bytes(2, "big")
    built[6:8] = place.to_bytes(2, "big")
    built[10:12] = b"\0\0"
    built[10:12] = internet_checksum(bytes(built)).to_bytes(2, "big")
    return bytes(built) + piece


def _copied_options(header: bytes) -> bytes:
    """The header of the fragments behind the first: only options whose copied flag is set."""
    if len(header) == IPV4_HEADER:
        return header
    kept = bytearray()
    at = IPV4_HEADER
    while at < len(header) and header[at] != _END:
        if header[at] == _NOTHING:
            at += 1
            continue
        length = header[at + 1] if at + 1 < len(header) else 0
        if length < 2 or at + length > len(header):
            break
        if header[at] & _COPIED:
            kept += header[at : at + length]
        at += length
    kept += bytes(-len(kept) % 4)
    words = (IPV4_HEADER + len(kept)) // 4
    return bytes([0x40 | words]) + header[1:IPV4_HEADER] + bytes(kept)
