"""Links that this end calls: when, how often, and not while they are up."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from talpa.ike.config import Call, Connection
from talpa.roles.notices import Notice
from talpa.sansio import Address
from talpa.server import router_links
from talpa.server.router_links import RouterLinks

LINK = Connection("branch", 2)
TICK = 0.03


class Calls:
    """Stands for what is below: every call is counted, and `answer` says what becomes of it."""

    def __init__(self, answer: Callable[["Calls"], None]) -> None:
        self.made: list[Call] = []
        self.answer = answer
        self.on_link: Any = None
        self.ipsec = SimpleNamespace(endpoint=self)

    def open(self, call: Call, _now: float) -> None:
        self.made.append(call)

    def turn(self) -> None:
        self.answer(self)

    def now(self) -> float:
        return 0.0

    def up(self) -> None:
        self.on_link("branch", up=True)

    def down(self) -> None:
        self.on_link("branch", up=False, reason="no answer")


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_links, "RETRY_FIRST", TICK)
    monkeypatch.setattr(router_links, "RETRY_CAP", 8 * TICK)
    monkeypatch.setattr(router_links, "source_address", lambda _remote: "127.0.0.1")


def kept(
    calls: Calls, *, until: Callable[[], bool], then: Callable[[], None] | None = None
) -> None:
    """Keep the link until something holds, do something, and keep it for a while more."""
    plane = SimpleNamespace(
        ike_listens=[Address("0.0.0.0", 500)], natt_listens=[Address("0.0.0.0", 4500)]
    )
    notices: list[Notice] = []

    async def run() -> None:
        links = RouterLinks(calls, plane, calls, notices.append)  # type: ignore[arg-type]
        links.start([("127.0.0.1", LINK)])
        async with asyncio.timeout(20):
            while not until():
                await asyncio.sleep(TICK / 10)
            if then is not None:
                then()
            await asyncio.sleep(TICK * 6)
        links.stop()

    asyncio.run(run())
    assert {notice.name for notice in notices} == {"link-calling"}


def test_a_link_that_is_up_is_not_called_again() -> None:
    calls = Calls(Calls.up)
    kept(calls, until=lambda: len(calls.made) == 1)
    (call,) = calls.made
    assert call.path.remote == Address("127.0.0.1", 500)
    assert call.natt_path == (Address("127.0.0.1", 4500), Address("127.0.0.1", 4500), 0)


def test_a_link_that_is_lost_is_called_again() -> None:
    calls = Calls(Calls.up)
    kept(calls, until=lambda: len(calls.made) == 1, then=calls.down)
    assert len(calls.made) == 2


def test_a_link_that_fails_is_called_with_longer_and_longer_waits() -> None:
    calls = Calls(Calls.down)
    kept(calls, until=lambda: len(calls.made) >= 2)
    assert 2 <= len(calls.made) <= 4


def test_a_link_that_the_other_end_set_up_meanwhile_is_left_alone() -> None:
    calls = Calls(Calls.down)

    def answered_by_the_other() -> None:
        calls.up()
        calls.made.clear()

    kept(calls, until=lambda: len(calls.made) == 1, then=answered_by_the_other)
    assert calls.made == []
