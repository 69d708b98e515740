"""The payloads of IKEv2, each declared once (RFC 7296 3.2 to 3.16), and the chain they stand in.

`BODIES` is the table: the parser, the writer and the dissection read it.
"""

import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple, cast

from talpa.esp.sa import Selector
from talpa.ike.v2.numbers import (
    Attribute,
    ConfigKind,
    Kind,
    NotifyKind,
    ProtocolId,
    TsKind,
)
from talpa.ike.v2.sa_payload import PROPOSALS
from talpa.wire import OCTETS, U8, U16, Codec, Malformed, Reader, octets, part, record

_MOST_PAYLOADS = 100
_MOST_SELECTORS = 128
_MOST_SPIS = 512
_MOST_ATTRIBUTES = 256

_RESERVED = octets(3, 3, "reserved")
_HEADER = struct.Struct("!BBH")


class CriticalUnknown(Exception):
    """A payload that we do not know must not be passed over (RFC 7296 2.5)."""

    def __init__(self, kind: int) -> None:
        super().__init__(f"critical payload {kind}")
        self.kind = kind


@dataclass(frozen=True, slots=True)
class KeyExchange:
    """RFC 7296 3.4."""

    method: int = part(U16, "Key Exchange Method")
    reserved: int = part(U16)
    data: bytes = part(OCTETS)


@dataclass(frozen=True, slots=True)
class Identification:
    """RFC 7296 3.5."""

    kind: int = part(U8, "ID Type")
    reserved: bytes = part(_RESERVED)
    data: bytes = part(OCTETS)


@dataclass(frozen=True, slots=True)
class CertificateData:
    """RFC 7296 3.6 and 3.7: a certificate, or the CAs that one is asked of."""

    encoding: int = part(U8)
    data: bytes = part(OCTETS)


@dataclass(frozen=True, slots=True)
class Authentication:
    """RFC 7296 3.8."""

    method: int = part(U8, "Auth Method")
    reserved: bytes = part(_RESERVED)
    data: bytes = part(OCTETS)


class Notify(NamedTuple):
    """RFC 7296 3.10."""

    kind: NotifyKind
    data: bytes = b""
    protocol: int = 0
    spi: bytes = b""


class Delete(NamedTuple):
    """RFC 7296 3.11."""

    protocol: int
    spis: tuple[bytes, ...] = ()


class Configuration(NamedTuple):
    """RFC 7296 3.15."""

    kind: ConfigKind
    attributes: tuple[tuple[Attribute, bytes], ...]


def _decode_notify(data: bytes) -> Notify:
    reader = Reader(data)
    protocol = reader.u8("notify protocol")
    spi_octets = reader.u8("notify SPI size")
    kind = NotifyKind(reader.u16("notify type"))
    spi = reader.take(spi_octets, "notify SPI")
    return Notify(kind, reader.rest(), protocol, spi)


def _encode_notify(value: Notify) -> bytes:
    return struct.pack("!BBH", value.protocol, len(value.spi), value.kind) + value.spi + value.data


def _notify_parts(data: bytes) -> list[tuple[str, object]]:
    value = _decode_notify(data)
    return [
        ("Protocol ID", ProtocolId(value.protocol)),
        ("SPI", value.spi.hex()),
        ("Notify Message Type", value.kind),
        ("Notification Data", value.data.hex()),
    ]


def _decode_delete(data: bytes) -> Delete:
    reader = Reader(data)
    protocol = reader.u8("delete protocol")
    size = reader.u8("delete SPI size")
    count = reader.u16("delete SPI count")
    if count > _MOST_SPIS:
        raise Malformed("too many SPIs to delete")
    if (protocol == ProtocolId.IKE and (size or count)) or (
        protocol != ProtocolId.IKE and size != 4
    ):
        raise Malformed("delete SPI size wrong")
    spis = tuple(reader.take(size, "deleted SPI") for _ in range(count))
    reader.done("delete payload")
    return Delete(protocol, spis)


def _encode_delete(value: Delete) -> bytes:
    size = len(value.spis[0]) if value.spis else 0
    return struct.pack("!BBH", value.protocol, size, len(value.spis)) + b"".join(value.spis)


def _delete_parts(data: bytes) -> list[tuple[str, object]]:
    value = _decode_delete(data)
    return [
        ("Protocol ID", ProtocolId(value.protocol)),
        *(("SPI", spi.hex()) for spi in value.spis),
    ]


