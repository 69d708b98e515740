"""AH in transport mode: what routers may change is free, everything else is covered."""

import struct
from ipaddress import ip_address

import pytest

from esp.build import icv
from esp.build import sa as made_of
from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.esp.ah import CUT_SHORT, FORGED, OPTIONS, REPLAYED, AhInbound, AhOutbound, spi_of
from talpa.esp.packet import EXPIRED
from talpa.esp.sa import Limits, Protocol, Suite

MACS = [
    IntegrityId.HMAC_SHA1_96,
    IntegrityId.HMAC_SHA2_256_128,
    IntegrityId.HMAC_SHA2_384_192,
    IntegrityId.HMAC_SHA2_512_256,
]
ENDS4 = (ip_address("198.18.0.1").packed, ip_address("198.18.1.2").packed)
ENDS6 = (ip_address("fd00::1").packed, ip_address("fd00::2").packed)


def suite(mac: IntegrityId = IntegrityId.HMAC_SHA2_256_128, *, esn: bool = False) -> Suite:
    return Suite(Protocol.AH, EncryptionId.NULL, 0, mac, esn)


@pytest.mark.parametrize("mac", MACS)
@pytest.mark.parametrize("ends", [ENDS4, ENDS6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("esn", [False, True])
def test_what_is_sealed_opens_once(
    mac: IntegrityId, ends: tuple[bytes, bytes], *, esn: bool
) -> None:
    sa = made_of(suite(mac, esn=esn))
    outbound, inbound = AhOutbound(sa), AhInbound(sa)
    for length in (8, 9, 100, 1400):
        sealed = outbound.seal(bytes(length), 17, *ends)
        assert sealed is not None
        assert spi_of(sealed, inet6=ends is ENDS6) == sa.spi
        assert inbound.open(sealed, *ends) == (17, bytes(length))
        assert inbound.open(sealed, *ends) in (REPLAYED, FORGED)


def test_the_packet_of_ipv4_is_the_rfcs() -> None:
    sa = made_of(suite(IntegrityId.HMAC_SHA1_96))
    sealed = AhOutbound(sa).seal(b"payload!", 17, *ENDS4)
    assert sealed is not None
    head, header, code, rest = sealed[:20], sealed[20:32], sealed[32:44], sealed[44:]
    assert (head[0], head[9], rest) == (0x45, 51, b"payload!")
    assert struct.unpack("!BBHII", header) == (17, 4, 0, sa.spi, 1)
    still = bytearray(head)
    for at in (1, 6, 7, 8, 10, 11):
        still[at] = 0
    covered = bytes(still) + header + bytes(12) + rest
    assert code == icv(sa.suite, sa.key.reveal(), covered)


def test_what_routers_change_does_not_matter_and_the_rest_does() -> None:
    sa = made_of(suite())
    sealed = AhOutbound(sa).seal(b"payload!", 17, *ENDS4)
    assert sealed is not None
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 0x10
        opened = AhInbound(sa).open(bytes(changed), *ENDS4)
        if at in (1, 6, 7, 8, 10, 11):
            assert opened == (17, b"payload!")
        elif not 24 <= at < 28:
            assert opened in (FORGED, OPTIONS, CUT_SHORT), at
    assert AhInbound(sa).open(b"\x46" + sealed[1:], *ENDS4) == OPTIONS


def test_addresses_of_ipv6_are_covered() -> None:
    sa = made_of(suite())
    sealed = AhOutbound(sa).seal(b"payload!", 17, *ENDS6)
    assert sealed is not None
    assert len(sealed[:32]) % 8 == 0
    assert AhInbound(sa).open(sealed, ENDS6[1], ENDS6[0]) == FORGED
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        if not 4 <= at < 8:
            assert isinstance(AhInbound(sa).open(bytes(changed), *ENDS6), str), at


def test_cut_short_and_used_up() -> None:
    sa = made_of(suite(), hard=Limits(packets=2))
    outbound, inbound = AhOutbound(sa), AhInbound(sa)
    first, second = (outbound.seal(b"payload!", 17, *ENDS6) for _ in range(2))
    assert first is not None
    assert second is not None
    for length in range(len(first)):
        assert inbound.open(first[:length], *ENDS6) in (CUT_SHORT, FORGED)
        assert spi_of(first[:length], inet6=True) in (0, sa.spi)
    assert outbound.seal(b"payload!", 17, *ENDS6) is None
    assert inbound.open(second, *ENDS6) == (17, b"payload!")
    assert inbound.open(first, *ENDS6) == EXPIRED
    assert AhOutbound(sa).seal(bytes(65530), 17, *ENDS4) is None


def test_every_length_of_ipv4() -> None:
    sa = made_of(suite())
    sealed = AhOutbound(sa).seal(b"payload!", 17, *ENDS4)
    assert sealed is not None
    for length in range(len(sealed)):
        assert isinstance(AhInbound(sa).open(sealed[:length], *ENDS4), str)
        spi_of(sealed[:length], inet6=False)
