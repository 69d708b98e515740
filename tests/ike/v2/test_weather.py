"""IKEv2 in bad weather: loss, duplicates, reordering, and both ends re-keying at once."""

import os

import pytest

from ike.v2.ends import World, config, l2tp
from simnet.link import Link
from talpa.ike.events import AssociationUp
from talpa.ike.v2 import liveness

SEEDS = int(os.environ.get("TALPA_SEEDS", "1000"))

CLEAN = {
    "sas": 1,
    "openings": 0,
    "not gone on": 0,
    "children": 1,
    "numbers": 1,
    "peers": 1,
    "associations": 1,
    "spis": 1,
    "half open": 0,
}


def rekey_ike(world: World, side: int) -> None:
    party = (world.left, world.right)[side]
    for sa in list(party.sas._room.currents()):
        liveness.rekey(sa, world.now)
    party.settle(world.now)


def rekey_child(world: World, side: int) -> None:
    party = (world.left, world.right)[side]
    for number, carried in list(party.carried.items()):
        for inbound, outbound in list(carried.pairs.values()):
            if outbound.spi == carried.using:
                party.sas.expiring(number, inbound.spi, outbound.spi, world.now)
    party.settle(world.now)


def storm(seed: int) -> None:
    link: Link[object] = Link(seed, loss=0.15, duplicate=0.1, reorder=0.2, delay=(0.01, 0.3))
    patient = config(retransmit_limit=40, retransmit_first=0.5, retransmit_cap=2.0)
    world = World(patient, patient, link=link, seed=seed)  # type: ignore[arg-type]
    world.connect(l2tp(), 60.0)
    choices = link.random
    assert world.run(60.0, lambda: bool(world.left.carried and world.right.carried))
    for _ in range(choices.randrange(4, 10)):
        what = choices.choice((rekey_ike, rekey_child))
        first = choices.randrange(2)
        what(world, first)
        if choices.random() < 0.7:
            world.run(choices.choice((0.0, 0.01, 0.2, 0.6)))
            other = what if choices.random() < 0.7 else choices.choice((rekey_ike, rekey_child))
            other(world, 1 - first)
        world.run(choices.uniform(0.0, 20.0))
    link.loss = link.duplicate = link.reorder = 0.0
    world.run(150.0)
    world.agree()
    for party in (world.left, world.right):
        held = party.leftovers()
        del held["deadlines"]
        assert held == CLEAN, (seed, party.host, held)
        assert len(party.of(AssociationUp)) == 1
    # One association from the beginning to the end, and then nothing at all.
    world.left.sas.close(world.left.up, "Enough.", world.now)
    world.left.settle(world.now)
    world.run(100.0)
    assert not any(world.left.leftovers().values()), (seed, world.left.leftovers())
    assert not any(world.right.leftovers().values()), (seed, world.right.leftovers())


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_association_dies_and_nothing_leaks(seed: int) -> None:
    storm(seed)
