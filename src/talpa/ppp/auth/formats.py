"""The packets of PAP (RFC 1334), CHAP (RFC 1994) and its Microsoft dialects, as data."""

import struct
from dataclasses import dataclass
from enum import IntEnum

from talpa.ppp.auth.methods import CHAP_PROTOCOL, PAP_PROTOCOL
from talpa.wire import U8, U16, Malformed, Reader, octets, part, printable, record

_HEADER = struct.Struct("!BBH")

MOST_NAME = 256
"""Octets of the longest name taken."""
MOST_MESSAGE = 256
"""Octets of a message looked at; the rest is ignored."""


class PapCode(IntEnum):
    """RFC 1334 2.2."""

    REQUEST = 1
    ACK = 2
    NAK = 3


class ChapCode(IntEnum):
    """RFC 1994 4, RFC 2433 10 and RFC 2759 7."""

    CHALLENGE = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4
    CHANGE_V1 = 6
    """Change Password version 2, of MS-CHAP."""
    CHANGE_V2 = 7
    """Change-Password, of MS-CHAPv2."""


TITLES: dict[int, dict[int, str]] = {
    PAP_PROTOCOL: {
        PapCode.REQUEST: "Authenticate-Request",
        PapCode.ACK: "Authenticate-Ack",
        PapCode.NAK: "Authenticate-Nak",
    },
    CHAP_PROTOCOL: {
        ChapCode.CHALLENGE: "Challenge",
        ChapCode.RESPONSE: "Response",
        ChapCode.SUCCESS: "Success",
        ChapCode.FAILURE: "Failure",
        ChapCode.CHANGE_V1: "Change Password version 2",
        ChapCode.CHANGE_V2: "Change-Password",
    },
}
"""Names of the packets, by protocol and code."""


@dataclass(frozen=True, slots=True)
class MsChapValue:
    """Value of an MS-CHAP Response (RFC 2433 6)."""

    lm_response: bytes = part(octets(24, 24), "LAN Manager response", repr=False)
    nt_response: bytes = part(octets(24, 24), "NT response", repr=False)
    use_nt: int = part(U8, "use NT response")


@dataclass(frozen=True, slots=True)
class MsChapV2Value:
    """Value of an MS-CHAPv2 Response (RFC 2759 4)."""

    peer_challenge: bytes = part(octets(16, 16), "Peer-Challenge")
    reserved: bytes = part(octets(8, 8))
    nt_response: bytes = part(octets(24, 24), "NT-Response")
    flags: int = part(U8)


@dataclass(frozen=True, slots=True)
class MsChapChange:
    """Change Password packet, version 2 (RFC 2433 10)."""

    password_by_nt: bytes = part(octets(516, 516), "Password Encrypted with Old NT Hash")
    hash_by_nt: bytes = part(octets(16, 16), "Old NT Hash Encrypted with New NT Hash")
    password_by_lm: bytes = part(octets(516, 516), "Password Encrypted with Old LM Hash")
    hash_by_lm: bytes = part(octets(16, 16), "Old LM Hash Encrypted With New NT Hash")
    lm_response: bytes = part(octets(24, 24), "LAN Manager response")
    nt_response: bytes = part(octets(24, 24), "NT response")
    flags: int = part(U16)


@dataclass(frozen=True, slots=True)
class MsChapV2Change:
    """Change-Password packet (RFC 2759 7)."""

    encrypted_password: bytes = part(octets(516, 516), "Encrypted-Password")
    encrypted_hash: bytes = part(octets(16, 16), "Encrypted-Hash")
    peer_challenge: bytes = part(octets(16, 16), "Peer-Challenge")
    reserved: bytes = part(octets(8, 8))
    nt_response: bytes = part(octets(24, 24), "NT-Response")
    flags: int = part(U16)


MSCHAP_VALUE = record(MsChapValue)
MSCHAP_V2_VALUE = record(MsChapV2Value)
MSCHAP_CHANGE = record(MsChapChange)
MSCHAP_V2_CHANGE = record(MsChapV2Change)


def parse(payload: bytes) -> tuple[int, int, bytes]:
    """Code, identifier and data of a packet; octets behind its length are padding."""
    if len(payload) < _HEADER.size:
        raise Malformed("authentication packet: cut short", f"{len(payload)} octets")
    code, identifier, length = _HEADER.unpack_from(payload)
    if not _HEADER.size <= length <= len(payload):
        raise Malformed("authentication packet: wrong length", f"{length} of {len(payload)}")
    return code, identifier, payload[_HEADER.size : length]


def emit(code: int, identifier: int, data: bytes) -> bytes:
    """A whole packet."""
    return _HEADER.pack(code, identifier, _HEADER.size + len(data)) + data


def parse_value_name(data: bytes) -> tuple[bytes, bytes]:
    """Value and name out of a Challenge or Response (RFC 1994 4.1)."""
    reader = Reader(data)
    value = reader.take(reader.u8("CHAP value size"), "CHAP value")
    if not value:
        raise Malformed("CHAP value empty")
    if len(reader) > MOST_NAME:
        raise Malformed("CHAP name too long", f"{len(reader)} octets")
    return value, reader.rest()


def emit_value_name(value: bytes, name: bytes) -> bytes:
    """Data of a Challenge or Response. The value has at most 255 octets."""
    return b"".join((bytes((len(value),)), value, name[:MOST_NAME]))


def parse_pap_request(data: bytes) -> tuple[bytes, bytes]:
    """Name and password (RFC 1334 2.2.1)."""
    reader = Reader(data)
    name = reader.take(reader.u8("PAP name length"), "PAP name")
    password = reader.take(reader.u8("PAP password length"), "PAP password")
    reader.done("PAP request")
    return name, password


def emit_pap_request(name: bytes, password: bytes) -> bytes:
    """Data of an Authenticate-Request; each at most 255 octets, else `ValueError`."""
    return b"".join((bytes((len(name),)), name, bytes((len(password),)), password))


def parse_pap_message(data: bytes) -> bytes:
    """The message of an Ack or Nak (RFC 1334 2.2.2); some peers leave out even its length."""
    if not data:
        return b""
    reader = Reader(data)
    return reader.take(reader.u8("PAP message length"), "PAP message")


def emit_pap_message(message: bytes) -> bytes:
    """Data of an Ack or Nak."""
    message = message[:255]
    return bytes((len(message),)) + message


def message_octets(text: str) -> bytes:
    """A message as it goes out: printable ASCII (RFC 1994 4.2), bounded."""
    return "".join(c if " " <= c <= "~" else "?" for c in text[:200]).encode()


def message_text(message: bytes) -> str:
    """A peer's message as a person may see it: printable, bounded."""
    return printable(message, MOST_MESSAGE).strip()
