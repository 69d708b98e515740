"""Whose place a peer that comes anew takes: its own, and nobody else's (RFC 7296 2.4)."""

from dataclasses import replace

import pytest

from ike.v2.ends import KEY, LEFT, Party, World, config, l2tp, way
from talpa.ike.config import Call, Connection, Psk
from talpa.ike.events import IkeDown
from talpa.ike.identities import from_text
from talpa.ike.v2 import init_initiator
from talpa.sansio import Address
from talpa.wire import Secret

ROUTER = from_text("office-router.example")
OWN = Psk(Secret("the router's own key, which nobody else has"), "router", None, ROUTER)
TRANSLATED = 40_500


def caller(psk: Psk) -> Connection:
    return l2tp(local_identity=ROUTER, psk=replace(psk, identity=None))


def come_from_behind_its_nat(
    world: World, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody behind the address of the left end calls, and says nothing of the NAT."""
    other = Party(LEFT, config(), seed=9)
    monkeypatch.setattr(init_initiator, "nat_notifies", lambda *_, **__: [])
    other.sas.open(1, Call(connection, way(500), way(4500)), world.now)
    for _ in range(6):
        for source, target, data in list(other.transmits()):
            world.right.receive((Address(source.host, TRANSLATED), target, data), world.now)
        for source, target, data in list(world.right.transmits()):
            if target.port == TRANSLATED:
                other.receive((source, Address(LEFT, 500), data), world.now)


@pytest.mark.parametrize("victim", [OWN, KEY], ids=["own key", "key of a group"])
def test_by_another_proof_or_way_it_is_somebody_else(
    victim: Psk, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [OWN, replace(KEY, identity=ROUTER)]
    world = World(config(), config(psks=lambda _: both))
    world.connect(caller(victim))
    number, (association,) = world.right.up, world.right.carried
    pairs = set(world.right.carried[association].pairs)
    come_from_behind_its_nat(world, caller(KEY), monkeypatch)
    assert not world.right.of(IkeDown)
    assert world.right.carried[association].ike == number
    assert set(world.right.carried[association].pairs) == pairs
