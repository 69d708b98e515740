"""Values inside AVPs: composite ones, and the numbers that have names."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from talpa.wire import TEXT, U8, U16, U32, Codec, Malformed, OpenEnum, number, part, record


class StopCcnResult(OpenEnum):
    """Result Codes of StopCCN (RFC 2661 4.4.2, RFC 3308 10)."""

    CLEAR = 1
    GENERAL_ERROR = 2
    ALREADY_EXISTS = 3
    NOT_AUTHORIZED = 4
    VERSION_NOT_SUPPORTED = 5
    SHUTTING_DOWN = 6
    STATE_MACHINE_ERROR = 7
    CCDS_MISMATCH = 8

    @property
    def text(self) -> str:
        """What the number means."""
        return _STOPCCN_TEXTS.get(self, str(self))


class CdnResult(OpenEnum):
    """Result Codes of CDN (RFC 2661 4.4.2, RFC 3308 10)."""

    LOST_CARRIER = 1
    GENERAL_ERROR = 2
    ADMINISTRATIVE = 3
    NO_FACILITIES_NOW = 4
    NO_FACILITIES = 5
    INVALID_DESTINATION = 6
    NO_CARRIER = 7
    BUSY = 8
    NO_DIAL_TONE = 9
    TIMED_OUT = 10
    NO_FRAMING = 11
    SDS_MISMATCH = 12

    @property
    def text(self) -> str:
        """What the number means."""
        return _CDN_TEXTS.get(self, str(self))


class GeneralError(OpenEnum):
    """Error Codes: what went wrong where the Result Code is 2 (RFC 2661 4.4.2)."""

    NONE = 0
    NO_CONTROL_CONNECTION = 1
    WRONG_LENGTH = 2
    OUT_OF_RANGE = 3
    NO_RESOURCES = 4
    INVALID_SESSION_ID = 5
    VENDOR_SPECIFIC = 6
    TRY_ANOTHER = 7
    UNKNOWN_MANDATORY_AVP = 8

    @property
    def text(self) -> str:
        """What the number means."""
        return _ERROR_TEXTS.get(self, str(self))


_STOPCCN_TEXTS: Mapping[int, str] = {
    1: "control connection cleared on request",
    2: "general error",
    3: "control channel already exists",
    4: "not authorized to establish a control channel",
    5: "protocol version not supported",
    6: "being shut down",
    7: "finite state machine error",
    8: "the DiffServ code point of the control connection does not suit",
}
_CDN_TEXTS: Mapping[int, str] = {
    1: "carrier lost",
    2: "general error",
    3: "disconnected for administrative reasons",
    4: "facilities lacking for now",
    5: "facilities lacking",
    6: "invalid destination",
    7: "no carrier detected",
    8: "busy signal detected",
    9: "no dial tone",
    10: "not established within the time allotted",
    11: "connected, but no appropriate framing detected",
    12: "the DiffServ code point of the session does not suit",
}
_ERROR_TEXTS: Mapping[int, str] = {
    0: "no general error",
    1: "no control connection exists yet",
    2: "length is wrong",
    3: "a field is out of range, or a reserved field is not zero",
    4: "insufficient resources now",
    5: "the Session ID is invalid in this context",
    6: "vendor-specific error",
    7: "try another",
    8: "unknown AVP with the M bit set",
}


@dataclass(frozen=True, slots=True)
class ResultCode:
    """The Result Code AVP (RFC 2661 4.4.2): why a control connection or a call ends."""

    code: int
    """Result Code: `StopCcnResult` or `CdnResult`."""
    error: int | None = 0
    """Error Code: `GeneralError`; None: left out (2 octets in all, as Android sends it)."""
    message: str = ""
    swapped: bool = False
    """The numbers stand in little endian, as Apple sends them."""


_BIG = struct.Struct("!H")
_LITTLE = struct.Struct("<H")


def _swapped(value: int) -> int:
    return (value & 0xFF) << 8 | value >> 8


def _result_decode(data: bytes) -> ResultCode:
    size = len(data)
    if size < 2 or size == 3:
        raise Malformed("Result Code of wrong length", f"{size} octets")
    code: int = _BIG.unpack_from(data)[0]
    # No Result Code above 255 exists; a low octet of 0 there is the mark of a swapped one.
    swapped = code > 0xFF and not code & 0xFF
    if swapped:
        code = _swapped(code)
    if size == 2:
        return ResultCode(code, None, "", swapped)
    error: int = _BIG.unpack_from(data, 2)[0]
    if swapped and not error & 0xFF:
        error = _swapped(error)
    return ResultCode(code, error, TEXT.decode(data[4:]), swapped)


def _result_encode(value: ResultCode) -> bytes:
    order = _LITTLE if value.swapped else _BIG
    if value.error is None and not value.message:
        return order.pack(value.code)
    return order.pack(value.code) + order.pack(value.error or 0) + TEXT.encode(value.message)


def _result_parts(data: bytes) -> list[tuple[str, object]]:
    value = _result_decode(data)
    parts: list[tuple[str, object]] = [("result code", value.code)]
    if value.error is not None:
        parts.append(("error code", value.error))
    if value.message:
        parts.append(("error message", value.message))
    if value.swapped:
        parts.append(("byte order", "little endian, against the RFC"))
    return parts


RESULT_CODE: Codec[ResultCode] = Codec(
    "u16 result, [u16 error, [text]]", _result_decode, _result_encode, 2, None, _result_parts
)


def reserved_then(count: int, codec: Codec[int]) -> Codec[int]:
    """`codec` behind `count` reserved octets: zero when sent, ignored when received."""
    zeros = bytes(count)
    return Codec(
        f"{count} reserved, {codec.name}",
        lambda data: codec.decode(data[count:]),
        lambda value: zeros + codec.encode(value),
        count + codec.least,
        None if codec.most is None else count + codec.most,
    )


@dataclass(frozen=True, slots=True)
class ProtocolVersion:
    """The Protocol Version AVP (RFC 2661 4.4.3): 1.0, where the header says 2."""

    version: int = part(U8)
    revision: int = part(U8)


@dataclass(frozen=True, slots=True)
class Q931Cause:
    """The Q.931 Cause Code AVP (RFC 2661 4.4.4), in the ITU's own numbers."""

    cause: int = part(U16, "cause code")
    message: int = part(U8, "cause message")
    advisory: str = part(TEXT, "advisory message", default="")


