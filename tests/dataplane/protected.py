"""Peers behind associations, for the tests of every implementation.

The peer's side is put together from `talpa.esp.packet` alone: it is not a plane.
"""

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from dataplane.conformance import PurePlane
from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.dataplane.interface import AssociationCounters, Event
from talpa.esp.packet import Inbound, Outbound
from talpa.esp.sa import (
    AssociationSpec,
    Encapsulation,
    Limits,
    Mode,
    Protocol,
    Sa,
    Selector,
    Suite,
)
from talpa.sansio import Address, Path
from talpa.wire import Secret

GCM = Suite(Protocol.ESP, EncryptionId.AES_GCM_16, 256, IntegrityId.NONE)
CBC = Suite(Protocol.ESP, EncryptionId.AES_CBC, 256, IntegrityId.HMAC_SHA1_96)
AH = Suite(Protocol.AH, EncryptionId.NULL, 0, IntegrityId.HMAC_SHA2_256_128)

SERVER = Address("198.18.0.1", 4500)
NAT = Address("198.18.1.9", 40000)
RAW_SERVER, RAW_PEER = Address("198.18.0.1", 0), Address("198.18.1.9", 0)
UDP_HEADER = struct.Struct("!HHHH")


def selector(network: str = "0.0.0.0/0", protocol: int = 0, port: int | None = None) -> Selector:
    prefix = ip_network(network)
    first, last = (0, 0xFFFF) if port is None else (port, port)
    return Selector(prefix[0], prefix[-1], protocol, first, last)


L2TP = (selector(protocol=17, port=1701),)
ANY_PORT = (selector(protocol=17),)


def spec(
    *,
    path: Path | None = None,
    mode: Mode = Mode.TRANSPORT,
    encapsulation: Encapsulation = Encapsulation.UDP,
    local: Sequence[Selector] = L2TP,
    remote: Sequence[Selector] = ANY_PORT,
    keepalive: float | None = None,
    mtu: int = 1400,
) -> AssociationSpec:
    if path is None:
        path = Path(SERVER, NAT)
    return AssociationSpec(path, mode, encapsulation, tuple(local), tuple(remote), keepalive, mtu)


def raw(mode: Mode = Mode.TRANSPORT) -> AssociationSpec:
    return spec(path=Path(RAW_SERVER, RAW_PEER), mode=mode, encapsulation=Encapsulation.RAW)


def sa(
    spi: int,
    suite: Suite = GCM,
    *,
    soft: Limits | None = None,
    hard: Limits | None = None,
    window: int = 64,
) -> Sa:
    key = random.Random(spi).randbytes(suite.key_octets)
    return Sa(spi, suite, Secret(key), soft or Limits(), hard or Limits(), window)


def udp(source: int, destination: int, data: bytes, checksum: int = 0) -> bytes:
    return UDP_HEADER.pack(source, destination, 8 + len(data), checksum) + data


@dataclass(slots=True)
class Guarded:
    """A peer with an association; pair n of it has SPIs 1000 + n towards us, 2000 + n away."""

    plane: PurePlane
    spec: AssociationSpec
    base: int = 0
    """Added to the SPIs, so that several peers differ."""
    id: int = 0
    path: Path = field(init=False)
    """Where its packets come from."""
    inbound: dict[int, Inbound] = field(default_factory=dict)
    outbound: dict[int, Outbound] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path = self.spec.path
        self.id = self.plane.association_add(self.spec, 0.0)

    def pair(
        self,
        number: int = 1,
        *,
        suite: Suite = GCM,
        use: bool = True,
        now: float = 0.0,
        soft: Limits | None = None,
        hard: Limits | None = None,
    ) -> None:
        """Install a pair of SAs on both sides."""
        ours = sa(self.base + 1000 + number, suite, soft=soft, hard=hard)
        theirs = sa(self.base + 2000 + number, suite, soft=soft, hard=hard)
        self.plane.sa_add(self.id, ours, theirs, now, use=use)
        self.outbound[number] = Outbound(sa(ours.spi, suite), random.Random(number).randbytes)
        self.inbound[number] = Inbound(sa(theirs.spi, suite))

    def remove(self, number: int) -> None:
        self.plane.sa_remove(self.id, self.base + 1000 + number, self.base + 2000 + number)

    def seal(self, payload: bytes, next_header: int = 17, number: int = 1) -> bytes:
        sealed = self.outbound[number].seal(payload, next_header)
        assert sealed is not None
        return sealed

    def arrives(self, packet: bytes, now: float = 1.0) -> None:
        """A packet, sealed or not, reaches the plane from where the peer is."""
        if self.spec.encapsulation is Encapsulation.UDP:
            self.plane.from_natt(self.path, packet, now)
        else:
            self.plane.from_raw(50, self.path, packet, now)

    def sends(
        self, payload: bytes, next_header: int = 17, number: int = 1, now: float = 1.0
    ) -> None:
        self.arrives(self.seal(payload, next_header, number), now)

    def sends_l2tp(
        self, data: bytes, *, port: int = 1701, number: int = 1, now: float = 1.0
    ) -> None:
        self.sends(udp(port, 1701, data), number=number, now=now)

    def gets(self, number: int = 1, where: Path | None = None) -> list[tuple[int, bytes]]:
        """What was sent to it under the pair, opened: next header and payload."""
        found = []
        packets: list[tuple[Path, bytes]] = self.plane.take_network()
        packets += [(path, packet) for path, _, packet in self.plane.take_raw()]
        for path, packet in packets:
            assert path == (where or self.path)
            opened = self.inbound[number].open(packet)
            assert not isinstance(opened, str), opened
            found.append(opened)
        return found

    @property
    def counters(self) -> AssociationCounters:
        return self.plane.association_counters(self.id)

    def l2tp_path(self, port: int = 1701) -> Path:
        """How its L2TP is seen."""
        made = self.spec.path
        local, remote = Address(made.local.host, 1701), Address(made.remote.host, port)
        return Path(local, remote, self.id)


def drained(plane: PurePlane, kind: type[Event]) -> list[Event]:
    """The events of one kind."""
    return [event for event in plane.drain() if isinstance(event, kind)]
