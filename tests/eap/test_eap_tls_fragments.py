import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.eap.tls_fragments import LENGTH_INCLUDED, MORE, MOST_MESSAGE, Fragments
from talpa.wire import Malformed


@given(message=st.binary(min_size=1, max_size=5000), size=st.integers(64, 1500))
def test_what_is_cut_is_put_together_again(message: bytes, size: int) -> None:
    sender, receiver = Fragments(size), Fragments(size)
    piece, rounds = sender.load(message), 0
    while (got := receiver.receive(piece)) is None:
        piece, rounds = sender.next(), rounds + 1
    assert got == message
    assert not sender.pending
    assert rounds == (len(message) - 1) // size


def test_a_short_message_has_no_length() -> None:
    assert Fragments(64).load(b"short") == b"\0short"


def test_the_length_may_be_said_with_every_fragment_or_none() -> None:
    said = b"\0\0\0\x04"
    fragments = Fragments(64)
    assert fragments.receive(bytes((MORE | LENGTH_INCLUDED,)) + said + b"ab") is None
    assert fragments.receive(bytes((LENGTH_INCLUDED,)) + said + b"cd") == b"abcd"
    assert fragments.receive(bytes((MORE,)) + b"ab") is None
    assert fragments.receive(b"\0cd") == b"abcd"
    assert fragments.receive(bytes((LENGTH_INCLUDED,)) + said + b"abcd") == b"abcd"


@pytest.mark.parametrize(
    "packets",
    [
        [b""],
        [b"\x80\0\0"],
        [b"\x80\0\0\0\x05abcd"],
        [b"\xc0\0\0\0\x02abcd"],
        [b"\x80\0\x01\0\x01a"],
        [b"\xff\xff\xff\xff\xff"],
        [b"\xc0\0\0\0\x05ab", b"\x80\0\0\0\x06cdef"],
        [b"\xc0\0\0\0\x05ab", b"\0cd"],
        [b"\x40"],
    ],
)
def test_wrong_lengths_are_malformed(packets: list[bytes]) -> None:
    fragments = Fragments(64)
    for packet in packets[:-1]:
        assert fragments.receive(packet) is None
    with pytest.raises(Malformed):
        fragments.receive(packets[-1])


def test_one_conversation_takes_no_more_than_its_bound() -> None:
    fragments = Fragments(64)
    for _ in range(MOST_MESSAGE // 4096):
        assert fragments.receive(bytes((MORE,)) + bytes(4096)) is None
    with pytest.raises(Malformed, match="too long"):
        fragments.receive(bytes((MORE, 0)))