@dataclass(frozen=True, slots=True)
class CallErrors:
    """The Call Errors AVP (RFC 2661 4.4.6): counts since the call began."""

    crc_errors: int = part(reserved_then(2, U32), "CRC errors")
    framing_errors: int = part(U32)
    hardware_overruns: int = part(U32)
    buffer_overruns: int = part(U32)
    timeout_errors: int = part(U32, "time-out errors")
    alignment_errors: int = part(U32)


@dataclass(frozen=True, slots=True)
class Accm:
    """The ACCM AVP (RFC 2661 4.4.6): characters to escape, a bit for each."""

    send: int = part(reserved_then(2, U32), "send ACCM")
    receive: int = part(U32, "receive ACCM")


class DisconnectCode(OpenEnum):
    """Why PPP ended (RFC 3145 3)."""

    NO_INFORMATION = 0
    ADMINISTRATIVE = 1
    LCP_RENEGOTIATION_DISABLED = 2
    NORMAL = 3
    ENCRYPTION_REFUSED = 4
    LCP_TIMEOUT = 5
    NO_LCP_PACKETS = 6
    LCP_MAGIC_NUMBER = 7
    LCP_ECHO_TIMEOUT = 8
    UNEXPECTED_ENDPOINT_DISCRIMINATOR = 9
    UNEXPECTED_MRRU = 10
    UNEXPECTED_SHORT_SEQUENCE = 11
    CALLBACK_REFUSED = 12
    AUTHENTICATION_TIMEOUT = 13
    UNEXPECTED_NAME = 14
    AUTHENTICATION_PROTOCOL_UNACCEPTABLE = 15
    AUTHENTICATION_FAILED = 16
    NCP_TIMEOUT = 17
    NO_NCP = 18
    NO_AGREEMENT_ON_ADDRESSES = 19
    NO_ADDRESS_PERMITTED = 20

    @property
    def text(self) -> str:
        """What the number means."""
        return _DISCONNECT_TEXTS.get(self, str(self))


