"""Signatures of IKE: RFC 7427, the classic methods, IKEv1."""

from hashlib import new, sha1, sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from talpa.crypto import signature_algorithms as algorithms
from talpa.crypto.signing import (
    HASHES,
    BadSignature,
    PrivateKey,
    SigningKey,
    UnfitKey,
    verify_classic,
    verify_rfc7427,
    verify_v1,
)

RSA_KEY = rsa.generate_private_key(65537, 2048)
PRIVATE: dict[str, PrivateKey] = {
    "rsa": RSA_KEY,
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "ed448": ed448.Ed448PrivateKey.generate(),
}
KEYS = {name: SigningKey(key) for name, key in PRIVATE.items()}
ALL = pytest.mark.parametrize("name", KEYS)
DATA = b"message | nonce | prf(SK_p, ID)"


@ALL
def test_rfc7427_both_ways(name: str) -> None:
    key = KEYS[name]
    signed = key.sign_rfc7427(DATA, HASHES)
    assert signed is not None
    assert verify_rfc7427(key.public, signed, DATA) == key.kind
    with pytest.raises(BadSignature, match="wrong"):
        verify_rfc7427(key.public, signed, DATA + b"!")
    with pytest.raises(BadSignature):
        verify_rfc7427(key.public, signed[:-1], DATA)


@pytest.mark.parametrize(
    ("name", "hashes", "identifier"),
    [
        # The octets of RFC 7427 appendix A and RFC 8420 A.
        ("rsa", (2, 3, 4), "300d06092a864886f70d01010b0500"),
        ("rsa", (4, 3), "300d06092a864886f70d01010c0500"),
        ("rsa", (4,), "300d06092a864886f70d01010d0500"),
        ("p256", (2, 3, 4), "300a06082a8648ce3d040302"),
        ("p384", (2, 3, 4), "300a06082a8648ce3d040303"),
        ("p521", (2, 3, 4), "300a06082a8648ce3d040304"),
        ("p384", (2,), "300a06082a8648ce3d040302"),
        ("ed25519", (5,), "300506032b6570"),
        ("ed448", (2, 5), "300506032b6571"),
    ],
)
def test_the_hash_is_one_that_the_peer_takes(
    name: str, hashes: tuple[int, ...], identifier: str
) -> None:
    signed = KEYS[name].sign_rfc7427(DATA, hashes)
    assert signed is not None
    octets = bytes.fromhex(identifier)
    assert signed.startswith(bytes((len(octets),)) + octets)
    assert verify_rfc7427(KEYS[name].public, signed, DATA)


@pytest.mark.parametrize(
    ("name", "hashes"), [("rsa", (1, 5)), ("p256", ()), ("ed25519", (2, 3, 4)), ("ed448", (1,))]
)
def test_no_common_hash(name: str, hashes: tuple[int, ...]) -> None:
    assert KEYS[name].sign_rfc7427(DATA, hashes) is None


