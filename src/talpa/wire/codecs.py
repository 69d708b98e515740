"""Codecs of single values: what stands inside an AVP, an option, an attribute.

A codec is declared once and serves the parser, the writer, the reference tables and the
dissection. Composite values are declared as frozen dataclasses whose fields name their codecs
(`record`).
"""

import ipaddress
import struct
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import Any, Generic, TypeVar

from talpa.wire.cursor import Reader
from talpa.wire.errors import Malformed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """How one value stands on the wire."""

    name: str
    """Its layout in a word or two, for reference tables: "u16", "text"."""
    decode: Callable[[bytes], T]
    """The value of all the octets given; raises `Malformed`."""
    encode: Callable[[T], bytes]
    """The octets of the value. A value that does not fit is the caller's fault: `ValueError` or
    `struct.error`."""
    least: int
    """Fewest octets."""
    most: int | None
    """Most octets; None when only the surrounding length bounds it."""
    parts: Callable[[bytes], list[tuple[str, object]]] | None = None
    """Named parts of a composite value in wire order, for dissection."""
    show: Callable[[T], str] | None = None
    """The value as a person reads it; None: `str`."""


def _number(name: str, layout: str) -> Codec[int]:
    packer = struct.Struct(layout)
    size = packer.size

    def decode(data: bytes) -> int:
        if len(data) != size:
            raise Malformed(f"{name} of wrong length", f"{len(data)} octets, not {size}")
        value: int = packer.unpack(data)[0]
        return value

    return Codec(name, decode, packer.pack, size, size)


U8 = _number("u8", "!B")
U16 = _number("u16", "!H")
U32 = _number("u32", "!I")
U64 = _number("u64", "!Q")


def number(base: Codec[int], kind: Callable[[int], T]) -> Codec[T]:
    """`base` read as an open enumeration or flag type `kind`."""
    return Codec(
        base.name,
        lambda data: kind(base.decode(data)),
        lambda value: base.encode(int(value)),  # type: ignore[call-overload]
        base.least,
        base.most,
    )


def octets(least: int = 0, most: int | None = None, name: str = "octets") -> Codec[bytes]:
    """Opaque octets, `least` to `most` of them."""

    def decode(data: bytes) -> bytes:
        if len(data) < least or (most is not None and len(data) > most):
            raise Malformed(f"{name} of wrong length", f"{len(data)} octets")
        return data

    return Codec(name, decode, bytes, least, most, show=bytes.hex)


def _text_decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


OCTETS = octets()
TEXT: Codec[str] = Codec("text", _text_decode, str.encode, 0, None)
"""UTF-8; octets that are not UTF-8 are replaced, since real peers send any code page."""


def _ipv4_decode(data: bytes) -> ipaddress.IPv4Address:
    if len(data) != 4:
        raise Malformed("IPv4 address of wrong length", f"{len(data)} octets")
    return ipaddress.IPv4Address(data)


IPV4: Codec[ipaddress.IPv4Address] = Codec("IPv4 address", _ipv4_decode, lambda v: v.packed, 4, 4)


R = TypeVar("R")


def part(codec: Codec[Any], name: str = "", **kwargs: Any) -> Any:
    """A field of a composite value: its codec, and its name in the RFC if not the field's own.

    The last field may have a codec of open length; a field with a default may be missing at the
    end, in which case it and all behind it take their defaults.
    """
    return field(metadata={"codec": codec, "name": name}, **kwargs)


def record(cls: Callable[..., R], name: str = "record") -> Codec[R]:
    """The codec of the frozen dataclass `cls` whose fields are declared with `part`."""
    rows: list[tuple[Field[Any], Codec[Any]]] = [
        (f, f.metadata["codec"])
        for f in fields(cls)  # type: ignore[arg-type]
    ]
    title = getattr(cls, "__name__", name)
    optional = [f.default is not _missing for f, _ in rows]
    least = sum(c.least for (_, c), skip in zip(rows, optional, strict=True) if not skip)
    sizes = [c.most for _, c in rows]
    most = None if None in sizes else sum(s for s in sizes if s is not None)

    def values(data: bytes) -> list[tuple[str, object]]:
        reader = Reader(data)
        found: list[tuple[str, object]] = []
        for (f, codec), skip in zip(rows, optional, strict=True):
            if skip and not len(reader):
                break
            size = codec.least if codec.most == codec.least else len(reader)
            found.append((f.name, codec.decode(reader.take(size, f"{title} {f.name}"))))
        reader.done(title)
        return found

    def decode(data: bytes) -> R:
        return cls(**dict(values(data)))

    def encode(value: R) -> bytes:
        out = []
        for (f, codec), skip in zip(rows, optional, strict=True):
            v = getattr(value, f.name)
            if skip and v is None:
                break
            out.append(codec.encode(v))
        return b"".join(out)

    names = {f.name: f.metadata["name"] or f.name.replace("_", " ") for f, _ in rows}

    def parts(data: bytes) -> list[tuple[str, object]]:
        return [(names[n], v) for n, v in values(data)]

    return Codec(name, decode, encode, least, most, parts)


_missing = field().default
