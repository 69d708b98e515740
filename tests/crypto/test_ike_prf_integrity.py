"""HMAC as PRF and as integrity algorithm."""

import json
from hashlib import sha1, sha256
from hmac import digest
from pathlib import Path

import pytest

from talpa.crypto.algorithms import IntegrityId, PrfId
from talpa.crypto.integrity import INTEGRITIES, Integrity, integrity
from talpa.crypto.prf import PRFS, Prf, prf

RFC4868 = json.loads((Path(__file__).parent / "vectors" / "rfc.json").read_text())["rfc4868"]
BY_SHA = {256: PrfId.HMAC_SHA2_256, 384: PrfId.HMAC_SHA2_384, 512: PrfId.HMAC_SHA2_512}
INTEGRITY_BY_SHA = {
    256: IntegrityId.HMAC_SHA2_256_128,
    384: IntegrityId.HMAC_SHA2_384_192,
    512: IntegrityId.HMAC_SHA2_512_256,
}

# RFC 2202 3.
RFC2202 = [
    (b"\x0b" * 20, b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
    (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (b"\xaa" * 20, b"\xdd" * 50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
    (
        b"\xaa" * 80,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "aa4ae5e15272d00e95705637ce8a3b55ed402112",
    ),
]


@pytest.mark.parametrize("case", RFC4868, ids=lambda case: f"{case['case']}-{case['sha']}")
def test_sha2_of_rfc4868(case: dict[str, str]) -> None:
    key, data, mac = (bytes.fromhex(case[name]) for name in ("key", "data", "mac"))
    assert prf(BY_SHA[int(case["sha"])]).compute(key, data) == mac
    algorithm = integrity(INTEGRITY_BY_SHA[int(case["sha"])])
    if len(key) == algorithm.key_octets:
        assert algorithm.keyed(key).icv(data) == mac[: algorithm.icv_octets]


@pytest.mark.parametrize(("key", "data", "mac"), RFC2202)
def test_sha1_of_rfc2202(key: bytes, data: bytes, mac: str) -> None:
    assert prf(PrfId.HMAC_SHA1).compute(key, data).hex() == mac
    if len(key) == 20:
        assert integrity(IntegrityId.HMAC_SHA1_96).keyed(key).icv(data).hex() == mac[:24]


def hmac_by_hand(key: bytes, data: bytes) -> bytes:
    """RFC 2104 2, with SHA-256."""
    key = key.ljust(64, b"\0")
    inner = sha256(bytes(octet ^ 0x36 for octet in key) + data).digest()
    return sha256(bytes(octet ^ 0x5C for octet in key) + inner).digest()


def test_prf_plus_by_hand() -> None:
    key, seed = b"k" * 32, b"Ni|Nr|SPIi|SPIr"
    first = hmac_by_hand(key, seed + b"\x01")
    second = hmac_by_hand(key, first + seed + b"\x02")
    third = hmac_by_hand(key, second + seed + b"\x03")
    made = prf(PrfId.HMAC_SHA2_256).plus(key, seed, 80)
    assert made == (first + second + third)[:80]


@pytest.mark.parametrize("algorithm", PRFS, ids=lambda each: each.name)
def test_prf_plus_is_one_stream_of_255_blocks(algorithm: Prf) -> None:
    most = 255 * algorithm.octets
    whole = algorithm.plus(b"key", b"seed", most)
    assert len(whole) == most
    last = digest(
        b"key", whole[-2 * algorithm.octets : -algorithm.octets] + b"seed\xff", algorithm.hash
    )
    assert whole.endswith(last)
    for octets in (0, 1, algorithm.octets, algorithm.octets + 1, 1000):
        assert algorithm.plus(b"key", b"seed", octets) == whole[:octets]
    with pytest.raises(ValueError, match="255"):
        algorithm.plus(b"key", b"seed", most + 1)


def test_parts_are_one_after_the_other() -> None:
    algorithm = prf(PrfId.HMAC_SHA1)
    assert algorithm.compute(b"k", b"a", b"", b"bc") == algorithm.compute(b"k", b"abc")
    assert algorithm.digest(b"a", b"bc") == sha1(b"abc").digest()
    assert algorithm.digest() == sha1().digest()


@pytest.mark.parametrize("algorithm", INTEGRITIES, ids=lambda each: each.name)
def test_icv_stays_the_same_over_many_packets(algorithm: Integrity) -> None:
    mac = algorithm.keyed(bytes(range(algorithm.key_octets)))
    first = mac.icv(b"header", b"payload", b"esn")
    assert len(first) == algorithm.icv_octets
    for _ in range(300):
        assert mac.icv(b"headerpayload", b"esn") == first
    assert mac.verify(first, b"header", b"payloadesn")
    for wrong in (b"", first[:-1], first + b"\0", bytes(len(first))):
        assert not mac.verify(wrong, b"header", b"payload", b"esn")
    assert not mac.verify(first, b"header", b"payload")


def test_every_number_works_or_is_refused() -> None:
    for number in range(0x10000):
        try:
            algorithm = integrity(IntegrityId(number))
        except LookupError:
            pass
        else:
            assert algorithm.keyed(bytes(algorithm.key_octets)).icv(b"")
        try:
            function = prf(PrfId(number))
        except LookupError:
            continue
        assert len(function.compute(b"", b"")) == len(function.digest()) == function.octets


def test_a_key_of_another_length_is_refused() -> None:
    for algorithm in INTEGRITIES:
        with pytest.raises(ValueError, match=algorithm.name):
            algorithm.keyed(bytes(algorithm.key_octets - 1))
