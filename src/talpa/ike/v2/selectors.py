"""Traffic selectors: what is asked for cut down to what is allowed (RFC 7296 2.9, 2.23.1)."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

from talpa.esp.sa import Selector
from talpa.ike.natt import address_of_host

UDP = 17
L2TP = 1701

Addr = IPv4Address | IPv6Address


def whole(version: int, protocol: int = 0, first: int = 0, last: int = 0xFFFF) -> Selector:
    """Every address of an IP version."""
    if version == 4:
        return Selector(IPv4Address(0), IPv4Address("255.255.255.255"), protocol, first, last)
    return Selector(IPv6Address(0), IPv6Address(2**128 - 1), protocol, first, last)


def of_network(network: IPv4Network | IPv6Network) -> Selector:
    """Every address of a network."""
    return Selector(network.network_address, network.broadcast_address)


def of_host(host: str, protocol: int = 0, first: int = 0, last: int = 0xFFFF) -> Selector:
    """One address."""
    address = address_of(host)
    return Selector(address, address, protocol, first, last)


def address_of(host: str) -> Addr:
    """Of a numeric host; one that is mapped into IPv6 as what it is."""
    address = address_of_host(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address


def both(one: Selector, other: Selector) -> Selector | None:
    """What two selectors have in common."""
    if one.first.version != other.first.version:
        return None
    if one.protocol and other.protocol and one.protocol != other.protocol:
        return None
    first = one.first if int(one.first) >= int(other.first) else other.first
    last = one.last if int(one.last) <= int(other.last) else other.last
    first_port = max(one.first_port, other.first_port)
    last_port = min(one.last_port, other.last_port)
    if int(first) > int(last) or first_port > last_port:
        return None
    return Selector(first, last, one.protocol or other.protocol, first_port, last_port)


def narrowed(asked: Iterable[Selector], allowed: Iterable[Selector]) -> tuple[Selector, ...]:
    """What is asked and allowed, in the order asked, each once."""
    ours = tuple(allowed)
    found = (both(one, other) for one in asked for other in ours)
    return tuple(dict.fromkeys(one for one in found if one is not None))[:128]


def narrowed_ports(asked: Iterable[Selector], allowed: Iterable[Selector]) -> tuple[Selector, ...]:
    """The same by protocol and ports alone. In transport mode the ends are the hosts themselves,
    whose addresses a NAT changes: some answer with those that they see (RFC 7296 2.23.1)."""
    ours = tuple(allowed)
    found = (
        both(one, replace(other, first=one.first, last=one.last)) for one in asked for other in ours
    )
    return tuple(dict.fromkeys(one for one in found if one is not None))[:128]


class Pinned(NamedTuple):
    """One end in transport mode: as it is for us, and as it stood in the exchange."""

    here: Selector
    wire: Selector


def pinned(
    asked: Iterable[Selector], host: str, ports: tuple[int, int], *, natted: bool
) -> Pinned | None:
    """The UDP selector of one end in transport mode. Behind a NAT the end may name an address that
    it has on its side, which stays so in what we answer (RFC 7296 2.23.1)."""
    address = address_of(host)
    for one in asked:
        if one.protocol not in (0, UDP) or (one.first.version != address.version and not natted):
            continue
        first_port, last_port = max(one.first_port, ports[0]), min(one.last_port, ports[1])
        if first_port > last_port:
            continue
        inside = one.first.version == address.version and (
            int(one.first) <= int(address) <= int(one.last)
        )
        if not inside and not natted:
            continue
        here = Selector(address, address, UDP, first_port, last_port)
        wire = here if inside else Selector(one.first, one.first, UDP, first_port, last_port)
        return Pinned(here, wire)
    return None
