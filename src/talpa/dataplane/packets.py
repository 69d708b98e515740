"""What the data plane must read out of an IP packet (RFC 791, RFC 8200, RFC 9293).

Plain functions over octets: the path of every packet makes no objects. Offsets are given, not
copies. Nothing here raises on any input.
"""

ICMP = 1
TCP = 6
UDP = 17
ICMPV6 = 58
FRAGMENT = 44
"""Next Header of the IPv6 Fragment header."""

IPV4_HEADER = 20
IPV6_HEADER = 40
TCP_HEADER = 20
UDP_HEADER = 8

NO_UPPER_LAYER = (-1, 0)
"""What `upper_layer4` and `upper_layer6` give for a packet whose upper layer is not in it."""

_EXTENSIONS = frozenset({0, 43, 60})
"""Hop-by-Hop Options, Routing, Destination Options: Next Header, length in units of 8 behind the
first 8 octets (RFC 8200 4.3 to 4.6)."""
_EXTENSIONS_AT_MOST = 8


def ipv4_length(packet: bytes) -> int:
    """Total Length of the IPv4 packet that `packet` begins with; 0 when it is none or cut short."""
    size = len(packet)
    if size < IPV4_HEADER or packet[0] >> 4 != 4:
        return 0
    header = (packet[0] & 0x0F) * 4
    total = packet[2] << 8 | packet[3]
    return total if IPV4_HEADER <= header <= total <= size else 0


def ipv6_length(packet: bytes) -> int:
    """Octets of the IPv6 packet that `packet` begins with; 0 when it is none or cut short.

    A jumbogram (RFC 2675) is as long as its header alone, and of no upper layer.
    """
    size = len(packet)
    if size < IPV6_HEADER or packet[0] >> 4 != 6:
        return 0
    total = IPV6_HEADER + (packet[4] << 8 | packet[5])
    return total if total <= size else 0


def upper_layer4(packet: bytes) -> tuple[int, int]:
    """Protocol number, and the offset its header stands at, of a valid IPv4 packet.

    `NO_UPPER_LAYER` for every fragment but the first.
    """
    if packet[6] & 0x1F or packet[7]:
        return NO_UPPER_LAYER
    return packet[9], (packet[0] & 0x0F) * 4


def upper_layer6(packet: bytes) -> tuple[int, int]:
    """Protocol number, and the offset its header stands at, of a valid IPv6 packet.

    Walks over a bounded number of extension headers. `NO_UPPER_LAYER` for every fragment but the
    first, and when the extension headers do not end within the packet.
    """
    following, at = packet[6], IPV6_HEADER
    for _ in range(_EXTENSIONS_AT_MOST):
        if following in _EXTENSIONS:
            if at + 8 > len(packet):
                return NO_UPPER_LAYER
            following, at = packet[at], at + 8 + packet[at + 1] * 8
        elif following == FRAGMENT:
            if at + 8 > len(packet) or packet[at + 2] or packet[at + 3] & 0xF8:
                return NO_UPPER_LAYER
            following, at = packet[at], at + 8
        else:
            return following, at
    return NO_UPPER_LAYER


def udp_destination(packet: bytes, at: int) -> int:
    """Destination port of the UDP header at `at`; -1 when it is cut short."""
    if at + UDP_HEADER > len(packet):
        return -1
    return packet[at + 2] << 8 | packet[at + 3]
