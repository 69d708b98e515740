"""The cursor never reads past its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.wire import Malformed, Reader

STEPS = ("u8", "u16", "u32", "u64", "take", "sub", "rest")


@given(
    st.binary(max_size=40),
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(-3, 20)), max_size=12),
)
def test_reads_are_the_octets_in_order_or_malformed(
    data: bytes, steps: list[tuple[str, int]]
) -> None:
    reader = Reader(data)
    at = 0
    for step, count in steps:
        sizes = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "rest": len(data) - at}
        size = sizes.get(step, count)
        left = len(reader)
        assert left == len(data) - at
        if not 0 <= size <= left:
            with pytest.raises(Malformed, match="thing: cut short"):
                getattr(reader, step)(*([count] if step in ("take", "sub") else []), "thing")
            assert len(reader) == left
            continue
        expected = data[at : at + size]
        at += size
        if step == "rest":
            assert reader.rest() == expected
        elif step == "take":
            assert reader.take(count, "thing") == expected
        elif step == "sub":
            inner = reader.sub(count, "thing")
            assert inner.rest() == expected
            with pytest.raises(Malformed):
                inner.u8("thing")
        else:
            assert getattr(reader, step)("thing") == int.from_bytes(expected, "big")


def test_done_demands_the_end() -> None:
    reader = Reader(b"ab")
    with pytest.raises(Malformed, match="thing: octets left over: 2"):
        reader.done("thing")
    reader.rest()
    reader.done("thing")


def test_malformed_keeps_reason_apart_from_detail() -> None:
    problem = Malformed("reason", "detail")
    assert (problem.reason, problem.detail, str(problem)) == ("reason", "detail", "reason: detail")
    assert str(Malformed("reason")) == "reason"
