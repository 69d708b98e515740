"""Two IKEv2 endpoints on a simulated network, with a NAT in between where wanted.

What each end was told in events is held up by `Party` as a data plane would: a fault in the order
of events, or something named that is not there, fails the test.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address

from simnet.link import Link, Pair
from talpa.esp.sa import AssociationSpec, Sa
from talpa.ike.config import Call, Config, Connection, Lifetimes, Psk
from talpa.ike.events import (
    AddressOffer,
    AddressWanted,
    AssociationDown,
    AssociationMoved,
    AssociationUp,
    Event,
    IkeDown,
    IkeFailed,
    IkeRekeyed,
    IkeUp,
    PeerAttempted,
    SasAdded,
    SasRemoved,
    SaUsed,
)
from talpa.ike.header import parse_header
from talpa.ike.policies import MODERN
from talpa.ike.shared import Shared
from talpa.ike.v2.sas import Sas
from talpa.sansio import Address, Path
from talpa.wire import Malformed, Secret

WALL = datetime(2026, 6, 1, tzinfo=UTC)
LEFT, RIGHT = "198.18.0.1", "198.18.0.2"
KEY = Psk(Secret("a key that nobody guesses"), "the key")
FAST = replace(MODERN, additional=())
"""Without ML-KEM: most tests have no need of it."""
Packet = tuple[Address, Address, bytes]


def wall() -> datetime:
    return WALL


def config(**changes: object) -> Config:
    base = Config(policy=FAST, wall=wall, psks=lambda _: [KEY], dpd=0.0)
    return replace(base, **changes)  # type: ignore[arg-type]


@dataclass
class Carried:
    """An association as the data plane would have it."""

    spec: AssociationSpec
    ike: int
    path: Path
    pairs: dict[int, tuple[Sa, Sa]] = field(default_factory=dict)
    """By inbound SPI."""
    using: int = 0
    """Outbound SPI that is sent with."""


class Party:
    """One end."""

    def __init__(self, host: str, made: Config, seed: int = 1) -> None:
        self.host = host
        self.config = made
        self.random = random.Random(f"{host}{seed}")
        self.shared = Shared(made, self.random.randbytes, lambda _: 0.0)
        self.sas = Sas(self.shared)
        self.events: list[Event] = []
        self.carried: dict[int, Carried] = {}
        self.users: dict[str, Secret] = {}
        self.offer: AddressOffer | None = AddressOffer(IPv4Address("10.9.0.5"))
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        self.verdicts = 0
        self.now = 0.0

    # what the simulated network wants

    def receive(self, packet: Packet, now: float) -> None:
        source, target, data = packet
        self.now = now
        self.received.append(data)
        try:
            header = parse_header(data)
        except Malformed as malformed:
            self.shared.drops.add(malformed.reason)
            return
        path = Path(target, source)
        self.sas.receive(path, header, data, now, natt=target.port == 4500)
        self.settle(now)

    def transmits(self) -> Iterable[Packet]:
        out = [(path.local, path.remote, data) for path, data in self.shared.out]
        self.shared.out.clear()
        self.sent += [data for _, _, data in out]
        return out

    def next_timeout(self) -> float | None:
        return self.shared.deadlines.next()

    def handle_timeout(self, now: float) -> None:
        self.now = now
        for version, key in self.shared.deadlines.due(now):
            assert version == 2
            self.sas.time_out(key, now)
        self.settle(now)

    # as the owner

    def settle(self, now: float) -> None:
        while self.shared.events:
            events = self.shared.events[:]
            self.shared.events.clear()
            for event in events:
                self.events.append(event)
                self._take(event, now)

    def _take(self, event: Event, now: float) -> None:
        if isinstance(event, AssociationUp):
            assert event.association not in self.carried
            self.carried[event.association] = Carried(event.spec, event.ike, event.spec.path)
        elif isinstance(event, SasAdded):
            carried = self.carried[event.association]
            assert all(event.inbound.spi not in one.pairs for one in self.carried.values())
            carried.pairs[event.inbound.spi] = event.inbound, event.outbound
            if event.use or not carried.using:
                carried.using = event.outbound.spi
        elif isinstance(event, SaUsed):
            carried = self.carried[event.association]
            assert event.outbound_spi in {out.spi for _, out in carried.pairs.values()}
            carried.using = event.outbound_spi
        elif isinstance(event, SasRemoved):
            carried = self.carried[event.association]
            _, gone = carried.pairs.pop(event.inbound_spi)
            assert gone.spi == event.outbound_spi
            if carried.using == gone.spi:
                carried.using = next((o.spi for _, o in reversed(carried.pairs.values())), 0)
        elif isinstance(event, AssociationMoved):
            self.carried[event.association].path = event.path
        elif isinstance(event, AssociationDown):
            del self.carried[event.association]
        elif isinstance(event, PeerAttempted):
            self._judge(event, now)
        elif isinstance(event, AddressWanted):
            if self.offer is None:
                self.sas.refuse_address(event.ike, "The pool is empty.", now)
            else:
                self.sas.offer(event.ike, self.offer, now)

    def _judge(self, event: PeerAttempted, now: float) -> None:
        from talpa.crypto.credentials import Accepted, Refused

        self.verdicts += 1
        if event.attempt.method == "EAP-TLS":
            self.sas.verdict(event.ike, Accepted(event.attempt.name), now)
            return
        password = self.users.get(event.attempt.name)
        verdict = event.attempt.check(password) if password is not None else None
        self.sas.verdict(event.ike, verdict or Refused("Wrong password."), now)

    # looking back

    def of(self, kind: type[Event]) -> list[Event]:
        return [one for one in self.events if isinstance(one, kind)]

    @property
    def up(self) -> int:
        """The IKE SA that is up, of which there is one."""
        ups = {e.ike for e in self.events if isinstance(e, IkeUp)}
        downs = {e.ike for e in self.events if isinstance(e, IkeDown)}
        left = ups - downs
        assert len(left) == 1, left
        return left.pop()

    @property
    def failure(self) -> IkeFailed:
        found = [e for e in self.events if isinstance(e, IkeFailed)]
        assert found, self.events
        return found[-1]

    @property
    def rekeyed(self) -> int:
        return len(self.of(IkeRekeyed))

    def leftovers(self) -> dict[str, int]:
        """What is held: for finding leaks."""
        room = self.sas._room
        return {
            "sas": len(room.sas),
            "openings": len(room.openings),
            "not gone on": len(room.half_open),
            "children": len(room.children),
            "numbers": len(list(room.currents())),
            "peers": len(room._peers),
            "associations": len(self.shared.associations),
            "spis": len(self.shared.associations._by_inbound),
            "deadlines": len(self.shared.deadlines),
            "half open": self.shared.admission.half_open,
        }


class Nat:
    """Translates the left end's address; each port to one of its own."""

    def __init__(self, outside: str = "198.19.0.9") -> None:
        self.outside = outside
        self.inside: dict[int, Address] = {}
        self.next_port = 40_000
        self._ports: dict[Address, int] = {}

    def out(self, packet: Packet) -> Packet:
        source, target, data = packet
        if source not in self._ports:
            self._ports[source] = self.next_port
            self.inside[self.next_port] = source
            self.next_port += 1
        return Address(self.outside, self._ports[source]), target, data

    def back(self, packet: Packet) -> Packet | None:
        source, target, data = packet
        inner = self.inside.get(target.port) if target.host == self.outside else None
        return None if inner is None else (source, inner, data)

    def forget(self) -> None:
        """Every mapping is another from now on."""
        self._ports.clear()


