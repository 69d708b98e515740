"""Codecs of single values: what stands inside an AVP, an option, an attribute.

A codec is declared once and serves the parser, the writer, the reference tables and the
dissection. Composite values are declared as frozen dataclasses whose fields name their codecs
(`record`).
"""

import ipaddress
import struct
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Generic, TypeVar

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

    Only the last field may have a codec of open length. Fields with a default may be missing at the
    end of what is received; so none without a default may stand behind them.
    """
    return field(metadata={"codec": codec, "name": name}, **kwargs)


def record(cls: Callable[..., R], name: str = "record") -> Codec[R]:
    """The codec of the frozen dataclass `cls` whose fields are declared with `part`.

    Raises `TypeError` for a declaration that could not be read back.
    """
    title = getattr(cls, "__name__", name)
    rows: list[tuple[str, Codec[Any], int | None, bool]] = []
    names: dict[str, str] = {}
    for f in fields(cls):  # type: ignore[arg-type]
        codec: Codec[Any] = f.metadata["codec"]
        optional = f.default is not MISSING or f.default_factory is not MISSING
        if rows and (rows[-1][2] is None or (rows[-1][3] and not optional)):
            raise TypeError(f"{title}: {f.name} could not be told from what stands before it")
        rows.append((f.name, codec, codec.most if codec.most == codec.least else None, optional))
        names[f.name] = f.metadata["name"] or f.name.replace("_", " ")
    least = sum(codec.least for _, codec, _, optional in rows if not optional)
    sizes = [codec.most for _, codec, _, _ in rows]
    most = None if None in sizes else sum(s for s in sizes if s is not None)

    def values(data: bytes) -> dict[str, object]:
        at, end = 0, len(data)
        found: dict[str, object] = {}
        for key, codec, fixed, optional in rows:
            if optional and at == end:
                return found
            behind = end if fixed is None else at + fixed
            if behind > end:
                raise Malformed(f"{title} {key}: cut short", f"{end - at} octets left")
            found[key] = codec.decode(data[at:behind])
            at = behind
        if at != end:
            raise Malformed(f"{title}: octets left over", f"{end - at}")
        return found

    def decode(data: bytes) -> R:
        return cls(**values(data))

    def encode(value: R) -> bytes:
        out = []
        for key, codec, _, optional in rows:
            one = getattr(value, key)
            if optional and one is None:
                break
            out.append(codec.encode(one))
        return b"".join(out)

    def parts(data: bytes) -> list[tuple[str, object]]:
        return [(names[key], one) for key, one in values(data).items()]

    return Codec(name, decode, encode, least, most, parts)