def test_pss_of_rfc7427_is_taken() -> None:
    identifier = bytes.fromhex(
        "304606092a864886f70d01010a3039a00f300d06096086480165030402010500a11c301a06092a"
        "864886f70d010108300d06096086480165030402010500a203020120a303020101"
    )
    signature = RSA_KEY.sign(DATA, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    signed = bytes((len(identifier),)) + identifier + signature
    assert verify_rfc7427(RSA_KEY.public_key(), signed, DATA) == "RSA"


@pytest.mark.parametrize(
    "identifier",
    [
        "300d06092a864886f70d0101050500",  # SHA-1 with RSA
        "300d06092a864886f70d0101040500",  # MD5 with RSA
        "300906072a8648ce3d0401",  # SHA-1 with ECDSA
        "300d06092a864886f70d01010a3000",  # PSS with its defaults, which are SHA-1
        "",
        "30",
    ],
)
def test_weak_and_unknown_algorithms_are_refused(identifier: str) -> None:
    octets = bytes.fromhex(identifier)
    weak = RSA_KEY.sign(DATA, padding.PKCS1v15(), SHA1())
    with pytest.raises(BadSignature, match="not taken"):
        verify_rfc7427(RSA_KEY.public_key(), bytes((len(octets),)) + octets + weak, DATA)


@ALL
def test_the_algorithm_has_to_go_with_the_key(name: str) -> None:
    for other, key in KEYS.items():
        signed = key.sign_rfc7427(DATA, HASHES)
        assert signed is not None
        if other != name:
            with pytest.raises(BadSignature):
                verify_rfc7427(KEYS[name].public, signed, DATA)


@pytest.mark.parametrize(
    ("name", "method", "octets"), [("p256", 9, 64), ("p384", 10, 96), ("p521", 11, 132)]
)
def test_ecdsa_has_two_halves(name: str, method: int, octets: int) -> None:
    key = KEYS[name]
    signed = key.sign_classic(method, DATA)
    assert signed is not None
    assert len(signed) == octets
    assert verify_classic(key.public, method, signed, DATA) == "ECDSA"
    for wrong in (b"", signed[1:], signed + b"\0", bytes(octets), b"\xff" * octets):
        with pytest.raises(BadSignature):
            verify_classic(key.public, method, wrong, DATA)
    for other in {1, 2, 3, 9, 10, 11, 14} - {method}:
        assert key.sign_classic(other, DATA, sha1=True) is None
        with pytest.raises(BadSignature):
            verify_classic(key.public, other, signed, DATA)


def test_rsa_with_sha1_only_where_allowed() -> None:
    key = KEYS["rsa"]
    assert key.sign_classic(1, DATA) is None
    signed = key.sign_classic(1, DATA, sha1=True)
    assert signed is not None
    assert verify_classic(key.public, 1, signed, DATA, sha1=True) == "RSA"
    with pytest.raises(BadSignature, match="SHA-1"):
        verify_classic(key.public, 1, signed, DATA)
    better = RSA_KEY.sign(DATA, padding.PKCS1v15(), SHA256())
    assert verify_classic(key.public, 1, better, DATA) == "RSA"
    worse = RSA_KEY.sign(DATA, padding.PKCS1v15(), MD5())
    with pytest.raises(BadSignature):
        verify_classic(key.public, 1, worse, DATA, sha1=True)


def test_ikev1_rsa_signs_the_bare_hash() -> None:
    key = KEYS["rsa"]
    for hash_ in (sha1(DATA).digest(), sha256(DATA).digest(), new("sha512", DATA).digest()):
        signed = key.sign_v1(hash_, 3)
        # RFC 2409 5.1: PKCS#1 padding around the hash and nothing else.
        numbers = RSA_KEY.public_key().public_numbers()
        padded = pow(int.from_bytes(signed, "big"), numbers.e, numbers.n).to_bytes(256, "big")
        assert padded == b"\0\1" + b"\xff" * (253 - len(hash_)) + b"\0" + hash_
        assert verify_v1(key.public, 3, signed, hash_) == "RSA"
        with pytest.raises(BadSignature):
            verify_v1(key.public, 3, signed, hash_[::-1])
    with_name = RSA_KEY.sign(DATA, padding.PKCS1v15(), SHA256())
    with pytest.raises(BadSignature):
        verify_v1(key.public, 3, with_name, sha256(DATA).digest())


@pytest.mark.parametrize(
    ("name", "method", "hash_name"),
    [("p256", 9, "sha256"), ("p384", 10, "sha384"), ("p521", 11, "sha512"), ("p256", 9, "sha1")],
)
def test_ikev1_ecdsa(name: str, method: int, hash_name: str) -> None:
    key, hash_ = KEYS[name], new(hash_name, DATA).digest()
    signed = key.sign_v1(hash_, method)
    assert verify_v1(key.public, method, signed, hash_) == "ECDSA"
    with pytest.raises(BadSignature):
        verify_v1(key.public, method, signed, hash_[::-1])
    with pytest.raises(ValueError, match="method"):
        key.sign_v1(hash_, 3)


def test_ecdsa_of_rfc4754() -> None:
    """RFC 4754 8.1: the signature of "abc"."""
    public = ec.EllipticCurvePublicNumbers(
        0x2442A5CC0ECD015FA3CA31DC8E2BBC70BF42D60CBCA20085E0822CB04235E970,
        0x6FC98BD7E50211A4A27102FA3549DF79EBCB4BF246B80945CDDFE7D509BBFD7D,
        ec.SECP256R1(),
    ).public_key()
    signature = bytes.fromhex(
        "cb28e0999b9c7715fd0a80d8e47a77079716cbbf917dd72e97566ea1c066957c"
        "86fa3bb4e26cad5bf90b7f81899256ce7594bb1ea0c89212748bff3b3d5b0315"
    )
    assert verify_classic(public, 9, signature, b"abc") == "ECDSA"
    assert verify_v1(public, 9, signature, sha256(b"abc").digest()) == "ECDSA"


def test_unfit_keys_are_refused() -> None:
    small = rsa.generate_private_key(65537, 1024)
    with pytest.raises(UnfitKey, match="1024"):
        SigningKey(small)
    with pytest.raises(UnfitKey, match="secp256k1"):
        SigningKey(ec.generate_private_key(ec.SECP256K1()))
    signature = small.sign(DATA, padding.PKCS1v15(), SHA256())
    octets = algorithms.RSA_PKCS1[2]
    with pytest.raises(BadSignature, match="1024"):
        verify_rfc7427(small.public_key(), bytes((len(octets),)) + octets + signature, DATA)


def test_a_key_shows_nothing() -> None:
    assert [repr(key) for key in KEYS.values()][:2] == ["SigningKey(RSA)", "SigningKey(ECDSA)"]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(KEYS)), st.binary(max_size=600), st.integers(0, 255))
def test_whatever_comes_only_bad_signature_is_raised(name: str, data: bytes, method: int) -> None:
    public = KEYS[name].public
    with pytest.raises(BadSignature):
        verify_rfc7427(public, data, DATA)
    with pytest.raises(BadSignature):
        verify_classic(public, method, data, DATA, sha1=True)
    with pytest.raises(BadSignature):
        verify_v1(public, method, data, sha1(DATA).digest())
    with pytest.raises(BadSignature):
        verify_v1(public, method, data, data[:7])
