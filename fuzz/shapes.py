"""The outer shape of messages: their lengths put right, and their elements told apart."""

import struct

from talpa.l2tp.v2 import header
from talpa.wire import Malformed

_CONTROL_PROTOCOLS = frozenset((0xC021, 0x8021, 0x8057, 0x80FD, 0xC023, 0xC223))
_WITH_OPTIONS = (1, 2, 3, 4)
_LENGTH = struct.Struct("!H")


def repaired_datagram(data: bytes) -> bytes:
    """An L2TP datagram with right lengths: its own, and that of a PPP packet in it."""
    if header.is_control(data):
        if len(data) < header.CONTROL_SIZE:
            return data
        return data[:2] + _LENGTH.pack(len(data) & 0xFFFF) + data[4:]
    try:
        head = header.parse_data(data)
    except Malformed:
        return data
    frame = data[head.start : head.end]
    if frame[:2] != b"\xff\x03" or int.from_bytes(frame[2:4], "big") not in _CONTROL_PROTOCOLS:
        return data
    return data[: head.start + 4] + repaired_packet(frame[4:])


def split_datagram(data: bytes) -> tuple[bytes, list[bytes]]:
    """Header and AVPs of a control message; up to the options, and those, of a PPP packet."""
    if header.is_control(data):
        return data[: header.CONTROL_SIZE], _avps(data[header.CONTROL_SIZE :])
    try:
        head = header.parse_data(data)
    except Malformed:
        return data, []
    at = head.start + 4
    inner, options = split_packet(data[at:])
    return data[:at] + inner, options


def repaired_packet(packet: bytes) -> bytes:
    """A packet of LCP, an NCP, PAP or CHAP with its right length."""
    if len(packet) < 4:
        return packet
    return packet[:2] + _LENGTH.pack(len(packet) & 0xFFFF) + packet[4:]


def split_packet(packet: bytes) -> tuple[bytes, list[bytes]]:
    """Header and options of a packet; no options where it has none."""
    if len(packet) < 4 or packet[0] not in _WITH_OPTIONS:
        return packet, []
    options, at = [], 4
    while at + 1 < len(packet):
        size = max(packet[at + 1], 2)
        options.append(packet[at : at + size])
        at += size
    return packet[:4], options


def _avps(body: bytes) -> list[bytes]:
    found, at = [], 0
    while at + 6 <= len(body):
        size = max(_LENGTH.unpack_from(body, at)[0] & 0x3FF, 6)
        found.append(body[at : at + size])
        at += size
    return found
