from hypothesis import given, settings
from hypothesis import strategies as st

from talpa.aaa.numbers import QUARANTINE, Numbers

OWNERS = ["ann", "bob", "cyd", "dan", "eve"]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("acquire"), st.sampled_from(OWNERS), st.just(0)),
        st.tuples(st.just("release"), st.just(""), st.integers(0, 11)),
        st.tuples(st.just("take"), st.just(""), st.integers(-1, 12)),
        st.tuples(st.just("wait"), st.just(""), st.integers(0, 90)),
        st.tuples(st.just("reserve"), st.just(""), st.integers(0, 4095)),
    ),
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 12), st.sets(st.integers(0, 11)), steps)
def test_never_two_owners_and_never_a_number_lost(
    size: int, reserved: set[int], walk: list[tuple[str, str, int]]
) -> None:
    numbers = Numbers(size, reserved)
    reserved = {n for n in reserved if n < size}
    held: dict[int, str] = {}
    freed: dict[int, tuple[float, str]] = {}
    now = 0.0
    for what, owner, value in walk:
        if what == "acquire":
            got = numbers.acquire(owner, now)
            free = set(range(size)) - held.keys() - reserved
            if got is None:
                assert not free
                continue
            assert got in free
            at, last = freed.get(got, (-QUARANTINE, ""))
            if now < at + QUARANTINE and last != owner:
                # Only when nothing rested was left.
                assert all(now < freed.get(n, (-QUARANTINE, ""))[0] + QUARANTINE for n in free)
            held[got] = owner
        elif what == "release":
            numbers.release(value, held.get(value, "nobody"), now)
            if value in held:
                freed[value] = (now, held.pop(value))
        elif what == "take":
            assert numbers.take(value) == (0 <= value < size and value not in held)
            if 0 <= value < size:
                held.setdefault(value, "fixed")
        elif what == "wait":
            now += value
        else:
            reserved = {n for n in range(size) if value >> n & 1}
            numbers.reserve(reserved)
        assert all(numbers.holds(n) == (n in held) for n in range(size))
        assert numbers.capacity == size - len(reserved)
        assert numbers.used == len(held.keys() - reserved)


def test_every_number_is_given_out_before_exhaustion() -> None:
    numbers = Numbers(1000, {0, 1, 999})
    got = [numbers.acquire(f"u{i}", 0.0) for i in range(997)]
    assert set(got) == set(range(2, 999))
    assert numbers.acquire("late", 0.0) is None
    numbers.release(500, "u", 1.0)
    assert numbers.acquire("late", 2.0) == 500


def test_an_owner_gets_the_same_number_again_also_after_a_restart() -> None:
    first = Numbers(1 << 16)
    before = {f"u{i}": first.acquire(f"u{i}", 0.0) for i in range(2000)}
    for owner, number in before.items():
        assert number is not None
        first.release(number, owner, 1.0)
    assert {owner: first.acquire(owner, 2.0) for owner in before} == before
    second = Numbers(1 << 16)
    assert {owner: second.acquire(owner, 0.0) for owner in before} == before


def test_a_freed_number_rests_before_it_goes_to_somebody_else() -> None:
    numbers = Numbers(4)
    for i in range(4):
        numbers.acquire(f"u{i}", 0.0)
    numbers.release(2, "u2", 10.0)
    numbers.release(1, "u1", 20.0)
    # 2 has rested by then, 1 has not.
    assert numbers.acquire("new", 75.0) == 2
    # Nothing else is left.
    assert numbers.acquire("newer", 75.0) == 1


def test_of_a_million_addresses_churn_keeps_nothing_but_the_last_freed() -> None:
    numbers = Numbers(1 << 20)
    for i in range(20_000):
        number = numbers.acquire(f"u{i}", float(i))
        assert number is not None
        numbers.release(number, f"u{i}", float(i))
    assert len(numbers._freed) <= QUARANTINE + 1
    assert len(numbers._spare) == 0
