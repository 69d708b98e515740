"""Domain names on the wire: DHCP option 119 (RFC 3397), RDNSS search lists (RFC 8106), DHCPv6.

All are sequences of names as in RFC 1035 3.1; only option 119 is compressed.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from talpa.wire import Malformed, Reader

MOST_NAMES = 32
_MOST_LABEL = 63
_MOST_NAME = 255
_POINTER = 0xC0
_MOST_POINTERS = 16
"""Pointers followed in one name. Each leads to a label in honest data; chains of pointers only make
work, which would grow with the square of the length."""
_USABLE = re.compile(
    r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?", re.I
)


def encode_names(names: Sequence[str], compress: bool = False) -> bytes:
    """The names one behind the other. Raises `ValueError` for one that is no domain name."""
    if len(names) > MOST_NAMES:
        raise ValueError(f"more than {MOST_NAMES} domain names")
    out = bytearray()
    seen: dict[tuple[bytes, ...], int] = {}
    for name in names:
        labels = _labels(name)
        for at in range(len(labels)):
            tail = tuple(label.lower() for label in labels[at:])
            known = seen.get(tail)
            if compress and known is not None:
                out += (known | _POINTER << 8).to_bytes(2, "big")
                break
            # A pointer has 14 bits (RFC 1035 4.1.4).
            if len(out) < 1 << 14:
                seen[tail] = len(out)
            out.append(len(labels[at]))
            out += labels[at]
        else:
            out.append(0)
    return bytes(out)


@lru_cache(256)  # a few configured names, asked for with every session
def _labels(name: str) -> list[bytes]:
    try:
        # The codec turns names of other scripts into their "xn--" form, and demands labels of 1 to
        # 63 octets.
        encoded = name.rstrip(".").encode("idna")
    except UnicodeError as error:
        raise ValueError(f"{name!r} is no domain name: {error}") from error
    labels = encoded.split(b".")
    good = all(0 < len(label) <= _MOST_LABEL and _printable(label) for label in labels)
    if not good or len(encoded) + 2 > _MOST_NAME:
        raise ValueError(f"{name!r} is no domain name")
    return labels


def _printable(label: bytes) -> bool:
    return all(0x21 <= octet <= 0x7E for octet in label)


def usable_names(names: Iterable[str]) -> tuple[str, ...]:
    """Those that may be handed to a resolver: what came from a peer could hold its syntax."""
    return tuple(name for name in names if len(name) < _MOST_NAME and _USABLE.fullmatch(name))


def decode_names(data: bytes) -> tuple[str, ...]:
    """The names in `data`, compressed or not; empty names, which RFC 8106 pads with, are left out.

    Raises `Malformed`. A pointer must lead backwards, so every name ends.
    """
    names: list[str] = []
    reader = Reader(data)
    while len(reader):
        name = _name(reader)
        if name:
            names.append(name)
        if len(names) > MOST_NAMES:
            raise Malformed("too many domain names")
    return tuple(names)


def _name(reader: Reader) -> str:
    labels: list[str] = []
    size = pointers = 0
    here = reader
    least = reader.pos
    while (length := here.u8("label length")) != 0:
        if length & _POINTER == _POINTER:
            at = (length & ~_POINTER) << 8 | here.u8("name pointer")
            if at >= least:
                raise Malformed("name pointer does not lead backwards")
            pointers += 1
            if pointers > _MOST_POINTERS:
                raise Malformed("too many name pointers")
            least = at
            here = Reader(here.data, at, here.end)
            continue
        if length > _MOST_LABEL:
            raise Malformed("label of unknown type")
        label = here.take(length, "label")
        size += length + 1
        if size > _MOST_NAME - 1:
            raise Malformed("domain name too long")
        if not _printable(label) or b"." in label:
            raise Malformed("domain name with unprintable octets")
        labels.append(label.decode("ascii"))
    return ".".join(labels)
