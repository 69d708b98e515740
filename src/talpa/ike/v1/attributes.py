"""Data attributes (RFC 2408 3.3): a type, and a value of two octets (TV) or of any length (TLV)."""

import struct
from collections.abc import Iterable, Sequence

from talpa.ike.v1.numbers import LifeType
from talpa.wire import Malformed

Attribute = tuple[int, int | bytes]
"""(type, value): a number where it came as TV."""

_MOST = 64
"""Attributes of one transform."""
_SHORT = 0x8000
_PAIR = struct.Struct("!HH")


def parse_attributes(data: bytes, start: int, end: int) -> tuple[Attribute, ...]:
    """The attributes that fill `data[start:end]`. Raises `Malformed`."""
    found: list[Attribute] = []
    at = start
    while at < end:
        if at + 4 > end:
            raise Malformed("attribute cut short", f"{end - at} octets left")
        kind, value = _PAIR.unpack_from(data, at)
        at += 4
        if kind & _SHORT:
            found.append((kind & 0x7FFF, value))
        else:
            if at + value > end:
                raise Malformed("attribute cut short", f"{value} octets wanted")
            found.append((kind, data[at : at + value]))
            at += value
        if len(found) > _MOST:
            raise Malformed("too many attributes")
    return tuple(found)


def pack_attributes(attributes: Iterable[Attribute]) -> bytes:
    """Numbers as TV where they fit 16 bits, else as TLV of four octets."""
    out = []
    for kind, value in attributes:
        if isinstance(value, int):
            if value <= 0xFFFF:
                out.append(_PAIR.pack(kind | _SHORT, value))
                continue
            value = value.to_bytes(4, "big")
        out.append(_PAIR.pack(kind, len(value)) + value)
    return b"".join(out)


def as_number(value: int | bytes) -> int:
    """A value that means a number, of at most 64 bits. Raises `Malformed`."""
    if isinstance(value, int):
        return value
    if not 1 <= len(value) <= 8:
        raise Malformed("attribute of wrong length", f"{len(value)} octets")
    return int.from_bytes(value, "big")


def basic(attributes: Sequence[Attribute], life_type: int) -> dict[int, int] | None:
    """Type to number, without lives. None when a type stands twice with different values or a value
    is no number: then nobody can say what was meant."""
    found: dict[int, int] = {}
    for kind, value in attributes:
        if kind in (life_type, life_type + 1):
            continue
        try:
            number = as_number(value)
        except Malformed:
            return None
        if found.setdefault(kind, number) != number:
            return None
    return found


def lives(attributes: Sequence[Attribute], life_type: int) -> tuple[int | None, int | None]:
    """(seconds, kilobytes) as said by pairs of life type and duration (RFC 2407 4.5); the type of
    durations is the next number. Raises `Malformed` when a type has no duration behind it."""
    seconds = kilobytes = None
    kind: int | None = None
    for key, value in attributes:
        if key == life_type:
            kind = as_number(value)
        elif key == life_type + 1:
            if kind is None:
                raise Malformed("life duration without a type")
            if kind == LifeType.SECONDS:
                seconds = as_number(value)
            elif kind == LifeType.KILOBYTES:
                kilobytes = as_number(value)
            kind = None
    if kind is not None:
        raise Malformed("life type without a duration")
    return seconds, kilobytes


def life(life_type: int, kind: LifeType, value: int) -> tuple[Attribute, Attribute]:
    """One pair."""
    return (life_type, int(kind)), (life_type + 1, value)
