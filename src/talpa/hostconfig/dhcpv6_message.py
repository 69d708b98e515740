"""The DHCPv6 message and its options (RFC 8415 8, 21), declared as rows."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, NamedTuple

from talpa.hostconfig.names import decode_names, encode_names
from talpa.wire import OCTETS, TEXT, U8, U16, U32, Codec, Malformed, OpenEnum, Reader, part, record
from talpa.wire import octets as octets_codec

CLIENT_PORT = 546
SERVER_PORT = 547
ALL_SERVERS = IPv6Address("ff02::1:2")
MOST_OPTIONS = 64
"""Options of one message or identity association that are read; more is malformed."""
_OPTION = struct.Struct("!HH")


class MessageType(OpenEnum):
    """DHCPv6 message types (RFC 8415 7.3)."""

    SOLICIT = 1
    ADVERTISE = 2
    REQUEST = 3
    CONFIRM = 4
    RENEW = 5
    REBIND = 6
    REPLY = 7
    RELEASE = 8
    DECLINE = 9
    RECONFIGURE = 10
    INFORMATION_REQUEST = 11
    RELAY_FORW = 12
    RELAY_REPL = 13


class Status(OpenEnum):
    """Status codes (RFC 8415 21.13)."""

    SUCCESS = 0
    UNSPEC_FAIL = 1
    NO_ADDRS_AVAIL = 2
    NO_BINDING = 3
    NOT_ON_LINK = 4
    USE_MULTICAST = 5
    NO_PREFIX_AVAIL = 6


def _address(data: bytes) -> IPv6Address:
    if len(data) != 16:
        raise Malformed("IPv6 address of wrong length", f"{len(data)} octets")
    return IPv6Address(data)


def _addresses(data: bytes) -> tuple[IPv6Address, ...]:
    if not data or len(data) % 16:
        raise Malformed("address list of wrong length", f"{len(data)} octets")
    return tuple(IPv6Address(data[at : at + 16]) for at in range(0, len(data), 16))


def _numbers(data: bytes) -> tuple[int, ...]:
    if len(data) % 2:
        raise Malformed("option request of wrong length", f"{len(data)} octets")
    return tuple(n for (n,) in struct.iter_unpack("!H", data))


IPV6: Codec[IPv6Address] = Codec("IPv6 address", _address, lambda v: v.packed, 16, 16)
ADDRESSES: Codec[tuple[IPv6Address, ...]] = Codec(
    "IPv6 addresses",
    _addresses,
    lambda addresses: b"".join(a.packed for a in addresses),
    16,
    None,
    show=lambda addresses: ", ".join(map(str, addresses)),
)
NAMES: Codec[tuple[str, ...]] = Codec(
    "domain names", decode_names, encode_names, 1, None, show=", ".join
)
NUMBERS: Codec[tuple[int, ...]] = Codec(
    "option numbers", _numbers, lambda ns: b"".join(U16.encode(n) for n in ns), 0, None
)


@dataclass(frozen=True, slots=True)
class Association:
    """IA_NA and IA_PD: an identity association (RFC 8415 21.4, 21.21)."""

    iaid: int = part(U32, "IAID")
    t1: int = part(U32, "T1")
    t2: int = part(U32, "T2")
    options: bytes = part(OCTETS)


@dataclass(frozen=True, slots=True)
class Lease:
    """IA Address (RFC 8415 21.6). Lifetimes in seconds."""

    address: IPv6Address = part(IPV6)  # noqa: RUF009 - a field, as in every record
    preferred: int = part(U32, "preferred lifetime")
    valid: int = part(U32, "valid lifetime")
    options: bytes = part(OCTETS)


@dataclass(frozen=True, slots=True)
class StatusCode:
    """Status Code (RFC 8415 21.13)."""

    code: int = part(U16)
    message: str = part(TEXT)


@dataclass(frozen=True, slots=True)
class TemporaryAssociation:
    """IA_TA (RFC 8415 21.5)."""

    iaid: int = part(U32, "IAID")
    options: bytes = part(OCTETS)


class Option(NamedTuple):
    """A row of the option table."""

    number: int
    name: str
    codec: Codec[Any]
    rfc: str


DUID: Codec[bytes] = octets_codec(3, 130, "DUID")

CLIENT_ID = Option(1, "client identifier", DUID, "RFC 8415 21.2")
SERVER_ID = Option(2, "server identifier", DUID, "RFC 8415 21.3")
IA_NA = Option(3, "IA_NA", record(Association, "IA_NA"), "RFC 8415 21.4")
IA_TA = Option(4, "IA_TA", record(TemporaryAssociation, "IA_TA"), "RFC 8415 21.5")
IA_ADDRESS = Option(5, "IA address", record(Lease, "IA address"), "RFC 8415 21.6")
WANTED = Option(6, "option request", NUMBERS, "RFC 8415 21.7")
PREFERENCE = Option(7, "preference", U8, "RFC 8415 21.8")
ELAPSED = Option(8, "elapsed time", U16, "RFC 8415 21.9")
STATUS = Option(13, "status code", record(StatusCode, "status code"), "RFC 8415 21.13")
RAPID_COMMIT = Option(14, "rapid commit", octets_codec(0, 0), "RFC 8415 21.14")
USER_CLASS = Option(15, "user class", OCTETS, "RFC 8415 21.15")
VENDOR_CLASS = Option(16, "vendor class", OCTETS, "RFC 8415 21.16")
DNS = Option(23, "DNS recursive name server", ADDRESSES, "RFC 3646 3")
SEARCH = Option(24, "domain search list", NAMES, "RFC 3646 4")
IA_PD = Option(25, "IA_PD", record(Association, "IA_PD"), "RFC 8415 21.21")
REFRESH = Option(32, "information refresh time", U32, "RFC 8415 21.23")
FQDN = Option(39, "client fully qualified domain name", OCTETS, "RFC 4704")

OPTIONS: dict[int, Option] = {
    row.number: row
    for row in (
        CLIENT_ID, SERVER_ID, IA_NA, IA_TA, IA_ADDRESS, WANTED, PREFERENCE, ELAPSED, STATUS,
        RAPID_COMMIT, USER_CLASS, VENDOR_CLASS, DNS, SEARCH, IA_PD, REFRESH, FQDN,
    )
}  # fmt: skip


class Message(NamedTuple):
    """A message between client and server."""

    kind: int
    transaction: int
    """24 bits."""
    options: tuple[tuple[int, bytes], ...]
    """In wire order; some may stand several times."""

    def get(self, option: Option) -> Any:
        """The value of the first such option, None without. Raises `Malformed`."""
        for code, data in self.options:
            if code == option.number:
                return option.codec.decode(data)
        return None


def parse_message(data: bytes) -> Message:
    """Raises `Malformed`."""
    reader = Reader(data)
    head = reader.u32("DHCPv6 header")
    return Message(head >> 24, head & 0xFFFFFF, parse_options(reader.rest()))


def build_message(message: Message) -> bytes:
    """The UDP payload."""
    head = (message.kind << 24 | message.transaction).to_bytes(4, "big")
    return head + encode_options(message.options)


def parse_options(data: bytes) -> tuple[tuple[int, bytes], ...]:
    """Number and value of each option. Raises `Malformed`."""
    reader = Reader(data)
    found: list[tuple[int, bytes]] = []
    while len(reader):
        code = reader.u16("DHCPv6 option")
        found.append((code, reader.take(reader.u16("DHCPv6 option length"), "DHCPv6 option")))
        if len(found) > MOST_OPTIONS:
            raise Malformed("DHCPv6: too many options")
    return tuple(found)


def encode_options(options: Iterable[tuple[int, bytes]]) -> bytes:
    """The options one behind the other."""
    return b"".join(_OPTION.pack(code, len(value)) + value for code, value in options)


def uuid_duid(uuid: bytes) -> bytes:
    """A DHCP unique identifier from 16 octets of a UUID (RFC 6355)."""
    if len(uuid) != 16:
        raise ValueError("a UUID has 16 octets")
    return b"\x00\x04" + uuid
