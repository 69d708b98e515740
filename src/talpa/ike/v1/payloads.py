"""The payloads of IKEv1: each declared once, for parser, writer and dissection.

What is only octets (key exchange, nonce, hash, signature, vendor id, NAT-D) is a codec of octets
with its bounds.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final

from talpa.ike.identities import Identity, IdentityKind
from talpa.ike.v1.attributes import Attribute, pack_attributes, parse_attributes
from talpa.ike.v1.numbers import (
    DOI_IPSEC,
    SITUATION_IDENTITY,
    ConfigKind,
    Notify,
    PayloadType,
    ProtocolId,
)
from talpa.wire import U8, U16, Codec, Malformed, Reader, octets, part, record

_MOST_PROPOSALS = 32
_MOST_TRANSFORMS = 255
_MOST_SPIS = 128
_MOST_CERTIFICATE = 16_384
_MOST_IDENTITY = 1_024
MOST_SA = 4_096
"""Octets of an SA payload."""


@dataclass(frozen=True, slots=True)
class Transform:
    """RFC 2408 3.6."""

    number: int
    id: int
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """RFC 2408 3.5."""

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[Transform, ...]


@dataclass(frozen=True, slots=True)
class SecurityAssociation:
    """RFC 2408 3.4, with the situation of RFC 2407 4.2."""

    proposals: tuple[Proposal, ...]
    doi: int = DOI_IPSEC
    situation: int = SITUATION_IDENTITY


def _decode_sa(data: bytes) -> SecurityAssociation:
    reader = Reader(data)
    doi = reader.u32("DOI")
    if doi not in (0, DOI_IPSEC):
        raise Malformed("DOI is not IPsec", str(doi))
    situation = reader.u32("situation")
    if situation != SITUATION_IDENTITY:
        raise Malformed("situation is not identity only", str(situation))
    proposals: list[Proposal] = []
    more = PayloadType.PROPOSAL.value
    while more:
        if more != PayloadType.PROPOSAL or len(proposals) >= _MOST_PROPOSALS:
            raise Malformed("proposals out of order or too many")
        more = reader.u8("next proposal")
        reader.u8("reserved")
        body = reader.sub(reader.u16("proposal length") - 4, "proposal")
        proposals.append(_decode_proposal(body))
    reader.done("SA")
    return SecurityAssociation(tuple(proposals), doi, situation)


def _decode_proposal(reader: Reader) -> Proposal:
    number_ = reader.u8("proposal number")
    protocol = reader.u8("protocol")
    spi_size = reader.u8("SPI size")
    count = reader.u8("number of transforms")
    if spi_size > 16:
        raise Malformed("SPI of wrong length", f"{spi_size} octets")
    spi = reader.take(spi_size, "SPI")
    transforms: list[Transform] = []
    more = PayloadType.TRANSFORM.value
    while more:
        if more != PayloadType.TRANSFORM or len(transforms) >= _MOST_TRANSFORMS:
            raise Malformed("transforms out of order or too many")
        more = reader.u8("next transform")
        reader.u8("reserved")
        body = reader.sub(reader.u16("transform length") - 4, "transform")
        transform_number = body.u8("transform number")
        transform_id = body.u8("transform id")
        body.u16("reserved")
        transforms.append(
            Transform(
                transform_number, transform_id, parse_attributes(body.data, body.pos, body.end)
            )
        )
    reader.done("proposal")
    if len(transforms) != count:
        raise Malformed("number of transforms is not theirs", f"{count}, not {len(transforms)}")
    return Proposal(number_, protocol, spi, tuple(transforms))


def _encode_sa(sa: SecurityAssociation) -> bytes:
    out = [struct.pack("!II", sa.doi, sa.situation)]
    last = len(sa.proposals) - 1
    for index, proposal in enumerate(sa.proposals):
        transforms = _encode_transforms(proposal.transforms)
        size = 8 + len(proposal.spi) + len(transforms)
        more = PayloadType.PROPOSAL if index < last else PayloadType.NONE
        out.append(
            struct.pack(
                "!BBHBBBB",
                more,
                0,
                size,
                proposal.number,
                proposal.protocol,
                len(proposal.spi),
                len(proposal.transforms),
            )
        )
        out += (proposal.spi, transforms)
    return b"".join(out)


def _encode_transforms(transforms: tuple[Transform, ...]) -> bytes:
    out = []
    last = len(transforms) - 1
    for index, transform in enumerate(transforms):
        body = pack_attributes(transform.attributes)
        more = PayloadType.TRANSFORM if index < last else PayloadType.NONE
        out.append(
            struct.pack("!BBHBBH", more, 0, 8 + len(body), transform.number, transform.id, 0)
        )
        out.append(body)
    return b"".join(out)


def _parts_sa(data: bytes) -> list[tuple[str, object]]:
    return [
        (
            f"proposal {proposal.number} {ProtocolId(proposal.protocol)}"
            f" transform {transform.number}",
            f"id {transform.id} "
            + " ".join(
                f"{kind}={value.hex() if isinstance(value, bytes) else value}"
                for kind, value in transform.attributes
            ),
        )
        for proposal in _decode_sa(data).proposals
        for transform in proposal.transforms
    ]


@dataclass(frozen=True, slots=True)
class Identification:
    """RFC 2407 4.6.2. In phase 2 it is a selector."""

    kind: int = part(U8)
    protocol: int = part(U8)
    port: int = part(U16)
    value: bytes = part(octets(0, _MOST_IDENTITY, "identity"))

    @property
    def identity(self) -> Identity:
        """Without protocol and port."""
        return Identity(IdentityKind(self.kind), self.value)


@dataclass(frozen=True, slots=True)
class Certificate:
    """RFC 2408 3.9."""

    encoding: int = part(U8)
    data: bytes = part(octets(0, _MOST_CERTIFICATE, "certificate"))


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """RFC 2408 3.10."""

    encoding: int = part(U8)
    authority: bytes = part(octets(0, _MOST_CERTIFICATE, "authority"))
    """DER of its distinguished name; empty: any."""


@dataclass(frozen=True, slots=True)
class OriginalAddress:
    """RFC 3947 5.2."""

    kind: int = part(U8)
    reserved: bytes = part(octets(3, 3, "reserved"))
    address: bytes = part(octets(4, 16, "address"))


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece of a whole ISAKMP message, as Microsoft and Cisco cut them."""

    id: int = part(U16)
    number: int = part(U8)
    """From 1."""
    last: int = part(U8)
    """1 in the last piece."""
    data: bytes = part(octets(1, None, "fragment"))


