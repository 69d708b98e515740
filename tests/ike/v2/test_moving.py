"""Peers that move: MOBIKE (RFC 4555), and NATs that change their mind (RFC 7296 2.23)."""

from ike.v2.ends import LEFT, RIGHT, Nat, World
from talpa.esp.sa import Encapsulation
from talpa.ike.events import AssociationMoved, IkeDown
from talpa.ike.v2 import informational
from talpa.sansio import Address, Path

ELSEWHERE = "198.18.0.50"


def way(host: str, port: int) -> Path:
    return Path(Address(host, port), Address(RIGHT, port))


def test_a_client_moves_and_the_server_follows_when_it_is_really_there() -> None:
    world = World()
    number = world.connect()
    world.left.sas.move(number, way(ELSEWHERE, 500), way(ELSEWHERE, 4500), world.now)
    world.run(20.0)
    assert world.left.carried[1].path.local.host == ELSEWHERE
    assert world.right.carried[1].path.remote.host == ELSEWHERE
    assert len(world.right.of(AssociationMoved)) == 1
    world.agree()


def test_packets_go_nowhere_new_before_the_cookie_came_back() -> None:
    world = World()
    number = world.connect()
    world.left.sas.move(number, way(ELSEWHERE, 500), way(ELSEWHERE, 4500), world.now)
    (packet,) = list(world.left.transmits())
    world.right.receive(packet, world.now)
    assert not world.right.of(AssociationMoved)
    assert len(list(world.right.transmits())) == 2  # the answer, and our own question


def test_a_move_while_the_way_is_gone_is_told_when_it_is_back() -> None:
    world = World()
    number = world.connect()
    world.link.cut = True
    world.left.sas.move(number, way(ELSEWHERE, 500), way(ELSEWHERE, 4500), world.now)
    world.run(5.0)
    third = "198.18.0.51"
    world.left.sas.move(number, way(third, 500), way(third, 4500), world.now)
    world.run(1.0)
    world.link.cut = False
    world.run(60.0)
    assert world.right.carried[1].path.remote.host == third
    assert world.left.carried[1].path.local.host == third


def test_an_end_behind_a_nat_follows_nobody_who_is_behind_none() -> None:
    world = World(nat=Nat())
    number = world.connect()
    sa = world.left.sas._room.current(number)
    assert sa is not None
    sa.mobike = False  # as with a server that does not know it
    stranger = Path(Address(LEFT, 4500), Address("203.0.113.66", 31_337))
    world.left.sas.heard_from(1, stranger, world.now)
    world.left.settle(world.now)
    assert not world.left.of(AssociationMoved)
    assert sa.path.remote.host == RIGHT


def test_from_no_nat_to_one_it_is_called_anew() -> None:
    world = World()
    number = world.connect()
    assert world.left.carried[1].spec.encapsulation is Encapsulation.RAW
    nat = Nat()
    sa = world.left.sas._room.current(number)
    assert sa is not None
    world.left.sas.move(number, way(ELSEWHERE, 500), way(ELSEWHERE, 4500), world.now)
    for packet in list(world.left.transmits()):
        world.right.receive(nat.out(packet), world.now)
    for packet in list(world.right.transmits()):
        inner = nat.back(packet)
        if inner is not None:
            world.left.receive(inner, world.now)
    assert not world.left.carried
    down = world.left.of(IkeDown)[0]
    assert isinstance(down, IkeDown)
    assert "anew" in down.reason


def test_a_nat_that_changes_its_mind_is_followed_by_esp() -> None:
    world = World(nat=Nat())
    world.connect()
    moved = Path(Address(RIGHT, 4500), Address("198.19.0.9", 50_000), association=1)
    world.right.sas.heard_from(1, moved, world.now)
    world.right.settle(world.now)
    assert world.right.carried[1].path == moved._replace(association=0)
    assert not world.right.sas.heard_from(99, moved, world.now)


def test_a_nat_that_changes_its_mind_is_followed_by_ike_without_mobike() -> None:
    nat = Nat()
    world = World(nat=nat)
    world.connect()
    for party in (world.left, world.right):
        for sa in party.sas._room.currents():
            sa.mobike = False
    nat.forget()
    (sa,) = world.left.sas._room.currents()
    sa.ask(informational.InformationalTask(), world.now)
    world.run(20.0)
    assert world.right.carried[1].path.remote.port >= 40_002


def test_without_mobike_a_move_is_the_end() -> None:
    world = World()
    number = world.connect()
    (sa,) = world.left.sas._room.currents()
    sa.mobike = False
    world.left.sas.move(number, way(ELSEWHERE, 500), way(ELSEWHERE, 4500), world.now)
    world.left.settle(world.now)
    assert not world.left.carried


def test_a_forged_origin_does_not_move_a_peer_without_nat() -> None:
    world = World()
    world.connect()
    world.right.sas.heard_from(
        1, Path(Address(RIGHT, 500), Address("198.19.9.9", 500), association=1), world.now
    )
    world.right.settle(world.now)
    assert world.right.carried[1].path.remote.host == LEFT
