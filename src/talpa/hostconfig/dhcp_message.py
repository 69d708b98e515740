"""The DHCP message (RFC 2131 2) and its options (RFC 2132 and later), declared as rows."""

import struct
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Any, NamedTuple

from talpa.hostconfig.names import decode_names, encode_names
from talpa.hostconfig.routes import ROUTES, split_routes
from talpa.wire import IPV4, OCTETS, TEXT, U8, U16, U32, Codec, Malformed, OpenEnum, Reader, number

SERVER_PORT = 67
CLIENT_PORT = 68
_COOKIE = b"\x63\x82\x53\x63"
_HEADER = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
HEADER_SIZE = _HEADER.size
_MOST_PART = 255
"""Octets one option can hold; longer values are split over several (RFC 3396)."""


class MessageType(OpenEnum):
    """DHCP message types (RFC 2132 9.6)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


def _addresses_decode(data: bytes) -> tuple[IPv4Address, ...]:
    if not data or len(data) % 4:
        raise Malformed("address list of wrong length", f"{len(data)} octets")
    return tuple(IPv4Address(data[at : at + 4]) for at in range(0, len(data), 4))


ADDRESSES: Codec[tuple[IPv4Address, ...]] = Codec(
    "IPv4 addresses",
    _addresses_decode,
    lambda addresses: b"".join(a.packed for a in addresses),
    4,
    None,
    show=lambda addresses: ", ".join(map(str, addresses)),
)
NAMES: Codec[tuple[str, ...]] = Codec(
    "domain names",
    decode_names,
    lambda names: encode_names(names, compress=True),
    1,
    None,
    show=", ".join,
)
NUMBERS: Codec[tuple[int, ...]] = Codec("option numbers", tuple, bytes, 1, 255)


class Option(NamedTuple):
    """A row of the option table."""

    number: int
    name: str
    codec: Codec[Any]
    rfc: str


SUBNET_MASK = Option(1, "subnet mask", IPV4, "RFC 2132 3.3")
ROUTER = Option(3, "router", ADDRESSES, "RFC 2132 3.5")
DNS = Option(6, "domain name server", ADDRESSES, "RFC 2132 3.8")
HOST_NAME = Option(12, "host name", TEXT, "RFC 2132 3.14")
DOMAIN = Option(15, "domain name", TEXT, "RFC 2132 3.17")
STATIC_ROUTES = Option(33, "static route", ADDRESSES, "RFC 2132 5.8")
VENDOR = Option(43, "vendor specific", OCTETS, "RFC 2132 8.4")
WINS = Option(44, "NetBIOS name server", ADDRESSES, "RFC 2132 8.5")
NODE_TYPE = Option(46, "NetBIOS node type", U8, "RFC 2132 8.7")
REQUESTED_ADDRESS = Option(50, "requested IP address", IPV4, "RFC 2132 9.1")
LEASE_TIME = Option(51, "IP address lease time", U32, "RFC 2132 9.2")
OVERLOAD = Option(52, "option overload", U8, "RFC 2132 9.3")
MESSAGE_TYPE = Option(53, "DHCP message type", number(U8, MessageType), "RFC 2132 9.6")
SERVER_ID = Option(54, "server identifier", IPV4, "RFC 2132 9.7")
WANTED = Option(55, "parameter request list", NUMBERS, "RFC 2132 9.8")
MESSAGE = Option(56, "message", TEXT, "RFC 2132 9.9")
MOST_SIZE = Option(57, "maximum DHCP message size", U16, "RFC 2132 9.10")
RENEWAL_TIME = Option(58, "renewal time", U32, "RFC 2132 9.11")
REBINDING_TIME = Option(59, "rebinding time", U32, "RFC 2132 9.12")
VENDOR_CLASS = Option(60, "vendor class identifier", TEXT, "RFC 2132 9.13")
CLIENT_ID = Option(61, "client identifier", OCTETS, "RFC 2132 9.14")
USER_CLASS = Option(77, "user class", OCTETS, "RFC 3004")
FQDN = Option(81, "client fully qualified domain name", OCTETS, "RFC 4702")
SEARCH = Option(119, "domain search", NAMES, "RFC 3397")
ROUTES_121 = Option(121, "classless static route", ROUTES, "RFC 3442")
ROUTES_249 = Option(249, "Microsoft classless static route", ROUTES, "MS-DHCPE 2.2.8")
PROXY = Option(252, "proxy auto-configuration", TEXT, "draft-ietf-wrec-wpad-01")

OPTIONS: dict[int, Option] = {
    row.number: row
    for row in (
        SUBNET_MASK, ROUTER, DNS, HOST_NAME, DOMAIN, STATIC_ROUTES, VENDOR, WINS, NODE_TYPE,
        REQUESTED_ADDRESS, LEASE_TIME, OVERLOAD, MESSAGE_TYPE, SERVER_ID, WANTED, MESSAGE,
        MOST_SIZE, RENEWAL_TIME, REBINDING_TIME, VENDOR_CLASS, CLIENT_ID, USER_CLASS, FQDN,
        SEARCH, ROUTES_121, ROUTES_249, PROXY,
    )
}  # fmt: skip


class Message(NamedTuple):
    """A DHCP message; `sname` and `file` are not kept, for no answer of ours depends on them."""

    op: int
    """1: from a client, 2: from a server."""
    hardware_type: int
    hardware_length: int
    xid: int
    flags: int
    client: IPv4Address
    """ciaddr."""
    yours: IPv4Address
    """yiaddr."""
    relay: IPv4Address
    """giaddr."""
    hardware: bytes
    """chaddr, 16 octets."""
    options: dict[int, bytes]
    """Values by number, the parts of split ones put together (RFC 3396)."""

    def get(self, option: Option) -> Any:
        """The value of an option, None without it. Raises `Malformed`."""
        data = self.options.get(option.number)
        return None if data is None else option.codec.decode(data)


def parse_message(data: bytes) -> Message:
    """Raises `Malformed`."""
    if len(data) < HEADER_SIZE:
        raise Malformed("DHCP: cut short", f"{len(data)} octets")
    head = _HEADER.unpack_from(data)
    if head[14] != _COOKIE:
        raise Malformed("DHCP: no magic cookie")
    options: dict[int, bytes] = {}
    _options(data[HEADER_SIZE:], options)
    overload = options.get(OVERLOAD.number, b"\0")
    if overload[:1] in (b"\1", b"\3"):
        _options(head[13], options)
    if overload[:1] in (b"\2", b"\3"):
        _options(head[12], options)
    return Message(
        head[0],
        head[1],
        head[2],
        head[4],
        head[6],
        IPv4Address(head[7]),
        IPv4Address(head[8]),
        IPv4Address(head[10]),
        head[11],
        options,
    )


def _options(data: bytes, into: dict[int, bytes]) -> None:
    reader = Reader(data)
    while len(reader):
        code = reader.u8("DHCP option")
        if code == 0:
            continue
        if code == 255:
            return
        value = reader.take(reader.u8("DHCP option length"), "DHCP option")
        into[code] = into.get(code, b"") + value


def build_message(message: Message) -> bytes:
    """The UDP payload: the reverse of `parse_message`."""
    head = _HEADER.pack(
        message.op,
        message.hardware_type,
        message.hardware_length,
        0,
        message.xid,
        0,
        message.flags,
        message.client.packed,
        message.yours.packed,
        bytes(4),
        message.relay.packed,
        message.hardware,
        b"",
        b"",
        _COOKIE,
    )
    return head + encode_options(message.options.items()) + b"\xff"


def encode_options(options: Iterable[tuple[int, bytes]]) -> bytes:
    """Each option with its number and length, split where one cannot hold it."""
    out = bytearray()
    for code, value in options:
        for chunk in _split(code, value):
            out += bytes((code, len(chunk)))
            out += chunk
    return bytes(out)


def _split(code: int, value: bytes) -> list[bytes]:
    if len(value) <= _MOST_PART:
        return [value]
    if code in (ROUTES_121.number, ROUTES_249.number):
        # Between routes, so that a reader that knows nothing of RFC 3396 reads each part.
        return split_routes(value, _MOST_PART)
    return [value[at : at + _MOST_PART] for at in range(0, len(value), _MOST_PART)]