def _decode_selectors(data: bytes) -> tuple[Selector, ...]:
    reader = Reader(data)
    count = reader.u8("selector count")
    reader.take(3, "selectors")
    if not 1 <= count <= _MOST_SELECTORS:
        raise Malformed("selector count wrong")
    found = []
    for _ in range(count):
        kind = reader.u8("selector type")
        protocol = reader.u8("selector protocol")
        length = reader.u16("selector length")
        if length < 8:
            raise Malformed("selector length below 8")
        body = reader.sub(length - 4, "selector")
        first_port = body.u16("selector port")
        last_port = body.u16("selector port")
        first: IPv4Address | IPv6Address
        last: IPv4Address | IPv6Address
        if kind == TsKind.IPV4_RANGE:
            first = IPv4Address(body.take(4, "selector address"))
            last = IPv4Address(body.take(4, "selector address"))
        elif kind == TsKind.IPV6_RANGE:
            first = IPv6Address(body.take(16, "selector address"))
            last = IPv6Address(body.take(16, "selector address"))
        else:
            continue
        body.done("selector")
        # A range that is none (OPAQUE among them) matches nothing that we carry.
        if int(first) <= int(last) and first_port <= last_port:
            found.append(Selector(first, last, protocol, first_port, last_port))
    reader.done("selectors")
    return tuple(found)


def _encode_selectors(value: Sequence[Selector]) -> bytes:
    out = [struct.pack("!B3x", len(value))]
    for one in value:
        four = isinstance(one.first, IPv4Address)
        out.append(
            struct.pack(
                "!BBHHH",
                TsKind.IPV4_RANGE if four else TsKind.IPV6_RANGE,
                one.protocol,
                16 if four else 40,
                one.first_port,
                one.last_port,
            )
            + one.first.packed
            + one.last.packed
        )
    return b"".join(out)


def show_selector(one: Selector) -> str:
    """As a person reads it: "198.18.0.1[17/1701]"."""
    where = str(one.first) if one.first == one.last else f"{one.first}-{one.last}"
    if (one.protocol, one.first_port, one.last_port) == (0, 0, 0xFFFF):
        return where
    ports = (
        "any"
        if (one.first_port, one.last_port) == (0, 0xFFFF)
        else str(one.first_port)
        if one.first_port == one.last_port
        else f"{one.first_port}-{one.last_port}"
    )
    return f"{where}[{one.protocol}/{ports}]"


def _selector_parts(data: bytes) -> list[tuple[str, object]]:
    return [("Traffic Selector", show_selector(one)) for one in _decode_selectors(data)]


def _decode_configuration(data: bytes) -> Configuration:
    reader = Reader(data)
    kind = ConfigKind(reader.u8("configuration type"))
    reader.take(3, "configuration")
    attributes: list[tuple[Attribute, bytes]] = []
    while len(reader):
        if len(attributes) >= _MOST_ATTRIBUTES:
            raise Malformed("too many configuration attributes")
        attribute = Attribute(reader.u16("configuration attribute") & 0x7FFF)
        value = reader.take(reader.u16("configuration attribute length"), "configuration attribute")
        attributes.append((attribute, value))
    return Configuration(kind, tuple(attributes))


def _encode_configuration(value: Configuration) -> bytes:
    return struct.pack("!B3x", value.kind) + b"".join(
        struct.pack("!HH", attribute, len(data)) + data for attribute, data in value.attributes
    )


def _configuration_parts(data: bytes) -> list[tuple[str, object]]:
    value = _decode_configuration(data)
    return [("CFG Type", value.kind), *((str(a), v.hex()) for a, v in value.attributes)]


_CERT = record(CertificateData, "certificate")
_ID = record(Identification, "identification")
_TS: Codec[Any] = Codec("selectors", _decode_selectors, _encode_selectors, 4, None, _selector_parts)

BODIES: dict[int, Codec[Any]] = {
    Kind.SA: PROPOSALS,
    Kind.KE: record(KeyExchange, "key exchange"),
    Kind.ID_I: _ID,
    Kind.ID_R: _ID,
    Kind.CERT: _CERT,
    Kind.CERTREQ: _CERT,
    Kind.AUTH: record(Authentication, "authentication"),
    Kind.NONCE: octets(16, 256, "nonce"),
    Kind.NOTIFY: Codec("notify", _decode_notify, _encode_notify, 4, None, _notify_parts),
    Kind.DELETE: Codec("delete", _decode_delete, _encode_delete, 4, None, _delete_parts),
    Kind.VENDOR: OCTETS,
    Kind.TS_I: _TS,
    Kind.TS_R: _TS,
    Kind.CP: Codec(
        "configuration", _decode_configuration, _encode_configuration, 4, None, _configuration_parts
    ),
    Kind.EAP: octets(4, None, "EAP message"),
}
"""What stands in each kind of payload; SK and SKF are the protection's own."""

