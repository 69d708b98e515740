"""Associations in tunnel mode: IP packets between the host and the peer's networks."""

from ipaddress import ip_network

import pytest

from dataplane import build
from dataplane.conformance import Make, PurePlane, connect
from dataplane.protected import SERVER, Guarded, drained, selector, spec
from talpa.dataplane.interface import PuntL2tp
from talpa.esp.sa import Mode

OURS = (selector("10.1.0.0/16"), selector("fd01::/16"))
THEIRS = (selector("10.2.0.0/16"), selector("fd02::/16"))
OUT4 = build.ipv4("10.1.0.9", "10.2.0.9", 17, build.udp(5, 6, b"out"))
IN4 = build.ipv4("10.2.0.9", "10.1.0.9", 17, build.udp(6, 5, b"in"))
OUT6 = build.ipv6("fd01::9", "fd02::9", 17, build.udp(5, 6, b"out"))
IN6 = build.ipv6("fd02::9", "fd01::9", 17, build.udp(6, 5, b"in"))


def opened(plane: PurePlane, *, mtu: int = 1400, base: int = 0) -> Guarded:
    peer = Guarded(plane, spec(mode=Mode.TUNNEL, local=OURS, remote=THEIRS, mtu=mtu), base=base)
    peer.pair()
    plane.association_routes(peer.id, [ip_network("10.2.0.0/16"), ip_network("fd02::/16")])
    return peer


@pytest.fixture
def guarded(plane: PurePlane) -> Guarded:
    return opened(plane)


@pytest.mark.parametrize(("out", "back", "header"), [(OUT4, IN4, 4), (OUT6, IN6, 41)])
def test_packets_both_ways(guarded: Guarded, out: bytes, back: bytes, header: int) -> None:
    plane = guarded.plane
    plane.from_tun(out, 1.0)
    assert guarded.gets() == [(header, out)]
    guarded.sends(back, header)
    assert plane.take_tun() == [back]
    guarded.sends(back + bytes(500), header)
    assert plane.take_tun() == [back], "padding for secrecy of traffic is taken off"
    counters = guarded.counters
    assert (counters.sent_packets, counters.received_packets, counters.dropped) == (1, 2, 0)


@pytest.mark.parametrize(
    "packet",
    [
        build.ipv4("10.3.0.9", "10.1.0.9", 17, build.udp(6, 5)),
        build.ipv4("10.2.0.9", "10.3.0.9", 17, build.udp(6, 5)),
        build.ipv4("10.1.0.9", "10.2.0.9", 17, build.udp(6, 5)),
        build.ipv6("fd03::9", "fd01::9", 17, build.udp(6, 5)),
        build.ipv6("fd02::9", "fd03::9", 17, build.udp(6, 5)),
    ],
)
def test_what_comes_out_is_of_the_selectors(guarded: Guarded, packet: bytes) -> None:
    guarded.sends(packet, 4 if packet[0] >> 4 == 4 else 41)
    assert guarded.plane.take_tun() == []
    assert guarded.plane.drops["packet outside the selectors"] == 1
    assert guarded.counters.dropped == 1


@pytest.mark.parametrize(
    ("payload", "header", "reason"),
    [
        (IN4, 41, "malformed IP packet inside ESP"),
        (IN6, 4, "malformed IP packet inside ESP"),
        (IN4[:-1], 4, "malformed IP packet inside ESP"),
        (b"", 4, "malformed IP packet inside ESP"),
        (build.udp(1701, 1701, b"\xc8\x02"), 17, "packet outside the selectors"),
    ],
)
def test_what_is_no_packet_is_dropped(
    guarded: Guarded, payload: bytes, header: int, reason: str
) -> None:
    guarded.sends(payload, header)
    assert guarded.plane.take_tun() == []
    assert drained(guarded.plane, PuntL2tp) == []
    assert guarded.plane.drops[reason] == 1


def test_selectors_may_name_protocols_and_ports(plane: PurePlane) -> None:
    peer = Guarded(
        plane,
        spec(
            mode=Mode.TUNNEL,
            local=[selector("10.1.0.0/16", 6, 443), selector("10.1.0.0/16", 1)],
            remote=[selector("10.2.0.0/16", 6), selector("10.2.0.0/16", 1)],
        ),
    )
    peer.pair()
    plane.association_routes(peer.id, [ip_network("10.2.0.0/16")])
    good = build.tcp4("10.2.0.9", "10.1.0.9", build.ACK)
    peer.sends(good, 4)
    ping = build.ipv4("10.2.0.9", "10.1.0.9", 1, bytes(8))
    peer.sends(ping, 4)
    assert plane.take_tun() == [good, ping]
    piece = build.ipv4("10.2.0.9", "10.1.0.9", 6, bytes(64), place=0x2001)
    for bad in (IN4, piece, good[:22] + b"\x01\xbc" + good[24:]):
        peer.sends(bad, 4)
    assert plane.take_tun() == []
    assert plane.drops["packet outside the selectors"] == 3
    plane.from_tun(OUT4, 1.0)
    assert plane.take_network() == []


