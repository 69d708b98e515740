import pytest

from talpa.aaa.limits import Guesses, GuessLimits
from talpa.sansio import place


def test_each_wrong_password_doubles_the_wait_up_to_five_minutes() -> None:
    guesses, now, waits = Guesses(GuessLimits(source_failures=1000)), 0.0, []
    for _ in range(12):
        guesses.failed("alice", "198.18.0.3", now)
        wait = guesses.user_wait("alice", "198.18.0.3", now)
        waits.append(wait)
        now += wait
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_only_this_user_from_this_place_waits() -> None:
    guesses = Guesses(GuessLimits())
    guesses.failed("alice", "198.18.0.3", 0.0)
    assert guesses.user_wait("alice", "198.18.0.3", 0.5) == 0.5
    assert guesses.user_wait("alice", "198.18.0.4", 0.5) == 0
    assert guesses.user_wait("bob", "198.18.0.3", 0.5) == 0
    guesses.succeeded("alice", "198.18.0.3")
    assert guesses.user_wait("alice", "198.18.0.3", 0.5) == 0


def test_who_keeps_still_begins_anew() -> None:
    guesses = Guesses(GuessLimits())
    for now in (0.0, 1.0, 3.0):
        guesses.failed("alice", "198.18.0.3", now)
    guesses.failed("alice", "198.18.0.3", 1000.0)
    assert guesses.user_wait("alice", "198.18.0.3", 1000.0) == 1


def test_in_a_place_with_thirty_failures_who_failed_waits_until_ten_minutes_are_over() -> None:
    guesses = Guesses(GuessLimits())
    for i in range(29):
        guesses.failed(f"user{i}", "198.18.0.3", float(i))
    assert guesses.source_wait("user0", "198.18.0.3", 30.0) == 0
    guesses.failed("user29", "198.18.0.3", 30.0)
    assert guesses.source_wait("user0", "198.18.0.3", 30.0) == 570
    assert guesses.source_wait("alice", "198.18.0.3", 30.0) == 0, "she never failed"
    assert guesses.source_wait("user0", "198.18.0.4", 30.0) == 0
    assert guesses.source_wait("user0", "198.18.0.3", 600.0) == 0
    guesses.failed("user30", "198.18.0.3", 601.0)
    assert guesses.source_wait("user30", "198.18.0.3", 601.0) == 0


def test_in_a_place_that_goes_through_names_only_who_logged_in_there_does_not_wait() -> None:
    guesses = Guesses(GuessLimits())
    guesses.succeeded("alice", "198.18.0.3")
    for i in range(300):
        guesses.failed(f"user{i}", "198.18.0.3", 0.0)
    assert guesses.source_wait("alice", "198.18.0.3", 1.0) == 0
    assert guesses.source_wait("bob", "198.18.0.3", 1.0) == 599
    assert guesses.source_wait("alice", "198.18.0.4", 1.0) == 0


def test_who_logged_in_is_remembered_within_bounds() -> None:
    guesses = Guesses(GuessLimits(entries=100))
    for i in range(1000):
        guesses.succeeded(f"user{i}", "198.18.0.3")
    assert len(guesses) == 100


def test_memory_is_bounded_and_the_longest_unseen_go_first() -> None:
    guesses = Guesses(GuessLimits(entries=100))
    for i in range(1000):
        guesses.failed(f"user{i}", f"198.18.{i % 256}.{i // 256}", 0.0)
    assert len(guesses) <= 200
    assert guesses.user_wait("user999", "198.18.231.3", 0.0) == 1
    assert guesses.user_wait("user0", "198.18.0.0", 0.0) == 0


def test_thousands_of_failures_do_not_overflow() -> None:
    guesses = Guesses(GuessLimits())
    for i in range(3000):
        guesses.failed("alice", "198.18.0.3", float(i))
    assert guesses.user_wait("alice", "198.18.0.3", 3000.0) <= 300


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("fd00:0:0:100::1", "fd00:0:0:1ff:2::3", True),
        ("fd00:0:0:100::1", "fd00:0:0:200::1", False),
        ("198.18.0.1", "198.18.0.2", False),
        ("::ffff:198.18.0.1", "198.18.0.1", True),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("not an address", "not an address", True),
    ],
)
def test_places_are_ipv4_addresses_and_ipv6_sites(one: str, other: str, same: bool) -> None:
    assert (place(one) == place(other)) is same
