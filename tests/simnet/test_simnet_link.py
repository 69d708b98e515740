"""The simulated link keeps its promises: seeded, lossy as asked, in order unless told otherwise."""

import pytest

from simnet.link import Link, Pair, Stuck


def run(link: Link[int], count: int = 1000) -> list[int]:
    for i in range(count):
        link.send(0, i, now=float(i))
    arrived = []
    while (when := link.next_time()) is not None:
        arrived += [payload for _, payload in link.deliver(when)]
    return arrived


def test_a_perfect_link_delivers_everything_once_and_in_order() -> None:
    assert run(Link(1, delay=(0.0, 50.0))) == list(range(1000))


def test_losses_and_duplicates_come_as_often_as_asked() -> None:
    arrived = run(Link(2, loss=0.2, duplicate=0.2, reorder=0.3))
    assert 740 <= len(set(arrived)) <= 860
    assert 90 <= len(arrived) - len(set(arrived)) <= 230


def test_reordering_reorders() -> None:
    arrived = run(Link(3, reorder=0.3, delay=(1.0, 5.0)))
    assert arrived != sorted(arrived)
    assert sorted(arrived) == list(range(1000))


def test_the_same_seed_gives_the_same_run() -> None:
    runs = [run(Link(seed, loss=0.3, duplicate=0.3, reorder=0.3)) for seed in (4, 4, 5)]
    assert runs[0] == runs[1] != runs[2]


def test_nothing_passes_a_cut_link() -> None:
    link: Link[int] = Link(6)
    link.cut = True
    assert run(link) == []


class Echo:
    """Sends back what it gets, `lives` times."""

    def __init__(self, lives: int) -> None:
        self.out: list[int] = []
        self.seen: list[float] = []
        self.lives = lives

    def receive(self, payload: int, now: float) -> None:
        self.seen.append(now)
        if self.lives:
            self.lives -= 1
            self.out.append(payload)

    def transmits(self) -> list[int]:
        out, self.out = self.out, []
        return out

    def next_timeout(self) -> float | None:
        return None

    def handle_timeout(self, now: float) -> None:
        raise AssertionError("nothing was awaited")


def test_a_pair_runs_until_nothing_is_awaited() -> None:
    left, right = Echo(3), Echo(3)
    pair: Pair[int] = Pair(Link(7, delay=(1.0, 1.0)), left, right, start=0.0)
    left.out.append(1)
    assert pair.run()
    assert right.seen == [1.0, 3.0, 5.0, 7.0]
    assert left.seen == [2.0, 4.0, 6.0]


def test_a_pair_stops_at_the_time_given() -> None:
    left, right = Echo(100), Echo(100)
    pair: Pair[int] = Pair(Link(8, delay=(1.0, 1.0)), left, right, start=0.0)
    left.out.append(1)
    assert pair.run(seconds=4.5)
    assert pair.now == 4.5
    assert len(left.seen) == len(right.seen) == 2
    assert pair.run(seconds=50, until=lambda: len(left.seen) == 5)


def test_a_pair_that_does_not_settle_is_caught() -> None:
    left, right = Echo(10**9), Echo(10**9)
    pair: Pair[int] = Pair(Link(9, delay=(0.0, 0.0)), left, right)
    left.out.append(1)
    with pytest.raises(Stuck):
        pair.run()
    slow: Pair[int] = Pair(Link(9, delay=(1.0, 1.0)), left, right)
    left.out.append(1)
    with pytest.raises(Stuck):
        slow.run(most_steps=500)
