"""The configuration options of LCP, as data."""

from dataclasses import dataclass

from talpa.ppp.frames import Protocol
from talpa.ppp.options import Option
from talpa.wire import OCTETS, U8, U16, U32, number, octets, part, record

_PROTOCOL = number(U16, Protocol)


@dataclass(frozen=True, slots=True)
class AuthenticationProtocol:
    """RFC 1661 6.2."""

    protocol: Protocol = part(_PROTOCOL, "Authentication-Protocol")  # noqa: RUF009 - a field
    algorithm: bytes = part(OCTETS, "Data")
    """For CHAP one octet: 5 MD5, 128 MS-CHAP, 129 MS-CHAPv2."""


@dataclass(frozen=True, slots=True)
class QualityProtocol:
    """RFC 1661 6.3, RFC 1989 2.2."""

    protocol: Protocol = part(_PROTOCOL, "Quality-Protocol")  # noqa: RUF009 - a field
    parameters: bytes = part(OCTETS, "Data")


@dataclass(frozen=True, slots=True)
class Callback:
    """RFC 1570 2.3."""

    operation: int = part(U8)
    """6: by CBCP, Microsoft's."""
    message: bytes = part(OCTETS)


@dataclass(frozen=True, slots=True)
class EndpointDiscriminator:
    """RFC 1990 5.1.3."""

    kind: int = part(U8, "class")
    address: bytes = part(OCTETS)


def _option(kind: int, name: str, codec: object, rfc: str, text: str) -> Option:
    return Option(Protocol.LCP, kind, name, codec, rfc, text)  # type: ignore[arg-type]


_BOOLEAN = octets(0, 0, "no data")

MRU = _option(
    1, "Maximum-Receive-Unit", U16, "RFC 1661 6.1", "Largest packet the sender of the option takes."
)
ACCM = _option(
    2,
    "Async-Control-Character-Map",
    U32,
    "RFC 1662 7.1",
    "Characters to escape on an asynchronous line; agreed to, of no effect here.",
)
AUTHENTICATION = _option(
    3,
    "Authentication-Protocol",
    record(AuthenticationProtocol),
    "RFC 1661 6.2",
    "The other side must authenticate itself this way.",
)
QUALITY = _option(
    4, "Quality-Protocol", record(QualityProtocol), "RFC 1661 6.3", "Link quality; rejected."
)
MAGIC = _option(
    5, "Magic-Number", U32, "RFC 1661 6.4", "A random number by which a looped line is noticed."
)
PFC = _option(
    7,
    "Protocol-Field-Compression",
    _BOOLEAN,
    "RFC 1661 6.5",
    "One octet for the protocol may be sent; agreed to, never used by us.",
)
ACFC = _option(
    8,
    "Address-and-Control-Field-Compression",
    _BOOLEAN,
    "RFC 1661 6.6",
    "FF 03 may be left out; agreed to, never used by us.",
)
CALLBACK = _option(13, "Callback", record(Callback), "RFC 1570 2.3", "Rejected.")

LCP_OPTIONS: tuple[Option, ...] = (
    MRU,
    ACCM,
    AUTHENTICATION,
    QUALITY,
    MAGIC,
    PFC,
    ACFC,
    _option(9, "FCS-Alternatives", U8, "RFC 1570 2.1", "Rejected."),
    _option(10, "Self-Describing-Padding", U8, "RFC 1570 2.2", "Rejected."),
    CALLBACK,
    _option(15, "Compound-Frames", _BOOLEAN, "RFC 1570 2.4", "Rejected."),
    _option(17, "Multilink-MRRU", U16, "RFC 1990 5.1.1", "Multilink; rejected."),
    _option(18, "Short-Sequence-Number", _BOOLEAN, "RFC 1990 5.1.2", "Multilink; rejected."),
    _option(
        19,
        "Endpoint-Discriminator",
        record(EndpointDiscriminator),
        "RFC 1990 5.1.3",
        "Multilink; rejected.",
    ),
    _option(23, "Link-Discriminator", U16, "RFC 2125 7", "Bandwidth allocation; rejected."),
)
"""Every option we know by name, by number."""
