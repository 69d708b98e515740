import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.crypto.des import des_decrypt
from talpa.crypto.mschap import (
    challenge_hash,
    challenge_response,
    decrypt_pw_block_with_password_hash,
    encrypt_pw_block_with_password_hash,
    generate_authenticator_response,
    generate_nt_response,
    hash_nt_password_hash,
    new_password_encrypted_with_old_nt_password_hash,
    nt_challenge_response,
    nt_password_hash,
    nt_password_hash_encrypted_with_block,
    old_nt_password_hash_encrypted_with_new_nt_password_hash,
    rc4_encrypt,
)
from talpa.wire import Secret

USER = b"User"
PASSWORD = Secret("clientPass")
AUTHENTICATOR = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
CHALLENGE = bytes.fromhex("D02E4386BCE91226")
HASH = bytes.fromhex("44EBBA8D5312B8D611474411F56989AE")
HASH_HASH = bytes.fromhex("41C00C584BD2D91C4017A2A12FA59F3F")
RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")

passwords = st.text(min_size=1, max_size=128).filter(
    lambda t: not any("\ud800" <= c <= "\udfff" for c in t)
)


def test_rfc_2759_9_2() -> None:
    assert challenge_hash(PEER, AUTHENTICATOR, USER) == CHALLENGE
    assert nt_password_hash(PASSWORD) == HASH
    assert hash_nt_password_hash(HASH) == HASH_HASH
    assert challenge_response(CHALLENGE, HASH) == RESPONSE
    assert generate_nt_response(AUTHENTICATOR, PEER, USER, PASSWORD) == RESPONSE
    proof = generate_authenticator_response(PASSWORD, RESPONSE, PEER, AUTHENTICATOR, USER)
    assert proof == b"S=407A5589115FD0D6209F510FE9C04566932CDA56"


def test_rfc_2433_b_2() -> None:
    password = Secret("MyPw")
    assert nt_password_hash(password).hex().upper() == "FC156AF7EDCD6C0EDDE3337D427F4EAC"
    response = nt_challenge_response(bytes.fromhex("102DB5DF085D3041"), password)
    assert response.hex().upper() == "4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61"


def test_a_password_that_is_no_utf_8_is_read_as_cp1252() -> None:
    assert nt_password_hash(Secret(b"gr\xfcn")) == nt_password_hash(Secret("grün"))


@given(passwords, st.binary(min_size=16, max_size=16), st.binary(min_size=512, max_size=512))
def test_a_password_block_opens_with_its_key_only(text: str, key: bytes, filler: bytes) -> None:
    block = encrypt_pw_block_with_password_hash(Secret(text), key, filler)
    assert len(block) == 516
    assert decrypt_pw_block_with_password_hash(block, key) == Secret(text)
    other = bytes((key[0] ^ 1,)) + key[1:]
    assert decrypt_pw_block_with_password_hash(block, other) != Secret(text)


def test_a_password_block_holds_256_characters_and_no_more() -> None:
    key, filler = bytes(16), bytes(512)
    block = encrypt_pw_block_with_password_hash(Secret("x" * 256), key, filler)
    assert decrypt_pw_block_with_password_hash(block, key) == Secret("x" * 256)
    with pytest.raises(ValueError, match="256"):
        encrypt_pw_block_with_password_hash(Secret("x" * 257), key, filler)


@given(st.binary(min_size=516, max_size=516), st.binary(min_size=16, max_size=16))
def test_any_block_decrypts_to_a_password_or_to_nothing(block: bytes, key: bytes) -> None:
    found = decrypt_pw_block_with_password_hash(block, key)
    assert found is None or found


def test_a_block_of_an_empty_or_half_character_is_nothing() -> None:
    for size in (0, 3, 513, 0xFFFFFFFF):
        block = rc4_encrypt(bytes(512) + size.to_bytes(4, "little"), bytes(16))
        assert decrypt_pw_block_with_password_hash(block, bytes(16)) is None


def test_the_old_hash_comes_back_from_under_the_new_one() -> None:
    old, new = Secret("old"), Secret("new")
    cypher = old_nt_password_hash_encrypted_with_new_nt_password_hash(new, old)
    key = nt_password_hash(new)
    clear = des_decrypt(cypher[:8], key[:7]) + des_decrypt(cypher[8:], key[7:14])
    assert clear == nt_password_hash(old)
    assert cypher == nt_password_hash_encrypted_with_block(nt_password_hash(old), key)
    block = new_password_encrypted_with_old_nt_password_hash(new, old, bytes(512))
    assert decrypt_pw_block_with_password_hash(block, nt_password_hash(old)) == new
