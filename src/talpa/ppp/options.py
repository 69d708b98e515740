"""Configuration options: rows that declare them, and the list of them in a packet (RFC 1661 6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from talpa.ppp.frames import Protocol
from talpa.wire import Codec, Malformed

MOST_OPTIONS = 64
"""More in one packet is nobody's negotiation."""


@dataclass(frozen=True, slots=True)
class Option:
    """One configuration option."""

    protocol: Protocol
    type: int
    name: str
    codec: Codec[Any]
    """Of the data behind Type and Length."""
    rfc: str
    text: str = ""
    """What it asks for, and what we make of it."""


def parse_options(data: bytes) -> list[tuple[int, bytes]]:
    """(type, data) of each option in order. Raises `Malformed`: the whole packet is to be dropped
    (RFC 1661 6)."""
    found = []
    at, end = 0, len(data)
    while at < end:
        size = data[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end:
            raise Malformed("PPP option of wrong length", f"type {data[at]}, length {size}")
        found.append((data[at], data[at + 2 : at + size]))
        at += size
    if len(found) > MOST_OPTIONS:
        raise Malformed("PPP packet with too many options", str(len(found)))
    return found


def emit_options(options: Iterable[tuple[int, bytes]]) -> bytes:
    """The octets of (type, data) options. Data of more than 253 octets is a `ValueError`."""
    return b"".join([bytes((kind, len(value) + 2)) + value for kind, value in options])
