"""Drop counters and the small values that cores speak in."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from talpa.sansio import Address, Drops, Path


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5))))
def test_drops_are_counted_by_reason(added: list[tuple[str, int]]) -> None:
    drops = Drops()
    model: Counter[str] = Counter()
    for reason, count in added:
        drops.add(reason, count)
        model[reason] += count
    assert list(drops) == sorted(model.items())
    assert drops.total() == model.total()
    assert drops["never"] == 0
    assert "never" not in dict(drops)


def test_addresses_as_people_write_them() -> None:
    assert str(Address("198.18.0.1", 1701)) == "198.18.0.1:1701"
    assert str(Address("fd00::1", 1701)) == "[fd00::1]:1701"


def test_two_associations_are_two_paths() -> None:
    ends = Address("198.18.0.1", 1701), Address("198.18.0.2", 1701)
    assert Path(*ends) == Path(*ends, 0)
    assert Path(*ends, 1) != Path(*ends, 2)
    assert len({Path(*ends, 1), Path(*ends, 2)}) == 2
