"""Links, addresses and routes of the kernel, by netlink."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_network,
)
from typing import Any, NamedTuple, TypeVar

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from talpa.server.host.errors import HostError

Network = IPv4Network | IPv6Network
Interface = IPv4Interface | IPv6Interface
IpAddress = IPv4Address | IPv6Address
T = TypeVar("T")

ROUTE_PROTOCOL = 84
"""Marks our routes among all others (`ip route show proto 84`): a number that neither the kernel
nor iproute2's rt_protos gives to anyone. Deleting a route names it, so no other can be hit."""

_MAIN_TABLE = 254
_SCOPE_LINK = 253
_NODAD = 0x02
"""No duplicate address detection: there is nobody to ask, and the address works at once."""
_NO_PREFIX_ROUTE = 0x200
_UNICAST = 1
_IFF_UP = 1
_GONE = frozenset((errno.ESRCH, errno.ENODEV, errno.ENOENT, errno.EADDRNOTAVAIL, errno.ENXIO))


class Hop(NamedTuple):
    """The first step of a way."""

    device: str
    gateway: str | None
    """None: the destination is on the device's own link."""


class LinkState(NamedTuple):
    """How a device stands."""

    mtu: int
    """Octets."""
    up: bool


class Netlink:
    """Blocking calls, each quick.

    They run in a thread of their own: the library's blocking interface drives an event loop, which
    it cannot do in a thread where one runs already, as in the server.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="netlink")
        self._socket: IPRoute | None = None

    def close(self) -> None:
        """Close the socket. The next call opens it again."""
        if self._socket is not None:
            self._thread.submit(self._socket.close).result()
            self._socket = None
        self._thread.shutdown()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="netlink")

    def link_exists(self, device: str) -> bool:
        """Whether there is such a device."""
        return self._run(f"looking for {device}", lambda ip: bool(ip.link_lookup(ifname=device)))

    def link_state(self, device: str) -> LinkState:
        """MTU, and whether it is up. Raises `HostError` for no such device."""

        def look(ip: IPRoute) -> LinkState:
            (link,) = ip.get_links(_index(ip, device))
            return LinkState(link.get_attr("IFLA_MTU"), bool(link["flags"] & _IFF_UP))

        return self._run(f"looking at {device}", look)

    def link_set(self, device: str, mtu: int, up: bool) -> None:
        """Set the MTU (octets) and bring the device up or down."""
        state = "up" if up else "down"
        self._run(
            f"setting {device} {state}",
            lambda ip: ip.link("set", index=_index(ip, device), mtu=mtu, state=state),
        )

    def address_add(self, device: str, address: Interface) -> None:
        """Give the device an address. One that it has already is fine."""

        def add(ip: IPRoute) -> None:
            with _passing(errno.EEXIST):
                ip.addr("add", **_address(ip, device, address), flags=_NODAD | _NO_PREFIX_ROUTE)

        self._run(f"adding address {address} to {device}", add)

    def address_remove(self, device: str, address: Interface) -> None:
        """Take the address away. One that is gone is fine."""

        def remove(ip: IPRoute) -> None:
            with _passing(*_GONE):
                ip.addr("del", **_address(ip, device, address))

        self._run(f"removing address {address} from {device}", remove)

    def route_add(self, network: Network, hop: Hop) -> None:
        """Add a route marked as ours. One that leads there the same way already is fine, whoever
        made it; one that leads another way is an error."""

        def add(ip: IPRoute) -> None:
            wanted = _route(ip, network, hop)
            try:
                ip.route("add", **wanted)
                return
            except NetlinkError as error:
                if error.code != errno.EEXIST:
                    raise
            same = ip.get_routes(
                family=wanted["family"], oif=wanted["oif"], type=_UNICAST, table=_MAIN_TABLE
            )
            if not any(
                _destination(route) == network
                and (route["proto"] == ROUTE_PROTOCOL or _gateway(route) == hop.gateway)
                for route in same
            ):
                raise HostError(
                    f"There is another route to {network} already. "
                    f"See it with: ip route show {network}"
                )

        self._run(f"adding route {network} through {hop.device}", add)

    def route_remove(self, network: Network, hop: Hop) -> None:
        """Remove our route. One that is gone is fine."""

        def remove(ip: IPRoute) -> None:
            with _passing(*_GONE):
                ip.route("del", **_route(ip, network, hop))

        self._run(f"removing route {network} through {hop.device}", remove)

    def way_to(self, address: IpAddress, besides: str | None = None) -> Hop | None:
        """The first step to `address` now, but through the device `besides` or a route of ours.

        None: the address is this host's own. Raises `HostError` when nothing leads there.
        """

        def look(ip: IPRoute) -> Hop | None:
            try:
                (found,) = ip.route("get", dst=str(address), family=_family(address))
                if found["type"] != _UNICAST:
                    return None
                hop = _hop(ip, found)
                # A look-up does not say whose route it found: only a device that no route of
                # ours leads through may be believed.
                if hop is not None and hop.device != besides and not _ours(ip, address):
                    return hop
            except NetlinkError as error:
                if error.code not in (errno.ENETUNREACH, errno.EHOSTUNREACH):
                    raise
            hop = _best_of_others(ip, address, besides)
            if hop is None:
                raise HostError(f"No route leads to {address}. Is the network connected?")
            return hop

        return self._run(f"looking for the way to {address}", look)

    def _run(self, what: str, action: Callable[[IPRoute], T]) -> T:
        return self._thread.submit(self._act, what, action).result()

    def _act(self, what: str, action: Callable[[IPRoute], T]) -> T:
        try:
            if self._socket is None:
                self._socket = IPRoute()
            return action(self._socket)
        except NetlinkError as error:
            code = error.code
            reason = os.strerror(code)
            if code == errno.EPERM:
                reason += " (this needs root, or the capability CAP_NET_ADMIN)"
            raise HostError(f"The kernel refused {what}: {reason}") from error
        except OSError as error:
            raise HostError(f"The kernel refused {what}: {error.strerror or error}") from error


@contextlib.contextmanager
def _passing(*codes: int) -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        if error.code not in codes:
            raise


def _family(address: IpAddress | Network) -> int:
    return 2 if address.version == 4 else 10


def _index(ip: IPRoute, device: str) -> int:
    found: Sequence[int] = ip.link_lookup(ifname=device)
    if not found:
        raise NetlinkError(errno.ENODEV)
    return found[0]


def _address(ip: IPRoute, device: str, address: Interface) -> dict[str, Any]:
    return {
        "index": _index(ip, device),
        "address": str(address.ip),
        "prefixlen": address.network.prefixlen,
        "family": _family(address.ip),
    }


def _route(ip: IPRoute, network: Network, hop: Hop) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "dst": str(network),
        "family": _family(network),
        "oif": _index(ip, hop.device),
        "proto": ROUTE_PROTOCOL,
        "table": _MAIN_TABLE,
    }
    if hop.gateway is not None:
        wanted["gateway"] = hop.gateway
    elif network.version == 4:
        wanted["scope"] = _SCOPE_LINK
    return wanted


def _hop(ip: IPRoute, route: Any) -> Hop | None:
    index = route.get_attr("RTA_OIF")
    links = ip.get_links(index) if index else ()
    if not links:
        return None
    return Hop(links[0].get_attr("IFLA_IFNAME"), _gateway(route))


def _gateway(route: Any) -> str | None:
    gateway: str | None = route.get_attr("RTA_GATEWAY")
    return gateway


def _destination(route: Any) -> Network:
    width = route["dst_len"]
    anywhere = "0.0.0.0" if route["family"] == 2 else "::"
    return ip_network(f"{route.get_attr('RTA_DST') or anywhere}/{width}")


def _ours(ip: IPRoute, address: IpAddress) -> bool:
    routes = ip.get_routes(family=_family(address), proto=ROUTE_PROTOCOL, table=_MAIN_TABLE)
    return any(address in _destination(route) for route in routes)


def _best_of_others(ip: IPRoute, address: IpAddress, besides: str | None) -> Hop | None:
    """The longest match in the main table among routes that are not ours."""
    best: tuple[int, int] | None = None
    found: Hop | None = None
    for route in ip.get_routes(family=_family(address), table=_MAIN_TABLE, type=_UNICAST):
        if route["proto"] == ROUTE_PROTOCOL or address not in _destination(route):
            continue
        hop = _hop(ip, route)
        rank = (-route["dst_len"], route.get_attr("RTA_PRIORITY") or 0)
        if hop is not None and hop.device != besides and (best is None or rank < best):
            best, found = rank, hop
    return found
