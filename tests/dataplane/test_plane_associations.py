"""L2TP through associations in transport mode: what comes out of them, and what goes in."""

from ipaddress import ip_network

import pytest

from dataplane import build
from dataplane.conformance import Make, PurePlane, connect, path_of
from dataplane.protected import (
    AH,
    CBC,
    GCM,
    L2TP,
    NAT,
    RAW_PEER,
    RAW_SERVER,
    SERVER,
    Guarded,
    drained,
    raw,
    sa,
    spec,
    udp,
)
from talpa.dataplane.interface import (
    AssociationCounters,
    PuntIke,
    PuntL2tp,
    PuntPpp,
    SaFirstInbound,
    SessionSpec,
    StaleId,
    TunnelSpec,
)
from talpa.esp.ah import AhInbound, AhOutbound
from talpa.esp.sa import Encapsulation, Mode, Suite
from talpa.sansio import Address, Path

HELLO = b"\xc8\x02\x00\x0chello..."


@pytest.fixture
def guarded(plane: PurePlane) -> Guarded:
    made = Guarded(plane, spec())
    made.pair()
    return made


def session(peer: Guarded, local: int = 7, port: int = 1701) -> tuple[int, int]:
    """A tunnel and an open session in it, 10.77.0.`local` behind."""
    plane = peer.plane
    tunnel = plane.tunnel_add(TunnelSpec(peer.l2tp_path(port), local, 8))
    made = plane.session_add(SessionSpec(tunnel, local, 9), 0.0)
    plane.session_routes(made, [ip_network(f"10.77.0.{local}/32")])
    plane.session_open(made, True, False, 0.0)
    return tunnel, made


class TestPorts:
    """RFC 3948 2: what comes to a socket of IKE and ESP."""

    def test_ike_is_punted_without_the_marker(self, plane: PurePlane) -> None:
        path = Path(SERVER, NAT)
        plane.from_natt(path, bytes(4) + b"message", 1.0)
        plane.from_ike(path, b"message", 1.0)
        assert plane.drain() == [PuntIke(path, b"message", True), PuntIke(path, b"message", False)]

    def test_a_keepalive_is_swallowed(self, plane: PurePlane) -> None:
        plane.from_natt(Path(SERVER, NAT), b"\xff", 1.0)
        assert plane.drain() == []
        assert plane.drops.total() == 0

    @pytest.mark.parametrize("junk", [b"", b"\0", b"\xff\xff", bytes(4), b"\1\2\3\4\5\6\7"])
    def test_junk_is_counted(self, plane: PurePlane, junk: bytes) -> None:
        plane.from_natt(Path(SERVER, NAT), junk, 1.0)
        plane.from_raw(50, Path(RAW_SERVER, RAW_PEER), junk, 1.0)
        plane.from_raw(51, Path(RAW_SERVER, RAW_PEER), junk, 1.0)
        assert plane.drain() == []
        assert plane.drops.total() == 3

    def test_an_unknown_spi_is_counted(self, guarded: Guarded) -> None:
        guarded.arrives(b"\x11\x22\x33\x44" + bytes(60))
        assert guarded.plane.drops["packet of no SA"] == 1
        assert guarded.counters == AssociationCounters()

    def test_nothing_is_taken_in_the_clear_when_it_is_not_wanted(self, make: Make) -> None:
        plane = make(True, accept_clear=False)
        peer = connect(plane)
        plane.from_network(path_of(2), HELLO, 1.0)
        peer.sends(build.ppp(0xC021, b"x"))
        assert plane.drain() == []
        assert plane.take_network() == []
        assert plane.drops["L2TP in the clear"] == 2
        secure = Guarded(plane, spec())
        secure.pair()
        secure.sends_l2tp(HELLO)
        assert len(drained(plane, PuntL2tp)) == 1


