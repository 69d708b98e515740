import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.crypto.chap import chap_response
from talpa.crypto.des import des_decrypt, des_encrypt, expand_key
from talpa.crypto.md4 import md4
from talpa.crypto.mschap import rc4_encrypt

RFC1320_SUITE = [
    (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
    (b"a", "bde52cb31de33e46245e05fbdbd6fb24"),
    (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
    (b"message digest", "d9130a8164549fe818874806e1c7014b"),
    (b"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
    (
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        "043f8582f241db351ce627e153e7f0e4",
    ),
    (
        b"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
        "e33b4ddc9c38f2199c3e7b164fcc0536",
    ),
]


@pytest.mark.parametrize(("message", "digest"), RFC1320_SUITE)
def test_md4_gives_the_digests_of_rfc_1320(message: bytes, digest: str) -> None:
    assert md4(message).hex() == digest


def test_md4_pads_every_length_into_a_digest_of_its_own() -> None:
    assert len({md4(bytes(n)) for n in range(200)}) == 200
    assert {len(md4(bytes(n))) for n in range(200)} == {16}


@pytest.mark.parametrize(
    ("raw", "expanded"),
    [
        ("FC 15 6A F7 ED CD 6C", "FD 0B 5B 5E 7F 6E 34 D9"),
        ("0E DD E3 33 7D 42 7F", "0E 6E 79 67 37 EA 08 FE"),
    ],
)
def test_keys_expand_as_in_rfc_2759_9_3(raw: str, expanded: str) -> None:
    assert expand_key(bytes.fromhex(raw)) == bytes.fromhex(expanded)


@given(st.binary(min_size=7, max_size=7))
def test_expanded_keys_have_odd_parity_and_all_bits(key: bytes) -> None:
    expanded = expand_key(key)
    assert all(octet.bit_count() % 2 for octet in expanded)
    bits = "".join(f"{octet >> 1:07b}" for octet in expanded)
    assert int(bits, 2) == int.from_bytes(key, "big")


def test_des_gives_the_known_lan_manager_constant() -> None:
    # The LM hash of an empty password is DES of a constant under the zero key.
    assert des_encrypt(b"KGS!@#$%", bytes(7)).hex() == "aad3b435b51404ee"


@given(st.binary(min_size=8, max_size=8), st.binary(min_size=7, max_size=7))
def test_des_decrypts_what_it_encrypted(clear: bytes, key: bytes) -> None:
    assert des_decrypt(des_encrypt(clear, key), key) == clear


def test_rc4_gives_the_well_known_answer() -> None:
    key = bytes.fromhex("0123456789ABCDEF0123456789ABCDEF")
    assert rc4_encrypt(rc4_encrypt(b"text", key), key) == b"text"
    # RFC 6229, 128-bit key, offset 0.
    key = bytes.fromhex("0102030405060708090a0b0c0d0e0f10")
    assert rc4_encrypt(bytes(16), key).hex() == "9ac7cc9a609d1ef7b2932899cde41b97"


def test_chap_hashes_identifier_secret_and_challenge() -> None:
    expected = hashlib.md5(b"\x01secretchallenge").digest()
    assert chap_response(1, b"secret", b"challenge") == expected
