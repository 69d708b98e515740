"""Who may begin: half-open SAs, rates, cookies, and memory that stays bounded."""

import random
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from talpa.ike.admission import Admission
from talpa.ike.config import Config
from talpa.ike.policies import COMPATIBLE
from talpa.sansio import Address, Path

LOCAL = Address("198.18.0.1", 500)


def path(host: str, port: int = 500) -> Path:
    return Path(LOCAL, Address(host, port))


def admission(**changes: Any) -> Admission:
    config = Config(COMPATIBLE, lambda: datetime(2026, 11, 21, tzinfo=UTC), **changes)
    return Admission(config, random.Random(7).randbytes)


def spoofed(number: int) -> Path:
    return path(f"{10 + (number >> 16)}.{number >> 8 & 255}.{number & 255}.9")


def test_one_place_has_its_share_and_gets_it_back() -> None:
    door = admission(half_open_per_place=10)
    assert [door.admit(path("198.18.1.1", port), 0.0) for port in range(12)] == [True] * 10 + [
        False
    ] * 2
    assert door.admit(path("198.18.1.2"), 0.0)
    assert door.half_open == 11
    door.settled(path("198.18.1.1", 77))
    assert door.admit(path("198.18.1.1"), 0.0)


def test_a_network_of_ipv6_is_one_place() -> None:
    door = admission(half_open_per_place=4)
    admitted = [door.admit(path(f"2001:db8:0:{n:x}::1"), 0.0) for n in range(8)]
    assert admitted == [True] * 4 + [False] * 4


def test_a_place_begins_at_its_rate_and_no_faster() -> None:
    door = admission(rate_per_place=50.0)
    begun = 0
    for tick in range(1000):
        if door.admit(path("198.18.1.1"), tick / 100):
            begun += 1
            door.settled(path("198.18.1.1"))
    assert 50 + 9.9 * 50 - 1 <= begun <= 50 + 10 * 50


def test_a_carrier_nat_of_two_thousand_clients_fits() -> None:
    door = admission()
    begun = sum(door.admit(path("198.18.1.1", 1024 + n), n / 200) for n in range(2000))
    assert begun == 2000


def test_forged_addresses_leave_room_for_those_who_answer_cookies() -> None:
    door = admission(half_open=1000)
    assert sum(door.admit(spoofed(number), 0.0) for number in range(5000)) == 750
    assert not door.admit(path("198.18.1.1"), 0.0)
    assert door.admit(path("198.18.1.1"), 0.0, proven=True)


def test_memory_is_bounded_whoever_comes() -> None:
    door = admission(half_open=500)

    def flood(start: int) -> int:
        for number in range(start, start + 20_000):
            if door.admit(spoofed(number), number / 1e6):
                door.settled(spoofed(number))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = flood(0)
        after = flood(100_000)
    finally:
        tracemalloc.stop()
    assert after - before < 200_000
    assert door.half_open == 0


def test_a_sweep_forgets_nobody_who_has_something_half_open() -> None:
    door = admission(half_open=100, half_open_per_place=1)
    assert door.admit(path("198.18.1.1"), 0.0)
    for number in range(1000):
        if door.admit(spoofed(number), 0.0):
            door.settled(spoofed(number))
    assert not door.admit(path("198.18.1.1"), 1.0)


def test_settled_too_often_or_by_nobody_counts_nothing() -> None:
    door = admission()
    door.settled(path("198.18.1.1"))
    assert door.admit(path("198.18.1.1"), 0.0)
    door.settled(path("198.18.1.1"))
    door.settled(path("198.18.1.1"))
    assert door.half_open == 0


def test_cookies_are_wanted_of_a_place_before_they_are_wanted_of_all() -> None:
    door = admission(cookies_from=40)
    busy, calm = path("198.18.1.1"), path("198.18.1.2")
    for _ in range(9):
        door.admit(busy, 0.0)
    assert not door.cookie_wanted(busy, 0.0)
    door.admit(busy, 0.0)
    assert door.cookie_wanted(busy, 0.0)
    assert not door.cookie_wanted(calm, 0.0)
    for number in range(30):
        door.admit(spoofed(number), 0.0)
    assert door.cookie_wanted(calm, 0.0)


SPI, NONCE = b"12345678", b"n" * 32


def test_a_cookie_is_for_one_initiator() -> None:
    door = admission()
    here = path("198.18.1.1", 4500)
    cookie = door.cookie(here, SPI, NONCE, 1000.0)
    assert 24 <= len(cookie) <= 40
    assert door.cookie_good(cookie, here, SPI, NONCE, 1001.0)
    wrong: list[Callable[[], bool]] = [
        lambda: door.cookie_good(cookie, path("198.18.1.2", 4500), SPI, NONCE, 1001.0),
        lambda: door.cookie_good(cookie, path("198.18.1.1", 4501), SPI, NONCE, 1001.0),
        lambda: door.cookie_good(cookie, here, b"87654321", NONCE, 1001.0),
        lambda: door.cookie_good(cookie, here, SPI, NONCE + b"n", 1001.0),
        lambda: door.cookie_good(cookie[:-1], here, SPI, NONCE, 1001.0),
        lambda: door.cookie_good(cookie + b"\0", here, SPI, NONCE, 1001.0),
        lambda: door.cookie_good(b"", here, SPI, NONCE, 1001.0),
    ]
    assert not any(good() for good in wrong)


@given(st.floats(0, 1e6), st.floats(0, 400))
def test_a_cookie_lives_for_a_minute_at_least_and_two_at_most(when: float, later: float) -> None:
    door = admission()
    here = path("fe80::1%eth0")
    cookie = door.cookie(here, SPI, NONCE, when)
    good = door.cookie_good(cookie, here, SPI, NONCE, when + later)
    if later < 59.9:
        assert good
    if later > 120.1:
        assert not good


def test_another_endpoint_takes_no_cookie_of_ours() -> None:
    other = Admission(
        Config(COMPATIBLE, lambda: datetime(2026, 11, 21, tzinfo=UTC)), random.Random(8).randbytes
    )
    here = path("198.18.1.1")
    assert not other.cookie_good(admission().cookie(here, SPI, NONCE, 5.0), here, SPI, NONCE, 5.0)
