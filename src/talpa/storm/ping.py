"""ICMP echo requests (RFC 792), as traffic for sessions to carry."""

import struct
from ipaddress import IPv4Address

from talpa.wire import internet_checksum

_IP = struct.Struct("!BBHHHBBH4s4s")
_ICMP = struct.Struct("!BBHHH")
HEADERS = 28
"""Octets of the IPv4 and ICMP headers."""


def echo_request(
    source: IPv4Address, target: IPv4Address, identifier: int, sequence: int, size: int
) -> bytes:
    """The IP packet, `size` octets in all but never less than its headers."""
    body = bytes(max(0, size - HEADERS))
    checksum = internet_checksum(_ICMP.pack(8, 0, 0, identifier & 0xFFFF, sequence & 0xFFFF), body)
    icmp = _ICMP.pack(8, 0, checksum, identifier & 0xFFFF, sequence & 0xFFFF) + body
    head = (0x45, 0, 20 + len(icmp), 0, 0x4000, 64, 1)
    checksum = internet_checksum(_IP.pack(*head, 0, source.packed, target.packed))
    return _IP.pack(*head, checksum, source.packed, target.packed) + icmp
