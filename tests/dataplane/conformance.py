"""The rules of a data plane, for every implementation of it.

An implementation without sockets is added to `IMPLEMENTATIONS`; each test of this folder that asks
for `plane` or `make` then runs against it, and `replay` compares it with the reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Protocol

from dataplane import build
from talpa.dataplane.interface import (
    AssociationCounters,
    Counters,
    Event,
    Network,
    SessionSpec,
    TunnelSpec,
)
from talpa.dataplane.reference.pipeline import Pipeline
from talpa.esp.sa import AssociationSpec, Sa
from talpa.sansio import Address, Drops, Path


class PurePlane(Protocol):
    """A `DataPlane` that gets packets and the time by calls."""

    @property
    def drops(self) -> Drops: ...
    def from_network(self, path: Path, datagram: bytes, now: float) -> None: ...
    def from_ike(self, path: Path, datagram: bytes, now: float) -> None: ...
    def from_natt(self, path: Path, datagram: bytes, now: float) -> None: ...
    def from_raw(self, protocol: int, path: Path, packet: bytes, now: float) -> None: ...
    def from_tun(self, packet: bytes, now: float) -> None: ...
    def take_network(self) -> list[tuple[Path, bytes]]: ...
    def take_raw(self) -> list[tuple[Path, int, bytes]]: ...
    def take_tun(self) -> list[bytes]: ...
    def drain(self) -> list[Event]: ...
    def next_timeout(self) -> float | None: ...
    def handle_timeout(self, now: float) -> None: ...
    def association_add(self, spec: AssociationSpec, now: float) -> int: ...
    def association_move(self, association: int, path: Path) -> None: ...
    def association_routes(self, association: int, networks: Sequence[Network]) -> None: ...
    def association_remove(self, association: int) -> AssociationCounters: ...
    def association_counters(self, association: int) -> AssociationCounters: ...
    def sa_add(
        self, association: int, inbound: Sa, outbound: Sa, now: float, *, use: bool
    ) -> None: ...
    def sa_use(self, association: int, outbound_spi: int) -> None: ...
    def sa_remove(self, association: int, inbound_spi: int, outbound_spi: int) -> None: ...
    def tunnel_add(self, spec: TunnelSpec) -> int: ...
    def tunnel_move(self, tunnel: int, path: Path) -> None: ...
    def tunnel_remove(self, tunnel: int) -> None: ...
    def tunnel_last_received(self, tunnel: int) -> float: ...
    def session_add(self, spec: SessionSpec, now: float) -> int: ...
    def session_open(self, session: int, ipv4: bool, ipv6: bool, now: float) -> None: ...
    def session_routes(self, session: int, networks: Sequence[Network]) -> None: ...
    def session_set(
        self,
        session: int,
        *,
        mtu: int | None = None,
        mru: int | None = None,
        idle_seconds: float | None = None,
    ) -> None: ...
    def session_connect(self, a: int, b: int, now: float) -> None: ...
    def session_remove(self, session: int) -> Counters: ...
    def session_counters(self, session: int) -> Counters: ...
    def send_l2tp(self, path: Path, data: bytes, now: float) -> None: ...
    def send_ppp(self, session: int, protocol: int, payload: bytes, now: float) -> None: ...
    def send_ip(self, session: int, packet: bytes, now: float) -> None: ...


class Make(Protocol):
    """Makes a plane."""

    def __call__(self, forward: bool, *, accept_clear: bool = True) -> PurePlane: ...


def _reference(forward: bool, *, accept_clear: bool = True) -> PurePlane:
    return Pipeline(forward_between_sessions=forward, accept_clear=accept_clear)


IMPLEMENTATIONS: dict[str, Make] = {"reference": _reference}

SERVER = Address("198.18.0.1", 1701)


def path_of(number: int) -> Path:
    """The way to peer `number`."""
    return Path(SERVER, Address(f"198.18.1.{number}", 1701))


@dataclass(slots=True)
class Peer:
    """A client with a tunnel and a session, and the plane it is connected to.

    Peer n has tunnel and session ids 100 + n, 200 + n on our side and 300 + n, 400 + n on its own,
    10.77.0.n and fd77:0:0:n::/64.
    """

    plane: PurePlane
    number: int
    tunnel: int
    session: int

    @property
    def path(self) -> Path:
        return path_of(self.number)

    @property
    def ipv4(self) -> str:
        return f"10.77.0.{self.number}"

    @property
    def ipv6(self) -> str:
        return f"fd77:0:0:{self.number:x}::2"

    def message(
        self,
        frame: bytes,
        *,
        number: int | None = None,
        length: bool = False,
        offset: int | None = None,
        priority: bool = False,
    ) -> bytes:
        return build.data(
            100 + self.number,
            200 + self.number,
            frame,
            number=number,
            length=length,
            offset=offset,
            priority=priority,
        )

    def sends(self, frame: bytes, now: float = 1.0, number: int | None = None) -> None:
        """The peer sends a PPP frame."""
        self.plane.from_network(self.path, self.message(frame, number=number), now)

    def sends_ip(self, packet: bytes, now: float = 1.0) -> list[bytes]:
        """The peer sends an IP packet; what the host gets of it."""
        self.sends(build.ppp(0x21 if packet[0] >> 4 == 4 else 0x57, packet), now)
        return self.plane.take_tun()

    def gets(self) -> list[bytes]:
        """The PPP frames that went out to the peer, and to nobody else, since the last look."""
        frames = []
        for path, datagram in self.plane.take_network():
            assert path == self.path
            apart = build.take_apart(datagram)
            assert (apart.tunnel, apart.session) == (300 + self.number, 400 + self.number)
            frames.append(apart.frame)
        return frames

    @property
    def counters(self) -> Counters:
        return self.plane.session_counters(self.session)


def connect(
    plane: PurePlane,
    number: int = 2,
    *,
    opened: bool = True,
    mtu: int = 1400,
    mru: int = 1400,
    send_sequence: bool = False,
    follow_sequence: bool = False,
    require_sequence: bool = False,
    reorder_seconds: float = 0.1,
    mss_clamp: bool = True,
    antispoof: bool = True,
    idle_seconds: float | None = None,
    offset: int | None = None,
) -> Peer:
    """A peer that is connected at time 0, with its own addresses as routes."""
    tunnel = plane.tunnel_add(TunnelSpec(path_of(number), 100 + number, 300 + number))
    session = plane.session_add(
        SessionSpec(
            tunnel,
            200 + number,
            400 + number,
            mtu=mtu,
            mru=mru,
            send_sequence=send_sequence,
            follow_sequence=follow_sequence,
            require_sequence=require_sequence,
            reorder_seconds=reorder_seconds,
            mss_clamp=mss_clamp,
            antispoof=antispoof,
            idle_seconds=idle_seconds,
            offset=offset,
        ),
        0.0,
    )
    peer = Peer(plane, number, tunnel, session)
    if opened:
        plane.session_routes(
            session, [ip_network(f"{peer.ipv4}/32"), ip_network(f"{peer.ipv6[:-1]}/64")]
        )
        plane.session_open(session, True, True, 0.0)
    return peer
