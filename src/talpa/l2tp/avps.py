"""The AVPs of L2TPv2, one row each: RFC 2661 4.4, RFC 3145, RFC 3308, RFC 3437, RFC 5515."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

from talpa.l2tp import values
from talpa.wire import OCTETS, TEXT, U16, U32, U64, Codec, Malformed, number, octets

T = TypeVar("T")

BROADBAND_FORUM: Final = 3561
"""Vendor ID of the ADSL Forum, now Broadband Forum: the access line AVPs."""
THREE_COM: Final = 43
"""Vendor ID under which a draft had what became attribute 46 (RFC 3145 4)."""

MOST_OCTETS: Final = 1023 - 6
"""Octets of the longest value: the Length field has 10 bits and counts the AVP's header."""


class RawAvp(NamedTuple):
    """An AVP as it stands in a message."""

    vendor: int
    number: int
    mandatory: bool
    """The M bit."""
    hidden: bool
    """The H bit."""
    value: bytes
    """In clear, where it was not hidden or could be revealed."""


@dataclass(frozen=True, slots=True)
class Avp(Generic[T]):
    """What is known of one attribute."""

    number: int
    name: str
    codec: Codec[T]
    mandatory: bool
    """The M bit that we send."""
    hideable: bool
    """The H bit may be set."""
    rfc: str
    vendor: int = 0
    note: str = ""
    personal: bool = False
    """We hide it where there is a secret: it says who the user is, or what proves it."""
    secret: bool = False
    """It proves something, or is a password: no log and no dissection shows it."""
    aliases: tuple[tuple[int, int], ...] = ()
    """Other (vendor, number) under which it is taken, never sent."""

    @property
    def key(self) -> int:
        """Vendor ID and Attribute Type as the four octets in which they stand."""
        return self.vendor << 16 | self.number


AVPS: dict[tuple[int, int], Avp[Any]] = {}
"""Every row by (vendor, number), aliases too."""


def _row(
    number: int, name: str, codec: Codec[T], mandatory: bool, hideable: bool, rfc: str, **more: Any
) -> Avp[T]:
    row = Avp(number, name, codec, mandatory, hideable, rfc, **more)
    AVPS[row.vendor, number] = row
    for alias in row.aliases:
        AVPS[alias] = row
    return row


def find(vendor: int, number: int) -> Avp[Any] | None:
    """The row of an attribute; None: unknown."""
    return AVPS.get((vendor, number))


# --- codecs of this room ---------------------------------------------------------------------


def _bits(names: Mapping[int, str]) -> Codec[int]:
    """A 32-bit mask with named bits."""

    def show(value: int) -> str:
        known = [name for bit, name in names.items() if value & bit]
        rest = value & ~sum(names)
        if rest or not known:
            known.append(f"{rest:#x}")
        return ", ".join(known)

    return Codec("u32 bits", U32.decode, U32.encode, 4, 4, show=show)


def _id_decode(data: bytes) -> int:
    value = U16.decode(data)
    if not value:
        raise Malformed("id of 0")
    return value


def _presence_decode(data: bytes) -> bool:
    if data:
        raise Malformed("octets where none belong", f"{len(data)}")
    return True


_NAME: Codec[str] = Codec("text", lambda data: TEXT.decode(data).rstrip("\0"), TEXT.encode, 0, None)
"""macOS counts the end of its string. Whoever is named is the same with it and without."""

_FRAMING = _bits({1: "synchronous", 2: "asynchronous"})
_BEARER = _bits({1: "digital", 2: "analog"})
_ID: Codec[int] = Codec("u16, not 0", _id_decode, U16.encode, 2, 2)
_PRESENCE: Codec[bool] = Codec(
    "nothing: its presence says it", _presence_decode, lambda _: b"", 0, 0
)
_SPEED = Codec("u32 bit/s", U32.decode, U32.encode, 4, 4)
_RATE = Codec("u64 bit/s", U64.decode, U64.encode, 8, 8)
_DELAY = Codec("u32 ms", U32.decode, U32.encode, 4, 4)

# --- all control messages: RFC 2661 4.4.1 and 4.4.2 --------------------------------------------

YES, NO = True, False
_ALL, _RESULT, _CONNECTION = "RFC 2661 4.4.1", "RFC 2661 4.4.2", "RFC 2661 4.4.3"
_CALL, _PROXY, _STATUS = "RFC 2661 4.4.4", "RFC 2661 4.4.5", "RFC 2661 4.4.6"

#                        type  name                       codec        M    H    text
MESSAGE_TYPE = _row(
    0, "Message Type", U16, YES, NO, _ALL, note="always the first; M: clear the tunnel if unknown"
)
RESULT_CODE = _row(1, "Result Code", values.RESULT_CODE, YES, NO, _RESULT)
RANDOM_VECTOR = _row(
    36, "Random Vector", OCTETS, YES, NO, _ALL, note="in front of the hidden AVPs that it is for"
)

# --- control connection: RFC 2661 4.4.3 --------------------------------------------------------

