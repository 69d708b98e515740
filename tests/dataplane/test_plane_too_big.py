"""Packets larger than the link carries, and packets to nobody: ICMP errors, fragments."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane import build
from dataplane.conformance import PurePlane, connect
from talpa.dataplane.reference.fragments import fragments

WEB = "203.0.113.9"
WEB6 = "2001:db8::9"
DONT_FRAGMENT = 0x4000


def error4(plane: PurePlane) -> tuple[int, int, int, bytes]:
    """Type, code, the rest of the header and the quotation of the one ICMP error."""
    [packet] = plane.take_tun()
    assert packet[0] == 0x45
    assert packet[9] == 1
    assert struct.unpack_from("!H", packet, 2)[0] == len(packet) <= 576
    assert build.sum16(packet[:20]) == 0xFFFF
    assert build.sum16(packet[20:]) == 0xFFFF
    kind, code, _, word = struct.unpack_from("!BBHI", packet, 20)
    quote = packet[28:]
    assert packet[12:20] == quote[16:20] + quote[12:16]
    return kind, code, word, quote


def error6(plane: PurePlane) -> tuple[int, int, int, bytes]:
    [packet] = plane.take_tun()
    assert packet[0] == 0x60
    assert packet[6] == 58
    assert struct.unpack_from("!H", packet, 4)[0] == len(packet) - 40 <= 1240
    assert build.checksum_right(packet, 58, 40)
    kind, code, _, word = struct.unpack_from("!BBHI", packet, 40)
    quote = packet[48:]
    assert packet[8:40] == quote[24:40] + quote[8:24]
    return kind, code, word, quote


def test_the_sender_learns_the_mtu(plane: PurePlane) -> None:
    peer = connect(plane, mtu=1300)
    packet = build.ipv4(WEB, peer.ipv4, 17, bytes(1281), place=DONT_FRAGMENT)
    plane.from_tun(packet, 1.0)
    assert error4(plane) == (3, 4, 1300, packet[:548])
    assert peer.gets() == []
    assert plane.drops["packet above the MTU"] == peer.counters.dropped == 1
    plane.from_tun(build.ipv4(WEB, peer.ipv4, 17, bytes(1280), place=DONT_FRAGMENT), 1.0)
    assert len(peer.gets()) == 1


def test_the_sender_learns_the_mtu6(plane: PurePlane) -> None:
    peer = connect(plane, mtu=1300)
    packet = build.ipv6(WEB6, peer.ipv6, 17, bytes(1261))
    plane.from_tun(packet, 1.0)
    assert error6(plane) == (2, 0, 1300, packet[:1232])
    assert peer.gets() == []
    plane.from_tun(build.ipv6(WEB6, peer.ipv6, 17, bytes(1260)), 1.0)
    assert len(peer.gets()) == 1


def test_the_sender_learns_that_nobody_is_there(plane: PurePlane) -> None:
    four, six = build.ipv4(WEB, "10.77.0.9", 17, b"x"), build.ipv6(WEB6, "fd77::9", 17, b"x")
    plane.from_tun(four, 1.0)
    assert error4(plane) == (3, 1, 0, four)
    plane.from_tun(six, 1.0)
    assert error6(plane) == (1, 3, 0, six)
    assert plane.drops["no session for the destination"] == 2


@pytest.mark.parametrize(
    "packet",
    [
        build.ipv4(WEB, "10.77.0.9", 1, bytes([3, 1, 0, 0]) + bytes(4)),
        build.ipv4(WEB, "10.77.0.9", 1, b""),
        build.ipv4(WEB, "10.77.0.9", 17, b"later", place=8),
        build.ipv4("0.0.0.0", "10.77.0.9", 17),
        build.ipv4("224.0.0.1", "10.77.0.9", 17),
        build.ipv4(WEB, "224.0.0.22", 2),
        build.ipv4(WEB, "255.255.255.255", 17),
        build.ipv6(WEB6, "fd77::9", 58, bytes([1, 0, 0, 0]) + bytes(4)),
        build.ipv6(WEB6, "fd77::9", 58, b""),
        build.ipv6("::", "fd77::9", 17),
        build.ipv6("ff02::1", "fd77::9", 17),
    ],
)
def test_no_error_answers_what_must_not_be_answered(plane: PurePlane, packet: bytes) -> None:
    plane.from_tun(packet, 1.0)
    assert plane.take_tun() == []
    assert plane.drops["no session for the destination"] == 1


def test_an_echo_request_is_answered_with_an_error(plane: PurePlane) -> None:
    plane.from_tun(build.ipv4(WEB, "10.77.0.9", 1, bytes([8, 0, 0, 0]) + bytes(4)), 1.0)
    assert error4(plane)[:2] == (3, 1)


def test_errors_are_rationed_for_each_session_and_each_second(plane: PurePlane) -> None:
    one, two = connect(plane, 2, mtu=1000), connect(plane, 3, mtu=1000)
    for now, allowed in ((1.0, 10), (1.9, 0), (2.0, 10)):
        for peer in (one, two):
            for _ in range(30):
                plane.from_tun(
                    build.ipv4(WEB, peer.ipv4, 17, bytes(1000), place=DONT_FRAGMENT), now
                )
            assert len(plane.take_tun()) == allowed
    for _ in range(300):
        plane.from_tun(build.ipv4(WEB, "10.77.0.99", 17), 3.0)
    assert len(plane.take_tun()) == 100


def whole(pieces: list[bytes]) -> bytes:
    """What the receiver of fragments puts together again."""
    payload = bytearray()
    for piece in sorted(pieces, key=lambda p: struct.unpack_from("!H", p, 6)[0] & 0x1FFF):
        header = (piece[0] & 15) * 4
        assert build.sum16(piece[:header]) == 0xFFFF
        assert struct.unpack_from("!H", piece, 2)[0] == len(piece)
        place = struct.unpack_from("!H", piece, 6)[0]
        assert (place & 0x1FFF) * 8 == len(payload)
        payload += piece[header:]
    return bytes(payload)


def test_a_packet_that_may_be_fragmented_is(plane: PurePlane) -> None:
    peer = connect(plane, mtu=576)
    packet = build.ipv4(WEB, peer.ipv4, 17, bytes(range(256)) * 5)
    plane.from_tun(packet, 1.0)
    frames = peer.gets()
    pieces = [frame[4:] for frame in frames]
    assert [len(piece) for piece in pieces] == [572, 572, 196]
    assert whole(pieces) == packet[20:]
    assert plane.take_tun() == []
    assert peer.counters.sent_packets == 3
    assert peer.counters.sent_octets == sum(map(len, pieces))


@given(
    size=st.integers(1, 3000),
    most=st.integers(28, 1500),
    more=st.booleans(),
    options=st.sampled_from([b"", b"\x01" * 4, b"\x94\x04\0\0", b"\x44\x04\x05\0\x94\x04\0\0"]),
)
def test_fragments_make_the_packet_again(size: int, most: int, more: bool, options: bytes) -> None:
    size &= ~7 if more else ~0
    payload = bytes(i * 7 & 0xFF for i in range(size))
    packet = build.ipv4(WEB, "10.77.0.2", 17, payload, options=options, place=0x2000 * more)
    pieces = fragments(packet, most)
    if most < 20 + len(options) + 8 and len(packet) > most:
        assert pieces == []
        return
    assert all(len(piece) <= most for piece in pieces)
    assert whole(pieces) == payload
    flags = [struct.unpack_from("!H", piece, 6)[0] & 0x2000 for piece in pieces]
    assert flags == [0x2000] * (len(pieces) - 1) + [0x2000 * more] if pieces else size == 0
    for piece in pieces[1:]:
        assert piece[20 : (piece[0] & 15) * 4] == (b"\x94\x04\0\0" if 0x94 in options else b"")


def test_an_impossible_mtu_only_drops(plane: PurePlane) -> None:
    peer = connect(plane, mtu=20)
    plane.from_tun(build.ipv4(WEB, peer.ipv4, 17, bytes(10)), 1.0)
    assert peer.gets() == []
    assert plane.drops["packet above the MTU"] == 1


def test_fragments_of_a_fragment_keep_their_place(plane: PurePlane) -> None:
    peer = connect(plane, mtu=100)
    plane.from_tun(build.ipv4(WEB, peer.ipv4, 17, bytes(160), place=0x2000 | 10), 1.0)
    places = [struct.unpack_from("!H", frame, 10)[0] for frame in peer.gets()]
    assert places == [0x2000 | 10, 0x2000 | 20]
