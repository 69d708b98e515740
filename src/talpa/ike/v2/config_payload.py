"""Configuration payloads: addresses, name servers, networks (RFC 7296 2.19, 3.15; RFC 8598 for the
search domains)."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from talpa.ike.events import AddressOffer
from talpa.ike.v2.numbers import Attribute, ConfigKind, Kind
from talpa.ike.v2.payloads import Configuration, Contents
from talpa.wire import printable

_MOST = 64
_MOST_NAME = 255


def wanted(contents: Contents) -> tuple[bool, bool] | None:
    """Whether a peer asks for an IPv4, and for an IPv6 address; None: it asks for none."""
    asked: Configuration | None = contents.one(Kind.CP)
    if asked is None or asked.kind != ConfigKind.REQUEST:
        return None
    kinds = {attribute for attribute, _ in asked.attributes}
    four, six = Attribute.IP4_ADDRESS in kinds, Attribute.IP6_ADDRESS in kinds
    return (four, six) if four or six else None


def request() -> tuple[Kind, Configuration]:
    """What we ask for as client."""
    kinds = (
        Attribute.IP4_ADDRESS,
        Attribute.IP4_DNS,
        Attribute.IP4_SUBNET,
        Attribute.IP6_ADDRESS,
        Attribute.IP6_DNS,
        Attribute.IP6_SUBNET,
        Attribute.DNS_DOMAIN,
    )
    return Kind.CP, Configuration(ConfigKind.REQUEST, tuple((one, b"") for one in kinds))


def reply(offer: AddressOffer) -> tuple[Kind, Configuration]:
    """What a client is given."""
    said: list[tuple[Attribute, bytes]] = []
    if offer.ipv4 is not None:
        said.append((Attribute.IP4_ADDRESS, offer.ipv4.packed))
        said.append((Attribute.IP4_NETMASK, b"\xff\xff\xff\xff"))
    if offer.ipv6 is not None:
        said.append((Attribute.IP6_ADDRESS, offer.ipv6.packed + b"\x80"))
    for server in offer.dns:
        four = isinstance(server, IPv4Address)
        said.append((Attribute.IP4_DNS if four else Attribute.IP6_DNS, server.packed))
    said += [(Attribute.DNS_DOMAIN, name.encode()[:_MOST_NAME]) for name in offer.search]
    for network in offer.routes:
        first = network.network_address.packed
        if isinstance(network, IPv4Network):
            said.append((Attribute.IP4_SUBNET, first + network.netmask.packed))
        else:
            said.append((Attribute.IP6_SUBNET, first + bytes([network.prefixlen])))
    return Kind.CP, Configuration(ConfigKind.REPLY, tuple(said))


def given(contents: Contents) -> AddressOffer | None:
    """What a peer gives us; None: nothing. What is of wrong form is passed over."""
    said: Configuration | None = contents.one(Kind.CP)
    if said is None or said.kind != ConfigKind.REPLY:
        return None
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None
    dns: list[IPv4Address | IPv6Address] = []
    search: list[str] = []
    routes: list[IPv4Network | IPv6Network] = []
    for attribute, value in said.attributes[:_MOST]:
        size = len(value)
        if attribute == Attribute.IP4_ADDRESS and size == 4 and ipv4 is None:
            ipv4 = IPv4Address(value)
        elif attribute == Attribute.IP6_ADDRESS and size in (16, 17) and ipv6 is None:
            ipv6 = IPv6Address(value[:16])
        elif attribute == Attribute.IP4_DNS and size == 4:
            dns.append(IPv4Address(value))
        elif attribute == Attribute.IP6_DNS and size == 16:
            dns.append(IPv6Address(value))
        elif attribute == Attribute.DNS_DOMAIN and 0 < size <= _MOST_NAME:
            search.append(printable(value, _MOST_NAME))
        elif attribute == Attribute.IP4_SUBNET and size == 8:
            bits = int.from_bytes(value[4:], "big")
            length = bits.bit_count()
            if bits == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF:
                routes.append(IPv4Network((value[:4], length), strict=False))
        elif attribute == Attribute.IP6_SUBNET and size == 17 and value[16] <= 128:
            routes.append(IPv6Network((value[:16], value[16]), strict=False))
    if ipv4 is None and ipv6 is None:
        return None
    return AddressOffer(ipv4, ipv6, tuple(dns), tuple(search), tuple(routes))
