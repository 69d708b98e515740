"""Many deadlines in one heap, against a dict that is searched."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from talpa.sansio import Deadlines, earliest


@given(st.lists(st.none() | st.floats(0, 100)))
def test_earliest_of_those_set(deadlines: list[float | None]) -> None:
    known = [d for d in deadlines if d is not None]
    assert earliest(*deadlines) == (min(known) if known else None)


class AgainstADict(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.real: Deadlines[str] = Deadlines()
        self.model: dict[str, float] = {}
        self.now = 0.0

    @rule(key=st.sampled_from("abcd"), later=st.integers(-5, 20))
    def arm(self, key: str, later: int) -> None:
        self.real.arm(key, self.now + later)
        self.model[key] = self.now + later

    @rule(key=st.sampled_from("abcd"))
    def clear(self, key: str) -> None:
        self.real.arm(key, None)
        self.model.pop(key, None)

    @rule(step=st.integers(0, 10))
    def pass_time(self, step: int) -> None:
        self.now += step
        due = list(self.real.due(self.now))
        expected = {key: when for key, when in self.model.items() if when <= self.now}
        assert sorted(due) == sorted(expected)
        assert [expected[key] for key in due] == sorted(expected.values())
        for key in due:
            del self.model[key]

    @rule(again=st.integers(1, 9))
    def rearm_while_draining(self, again: int) -> None:
        for key in self.real.due(self.now):
            self.real.arm(key, self.now + again)
            self.model[key] = self.now + again

    @invariant()
    def agrees(self) -> None:
        assert self.real.next() == min(self.model.values(), default=None)
        assert len(self.real) == len(self.model)


TestAgainstADict = AgainstADict.TestCase


def test_equal_deadlines_come_in_the_order_they_were_set() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for key in "cab":
        deadlines.arm(key, 1.0)
    assert list(deadlines.due(1.0)) == ["c", "a", "b"]


def test_putting_off_does_not_grow_the_heap() -> None:
    deadlines: Deadlines[int] = Deadlines()
    for now in range(10_000):
        deadlines.arm(1, now + 60.0)
    assert len(deadlines._heap) == 1


def test_a_short_timer_before_a_long_one_does_not_grow_the_heap() -> None:
    """A keep-alive of a minute, and before it a retransmission that never comes to pass."""
    deadlines: Deadlines[int] = Deadlines()
    for tick in range(10_000):
        now = tick / 1000
        for key in range(4):
            deadlines.arm(key, now + 60)
            deadlines.arm(key, now + 0.001)
            deadlines.arm(key, now + 60)
        assert not list(deadlines.due(now))
    assert len(deadlines._heap) < 200
    assert len(list(deadlines.due(1000))) == 4
    assert deadlines.next() is None
    assert not deadlines._heap
    assert not deadlines._queued


def test_what_is_armed_anew_for_now_is_due_at_the_next_call_not_without_end() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.arm("a", 1.0)
    deadlines.arm("b", 2.0)
    taken = []
    for key in deadlines.due(3.0):
        taken.append(key)
        deadlines.arm(key, 3.0)
    assert taken == ["a", "b"]
    assert deadlines.next() == 3.0
    assert sorted(deadlines.due(3.0)) == ["a", "b"]
    assert deadlines.next() is None


def test_what_is_cleared_while_others_are_due_is_not_due() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.arm("a", 1.0)
    deadlines.arm("b", 2.0)
    for key in deadlines.due(3.0):
        assert key == "a"
        deadlines.arm("b", None)
    assert deadlines.next() is None
