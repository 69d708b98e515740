"""Router advertisements and solicitations (RFC 4861 4.1, 4.2): IPv6 addresses on a PPP link.

IPV6CP only agrees on link-local addresses (RFC 5072); the global one comes from the prefix that
the router advertises, with the interface identifier that IPV6CP settled.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network

from talpa.hostconfig.names import decode_names, encode_names, usable_names
from talpa.hostconfig.offer import LEAST_MTU_IPV6, HostOffer
from talpa.hostconfig.packets import Icmp6, icmp6, parse_icmp6
from talpa.wire import Malformed, Reader

SOLICITATION = 133
ADVERTISEMENT = 134
ALL_NODES = IPv6Address("ff02::1")
ALL_ROUTERS = IPv6Address("ff02::2")
FOREVER = 0xFFFFFFFF
ROUTER_LIFETIME = 65535
"""Seconds (RFC 8319 3): a session may sleep long before it is advertised to again."""
REPEAT_SECONDS = 16384.0
"""An open link is advertised to this often, so that three may be lost in a router's lifetime."""

_OPTION_PREFIX = 3
_OPTION_MTU = 5
_OPTION_RDNSS = 25
_OPTION_DNSSL = 31
_MANAGED = 0x80
_OTHER = 0x40
_ON_LINK = 0x80
_AUTONOMOUS = 0x40
_HOP_LIMIT = 64
_MOST_EACH = 16
"""Prefixes, name servers, of one advertisement that are kept."""
_HEAD = struct.Struct("!BBHII")
_PREFIX = struct.Struct("!BBBBIII16s")
_LIST = struct.Struct("!BBHI")


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix information option."""

    network: IPv6Network
    on_link: bool
    autonomous: bool
    """An address may be formed from it."""
    valid: int
    """Seconds; 0xffffffff: for ever."""
    preferred: int


@dataclass(frozen=True, slots=True)
class Advertised:
    """What a router advertises. Lifetimes in seconds."""

    router: IPv6Address
    router_lifetime: int
    """0: no default router."""
    managed: bool
    """Addresses by DHCPv6."""
    other: bool
    """Other configuration by DHCPv6."""
    mtu: int | None
    prefixes: tuple[Prefix, ...]
    dns: tuple[IPv6Address, ...]
    search: tuple[str, ...]

    def addresses(self, link_local: IPv6Address) -> tuple[IPv6Address, ...]:
        """The addresses that a host with this link-local address forms."""
        return tuple(
            slaac_address(p.network, link_local)
            for p in self.prefixes
            if p.autonomous and p.valid and p.network.prefixlen == 64
        )


def slaac_address(prefix: IPv6Network, link_local: IPv6Address) -> IPv6Address:
    """The /64 with the interface identifier of the link-local address (RFC 4862 5.5.3)."""
    return IPv6Address(int(prefix.network_address) | int(link_local) & 0xFFFFFFFFFFFFFFFF)


def router_advertisement(offer: HostOffer, destination: IPv6Address | None = None) -> bytes:
    """The IP packet, from our link-local address to the peer's, or to `destination`.

    The prefix is the host's alone and lasts as long as the link, hence lifetimes without end.
    Raises `ValueError` for an offer without link-local addresses.
    """
    if offer.ours is None or offer.peer is None:
        raise ValueError("no IPv6 on the link")
    parts: list[bytes] = []
    if offer.prefix is not None:
        flags = _ON_LINK | _AUTONOMOUS
        address = offer.prefix.network_address.packed
        parts.append(_PREFIX.pack(_OPTION_PREFIX, 4, 64, flags, FOREVER, FOREVER, 0, address))
    if offer.mtu >= LEAST_MTU_IPV6:
        parts.append(struct.pack("!BBHI", _OPTION_MTU, 1, 0, offer.mtu))
    if offer.dns6:
        parts.append(
            _LIST.pack(_OPTION_RDNSS, 1 + 2 * len(offer.dns6), 0, FOREVER)
            + b"".join(a.packed for a in offer.dns6)
        )
    if offer.search:
        names = encode_names(offer.search)
        names += bytes(-len(names) % 8)
        if len(names) // 8 < 255:
            parts.append(_LIST.pack(_OPTION_DNSSL, 1 + len(names) // 8, 0, FOREVER) + names)
    # Windows before 10 knows neither RDNSS nor DNSSL: it asks DHCPv6 for them when told so.
    flags = _OTHER if offer.duid and (offer.dns6 or offer.search) else 0
    lifetime = ROUTER_LIFETIME if offer.prefix is not None else 0
    body = _HEAD.pack(_HOP_LIMIT, flags, lifetime, 0, 0) + b"".join(parts)
    return icmp6(offer.ours, destination or offer.peer, ADVERTISEMENT, body)


def is_router_solicitation(packet: bytes) -> bool:
    """Whether it is a valid one (RFC 4861 6.1.1)."""
    try:
        check_solicitation(parse_icmp6(packet))
    except Malformed:
        return False
    return True


def check_solicitation(message: Icmp6) -> None:
    """Raises `Malformed` for what is no valid solicitation."""
    if message.message[0] != SOLICITATION:
        raise Malformed("ICMPv6: no router solicitation")
    _check(message, 8)
    for _ in _options(message.message, 8):
        pass


def router_solicitation(source: IPv6Address) -> bytes:
    """The IP packet. No link-layer address option: a PPP link has no such addresses."""
    return icmp6(source, ALL_ROUTERS, SOLICITATION, bytes(4))


def parse_advertisement(packet: bytes) -> Advertised:
    """Raises `Malformed` for what is no valid advertisement (RFC 4861 6.1.2)."""
    message = parse_icmp6(packet)
    if message.message[0] != ADVERTISEMENT:
        raise Malformed("ICMPv6: no router advertisement")
    _check(message, 16)
    if not message.source.is_link_local:
        raise Malformed("router advertisement not from a link-local address")
    _, flags, lifetime, _, _ = _HEAD.unpack_from(message.message, 4)
    mtu: int | None = None
    prefixes: list[Prefix] = []
    dns: list[IPv6Address] = []
    search: list[str] = []
    for kind, data in _options(message.message, 16):
        if kind == _OPTION_PREFIX:
            prefixes.extend(_prefix(data))
        elif kind == _OPTION_MTU and len(data) == 8:
            value = int.from_bytes(data[4:8], "big")
            mtu = value if LEAST_MTU_IPV6 <= value <= 0xFFFF else mtu
        elif kind == _OPTION_RDNSS and len(data) % 16 == 8:
            if data[4:8] != bytes(4):
                dns.extend(IPv6Address(data[at : at + 16]) for at in range(8, len(data), 16))
        elif kind == _OPTION_DNSSL and len(data) > 8 and data[4:8] != bytes(4):
            search.extend(decode_names(data[8:]))
    return Advertised(
        message.source,
        lifetime,
        bool(flags & _MANAGED),
        bool(flags & _OTHER),
        mtu,
        tuple(prefixes[:_MOST_EACH]),
        tuple(dns[:_MOST_EACH]),
        usable_names(search[:_MOST_EACH]),
    )


def _check(message: Icmp6, least: int) -> None:
    if message.hop_limit != 255:
        raise Malformed("neighbour discovery from beyond the link")
    if message.message[1] != 0:
        raise Malformed("neighbour discovery with unknown code")
    if len(message.message) < least:
        raise Malformed("neighbour discovery: cut short")


def _options(message: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """Type and all octets of each option."""
    reader = Reader(message, start)
    while len(reader):
        at = reader.pos
        kind = reader.u8("option type")
        size = reader.u8("option length") * 8
        if size == 0:
            raise Malformed("neighbour discovery option of length 0")
        reader.take(size - 2, "neighbour discovery option")
        yield kind, message[at : at + size]


def _prefix(data: bytes) -> Iterator[Prefix]:
    if len(data) != _PREFIX.size:
        return
    _, _, width, flags, valid, preferred, _, address = _PREFIX.unpack(data)
    if width > 128 or preferred > valid:
        return
    network = IPv6Network((address, width), strict=False)
    if not (network.is_link_local or network.is_multicast):
        yield Prefix(network, bool(flags & _ON_LINK), bool(flags & _AUTONOMOUS), valid, preferred)
