"""Hidden AVP values (RFC 2661 4.3)."""

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.l2tp.hiding import hide, reveal
from talpa.wire import Malformed, Secret

SECRET = Secret("tunnel secret")
VECTOR = bytes(range(16))


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=False))


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def test_the_steps_of_the_rfc() -> None:
    """b1 = MD5(AV + S + RV), b2 = MD5(S + c1), b3 = MD5(S + c2); only present octets are XORed."""
    value = b"a value that needs three blocks of sixteen"
    secret = SECRET.reveal()
    plain = b"\x00\x2a" + value
    c1 = _xor(plain[:16], _md5(b"\x00\x21" + secret + VECTOR))
    c2 = _xor(plain[16:32], _md5(secret + c1))
    c3 = _xor(plain[32:], _md5(secret + c2))
    assert hide(value, 33, SECRET, VECTOR) == c1 + c2 + c3


def test_length_example_of_the_rfc() -> None:
    """RFC 2661 4.3: a value of 4 octets with 12 of padding makes an AVP of 24."""
    assert 6 + len(hide(b"abcd", 1, SECRET, VECTOR, bytes(12))) == 24


@given(
    st.binary(max_size=300),
    st.integers(0, 0xFFFF),
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.binary(max_size=40),
)
def test_round_trip(
    value: bytes, attribute: int, secret: bytes, vector: bytes, padding: bytes
) -> None:
    hidden = hide(value, attribute, Secret(secret), vector, padding)
    assert len(hidden) == 2 + len(value) + len(padding)
    assert reveal(hidden, attribute, Secret(secret), vector) == value


@pytest.mark.parametrize("size", [*range(35), 63, 64, 65, 1015])
def test_round_trip_around_block_ends(size: int) -> None:
    value = bytes(i & 0xFF for i in range(size))
    assert reveal(hide(value, 30, SECRET, VECTOR), 30, SECRET, VECTOR) == value


@pytest.mark.parametrize("room", [0, 1, 14, 15, 62])
def test_every_deciphered_length(room: int) -> None:
    """The length comes out of the cipher: it is never trusted beyond the octets that came."""
    first = _md5(b"\x00\x1e" + SECRET.reveal() + VECTOR)
    rest = hide(bytes(room), 30, SECRET, VECTOR)[2:]
    for length in range(0x10000):
        hidden = _xor(length.to_bytes(2, "big"), first) + rest
        if length <= room:
            assert len(reveal(hidden, 30, SECRET, VECTOR)) == length
        elif length < 80 or length % 97 == 0 or length > 0xFFF0:
            with pytest.raises(Malformed):
                reveal(hidden, 30, SECRET, VECTOR)


@given(st.binary(max_size=70), st.binary(max_size=20), st.binary(max_size=20))
def test_any_octets_under_any_secret(hidden: bytes, secret: bytes, vector: bytes) -> None:
    with suppress(Malformed):
        assert len(reveal(hidden, 1, Secret(secret), vector)) <= max(0, len(hidden) - 2)
