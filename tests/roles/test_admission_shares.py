"""A place that asks for more than its share takes nothing from the others."""

import random

import pytest

from simnet.link import Link
from simnet.stack import SERVER, ClientEnd, ServerEnd, connect
from talpa.l2tp.config import Config as L2tpConfig
from talpa.l2tp.events import CallDown, CallUp
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.roles import admission
from talpa.roles.admission import CALL_WAIT, CALLS_PER_PLACE, CALLS_PER_TUNNEL, Admission
from talpa.roles.client import Stage
from talpa.sansio import Address, Path

STRANGER = Address("203.0.113.66", 5555)


def fill(room: Admission, source: str, start: int) -> int:
    """Tunnels of `source` until no more are let in; how many."""
    count = 0
    while room.let_in(source, 0.0):
        room.tunnel_up(start + count, source, 0.0)
        count += 1
    return count


def test_a_nat_has_all_places_while_nobody_else_calls() -> None:
    assert fill(Admission(100), "198.18.0.2", 0) == 100


def test_a_greedy_place_counts_for_a_quarter_only() -> None:
    room = Admission(100)
    assert fill(room, "198.18.0.2", 0) == 100
    assert fill(room, "198.18.0.3", 1000) == 25
    assert fill(room, "fd00::1", 2000) == 25
    assert fill(room, "fd00::2", 3000) == 0, "of the same /56"
    assert fill(room, "198.18.0.4", 4000) == 25
    assert not room.open("198.18.0.5", 0.0), "all shares are taken"
    assert room.open("198.18.0.5", CALL_WAIT), "none of them ever called"


def test_who_is_let_in_counts_before_the_tunnel_is_up() -> None:
    room = Admission(4)
    assert [room.let_in("198.18.0.2", 0.0) for _ in range(5)] == [True] * 4 + [False]
    room.turn_over()
    assert room.let_in("198.18.0.2", 0.0)


def test_calls_on_their_way_are_bounded_and_come_back() -> None:
    room = Admission()
    took = [room.call_begun(1, n, "198.18.0.2") for n in range(CALLS_PER_TUNNEL + 1)]
    assert took[:-1] == [""] * CALLS_PER_TUNNEL
    assert "tunnel" in took[-1]
    took = [room.call_begun(2 + n, 0, "198.18.0.2") for n in range(CALLS_PER_PLACE)]
    assert took.count("") == CALLS_PER_PLACE - CALLS_PER_TUNNEL
    assert "address" in took[-1]
    assert room.call_begun(1, 0xFFFF, "198.18.0.3").endswith("set up")
    room.call_settled(1, 7)
    room.call_settled(1, 7)
    assert room.call_begun(1, 7, "198.18.0.2") == ""
    for n in range(CALLS_PER_TUNNEL):
        room.call_settled(1, n)
    for n in range(CALLS_PER_PLACE):
        room.call_settled(2 + n, 0)
    assert fill(room, "198.18.0.2", 5000) == room.limit


class Stranger:
    """Tunnels and calls without PPP behind them."""

    def __init__(self, server: ServerEnd) -> None:
        self.server = server
        self.endpoint = Endpoint(L2tpConfig("stranger"), random.Random(9).randbytes)
        self.tunnel_id = self.endpoint.open(Path(STRANGER, SERVER), server.now)
        self.up = 0
        self.refusals: list[str] = []
        self.exchange(6)

    def exchange(self, rounds: int) -> None:
        now = self.server.now
        for _ in range(rounds):
            for path, data in self.endpoint.transmits():
                self.server.receive((path, data), now)
            for event in self.endpoint.events():
                self.up += isinstance(event, CallUp)
                if isinstance(event, CallDown):
                    self.refusals.append(event.result.message)
            for path, data in self.server.transmits():
                if path.remote == STRANGER and data[0] & 0x80:
                    self.endpoint.receive(Path(STRANGER, SERVER), data, now)


def test_calls_that_nobody_answers_for_keep_no_honest_client_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "CALLS_PER_TUNNEL", 40)
    server = ServerEnd(1)
    server.now = 1000.0
    server.role.admission = Admission(32)
    stranger = Stranger(server)
    for _ in range(50):
        stranger.endpoint.place_call(stranger.tunnel_id, server.now)
    stranger.exchange(40)
    assert len(server.role.sessions()) == 40
    assert stranger.refusals == ["too many calls of this tunnel are being set up"] * 10
    client = ClientEnd(2)
    pair = connect(Link(5), client, server)
    assert pair.run(10, until=lambda: client.role.stage is Stage.READY)
