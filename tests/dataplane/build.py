"""Packets for the tests, built and checked without the code under test."""

import struct
from ipaddress import ip_address
from typing import NamedTuple

SYN, ACK = 0x02, 0x10


def sum16(data: bytes) -> int:
    """The plain one's complement sum, word by word: 0xFFFF over what carries a right checksum."""
    data += bytes(len(data) % 2)
    total = 0
    for (word,) in struct.iter_unpack("!H", data):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return total


def packed(host: str) -> bytes:
    return ip_address(host).packed


def ipv4(
    source: str,
    destination: str,
    protocol: int,
    payload: bytes = b"",
    *,
    place: int = 0,
    options: bytes = b"",
    identification: int = 0x1234,
) -> bytes:
    """`place`: flags and fragment offset as they stand."""
    words = 5 + len(options) // 4
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x40 | words,
        0,
        words * 4 + len(payload),
        identification,
        place,
        64,
        protocol,
        0,
        packed(source),
        packed(destination),
    )
    head += options
    return head[:10] + struct.pack("!H", sum16(head) ^ 0xFFFF) + head[12:] + payload


def ipv6(source: str, destination: str, following: int, payload: bytes = b"") -> bytes:
    head = struct.pack("!IHBB", 6 << 28, len(payload), following, 64)
    return head + packed(source) + packed(destination) + payload


def pseudo(packet: bytes, protocol: int, length: int) -> bytes:
    """The pseudo-header that TCP, UDP and ICMPv6 checksums cover."""
    if packet[0] >> 4 == 4:
        return packet[12:20] + struct.pack("!BBH", 0, protocol, length)
    return packet[8:40] + struct.pack("!II", length, protocol)


def checksum_right(packet: bytes, protocol: int, at: int) -> bool:
    """Whether the upper layer's checksum, pseudo-header included, is right."""
    segment = packet[at:]
    return sum16(pseudo(packet, protocol, len(segment)) + segment) == 0xFFFF


def udp(source_port: int, destination_port: int, data: bytes = b"") -> bytes:
    return struct.pack("!HHHH", source_port, destination_port, 8 + len(data), 0) + data


def tcp(packet_head: bytes, flags: int, options: bytes = b"", data: bytes = b"") -> bytes:
    """A segment with a right checksum, for the packet whose IP header is given."""
    assert len(options) % 4 == 0
    offset = (5 + len(options) // 4) << 4
    segment = struct.pack("!HHIIBBHHH", 40000, 443, 1, 0, offset, flags, 65535, 0, 0)
    segment += options + data
    checksum = sum16(pseudo(packet_head, 6, len(segment)) + segment) ^ 0xFFFF
    return segment[:16] + struct.pack("!H", checksum) + segment[18:]


def tcp4(source: str, destination: str, flags: int, options: bytes = b"") -> bytes:
    segment = tcp(ipv4(source, destination, 6), flags, options)
    return ipv4(source, destination, 6, segment)


def tcp6(source: str, destination: str, flags: int, options: bytes = b"") -> bytes:
    segment = tcp(ipv6(source, destination, 6), flags, options)
    return ipv6(source, destination, 6, segment)


class Data(NamedTuple):
    """A data message taken apart."""

    tunnel: int
    session: int
    number: int | None
    frame: bytes


def data(
    tunnel: int,
    session: int,
    frame: bytes,
    *,
    number: int | None = None,
    length: bool = False,
    offset: int | None = None,
    priority: bool = False,
) -> bytes:
    """An L2TPv2 data message (RFC 2661 3.1)."""
    flags, body = 2, struct.pack("!HH", tunnel, session)
    if number is not None:
        flags |= 0x0800
        body += struct.pack("!HH", number, 0x5555)
    if offset is not None:
        flags |= 0x0200
        body += struct.pack("!H", offset) + b"\xaa" * offset
    body += frame
    if priority:
        flags |= 0x0100
    if length:
        flags |= 0x4000
        body = struct.pack("!H", 4 + len(body)) + body
    return struct.pack("!H", flags) + body


def take_apart(message: bytes) -> Data:
    """What `data` puts together; strict: nothing but what a sender may write."""
    (flags,) = struct.unpack_from("!H", message)
    assert flags & ~0x4A00 == 2, f"{flags:#06x}"
    at = 2
    if flags & 0x4000:
        assert struct.unpack_from("!H", message, at)[0] == len(message)
        at += 2
    tunnel, session = struct.unpack_from("!HH", message, at)
    at += 4
    number = None
    if flags & 0x0800:
        number, reserved = struct.unpack_from("!HH", message, at)
        assert reserved == 0
        at += 4
    if flags & 0x0200:
        at += 2 + struct.unpack_from("!H", message, at)[0]
    return Data(tunnel, session, number, message[at:])


def ppp(protocol: int, payload: bytes) -> bytes:
    return b"\xff\x03" + struct.pack("!H", protocol) + payload
