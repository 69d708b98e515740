"""ESP packets of every suite: what is sealed opens; what is forged, replayed, strange does not."""

import os
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.build import CBC, DES3, GCM, NULL, SPI, icv, packet, sa, suites
from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.esp.packet import (
    BAD_PADDING,
    CUT_SHORT,
    EXPIRED,
    FORGED,
    NO_BLOCKS,
    REPLAYED,
    Inbound,
    Outbound,
)
from talpa.esp.sa import Limits, Protocol, Suite
from talpa.wire import Secret

ALL = suites()
EVERY = [*ALL, *(replace(suite, esn=True) for suite in ALL)]


def shown(suite: Suite) -> str:
    return suite.name + ("/ESN" if suite.esn else "")


@pytest.mark.parametrize("suite", EVERY, ids=shown)
def test_what_is_sealed_opens_once(suite: Suite) -> None:
    made = sa(suite)
    outbound, inbound = Outbound(made, os.urandom), Inbound(made)
    for length in (*range(40), 576, 1400, 65000):
        payload = os.urandom(length)
        sealed = outbound.seal(payload, 17)
        assert sealed is not None
        assert len(sealed) % 4 == 0 or suite.integrity is not IntegrityId.NONE
        assert inbound.open(sealed) == (17, payload)
        # With ESN a number that was seen may also be that of a packet 2**32 later.
        assert inbound.open(sealed) in ((REPLAYED,) if not suite.esn else (REPLAYED, FORGED))


