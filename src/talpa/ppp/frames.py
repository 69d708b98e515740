"""PPP protocol numbers, and the packet that LCP and every NCP use (RFC 1661 2 and 5)."""

import struct
from dataclasses import dataclass

from talpa.wire import Malformed, OpenEnum

_HEADER = struct.Struct("!BBH")
HEADER_SIZE = 4
"""Octets of Code, Identifier and Length."""
DEFAULT_MRU = 1500
"""Octets; what each side can receive unless it says otherwise (RFC 1661 6.1)."""


class Protocol(OpenEnum):
    """The PPP protocol field."""

    IPV4 = 0x0021
    VJ_COMPRESSED = 0x002D
    VJ_UNCOMPRESSED = 0x002F
    MULTILINK = 0x003D
    IPV6 = 0x0057
    COMPRESSED = 0x00FD
    ACSP = 0x0235
    IPCP = 0x8021
    BCP = 0x8031
    IPV6CP = 0x8057
    CCP = 0x80FD
    ECP = 0x8053
    MPLSCP = 0x8281
    ACSPCP = 0x8235
    LCP = 0xC021
    PAP = 0xC023
    LQR = 0xC025
    CBCP = 0xC029
    CHAP = 0xC223
    EAP = 0xC227


class Code(OpenEnum):
    """The code field of LCP; NCPs use the first seven."""

    CONFIGURE_REQUEST = 1
    CONFIGURE_ACK = 2
    CONFIGURE_NAK = 3
    CONFIGURE_REJECT = 4
    TERMINATE_REQUEST = 5
    TERMINATE_ACK = 6
    CODE_REJECT = 7
    PROTOCOL_REJECT = 8
    ECHO_REQUEST = 9
    ECHO_REPLY = 10
    DISCARD_REQUEST = 11
    IDENTIFICATION = 12
    TIME_REMAINING = 13


@dataclass(frozen=True, slots=True)
class ProtocolRow:
    """One PPP protocol, for people."""

    number: Protocol
    name: str
    rfc: str


PROTOCOLS: dict[int, ProtocolRow] = {
    number: ProtocolRow(number, name, rfc)
    for number, name, rfc in (
        (Protocol.IPV4, "IPv4", "RFC 1332"),
        (Protocol.VJ_COMPRESSED, "Van Jacobson compressed TCP/IP", "RFC 1332 4"),
        (Protocol.VJ_UNCOMPRESSED, "Van Jacobson uncompressed TCP/IP", "RFC 1332 4"),
        (Protocol.MULTILINK, "Multilink", "RFC 1990"),
        (Protocol.IPV6, "IPv6", "RFC 5072"),
        (Protocol.COMPRESSED, "compressed or encrypted datagram", "RFC 1962"),
        (Protocol.ACSP, "Apple client-server protocol", ""),
        (Protocol.IPCP, "IPCP", "RFC 1332"),
        (Protocol.BCP, "BCP (bridging)", "RFC 3518"),
        (Protocol.IPV6CP, "IPV6CP", "RFC 5072"),
        (Protocol.CCP, "CCP (compression, MPPE)", "RFC 1962"),
        (Protocol.ECP, "ECP (encryption)", "RFC 1968"),
        (Protocol.MPLSCP, "MPLSCP", "RFC 3032"),
        (Protocol.ACSPCP, "Apple client-server control protocol", ""),
        (Protocol.LCP, "LCP", "RFC 1661"),
        (Protocol.PAP, "PAP", "RFC 1334"),
        (Protocol.LQR, "Link Quality Report", "RFC 1989"),
        (Protocol.CBCP, "CBCP (Microsoft callback)", ""),
        (Protocol.CHAP, "CHAP", "RFC 1994"),
        (Protocol.EAP, "EAP", "RFC 3748"),
    )
}
"""The protocols with a name, by number."""


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One packet of LCP or an NCP, for people."""

    code: Code
    name: str
    rfc: str
    ncp: bool
    """Whether NCPs have it, too."""


CODES: dict[int, CodeRow] = {
    code: CodeRow(code, name, rfc, code <= Code.CODE_REJECT)
    for code, name, rfc in (
        (Code.CONFIGURE_REQUEST, "Configure-Request", "RFC 1661 5.1"),
        (Code.CONFIGURE_ACK, "Configure-Ack", "RFC 1661 5.2"),
        (Code.CONFIGURE_NAK, "Configure-Nak", "RFC 1661 5.3"),
        (Code.CONFIGURE_REJECT, "Configure-Reject", "RFC 1661 5.4"),
        (Code.TERMINATE_REQUEST, "Terminate-Request", "RFC 1661 5.5"),
        (Code.TERMINATE_ACK, "Terminate-Ack", "RFC 1661 5.5"),
        (Code.CODE_REJECT, "Code-Reject", "RFC 1661 5.6"),
        (Code.PROTOCOL_REJECT, "Protocol-Reject", "RFC 1661 5.7"),
        (Code.ECHO_REQUEST, "Echo-Request", "RFC 1661 5.8"),
        (Code.ECHO_REPLY, "Echo-Reply", "RFC 1661 5.8"),
        (Code.DISCARD_REQUEST, "Discard-Request", "RFC 1661 5.9"),
        (Code.IDENTIFICATION, "Identification", "RFC 1570 1.1"),
        (Code.TIME_REMAINING, "Time-Remaining", "RFC 1570 1.2"),
    )
}
"""The packets by code."""


def protocol_name(number: int) -> str:
    """A protocol as a person reads it: its name, or its number in hexadecimal."""
    row = PROTOCOLS.get(number)
    return row.name if row else f"protocol {number:#06x}"


def emit_packet(code: int, identifier: int, data: bytes = b"") -> bytes:
    """The octets of a packet."""
    return _HEADER.pack(code, identifier, HEADER_SIZE + len(data)) + data


def parse_packet(payload: bytes) -> tuple[int, int, bytes]:
    """Code, identifier and data of a packet. Padding behind it is ignored. Raises `Malformed`."""
    if len(payload) < HEADER_SIZE:
        raise Malformed("PPP control packet shorter than its header")
    code, identifier, length = _HEADER.unpack_from(payload)
    if not HEADER_SIZE <= length <= len(payload):
        raise Malformed("PPP control packet of wrong length", f"{length} of {len(payload)}")
    return code, identifier, payload[HEADER_SIZE:length]
