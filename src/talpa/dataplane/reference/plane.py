"""The reference data plane with its sockets and its TUN device."""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from talpa.dataplane.interface import (
    AssociationCounters,
    Config,
    Counters,
    Event,
    Network,
    SessionSpec,
    TunnelSpec,
)
from talpa.dataplane.reference.host_socket import HostSocket, Take
from talpa.dataplane.reference.pipeline import Pipeline
from talpa.dataplane.reference.sockets import Sockets
from talpa.dataplane.reference.tun import Tun
from talpa.dataplane.reference.udp_socket import Kind
from talpa.esp.sa import AssociationSpec, Sa
from talpa.sansio import Address, Drops, Path, Rng

_NOTHING = Config(listens=(), tun=None)


class ReferencePlane:
    """Implements `DataPlane`."""

    name = "reference"

    def __init__(self, clock: Callable[[], float], rng: Rng = os.urandom) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._rng = rng
        self.drops = Drops()
        self._pipeline = Pipeline(drops=self.drops, rng=rng)
        self._sockets = Sockets(_NOTHING, self.drops)
        self._tun: Tun | None = None

    # Life

    def start(self, config: Config) -> None:
        """Bind the sockets and make the TUN device. Raises `OSError` with nothing left behind."""
        sockets = Sockets(config, self.drops)
        if config.tun is not None:
            try:
                self._tun = Tun(config.tun, config.tun_mtu)
            except OSError:
                sockets.close()
                raise
        self._sockets = sockets
        self._pipeline = Pipeline(
            forward_between_sessions=config.forward_between_sessions,
            accept_clear=config.accept_clear,
            drops=self.drops,
            rng=self._rng,
        )

    def stop(self) -> None:
        """Close everything."""
        self._sockets.close()
        self._sockets = Sockets(_NOTHING, self.drops)
        if self._tun is not None:
            self._tun.close()
            self._tun = None

    @property
    def listens(self) -> tuple[Address, ...]:
        """The addresses that are really bound."""
        return self._sockets.addresses(Kind.L2TP)

    @property
    def ike_listens(self) -> tuple[Address, ...]:
        """The addresses that are really bound for IKE alone."""
        return self._sockets.addresses(Kind.IKE)

    @property
    def natt_listens(self) -> tuple[Address, ...]:
        """The addresses that are really bound for IKE and ESP together."""
        return self._sockets.addresses(Kind.NATT)

    @property
    def takes_raw(self) -> bool:
        """Whether ESP is taken outside of UDP."""
        return bool(self._sockets.raw)

    @property
    def tun(self) -> str | None:
        """The name of the TUN device."""
        return None if self._tun is None else self._tun.name

    def readers(self) -> Iterable[tuple[int, Callable[[], None]]]:
        """File descriptors to watch, each with what to call when it is readable."""
        takes = {
            Kind.L2TP: self._pipeline.from_network,
            Kind.IKE: self._pipeline.from_ike,
            Kind.NATT: self._pipeline.from_natt,
        }
        for udp in self._sockets.udp:
            yield udp.fileno(), partial(self._read_network, udp, takes[udp.kind])
        for raw in self._sockets.raw:
            take = partial(self._pipeline.from_raw, int(raw.protocol))
            yield raw.fileno(), partial(self._read_network, raw, take)
        if self._tun is not None:
            yield self._tun.fileno(), self._read_tun

    def drain(self) -> list[Event]:
        """The events since the last call."""
        events = self._pipeline.drain()
        if self._sockets.degraded:
            events += self._sockets.degraded
            self._sockets.degraded = []
        return events

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return self._pipeline.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Let go of what waited for reordering, find idle sessions and old SAs, send keepalives."""
        self._pipeline.handle_timeout(now)
        self._flush()

    # Associations

    def association_add(self, spec: AssociationSpec) -> int:
        """Make an association without SAs; its id."""
        return self._pipeline.association_add(spec, self._clock())

    def association_move(self, association: int, path: Path) -> None:
        """The peer is reached another way now."""
        self._pipeline.association_move(association, path)

    def association_routes(self, association: int, networks: Sequence[Network]) -> None:
        """Replace what of the host's packets goes into it."""
        self._pipeline.association_routes(association, networks)

    def association_remove(self, association: int) -> AssociationCounters:
        """Forget an association, its SAs and keys."""
        return self._pipeline.association_remove(association)

    def association_counters(self, association: int) -> AssociationCounters:
        """The counters as they stand."""
        return self._pipeline.association_counters(association)

    def sa_add(self, association: int, inbound: Sa, outbound: Sa, *, use: bool) -> None:
        """Install a pair of SAs."""
        self._pipeline.sa_add(association, inbound, outbound, self._clock(), use=use)

    def sa_use(self, association: int, outbound_spi: int) -> None:
        """Send with this outbound SA from now on."""
        self._pipeline.sa_use(association, outbound_spi)

    def sa_remove(self, association: int, inbound_spi: int, outbound_spi: int) -> None:
        """Forget a pair."""
        self._pipeline.sa_remove(association, inbound_spi, outbound_spi)

    # Tunnels

    def tunnel_add(self, spec: TunnelSpec) -> int:
        """Make a tunnel; its id."""
        return self._pipeline.tunnel_add(spec)

    def tunnel_move(self, tunnel: int, path: Path) -> None:
        """The peer is reached another way now."""
        self._pipeline.tunnel_move(tunnel, path)

    def tunnel_remove(self, tunnel: int) -> None:
        """Forget a tunnel and all its sessions."""
        self._pipeline.tunnel_remove(tunnel)

    def tunnel_last_received(self, tunnel: int) -> float:
        """When the last valid data message of any of its sessions came."""
        return self._pipeline.tunnel_last_received(tunnel)

    # Sessions

    def session_add(self, spec: SessionSpec) -> int:
        """Make a session, closed; its id."""
        return self._pipeline.session_add(spec, self._clock())

    def session_open(self, session: int, ipv4: bool, ipv6: bool) -> None:
        """Forward user traffic of the network protocols that are up; stop the others."""
        self._pipeline.session_open(session, ipv4, ipv6, self._clock())

    def session_routes(self, session: int, networks: Sequence[Network]) -> None:
        """Replace what is reached through a session."""
        self._pipeline.session_routes(session, networks)

    def session_set(
        self,
        session: int,
        *,
        mtu: int | None = None,
        mru: int | None = None,
        idle_seconds: float | None = None,
    ) -> None:
        """Change what negotiation changed."""
        self._pipeline.session_set(session, mtu=mtu, mru=mru, idle_seconds=idle_seconds)

    def session_connect(self, a: int, b: int) -> None:
        """Cross-connect two sessions."""
        self._pipeline.session_connect(a, b, self._clock())

    def session_remove(self, session: int) -> Counters:
        """Forget a session; its final counters."""
        return self._pipeline.session_remove(session)

    def session_counters(self, session: int) -> Counters:
        """The counters as they stand."""
        return self._pipeline.session_counters(session)

    # Sending

    def send_l2tp(self, path: Path, data: bytes) -> None:
        """Send a control message."""
        if path.association == 0:
            self._sockets.send(path, data)
            return
        self._pipeline.send_l2tp(path, data, self._clock())
        self._flush()

    def send_ike(self, path: Path, data: bytes) -> None:
        """Send an IKE message."""
        self._sockets.send_ike(path, data)

    def send_ppp(self, session: int, protocol: int, payload: bytes) -> None:
        """Send a PPP frame that is no user traffic."""
        self._pipeline.send_ppp(session, protocol, payload, self._clock())
        self._flush()

    def send_ip(self, session: int, packet: bytes) -> None:
        """Send an IP packet of a service on the link to the peer."""
        self._pipeline.send_ip(session, packet, self._clock())
        self._flush()

    def _read_network(self, through: HostSocket, take: Take) -> None:
        through.receive(take, self._clock())
        self._flush()

    def _read_tun(self) -> None:
        if self._tun is None:
            return
        now = self._clock()
        for packet in self._tun.read():
            self._pipeline.from_tun(packet, now)
        self._flush()

    def _flush(self) -> None:
        for path, data in self._pipeline.take_network():
            self._sockets.send(path, data)
        for path, protocol, data in self._pipeline.take_raw():
            self._sockets.send_raw(path, protocol, data)
        packets = self._pipeline.take_tun()
        if self._tun is None:
            return
        for packet in packets:
            if not self._tun.write(packet):
                self.drops.add("TUN device refused the packet")
