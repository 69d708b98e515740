"""A data plane without sockets, for a simulated network: the reference pipeline and a clock."""

from collections.abc import Callable, Iterable, Sequence

from talpa.dataplane.interface import (
    Config,
    Counters,
    Event,
    Network,
    SessionSpec,
    TunnelSpec,
)
from talpa.dataplane.reference.pipeline import Pipeline
from talpa.sansio import Address, Path


class SimPlane:
    """Implements `DataPlane`. What it sends is taken with `take_network`, what it would hand to the
    kernel with `take_tun`."""

    name = "simulated"

    def __init__(self, clock: Callable[[], float], address: Address) -> None:
        self._clock = clock
        self.pipeline = Pipeline()
        self.drops = self.pipeline.drops
        self.listens = (address,)
        self.tun: str | None = None

    def start(self, config: Config) -> None:
        pass

    def stop(self) -> None:
        pass

    def readers(self) -> Iterable[tuple[int, Callable[[], None]]]:
        return ()

    def drain(self) -> list[Event]:
        return self.pipeline.drain()

    def next_timeout(self) -> float | None:
        return self.pipeline.next_timeout()

    def handle_timeout(self, now: float) -> None:
        self.pipeline.handle_timeout(now)

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
        self.pipeline.send_l2tp(path, data)

    def send_ppp(self, session: int, protocol: int, payload: bytes) -> None:
        self.pipeline.send_ppp(session, protocol, payload)

    def send_ip(self, session: int, packet: bytes) -> None:
        self.pipeline.send_ip(session, packet)
