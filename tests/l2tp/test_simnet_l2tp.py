"""Whole endpoints on a bad link, in virtual time.

20% loss, 20% duplication, reordering and delay in both directions: every control connection and
every session comes up on both sides and goes down on both sides, the two sides agree, nothing
leaks, and what is sent stays in proportion.
"""

import random
from typing import Any

import pytest

from l2tp.ends import LAC, LNS, TO_LAC, TO_LNS, Datagram, Host, Wire, endpoint, leftovers
from simnet.link import Link
from talpa.l2tp.config import Habits
from talpa.l2tp.events import (
    CallDown,
    CallUp,
    ControlConnectionDown,
    ControlConnectionUp,
    Result,
)
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.l2tp.v2.header import parse_control

PATIENCE: dict[str, Any] = {"retransmit_limit": 14, "setup_timeout": 100.0, "quarantine": 130.0}
"""Enough that a message gets through at 20% loss each way in every run: this is about order and
agreement. Giving up has tests of its own."""


class Watched(Host):
    """A host that counts what it sends and gets."""

    received = 0
    zlbs_received = 0
    emitted = 0
    zlbs_emitted = 0

    def receive(self, payload: Datagram, now: float) -> None:
        self.received += 1
        self.zlbs_received += is_zlb(payload)
        super().receive(payload, now)

    def transmits(self) -> list[Datagram]:
        out = super().transmits()
        self.emitted += len(out)
        self.zlbs_emitted += sum(map(is_zlb, out))
        return out


def is_zlb(datagram: Datagram) -> bool:
    return not parse_control(datagram[1])[1]


def wire_of(seed: int) -> Wire:
    rng = random.Random(seed)
    link: Link[Datagram] = Link(seed, loss=0.2, duplicate=0.2, reorder=0.3, delay=(0.005, 0.6))

    def made(number: int, name: str) -> Endpoint:
        habits = Habits(
            call_after_ack=rng.random() < 0.3,
            fixed_retransmit=2.0 if rng.random() < 0.2 else None,
            close_call_first=rng.random() < 0.5,
        )
        return endpoint(
            2 * seed + number,
            name,
            secret,
            habits=habits,
            receive_window=rng.choice((1, 4, 16)),
            send_window=rng.choice((1, 4, 16)),
            acknowledge_delay=rng.choice((0.0, 0.0, 0.1)),
            **PATIENCE,
        )

    secret = rng.choice((None, "secret"))
    wire = Wire(made(0, "lac"), made(1, "lns"), link)
    wire.lac, wire.lns = Watched(wire.lac.endpoint, LAC), Watched(wire.lns.endpoint, LNS)
    wire.pair.ends = (wire.lac, wire.lns)
    return wire


def calls_agree(wire: Wire) -> bool:
    def pairs(host: Host, *, mine_first: bool) -> set[tuple[int, int]]:
        found = set()
        for event in host.seen(CallUp):
            assert isinstance(event, CallUp)
            ids = (event.session_id, event.call.peer_session_id)
            found.add(ids if mine_first else ids[::-1])
        return found

    return pairs(wire.lac, mine_first=True) == pairs(wire.lns, mine_first=False)


@pytest.mark.parametrize("block", range(20))
def test_everything_comes_up_and_goes_down_on_both_sides(block: int) -> None:
    for seed in range(block * 15, block * 15 + 15):
        up_and_down(seed)


def up_and_down(seed: int) -> None:
    rng = random.Random(~seed)
    wire = wire_of(seed)
    tunnels, calls = rng.randint(1, 3), 0
    for _ in range(tunnels):
        tunnel_id = wire.lac.endpoint.open(TO_LNS, wire.now)
        for _ in range(rng.randint(0, 4)):
            wire.lac.endpoint.place_call(tunnel_id, wire.now)
            calls += 1

    def all_up() -> bool:
        return all(
            len(host.seen(ControlConnectionUp)) == tunnels and len(host.seen(CallUp)) == calls
            for host in (wire.lac, wire.lns)
        )

    assert wire.pair.run(seconds=300, until=all_up), f"seed {seed}: not all came up"
    for _ in range(rng.randint(0, 3)):
        host = rng.choice((wire.lac, wire.lns))
        tunnel_id = rng.choice(host.endpoint.tunnels())
        if host is wire.lac:
            host.endpoint.place_call(tunnel_id, wire.now)
        else:
            host.endpoint.request_call(tunnel_id, wire.now)
        calls += 1
    assert wire.pair.run(seconds=300, until=all_up), f"seed {seed}: not all calls came up"
    assert calls_agree(wire), f"seed {seed}"

    wire.run(rng.choice((0, 5, 100)))
    for key in list(wire.lns.endpoint._calls._sessions)[: rng.randint(0, 3)]:
        wire.lns.endpoint.close_call(key >> 16, key & 0xFFFF, Result(3), wire.now)
    first, second = rng.sample((wire.lac, wire.lns), 2)
    first.endpoint.close_all(Result(6, 0, "bye"), wire.now)
    if rng.random() < 0.3:
        second.endpoint.close_all(Result(6, 0, "bye"), wire.now)

    def all_down() -> bool:
        return not (wire.lac.endpoint.busy or wire.lns.endpoint.busy)

    assert wire.pair.run(seconds=300, until=all_down), f"seed {seed}: not all went down"
    for host in (wire.lac, wire.lns):
        downs = host.seen(ControlConnectionDown)
        assert len(downs) == tunnels, f"seed {seed}"
        assert len(host.seen(CallDown)) == calls, f"seed {seed}"
        assert all(d.result.code == 6 for d in downs if isinstance(d, ControlConnectionDown))
    assert wire.pair.run(), f"seed {seed}: never quiet"
    for host in (wire.lac, wire.lns):
        assert leftovers(host.endpoint) == {}, f"seed {seed}"
        assert isinstance(host, Watched)
        # A ZLB answers a message, one for one at most, and never another ZLB. The rest is messages
        # of our own, sent again on time-outs: a few times each, not in proportion to what comes.
        assert host.zlbs_emitted <= host.received - host.zlbs_received, f"seed {seed}"
        assert host.emitted - host.zlbs_emitted <= 12 * (calls + tunnels) + 60, f"seed {seed}"