class TestTransport:
    @pytest.mark.parametrize("suite", [GCM, CBC], ids=lambda suite: suite.name)
    @pytest.mark.parametrize("encapsulation", list(Encapsulation))
    def test_control_messages_both_ways(
        self, plane: PurePlane, suite: Suite, encapsulation: Encapsulation
    ) -> None:
        peer = Guarded(plane, spec() if encapsulation is Encapsulation.UDP else raw())
        peer.pair(suite=suite)
        peer.sends_l2tp(HELLO, port=50123)
        [first, punt] = plane.drain()
        assert first == SaFirstInbound(peer.id, 1001)
        assert punt == PuntL2tp(peer.l2tp_path(50123), HELLO)
        assert isinstance(punt, PuntL2tp)
        plane.send_l2tp(punt.path, b"answer", 2.0)
        [(next_header, datagram)] = peer.gets()
        assert next_header == 17
        assert datagram[:6] == udp(1701, 50123, b"answer")[:6]
        assert datagram[8:] == b"answer"
        if encapsulation is Encapsulation.UDP:
            assert datagram[6:8] == b"\0\0"
        else:
            whole = build.ipv4(RAW_SERVER.host, RAW_PEER.host, 17, datagram)
            assert build.checksum_right(whole, 17, 20)
        counters = peer.counters
        assert (counters.received_packets, counters.sent_packets) == (1, 1)
        assert (counters.last_received, counters.last_sent) == (1.0, 2.0)
        assert counters.received_octets == len(peer.seal(udp(50123, 1701, HELLO)))

    def test_sessions_both_ways(self, guarded: Guarded) -> None:
        plane = guarded.plane
        _, made = session(guarded)
        packet = build.ipv4("10.77.0.7", "203.0.113.9", 17, build.udp(5, 6, b"user"))
        guarded.sends_l2tp(build.data(7, 7, build.ppp(0x21, packet)))
        assert plane.take_tun() == [packet]
        back = build.ipv4("203.0.113.9", "10.77.0.7", 17, build.udp(6, 5, b"back"))
        plane.from_tun(back, 2.0)
        [(_, datagram)] = guarded.gets()
        assert build.take_apart(datagram[8:]).frame == build.ppp(0x21, back)
        guarded.sends_l2tp(build.data(7, 7, build.ppp(0xC021, b"lcp")))
        assert drained(plane, PuntPpp) == [PuntPpp(made, 0xC021, b"lcp")]
        plane.send_ppp(made, 0xC021, b"ack", 3.0)
        [(_, datagram)] = guarded.gets()
        assert build.take_apart(datagram[8:]).frame == build.ppp(0xC021, b"ack")

    def test_equal_addresses_and_ports_behind_one_nat(self, plane: PurePlane) -> None:
        """Two clients that differ in nothing but their SPIs and their outer ports."""
        peers = []
        for number in (1, 2):
            path = Path(SERVER, Address(NAT.host, NAT.port + number))
            peer = Guarded(plane, spec(path=path, remote=L2TP), base=number * 10_000)
            peer.pair()
            session(peer, 10 + number)
            peers.append(peer)
        one, two = peers
        assert one.l2tp_path()[:2] == two.l2tp_path()[:2]
        for peer, local in ((one, 11), (two, 12)):
            peer.sends_l2tp(HELLO)
            assert drained(plane, PuntL2tp) == [PuntL2tp(peer.l2tp_path(), HELLO)]
            packet = build.ipv4("203.0.113.9", f"10.77.0.{local}", 17, build.udp(6, 5))
            plane.from_tun(packet, 2.0)
            assert [data[8:][-len(packet) :] for _, data in peer.gets()] == [packet]
        # Neither gets at the other's tunnel.
        stolen = build.ipv4("10.77.0.12", "203.0.113.9", 17, build.udp(5, 6))
        one.sends_l2tp(build.data(12, 12, build.ppp(0x21, stolen)))
        assert plane.take_tun() == []
        assert plane.drops["data from a foreign address"] == 1

    def test_a_tunnel_takes_nothing_by_another_way(self, guarded: Guarded) -> None:
        plane = guarded.plane
        session(guarded)
        other = Guarded(plane, spec(), base=10_000)
        other.pair()
        packet = build.ipv4("10.77.0.7", "203.0.113.9", 17, build.udp(5, 6))
        message = build.data(7, 7, build.ppp(0x21, packet))
        plane.from_network(Path(*guarded.l2tp_path()[:2]), message, 1.0)
        other.sends_l2tp(message)
        guarded.sends_l2tp(message, port=1702)
        assert plane.drops["data from a foreign address"] == 3
        assert plane.take_tun() == []

    @pytest.mark.parametrize(
        ("payload", "next_header", "reason"),
        [
            (udp(1701, 1702, HELLO), 17, "packet outside the selectors"),
            (udp(1702, 1701, HELLO), 17, "packet outside the selectors"),
            (udp(1701, 1701, HELLO), 6, "packet outside the selectors"),
            (build.ipv4("10.0.0.1", "10.0.0.2", 17), 4, "packet outside the selectors"),
            (bytes(8) + udp(1701, 1701, HELLO), 44, "fragment inside ESP"),
            (b"\x11\0\0\1" + bytes(4) + udp(1701, 1701, HELLO)[:16], 44, "fragment inside ESP"),
            (udp(1701, 1701, HELLO)[:7], 17, "malformed UDP header inside ESP"),
            (udp(1701, 1701, HELLO)[:-1], 17, "malformed UDP header inside ESP"),
            (b"\x06\xa5\x06\xa5\0\x07\0\0" + HELLO, 17, "malformed UDP header inside ESP"),
        ],
    )
    def test_what_does_not_belong_is_dropped(
        self, plane: PurePlane, payload: bytes, next_header: int, reason: str
    ) -> None:
        peer = Guarded(plane, spec(remote=L2TP))
        peer.pair()
        peer.sends(payload, next_header)
        assert plane.drops[reason] == 1
        assert peer.counters.dropped == 1
        assert drained(plane, PuntL2tp) == []
        assert plane.take_tun() == []

    def test_dummy_packets_and_padding_for_secrecy_of_traffic(self, guarded: Guarded) -> None:
        plane = guarded.plane
        guarded.sends(bytes(100), 59)
        guarded.sends(udp(1701, 1701, HELLO) + bytes(300))
        assert drained(plane, PuntL2tp) == [PuntL2tp(guarded.l2tp_path(), HELLO)]
        assert plane.drops.total() == 0
        assert guarded.counters.received_packets == 2

    def test_the_inner_checksum(self, plane: PurePlane) -> None:
        """Behind UDP encapsulation NAT has spoilt it; otherwise it counts, unless there is none."""
        natted, bare = Guarded(plane, spec()), Guarded(plane, raw(), base=10_000)
        for peer in (natted, bare):
            peer.pair()
        wrong = udp(1701, 1701, HELLO, 0x1234)
        natted.sends(wrong)
        assert len(drained(plane, PuntL2tp)) == 1
        bare.sends(wrong)
        assert drained(plane, PuntL2tp) == []
        assert plane.drops["UDP checksum is wrong"] == 1
        total = build.pseudo(build.ipv4(RAW_PEER.host, RAW_SERVER.host, 17), 17, 8 + len(HELLO))
        right = build.sum16(total + udp(1701, 1701, HELLO)) ^ 0xFFFF
        bare.sends(udp(1701, 1701, HELLO, right))
        bare.sends(udp(1701, 1701, HELLO))
        assert len(drained(plane, PuntL2tp)) == 2

    def test_ipv6_has_a_checksum_even_behind_udp(self, plane: PurePlane) -> None:
        path = Path(Address("fd00::1", 4500), Address("fd00::2", 4500))
        peer = Guarded(plane, spec(path=path))
        peer.pair()
        plane.send_l2tp(peer.l2tp_path(), b"odd", 1.0)
        [(_, datagram)] = peer.gets()
        assert build.checksum_right(build.ipv6("fd00::1", "fd00::2", 17, datagram), 17, 40)

    def test_packets_that_carry_the_tunnel_do_not_go_into_it(self, guarded: Guarded) -> None:
        plane = guarded.plane
        _, made = session(guarded)
        plane.session_routes(made, [ip_network("0.0.0.0/0")])
        for port in (4500, 1701):
            packet = build.ipv4("10.77.0.7", SERVER.host, 17, build.udp(4500, port))
            guarded.sends_l2tp(build.data(7, 7, build.ppp(0x21, packet)))
        plane.from_tun(build.ipv4("203.0.113.9", NAT.host, 17, build.udp(4500, 40000)), 1.0)
        assert plane.drops["tunnel routed into itself"] == 3
        assert not plane.take_tun()
        assert not plane.take_network()


