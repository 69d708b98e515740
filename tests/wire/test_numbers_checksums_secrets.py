"""Open enumerations, checksums, secrets."""

import copy
import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from talpa.wire import OpenEnum, Secret, adjusted_checksum, internet_checksum

u16 = st.integers(0, 0xFFFF)


class Kind(OpenEnum):
    KNOWN = 1


@given(st.integers(-5, 2**64))
def test_open_enum_takes_every_number(value: int) -> None:
    kind = Kind(value)
    assert kind == value
    assert hash(kind) == hash(value)
    assert isinstance(kind, Kind)
    assert str(kind) == ("KNOWN" if value == 1 else f"unknown ({value})")
    assert struct.pack("!Q", kind & 0xFF) == struct.pack("!Q", value & 0xFF)


def test_open_enum_takes_only_numbers_and_gains_no_members() -> None:
    with pytest.raises(ValueError, match="not a valid"):
        Kind("1")  # type: ignore[arg-type]
    Kind(77)
    assert list(Kind) == [Kind.KNOWN]


def _ones_complement_sum(data: bytes) -> int:
    """RFC 1071 4.1, word by word."""
    total = 0
    for at in range(0, len(data), 2):
        word = data[at : at + 2].ljust(2, b"\0")
        total += int.from_bytes(word, "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@given(
    st.lists(st.binary(max_size=30).map(lambda b: b[: len(b) // 2 * 2]), max_size=3), st.binary()
)
def test_checksum_is_that_of_the_rfc(parts: list[bytes], last: bytes) -> None:
    assert internet_checksum(*parts, last) == _ones_complement_sum(b"".join(parts) + last)


def test_checksum_example_of_the_rfc() -> None:
    """RFC 1071 3: the sum of 0001 f203 f4f5 f6f7 is ddf2."""
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2 ^ 0xFFFF


@given(st.lists(u16, min_size=2, max_size=10), st.integers(0), u16)
def test_adjusted_checksum_is_the_one_made_anew(words: list[int], at: int, new: int) -> None:
    """RFC 1624: also where the header sums to zero. Two zeroes mean the same sum."""
    at %= len(words)
    changed = [*words[:at], new, *words[at + 1 :]]
    assume(any(words))
    assume(any(changed))
    before = internet_checksum(struct.pack(f"!{len(words)}H", *words))
    after = internet_checksum(struct.pack(f"!{len(words)}H", *changed))
    assert adjusted_checksum(before, words[at], new) == after


def test_adjusted_checksum_example_of_the_rfc() -> None:
    """RFC 1624 4."""
    assert adjusted_checksum(0xDD2F, 0x5555, 0x3285) == 0x0000


def test_secret_shows_itself_to_nobody() -> None:
    secret = Secret("hush")
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}"):
        assert "hush" not in shown
    assert secret.reveal() == b"hush"
    assert not hasattr(secret, "__dict__")


def test_secrets_compare_by_value() -> None:
    assert Secret("\u00e9") == Secret(b"\xc3\xa9") == copy.copy(Secret("\u00e9"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret(b"a")}) == 1
    assert Secret("a")
    assert not Secret("")
