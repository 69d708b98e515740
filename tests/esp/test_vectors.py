"""Whole ESP packets of the RFCs: RFC 3602 4, draft-mcgrew-gcm-test 4, RFC 7634 appendix A."""

import re
from dataclasses import replace
from typing import NamedTuple

import pytest

from esp.build import CBC, GCM, icv, sa
from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.esp.packet import Inbound, Outbound
from talpa.esp.sa import Protocol, Suite

PING = (
    "08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627 28292a2b 2c2d2e2f"
    "30313233 34353637"
)


def octets(text: str) -> bytes:
    return bytes.fromhex(re.sub(r"\s", "", text))


class Case(NamedTuple):
    key: str
    spi: int
    number: int
    iv: str
    payload: str
    next_header: int
    ciphertext: str


CASES = {
    5: Case(
        "90d382b4 10eeba7a d938c46c ec1a82bf",
        0x4321,
        1,
        "e96e8c08 ab465763 fd098d45 dd3ff893",
        f"08000ebd a70a0000 8e9c083d b95b0700 {PING}",
        1,
        "f663c25d 325c18c6 a9453e19 4e120849 a4870b66 cc6b9965 330013b4 898dc856"
        "a4699e52 3a55db08 0b59ec3a 8e4b7e52 775b07d1 db34ed9c 538ab50c 551b874a"
        "a269add0 47ad2d59 13ac19b7 cfbad4a6",
    ),
    6: Case(
        "90d382b4 10eeba7a d938c46c ec1a82bf",
        0x4321,
        8,
        "69d08df7 d203329d b093fc49 24e5bd80",
        "0800b5e8 a80a0500 a69c083d 0b660e00 77777777 77777777 77777777",
        1,
        "f5199588 1ec4e0c4 488987ce 742e8109 689bb379 d2d750c0 d915dca3 46a89f75",
    ),
    7: Case(
        "01234567 89abcdef 01234567 89abcdef",
        0x8765,
        2,
        "f4e76524 4f6407ad f13dc138 0f673f37",
        f"45000054 09040000 4001f988 c0a87b03 c0a87bc808009f76 a90a0100 b49c083d 02a20400 {PING}",
        4,
        "773b5241 a4c44922 5e4f3ce5 ed611b0c 237ca96c f74a9301 3c1b0ea1 a0cf70f8"
        "e4ecaec7 8ac53aad 7a0f022b 859243c6 47752e94 a859352b 8a4d4d2d ecd136e5"
        "c177f132 ad3fbfb2 201ac990 4c74ee0a 109e0ca1 e4dfe9d5 a100b842 f1c22f0d",
    ),
    8: Case(
        "01234567 89abcdef 01234567 89abcdef",
        0x8765,
        5,
        "85d47224 b5f3dd5d 2101d4ea 8dffab22",
        "45000044 090c0000 4001f990 c0a87b03 c0a87bc8 0800d63c aa0a0200 c69c083d"
        "a3de0300 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff",
        4,
        "15b92683 819596a8 047232cc 00f7048f e45318e1 1f8a0f62 ede3c3fc 61203bb5"
        "0f980a08 c9843fd3 a1b06d5c 07ff9639 b7eb7dfb 3512e5de 435e7207 ed971ef3"
        "d2726d9b 5ef6affc 6d17a0de cbb13892",
    ),
}
"""Without the ICV, which these packets lack and ours cannot."""


@pytest.mark.parametrize("number", CASES)
def test_aes_cbc_packets(number: int) -> None:
    case = CASES[number]
    suite, auth = replace(CBC, key_bits=128), bytes(range(32))
    made = sa(suite, spi=case.spi, key=octets(case.key) + auth)
    head = case.spi.to_bytes(4, "big") + case.number.to_bytes(4, "big")
    body = head + octets(case.iv) + octets(case.ciphertext)
    whole = body + icv(suite, auth, body)
    outbound = Outbound(made, lambda octets_: octets(case.iv)[:octets_])
    payload = octets(case.payload)
    for _ in range(case.number):
        sealed = outbound.seal(payload, case.next_header)
    assert sealed == whole
    assert Inbound(made).open(whole) == (case.next_header, payload)


class Aead(NamedTuple):
    suite: Suite
    key: str
    number: int
    packet: str
    payload: str
    next_header: int


AEAD = (
    Aead(
        replace(GCM, key_bits=128, esn=True),
        "4c80cdefbb5d10da906ac73c3613a634 2e443b68",
        0x87654321_00000000,
        "00004321 00000000 4956ed7e3b244cfe"
        "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
        "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
        "61bc17d768fd9732 459018148f6cbe722fd04796562dfdb4",
        "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
        "00000000045f736970045f756470037369700963796265726369747902646b00"
        "00210001",
        1,
    ),
    Aead(
        replace(GCM, key_bits=192),
        "feffe9928665731c6d6a8f9467308308feffe9928665731c cafebabe",
        10,
        "0000a5f8 0000000a facedbaddecaf888"
        "a5b1f8066029aea40e598b8122de02420938b3ab33f828e687b8858b5bfbdbd0"
        "315b27452144cc77 95457b9652037f5318027b5b4cd7a636",
        "45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e501016d07568",
        1,
    ),
    Aead(
        GCM,
        "abbccddef00112233445566778899aababbccddef00112233445566778899aab 11223344",
        2,
        "4a2cbfe3 00000002 0102030405060708"
        "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763"
        "748a637985771d347f0545659f14e99def842d8eb335f4eecfdbf831824b4c49 15956c96",
        "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee000000000"
        "7002400020bf0000020405b401010402",
        1,
    ),
    Aead(
        Suite(Protocol.ESP, EncryptionId.CHACHA20_POLY1305, 0, IntegrityId.NONE),
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f a0a1a2a3",
        5,
        "01020304 00000005 1011121314151617"
        "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
        "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
        "cbec163fac469b502773f6fb94e664da9165b82829f641e0 76aaa8266b7fb0f7b11b369907e1ad43",
        "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
        "0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
        "2425262728292a2b2c2d2e2f3031323334353637",
        4,
    ),
)


@pytest.mark.parametrize("case", AEAD, ids=lambda case: case.suite.name)
def test_aead_packets(case: Aead) -> None:
    packet = octets(case.packet)
    made = sa(case.suite, spi=int.from_bytes(packet[:4], "big"), key=octets(case.key))
    inbound = Inbound(made)
    inbound.window.mark(case.number - 1)
    assert inbound.open(packet) == (case.next_header, octets(case.payload))
    assert inbound.window.highest == case.number