class TestForgery:
    def test_replayed_and_forged(self, guarded: Guarded) -> None:
        plane = guarded.plane
        good = guarded.seal(udp(1701, 1701, HELLO))
        bad = guarded.seal(udp(1701, 1701, HELLO))
        guarded.arrives(bad[:-1] + bytes([bad[-1] ^ 1]))
        guarded.arrives(good)
        guarded.arrives(good)
        guarded.arrives(bad)
        counters = guarded.counters
        assert (counters.forged, counters.replayed, counters.received_packets) == (1, 1, 2)
        assert len(drained(plane, PuntL2tp)) == 2
        assert (plane.drops["ESP packet forged"], plane.drops["ESP packet replayed"]) == (1, 1)

    def test_the_key_of_another_does_not_open(self, plane: PurePlane) -> None:
        one, two = Guarded(plane, spec()), Guarded(plane, spec(), base=10_000)
        one.pair()
        two.pair()
        stolen = two.seal(udp(1701, 1701, HELLO))
        plane.from_natt(one.path, (1001).to_bytes(4, "big") + stolen[4:], 1.0)
        assert one.counters.forged == 1
        assert plane.drain() == []


class TestAh:
    def test_control_messages_both_ways(self, plane: PurePlane) -> None:
        peer = Guarded(plane, raw())
        ours, theirs = sa(5001, AH), sa(5002, AH)
        plane.sa_add(peer.id, ours, theirs, 0.0, use=True)
        ends = build.packed(RAW_SERVER.host), build.packed(RAW_PEER.host)
        sealed = AhOutbound(ours).seal(udp(1701, 1701, HELLO), 17, ends[1], ends[0])
        assert sealed is not None
        plane.from_raw(51, peer.path, sealed, 1.0)
        plane.from_raw(51, peer.path, sealed, 1.0)
        assert drained(plane, PuntL2tp) == [PuntL2tp(peer.l2tp_path(), HELLO)]
        assert peer.counters.replayed == 1
        plane.send_l2tp(peer.l2tp_path(), b"answer", 1.0)
        [(path, protocol, packet)] = plane.take_raw()
        assert (path, protocol) == (peer.path, 51)
        opened = AhInbound(theirs).open(packet, *ends)
        assert not isinstance(opened, str)
        assert opened[1][8:] == b"answer"
        # The SPI of AH is none of ESP.
        plane.from_raw(50, peer.path, (5001).to_bytes(4, "big") + bytes(60), 1.0)
        assert plane.drops["packet of no SA"] == 1

    def test_it_does_not_exist_behind_udp_or_in_tunnel_mode(self, plane: PurePlane) -> None:
        for made in (spec(), raw(Mode.TUNNEL)):
            peer = Guarded(plane, made)
            with pytest.raises(ValueError, match="AH is for transport mode"):
                plane.sa_add(peer.id, sa(5001, AH), sa(5002, AH), 0.0, use=True)


