"""Key exchange: published vectors, both sides of each group, and hostile public values."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import GROUPS, BadPublicValue, Group, group
from talpa.crypto.modp import ModpExchange

RFC = json.loads((Path(__file__).parent / "vectors" / "rfc.json").read_text())
MODP = [each for each in GROUPS if each.name.startswith("MODP")]
ECP = [each for each in GROUPS if each.name.startswith("ECP")]
BY_NAME = pytest.mark.parametrize("each", GROUPS, ids=lambda each: each.name)


def giving(octets: bytes) -> Callable[[int], bytes]:
    """A source of "randomness" that gives these octets, padded in front to what is asked for."""
    return lambda count: octets.rjust(count, b"\0")[-count:]


@BY_NAME
def test_both_sides_have_the_same_secret(each: Group) -> None:
    offer = each.initiate(os.urandom)
    reply, shared = each.respond(os.urandom, offer.public)
    assert offer.finish(reply) == shared
    assert len(offer.public) == each.public_octets
    assert len(reply) == each.reply_octets
    other = each.initiate(os.urandom)
    assert other.public != offer.public
    assert shared.hex() not in repr(offer)


@BY_NAME
def test_the_same_randomness_makes_the_same_offer(each: Group) -> None:
    first, second = (each.initiate(giving(b"\x42" * 80)) for _ in range(2))
    assert first.public == second.public
    if not each.kem:
        assert each.respond(giving(b"\x17" * 80), first.public) == each.respond(
            giving(b"\x17" * 80), second.public
        )


@BY_NAME
def test_values_of_another_length_are_refused(each: Group) -> None:
    offer = each.initiate(os.urandom)
    reply, _ = each.respond(os.urandom, offer.public)
    for wrong in (b"", offer.public[:-1], offer.public + b"\0", b"\0" + offer.public, bytes(65535)):
        with pytest.raises(BadPublicValue):
            each.respond(os.urandom, wrong)
    for wrong in (b"", reply[:-1], reply + b"\0", b"\0" + reply):
        with pytest.raises(BadPublicValue):
            offer.finish(wrong)


@pytest.mark.parametrize("case", RFC["rfc5903"], ids=lambda case: str(case["bits"]))
def test_ecp_of_rfc5903(case: dict[str, str]) -> None:
    each = group({256: GroupId.ECP256, 384: GroupId.ECP384, 521: GroupId.ECP521}[int(case["bits"])])
    ours = (int(case["i"], 16) - 1).to_bytes(80, "big")
    theirs = (int(case["r"], 16) - 1).to_bytes(80, "big")
    offer = each.initiate(giving(ours))
    assert offer.public.hex() == case["gix"] + case["giy"]
    reply, shared = each.respond(giving(theirs), offer.public)
    assert reply.hex() == case["grx"] + case["gry"]
    assert shared.hex() == offer.finish(reply).hex() == case["girx"]


def test_x25519_of_rfc8031() -> None:
    each = group(GroupId.X25519)
    offer = each.initiate(
        giving(bytes.fromhex("751fb4308655b476b6789b7325f9ea8cddd16a58533ff6d9e60009464a5f9d94"))
    )
    assert offer.public.hex() == "48d5ddd4061257ba166fa3f9bbdb74f1a4e81c089384fa77f790709f0dfbc766"
    reply, shared = each.respond(
        giving(bytes.fromhex("0a54645253290d60ddadd0e030bacd9e5501efdc220755a1e978f1b839a05688")),
        offer.public,
    )
    assert reply.hex() == "0be7c1f5aad87d7e448662673298a443478b859745179eaf564c79c0ef6eee25"
    assert shared.hex() == "c74950607a12327f3204d94b6825bfb068b7f8319a9e3708ed3d43ce8130c950"
    assert offer.finish(reply) == shared


def test_x448_of_rfc7748() -> None:
    each = group(GroupId.X448)
    offer = each.initiate(
        giving(
            bytes.fromhex(
                "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d"
                "d9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b"
            )
        )
    )
    bob = bytes.fromhex(
        "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d"
        "6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d"
    )
    reply, shared = each.respond(giving(bob), offer.public)
    assert shared.hex() == (
        "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b"
        "b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d"
    )
    assert offer.finish(reply) == shared


@pytest.mark.parametrize("each", MODP, ids=lambda each: each.name)
def test_modp_is_powers_of_two_modulo_the_primes_of_the_rfcs(each: Group) -> None:
    prime = int(RFC["primes"][each.name.removeprefix("MODP-")], 16)
    assert isinstance(each.exchange, ModpExchange)
    # All powers of the draws below, the highest bit of the exponent always being set.
    octets = each.exchange._exponent_bits // 8
    ours = int.from_bytes(b"\x80" + b"\x5a" * (octets - 1), "big")
    theirs = int.from_bytes(b"\xa3" * octets, "big")
    offer = each.initiate(giving(b"\0" + b"\x5a" * (octets - 1)))
    assert int.from_bytes(offer.public, "big") == pow(2, ours, prime)
    reply, shared = each.respond(giving(b"\x23" + b"\xa3" * (octets - 1)), offer.public)
    assert int.from_bytes(reply, "big") == pow(2, theirs, prime)
    assert int.from_bytes(shared, "big") == pow(2, ours * theirs, prime)
    assert len(shared) == prime.bit_length() // 8


@pytest.mark.parametrize("each", MODP, ids=lambda each: each.name)
def test_modp_outside_2_to_p_minus_2_is_refused(each: Group) -> None:
    prime = int(RFC["primes"][each.name.removeprefix("MODP-")], 16)
    octets = each.public_octets
    offer = each.initiate(os.urandom)
    for value in (0, 1, prime - 1, prime, prime + 1, prime + 2, (1 << 8 * octets) - 1):
        with pytest.raises(BadPublicValue):
            each.respond(os.urandom, value.to_bytes(octets, "big"))
        with pytest.raises(BadPublicValue):
            offer.finish(value.to_bytes(octets, "big"))
    for value in (2, 3, prime - 2):
        _, shared = each.respond(os.urandom, value.to_bytes(octets, "big"))
        assert len(shared) == octets


@pytest.mark.parametrize("each", MODP, ids=lambda each: each.name)
def test_modp_secrets_keep_their_leading_zeros(each: Group) -> None:
    prime = int(RFC["primes"][each.name.removeprefix("MODP-")], 16)
    assert isinstance(each.exchange, ModpExchange)
    # The peer's value is a root of a small number, so that the secret is that number.
    exponent = (1 << each.exchange._exponent_bits - 1) + 3
    order = (prime - 1) // 2
    root = pow(4, pow(exponent, -1, order), prime)
    _, shared = each.respond(giving(b"\3"), root.to_bytes(each.public_octets, "big"))
    assert shared == b"\4".rjust(each.public_octets, b"\0")


@pytest.mark.parametrize("each", ECP, ids=lambda each: each.name)
def test_points_off_the_curve_are_refused(each: Group) -> None:
    offer = each.initiate(os.urandom)
    half = each.public_octets // 2
    x, y = offer.public[:half], offer.public[half:]
    ones = b"\xff" * half
    for wrong in (bytes(2 * half), x + bytes(half), bytes(half) + y, y + x, ones + ones, x + ones):
        with pytest.raises(BadPublicValue):
            each.respond(os.urandom, wrong)
        with pytest.raises(BadPublicValue):
            offer.finish(wrong)
    for bit in range(0, 16 * half, 37):
        changed = bytearray(offer.public)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadPublicValue):
            each.respond(os.urandom, bytes(changed))


P25519 = 2**255 - 19
SMALL_25519 = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    P25519 - 1,
    P25519,
    P25519 + 1,
]
"""The u coordinates of small order, in every way that they can be written in 255 bits."""


@pytest.mark.parametrize("value", SMALL_25519)
def test_x25519_points_of_small_order_are_refused(value: int) -> None:
    each = group(GroupId.X25519)
    offer = each.initiate(os.urandom)
    for top in (0, 1 << 255):
        public = (value | top).to_bytes(32, "little")
        with pytest.raises(BadPublicValue):
            each.respond(os.urandom, public)
        with pytest.raises(BadPublicValue):
            offer.finish(public)


@pytest.mark.parametrize("value", [0, 1, 2**448 - 2**224 - 2, 2**448 - 2**224 - 1, 2**448 - 2**224])
def test_x448_points_of_small_order_are_refused(value: int) -> None:
    with pytest.raises(BadPublicValue):
        group(GroupId.X448).respond(os.urandom, value.to_bytes(56, "little"))


@pytest.mark.parametrize("each", [each for each in GROUPS if each.kem], ids=lambda each: each.name)
def test_a_kem_takes_no_key_out_of_range_and_gives_forgers_a_secret_of_its_own(each: Group) -> None:
    with pytest.raises(BadPublicValue):
        each.respond(os.urandom, b"\xff" * each.public_octets)
    offer = each.initiate(os.urandom)
    reply, shared = each.respond(os.urandom, offer.public)
    forged = bytes((reply[0] ^ 1,)) + reply[1:]
    assert offer.finish(forged) not in (shared, bytes(32))
    assert offer.finish(forged) == offer.finish(forged)


def test_every_number_works_or_is_refused() -> None:
    known = []
    for number in range(0x10000):
        try:
            each = group(GroupId(number))
        except LookupError:
            continue
        known.append(number)
        offer = each.initiate(os.urandom)
        reply, shared = each.respond(os.urandom, offer.public)
        assert offer.finish(reply) == shared
    assert known == sorted(each.id for each in GROUPS)
    assert GroupId.NONE not in known
