"""Additional key exchanges with ML-KEM (RFC 9370, RFC 9242), and post-quantum keys (RFC 8784)."""

from dataclasses import replace

import pytest

from ike.v2.ends import FAST, World, config, l2tp
from ike.v2.test_weather import rekey_child, rekey_ike
from talpa.crypto.algorithms import GroupId
from talpa.ike.events import IkeRekeyed, IkeUp
from talpa.ike.policies import MODERN
from talpa.ike.v2.numbers import Exchange
from talpa.wire import Secret

BOTH = replace(MODERN, additional=(GroupId.MLKEM768, GroupId.MLKEM1024))
MUST = replace(MODERN, additional=(GroupId.MLKEM768,), require_additional=True)
MINE = ((b"ours", Secret(b"q" * 32)),)


def exchanges(world: World) -> set[int]:
    return {one[18] for one in world.left.sent}


@pytest.mark.parametrize("group", [GroupId.X25519, GroupId.ECP384, GroupId.MODP2048])
def test_ml_kem_beside_a_classic_group(group: GroupId) -> None:
    chosen = replace(BOTH, groups=(group,))
    world = World(config(policy=chosen), config(policy=chosen))
    world.connect()
    world.agree()
    up = world.right.of(IkeUp)[0]
    assert isinstance(up, IkeUp)
    assert up.peer.suite.endswith("/ML-KEM-768")
    assert Exchange.IKE_INTERMEDIATE in exchanges(world)
    assert max(len(one) for one in world.left.sent) <= config().fragment_octets


@pytest.mark.parametrize(("left", "right"), [(BOTH, FAST), (FAST, BOTH)])
def test_without_it_where_one_does_not_know_it(left: object, right: object) -> None:
    world = World(config(policy=left), config(policy=right))
    world.connect()
    world.agree()
    assert Exchange.IKE_INTERMEDIATE not in exchanges(world)


@pytest.mark.parametrize(("left", "right"), [(MUST, FAST), (FAST, MUST)])
def test_nothing_without_it_where_it_is_required(left: object, right: object) -> None:
    world = World(config(policy=left), config(policy=right))
    world.connect()
    assert not world.left.carried
    assert not world.right.carried


@pytest.mark.parametrize("side", [0, 1])
def test_re_keying_keeps_it(side: int) -> None:
    world = World(config(policy=BOTH), config(policy=BOTH))
    world.connect()
    rekey_ike(world, side)
    world.run(5.0)
    for party in (world.left, world.right):
        (event,) = party.of(IkeRekeyed)
        assert isinstance(event, IkeRekeyed)
        assert event.peer.suite.endswith("/ML-KEM-768")
    assert {one[18] for one in (world.left, world.right)[side].sent} >= {Exchange.IKE_FOLLOWUP_KE}
    rekey_child(world, side)
    world.run(5.0)
    world.agree()


def test_both_re_key_at_once_with_it() -> None:
    world = World(config(policy=BOTH), config(policy=BOTH))
    world.connect()
    rekey_ike(world, 0)
    rekey_ike(world, 1)
    world.run(100.0)
    world.agree()
    assert world.left.leftovers()["sas"] == world.right.leftovers()["sas"] == 1


@pytest.mark.parametrize("required", [False, True])
def test_a_post_quantum_key_of_both(required: bool) -> None:
    world = World(
        config(require_post_quantum_key=required),
        config(post_quantum_keys=MINE, require_post_quantum_key=required),
    )
    world.connect(l2tp(post_quantum_key=Secret(b"q" * 32), post_quantum_id=b"ours"))
    world.agree()
    (left,), (right,) = (p.sas._room.currents() for p in (world.left, world.right))
    assert left.keys == right.keys
    rekey_ike(world, 0)
    world.run(5.0)
    world.agree()


def test_another_post_quantum_key_is_refused() -> None:
    world = World(config(), config(post_quantum_keys=MINE))
    world.connect(l2tp(post_quantum_key=Secret(b"x" * 32), post_quantum_id=b"ours"))
    assert not world.right.carried


@pytest.mark.parametrize(("required", "comes_up"), [(False, True), (True, False)])
def test_a_post_quantum_key_that_the_server_does_not_know(required: bool, comes_up: bool) -> None:
    world = World(config(), config(post_quantum_keys=MINE, require_post_quantum_key=required))
    world.connect(l2tp(post_quantum_key=Secret(b"x" * 32), post_quantum_id=b"theirs"))
    assert bool(world.right.carried) == comes_up
    if comes_up:
        world.agree()


def test_a_server_without_any_is_refused_where_it_is_required() -> None:
    world = World(config(require_post_quantum_key=True), config())
    world.connect(l2tp(post_quantum_key=Secret(b"x" * 32), post_quantum_id=b"theirs"))
    assert not world.left.carried
    assert "post-quantum" in world.left.failure.reason
