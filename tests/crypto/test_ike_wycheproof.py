"""Wycheproof's vectors: attacks, edge cases and forgeries. See `crypto.wycheproof`."""

import os
from collections import Counter

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from crypto.wycheproof import Case, cases
from talpa.crypto import signature_algorithms as algorithms
from talpa.crypto.algorithms import EncryptionId, GroupId, PrfId
from talpa.crypto.encryption import encryption
from talpa.crypto.exchange import BadPublicValue, group
from talpa.crypto.prf import prf
from talpa.crypto.signature_algorithms import ECDSA, RSA_PKCS1, SHA2_256, SHA2_384, SHA2_512
from talpa.crypto.signing import BadSignature, fit_key, verify_classic, verify_rfc7427

Seen = Counter[str]
"""The results that the vectors give, of the cases that were tried."""


def check_tried(seen: Seen) -> None:
    """None of these tests is empty, whatever it leaves out."""
    assert seen["valid"] >= 7
    assert seen["invalid"] >= 16


def octets(case: Case, *names: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(case[name]) for name in names)


@pytest.mark.parametrize(
    ("name", "id_", "bits"),
    [
        ("aes_gcm", EncryptionId.AES_GCM_16, None),
        ("chacha20_poly1305", EncryptionId.CHACHA20_POLY1305, 0),
    ],
)
def test_aead(name: str, id_: EncryptionId, bits: int | None) -> None:
    seen = Seen()
    for each, case in cases(name):
        if each["ivSize"] != 96 or each["tagSize"] != 128:
            continue  # not those of ESP
        key, iv, aad, plain, sealed, tag = octets(case, "key", "iv", "aad", "msg", "ct", "tag")
        algorithm = encryption(id_, each["keySize"] if bits is None else bits)
        cipher = algorithm.keyed(key + iv[:4])
        opened = cipher.decrypt(iv[4:], sealed + tag, aad)
        if case["result"] == "valid":
            assert opened == plain
            assert cipher.encrypt(iv[4:], plain, aad) == sealed + tag
        else:
            assert opened is None
        seen[case["result"]] += 1
    check_tried(seen)


def test_cbc() -> None:
    seen = Seen()
    for each, case in cases("aes_cbc_pkcs5"):
        key, iv, plain, sealed = octets(case, "key", "iv", "msg", "ct")
        cipher = encryption(EncryptionId.AES_CBC, each["keySize"]).keyed(key)
        opened = cipher.decrypt(iv, sealed)
        padded = plain + bytes([16 - len(plain) % 16]) * (16 - len(plain) % 16)
        if not sealed or len(sealed) % 16:
            assert opened is None
        else:
            assert (opened == padded) == (case["result"] == "valid")
        if case["result"] == "valid":
            assert cipher.encrypt(iv, padded) == sealed
        seen[case["result"]] += 1
    check_tried(seen)


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("hmac_sha1", PrfId.HMAC_SHA1),
        ("hmac_sha256", PrfId.HMAC_SHA2_256),
        ("hmac_sha384", PrfId.HMAC_SHA2_384),
        ("hmac_sha512", PrfId.HMAC_SHA2_512),
    ],
)
def test_hmac(name: str, id_: PrfId) -> None:
    seen = Seen()
    for each, case in cases(name):
        key, data, tag = octets(case, "key", "msg", "tag")
        made = prf(id_).compute(key, data)[: each["tagSize"] // 8]
        assert (made == tag) == (case["result"] == "valid")
        seen[case["result"]] += 1
    check_tried(seen)


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("x25519", GroupId.X25519),
        ("x448", GroupId.X448),
    ],
)
def test_montgomery(name: str, id_: GroupId) -> None:
    seen = Seen()
    for _, case in cases(name):
        public, private, shared = octets(case, "public", "private", "shared")
        offer = group(id_).initiate(lambda _count, private=private: private)  # type: ignore[misc]
        try:
            made = offer.finish(public)
        except BadPublicValue:
            # A result of zero, or another length: both are refused, whatever others accept.
            assert case["result"] != "valid"
            assert not any(shared) or len(public) != len(private)
            seen["invalid"] += 1
        else:
            assert case["result"] != "invalid"
            assert made == shared
            seen[case["result"]] += 1
    check_tried(seen)


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("ecdh_secp256r1_ecpoint", GroupId.ECP256),
        ("ecdh_secp384r1_ecpoint", GroupId.ECP384),
        ("ecdh_secp521r1_ecpoint", GroupId.ECP521),
    ],
)
def test_ecdh(name: str, id_: GroupId) -> None:
    each = group(id_)
    seen = Seen()
    for _, case in cases(name):
        public, shared = octets(case, "public", "shared")
        if public[:1] != b"\x04":
            continue  # compressed: not on IKE's wire
        secret = (int(case["private"], 16) - 1).to_bytes(80, "big")
        offer = each.initiate(lambda count, secret=secret: secret[-count:])  # type: ignore[misc]
        try:
            made = offer.finish(public[1:])
        except BadPublicValue:
            assert case["result"] == "invalid"
        else:
            assert case["result"] == "valid"
            assert made == shared
        seen[case["result"]] += 1
    check_tried(seen)


