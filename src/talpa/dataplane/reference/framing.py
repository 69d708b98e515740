"""L2TP data messages (RFC 2661 3.1) and the PPP frame inside (RFC 1661 2).

What we send has no Length, no Priority and, unless asked for, no Ns and no Offset; its PPP frame
always has address, control and a protocol field of two octets. What we take may have any of them.
"""

import struct

from talpa.l2tp.v2.header import L, O, S, T, pack_data_header

FIRST_CONTROL = T >> 8
FIRST_OPTIONAL = (L | S | O) >> 8
"""As they stand in the first octet: a message of control, one with optional fields."""

ADDRESS_CONTROL = b"\xff\x03"
PPP_IPV4 = 0x0021
PPP_IPV6 = 0x0057

_PROTOCOL = struct.Struct("!H")

NO_NUMBER = -1
"""In place of Ns: the message has none."""


def data_header(tunnel_id: int, session_id: int, offset: int | None) -> bytes:
    """The header of a data message without sequence numbers. It is the same for every message."""
    return pack_data_header(tunnel_id, session_id, offset=offset)


def numbered_header(tunnel_id: int, session_id: int, offset: int | None, number: int) -> bytes:
    """The header of a data message with Ns; Nr is reserved and sent as 0."""
    return pack_data_header(tunnel_id, session_id, number, offset=offset)


def ppp_header(protocol: int) -> bytes:
    """Address, control and protocol, uncompressed."""
    return ADDRESS_CONTROL + _PROTOCOL.pack(protocol)


def parse_data_header(datagram: bytes) -> tuple[bytes, int, int, int] | str:
    """Read the header of a data message of version 2 that has optional fields.

    Gives the tunnel and session id as they stand (4 octets), Ns or `NO_NUMBER`, and where the
    payload begins and ends; or, for a malformed header, the reason. `header.parse_data` reads the
    same; this one, for every packet, makes no object and raises nothing.
    """
    flags = datagram[0] << 8 | datagram[1]
    at, end = 2, len(datagram)
    if flags & L:
        if end < 4:
            return "data message cut short"
        end = datagram[2] << 8 | datagram[3]
        if end > len(datagram):
            return "data message shorter than its Length"
        at = 4
    ids = at
    at += 4
    number_at = at
    if flags & S:
        at += 4
    if flags & O:
        if at + 2 > end:
            return "data message cut short"
        at += 2 + (datagram[at] << 8 | datagram[at + 1])
        if at > end:
            return "Offset Size beyond the data message"
    if at > end:
        return "data message cut short"
    number = NO_NUMBER
    if flags & S:
        number = datagram[number_at] << 8 | datagram[number_at + 1]
    return datagram[ids : ids + 4], number, at, end
