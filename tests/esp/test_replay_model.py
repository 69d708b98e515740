"""The replay window against the plain words of RFC 4303, appendix A, for every size."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from talpa.esp.replay import LARGEST, Window

FULL = 1 << 32


class Model:
    """A set of what was seen."""

    def __init__(self, size: int, *, esn: bool) -> None:
        self.size = size
        self.esn = esn
        self.top = 0
        self.seen: set[int] = set()

    def place(self, low: int) -> int:
        """RFC 4303 A2.2, as it is written there."""
        if not self.esn:
            return low
        top_high, top_low = divmod(self.top, FULL)
        if top_low >= self.size - 1:
            high = top_high if low >= top_low - self.size + 1 else top_high + 1
        else:
            high = top_high - 1 if low >= (top_low - self.size + 1) % FULL else top_high
        return high * FULL + low

    def fresh(self, number: int) -> bool:
        if number <= 0 or (self.size and number <= self.top - self.size):
            return False
        return not self.size or number not in self.seen

    def mark(self, number: int) -> None:
        self.seen.add(number)
        self.top = max(self.top, number)


sizes = st.one_of(st.integers(1, 80), st.sampled_from([255, 256, 1000, 1024, 4095, 4096]))
starts = st.sampled_from([0, 1, 63, FULL - 70, FULL - 1, FULL, FULL + 1, 5 * FULL - 3, 5 * FULL])
steps = st.lists(
    st.tuples(
        st.one_of(
            st.integers(-70, 70),
            st.integers(-5000, 5000),
            st.sampled_from([FULL - 1, FULL, 1 - FULL, 1 << 31, FULL // 2 - 1, 1 << 20]),
        ),
        st.booleans(),
    ),
    max_size=60,
)


@given(sizes, starts, steps)
@example(64, FULL - 1, [(1, True), (0, True), (-1, True), (1, True), (-64, True), (-63, True)])
@example(1, FULL, [(0, True), (1, True), (-1, True)])
def test_extended_numbers_agree_with_the_model(
    size: int, start: int, moves: list[tuple[int, bool]]
) -> None:
    window, model = Window(size, esn=True), Model(size, esn=True)
    if start:
        window.mark(start)
        model.mark(start)
    for step, genuine in moves:
        low = (model.top + step) % FULL
        number = window.place(low)
        assert number == model.place(low)
        assert window.fresh(number) == model.fresh(number)
        if genuine and window.fresh(number):
            window.mark(number)
            model.mark(number)
        assert window.highest == model.top


@given(st.one_of(st.just(0), sizes), starts.filter(lambda n: n < FULL), steps)
def test_plain_numbers_agree_with_the_model(
    size: int, start: int, moves: list[tuple[int, bool]]
) -> None:
    window, model = Window(size, esn=False), Model(size, esn=False)
    if start:
        window.mark(start)
        model.mark(start)
    for step, genuine in moves:
        low = min(max(model.top + step, 0), FULL - 1)
        assert window.place(low) == low
        assert window.fresh(low) == model.fresh(low)
        if genuine and window.fresh(low):
            window.mark(low)
            model.mark(low)
        assert window.highest == model.top


@pytest.mark.parametrize("size", [1, 7, 8, 32, 64, 1024, 4096])
def test_every_packet_of_a_window_is_taken_once(size: int) -> None:
    window = Window(size, esn=False)
    top = 3 * size + 5
    window.mark(top)
    for number in range(top - size + 1, top):
        assert window.fresh(number)
        window.mark(number)
    assert not any(window.fresh(number) for number in range(top + 1))
    assert window.fresh(top + 1)


def test_without_a_window_order_does_not_matter() -> None:
    window = Window(0, esn=False)
    for number in (5, 1, 5, 1 << 31, 1):
        assert window.fresh(number)
        window.mark(number)
    assert not window.fresh(0)
    assert window.highest == 1 << 31


@pytest.mark.parametrize("size", [-1, LARGEST + 1])
def test_sizes_have_bounds(size: int) -> None:
    with pytest.raises(ValueError, match="0 to 4096"):
        Window(size, esn=False)
