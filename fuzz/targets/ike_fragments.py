"""Fragments of messages from many peers."""

from collections.abc import Iterator

from fuzz.octets import Octets
from talpa.ike.fragments import MOST_OCTETS, Budget, Reassembly

_BUDGET = 4_096


def check(data: bytes) -> None:
    """Whatever comes in whatever order: a message is never too long, all that wait keep within the
    budget, and give it back."""
    octets = Octets(data)
    budget = Budget(_BUDGET)
    peers = [Reassembly(budget) for _ in range(4)]
    while octets:
        peer = octets.pick(peers)
        number, total = octets.number() - 1, octets.number()
        piece = octets.chunk()
        if number == 100:
            peer.clear()
        whole = peer.add(number, total, piece)
        assert whole is None or len(whole) <= MOST_OCTETS
        assert 0 <= budget.left <= _BUDGET
    for peer in peers:
        peer.clear()
    assert budget.left == _BUDGET


def seeds() -> Iterator[bytes]:
    """Two messages at once, and one that is cut anew."""
    yield bytes((0, 2, 2, 1, 65, 1, 2, 0, 1, 66, 0, 3, 2, 1, 67, 1, 3, 2, 1, 68))
    yield bytes((0, 2, 2, 1, 65, 0, 2, 3, 1, 65, 0, 3, 3, 1, 65, 0, 4, 3, 1, 65))
    yield bytes((0, 2, 2, 0xFF, 8, 0)) + bytes(2048) + bytes((1, 2, 2, 0xFF, 8, 0)) + bytes(2048)