_DISCONNECT_TEXTS: Mapping[int, str] = {
    0: "no information",
    1: "administrative disconnect",
    2: "the LNS does not renegotiate LCP, and the LAC sent no proxy LCP",
    3: "normal end: LCP Terminate-Request",
    4: "one end demanded encryption, the other refused it",
    5: "LCP timed out",
    6: "no LCP packet was recognized",
    7: "LCP magic number: the link may be looped back",
    8: "LCP echoes stayed without an answer",
    9: "unexpected endpoint discriminator for the multilink bundle",
    10: "unexpected MRRU for the multilink bundle",
    11: "unexpected short sequence number option for the multilink bundle",
    12: "one end demanded call-back, the other refused it",
    13: "authentication timed out",
    14: "unexpected authenticated name for the multilink bundle",
    15: "no authentication protocol was acceptable",
    16: "authentication failed",
    17: "a network control protocol timed out",
    18: "no network control protocol came up",
    19: "the ends did not agree on addresses",
    20: "no address was permitted to the user",
}


_DISCONNECT_CODE = number(U16, DisconnectCode)


@dataclass(frozen=True, slots=True)
class PppDisconnectCause:
    """The PPP Disconnect Cause Code AVP (RFC 3145 2)."""

    code: DisconnectCode = part(_DISCONNECT_CODE, "disconnect code")  # noqa: RUF009
    protocol: int = part(U16, "control protocol number")
    direction: int = part(U8)
    """0: global, 1: at the peer, 2: local."""
    message: str = part(TEXT, default="")

    def __str__(self) -> str:
        text = self.code.text
        return f"{text} ({self.message})" if self.message else text


class ProxyAuthenType(OpenEnum):
    """Authentication that the LAC did with the PPP peer (RFC 2661 4.4.5)."""

    TEXTUAL = 1
    CHAP = 2
    PAP = 3
    NONE = 4
    MS_CHAP = 5


@dataclass(frozen=True, slots=True)
class ConnectSpeedUpdate:
    """The Connect Speed Update AVP of L2TPv2 (RFC 5515 6.1); bits per second."""

    remote_session_id: int = part(reserved_then(2, U16))
    """The session as the receiver of the message numbers it."""
    tx_connect_speed: int = part(U32, "current Tx connect speed")
    rx_connect_speed: int = part(U32, "current Rx connect speed")


@dataclass(frozen=True, slots=True)
class AccessLoopEncapsulation:
    """The Access Line Access-Loop-Encapsulation AVP (RFC 5515 5.17)."""

    data_link: int = part(U8)
    """0: ATM AAL5, 1: Ethernet."""
    encapsulation_1: int = part(U8)
    """0: not available, 1: untagged Ethernet, 2: single-tagged Ethernet."""
    encapsulation_2: int = part(U8)
    """0: not available, 1 PPPoA LLC, 2 PPPoA null, 3 IPoA LLC, 4 IPoA null, 5 to 8 Ethernet over
    AAL5: LLC with and without FCS, null with and without FCS."""


class AccessLineType(OpenEnum):
    """Transmission system of an access line (RFC 5515 5.18)."""

    ADSL1 = 1
    ADSL2 = 2
    ADSL2_PLUS = 3
    VDSL1 = 4
    VDSL2 = 5
    SDSL = 6
    UNKNOWN = 7


def _line_type_decode(data: bytes) -> AccessLineType:
    value = U32.decode(data)
    # RFC 5515 puts the type into the first octet; some senders number all four.
    return AccessLineType(value >> 24 or value)


ACCESS_LINE_TYPE: Codec[AccessLineType] = Codec(
    "u8, 3 reserved", _line_type_decode, lambda value: bytes((value, 0, 0, 0)), 4, 4
)

PROTOCOL_VERSION = record(ProtocolVersion, "u8 version, u8 revision")
Q931_CAUSE = record(Q931Cause, "u16 cause, u8 message, [text]")
CALL_ERRORS = record(CallErrors, "2 reserved, 6 u32")
ACCM = record(Accm, "2 reserved, 2 u32")
PPP_DISCONNECT_CAUSE = record(PppDisconnectCause, "u16 code, u16 protocol, u8 direction, [text]")
CONNECT_SPEED_UPDATE = record(ConnectSpeedUpdate, "2 reserved, u16 session, 2 u32")
ACCESS_LOOP_ENCAPSULATION = record(AccessLoopEncapsulation, "3 u8")
