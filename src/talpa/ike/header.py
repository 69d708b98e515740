"""The header that both versions begin with (RFC 2408 3.1, RFC 7296 3.1)."""

import struct
from typing import Final, NamedTuple

from talpa.wire import Malformed

HEADER_OCTETS: Final = 28
MOST_OCTETS: Final = 65_535
"""Of a message: more fits in no datagram."""
NO_SPI: Final = bytes(8)
"""The responder's SPI in the very first message."""

_LAYOUT = struct.Struct("!8s8sBBBBII")


class Header(NamedTuple):
    """Of one message. IKEv1 calls the SPIs cookies."""

    initiator_spi: bytes
    """8 octets."""
    responder_spi: bytes
    """8 octets."""
    next_payload: int
    major: int
    minor: int
    exchange: int
    flags: int
    message_id: int
    length: int
    """Of the whole message, with this header."""


def parse_header(data: bytes) -> Header:
    """The header of a datagram that holds one message and nothing else. Raises `Malformed`."""
    size = len(data)
    if size < HEADER_OCTETS:
        raise Malformed("IKE header cut short", f"{size} octets")
    if size > MOST_OCTETS:
        raise Malformed("IKE message too long", f"{size} octets")
    spi_i, spi_r, payload, version, exchange, flags, message_id, length = _LAYOUT.unpack_from(data)
    if length != size:
        raise Malformed("IKE length is not the datagram's", f"{length}, not {size}")
    if spi_i == NO_SPI:
        raise Malformed("IKE initiator SPI is zero")
    return Header(
        spi_i, spi_r, payload, version >> 4, version & 15, exchange, flags, message_id, length
    )


def pack_header(header: Header) -> bytes:
    """Its octets, with the length that stands in it."""
    return _LAYOUT.pack(
        header.initiator_spi,
        header.responder_spi,
        header.next_payload,
        header.major << 4 | header.minor,
        header.exchange,
        header.flags,
        header.message_id,
        header.length,
    )