@dataclass(frozen=True, slots=True)
class Notification:
    """RFC 2408 3.14."""

    protocol: int
    kind: Notify
    spi: bytes = b""
    data: bytes = b""
    doi: int = DOI_IPSEC


def _decode_notification(data: bytes) -> Notification:
    reader = Reader(data)
    doi = reader.u32("DOI")
    protocol = reader.u8("protocol")
    size = reader.u8("SPI size")
    kind = Notify(reader.u16("type"))
    if size > 16:
        raise Malformed("SPI of wrong length", f"{size} octets")
    return Notification(protocol, kind, reader.take(size, "SPI"), reader.rest(), doi)


def _encode_notification(value: Notification) -> bytes:
    head = struct.pack("!IBBH", value.doi, value.protocol, len(value.spi), value.kind)
    return head + value.spi + value.data


def _parts_notification(data: bytes) -> list[tuple[str, object]]:
    value = _decode_notification(data)
    return [
        ("type", value.kind),
        ("protocol", ProtocolId(value.protocol)),
        ("SPI", value.spi),
        ("data", value.data),
    ]


@dataclass(frozen=True, slots=True)
class Deletion:
    """RFC 2408 3.15."""

    protocol: int
    spis: tuple[bytes, ...]
    doi: int = DOI_IPSEC


def _decode_deletion(data: bytes) -> Deletion:
    reader = Reader(data)
    doi = reader.u32("DOI")
    protocol = reader.u8("protocol")
    size = reader.u8("SPI size")
    count = reader.u16("number of SPIs")
    if size != (16 if protocol == ProtocolId.ISAKMP else 4) or count > _MOST_SPIS:
        raise Malformed("SPIs of wrong length or too many", f"{count} of {size} octets")
    spis = tuple(reader.take(size, "SPI") for _ in range(count))
    reader.done("delete")
    return Deletion(protocol, spis, doi)


def _encode_deletion(value: Deletion) -> bytes:
    size = 16 if value.protocol == ProtocolId.ISAKMP else 4
    return struct.pack("!IBBH", value.doi, value.protocol, size, len(value.spis)) + b"".join(
        value.spis
    )


def _parts_deletion(data: bytes) -> list[tuple[str, object]]:
    value = _decode_deletion(data)
    return [("protocol", ProtocolId(value.protocol)), *(("SPI", spi) for spi in value.spis)]


