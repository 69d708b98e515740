"""Wycheproof's vectors, where a checkout of them is: none of them are kept here.

git clone https://github.com/C2SP/wycheproof
TALPA_WYCHEPROOF=wycheproof/testvectors_v1 pytest tests/crypto/test_ike_wycheproof.py
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from talpa.crypto import signature_algorithms as algorithms
from talpa.crypto.algorithms import EncryptionId, GroupId, PrfId
from talpa.crypto.encryption import encryption
from talpa.crypto.exchange import BadPublicValue, group
from talpa.crypto.prf import prf
from talpa.crypto.signing import BadSignature, fit_key, verify_classic, verify_rfc7427

PLACE = os.environ.get("TALPA_WYCHEPROOF")

pytestmark = pytest.mark.skipif(not PLACE, reason="TALPA_WYCHEPROOF names no directory of vectors")

Case = dict[str, Any]


def cases(name: str) -> Iterator[tuple[Case, Case]]:
    """Each group and case of a file."""
    data = json.loads((Path(PLACE or "") / f"{name}_test.json").read_text())
    for each in data["testGroups"]:
        for case in each["tests"]:
            yield each, case


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
    count = 0
    for each, case in cases(name):
        if each["ivSize"] != 96 or each["tagSize"] != 128:
            continue
        key, iv, aad, plain, sealed, tag = octets(case, "key", "iv", "aad", "msg", "ct", "tag")
        algorithm = encryption(id_, each["keySize"] if bits is None else bits)
        cipher = algorithm.keyed(key + iv[:4])
        opened = cipher.decrypt(iv[4:], sealed + tag, aad)
        if case["result"] == "valid":
            assert opened == plain
            assert cipher.encrypt(iv[4:], plain, aad) == sealed + tag
        else:
            assert opened is None
        count += 1
    assert count > 60


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
    for each, case in cases(name):
        key, data, tag = octets(case, "key", "msg", "tag")
        made = prf(id_).compute(key, data)[: each["tagSize"] // 8]
        assert (made == tag) == (case["result"] == "valid")


@pytest.mark.parametrize(("name", "id_"), [("x25519", GroupId.X25519), ("x448", GroupId.X448)])
def test_montgomery(name: str, id_: GroupId) -> None:
    for _, case in cases(name):
        public, private, shared = octets(case, "public", "private", "shared")
        offer = group(id_).initiate(lambda _count, private=private: private)  # type: ignore[misc]
        try:
            made = offer.finish(public)
        except BadPublicValue:
            # A result of zero, or another length: both are refused, whatever others accept.
            assert case["result"] != "valid"
            assert not any(shared) or len(public) != len(private)
        else:
            assert case["result"] != "invalid"
            assert made == shared


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
    for _, case in cases(name):
        (shared,) = octets(case, "shared")
        public = bytes.fromhex(case["public"]) if len(case["public"]) % 2 == 0 else b""
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


def auth_data(identifier: bytes, signature: bytes) -> bytes:
    return bytes((len(identifier),)) + identifier + signature


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("rsa_signature_2048_sha256", algorithms.RSA_PKCS1[2]),
        (
            "rsa_pss_2048_sha256_mgf1_32",
            next(k for k, v in algorithms.KNOWN.items() if v == (algorithms.Scheme.RSA_PSS, 2)),
        ),
        ("ecdsa_secp256r1_sha256", algorithms.ECDSA[2]),
        ("ed25519", algorithms.ED25519),
        ("ed448", algorithms.ED448),
    ],
)
def test_signatures_of_rfc7427(name: str, identifier: bytes) -> None:
    for each, case in cases(name):
        key = fit_key(load_der_public_key(bytes.fromhex(each["publicKeyDer"])))
        data, signature = octets(case, "msg", "sig")
        if case["result"] == "valid":
            assert verify_rfc7427(key, auth_data(identifier, signature), data)
        elif case["result"] == "invalid":
            with pytest.raises(BadSignature):
                verify_rfc7427(key, auth_data(identifier, signature), data)


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


@pytest.mark.parametrize(("bits", "id_"), [(768, GroupId.MLKEM768), (1024, GroupId.MLKEM1024)])
def test_mlkem(bits: int, id_: GroupId) -> None:
    each = group(id_)
    for _, case in cases(f"mlkem_{bits}"):
        seed, sealed, shared = octets(case, "seed", "c", "K")
        if len(seed) != 64:
            assert case["result"] == "invalid"
            continue
        offer = each.initiate(lambda _count, seed=seed: seed)  # type: ignore[misc]
        if case["result"] == "valid":
            assert offer.finish(sealed) == shared
            assert offer.public == bytes.fromhex(case["ek"])
        else:
            with pytest.raises(BadPublicValue):
                offer.finish(sealed)
    for _, case in cases(f"mlkem_{bits}_encaps"):
        if case["result"] == "invalid":
            with pytest.raises(BadPublicValue):
                each.respond(os.urandom, bytes.fromhex(case["ek"]))
        else:
            each.respond(os.urandom, bytes.fromhex(case["ek"]))