@pytest.mark.parametrize("suite", [GCM, CBC, NULL, replace(CBC, esn=True), DES3], ids=shown)
def test_no_bit_may_change(suite: Suite) -> None:
    made = sa(suite)
    sealed = Outbound(made, os.urandom).seal(b"payload of a packet", 17)
    assert sealed is not None
    inbound = Inbound(made)
    # The SPI is how the SA was found: there is no packet of this SA with another one.
    for bit in range(32, len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        assert inbound.open(bytes(changed)) in (FORGED, REPLAYED)
    for length in range(4, len(sealed)):
        assert inbound.open(sealed[:length]) in (FORGED, CUT_SHORT)
    assert inbound.open(sealed + b"\0") == FORGED
    assert inbound.window.highest == 0, "nothing forged may move the window"
    assert inbound.open(sealed) == (17, b"payload of a packet")


def test_the_upper_half_of_an_extended_number_is_covered() -> None:
    made = sa(replace(CBC, esn=True))
    outbound, inbound, stale = Outbound(made, os.urandom), Inbound(made), Inbound(made)
    inbound.window.mark((1 << 32) - 1)
    sealed = outbound.seal(b"one", 17)
    assert sealed is not None
    assert inbound.open(sealed) == FORGED, "it is number 2**32 + 1 to this one"
    assert stale.open(sealed) == (17, b"one")


@pytest.mark.parametrize("suite", [GCM, CBC, NULL], ids=shown)
def test_any_trailer_after_a_valid_icv(suite: Suite) -> None:
    made = sa(suite, window=4096)
    inbound = Inbound(made)
    align = 16 if suite is CBC else 1
    number = 0
    for length in range(align - 1 or 1, 129, align):
        for padding in range(256):
            number += 1
            at = max(length - 1 - padding, 0)
            body = bytearray(os.urandom(length + 1))
            right = length - 1 - at
            body[at : length - 1] = bytes(range(1, right + 1))
            body[-2:] = bytes((padding, number % 256))
            expected: object = BAD_PADDING
            if padding <= length - 1:
                expected = (number % 256, bytes(body[:at]))
            assert inbound.open(packet(made, number, bytes(body))) == expected
    assert inbound.window.highest == number


@pytest.mark.parametrize("suite", [GCM, CBC, NULL], ids=shown)
def test_padding_has_to_count(suite: Suite) -> None:
    made = sa(suite)
    inbound = Inbound(made)
    body = bytes(4) + b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x09\x0a\x11"
    assert inbound.open(packet(made, 1, body[:-2] + b"\x0a\x11")) == BAD_PADDING
    body = bytes(4) + bytes(range(1, 11)) + b"\x0a\x11"
    assert inbound.open(packet(made, 2, body)) == (17, bytes(4))


def test_a_piece_of_a_block_is_dropped() -> None:
    made = sa(CBC)
    whole = packet(made, 1, bytes(32))
    key = made.key.reveal()[32:]
    body = whole[:-16][:-5]
    assert Inbound(made).open(body + icv(CBC, key, body)) == NO_BLOCKS


@given(data=st.binary(max_size=200))
def test_any_octets_are_refused(data: bytes) -> None:
    for suite in (GCM, CBC, NULL, DES3):
        assert isinstance(Inbound(sa(suite)).open(SPI.to_bytes(4, "big") + data), str)


def test_ivs_are_fresh() -> None:
    outbound = Outbound(sa(GCM), os.urandom)
    counters = {outbound.seal(b"x", 17)[8:16] for _ in range(1000)}  # type: ignore[index]
    assert len(counters) == 1000
    source = random.Random(1)
    drawn: list[bytes] = []

    def rng(octets: int) -> bytes:
        drawn.append(source.randbytes(octets))
        return drawn[-1]

    outbound = Outbound(sa(CBC), rng)
    for _ in range(10):
        made = outbound.seal(b"x", 17)
        assert made is not None
        assert made[8:24] == drawn[-1]
    assert len(set(drawn)) == 10


class TestValues:
    def test_names_and_keys(self) -> None:
        assert CBC.name == "AES-CBC-256/HMAC-SHA2-256-128"
        assert CBC.key_octets == 64
        assert GCM.key_octets == 36
        assert DES3.key_octets == 44
        ah = Suite(Protocol.AH, EncryptionId.NULL, 0, IntegrityId.HMAC_SHA1_96)
        assert ah.name == "AH/HMAC-SHA1-96"
        assert ah.key_octets == 20
        assert len({each.name for each in ALL}) == len(ALL) == 10 + 5 * 5

    @pytest.mark.parametrize(
        ("protocol", "cipher", "bits", "mac"),
        [
            (Protocol.ESP, EncryptionId.AES_CBC, 256, IntegrityId.NONE),
            (Protocol.ESP, EncryptionId.DES3, 0, IntegrityId.NONE),
            (Protocol.ESP, EncryptionId.NULL, 0, IntegrityId.NONE),
            (Protocol.ESP, EncryptionId.AES_GCM_16, 256, IntegrityId.HMAC_SHA1_96),
            (Protocol.ESP, EncryptionId.AES_CBC, 512, IntegrityId.HMAC_SHA1_96),
            (Protocol.ESP, EncryptionId(2), 0, IntegrityId.HMAC_SHA1_96),
            (Protocol.ESP, EncryptionId.AES_CBC, 256, IntegrityId(1)),
            (Protocol.AH, EncryptionId.NULL, 0, IntegrityId.NONE),
            (Protocol.AH, EncryptionId.AES_CBC, 256, IntegrityId.HMAC_SHA1_96),
        ],
    )
    def test_what_protects_nothing_is_not_expressible(
        self, protocol: Protocol, cipher: EncryptionId, bits: int, mac: IntegrityId
    ) -> None:
        with pytest.raises(ValueError, match=r"algorithm|integrity check|encrypt"):
            Suite(protocol, cipher, bits, mac)

    def test_keys_have_one_length_and_are_not_shown(self) -> None:
        made = sa(CBC)
        assert made.key.reveal().hex() not in repr(made)
        short = replace(made, key=Secret(made.key.reveal()[:-1]))
        for make in (Inbound, lambda sa_: Outbound(sa_, os.urandom)):
            with pytest.raises(ValueError, match="takes a key of 64 octets, not 63"):
                make(short)


class TestLife:
    def test_packets(self) -> None:
        made = sa(GCM, soft=Limits(packets=3), hard=Limits(packets=5))
        outbound, inbound = Outbound(made, os.urandom), Inbound(made)
        told = []
        for _ in range(5):
            sealed = outbound.seal(b"x", 17)
            assert sealed is not None
            assert inbound.open(sealed) == (17, b"x")
            told.append((outbound.life.expiring, outbound.life.expired))
            assert told[-1] == (inbound.life.expiring, inbound.life.expired)
        assert told == [(False, False)] * 2 + [(True, False)] * 2 + [(True, True)]
        assert outbound.seal(b"x", 17) is None
        assert inbound.open(packet(made, 6, b"x\0\x11")) == EXPIRED

    def test_octets(self) -> None:
        outbound = Outbound(sa(GCM, soft=Limits(octets=50), hard=Limits(octets=100)), os.urandom)
        sizes = []
        while (sealed := outbound.seal(b"x", 17)) is not None:
            sizes.append(len(sealed))
            assert outbound.life.expiring == (sum(sizes) >= 50)
        assert sum(sizes) >= 100 > sum(sizes[:-1])

    def test_seconds(self) -> None:
        life = Outbound(sa(GCM, soft=Limits(seconds=10), hard=Limits(seconds=20)), os.urandom).life
        life.begin(100.0)
        told = []
        for now in (109.0, 110.0, 119.0, 120.0):
            life.handle_timeout(now)
            told.append((life.expiring, life.expired, life.next_timeout()))
        assert told == [
            (False, False, 110.0),
            (True, False, 120.0),
            (True, False, 120.0),
            (True, True, None),
        ]

    def test_it_ends_before_the_number_wraps(self) -> None:
        outbound = Outbound(sa(CBC, soft=Limits(), hard=Limits(packets=1 << 40)), os.urandom)
        outbound._number = (1 << 31) - 2
        outbound.seal(b"x", 17)
        assert outbound.life.expiring
        outbound._number = (1 << 32) - 3
        assert outbound.seal(b"x", 17) is not None
        last = outbound.seal(b"x", 17)
        assert last is not None
        assert last[4:8] == b"\xff\xff\xff\xff"
        assert outbound.seal(b"x", 17) is None

    def test_extended_numbers_go_on(self) -> None:
        made = sa(replace(GCM, esn=True))
        outbound, inbound = Outbound(made, os.urandom), Inbound(made)
        outbound._number = (1 << 32) - 2
        inbound.window.mark((1 << 32) - 2)
        for count in range(4):
            sealed = outbound.seal(b"x", 17)
            assert sealed is not None
            assert inbound.open(sealed) == (17, b"x")
            assert inbound.window.highest == (1 << 32) - 1 + count

    def test_triple_des_dies_early(self) -> None:
        outbound = Outbound(sa(DES3, hard=Limits(packets=1 << 30)), os.urandom)
        outbound._number = (1 << 20) - 2
        outbound.seal(b"x", 17)
        assert outbound.life.expiring
        assert outbound.seal(b"x", 17) is not None
        assert outbound.seal(b"x", 17) is None
        outbound = Outbound(sa(DES3), os.urandom)
        outbound.life.octets = (1 << 30) - 8
        assert outbound.seal(b"x", 17) is not None
        assert outbound.seal(b"x", 17) is None