class TestGone:
    def test_tunnels_in_it_are_mute(self, guarded: Guarded) -> None:
        plane = guarded.plane
        tunnel, made = session(guarded)
        sealed = guarded.seal(udp(1701, 1701, HELLO))
        plane.association_remove(guarded.id)
        plane.send_l2tp(guarded.l2tp_path(), HELLO, 1.0)
        plane.send_ppp(made, 0xC021, b"x", 1.0)
        plane.from_tun(build.ipv4("203.0.113.9", "10.77.0.7", 17, build.udp(6, 5)), 1.0)
        guarded.arrives(sealed)
        assert plane.take_network() == plane.drain() == []
        assert plane.drops["association is gone"] == 3
        assert plane.drops["packet of no SA"] == 1
        plane.tunnel_remove(tunnel)

    def test_every_call_says_so(self, guarded: Guarded) -> None:
        plane, gone = guarded.plane, guarded.id
        counters = plane.association_remove(gone)
        assert counters == AssociationCounters()
        for call in (
            lambda: plane.association_remove(gone),
            lambda: plane.association_move(gone, guarded.path),
            lambda: plane.association_routes(gone, []),
            lambda: plane.association_counters(gone),
            lambda: plane.sa_add(gone, sa(9001), sa(9002), 0.0, use=True),
            lambda: plane.sa_use(gone, 2001),
            lambda: plane.sa_remove(gone, 1001, 2001),
            lambda: plane.tunnel_add(TunnelSpec(guarded.l2tp_path(), 1, 1)),
        ):
            with pytest.raises(StaleId, match=f"association {gone} is gone"):
                call()

    def test_ids_and_spis(self, plane: PurePlane, make: Make) -> None:
        seen = set()
        for _ in range(5):
            peer = Guarded(plane, spec())
            peer.pair()
            with pytest.raises(ValueError, match="SPI 0x000003e9 is taken"):
                plane.sa_add(peer.id, sa(1001), sa(3000), 0.0, use=True)
            plane.association_remove(peer.id)
            seen.add(peer.id)
        assert len(seen) == 5
        assert 0 not in seen
        for spi in (0, 255, 1 << 32):
            fresh = Guarded(plane, spec())
            with pytest.raises(ValueError, match="SPI"):
                plane.sa_add(fresh.id, sa(spi), sa(3000), 0.0, use=True)
        inside = Guarded(make(True), spec(mode=Mode.TUNNEL))
        with pytest.raises(ValueError, match="tunnel mode"):
            inside.plane.tunnel_add(TunnelSpec(inside.l2tp_path(), 1, 1))
        with pytest.raises(ValueError, match="transport mode"):
            plane.association_routes(Guarded(plane, spec()).id, [])