@pytest.mark.parametrize("block", range(5))
def test_both_sides_open_at_once_on_a_bad_link(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        wire = wire_of(seed)
        wire.lac.endpoint.open(TO_LNS, wire.now, tie_breaker=b"\0" * 8)
        wire.lns.endpoint.open(TO_LAC, wire.now, tie_breaker=b"\1" * 8)
        wire.run(200)
        # Who hears of the other's request late enough has a connection already, and keeps both.
        here, there = wire.lac.endpoint.describe(), wire.lns.endpoint.describe()
        assert 1 <= len(here) <= 2, f"seed {seed}"
        assert {(t.tunnel_id, t.peer_tunnel_id) for t in here} == {
            (t.peer_tunnel_id, t.tunnel_id) for t in there
        }, f"seed {seed}"
        wire.lac.endpoint.close_all(Result(1), wire.now)
        wire.lns.endpoint.close_all(Result(1), wire.now)
        assert wire.pair.run(), f"seed {seed}"
        assert leftovers(wire.lac.endpoint) == leftovers(wire.lns.endpoint) == {}, f"seed {seed}"


@pytest.mark.parametrize("block", range(5))
def test_a_link_cut_at_any_moment_leaves_both_ends_clean(block: int) -> None:
    """With the ordinary limits: whoever is left alone gives up by itself."""
    for seed in range(block * 10, block * 10 + 10):
        rng = random.Random(seed)
        link: Link[Datagram] = Link(seed, loss=0.1, delay=(0.005, 0.2))
        wire = Wire(endpoint(seed, "lac"), endpoint(-seed, "lns"), link)
        for _ in range(3):
            tunnel_id = wire.lac.endpoint.open(TO_LNS, wire.now)
            wire.lac.endpoint.place_call(tunnel_id, wire.now)
        wire.run(rng.uniform(0, 3))
        link.cut = True
        assert wire.pair.run(seconds=400), f"seed {seed}"
        for host in (wire.lac, wire.lns):
            assert leftovers(host.endpoint) == {}, f"seed {seed}"
            ups, downs = host.seen(CallUp), host.seen(CallDown)
            assert len(downs) >= len(ups), f"seed {seed}"
            assert len(host.seen(ControlConnectionDown)) >= len(host.seen(ControlConnectionUp))


def test_a_restarted_client_is_served_again_at_once() -> None:
    """kill -9: the old connection is left to fall silent, the new one does not wait for that."""
    wire = Wire()
    wire.lac.endpoint.place_call(wire.up(), wire.now)
    wire.run(1)
    wire.lac.endpoint = endpoint(1, "lac")  # the same seed: even the same tunnel id
    wire.lac.log.clear()
    wire.lac.endpoint.place_call(wire.lac.endpoint.open(TO_LNS, wire.now), wire.now)
    wire.run(1)
    assert len(wire.lac.seen(CallUp)) == 1
    assert len(wire.lns.seen(CallUp)) == 2
    wire.run(120)
    assert len(wire.lns.seen(ControlConnectionDown)) == 1
    assert len(wire.lac.endpoint.tunnels()) == len(wire.lns.endpoint.tunnels()) == 1


def test_hundreds_of_tunnels_come_up_together_on_a_bad_link() -> None:
    link: Link[Datagram] = Link(7, loss=0.2, duplicate=0.2, reorder=0.2, delay=(0.01, 0.1))
    wire = Wire(
        endpoint(1, "lac", **PATIENCE),
        endpoint(2, "lns", embryonic_per_address=1000, **PATIENCE),
        link,
    )
    for _ in range(300):
        wire.lac.endpoint.place_call(wire.lac.endpoint.open(TO_LNS, wire.now), wire.now)
    assert wire.pair.run(seconds=200, until=lambda: len(wire.lns.seen(CallUp)) == 300)