def auth_data(identifier: bytes, signature: bytes) -> bytes:
    return bytes((len(identifier),)) + identifier + signature


def pss(hash_: int) -> bytes:
    """The AlgorithmIdentifier of RSASSA-PSS with that hash."""
    scheme = (algorithms.Scheme.RSA_PSS, hash_)
    return next(key for key, value in algorithms.KNOWN.items() if value == scheme)


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("rsa_signature_2048_sha256", RSA_PKCS1[SHA2_256]),
        ("rsa_signature_3072_sha384", RSA_PKCS1[SHA2_384]),
        ("rsa_signature_4096_sha512", RSA_PKCS1[SHA2_512]),
        ("rsa_pss_2048_sha256_mgf1_32", pss(SHA2_256)),
        ("rsa_pss_2048_sha384_mgf1_48", pss(SHA2_384)),
        ("rsa_pss_4096_sha512_mgf1_64", pss(SHA2_512)),
        ("ecdsa_secp256r1_sha256", ECDSA[SHA2_256]),
        ("ecdsa_secp256r1_sha512", ECDSA[SHA2_512]),
        ("ecdsa_secp384r1_sha384", ECDSA[SHA2_384]),
        ("ecdsa_secp384r1_sha512", ECDSA[SHA2_512]),
        ("ecdsa_secp521r1_sha512", ECDSA[SHA2_512]),
        ("ed25519", algorithms.ED25519),
        ("ed448", algorithms.ED448),
    ],
)
def test_signatures_of_rfc7427(name: str, identifier: bytes) -> None:
    seen = Seen()
    for each, case in cases(name):
        key = fit_key(load_der_public_key(bytes.fromhex(each["publicKeyDer"])))
        data, signature = octets(case, "msg", "sig")
        if case["result"] == "valid":
            assert verify_rfc7427(key, auth_data(identifier, signature), data)
        else:  # "acceptable" leaves the parameter NULL away, which RFC 8017 A.2.4 does not allow
            with pytest.raises(BadSignature):
                verify_rfc7427(key, auth_data(identifier, signature), data)
        seen[case["result"]] += 1
    check_tried(seen)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("rsa_signature_2048_sha256", 1),
        ("ecdsa_secp256r1_sha256_p1363", 9),
        ("ecdsa_secp384r1_sha384_p1363", 10),
        ("ecdsa_secp521r1_sha512_p1363", 11),
    ],
)
def test_classic_signatures(name: str, method: int) -> None:
    seen = Seen()
    for each, case in cases(name):
        key = fit_key(load_der_public_key(bytes.fromhex(each["publicKeyDer"])))
        data, signature = octets(case, "msg", "sig")
        if method == 1 and "WrongHash" in case["flags"]:
            continue  # method 1 leaves the hash of SHA-2 to the signer
        if case["result"] == "valid":
            assert verify_classic(key, method, signature, data)
        else:
            with pytest.raises(BadSignature):
                verify_classic(key, method, signature, data)
        seen[case["result"]] += 1
    check_tried(seen)


MLKEM = [(768, GroupId.MLKEM768), (1024, GroupId.MLKEM1024)]


@pytest.mark.parametrize(("bits", "id_"), MLKEM)
def test_mlkem_decapsulation(bits: int, id_: GroupId) -> None:
    each = group(id_)
    seen = Seen()
    for _, case in cases(f"mlkem_{bits}"):
        seed, sealed, shared = octets(case, "seed", "c", "K")
        if len(seed) != 64:
            continue  # ours is never of another length
        offer = each.initiate(lambda _count, seed=seed: seed)  # type: ignore[misc]
        if case["result"] == "valid":
            assert offer.finish(sealed) == shared
            assert offer.public == bytes.fromhex(case["ek"])
        else:
            with pytest.raises(BadPublicValue):
                offer.finish(sealed)
        seen[case["result"]] += 1
    check_tried(seen)


@pytest.mark.parametrize(("bits", "id_"), MLKEM)
def test_mlkem_encapsulation_keys(bits: int, id_: GroupId) -> None:
    each = group(id_)
    seen = Seen()
    for _, case in cases(f"mlkem_{bits}_encaps"):
        if case["result"] == "invalid":
            with pytest.raises(BadPublicValue):
                each.respond(os.urandom, bytes.fromhex(case["ek"]))
        else:
            each.respond(os.urandom, bytes.fromhex(case["ek"]))
        seen[case["result"]] += 1
    check_tried(seen)


@pytest.mark.parametrize(("bits", "id_"), MLKEM)
def test_mlkem_keys(bits: int, id_: GroupId) -> None:
    seen = Seen()
    for _, case in cases(f"mlkem_{bits}_keygen_seed"):
        seed, public = octets(case, "seed", "ek")
        assert group(id_).initiate(lambda _count, seed=seed: seed).public == public  # type: ignore[misc]
        seen[case["result"]] += 1
    assert seen["valid"] == 100