@dataclass(frozen=True, slots=True)
class Attributes:
    """Of the transaction exchange: XAUTH and mode configuration."""

    kind: ConfigKind
    identifier: int
    attributes: tuple[Attribute, ...]


def _decode_attributes(data: bytes) -> Attributes:
    reader = Reader(data)
    kind = ConfigKind(reader.u8("type"))
    reader.u8("reserved")
    identifier = reader.u16("identifier")
    return Attributes(kind, identifier, parse_attributes(data, reader.pos, reader.end))


def _encode_attributes(value: Attributes) -> bytes:
    return struct.pack("!BBH", value.kind, 0, value.identifier) + pack_attributes(value.attributes)


def _parts_attributes(data: bytes) -> list[tuple[str, object]]:
    value = _decode_attributes(data)
    # Values may be passwords (XAUTH).
    return [("type", value.kind), *((f"attribute {kind}", "") for kind, _ in value.attributes)]


SA: Final[Codec[SecurityAssociation]] = Codec(
    "proposals", _decode_sa, _encode_sa, 8, MOST_SA, _parts_sa
)
ID: Final = record(Identification, "identification")
CERT: Final = record(Certificate, "certificate")
CERT_REQ: Final = record(CertificateRequest, "certificate request")
NAT_OA: Final = record(OriginalAddress, "original address")
FRAGMENT: Final = record(Fragment, "fragment")
NOTIFY: Final[Codec[Notification]] = Codec(
    "notification", _decode_notification, _encode_notification, 8, 65_000, _parts_notification
)
DELETE: Final[Codec[Deletion]] = Codec(
    "delete", _decode_deletion, _encode_deletion, 8, None, _parts_deletion
)
ATTRIBUTES: Final[Codec[Attributes]] = Codec(
    "attributes", _decode_attributes, _encode_attributes, 4, 4_096, _parts_attributes
)


@dataclass(frozen=True, slots=True)
class Declaration:
    """One payload type."""

    type: PayloadType
    name: str
    codec: Codec[Any]
    rfc: str


DECLARATIONS: Final = {
    row.type.value: row
    for row in (
        Declaration(PayloadType.SA, "SA", SA, "RFC 2408 3.4"),
        Declaration(PayloadType.KE, "KE", octets(16, 1_024, "key exchange"), "RFC 2408 3.7"),
        Declaration(PayloadType.ID, "ID", ID, "RFC 2407 4.6.2"),
        Declaration(PayloadType.CERT, "CERT", CERT, "RFC 2408 3.9"),
        Declaration(PayloadType.CERT_REQ, "CERT_REQ", CERT_REQ, "RFC 2408 3.10"),
        Declaration(PayloadType.HASH, "HASH", octets(16, 64, "hash"), "RFC 2408 3.11"),
        Declaration(PayloadType.SIG, "SIG", octets(16, 2_048, "signature"), "RFC 2408 3.12"),
        Declaration(PayloadType.NONCE, "NONCE", octets(8, 256, "nonce"), "RFC 2409 5"),
        Declaration(PayloadType.NOTIFY, "N", NOTIFY, "RFC 2408 3.14"),
        Declaration(PayloadType.DELETE, "D", DELETE, "RFC 2408 3.15"),
        Declaration(PayloadType.VENDOR_ID, "VID", octets(0, 1_024, "vendor id"), "RFC 2408 3.16"),
        Declaration(PayloadType.ATTRIBUTES, "ATTR", ATTRIBUTES, "draft-ietf-ipsec-isakmp-mode-cfg"),
        Declaration(PayloadType.NAT_D, "NAT-D", octets(16, 64, "NAT-D"), "RFC 3947 3.2"),
        Declaration(PayloadType.NAT_OA, "NAT-OA", NAT_OA, "RFC 3947 5.2"),
        Declaration(
            PayloadType.NAT_D_DRAFT,
            "NAT-D (draft)",
            octets(16, 64, "NAT-D"),
            "draft-ietf-ipsec-nat-t-ike-03 3.2",
        ),
        Declaration(
            PayloadType.NAT_OA_DRAFT,
            "NAT-OA (draft)",
            NAT_OA,
            "draft-ietf-ipsec-nat-t-ike-03 5.2",
        ),
        Declaration(PayloadType.FRAGMENT, "FRAGMENT", FRAGMENT, "MS-IKEE 2.2.3"),
    )
}
