"""Encryption of IKE and ESP: published vectors, and what a forger may try."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talpa.crypto.algorithms import EncryptionId
from talpa.crypto.encryption import ENCRYPTIONS, Encryption, encryption

RFC = json.loads((Path(__file__).parent / "vectors" / "rfc.json").read_text())
MANY = 300
"""Packets: more than a cipher does without a kept context."""

SECRET = [each for each in ENCRYPTIONS if each.id is not EncryptionId.NULL]
AEAD = [each for each in ENCRYPTIONS if each.aead]
BY_NAME = pytest.mark.parametrize("algorithm", SECRET, ids=str)

# McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 4 and 16.
GCM_PLAIN = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
GCM_KEY = "feffe9928665731c6d6a8f9467308308"
GCM = [
    (
        GCM_KEY,
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
        "5bc94fbc3221a5db94fae95ae7121a47",
    ),
    (
        2 * GCM_KEY,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
]


def test_the_table_says_what_the_rfcs_say() -> None:
    sizes = {
        each.name: (each.key_octets, each.salt_octets, each.iv_octets, each.icv_octets)
        for each in ENCRYPTIONS
    }
    assert sizes["AES-CBC-256"] == (32, 0, 16, 0)
    assert sizes["AES-GCM-16-128"] == (20, 4, 8, 16)
    assert sizes["AES-GCM-8-256"] == (36, 4, 8, 8)
    assert sizes["CHACHA20-POLY1305"] == (36, 4, 8, 16)
    assert sizes["3DES-CBC"] == (24, 0, 8, 0)
    assert len(sizes) == len(ENCRYPTIONS)


def test_every_number_works_or_is_refused() -> None:
    for number in range(0x10000):
        for bits in (0, 1, 64, 128, 192, 255, 256, 512):
            try:
                algorithm = encryption(EncryptionId(number), bits)
            except LookupError:
                continue
            cipher = algorithm.keyed(bytes(algorithm.key_octets))
            iv, plain = bytes(algorithm.iv_octets), bytes(algorithm.block_octets)
            sealed = cipher.encrypt(iv, plain)
            assert len(sealed) == len(plain) + algorithm.icv_octets
            assert cipher.decrypt(iv, sealed) == plain
            assert str(number) not in algorithm.name or number == algorithm.id


@pytest.mark.parametrize("case", RFC["rfc3602"], ids=lambda case: case["key"][:8])
@pytest.mark.parametrize("before", [0, MANY])
def test_aes_cbc_of_rfc3602(case: dict[str, str], before: int) -> None:
    key, iv, plain, sealed = (
        bytes.fromhex(case[name]) for name in ("key", "iv", "plaintext", "ciphertext")
    )
    cipher = encryption(EncryptionId.AES_CBC, 8 * len(key)).keyed(key)
    for count in range(before):
        cipher.decrypt(iv, cipher.encrypt(iv, count.to_bytes(32, "big")))
    assert cipher.encrypt(iv, plain) == sealed
    assert cipher.decrypt(iv, sealed) == plain


def test_triple_des_of_openssl() -> None:
    cipher = encryption(EncryptionId.DES3, 0).keyed(
        bytes.fromhex("0123456789abcdeff1e0d3c2b5a49786fedcba9876543210")
    )
    iv = bytes.fromhex("fedcba9876543210")
    plain = b"7654321 Now is the time for \0\0\0\0"
    sealed = bytes.fromhex("3fe301c962ac01d02213763c1cbd4cdc799657c064ecf5d41c673812cfde9675")
    assert cipher.encrypt(iv, plain) == sealed
    assert cipher.decrypt(iv, sealed) == plain


@pytest.mark.parametrize(("key", "sealed", "tag"), GCM)
@pytest.mark.parametrize("icv", [16, 12, 8])
@pytest.mark.parametrize("before", [0, MANY])
def test_aes_gcm_of_mcgrew(key: str, sealed: str, tag: str, icv: int, before: int) -> None:
    ids = {16: EncryptionId.AES_GCM_16, 12: EncryptionId.AES_GCM_12, 8: EncryptionId.AES_GCM_8}
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    cipher = encryption(ids[icv], 4 * len(key)).keyed(bytes.fromhex(key) + nonce[:4])
    for _ in range(before):
        cipher.encrypt(bytes(8), b"")
    expected = bytes.fromhex(sealed + tag)[: len(sealed) // 2 + icv]
    assert cipher.encrypt(nonce[4:], bytes.fromhex(GCM_PLAIN), aad) == expected
    assert cipher.decrypt(nonce[4:], expected, aad) == bytes.fromhex(GCM_PLAIN)
    assert cipher.decrypt(nonce[4:], expected, aad + b"\0") is None


def test_chacha20_poly1305_of_rfc7634() -> None:
    cipher = encryption(EncryptionId.CHACHA20_POLY1305, 0).keyed(bytes(range(0x80, 0xA4)))
    iv, aad = bytes(range(0x10, 0x18)), bytes.fromhex("0102030400000005")
    plain = bytes.fromhex(
        "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
        "0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
        "2425262728292a2b2c2d2e2f303132333435363701020204"
    )
    sealed = bytes.fromhex(
        "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
        "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
        "cbec163fac469b502773f6fb94e664da9165b82829f641e0"
        "76aaa8266b7fb0f7b11b369907e1ad43"
    )
    assert cipher.encrypt(iv, plain, aad) == sealed
    assert cipher.decrypt(iv, sealed, aad) == plain


@BY_NAME
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_packets_of_any_size_in_any_order(algorithm: Encryption, data: st.DataObject) -> None:
    key = data.draw(st.binary(min_size=algorithm.key_octets, max_size=algorithm.key_octets))
    ours, theirs = algorithm.keyed(key), algorithm.keyed(key)
    sealed = []
    for count in range(MANY):
        iv = count.to_bytes(algorithm.iv_octets, "big")
        plain = bytes((count & 0xFF,)) * (algorithm.block_octets * (1 + count % 7))
        sealed.append((iv, plain, ours.encrypt(iv, plain)))
    for index in data.draw(st.lists(st.integers(0, MANY - 1), max_size=MANY)):
        iv, plain, packet = sealed[index]
        assert theirs.decrypt(iv, packet) == plain


@BY_NAME
@pytest.mark.parametrize("before", [0, MANY])
def test_what_cannot_be_opened_is_none(algorithm: Encryption, before: int) -> None:
    cipher = algorithm.keyed(bytes(range(algorithm.key_octets)))
    iv, plain = bytes(algorithm.iv_octets), bytes(4 * algorithm.block_octets)
    good = cipher.encrypt(iv, plain)
    for _ in range(before):
        cipher.decrypt(iv, good)
    assert cipher.decrypt(iv, b"") is None
    assert cipher.decrypt(iv, good[:-1]) is None
    assert cipher.decrypt(iv, good + b"\0") is None
    for wrong in (b"", iv[:-1], iv + b"\0", iv * 40):
        assert cipher.decrypt(wrong, good) is None
    assert cipher.decrypt(iv, good) == plain


@pytest.mark.parametrize("algorithm", AEAD, ids=str)
def test_one_bit_anywhere_is_a_forgery(algorithm: Encryption) -> None:
    cipher = algorithm.keyed(bytes(algorithm.key_octets))
    iv, aad = bytes(8), b"associated"
    good = cipher.encrypt(iv, b"plaintext", aad)
    for bit in range(8 * len(good)):
        forged = bytearray(good)
        forged[bit // 8] ^= 1 << bit % 8
        assert cipher.decrypt(iv, bytes(forged), aad) is None
    assert cipher.decrypt(iv, good, aad[:-1]) is None
    assert cipher.decrypt(bytes(7) + b"\1", good, aad) is None


@BY_NAME
def test_a_key_of_another_length_is_refused(algorithm: Encryption) -> None:
    for octets in (0, algorithm.key_octets - 1, algorithm.key_octets + 1):
        with pytest.raises(ValueError, match=algorithm.name):
            algorithm.keyed(bytes(octets))
