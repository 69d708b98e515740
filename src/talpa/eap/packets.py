"""The packets of EAP (RFC 3748 4) and of EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2), as data.

MD5-Challenge is laid out as in CHAP (RFC 1994 4.1).
"""

from dataclasses import dataclass

from talpa.wire import OCTETS, U8, U16, Malformed, OpenEnum, Reader, octets, part, record

MOST_PACKET = 0xFFFF
"""Octets of the longest packet: what its length field can say."""
MOST_IDENTITY = 255
"""Octets of the longest identity, and of the longest name, that is taken."""
MOST_MESSAGE = 1024
"""Octets of a text for a person that are looked at."""

_HEADER_SIZE = 4


class Code(OpenEnum):
    """RFC 3748 4."""

    REQUEST = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4


class Type(OpenEnum):
    """RFC 3748 5, RFC 5216 3, and the draft of EAP-MSCHAPv2."""

    IDENTITY = 1
    NOTIFICATION = 2
    NAK = 3
    MD5 = 4
    TLS = 13
    MSCHAPV2 = 26
    EXPANDED = 254


class OpCode(OpenEnum):
    """Of EAP-MSCHAPv2."""

    CHALLENGE = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4
    CHANGE_PASSWORD = 7


@dataclass(frozen=True, slots=True)
class Packet:
    """One EAP packet."""

    code: int
    identifier: int
    type: int = 0
    """0 in Success and Failure, which have none."""
    data: bytes = b""
    """Behind the type."""


@dataclass(frozen=True, slots=True)
class MsChapV2Challenge:
    """Request, OpCode 1."""

    opcode: int = part(U8)
    mschapv2_id: int = part(U8, "MS-CHAPv2-ID")
    ms_length: int = part(U16, "MS-Length")
    value_size: int = part(U8)
    challenge: bytes = part(octets(16, 16), repr=False)
    name: bytes = part(OCTETS)


@dataclass(frozen=True, slots=True)
class MsChapV2Response:
    """Response, OpCode 2."""

    opcode: int = part(U8)
    mschapv2_id: int = part(U8, "MS-CHAPv2-ID")
    ms_length: int = part(U16, "MS-Length")
    value_size: int = part(U8)
    peer_challenge: bytes = part(octets(16, 16), "Peer-Challenge", repr=False)
    reserved: bytes = part(octets(8, 8))
    nt_response: bytes = part(octets(24, 24), "NT-Response", repr=False)
    flags: int = part(U8)
    name: bytes = part(OCTETS)


@dataclass(frozen=True, slots=True)
class MsChapV2Message:
    """Request, OpCode 3 and 4."""

    opcode: int = part(U8)
    mschapv2_id: int = part(U8, "MS-CHAPv2-ID")
    ms_length: int = part(U16, "MS-Length")
    message: bytes = part(OCTETS)


@dataclass(frozen=True, slots=True)
class MsChapV2Change:
    """Response, OpCode 7."""

    opcode: int = part(U8)
    mschapv2_id: int = part(U8, "MS-CHAPv2-ID")
    ms_length: int = part(U16, "MS-Length")
    encrypted_password: bytes = part(octets(516, 516), "Encrypted-Password", repr=False)
    encrypted_hash: bytes = part(octets(16, 16), "Encrypted-Hash", repr=False)
    peer_challenge: bytes = part(octets(16, 16), "Peer-Challenge", repr=False)
    reserved: bytes = part(octets(8, 8))
    nt_response: bytes = part(octets(24, 24), "NT-Response", repr=False)
    flags: int = part(U16)


MSCHAPV2_CHALLENGE = record(MsChapV2Challenge)
MSCHAPV2_RESPONSE = record(MsChapV2Response)
MSCHAPV2_MESSAGE = record(MsChapV2Message)
MSCHAPV2_CHANGE = record(MsChapV2Change)

CHALLENGE_OCTETS = 16
RESPONSE_OCTETS = 49
"""Value-Size of a Challenge and of a Response of EAP-MSCHAPv2."""


def parse(data: bytes) -> Packet:
    """The packet in `data`; octets behind its length are padding (RFC 3748 4). Raises
    `Malformed`."""
    reader = Reader(data)
    code = reader.u8("EAP code")
    identifier = reader.u8("EAP identifier")
    length = reader.u16("EAP length")
    if not _HEADER_SIZE <= length <= len(data):
        raise Malformed("EAP packet of wrong length", f"{length} of {len(data)} octets")
    if code not in (Code.REQUEST, Code.RESPONSE):
        if code not in (Code.SUCCESS, Code.FAILURE):
            raise Malformed("EAP code unknown", f"{code}")
        return Packet(code, identifier)
    body = reader.sub(length - _HEADER_SIZE, "EAP packet")
    return Packet(code, identifier, body.u8("EAP type"), body.rest())


def emit(packet: Packet) -> bytes:
    """The octets of `packet`. Raises `ValueError` when it is longer than `MOST_PACKET`."""
    body = b""
    if packet.code in (Code.REQUEST, Code.RESPONSE):
        body = bytes((packet.type,)) + packet.data
    length = _HEADER_SIZE + len(body)
    if length > MOST_PACKET:
        raise ValueError(f"EAP packet of {length} octets")
    return bytes((packet.code, packet.identifier)) + length.to_bytes(2, "big") + body


def parse_value_name(data: bytes) -> tuple[bytes, bytes]:
    """Value and name of MD5-Challenge. Raises `Malformed`."""
    reader = Reader(data)
    value = reader.take(reader.u8("MD5 value size"), "MD5 value")
    if not value:
        raise Malformed("MD5 value empty")
    if len(reader) > MOST_IDENTITY:
        raise Malformed("MD5 name too long", f"{len(reader)} octets")
    return value, reader.rest()


def emit_value_name(value: bytes, name: bytes) -> bytes:
    """Data of MD5-Challenge. The value has at most 255 octets."""
    return b"".join((bytes((len(value),)), value, name[:MOST_IDENTITY]))
