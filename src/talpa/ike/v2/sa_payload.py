"""The SA payload: proposals and their transforms (RFC 7296 3.3)."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from talpa.ike.v2.numbers import KEY_LENGTH, ProtocolId, TransformKind
from talpa.wire import Codec, Malformed, Reader

_MOST_PROPOSALS = 64
_MOST_TRANSFORMS = 255


class Transform(NamedTuple):
    """RFC 7296 3.3.2."""

    kind: int
    id: int
    key_bits: int | None = None
    odd: bool = False
    """It has attributes that we do not know: not to be chosen (RFC 7296 3.3.6)."""


class Proposal(NamedTuple):
    """RFC 7296 3.3.1."""

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[Transform, ...]


def _decode_transform(reader: Reader) -> tuple[Transform, bool]:
    more = reader.u8("transform")
    reader.u8("transform")
    length = reader.u16("transform length")
    if length < 8:
        raise Malformed("transform length below 8")
    body = reader.sub(length - 4, "transform")
    kind = body.u8("transform type")
    body.u8("transform")
    ident = body.u16("transform id")
    key_bits: int | None = None
    odd = False
    while len(body):
        head = body.u16("attribute")
        if not head & 0x8000:
            body.take(body.u16("attribute length"), "attribute")
            odd = True
        elif head & 0x7FFF == KEY_LENGTH and key_bits is None:
            key_bits = body.u16("key length")
        else:
            body.u16("attribute")
            odd = True
    if more not in (0, 3):
        raise Malformed("transform chain broken")
    return Transform(kind, ident, key_bits, odd), more == 3


def _decode_proposal(reader: Reader) -> tuple[Proposal, bool]:
    more = reader.u8("proposal")
    reader.u8("proposal")
    length = reader.u16("proposal length")
    if length < 8 or more not in (0, 2):
        raise Malformed("proposal chain broken")
    body = reader.sub(length - 4, "proposal")
    ident = body.u8("proposal number")
    protocol = body.u8("proposal protocol")
    spi_octets = body.u8("SPI size")
    count = body.u8("transform count")
    spi = body.take(spi_octets, "proposal SPI")
    transforms: list[Transform] = []
    again = count > 0
    while again:
        if len(transforms) >= _MOST_TRANSFORMS:
            raise Malformed("too many transforms")
        one, again = _decode_transform(body)
        transforms.append(one)
    body.done("proposal")
    if len(transforms) != count:
        raise Malformed("transform count wrong")
    return Proposal(ident, protocol, spi, tuple(transforms)), more == 2


def _decode_sa(data: bytes) -> tuple[Proposal, ...]:
    reader = Reader(data)
    proposals: list[Proposal] = []
    again = True
    while again:
        if len(proposals) >= _MOST_PROPOSALS:
            raise Malformed("too many proposals")
        one, again = _decode_proposal(reader)
        proposals.append(one)
    reader.done("SA payload")
    return tuple(proposals)


def _encode_transform(transform: Transform, *, last: bool) -> bytes:
    attribute = (
        b""
        if transform.key_bits is None
        else struct.pack("!HH", 0x8000 | KEY_LENGTH, transform.key_bits)
    )
    return (
        struct.pack(
            "!BBHBBH",
            0 if last else 3,
            0,
            8 + len(attribute),
            transform.kind,
            0,
            transform.id,
        )
        + attribute
    )


def _encode_sa(proposals: Sequence[Proposal]) -> bytes:
    out = []
    for at, proposal in enumerate(proposals, 1):
        most = len(proposal.transforms)
        body = b"".join(
            _encode_transform(t, last=i == most) for i, t in enumerate(proposal.transforms, 1)
        )
        head = struct.pack(
            "!BBHBBBB",
            0 if at == len(proposals) else 2,
            0,
            8 + len(proposal.spi) + len(body),
            proposal.number,
            proposal.protocol,
            len(proposal.spi),
            most,
        )
        out.append(head + proposal.spi + body)
    return b"".join(out)


def _sa_parts(data: bytes) -> list[tuple[str, object]]:
    return [
        (
            f"Proposal {p.number} {ProtocolId(p.protocol)}",
            ", ".join(
                f"{TransformKind(t.kind)} {t.id}" + (f"/{t.key_bits}" if t.key_bits else "")
                for t in p.transforms
            ),
        )
        for p in _decode_sa(data)
    ]


PROPOSALS: Codec[tuple[Proposal, ...]] = Codec(
    "proposals", _decode_sa, _encode_sa, 0, None, _sa_parts
)
