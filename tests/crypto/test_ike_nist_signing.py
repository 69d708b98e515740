"""Signatures against the vectors of NIST and the RFCs."""

from collections import Counter
from collections.abc import Iterator
from importlib.resources import files

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from crypto.nist_vectors import Record, number, octets, records
from talpa.crypto import signature_algorithms as algorithms
from talpa.crypto.signature_algorithms import IDENTITY, SHA2_256, SHA2_384, SHA2_512
from talpa.crypto.signing import (
    BadSignature,
    PublicKey,
    SigningKey,
    verify_classic,
    verify_rfc7427,
)

HASHES = {"256": SHA2_256, "384": SHA2_384, "512": SHA2_512}
CURVES: dict[str, tuple[EllipticCurve, int, str]] = {
    "P-256": (SECP256R1(), 9, "256"),
    "P-384": (SECP384R1(), 10, "384"),
    "P-521": (SECP521R1(), 11, "512"),
}
"""Each curve, its classic method, and the hash that goes with it there."""


def auth_data(identifier: bytes, signature: bytes) -> bytes:
    return bytes((len(identifier),)) + identifier + signature


def accepted(public: PublicKey, identifier: bytes, signature: bytes, data: bytes) -> bool:
    try:
        verify_rfc7427(public, auth_data(identifier, signature), data)
    except BadSignature:
        return False
    return True


def accepted_as(
    public: PublicKey, method: int, signature: bytes, data: bytes, *, sha1: bool = False
) -> bool:
    try:
        verify_classic(public, method, signature, data, sha1=sha1)
    except BadSignature:
        return False
    return True


@pytest.mark.parametrize("name", CURVES)
def test_ecdsa(name: str) -> None:
    curve, method, own_hash = CURVES[name]
    half = (curve.key_size + 7) // 8
    seen = Counter[str]()
    for section, record in records("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp"):
        hash_ = section.rpartition("SHA-")[2].strip("]")
        if not section.startswith(f"[{name},") or hash_ not in HASHES:
            continue
        x, y, r, s = (int(record[part], 16) for part in ("qx", "qy", "r", "s"))
        right = record["result"].startswith("P")
        try:
            public = EllipticCurvePublicNumbers(x, y, curve).public_key()
        except ValueError:  # no key, so that no certificate holds it
            assert not right
            continue
        (data,) = octets(record, "msg")
        identifier = algorithms.ECDSA[HASHES[hash_]]
        assert accepted(public, identifier, encode_dss_signature(r, s), data) == right
        if hash_ == own_hash:
            halves = number(record, "r", half) + number(record, "s", half)
            assert accepted_as(public, method, halves, data) == right
            seen[f"classic {right}"] += 1
        seen[f"{right}"] += 1
    assert min(seen["True"], seen["False"]) >= 6
    assert min(seen["classic True"], seen["classic False"]) >= 2


def rsa_cases(path: str) -> Iterator[tuple[int, Record, PublicKey]]:
    """The bits of each key that we take, each case with it, and the key."""
    modulus = 0
    bits = 0
    for section, record in records(path):
        if "n" in record:
            modulus = int(record["n"], 16)
            bits = int(section.partition("=")[2].strip(" ]"))
        if "s" in record and bits >= 2048:
            exponent = int(record["e"], 16)
            yield bits, record, RSAPublicNumbers(exponent, modulus).public_key()


def test_rsa_pkcs1() -> None:
    seen = Counter[tuple[int, bool]]()
    for bits, record, public in rsa_cases("asymmetric/RSA/FIPS_186-2/SigVer15_186-3.rsp"):
        data, signature = octets(record, "msg", "s")
        right = record["result"].startswith("P")
        hash_ = record["shaalg"].removeprefix("SHA")
        if hash_ in HASHES:
            identifier = algorithms.RSA_PKCS1[HASHES[hash_]]
            assert accepted(public, identifier, signature, data) == right
            assert accepted_as(public, 1, signature, data) == right
        else:  # SHA-1 where the policy allows it, and SHA-224 nowhere
            assert not accepted_as(public, 1, signature, data)
            assert accepted_as(public, 1, signature, data, sha1=True) == (right and hash_ == "1")
        seen[bits, right] += 1
    assert {bits for bits, _ in seen} == {2048, 3072, 4096}
    assert min(seen.values()) >= 3


def test_rsa_pss_with_another_salt() -> None:
    """RFC 7427 A.4 and RFC 4055 3.1: as long as the hash. These have ten octets."""
    count = 0
    for _, record, public in rsa_cases("asymmetric/RSA/FIPS_186-2/SigVerPSS_186-3.rsp"):
        data, signature = octets(record, "msg", "s")
        for identifier, (scheme, _hash) in algorithms.KNOWN.items():
            if scheme is algorithms.Scheme.RSA_PSS:
                assert not accepted(public, identifier, signature, data)
                count += 1
    assert count >= 100


def test_ed25519() -> None:
    lines = files("cryptography_vectors").joinpath("asymmetric/Ed25519/sign.input").read_text()
    count = 0
    for line in lines.splitlines()[::4]:
        pair, public, data, signed = (bytes.fromhex(part) for part in line.split(":")[:4])
        key = SigningKey(Ed25519PrivateKey.from_private_bytes(pair[:32]))
        assert pair[32:] == public
        check_signature(key, algorithms.ED25519, signed[:64], data)
        count += 1
    assert count == 256


def test_ed448() -> None:
    count = 0
    for _, record in records("asymmetric/Ed448/rfc8032.txt"):
        if "context" in record:
            continue  # RFC 8420 has none
        secret, data, signature = octets(record, "secret", "message", "signature")
        key = SigningKey(Ed448PrivateKey.from_private_bytes(secret))
        check_signature(key, algorithms.ED448, signature, data)
        count += 1
    assert count >= 7


def check_signature(key: SigningKey, identifier: bytes, signature: bytes, data: bytes) -> None:
    """It is what the key makes, and proves nothing for other data."""
    assert key.sign_rfc7427(data, (IDENTITY,)) == auth_data(identifier, signature)
    assert accepted(key.public, identifier, signature, data)
    assert not accepted(key.public, identifier, signature, data + b"\0")
    assert not accepted(key.public, identifier, signature[:-1] + b"\xff", data)
