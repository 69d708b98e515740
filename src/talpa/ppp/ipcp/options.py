"""The configuration options of IPCP, as data."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from talpa.ppp.frames import Protocol
from talpa.ppp.options import Option
from talpa.wire import IPV4, OCTETS, U16, number, part, record

_PROTOCOL = number(U16, Protocol)


@dataclass(frozen=True, slots=True)
class Addresses:
    """RFC 1332 3.1."""

    source: IPv4Address = part(IPV4, "Source-IP-Address")  # noqa: RUF009 - a field
    destination: IPv4Address = part(IPV4, "Destination-IP-Address")  # noqa: RUF009 - a field


@dataclass(frozen=True, slots=True)
class Compression:
    """RFC 1332 3.2."""

    protocol: Protocol = part(_PROTOCOL, "IP-Compression-Protocol")  # noqa: RUF009 - a field
    parameters: bytes = part(OCTETS, "Data")


def _option(kind: int, name: str, codec: object, rfc: str, text: str) -> Option:
    return Option(Protocol.IPCP, kind, name, codec, rfc, text)  # type: ignore[arg-type]


COMPRESSION = _option(
    2,
    "IP-Compression-Protocol",
    record(Compression),
    "RFC 1332 3.2",
    "Van Jacobson header compression; rejected.",
)
ADDRESS = _option(
    3,
    "IP-Address",
    IPV4,
    "RFC 1332 3.3",
    "The sender's address; 0.0.0.0 asks for one, which comes in a Nak.",
)
PRIMARY_DNS = _option(129, "Primary-DNS-Address", IPV4, "RFC 1877 1.1", "Asked for like IP-Address")
PRIMARY_NBNS = _option(130, "Primary-NBNS-Address", IPV4, "RFC 1877 1.2", "WINS server.")
SECONDARY_DNS = _option(131, "Secondary-DNS-Address", IPV4, "RFC 1877 1.3", "")
SECONDARY_NBNS = _option(132, "Secondary-NBNS-Address", IPV4, "RFC 1877 1.4", "WINS server.")

IPCP_OPTIONS: tuple[Option, ...] = (
    _option(1, "IP-Addresses", record(Addresses), "RFC 1332 3.1", "Deprecated; rejected."),
    COMPRESSION,
    ADDRESS,
    _option(4, "Mobile-IPv4", IPV4, "RFC 2290", "Rejected."),
    PRIMARY_DNS,
    PRIMARY_NBNS,
    SECONDARY_DNS,
    SECONDARY_NBNS,
)
"""Every option we know by name, by number."""
