"""Ciphers, HMAC and hashes against the vectors of NIST and the RFCs."""

import pytest

from crypto.nist_vectors import Record, octets, records
from talpa.crypto.algorithms import EncryptionId, IntegrityId, PrfId
from talpa.crypto.encryption import encryption
from talpa.crypto.integrity import integrity
from talpa.crypto.prf import prf


def text(record: Record, name: str) -> bytes:
    """Hexadecimal, or letters in quotation marks."""
    value = record[name]
    return value[1:-1].encode() if value.startswith('"') else bytes.fromhex(value)


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize("kind", ["MMT", "GFSbox", "KeySbox", "VarKey", "VarTxt"])
def test_aes_cbc(kind: str, bits: int) -> None:
    directions = set()
    for section, record in records(f"ciphers/AES/CBC/CBC{kind}{bits}.rsp"):
        key, iv, plain, sealed = octets(record, "key", "iv", "plaintext", "ciphertext")
        cipher = encryption(EncryptionId.AES_CBC, bits).keyed(key)
        assert cipher.encrypt(iv, plain) == sealed
        assert cipher.decrypt(iv, sealed) == plain
        directions.add(section)
    assert directions == {"[ENCRYPT]", "[DECRYPT]"}


@pytest.mark.parametrize(
    "kind", ["MMT1", "MMT2", "MMT3", "subtab", "vartext", "varkey", "invperm", "permop"]
)
def test_3des_cbc(kind: str) -> None:
    directions = set()
    for section, record in records(f"ciphers/3DES/CBC/TCBC{kind}.rsp"):
        keys = octets(record, *(("keys",) * 3 if "keys" in record else ("key1", "key2", "key3")))
        iv, plain, sealed = octets(record, "iv", "plaintext", "ciphertext")
        cipher = encryption(EncryptionId.DES3, 0).keyed(b"".join(keys))
        assert cipher.encrypt(iv, plain) == sealed
        assert cipher.decrypt(iv, sealed) == plain
        directions.add(section)
    assert directions == {"[ENCRYPT]", "[DECRYPT]"}


GCM = {128: EncryptionId.AES_GCM_16, 96: EncryptionId.AES_GCM_12, 64: EncryptionId.AES_GCM_8}


@pytest.mark.parametrize("bits", [128, 192, 256])
def test_aes_gcm(bits: int) -> None:
    seen = dict.fromkeys(((tag, forged) for tag in GCM for forged in (False, True)), 0)
    for section, record in records(f"ciphers/AES/GCM/gcmDecrypt{bits}.rsp"):
        tag_bits = int(section.rpartition("=")[2].strip(" ]"))
        if "[IVlen = 96]" not in section or tag_bits not in GCM:
            continue  # not those of ESP
        key, iv, aad, sealed, tag = octets(record, "key", "iv", "aad", "ct", "tag")
        cipher = encryption(GCM[tag_bits], bits).keyed(key + iv[:4])
        opened = cipher.decrypt(iv[4:], sealed + tag, aad)
        forged = "fail" in record
        if forged:
            assert opened is None
        else:
            (plain,) = octets(record, "pt")
            assert opened == plain
            assert cipher.encrypt(iv[4:], plain, aad) == sealed + tag
        seen[tag_bits, forged] += 1
    assert min(seen.values()) > 100


def test_chacha20_poly1305() -> None:
    count = 0
    for _, record in records("ciphers/ChaCha20Poly1305/boringssl.txt"):
        key, nonce, plain, aad, sealed, tag = (
            text(record, name) for name in ("key", "nonce", "in", "ad", "ct", "tag")
        )
        cipher = encryption(EncryptionId.CHACHA20_POLY1305, 0).keyed(key + nonce[:4])
        assert cipher.encrypt(nonce[4:], plain, aad) == sealed + tag
        assert cipher.decrypt(nonce[4:], sealed + tag, aad) == plain
        count += 1
    assert count > 50


def test_chacha20_poly1305_forged() -> None:
    forged = 0
    for _, record in records("ciphers/ChaCha20Poly1305/openssl.txt"):
        key, nonce, aad, tag = octets(record, "key", "iv", "aad", "tag")
        plain, sealed = octets(record, "plaintext", "ciphertext")
        if len(nonce) != 12:
            continue  # not those of ESP
        cipher = encryption(EncryptionId.CHACHA20_POLY1305, 0).keyed(key + nonce[:4])
        opened = cipher.decrypt(nonce[4:], sealed + tag, aad)
        assert opened == (None if "result" in record else plain)
        forged += opened is None
    assert forged


HMACS = [
    ("rfc-2202-sha1", PrfId.HMAC_SHA1, IntegrityId.HMAC_SHA1_96),
    ("rfc-4231-sha256", PrfId.HMAC_SHA2_256, IntegrityId.HMAC_SHA2_256_128),
    ("rfc-4231-sha384", PrfId.HMAC_SHA2_384, IntegrityId.HMAC_SHA2_384_192),
    ("rfc-4231-sha512", PrfId.HMAC_SHA2_512, IntegrityId.HMAC_SHA2_512_256),
]


@pytest.mark.parametrize(("name", "prf_id", "integrity_id"), HMACS)
def test_hmac(name: str, prf_id: PrfId, integrity_id: IntegrityId) -> None:
    cut = integrity(integrity_id)
    as_integrity = 0
    for _, record in records(f"HMAC/{name}.txt"):
        key, data, mac = octets(record, "key", "msg", "md")
        assert prf(prf_id).compute(key, data)[: len(mac)] == mac
        if len(key) <= cut.key_octets and len(mac) >= cut.icv_octets:
            filled = key.ljust(cut.key_octets, b"\0")  # as HMAC itself does (RFC 2104 2)
            assert cut.keyed(filled).verify(mac[: cut.icv_octets], data)
            as_integrity += 1
    assert as_integrity >= 3


@pytest.mark.parametrize("length", ["Short", "Long"])
@pytest.mark.parametrize(
    ("path", "id_"),
    [
        ("SHA1/SHA1", PrfId.HMAC_SHA1),
        ("SHA2/SHA256", PrfId.HMAC_SHA2_256),
        ("SHA2/SHA384", PrfId.HMAC_SHA2_384),
        ("SHA2/SHA512", PrfId.HMAC_SHA2_512),
    ],
)
def test_hashes(path: str, id_: PrfId, length: str) -> None:
    count = 0
    for _, record in records(f"hashes/{path}{length}Msg.rsp"):
        if "md" not in record:
            continue
        data, made = octets(record, "msg", "md")
        bits = int(record["len"])
        assert prf(id_).digest(data[: bits // 8]) == made
        count += 1
    assert count > 60
