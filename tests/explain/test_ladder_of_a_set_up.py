"""The ladder of a whole connection, as a person at a terminal reads it."""

from pathlib import Path

import pytest

from explain.conversation import control, conversation
from talpa.explain import Ladder, dissect_l2tp
from talpa.l2tp.v2.messages import Hello

GOLDEN = Path(__file__).with_name("set_up.ladder")


def drawn(width: int) -> list[str]:
    ladder = Ladder("client", "server")
    lines = [ladder.head()]
    for time, to_server, datagram in conversation():
        rung = ladder.rung(time, dissect_l2tp(datagram), to_right=to_server)
        lines += [rung.text(width)] if rung else []
    traffic = ladder.traffic()
    assert traffic is not None
    return [*lines, traffic.text(width)]


def test_a_full_set_up() -> None:
    assert "\n".join(drawn(100)) + "\n" == GOLDEN.read_text()


@pytest.mark.parametrize("width", [80, 100])
def test_it_fits_the_terminal(width: int) -> None:
    lines = drawn(width)
    assert max(map(len, lines)) <= width
    assert all(line.count("|") == 2 for line in lines[1:])
    assert len({line.rindex("|") for line in lines[1:]}) == 1


def test_the_same_message_number_of_the_other_side_is_no_retransmission() -> None:
    ladder = Ladder("a", "b")
    hello = dissect_l2tp(control(True, 3, 3, Hello()))
    first = [ladder.rung(0, hello, to_right=True), ladder.rung(0, hello, to_right=False)]
    again = ladder.rung(1, hello, to_right=True)
    assert [r.again for r in first if r] == [False, False]
    assert again is not None
    assert again.text().endswith("again: asks whether the other end is still there")


def test_an_acknowledgement_is_never_a_retransmission() -> None:
    ladder = Ladder("a", "b")
    ack = dissect_l2tp(control(False, 3, 3, None))
    rungs = [ladder.rung(0, ack, to_right=True) for _ in range(2)]
    assert [r.again for r in rungs if r] == [False, False]


def test_a_problem_is_shown_with_the_message() -> None:
    ladder = Ladder("a", "b")
    broken = bytearray(control(True, 3, 3, Hello()))
    rung = ladder.rung(0, dissect_l2tp(bytes(broken[:-1])), to_right=True)
    assert rung is not None
    assert "Length beyond datagram" in rung.text()


def test_what_is_remembered_is_bounded() -> None:
    ladder = Ladder("a", "b")
    for ns in range(1000):
        ladder.rung(ns, dissect_l2tp(control(True, ns, 0, Hello())), to_right=True)
    assert len(ladder._seen) <= 256
    assert ladder.traffic() is None
