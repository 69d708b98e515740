"""The L2TPv2 message header (RFC 2661 3.1), of control and of data messages."""

import struct
from typing import NamedTuple

from talpa.wire import Malformed


class HeaderField(NamedTuple):
    """One field of the header, in wire order."""

    name: str
    bits: int
    meaning: str
    present: int = 0
    """The flag that says the field is there; 0: it always is."""


T = 0x8000
L = 0x4000
S = 0x0800
O = 0x0200  # noqa: E741
P = 0x0100
VERSION = 0x000F

FIELDS = (
    HeaderField("T", 1, "type: 0 data message, 1 control message"),
    HeaderField("L", 1, "the Length field is present; 1 on control messages"),
    HeaderField("reserved", 2, "0 when sent, ignored when received"),
    HeaderField("S", 1, "Ns and Nr are present; 1 on control messages"),
    HeaderField("reserved", 1, "0 when sent, ignored when received"),
    HeaderField("O", 1, "the Offset Size field is present; 0 on control messages"),
    HeaderField("P", 1, "priority: prefer this data message in queues; 0 on control messages"),
    HeaderField("reserved", 4, "0 when sent, ignored when received"),
    HeaderField("Ver", 4, "version: 2; 1 is L2F (RFC 2341), 3 is L2TPv3 (RFC 3931)"),
    HeaderField("Length", 16, "octets of the whole message", L),
    HeaderField("Tunnel ID", 16, "the control connection, as the recipient numbers it"),
    HeaderField("Session ID", 16, "the session, as the recipient numbers it; 0: none"),
    HeaderField("Ns", 16, "sequence number of this message", S),
    HeaderField("Nr", 16, "sequence number expected next; reserved in data messages", S),
    HeaderField("Offset Size", 16, "octets of padding between header and payload", O),
)
"""RFC 2661 3.1, figure 3.1."""

CONTROL_SIZE = 12
"""Octets of a control message header; a message of no more than that is a ZLB acknowledgement."""

_VERSION_2 = 2
_CONTROL = T | L | S | _VERSION_2
_CONTROL_MASK = T | L | S | O | VERSION

_SIX = struct.Struct("!HHHHHH")
_THREE = struct.Struct("!HHH")
_TWO = struct.Struct("!HH")
_ONE = struct.Struct("!H")


class ControlHeader(NamedTuple):
    """What the header of a control message says."""

    tunnel_id: int
    session_id: int
    ns: int
    nr: int


class DataHeader(NamedTuple):
    """What the header of a data message says, and where the PPP frame stands."""

    tunnel_id: int
    session_id: int
    ns: int | None
    """None: the message is not numbered."""
    nr: int | None
    priority: bool
    start: int
    """Offset of the first octet of the PPP frame."""
    end: int
    """Offset behind its last octet."""


def is_control(data: bytes) -> bool:
    """Whether the T bit is set; no more of the header is looked at."""
    return bool(data) and data[0] >= 0x80


def parse_control(data: bytes) -> tuple[ControlHeader, bytes]:
    """The header and the AVPs (none for a ZLB) of a control message; raises `Malformed`.

    Reserved bits and the P bit are ignored. Octets behind Length are no part of the message and
    are ignored too.
    """
    size = len(data)
    if size < CONTROL_SIZE:
        raise _why_no_control(data)
    flags, length, tunnel_id, session_id, ns, nr = _SIX.unpack_from(data)
    if flags & _CONTROL_MASK != _CONTROL:
        raise _why_no_control(data)
    if length != size:
        if length < CONTROL_SIZE:
            raise Malformed("header: Length too small", f"{length}")
        if length > size:
            raise Malformed("header: Length beyond datagram", f"{length} of {size} octets")
    return ControlHeader(tunnel_id, session_id, ns, nr), data[CONTROL_SIZE:length]


def pack_control(tunnel_id: int, session_id: int, ns: int, nr: int, body: bytes) -> bytes:
    """A control message: header and AVPs; an empty `body` makes a ZLB."""
    length = CONTROL_SIZE + len(body)
    return _SIX.pack(_CONTROL, length, tunnel_id, session_id, ns, nr) + body


def parse_data(data: bytes) -> DataHeader:
    """The header of a data message; raises `Malformed`."""
    size = len(data)
    if size < 6:
        raise Malformed("header: cut short", f"{size} octets")
    flags, first, second = _THREE.unpack_from(data)
    if flags & (T | VERSION) != _VERSION_2:
        raise _wrong_version(flags) or Malformed("control message where data was due")
    end = size
    if flags & L:
        if size < 8:
            raise Malformed("header: cut short", f"{size} octets")
        if first > size:
            raise Malformed("header: Length beyond datagram", f"{first} of {size} octets")
        end = first
        tunnel_id = second
        session_id = _ONE.unpack_from(data, 6)[0]
        at = 8
    else:
        tunnel_id = first
        session_id = second
        at = 6
    ns = nr = None
    if flags & S:
        if end < at + 4:
            raise Malformed("header: cut short", f"{end} octets")
        ns, nr = _TWO.unpack_from(data, at)
        at += 4
    if flags & O:
        if end < at + 2:
            raise Malformed("header: cut short", f"{end} octets")
        at += 2 + _ONE.unpack_from(data, at)[0]
    if at > end:
        raise Malformed("header: payload beyond end", f"begins at {at} of {end}")
    return DataHeader(tunnel_id, session_id, ns, nr, bool(flags & P), at, end)


def pack_data_header(
    tunnel_id: int,
    session_id: int,
    ns: int | None = None,
    nr: int = 0,
    *,
    offset: int | None = None,
    priority: bool = False,
) -> bytes:
    """The header of a data message, without Length: 6 octets, 10 with `ns`, and the padding.

    `offset` is the Offset Size in octets (0 to 65535); None leaves the field out.
    """
    flags = _VERSION_2 | P if priority else _VERSION_2
    if ns is None and offset is None:
        return _THREE.pack(flags, tunnel_id, session_id)
    sequence = padding = b""
    if ns is not None:
        flags |= S
        sequence = _TWO.pack(ns, nr)
    if offset is not None:
        flags |= O
        padding = _ONE.pack(offset) + bytes(offset)
    return _THREE.pack(flags, tunnel_id, session_id) + sequence + padding


def _wrong_version(flags: int) -> Malformed | None:
    version = flags & VERSION
    if version == _VERSION_2:
        return None
    if version == 1:
        return Malformed("L2F packet")
    if version == 3:
        return Malformed("L2TPv3 message")
    return Malformed("header: unknown version", f"{version}")


def _why_no_control(data: bytes) -> Malformed:
    if len(data) < 2:
        return Malformed("header: cut short", f"{len(data)} octets")
    flags = _ONE.unpack_from(data)[0]
    wrong = _wrong_version(flags)
    if wrong is not None:
        return wrong
    if not flags & T:
        return Malformed("data message where control was due")
    if len(data) < CONTROL_SIZE:
        return Malformed("header: cut short", f"{len(data)} octets")
    if not flags & L:
        return Malformed("control message without Length")
    if not flags & S:
        return Malformed("control message without Ns and Nr")
    return Malformed("control message with offset")
