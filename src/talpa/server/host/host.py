"""The host's network around a server or a client: set up, changed, put back."""

import contextlib
import re
from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    ip_interface,
    ip_network,
)
from pathlib import Path

from talpa.server.host.changes import Change, DeviceAddress, DeviceLink, DeviceRoute, System
from talpa.server.host.dns import (
    RESOLV_CONF,
    ResolvconfRecord,
    ResolvedLink,
    ResolverFile,
    name_servers,
)
from talpa.server.host.errors import HostError
from talpa.server.host.forwarding import Setting, device_settings, forwarding
from talpa.server.host.journal import Journal
from talpa.server.host.nat import NatTable
from talpa.server.host.netlink import Interface, IpAddress, Netlink, Network

_KINDS: dict[str, type[Change]] = {
    kind.kind: kind
    for kind in (
        DeviceLink,
        DeviceAddress,
        DeviceRoute,
        Setting,
        NatTable,
        ResolvedLink,
        ResolvconfRecord,
        ResolverFile,
    )
}
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,31}")


class Host:
    """What one instance adds to its host. Calls block, each for milliseconds; all raise
    `HostError`.

    What a call adds is in the journal first. A call that fails takes back what it added.
    """

    def __init__(
        self,
        state_dir: Path,
        instance: str = "main",
        *,
        sysctls: Path = Path("/proc/sys"),
        resolv_conf: Path = RESOLV_CONF,
    ) -> None:
        """Lock the state directory. Raises `HostError` when another process uses it, `ValueError`
        for an instance name with other characters than letters, digits and underscores."""
        if not _INSTANCE.fullmatch(instance):
            raise ValueError(f"{instance!r} is no instance name: letters, digits, underscores")
        self._journal = Journal(state_dir, _KINDS)
        self._system = System(Netlink(), sysctls)
        self._instance = instance
        self._resolv_conf = resolv_conf
        self._tun: str | None = None

    def recover(self) -> list[str]:
        """Undo what a crash left; what it was, in words, for the log. Call before any set-up."""
        left = [str(change) for change in self._journal.changes]
        self._undo(list(self._journal.changes))
        if self._journal.unreadable is not None:
            left.append(self._journal.unreadable)
        return left

    def setup_server(
        self,
        tun: str,
        mtu: int,
        addresses: Sequence[Interface | IpAddress],
        pool_networks: Sequence[Network],
        forward: bool = True,
        masquerade: bool = False,
        link_networks: Sequence[Network] = (),
    ) -> None:
        """Our addresses on the TUN device, and one route to it for each network of a pool, however
        many sessions there are, and for each network behind a router. `mtu` in octets."""
        routed = [*pool_networks, *link_networks]
        versions = {network.version for network in routed}
        changes = self._link(tun, mtu, [*addresses, *routed])
        changes += [DeviceAddress.of(tun, _wide(a)) for a in addresses]
        changes += [DeviceRoute.of(network, tun) for network in _distinct(routed)]
        if forward:
            changes += forwarding(self._system.sysctls, 4 in versions, 6 in versions, tun)
        if masquerade and pool_networks:
            changes.append(NatTable.of(self._instance, tun, pool_networks))
        self._make(changes)

    def reload_pools(
        self,
        pool_networks: Sequence[Network],
        masquerade: bool = False,
        link_networks: Sequence[Network] = (),
    ) -> None:
        """Routes, and masquerading, of the pools as they are now. The rest stays."""
        tun = self._device()
        routed = [*pool_networks, *link_networks]
        wanted: list[Change] = [DeviceRoute.of(network, tun) for network in _distinct(routed)]
        if masquerade and pool_networks:
            wanted.append(NatTable.of(self._instance, tun, pool_networks))
        held = [c for c in self._journal.changes if isinstance(c, DeviceRoute | NatTable)]
        new = [change for change in wanted if change not in held]
        self._make([*self._ipv6(tun, routed), *new])
        # A table is replaced whole: undoing the old value would take away the new one.
        replaced = any(isinstance(change, NatTable) for change in wanted)
        old = [change for change in held if change not in wanted]
        stale = [change for change in old if replaced and isinstance(change, NatTable)]
        self._journal.forget(stale)
        self._undo([change for change in old if change not in stale])

    def setup_client(
        self,
        tun: str,
        mtu: int,
        address: IPv4Address | None,
        peer: IPv4Address | None = None,
        addresses6: Sequence[IPv6Interface | IPv6Address] = (),
        routes: Sequence[Network] = (),
    ) -> None:
        """Our addresses on the TUN device; routes to the peer and to `routes` (see `add_routes`)
        through it. `mtu` in octets."""
        addresses: list[Interface | IpAddress] = [*([] if address is None else [address])]
        addresses += addresses6
        changes = self._link(tun, mtu, [*addresses, *routes])
        changes += [DeviceAddress.of(tun, _wide(a)) for a in addresses]
        if peer is not None and peer != address:
            changes.append(DeviceRoute.of(ip_network(peer), tun))
        self._make([*changes, *self._routes(routes)])

    def add_addresses(self, addresses: Sequence[Interface | IpAddress]) -> None:
        """More addresses on the device: those that a router advertisement brought."""
        tun = self._device()
        added = [DeviceAddress.of(tun, _wide(address)) for address in addresses]
        self._make([*self._ipv6(tun, addresses), *added])

    def add_routes(self, networks: Sequence[Network]) -> None:
        """Routes through the device. A default route becomes two halves, which win against the
        host's own without touching it; pin the peer first."""
        self._make([*self._ipv6(self._device(), networks), *self._routes(networks)])

    def remove_routes(self, networks: Sequence[Network]) -> None:
        """Remove routes that `add_routes` added; others are not touched."""
        ours = self._routes(networks)
        self._undo([change for change in self._journal.changes if change in ours])

    def pin_peer(self, address: IpAddress) -> None:
        """A host route to the server by the way that leads there without the tunnel, so that the
        tunnel's own packets do not go into it. Again after the way has changed."""
        wide = str(ip_network(address))
        old = [c for c in self._journal.changes if isinstance(c, DeviceRoute) and c.network == wide]
        self._undo([change for change in old if change.device != self._tun])
        hop = self._system.netlink.way_to(address, self._tun)
        if hop is not None:
            self._make([DeviceRoute(wide, hop.device, hop.gateway)])

    def set_dns(
        self,
        servers: Sequence[IPv4Address | IPv6Address],
        search: Sequence[str] = (),
        everything: bool = True,
    ) -> None:
        """Resolve names by these servers. `everything` False: only names in the search domains,
        where the system can tell them apart. Raises `ValueError` for what is no domain."""
        kinds = ResolvedLink | ResolvconfRecord | ResolverFile
        self._undo([change for change in self._journal.changes if isinstance(change, kinds)])
        if servers:
            device = self._device()
            change = name_servers(device, servers, search, everything, self._resolv_conf)
            self._make([change])

    def teardown(self) -> None:
        """Undo all that is left and let go of the state directory. Does all it can before it
        raises."""
        try:
            self._undo(list(self._journal.changes))
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the state directory with everything left as it is, for `recover`."""
        self._system.netlink.close()
        self._journal.close()

    def _make(self, changes: Sequence[Change]) -> None:
        new = [change for change in changes if change not in self._journal.changes]
        if not new:
            return
        self._journal.record(new)
        done: list[Change] = []
        try:
            for change in new:
                done.append(change)
                change.make(self._system)
        except HostError:
            with contextlib.suppress(HostError):
                self._undo(done)
            self._journal.forget(new[len(done) :])
            raise

    def _undo(self, changes: list[Change]) -> None:
        if not changes:
            return
        undone: list[Change] = []
        problems: list[str] = []
        for change in reversed(changes):
            try:
                change.undo(self._system)
                undone.append(change)
            except HostError as error:
                problems.append(str(error))
        self._journal.forget(undone)
        if problems:
            raise HostError(" ".join(problems))

    def _link(
        self, tun: str, mtu: int, of: Iterable[Interface | IpAddress | Network]
    ) -> list[Change]:
        self._tun = tun
        state = self._system.netlink.link_state(tun)
        return [*self._ipv6(tun, of), DeviceLink(tun, mtu, state.mtu, state.up)]

    def _ipv6(self, tun: str, of: Iterable[Interface | IpAddress | Network]) -> list[Setting]:
        ipv6 = any(value.version == 6 for value in of)
        return device_settings(self._system.sysctls, tun, ipv6)

    def _device(self) -> str:
        if self._tun is None:
            raise HostError("No device has been set up.")
        return self._tun

    def _routes(self, networks: Sequence[Network]) -> list[Change]:
        tun = self._device()
        halves = [half for n in networks for half in (n.subnets(1) if n.prefixlen == 0 else (n,))]
        return [DeviceRoute.of(network, tun) for network in _distinct(halves)]


def _wide(address: Interface | IpAddress) -> Interface:
    if isinstance(address, IPv4Interface | IPv6Interface):
        return address
    return ip_interface(address)


def _distinct(networks: Iterable[Network]) -> list[Network]:
    return list(dict.fromkeys(networks))
