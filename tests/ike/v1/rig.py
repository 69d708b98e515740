"""Two endpoints of IKEv1 in one process: what travels between them can be looked at, lost, or
changed."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from talpa.ike.config import Call, Config, Connection, Psk
from talpa.ike.events import (
    AssociationDown,
    AssociationUp,
    Event,
    IkeDown,
    IkeFailed,
    IkeUp,
    SasAdded,
    SasRemoved,
    SaUsed,
)
from talpa.ike.header import parse_header
from talpa.ike.policies import COMPATIBLE
from talpa.ike.shared import Shared
from talpa.ike.v1.sas import Sas
from talpa.sansio import Address, Path
from talpa.wire import Malformed, Secret

CLIENT = "198.18.0.2"
SERVER = "198.18.0.1"
PSK = Psk(Secret("a very good key indeed"), "office")


def wall() -> datetime:
    return datetime(2026, 1, 15, tzinfo=UTC)


def config(**changes: Any) -> Config:
    return replace(
        Config(policy=COMPATIBLE, wall=wall, psks=lambda _host: (PSK,), dpd=0.0), **changes
    )


def connection(**changes: Any) -> Connection:
    return replace(Connection(name="l2tp", version=1, psk=PSK), **changes)


class Peer:
    """One end: a `Sas` and what it says."""

    def __init__(self, host: str, settings: Config, seed: int = 1) -> None:
        self.host = host
        self.rng = random.Random(seed).randbytes
        self.heard: dict[int, float] = {}
        self.shared = Shared(settings, self.rng, lambda a: self.heard.get(a, 0.0))
        self.sas = Sas(self.shared)
        self.seen: list[Event] = []
        self.inbound: dict[int, SasAdded] = {}
        self.sending: dict[int, int] = {}
        """Association to outbound SPI in use."""

    def take(self) -> list[tuple[Path, bytes]]:
        for event in self.shared.events:
            self.seen.append(event)
            match event:
                case SasAdded():
                    assert event.inbound.spi not in self.inbound
                    self.inbound[event.inbound.spi] = event
                    if event.use:
                        self.sending[event.association] = event.outbound.spi
                case SaUsed():
                    self.sending[event.association] = event.outbound_spi
                case SasRemoved():
                    del self.inbound[event.inbound_spi]
                case AssociationDown():
                    for spi in [
                        s for s, e in self.inbound.items() if e.association == event.association
                    ]:
                        del self.inbound[spi]
                    self.sending.pop(event.association, None)
                case _:
                    pass
        self.shared.events.clear()
        out = self.shared.out[:]
        self.shared.out.clear()
        return out

    def receive(self, path: Path, data: bytes, now: float) -> None:
        try:
            header = parse_header(data)
        except Malformed as wrong:
            self.shared.drops.add(wrong.reason)
            return
        self.sas.receive(path, header, data, now, natt=path.local.port == 4500)

    def time_out(self, now: float) -> None:
        for _, key in self.shared.deadlines.due(now):
            self.sas.time_out(key, now)

    def of(self, kind: type[Event]) -> list[Any]:
        return [each for each in self.seen if isinstance(each, kind)]

    @property
    def associations(self) -> list[int]:
        down = {each.association for each in self.of(AssociationDown)}
        return [e.association for e in self.of(AssociationUp) if e.association not in down]

    @property
    def up(self) -> list[int]:
        down = {each.ike for each in self.of(IkeDown)}
        return [e.ike for e in self.of(IkeUp) if e.ike not in down]

    @property
    def failed(self) -> list[IkeFailed]:
        return self.of(IkeFailed)

    def room(self) -> Any:
        return self.sas._room

    def settled(self) -> bool:
        """Nothing is under way or left over."""
        room = self.room()
        return (
            all(not sa.quicks for sa in room.by_uid.values())
            and all(sa.up for sa in room.by_uid.values())
            and set(room.children) == set(self.inbound)
            and set(self.shared.associations._by_inbound) == set(self.inbound)
        )


Nat = Callable[[Address], Address]


class Wire:
    """Client and server with a network between them that loses nothing, unless told to.

    `nat`: the client's address as the server sees it. `seen`: the server's address as the client
    sees it, when the server is behind NAT.
    """

    def __init__(
        self,
        client: Config | None = None,
        server: Config | None = None,
        *,
        nat: Nat | None = None,
        seen: str = SERVER,
        seed: int = 1,
    ) -> None:
        self.client = Peer(CLIENT, client or config(), seed)
        self.server = Peer(SERVER, server or config(), seed + 1000)
        self.nat = nat or (lambda a: a)
        self.seen = seen
        self.now = 1000.0
        self.log: list[tuple[str, bytes]] = []
        self.change: Callable[[str, bytes], list[bytes]] = lambda _to, data: [data]
        """What becomes of a message on its way to "client" or "server"."""
        self._back: dict[Address, Address] = {}

    def call(self, peer: Connection | None = None) -> Call:
        return Call(
            peer or connection(),
            Path(Address(CLIENT, 500), Address(self.seen, 500)),
            Path(Address(CLIENT, 4500), Address(self.seen, 4500)),
        )

    def open(self, peer: Connection | None = None) -> int:
        ike = self.client.shared.new_ike()
        self.client.sas.open(ike, self.call(peer), self.now)
        self.settle()
        return ike

    def settle(self, most: int = 200) -> None:
        """Until nothing travels any more."""
        for _ in range(most):
            moved = False
            for path, data in self.client.take():
                moved = True
                self.to_server(path, data)
            for path, data in self.server.take():
                moved = True
                self.to_client(path, data)
            if not moved:
                return
        raise AssertionError("they go on for ever")

    def to_server(self, path: Path, data: bytes) -> None:
        outside = self.nat(path.local)
        self._back[outside] = path.local
        self.log.append(("server", data))
        for each in self.change("server", data):
            back = Path(Address(SERVER, path.remote.port), outside)
            self.server.receive(back, each, self.now)

    def to_client(self, path: Path, data: bytes) -> None:
        self.log.append(("client", data))
        inside = self._back.get(path.remote)
        if inside is None:
            return
        for each in self.change("client", data):
            self.client.receive(Path(inside, Address(self.seen, path.local.port)), each, self.now)

    def wait(self, seconds: float) -> None:
        """Time goes by, with everything that falls due."""
        end = self.now + seconds
        for _ in range(10_000):
            self.settle()
            due = [
                when
                for when in (
                    self.client.shared.deadlines.next(),
                    self.server.shared.deadlines.next(),
                )
                if when is not None and when <= end
            ]
            if not due:
                break
            self.now = max(self.now, min(due))
            self.client.time_out(self.now)
            self.server.time_out(self.now)
        self.now = end
        self.settle()

    def agree(self) -> bool:
        """Every SA that one end sends with is one that the other takes, with the same key."""
        for one, other in ((self.client, self.server), (self.server, self.client)):
            for spi in one.sending.values():
                ours = [e.outbound for e in one.of(SasAdded) if e.outbound.spi == spi][-1]
                theirs = other.inbound.get(spi)
                if theirs is None or theirs.inbound.key != ours.key:
                    return False
                if theirs.inbound.suite != ours.suite:
                    return False
        return True