class Behind:
    """A party behind a NAT, as an end of the link."""

    def __init__(self, party: Party, nat: Nat) -> None:
        self.party = party
        self.nat = nat

    def receive(self, packet: Packet, now: float) -> None:
        inner = self.nat.back(packet)
        if inner is not None:
            self.party.receive(inner, now)

    def transmits(self) -> Iterable[Packet]:
        return [self.nat.out(one) for one in self.party.transmits()]

    def next_timeout(self) -> float | None:
        return self.party.next_timeout()

    def handle_timeout(self, now: float) -> None:
        self.party.handle_timeout(now)


class World:
    """A client on the left, a server on the right."""

    def __init__(
        self,
        client: Config | None = None,
        server: Config | None = None,
        *,
        link: Link[Packet] | None = None,
        nat: Nat | None = None,
        seed: int = 1,
    ) -> None:
        self.left = Party(LEFT, client or config(), seed)
        self.right = Party(RIGHT, server or config(), seed)
        self.nat = nat
        self.link: Link[Packet] = link or Link(seed)
        end = self.left if nat is None else Behind(self.left, nat)
        self.pair: Pair[Packet] = Pair(self.link, end, self.right)

    @property
    def now(self) -> float:
        return self.pair.now

    def call(self, connection: Connection) -> int:
        number = self.left.shared.new_ike()
        self.left.sas.open(number, Call(connection, way(500), way(4500)), self.now)
        self.left.settle(self.now)
        return number

    def connect(self, connection: Connection | None = None, seconds: float = 20.0) -> int:
        """Call, and wait until both ends have an association."""
        number = self.call(connection or l2tp())
        self.run(seconds, lambda: bool(self.left.carried) and bool(self.right.carried))
        self.run(1.0)
        return number

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        return self.pair.run(seconds, until)

    def agree(self) -> None:
        """Both ends have the same associations, and what each sends with the other takes."""
        assert len(self.left.carried) == len(self.right.carried)
        for one, other in ((self.left, self.right), (self.right, self.left)):
            takes = {
                (inbound.spi, inbound.key, inbound.suite)
                for carried in other.carried.values()
                for inbound, _ in carried.pairs.values()
            }
            for carried in one.carried.values():
                assert carried.pairs
                sends = [o for _, o in carried.pairs.values() if o.spi == carried.using]
                assert [(o.spi, o.key, o.suite) in takes for o in sends] == [True]


def way(port: int) -> Path:
    return Path(Address(LEFT, port), Address(RIGHT, port))


def l2tp(**changes: object) -> Connection:
    """L2TP in transport mode, by key."""
    return replace(Connection("test", 2, psk=KEY), **changes)  # type: ignore[arg-type]


def quick(child: float = 60.0, ike: float = 300.0) -> Lifetimes:
    return Lifetimes(ike=ike, child=child)