@pytest.mark.parametrize("destination", ["224.0.0.1", "127.0.0.1", "255.255.255.255", "0.0.0.0"])
def test_nothing_goes_where_no_host_is(plane: PurePlane, destination: str) -> None:
    peer = Guarded(plane, spec(mode=Mode.TUNNEL, local=[selector()], remote=[selector()]))
    peer.pair()
    peer.sends(build.ipv4("10.2.0.9", destination, 17, build.udp(6, 5)), 4)
    assert plane.take_tun() == []
    assert plane.drops["multicast, broadcast or no destination"] == 1


def test_the_tunnel_is_not_routed_into_itself(plane: PurePlane) -> None:
    peer = Guarded(plane, spec(mode=Mode.TUNNEL, local=[selector()], remote=[selector()]))
    peer.pair()
    plane.association_routes(peer.id, [ip_network("0.0.0.0/0")])
    plane.from_tun(build.ipv4("10.1.0.9", peer.path.remote.host, 17, build.udp(4500, 4500)), 1.0)
    peer.sends(build.ipv4("10.2.0.9", SERVER.host, 17, build.udp(4500, 4500)), 4)
    assert plane.drops["tunnel routed into itself"] == 2
    ssh = build.tcp4("10.2.0.9", SERVER.host, build.ACK)
    peer.sends(ssh, 4)
    assert plane.take_tun() == [ssh]


class TestSizes:
    def test_too_big_is_said(self, plane: PurePlane) -> None:
        peer = opened(plane, mtu=600)
        large4 = build.ipv4("10.1.0.9", "10.2.0.9", 17, bytes(581), place=0x4000)
        large6 = build.ipv6("fd01::9", "fd02::9", 17, bytes(561))
        for large in (large4, large6):
            plane.from_tun(large, 1.0)
        errors = plane.take_tun()
        assert [(each[20:22], each[26:28]) for each in errors[:1]] == [
            (b"\x03\x04", (600).to_bytes(2, "big"))
        ]
        assert [(each[40:42], each[44:48]) for each in errors[1:]] == [
            (b"\x02\x00", (600).to_bytes(4, "big"))
        ]
        assert peer.gets() == []
        for _ in range(100):
            plane.from_tun(large4, 1.5)
        assert len(plane.take_tun()) == 8, "ten a second in all"

    def test_ipv4_is_cut_where_it_may_be(self, plane: PurePlane) -> None:
        peer = opened(plane, mtu=600)
        plane.from_tun(build.ipv4("10.1.0.9", "10.2.0.9", 17, bytes(1400)), 1.0)
        pieces = [packet for _, packet in peer.gets()]
        assert len(pieces) == 3
        assert all(len(each) <= 600 for each in pieces)
        assert sum(len(each) - 20 for each in pieces) == 1400

    def test_the_mss_is_lowered_both_ways(self, plane: PurePlane) -> None:
        peer = opened(plane, mtu=1000)
        mss = b"\x02\x04\x05\xb4"
        plane.from_tun(build.tcp4("10.1.0.9", "10.2.0.9", build.SYN, mss), 1.0)
        peer.sends(build.tcp6("fd02::9", "fd01::9", build.SYN, mss), 41)
        [(_, out)], [back] = peer.gets(), plane.take_tun()
        assert out[-2:] == (960).to_bytes(2, "big")
        assert back[-2:] == (940).to_bytes(2, "big")
        assert build.checksum_right(out, 6, 20)
        assert build.checksum_right(back, 6, 40)


class TestRoutes:
    def test_sessions_and_associations_share_them(self, plane: PurePlane) -> None:
        session, peer = connect(plane), opened(plane)
        to_session = build.ipv4("10.1.0.9", session.ipv4, 17, build.udp(5, 6))
        plane.from_tun(to_session, 1.0)
        plane.from_tun(OUT4, 1.0)
        (first, message), (second, packet) = plane.take_network()
        assert (first, second) == (session.path, peer.path)
        assert build.take_apart(message).frame == build.ppp(0x21, to_session)
        assert peer.inbound[1].open(packet) == (4, OUT4)
        # A session may not use an address that leads into the association.
        assert session.sends_ip(build.ipv4("10.2.0.9", "10.1.0.9", 17, build.udp(5, 6))) == []

    def test_the_later_owner_has_a_prefix(self, plane: PurePlane) -> None:
        one, two = opened(plane), opened(plane, base=10_000)
        plane.from_tun(OUT4, 1.0)
        assert two.gets() == [(4, OUT4)]
        plane.association_remove(two.id)
        plane.association_routes(one.id, [ip_network("10.2.0.0/16")])
        plane.from_tun(OUT4, 1.0)
        assert one.gets() == [(4, OUT4)]
        plane.association_remove(one.id)
        plane.from_tun(OUT4, 1.0)
        assert plane.take_network() == []
        assert plane.drops["no session for the destination"] == 1

    def test_nobody_forwards_between_peers_when_that_is_off(self, make: Make) -> None:
        plane = make(False)
        session = connect(plane)
        peer = Guarded(plane, spec(mode=Mode.TUNNEL, local=[selector()], remote=THEIRS))
        peer.pair()
        peer.sends(build.ipv4("10.2.0.9", session.ipv4, 17, build.udp(5, 6)), 4)
        assert plane.take_tun() == []
        assert plane.drops["packet to another session"] == 1
