"""Codecs of single and composite values."""

from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.wire import (
    IPV4,
    OCTETS,
    TEXT,
    U8,
    U16,
    U32,
    U64,
    Codec,
    Malformed,
    OpenEnum,
    number,
    octets,
    part,
    record,
)


class Colour(OpenEnum):
    RED = 1


@dataclass(frozen=True, slots=True)
class Pair:
    first: int = part(U8, "The First")
    second: int = part(U16)


@dataclass(frozen=True, slots=True)
class Tailed:
    code: int = part(U16)
    error: int | None = part(U16, default=None)
    text: str = part(TEXT, default="")


PAIR = record(Pair, "pair")
TAILED = record(Tailed)
COLOUR = number(U16, Colour)

ROUND_TRIPS: list[tuple[Codec[Any], st.SearchStrategy[Any]]] = [
    (U8, st.integers(0, 0xFF)),
    (U16, st.integers(0, 0xFFFF)),
    (U32, st.integers(0, 0xFFFFFFFF)),
    (U64, st.integers(0, 2**64 - 1)),
    (COLOUR, st.integers(0, 0xFFFF).map(Colour)),
    (OCTETS, st.binary(max_size=40)),
    (octets(2, 4), st.binary(min_size=2, max_size=4)),
    (TEXT, st.text(max_size=20)),
    (IPV4, st.ip_addresses(v=4)),
    (PAIR, st.builds(Pair, st.integers(0, 255), st.integers(0, 0xFFFF))),
    (TAILED, st.builds(Tailed, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.text())),
]


@given(st.sampled_from(ROUND_TRIPS).flatmap(lambda row: st.tuples(st.just(row[0]), row[1])))
def test_round_trip(case: tuple[Codec[Any], Any]) -> None:
    codec, value = case
    data = codec.encode(value)
    assert codec.least <= len(data)
    assert codec.most is None or len(data) <= codec.most
    assert codec.decode(data) == value


@given(st.sampled_from([codec for codec, _ in ROUND_TRIPS]), st.binary(max_size=20))
def test_any_octets(codec: Codec[Any], data: bytes) -> None:
    """A value or `Malformed`; and always `Malformed` outside the lengths declared."""
    if len(data) < codec.least or (codec.most is not None and len(data) > codec.most):
        with pytest.raises(Malformed):
            codec.decode(data)
        return
    with suppress(Malformed):
        codec.decode(data)


@pytest.mark.parametrize(
    ("codec", "value"), [(U8, 256), (U16, -1), (U32, 2**32), (U64, 2**64), (COLOUR, 70000)]
)
def test_a_value_that_does_not_fit_is_the_callers_fault(codec: Codec[Any], value: int) -> None:
    with pytest.raises(Exception, match=r"format|range|convert"):
        codec.encode(value)


def test_text_that_is_no_utf8_is_replaced() -> None:
    assert TEXT.decode(b"caf\xe9") == "caf\ufffd"


def test_address() -> None:
    assert IPV4.decode(b"\xc6\x12\0\1") == IPv4Address("198.18.0.1")


def test_record_lengths_and_parts() -> None:
    assert (PAIR.least, PAIR.most) == (3, 3)
    assert (TAILED.least, TAILED.most) == (2, None)
    assert PAIR.parts is not None
    assert PAIR.parts(b"\1\0\2") == [("The First", 1), ("second", 2)]
    assert TAILED.parts is not None
    assert TAILED.parts(b"\0\1") == [("code", 1)]


def test_record_with_its_end_missing_takes_the_defaults() -> None:
    assert TAILED.decode(b"\0\7") == Tailed(7)
    assert TAILED.encode(Tailed(7)) == b"\0\7"
    assert TAILED.decode(b"\0\7\0\1") == Tailed(7, 1)


@pytest.mark.parametrize(
    ("codec", "data", "reason"),
    [
        (PAIR, b"\1\2", "Pair second: cut short"),
        (PAIR, b"\1\2\3\4", "Pair: octets left over"),
        (TAILED, b"\0\7\0", "Tailed error: cut short"),
    ],
)
def test_record_says_where_it_broke(codec: Codec[Any], data: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        codec.decode(data)
    assert caught.value.reason == reason


def test_a_record_that_could_not_be_read_back_is_refused_when_declared() -> None:
    @dataclass(frozen=True)
    class OpenInTheMiddle:
        text: str = part(TEXT)
        code: int = part(U8)

    @dataclass(frozen=True, kw_only=True)
    class OptionalInTheMiddle:
        code: int = part(U8, default=1)
        error: int = part(U8)

    for cls in (OpenInTheMiddle, OptionalInTheMiddle):
        with pytest.raises(TypeError, match="could not be told"):
            record(cls)
