"""IP packets of the services on a link: UDP over IPv4 and IPv6, and ICMPv6."""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from talpa.wire import Malformed, internet_checksum

UDP = 17
ICMPV6 = 58
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_UDP = struct.Struct("!HHHH")
_PSEUDO4 = struct.Struct("!4s4sxBH")
_PSEUDO6 = struct.Struct("!16s16sI3xB")
_MORE_FRAGMENTS_OR_OFFSET = 0x3FFF


class Udp4(NamedTuple):
    """A UDP datagram over IPv4."""

    source: IPv4Address
    destination: IPv4Address
    source_port: int
    destination_port: int
    payload: bytes


class Udp6(NamedTuple):
    """A UDP datagram over IPv6."""

    source: IPv6Address
    destination: IPv6Address
    source_port: int
    destination_port: int
    payload: bytes


class Icmp6(NamedTuple):
    """An ICMPv6 message."""

    source: IPv6Address
    destination: IPv6Address
    hop_limit: int
    message: bytes
    """Type, code, checksum, body; at least 4 octets, the checksum is right."""


def parse_udp4(packet: bytes) -> Udp4:
    """Raises `Malformed`: also for what is no UDP, or a fragment."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        raise Malformed("no IPv4 packet")
    header = (packet[0] & 0x0F) * 4
    _, _, total, _, fragment, _, protocol, _, source, destination = _IPV4.unpack_from(packet)
    if header < 20 or not header <= total <= len(packet):
        raise Malformed("IPv4 length wrong")
    if internet_checksum(packet[:header]) != 0:
        raise Malformed("IPv4 checksum wrong")
    if fragment & _MORE_FRAGMENTS_OR_OFFSET:
        raise Malformed("IPv4 fragment")
    if protocol != UDP:
        raise Malformed("no UDP")
    segment = packet[header:total]
    ports = _udp(segment)
    segment = segment[: ports[2]]
    pseudo = _PSEUDO4.pack(source, destination, UDP, len(segment))
    # A checksum of zero says that none was made (RFC 768).
    if ports[3] and internet_checksum(pseudo, segment) != 0:
        raise Malformed("UDP checksum wrong")
    return Udp4(IPv4Address(source), IPv4Address(destination), ports[0], ports[1], segment[8:])


def udp4(
    source: IPv4Address,
    destination: IPv4Address,
    source_port: int,
    destination_port: int,
    payload: bytes,
) -> bytes:
    """The IPv4 packet of a UDP datagram."""
    a, b = source.packed, destination.packed
    size = 8 + len(payload)
    segment = _UDP.pack(source_port, destination_port, size, 0) + payload
    total = internet_checksum(_PSEUDO4.pack(a, b, UDP, size), segment) or 0xFFFF
    segment = _UDP.pack(source_port, destination_port, size, total) + payload
    header = _IPV4.pack(0x45, 0, 20 + size, 0, 0, 64, UDP, 0, a, b)
    checksum = internet_checksum(header)
    return _IPV4.pack(0x45, 0, 20 + size, 0, 0, 64, UDP, checksum, a, b) + segment


def parse_udp6(packet: bytes) -> Udp6:
    """Raises `Malformed`. Extension headers are not looked behind: no DHCPv6 client sends any."""
    source, destination, _, segment = _ipv6(packet, UDP, "UDP")
    ports = _udp(segment)
    segment = segment[: ports[2]]
    # IPv6 has no UDP without checksum (RFC 8200 8.1).
    if internet_checksum(_PSEUDO6.pack(source, destination, len(segment), UDP), segment) != 0:
        raise Malformed("UDP checksum wrong")
    return Udp6(IPv6Address(source), IPv6Address(destination), ports[0], ports[1], segment[8:])


def udp6(
    source: IPv6Address,
    destination: IPv6Address,
    source_port: int,
    destination_port: int,
    payload: bytes,
) -> bytes:
    """The IPv6 packet of a UDP datagram."""
    a, b = source.packed, destination.packed
    size = 8 + len(payload)
    segment = _UDP.pack(source_port, destination_port, size, 0) + payload
    total = internet_checksum(_PSEUDO6.pack(a, b, size, UDP), segment) or 0xFFFF
    segment = _UDP.pack(source_port, destination_port, size, total) + payload
    return _IPV6.pack(0x60000000, size, UDP, 64, a, b) + segment


def parse_icmp6(packet: bytes) -> Icmp6:
    """Raises `Malformed`."""
    source, destination, hop_limit, message = _ipv6(packet, ICMPV6, "ICMPv6")
    if len(message) < 4:
        raise Malformed("ICMPv6: cut short")
    if internet_checksum(_PSEUDO6.pack(source, destination, len(message), ICMPV6), message) != 0:
        raise Malformed("ICMPv6 checksum wrong")
    return Icmp6(IPv6Address(source), IPv6Address(destination), hop_limit, message)


def icmp6(source: IPv6Address, destination: IPv6Address, kind: int, body: bytes) -> bytes:
    """The IPv6 packet of an ICMPv6 message of code 0, with the hop limit 255 that neighbour
    discovery demands (RFC 4861 6.1)."""
    a, b = source.packed, destination.packed
    message = struct.pack("!BBH", kind, 0, 0) + body
    total = internet_checksum(_PSEUDO6.pack(a, b, len(message), ICMPV6), message)
    message = struct.pack("!BBH", kind, 0, total) + body
    return _IPV6.pack(0x60000000, len(message), ICMPV6, 255, a, b) + message


def _udp(segment: bytes) -> tuple[int, int, int, int]:
    """Source port, destination port, length, checksum."""
    if len(segment) < 8:
        raise Malformed("UDP: cut short")
    source, destination, size, checksum = _UDP.unpack_from(segment)
    if not 8 <= size <= len(segment):
        raise Malformed("UDP length wrong")
    return source, destination, size, checksum


def _ipv6(packet: bytes, protocol: int, what: str) -> tuple[bytes, bytes, int, bytes]:
    """Source, destination, hop limit, payload."""
    if len(packet) < 40 or packet[0] >> 4 != 6:
        raise Malformed("no IPv6 packet")
    _, size, following, hop_limit, source, destination = _IPV6.unpack_from(packet)
    if 40 + size > len(packet):
        raise Malformed("IPv6 length wrong")
    if following != protocol:
        raise Malformed(f"no {what}")
    return source, destination, hop_limit, packet[40 : 40 + size]
