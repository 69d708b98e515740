"""Identification payloads of phase 2 as selectors, and back (RFC 2407 4.6.2, RFC 3193 4)."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from talpa.esp.sa import Mode, Selector
from talpa.ike.config import Connection
from talpa.ike.identities import IdentityKind
from talpa.ike.natt import address_of_host
from talpa.ike.v1.payloads import ID, Identification
from talpa.sansio import Path
from talpa.wire import Malformed

UDP = 17
L2TP = 1701
_ANY = (0, 0xFFFF)
_SIZES = {
    IdentityKind.IPV4: (4, 1),
    IdentityKind.IPV4_SUBNET: (4, 2),
    IdentityKind.IPV4_RANGE: (4, 2),
    IdentityKind.IPV6: (16, 1),
    IdentityKind.IPV6_SUBNET: (16, 2),
    IdentityKind.IPV6_RANGE: (16, 2),
}
_SUBNETS = (IdentityKind.IPV4_SUBNET, IdentityKind.IPV6_SUBNET)

Address = IPv4Address | IPv6Address
Selectors = tuple[Selector, ...]


def address(host: str) -> Address:
    """Of the outside."""
    return address_of_host(host)


def read(body: bytes) -> Selector:
    """Raises `Malformed` for what names no addresses."""
    value = ID.decode(body)
    shape = _SIZES.get(IdentityKind(value.kind))
    if shape is None or len(value.value) != shape[0] * shape[1]:
        raise Malformed("selector is no address", f"kind {value.kind}")
    size = shape[0]
    first = ip_address(value.value[:size])
    last: Address = first
    if shape[1] == 2:
        last = ip_address(value.value[size:])
        if value.kind in _SUBNETS:
            first, last = _of_mask(value.value[:size], value.value[size:])
    ports = (value.port, value.port) if value.port else _ANY
    return Selector(first, last, value.protocol, *ports)


def _of_mask(base: bytes, mask: bytes) -> tuple[Address, Address]:
    number, bits = int.from_bytes(base, "big"), int.from_bytes(mask, "big")
    width = 8 * len(base)
    hosts = ~bits & ((1 << width) - 1)
    if hosts & (hosts + 1):
        raise Malformed("mask with holes")
    kind = IPv4Address if width == 32 else IPv6Address
    return kind(number & bits), kind(number & bits | hosts)


def pack(selector: Selector) -> bytes:
    """The body of an identification payload."""
    first, last = selector.first, selector.last
    port = selector.first_port if selector.first_port == selector.last_port else 0
    v4 = first.version == 4
    if first == last:
        kind, value = (IdentityKind.IPV4 if v4 else IdentityKind.IPV6), first.packed
    else:
        mask = _mask(first, last)
        if mask is None:
            kind = IdentityKind.IPV4_RANGE if v4 else IdentityKind.IPV6_RANGE
            value = first.packed + last.packed
        else:
            kind = IdentityKind.IPV4_SUBNET if v4 else IdentityKind.IPV6_SUBNET
            value = first.packed + mask
    return ID.encode(Identification(int(kind), selector.protocol, port, value))


def _mask(first: Address, last: Address) -> bytes | None:
    differ = int(first) ^ int(last)
    if differ & (differ + 1) or int(first) & differ:
        return None
    return ip_network(f"{first}/{first.max_prefixlen - differ.bit_length()}").netmask.packed


def wanted(connection: Connection, path: Path) -> tuple[Selectors, Selectors]:
    """(local, remote) of a connection that we call or expect."""
    local, remote = address(path.local.host), address(path.remote.host)
    transport = connection.mode is Mode.TRANSPORT
    own = Selector(local, local)
    other = Selector(remote, remote)
    if transport:
        port = connection.l2tp_port
        ports = (port, port) if port else _ANY
        own = Selector(local, local, UDP, *ports)
        other = Selector(remote, remote, UDP, L2TP, L2TP)
    return connection.local or (own,), connection.remote or (other,)


def for_l2tp(local: Selector, remote: Selector, path: Path) -> tuple[Selectors, Selectors] | None:
    """What passes when a client asks for these in transport mode: UDP between our port 1701 and its
    own, whatever that is; None when it is something else it wants."""
    if (local.protocol, remote.protocol) not in ((UDP, UDP), (0, 0)):
        return None
    if not local.first_port <= L2TP <= local.last_port:
        return None
    ours, theirs = address(path.local.host), address(path.remote.host)
    return _own_l2tp(ours), (Selector(theirs, theirs, UDP, remote.first_port, remote.last_port),)


@lru_cache(256)
def _own_l2tp(address: Address) -> Selectors:
    """The same for all clients of an address of ours."""
    return (Selector(address, address, UDP, L2TP, L2TP),)


def within(asked: Selector, allowed: Selectors) -> bool:
    """Whether a selector lies in one of those."""
    return any(
        asked.first.version == each.first.version
        and int(each.first) <= int(asked.first)
        and int(asked.last) <= int(each.last)
        and each.protocol in (0, asked.protocol)
        and each.first_port <= asked.first_port
        and asked.last_port <= each.last_port
        for each in allowed
    )
