"""Whatever a peer puts behind a valid integrity check: nothing raises, and each packet goes to one
place at most. No fragment is put together (CVE-2022-34718)."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane import build
from dataplane.conformance import IMPLEMENTATIONS, PurePlane
from dataplane.protected import CBC, GCM, Guarded, selector, spec, udp
from talpa.dataplane.interface import PuntL2tp
from talpa.esp.sa import Mode, Suite

ANY = (selector(), selector("::/0"))


def place(plane: PurePlane, peer: Guarded, payload: bytes, next_header: int) -> int:
    """In how many places the packet shows up; a drop and a dummy packet are none."""
    before, received = plane.drops.total(), peer.counters.received_packets
    peer.sends(payload, next_header)
    assert peer.counters.received_packets == received + 1
    assert plane.take_network() == []
    assert plane.take_raw() == []
    found = len(plane.take_tun()) + sum(isinstance(each, PuntL2tp) for each in plane.drain())
    assert found + plane.drops.total() - before == (next_header != 59)
    return found


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("suite", [GCM, CBC], ids=lambda suite: suite.name)
def test_all_lengths_and_next_headers(plane: PurePlane, mode: Mode, suite: Suite) -> None:
    peer = Guarded(plane, spec(mode=mode, local=ANY, remote=ANY))
    peer.pair(suite=suite)
    meant = {17} if mode is Mode.TRANSPORT else {4, 41}
    for length in range(129):
        for next_header in {*range(0, 256, 7), 4, 17, 41, 43, 44, 50, 51, 59, 60}:
            found = place(plane, peer, os.urandom(length), next_header)
            assert not found or next_header in meant


@given(
    mode=st.sampled_from(Mode),
    next_header=st.sampled_from([4, 17, 41, 44]),
    head=st.sampled_from(
        [
            b"",
            udp(1701, 1701, b"\xc8\x02")[:8],
            b"\x06\xa5\x06\xa5",
            build.ipv4("10.2.0.9", "10.1.0.9", 17)[:20],
            build.ipv6("fd02::9", "fd01::9", 44)[:40],
            b"\x45\0\0\x20",
            b"\x4f\0\0\x3c",
        ]
    ),
    tail=st.binary(max_size=80),
)
def test_packets_that_begin_well(mode: Mode, next_header: int, head: bytes, tail: bytes) -> None:
    for make in IMPLEMENTATIONS.values():
        plane = make(True)
        peer = Guarded(plane, spec(mode=mode, local=ANY, remote=ANY))
        peer.pair()
        place(plane, peer, head + tail, next_header)


def test_no_fragment_is_put_together(plane: PurePlane) -> None:
    """A datagram in two pieces behind IPv6 Fragment headers, as transport mode could carry it."""
    peer = Guarded(plane, spec())
    peer.pair()
    whole = udp(1701, 1701, b"\xc8\x02" + bytes(30))
    first = b"\x11\0\0\x01\0\0\0\x07" + whole[:24]
    last = b"\x11\0" + (24).to_bytes(2, "big") + b"\0\0\0\x07" + whole[24:]
    for piece in (first, last):
        assert place(plane, peer, piece, 44) == 0
    assert plane.drops["fragment inside ESP"] == 2