PROTOCOL_VERSION = _row(2, "Protocol Version", values.PROTOCOL_VERSION, YES, NO, _CONNECTION)
FRAMING_CAPABILITIES = _row(3, "Framing Capabilities", _FRAMING, YES, YES, _CONNECTION)
BEARER_CAPABILITIES = _row(4, "Bearer Capabilities", _BEARER, YES, YES, _CONNECTION)
TIE_BREAKER = _row(5, "Tie Breaker", octets(8, 8, "8 octets"), NO, NO, _CONNECTION)
FIRMWARE_REVISION = _row(6, "Firmware Revision", U16, NO, YES, _CONNECTION)
HOST_NAME = _row(
    7, "Host Name", _NAME, YES, NO, _CONNECTION, note="1 octet or more; Windows may send none"
)
VENDOR_NAME = _row(8, "Vendor Name", TEXT, NO, YES, _CONNECTION)
ASSIGNED_TUNNEL_ID = _row(9, "Assigned Tunnel ID", _ID, YES, YES, _CONNECTION)
RECEIVE_WINDOW_SIZE = _row(10, "Receive Window Size", U16, YES, NO, _CONNECTION, note="absent: 4")
CHALLENGE = _row(11, "Challenge", octets(1, None, "1 octet or more"), YES, YES, _CONNECTION)
CHALLENGE_RESPONSE = _row(
    13, "Challenge Response", octets(16, 16, "16 octets"), YES, YES, _CONNECTION, secret=True
)

# --- calls: RFC 2661 4.4.4 ---------------------------------------------------------------------

Q931_CAUSE = _row(12, "Q.931 Cause Code", values.Q931_CAUSE, YES, NO, _CALL)
ASSIGNED_SESSION_ID = _row(14, "Assigned Session ID", _ID, YES, YES, _CALL)
CALL_SERIAL_NUMBER = _row(15, "Call Serial Number", U32, YES, YES, _CALL)
MINIMUM_BPS = _row(16, "Minimum BPS", _SPEED, YES, YES, _CALL)
MAXIMUM_BPS = _row(17, "Maximum BPS", _SPEED, YES, YES, _CALL)
BEARER_TYPE = _row(18, "Bearer Type", _BEARER, YES, YES, _CALL)
FRAMING_TYPE = _row(19, "Framing Type", _FRAMING, YES, YES, _CALL)
CALLED_NUMBER = _row(21, "Called Number", TEXT, YES, YES, _CALL, personal=True)
CALLING_NUMBER = _row(22, "Calling Number", TEXT, YES, YES, _CALL, personal=True)
SUB_ADDRESS = _row(23, "Sub-Address", TEXT, YES, YES, _CALL, personal=True)
TX_CONNECT_SPEED = _row(24, "(Tx) Connect Speed", _SPEED, YES, YES, _CALL)
RX_CONNECT_SPEED = _row(38, "Rx Connect Speed", _SPEED, NO, YES, _CALL)
PHYSICAL_CHANNEL_ID = _row(25, "Physical Channel ID", U32, NO, YES, _CALL)
PRIVATE_GROUP_ID = _row(37, "Private Group ID", TEXT, NO, YES, _CALL, personal=True)
SEQUENCING_REQUIRED = _row(39, "Sequencing Required", _PRESENCE, YES, NO, _CALL)

# --- proxy LCP and authentication: RFC 2661 4.4.5 ----------------------------------------------

INITIAL_RECEIVED_LCP_CONFREQ = _row(26, "Initial Received LCP CONFREQ", OCTETS, NO, YES, _PROXY)
LAST_SENT_LCP_CONFREQ = _row(27, "Last Sent LCP CONFREQ", OCTETS, NO, YES, _PROXY)
LAST_RECEIVED_LCP_CONFREQ = _row(28, "Last Received LCP CONFREQ", OCTETS, NO, YES, _PROXY)
PROXY_AUTHEN_TYPE = _row(
    29, "Proxy Authen Type", number(U16, values.ProxyAuthenType), NO, YES, _PROXY
)
PROXY_AUTHEN_NAME = _row(30, "Proxy Authen Name", TEXT, NO, YES, _PROXY, personal=True)
PROXY_AUTHEN_CHALLENGE = _row(
    31, "Proxy Authen Challenge", octets(1, None, "1 octet or more"), NO, YES, _PROXY, personal=True
)
PROXY_AUTHEN_ID = _row(
    32, "Proxy Authen ID", U16, NO, YES, _PROXY, note="the high octet is 0", personal=True
)
PROXY_AUTHEN_RESPONSE = _row(
    33,
    "Proxy Authen Response",
    OCTETS,
    NO,
    YES,
    _PROXY,
    note="after PAP, the password in clear",
    personal=True,
    secret=True,
)

# --- call status: RFC 2661 4.4.6; why PPP ended: RFC 3145 --------------------------------------