Chain = Sequence[tuple[Kind, Any]]
"""Payloads to be written: kind and value."""


def ke(method: int, data: bytes) -> tuple[Kind, KeyExchange]:
    """A KE payload."""
    return Kind.KE, KeyExchange(method, 0, data)


def notify(
    kind: NotifyKind, data: bytes = b"", protocol: int = 0, spi: bytes = b""
) -> tuple[Kind, Notify]:
    """A Notify payload."""
    return Kind.NOTIFY, Notify(kind, data, protocol, spi)


def write_chain(payloads: Iterable[tuple[int, Any]]) -> tuple[int, bytes]:
    """The kind of the first payload (0: there is none), and all of them in octets."""
    encoded = [(kind, BODIES[kind].encode(value)) for kind, value in payloads]
    out = []
    for at, (_, body) in enumerate(encoded):
        following = encoded[at + 1][0] if at + 1 < len(encoded) else 0
        out.append(_HEADER.pack(following, 0, 4 + len(body)))
        out.append(body)
    return (encoded[0][0] if encoded else 0), b"".join(out)


@dataclass(slots=True)
class Contents:
    """The payloads of one message, by kind, in order."""

    by_kind: dict[int, list[Any]] = field(default_factory=dict)
    notifies: dict[int, list[Notify]] = field(default_factory=dict)

    def one(self, kind: Kind) -> Any:
        """The first of its kind; None."""
        found = self.by_kind.get(kind)
        return found[0] if found else None

    def all(self, kind: Kind) -> list[Any]:
        """All of a kind."""
        return self.by_kind.get(kind, [])

    def notify(self, kind: NotifyKind) -> Notify | None:
        """The first notification of its kind."""
        found = self.notifies.get(kind)
        return found[0] if found else None

    @property
    def error(self) -> Notify | None:
        """The first notification of an error."""
        for found in self.notifies.values():
            if found[0].kind.error:
                return found[0]
        return None


def walk(first: int, data: bytes, start: int, *, encrypted: bool) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each payload that we know, up to the end of `data`. Raises as `read_chain`
    does, when it comes to it."""
    at, end, kind, count = start, len(data), first, 0
    while kind:
        count += 1
        if count > _MOST_PAYLOADS:
            raise Malformed("too many payloads")
        if at + 4 > end:
            raise Malformed("payload header cut short")
        following, flags, length = _HEADER.unpack_from(data, at)
        if length < 4 or at + length > end:
            raise Malformed("payload length wrong")
        if kind in BODIES:
            yield kind, data[at + 4 : at + length]
        elif kind in (Kind.SK, Kind.SKF):
            raise Malformed("encrypted payload within" if encrypted else "encrypted payload")
        elif flags & 0x80:
            raise CriticalUnknown(kind)
        at += length
        kind = following
    if at != end:
        raise Malformed("octets behind the last payload")


def read_chain(
    first: int,
    data: bytes,
    start: int = 0,
    *,
    encrypted: bool = False,
    without: Collection[int] = (),
) -> Contents:
    """Read payloads up to the end of `data`. Without `encrypted` the chain is of a message in the
    clear. `without`: kinds that need not be read. Raises `Malformed` and `CriticalUnknown`."""
    contents = Contents()
    for kind, body in walk(first, data, start, encrypted=encrypted):
        if kind in without:
            continue
        value = BODIES[kind].decode(body)
        contents.by_kind.setdefault(kind, []).append(value)
        if kind == Kind.NOTIFY:
            said = cast(Notify, value)
            contents.notifies.setdefault(said.kind, []).append(said)
    return contents


class Beginning(NamedTuple):
    """What of an IKE_SA_INIT request has to be known before anything is done for it."""

    nonce: bytes
    cookie: bytes
    """The one that the peer gives back, which stands first (RFC 7296 2.6); empty: none."""


def read_beginning(first: int, data: bytes, start: int) -> Beginning | None:
    """Look through an IKE_SA_INIT request without reading what it offers; None when payloads are
    missing or too many. Raises `Malformed` and `CriticalUnknown`."""
    chain = list(walk(first, data, start, encrypted=False))
    kinds = [kind for kind, _ in chain]
    if any(kinds.count(kind) != 1 for kind in (Kind.SA, Kind.KE, Kind.NONCE)):
        return None
    nonce: bytes = BODIES[Kind.NONCE].decode(chain[kinds.index(Kind.NONCE)][1])
    cookie = b""
    if first == Kind.NOTIFY:
        said = _decode_notify(chain[0][1])
        if said.kind == NotifyKind.COOKIE:
            cookie = said.data
    return Beginning(nonce, cookie)
