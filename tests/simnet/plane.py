"""A data plane without sockets, for a simulated network: the reference pipeline and a clock."""

from collections.abc import Callable, Iterable, Sequence

from talpa.dataplane.interface import (
    AssociationCounters,
    Config,
    Counters,
    Event,
    Network,
    SessionSpec,
    TunnelSpec,
)
from talpa.dataplane.reference.pipeline import Pipeline
from talpa.esp.sa import AssociationSpec, Sa
from talpa.sansio import Address, Path


class SimPlane:
    """Implements `DataPlane`.

    What the network brings goes in by `deliver` and `deliver_raw`. What it sends is taken with
    `take_network` and `take_raw`, what it would hand to the kernel with `take_tun`.
    """

    name = "simulated"
    takes_raw = True

    def __init__(
        self,
        clock: Callable[[], float],
        address: Address,
        *,
        ike: tuple[Address, ...] = (),
        natt: tuple[Address, ...] = (),
        accept_clear: bool = True,
    ) -> None:
        self._clock = clock
        self.pipeline = Pipeline(accept_clear=accept_clear)
        self.drops = self.pipeline.drops
        self.listens = (address,)
        self.ike_listens = ike
        self.natt_listens = natt
        self.tun: str | None = None
        self._ike_sent: list[tuple[Path, bytes]] = []

    def start(self, config: Config) -> None:
        pass

    def stop(self) -> None:
        pass

    def readers(self) -> Iterable[tuple[int, Callable[[], None]]]:
        return ()

    def deliver(self, path: Path, datagram: bytes) -> None:
        """A datagram came to the socket of the path's local address."""
        take = self.pipeline.from_network
        if path.local in self.natt_listens:
            take = self.pipeline.from_natt
        elif path.local in self.ike_listens:
            take = self.pipeline.from_ike
        take(path, datagram, self._clock())

    def deliver_raw(self, path: Path, protocol: int, packet: bytes) -> None:
        """A packet of IP protocol 50 or 51 came, as `take_raw` gave it."""
        self.pipeline.from_raw(protocol, path, packet, self._clock())

    def take_network(self) -> list[tuple[Path, bytes]]:
        """The datagrams that leave, of every kind of socket."""
        taken, self._ike_sent = self._ike_sent, []
        return taken + self.pipeline.take_network()

    def take_raw(self) -> list[tuple[Path, int, bytes]]:
        return self.pipeline.take_raw()

    def take_tun(self) -> list[bytes]:
        return self.pipeline.take_tun()

    def drain(self) -> list[Event]:
        return self.pipeline.drain()

    def next_timeout(self) -> float | None:
        return self.pipeline.next_timeout()

    def handle_timeout(self, now: float) -> None:
        self.pipeline.handle_timeout(now)

    def association_add(self, spec: AssociationSpec) -> int:
        return self.pipeline.association_add(spec, self._clock())

    def association_move(self, association: int, path: Path) -> None:
        self.pipeline.association_move(association, path)

    def association_routes(self, association: int, networks: Sequence[Network]) -> None:
        self.pipeline.association_routes(association, networks)

    def association_remove(self, association: int) -> AssociationCounters:
        return self.pipeline.association_remove(association)

    def association_counters(self, association: int) -> AssociationCounters:
        return self.pipeline.association_counters(association)

    def sa_add(self, association: int, inbound: Sa, outbound: Sa, *, use: bool) -> None:
        self.pipeline.sa_add(association, inbound, outbound, self._clock(), use=use)

    def sa_use(self, association: int, outbound_spi: int) -> None:
        self.pipeline.sa_use(association, outbound_spi)

    def sa_remove(self, association: int, inbound_spi: int, outbound_spi: int) -> None:
        self.pipeline.sa_remove(association, inbound_spi, outbound_spi)

    def tunnel_add(self, spec: TunnelSpec) -> int:
        return self.pipeline.tunnel_add(spec)

    def tunnel_move(self, tunnel: int, path: Path) -> None:
        self.pipeline.tunnel_move(tunnel, path)

    def tunnel_remove(self, tunnel: int) -> None:
        self.pipeline.tunnel_remove(tunnel)

    def tunnel_last_received(self, tunnel: int) -> float:
        return self.pipeline.tunnel_last_received(tunnel)

    def session_add(self, spec: SessionSpec) -> int:
        return self.pipeline.session_add(spec, self._clock())

    def session_open(self, session: int, ipv4: bool, ipv6: bool) -> None:
        self.pipeline.session_open(session, ipv4, ipv6, self._clock())

    def session_routes(self, session: int, networks: Sequence[Network]) -> None:
        self.pipeline.session_routes(session, networks)

    def session_set(
        self,
        session: int,
        *,
        mtu: int | None = None,
        mru: int | None = None,
        idle_seconds: float | None = None,
    ) -> None:
        self.pipeline.session_set(session, mtu=mtu, mru=mru, idle_seconds=idle_seconds)

    def session_connect(self, a: int, b: int) -> None:
        self.pipeline.session_connect(a, b, self._clock())

    def session_remove(self, session: int) -> Counters:
        return self.pipeline.session_remove(session)

    def session_counters(self, session: int) -> Counters:
        return self.pipeline.session_counters(session)

    def send_l2tp(self, path: Path, data: bytes) -> None:
        self.pipeline.send_l2tp(path, data, self._clock())

    def send_ike(self, path: Path, data: bytes) -> None:
        marker = bytes(4) if path.local in self.natt_listens else b""
        self._ike_sent.append((path, marker + data))

    def send_ppp(self, session: int, protocol: int, payload: bytes) -> None:
        self.pipeline.send_ppp(session, protocol, payload, self._clock())

    def send_ip(self, session: int, packet: bytes) -> None:
        self.pipeline.send_ip(session, packet, self._clock())