CALL_ERRORS = _row(34, "Call Errors", values.CALL_ERRORS, YES, YES, _STATUS)
ACCM = _row(35, "ACCM", values.ACCM, YES, YES, _STATUS)
PPP_DISCONNECT_CAUSE = _row(
    46,
    "PPP Disconnect Cause Code",
    values.PPP_DISCONNECT_CAUSE,
    NO,
    YES,
    "RFC 3145 2",
    aliases=((THREE_COM, 46),),
)

# --- differentiated services: RFC 3308; LCP options: RFC 3437 ----------------------------------

CONTROL_CONNECTION_DS = _row(
    47, "Control Connection DS", U16, NO, YES, "RFC 3308 3.1", note="PHB code of RFC 3140"
)
SESSION_DS = _row(48, "Session DS", U16, NO, YES, "RFC 3308 4.1", note="PHB code of RFC 3140")
LCP_WANT_OPTIONS = _row(49, "LCP Want Options", OCTETS, NO, YES, "RFC 3437 2.1")
LCP_ALLOW_OPTIONS = _row(50, "LCP Allow Options", OCTETS, NO, YES, "RFC 3437 2.2")
LNS_LAST_SENT_LCP_CONFREQ = _row(51, "LNS Last Sent LCP Confreq", OCTETS, NO, YES, "RFC 3437 2.3")
LNS_LAST_RECEIVED_LCP_CONFREQ = _row(
    52, "LNS Last Received LCP Confreq", OCTETS, NO, YES, "RFC 3437 2.3"
)

# --- connect speed updates and the access line: RFC 5515 ---------------------------------------

CONNECT_SPEED_UPDATE = _row(
    97, "Connect Speed Update", values.CONNECT_SPEED_UPDATE, NO, YES, "RFC 5515 6.1"
)
CONNECT_SPEED_UPDATE_ENABLE = _row(
    98, "Connect Speed Update Enable", _PRESENCE, NO, YES, "RFC 5515 6.2"
)


def _access(number: int, name: str, codec: Codec[T], section: int, **more: Any) -> Avp[T]:
    """Access line AVPs: all of the Broadband Forum's, not mandatory, and may be hidden."""
    rfc = f"RFC 5515 5.{section}"
    return _row(number, name, codec, NO, YES, rfc, vendor=BROADBAND_FORUM, **more)


AGENT_CIRCUIT_ID = _access(1, "Agent-Circuit-Id", TEXT, 1, note="2 to 63 octets", personal=True)
AGENT_REMOTE_ID = _access(2, "Agent-Remote-Id", TEXT, 2, note="2 to 63 octets", personal=True)
ACTUAL_DATA_RATE_UPSTREAM = _access(129, "Actual-Data-Rate-Upstream", _RATE, 3)
ACTUAL_DATA_RATE_DOWNSTREAM = _access(130, "Actual-Data-Rate-Downstream", _RATE, 4)
MINIMUM_DATA_RATE_UPSTREAM = _access(131, "Minimum-Data-Rate-Upstream", _RATE, 5)
MINIMUM_DATA_RATE_DOWNSTREAM = _access(132, "Minimum-Data-Rate-Downstream", _RATE, 6)
ATTAINABLE_DATA_RATE_UPSTREAM = _access(133, "Attainable-Data-Rate-Upstream", _RATE, 7)
ATTAINABLE_DATA_RATE_DOWNSTREAM = _access(134, "Attainable-Data-Rate-Downstream", _RATE, 8)
MAXIMUM_DATA_RATE_UPSTREAM = _access(135, "Maximum-Data-Rate-Upstream", _RATE, 9)
MAXIMUM_DATA_RATE_DOWNSTREAM = _access(136, "Maximum-Data-Rate-Downstream", _RATE, 10)
MINIMUM_DATA_RATE_UPSTREAM_LOW_POWER = _access(
    137, "Minimum-Data-Rate-Upstream-Low-Power", _RATE, 11
)
MINIMUM_DATA_RATE_DOWNSTREAM_LOW_POWER = _access(
    138, "Minimum-Data-Rate-Downstream-Low-Power", _RATE, 12
)
MAXIMUM_INTERLEAVING_DELAY_UPSTREAM = _access(
    139, "Maximum-Interleaving-Delay-Upstream", _DELAY, 13
)
ACTUAL_INTERLEAVING_DELAY_UPSTREAM = _access(140, "Actual-Interleaving-Delay-Upstream", _DELAY, 14)
MAXIMUM_INTERLEAVING_DELAY_DOWNSTREAM = _access(
    141, "Maximum-Interleaving-Delay-Downstream", _DELAY, 15
)
ACTUAL_INTERLEAVING_DELAY_DOWNSTREAM = _access(
    142, "Actual-Interleaving-Delay-Downstream", _DELAY, 16
)
ACCESS_LOOP_ENCAPSULATION = _access(
    144, "Access-Loop-Encapsulation", values.ACCESS_LOOP_ENCAPSULATION, 17
)
ACCESS_LINE_TYPE = _access(145, "ANCP Access Line Type", values.ACCESS_LINE_TYPE, 18)
IWF_SESSION = _access(254, "IWF-Session", U32, 19, note="1: an interworking function is at work")
