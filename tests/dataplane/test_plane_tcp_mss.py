"""The MSS of TCP segments with SYN is lowered to what the link carries."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane import build
from dataplane.conformance import Peer, PurePlane, connect
from talpa.dataplane.reference.clamp import clamped

WEB = {4: "203.0.113.9", 6: "2001:db8::9"}
BUILD: dict[int, Callable[[str, str, int, bytes], bytes]] = {4: build.tcp4, 6: build.tcp6}
HEADER = {4: 20, 6: 40}


def mss(value: int, before: bytes = b"") -> bytes:
    options = before + struct.pack("!BBH", 2, 4, value)
    return options + b"\x01" * (-len(options) % 4)


def address(peer: Peer, version: int) -> str:
    return peer.ipv4 if version == 4 else peer.ipv6


def up(peer: Peer, version: int, flags: int, options: bytes) -> bytes:
    packet = BUILD[version](address(peer, version), WEB[version], flags, options)
    [received] = peer.sends_ip(packet)
    return received


def down(peer: Peer, version: int, flags: int, options: bytes) -> bytes:
    peer.plane.from_tun(BUILD[version](WEB[version], address(peer, version), flags, options), 1.0)
    [frame] = peer.gets()
    return frame[4:]


@pytest.mark.parametrize("flags", [build.SYN, build.SYN | build.ACK])
@pytest.mark.parametrize("version", [4, 6])
def test_each_way_is_clamped_to_what_carries_the_answers(
    plane: PurePlane, version: int, flags: int
) -> None:
    peer = connect(plane, mtu=1400, mru=1350)
    headers = HEADER[version] + 20
    for send, link in ((up, 1400), (down, 1350)):
        packet = send(peer, version, flags, mss(1460))
        value = struct.unpack_from("!H", packet, HEADER[version] + 22)[0]
        assert value == link - headers
        assert build.checksum_right(packet, 6, HEADER[version])


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("before", [b"", b"\x01", b"\x01\x01", b"\x04\x02\x01", b"\x03\x03\x07"])
def test_the_checksum_stays_right_wherever_the_option_stands(
    plane: PurePlane, peer: Peer, version: int, before: bytes
) -> None:
    packet = up(peer, version, build.SYN, mss(9000, before))
    assert build.checksum_right(packet, 6, HEADER[version])
    value = struct.unpack_from("!H", packet, HEADER[version] + 20 + len(before) + 2)[0]
    assert value == 1400 - 20 - HEADER[version]


@pytest.mark.parametrize(
    "options",
    [
        b"",
        mss(536),
        mss(1340),
        b"\x00\x00\x00\x00" + mss(9000),
        b"\x02\x05\x23\x28",
        b"\x02\x03\x23\x28",
        b"\x09\x00\x02\x04\x23\x28\x00\x00",
        b"\x09\xff\x02\x04\x23\x28\x00\x00",
        b"\x01\x01\x01\x02",
    ],
)
def test_there_may_be_nothing_to_lower(plane: PurePlane, peer: Peer, options: bytes) -> None:
    for version in (4, 6):
        if version == 6 and options == mss(1340):
            continue
        packet = BUILD[version](address(peer, version), WEB[version], build.SYN, options)
        assert peer.sends_ip(packet) == [packet]


def test_only_a_syn_is_touched(plane: PurePlane, peer: Peer) -> None:
    packet = build.tcp4(peer.ipv4, WEB[4], build.ACK, mss(9000))
    assert peer.sends_ip(packet) == [packet]
    later = build.ipv4(
        peer.ipv4, WEB[4], 6, build.tcp4(peer.ipv4, WEB[4], 2, mss(9000))[20:], place=9
    )
    assert peer.sends_ip(later) == [later]


def test_it_can_be_off(plane: PurePlane) -> None:
    peer = connect(plane, mss_clamp=False)
    for version in (4, 6):
        packet = BUILD[version](address(peer, version), WEB[version], build.SYN, mss(9000))
        assert peer.sends_ip(packet) == [packet]


def test_extension_headers_are_walked_over(plane: PurePlane, peer: Peer) -> None:
    segment = build.tcp(build.ipv6(peer.ipv6, WEB[6], 6), build.SYN, mss(9000))
    hop_by_hop = bytes([60, 0, 1, 4, 0, 0, 0, 0])
    destination = bytes([6, 1, 1, 12]) + bytes(12)
    [packet] = peer.sends_ip(build.ipv6(peer.ipv6, WEB[6], 0, hop_by_hop + destination + segment))
    assert struct.unpack_from("!H", packet, 64 + 22)[0] == 1340


def test_a_renegotiated_mtu_counts(plane: PurePlane, peer: Peer) -> None:
    plane.session_set(peer.session, mtu=1000)
    packet = up(peer, 4, build.SYN, mss(9000))
    assert struct.unpack_from("!H", packet, 42)[0] == 960


@given(
    before=st.binary(max_size=12),
    value=st.integers(0, 65535),
    most=st.integers(1, 65535),
    data=st.binary(max_size=5),
)
def test_whatever_the_options_are_the_checksum_stays_right(
    before: bytes, value: int, most: int, data: bytes
) -> None:
    options = before + struct.pack("!BBH", 2, 4, value)
    options += bytes(-len(options) % 4)
    head = build.ipv4("10.0.0.1", "10.0.0.2", 6)
    packet = build.ipv4("10.0.0.1", "10.0.0.2", 6, build.tcp(head, build.SYN, options, data))
    result = clamped(packet, 20, most)
    assert len(result) == len(packet)
    assert build.checksum_right(result, 6, 20)


@given(packet=st.binary(max_size=80), at=st.integers(20, 60), most=st.integers(1, 65535))
def test_no_octets_upset_it(packet: bytes, at: int, most: int) -> None:
    assert len(clamped(packet, at, most)) == len(packet)
