"""Room for so many at once: those who come too many wait in line, and none while going down."""

import random

from talpa.l2tp.config import Config
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.sansio import Address, Path

SERVER = Address("198.18.0.1", 1701)


class World:
    """One server and many clients, wired without loss."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.now = 1000.0
        self.server = Endpoint(
            Config("server"),
            random.Random(1).randbytes,
            admit=lambda path, _now: path.remote != self.held and self.up() < self.room,
        )
        self.held: Address | None = None
        """A caller for whom there is no room in any case."""
        self.clients: dict[Address, Endpoint] = {}

    def up(self) -> int:
        return len(self.server.describe())

    def call(self, number: int) -> None:
        address = Address("198.18.0.2", 10_000 + number)
        client = Endpoint(Config("client"), random.Random(number + 2).randbytes)
        self.clients[address] = client
        client.open(Path(address, SERVER), self.now)

    def exchange(self, rounds: int = 6) -> None:
        for _ in range(rounds):
            self.now += 0.01
            for address, client in self.clients.items():
                for _, data in client.transmits():
                    self.server.receive(Path(SERVER, address), data, self.now)
            self.server.proceed(self.now)
            for path, data in self.server.transmits():
                self.clients[path.remote].receive(Path(path.remote, SERVER), data, self.now)


def test_those_too_many_wait_in_line_and_come_up_when_there_is_room() -> None:
    world = World(room=5)
    for number in range(20):
        world.call(number)
    world.exchange()
    assert world.up() == 5
    assert world.server.drops["control message put off: too many are being set up"] >= 15
    due = world.server.next_timeout()
    assert due is not None
    assert due - world.now < 1

    world.room = 12
    world.exchange()
    assert world.up() == 12
    world.room = 100
    world.exchange()
    assert world.up() == 20


def test_a_server_that_goes_down_takes_nobody_and_leaves_callers_trying() -> None:
    world = World(room=100)
    world.call(0)
    world.exchange()
    world.server.accepting = False
    world.call(1)
    world.exchange()
    assert world.up() == 1
    assert world.server.drops["SCCRQ while no new tunnels are taken"] == 1
    (_, second) = world.clients.values()
    assert second.next_timeout() is not None, "it will try again"
    assert not any(second.events())


def test_a_caller_half_way_in_is_told_when_the_server_goes_down() -> None:
    world = World(room=100)
    world.call(0)
    world.exchange(rounds=1)
    world.server.accepting = False
    world.exchange()
    assert world.up() == 0
    (client,) = world.clients.values()
    assert "going down" in str(client.events()[-1])


def test_an_address_without_room_does_not_hold_up_another() -> None:
    world = World(room=100)
    first = Address("198.18.0.3", 5000)
    world.held = first
    client = world.clients[first] = Endpoint(Config("client"), random.Random(99).randbytes)
    client.open(Path(first, SERVER), world.now)
    world.exchange()
    assert world.up() == 0
    for number in range(3):
        world.call(number)
    world.exchange()
    assert world.up() == 3
    world.held = None
    world.exchange()
    assert world.up() == 4
