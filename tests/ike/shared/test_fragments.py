"""Pieces of messages: in any order, hostile, and within one budget."""

import random

from hypothesis import given
from hypothesis import strategies as st

from talpa.ike.fragments import MOST_FRAGMENTS, MOST_OCTETS, Budget, Reassembly


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=64), st.randoms())
def test_pieces_in_any_order_and_twice_make_the_message(
    parts: list[bytes], rng: random.Random
) -> None:
    pieces = [(number, part) for number, part in enumerate(parts, 1)] * 2
    rng.shuffle(pieces)
    reassembly = Reassembly()
    got = [reassembly.add(number, len(parts), part) for number, part in pieces]
    whole = [one for one in got if one is not None]
    assert whole
    assert set(whole) == {b"".join(parts)}


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=64), st.randoms())
def test_pieces_of_which_the_last_alone_says_how_many(
    parts: list[bytes], rng: random.Random
) -> None:
    pieces = list(enumerate(parts, 1))
    rng.shuffle(pieces)
    reassembly = Reassembly()
    got = [
        reassembly.add(number, number if number == len(parts) else 0, part)
        for number, part in pieces
    ]
    assert got == [None] * (len(parts) - 1) + [b"".join(parts)]


def test_pieces_that_contradict_are_passed_over() -> None:
    reassembly = Reassembly()
    assert reassembly.add(1, 2, b"a") is None
    for number, total in ((0, 2), (3, 2), (1, 65), (65, 0), (2, 1), (-1, 2)):
        assert reassembly.add(number, total, b"x") is None
    assert reassembly.add(2, 2, b"") is None
    assert reassembly.add(1, 2, b"other") is None
    assert reassembly.add(2, 2, b"b") == b"ab"


def test_more_pieces_than_before_begin_anew() -> None:
    reassembly = Reassembly()
    assert reassembly.add(1, 2, b"long piece") is None
    assert [reassembly.add(n, 3, b"%d" % n) for n in (1, 2, 3)] == [None, None, b"123"]


def test_no_message_is_longer_than_a_message_may_be() -> None:
    budget = Budget(1 << 30)
    reassembly = Reassembly(budget)
    for number in range(1, MOST_FRAGMENTS):
        assert reassembly.add(number, MOST_FRAGMENTS, bytes(2_000)) is None
    assert budget.left >= (1 << 30) - MOST_OCTETS


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(-1, 70), st.integers(0, 70), st.binary(max_size=300)
        ),
        max_size=80,
    )
)
def test_all_together_stay_within_the_budget_and_give_it_back(
    pieces: list[tuple[int, int, int, bytes]],
) -> None:
    budget = Budget(1_000)
    all_ = [Reassembly(budget) for _ in range(4)]
    for which, number, total, data in pieces:
        all_[which].add(number, total, data)
        assert 0 <= budget.left <= 1_000
    for one in all_:
        one.clear()
    assert budget.left == 1_000


def test_who_waits_longest_goes_first_and_who_is_proven_is_left_in_peace() -> None:
    budget = Budget(100)
    old, proven, new = Reassembly(budget), Reassembly(budget), Reassembly(budget)
    proven.add(1, 2, bytes(50))
    proven.proven()
    old.add(1, 2, bytes(60))
    new.add(1, 2, bytes(60))
    assert old.add(2, 2, b"x") is None
    assert new.add(2, 2, b"x") == bytes(60) + b"x"
    assert proven.add(2, 2, b"x") == bytes(50) + b"x"


def test_pieces_of_sas_that_are_gone_make_way() -> None:
    budget = Budget(10_000)
    for _ in range(1_000):
        Reassembly(budget).add(1, 2, bytes(1_000))
    assert 0 <= budget.left <= 10_000
    assert Reassembly(budget).add(1, 1, b"whole") == b"whole"
