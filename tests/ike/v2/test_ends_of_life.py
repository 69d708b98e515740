"""Deletes, signs of life, lives: nothing is held longer than it should be."""

import pytest

from ike.v2.ends import World, config, l2tp, quick
from ike.v2.test_weather import rekey_child
from talpa.crypto.algorithms import GroupId
from talpa.ike.events import AssociationDown, IkeDown, IkeRekeyed, SasAdded, SaUsed
from talpa.ike.v2.numbers import Exchange, Kind, ProtocolId
from talpa.ike.v2.payloads import Delete, write_chain


def empty(world: World) -> None:
    for party in (world.left, world.right):
        assert not any(party.leftovers().values()), party.leftovers()


@pytest.mark.parametrize("side", ["left", "right"])
def test_either_end_closes(side: str) -> None:
    world = World()
    number = world.connect()
    party = getattr(world, side)
    assert party.sas.close(number, "Enough.", world.now)
    party.settle(world.now)
    assert not party.carried  # for us it is over at once
    world.run(60.0)
    for end in (world.left, world.right):
        (down,) = end.of(IkeDown)
        assert isinstance(down, IkeDown)
        assert down.by_peer == (end is not party)
        (gone,) = end.of(AssociationDown)
        assert isinstance(gone, AssociationDown)
    empty(world)
    assert not party.sas.close(number, "Again.", world.now)


def test_the_last_association_takes_the_ike_sa_with_it() -> None:
    world = World()
    world.connect()
    assert world.left.sas.close_association(1, "Enough.", world.now)
    world.left.settle(world.now)
    world.run(60.0)
    empty(world)


def test_a_delete_that_names_things_twice_or_never_known() -> None:
    world = World()
    world.connect()
    (sa,) = world.left.sas._room.currents()
    (child,) = sa.children.values()
    chain = [
        (Kind.DELETE, Delete(ProtocolId.ESP, (child.inbound, child.inbound, b"\xff\0\0\1"))),
        (Kind.DELETE, Delete(ProtocolId.ESP, (child.inbound,))),
        (Kind.DELETE, Delete(ProtocolId.AH, (child.inbound,))),
        (Kind.NONCE, bytes(32)),
    ]
    assert sa.protection is not None
    envelope = sa.envelope(Exchange.INFORMATIONAL, sa.next_ask, response=False)
    sa.next_ask += 1
    (data,) = sa.protection.seal(envelope, *write_chain(chain), None)
    world.right.receive((sa.path.local, sa.path.remote, data), world.now)
    (answer,) = list(world.right.transmits())
    assert len(world.right.of(AssociationDown)) == 1
    assert answer


@pytest.mark.parametrize("side", ["left", "right"])
def test_silence_is_noticed(side: str) -> None:
    asks, waits = config(dpd=10.0), config()
    world = World(asks, waits) if side == "left" else World(waits, asks)
    world.connect()
    world.run(300.0)
    party = getattr(world, side)
    assert party.carried  # every question had its answer
    assert len(party.sent) > 20
    world.link.cut = True
    world.run(100.0)
    assert not party.carried
    assert "does not answer" in party.of(IkeDown)[0].reason
    assert not any(party.leftovers().values())


def test_who_is_heard_is_not_asked() -> None:
    world = World(config(dpd=10.0))
    world.connect()
    world.left.shared.last_heard = lambda _: world.left.now
    before = len(world.left.sent)
    world.run(300.0)
    assert len(world.left.sent) == before


def test_a_peer_that_was_never_there() -> None:
    world = World()
    world.link.cut = True
    number = world.call(l2tp())
    world.run(200.0)
    assert "does not answer" in world.left.failure.reason
    assert len(world.left.sent) == 6
    assert not any(world.left.leftovers().values())
    assert not world.left.sas.close(number, "", world.now)


def test_make_before_break() -> None:
    world = World()
    world.connect()
    (first,) = world.right.carried[1].pairs
    rekey_child(world, 0)
    world.run(3.0)
    # Both pairs are taken for a while; the server sends with the new one once it is used, or when
    # the old is deleted.
    assert len(world.right.carried[1].pairs) == 2
    assert world.right.of(SaUsed)
    world.run(10.0)
    assert first not in world.right.carried[1].pairs
    world.agree()


def test_the_first_packet_turns_the_server_to_the_new_pair() -> None:
    world = World()
    world.connect()
    rekey_child(world, 0)
    (packet,) = list(world.left.transmits())
    world.right.receive(packet, world.now)
    added = world.right.of(SasAdded)[-1]
    assert isinstance(added, SasAdded)
    assert not added.use
    assert world.right.carried[1].using != added.outbound.spi
    world.right.sas.used_by_peer(1, added.inbound.spi, world.now)
    world.right.settle(world.now)
    assert world.right.carried[1].using == added.outbound.spi


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("pfs", [None, GroupId.ECP384])
def test_new_keys_with_and_without_pfs(side: int, pfs: GroupId | None) -> None:
    world = World()
    world.connect(l2tp(pfs=pfs))
    for _ in range(3):
        rekey_child(world, side)
        world.run(12.0)
    world.agree()
    assert len(world.left.of(SasAdded)) == 4


def test_lives_end_and_begin_for_days() -> None:
    world = World(config(lifetimes=quick(30.0, 100.0)), config(lifetimes=quick(30.0, 100.0)))
    world.connect()
    for _ in range(20):
        world.run(100.0)
        assert list(world.left.carried) == list(world.right.carried) == [1]
    assert len(world.left.of(IkeRekeyed)) >= 15
    assert len(world.left.of(SasAdded)) >= 60
    assert world.left.leftovers()["sas"] <= 3
