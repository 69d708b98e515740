"""Two links over a network that loses, doubles and reorders what it carries."""

import pytest

from ppp.link_peers import CLIENT, OFFER, SERVER, Owner, client, server, variant
from simnet.link import Link, Pair
from talpa.ppp import Config
from talpa.ppp.events import (
    Authenticated,
    Ipv4Down,
    Ipv4Up,
    Ipv6Down,
    Ipv6Up,
    LinkClosed,
    PeerAttempted,
)

OPEN = "LCP Opened, IPCP Opened, IPV6CP Opened"
# In a network this bad a set-up may take several goes.
PATIENT = {"setup_timeout": 600.0, "auth_timeout": 300.0, "max_configure": 60}


def pair(
    seed: int, left: Config, right: Config, **ills: float
) -> tuple[Pair[tuple[int, bytes]], Owner, Owner]:
    a, b = server(left, seed), client(right, seed + 1_000_000)
    network: Link[tuple[int, bytes]] = Link(seed, **ills)  # type: ignore[arg-type]
    world = Pair(network, a, b, start=1000.0)
    for owner in (a, b):
        owner.link.lower_up(world.now)
    return world, a, b


def follows_the_rules(owner: Owner, asks: bool) -> None:
    """What must be true of every order of events, whatever the network did."""
    up4 = up6 = authenticated = False
    for event in owner.events:
        match event:
            case Authenticated():
                assert (event.name == "alice") is asks
                authenticated = True
            case Ipv4Up():
                assert authenticated
                assert not up4
                assert {event.ours, event.peer} == {OFFER.ours, OFFER.peer}
                up4 = True
            case Ipv6Up():
                assert authenticated
                assert not up6
                assert event.ours != event.peer
                up6 = True
            case Ipv4Down():
                assert up4
                up4 = False
            case Ipv6Down():
                assert up6
                up6 = False
            case LinkClosed():
                assert event is owner.events[-1]
            case _:
                pass
    assert not up4 or not owner.found(LinkClosed)


def comes_and_goes(seed: int) -> None:
    method = ("chap", "pap", "mschapv2", "mschap")[seed % 4]
    world, left, right = pair(
        seed,
        variant(SERVER, authenticate=(method,), **PATIENT),
        variant(CLIENT, accept=(method,), **PATIENT),
        loss=0.2,
        duplicate=0.2,
        reorder=0.2,
    )
    assert world.run(900, until=lambda: left.link.state == right.link.state == OPEN), (
        seed,
        left.link.state,
        right.link.state,
        left.events[-3:],
        right.events[-3:],
    )
    world.run(60)
    leaver = (left, right)[seed % 2]
    leaver.link.close(world.now, "done", 1)
    leaver.heed(world.now)
    assert world.run(60, until=lambda: bool(leaver.found(LinkClosed)))
    for owner, asks in ((left, True), (right, False)):
        owner.link.lower_down(world.now)
        owner.heed(world.now)
        assert len(owner.found(LinkClosed)) == 1
        assert owner.link.next_timeout() is None
        follows_the_rules(owner, asks)


@pytest.mark.parametrize("block", range(10))
def test_it_comes_up_and_goes_down_in_a_bad_network(block: int) -> None:
    for seed in range(block * 20, block * 20 + 20):
        comes_and_goes(seed)


def test_it_needs_no_time_in_a_good_network() -> None:
    world, left, right = pair(1, SERVER, CLIENT, delay=(0.01, 0.01))  # type: ignore[arg-type]
    assert world.run(1.0, until=lambda: left.link.state == right.link.state == OPEN)
    assert world.now - 1000.0 < 0.2
    assert left.link.drops.total() == right.link.drops.total() == 0


def test_echoes_keep_a_silent_link_alive_and_notice_a_cut() -> None:
    config = {"echo_interval": 10.0, "echo_failures": 3}
    world, left, right = pair(7, variant(SERVER, **config), variant(CLIENT, **config))
    world.run(3600)
    assert left.link.state == right.link.state == OPEN
    assert left.link.round_trip is not None
    assert 0.02 <= left.link.round_trip <= 0.1
    world.link.cut = True
    world.run(60)
    for owner in (left, right):
        assert owner.one(LinkClosed).reason == "no answer to 3 echoes"


def test_a_seed_replays_a_run() -> None:
    def play() -> tuple[list[object], int]:
        world, left, right = pair(5, SERVER, CLIENT, loss=0.2, duplicate=0.2, reorder=0.2)
        world.run(100)
        kinds = [type(e) for e in left.events + right.events if not isinstance(e, PeerAttempted)]
        return list(kinds), world.link.sent[0]

    assert play() == play()
