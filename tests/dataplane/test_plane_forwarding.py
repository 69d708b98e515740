"""Which packets go where, and which go nowhere."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane import build
from dataplane.conformance import Make, Peer, PurePlane, connect
from talpa.dataplane.interface import PuntIp
from talpa.dataplane.reference.routing import RouteTable, prefix_of

WEB = "203.0.113.9"
WEB6 = "2001:db8::9"


def test_counters_tell_what_went_through(plane: PurePlane, peer: Peer) -> None:
    up = build.ipv4(peer.ipv4, WEB, 17, build.udp(1, 2, b"x" * 72))
    down = build.ipv6(WEB6, peer.ipv6, 17, build.udp(1, 2, b"x" * 52))
    assert peer.sends_ip(up, now=7.0) == [up]
    plane.from_tun(down, 8.0)
    plane.from_tun(down, 8.0)
    peer.sends_ip(build.ipv4("10.0.0.1", WEB, 17), now=9.0)
    counters = peer.counters
    assert (counters.received_packets, counters.received_octets) == (1, 100)
    assert (counters.sent_packets, counters.sent_octets) == (2, 200)
    assert (counters.dropped, counters.last_received) == (1, 9.0)
    assert plane.tunnel_last_received(peer.tunnel) == 9.0


def test_a_packet_goes_to_the_session_that_owns_its_destination(plane: PurePlane) -> None:
    peers = [connect(plane, number) for number in range(2, 12)]
    for peer in peers:
        for packet in (build.ipv4(WEB, peer.ipv4, 17), build.ipv6(WEB6, peer.ipv6, 17)):
            plane.from_tun(packet, 1.0)
            assert peer.gets() == [build.ppp(0x21 if packet[0] == 0x45 else 0x57, packet)]


def test_the_longest_prefix_wins_and_the_shorter_one_is_back_when_it_goes(
    plane: PurePlane,
) -> None:
    site, host = connect(plane, 2), connect(plane, 3)
    plane.session_routes(site.session, [ip_network("10.9.0.0/17"), ip_network("fd09::/48")])
    plane.session_routes(host.session, [ip_network("10.9.3.3/32"), ip_network("fd09::/63")])
    four, six = build.ipv4(WEB, "10.9.3.3", 17), build.ipv6(WEB6, "fd09::1:2:3:4", 17)
    for packet in (four, six):
        plane.from_tun(packet, 1.0)
        assert len(host.gets()) == 1
    plane.session_remove(host.session)
    for packet in (four, six):
        plane.from_tun(packet, 1.0)
        assert len(site.gets()) == 1


def test_a_prefix_belongs_to_the_session_that_claimed_it_last(plane: PurePlane) -> None:
    old, new = connect(plane, 2), connect(plane, 3)
    plane.session_routes(new.session, [ip_network(f"{old.ipv4}/32")])
    packet = build.ipv4(WEB, old.ipv4, 17)
    plane.from_tun(packet, 1.0)
    assert len(new.gets()) == 1
    plane.session_remove(old.session)
    plane.from_tun(packet, 1.0)
    assert len(new.gets()) == 1


def test_a_default_route_takes_everything(plane: PurePlane, peer: Peer) -> None:
    plane.session_routes(peer.session, [ip_network("0.0.0.0/0"), ip_network("::/0")])
    plane.from_tun(build.ipv4("10.77.0.2", WEB, 17), 1.0)
    plane.from_tun(build.ipv6("fd77::2", WEB6, 17), 1.0)
    assert len(peer.gets()) == 2


class TestAntispoof:
    def test_only_the_sessions_own_addresses_may_send(self, plane: PurePlane) -> None:
        peer, other = connect(plane, 2), connect(plane, 3)
        for source in (other.ipv4, WEB, "0.0.0.0", "127.0.0.1"):
            assert peer.sends_ip(build.ipv4(source, "198.51.100.1", 17)) == []
        for source in (other.ipv6, WEB6, "::", "::1"):
            assert peer.sends_ip(build.ipv6(source, "2001:db8::1", 17)) == []
        assert plane.drops["source address is not the session's"] == 8
        assert peer.counters.dropped == 8

    def test_the_whole_of_a_prefix_may_send(self, plane: PurePlane, peer: Peer) -> None:
        assert peer.sends_ip(build.ipv6("fd77:0:0:2:aaaa::1", WEB6, 17)) != []

    def test_it_can_be_off(self, plane: PurePlane) -> None:
        peer = connect(plane, antispoof=False)
        assert peer.sends_ip(build.ipv4(WEB, "198.51.100.1", 17)) != []
        assert peer.sends_ip(build.ipv6(WEB6, "2001:db8::1", 17)) != []


@pytest.mark.parametrize(
    "destination", ["224.0.0.251", "239.255.255.250", "255.255.255.255", "127.0.0.1", "0.1.2.3"]
)
def test_multicast_and_the_like_from_a_peer_is_dropped(
    plane: PurePlane, peer: Peer, destination: str
) -> None:
    assert peer.sends_ip(build.ipv4(peer.ipv4, destination, 17, build.udp(5353, 5353))) == []
    assert plane.drops["multicast, broadcast or no destination"] == 1


@pytest.mark.parametrize("destination", ["ff02::fb", "ff0e::1", "::", "::1"])
def test_multicast_and_the_like_from_a_peer_is_dropped6(
    plane: PurePlane, peer: Peer, destination: str
) -> None:
    assert peer.sends_ip(build.ipv6(peer.ipv6, destination, 17, build.udp(5353, 5353))) == []
    assert plane.drops["multicast, broadcast or no destination"] == 1


def test_link_local_traffic_ends_at_the_plane(plane: PurePlane, peer: Peer) -> None:
    solicitation = bytes([135, 0, 0, 0]) + bytes(20)
    echo = bytes([128, 0, 0, 0]) + bytes(4)
    assert peer.sends_ip(build.ipv6("fe80::2", "ff02::1:ff00:1", 58, solicitation)) == []
    assert peer.sends_ip(build.ipv6("fe80::2", "fe80::1", 58, echo)) == []
    assert peer.sends_ip(build.ipv6(peer.ipv6, "fe80::1", 58, echo)) == []
    assert plane.drops["link-local packet"] == 3
    assert plane.drain() == []


class TestServicesOnTheLink:
    @pytest.mark.parametrize("source", ["10.77.0.2", "0.0.0.0"])
    @pytest.mark.parametrize("destination", ["255.255.255.255", "10.77.0.1"])
    @pytest.mark.parametrize("port", [67, 68])
    def test_dhcp(
        self, plane: PurePlane, peer: Peer, source: str, destination: str, port: int
    ) -> None:
        packet = build.ipv4(source, destination, 17, build.udp(68, port, b"inform"))
        assert peer.sends_ip(packet) == []
        assert plane.drain() == [PuntIp(peer.session, packet)]
        assert peer.counters.received_packets == 1

    @pytest.mark.parametrize("source", ["fe80::2", "fd77:0:0:2::2"])
    @pytest.mark.parametrize("port", [546, 547])
    def test_dhcpv6(self, plane: PurePlane, peer: Peer, source: str, port: int) -> None:
        packet = build.ipv6(source, "ff02::1:2", 17, build.udp(546, port, b"solicit"))
        assert peer.sends_ip(packet) == []
        assert plane.drain() == [PuntIp(peer.session, packet)]

    @pytest.mark.parametrize("source", ["fe80::2", "::", "fd77:0:0:2::2"])
    @pytest.mark.parametrize("kind", [133, 134])
    def test_router_discovery(self, plane: PurePlane, peer: Peer, source: str, kind: int) -> None:
        packet = build.ipv6(source, "ff02::2", 58, bytes([kind, 0, 0, 0, 0, 0, 0, 0]))
        assert peer.sends_ip(packet) == []
        assert plane.drain() == [PuntIp(peer.session, packet)]

    def test_they_do_not_hear_a_stranger(self, plane: PurePlane, peer: Peer) -> None:
        peer.sends_ip(build.ipv4("10.77.0.9", "255.255.255.255", 17, build.udp(68, 67)))
        peer.sends_ip(build.ipv6("fd99::1", "ff02::1:2", 17, build.udp(546, 547)))
        assert plane.drain() == []
        assert plane.drops["source address is not the session's"] == 2

    def test_a_later_fragment_is_no_service(self, plane: PurePlane, peer: Peer) -> None:
        packet = build.ipv4(peer.ipv4, WEB, 17, build.udp(68, 67, b"data"), place=3)
        assert peer.sends_ip(packet) == [packet]

    def test_their_answers_go_out_as_they_are(self, plane: PurePlane, peer: Peer) -> None:
        answer = build.ipv6("fe80::1", "ff02::1", 58, bytes([134]) + bytes(15))
        plane.send_ip(peer.session, answer, 1.0)
        assert peer.gets() == [build.ppp(0x57, answer)]
        assert peer.counters.sent_octets == len(answer)
        plane.send_ip(peer.session, b"\0junk", 1.0)
        assert plane.take_network() == []
        assert plane.drops["not an IP packet"] == 1


class TestBetweenSessions:
    def test_the_host_routes_where_it_is_allowed(self, plane: PurePlane) -> None:
        one, two = connect(plane, 2), connect(plane, 3)
        for packet in (build.ipv4(one.ipv4, two.ipv4, 17), build.ipv6(one.ipv6, two.ipv6, 17)):
            assert one.sends_ip(packet) == [packet]
            plane.from_tun(packet, 1.0)
            assert len(two.gets()) == 1

    def test_nothing_passes_where_it_is_not(self, make: Make) -> None:
        plane = make(False)
        one, two = connect(plane, 2), connect(plane, 3)
        for packet in (build.ipv4(one.ipv4, two.ipv4, 17), build.ipv6(one.ipv6, two.ipv6, 17)):
            assert one.sends_ip(packet) == []
        assert plane.drops["packet to another session"] == 2
        for packet in (build.ipv4(one.ipv4, one.ipv4, 17), build.ipv4(one.ipv4, WEB, 17)):
            assert one.sends_ip(packet) == [packet]


class TestTunnelInItself:
    def test_what_a_peer_sends_to_our_end_of_its_tunnel(self, plane: PurePlane, peer: Peer) -> None:
        nested = build.ipv4(peer.ipv4, "198.18.0.1", 17, build.udp(1701, 1701, b"l2tp"))
        assert peer.sends_ip(nested) == []
        assert plane.drops["tunnel routed into itself"] == 1
        page = build.ipv4(peer.ipv4, "198.18.0.1", 17, build.udp(1701, 53))
        assert peer.sends_ip(page) == [page]

    def test_what_the_host_sends_to_the_peers_end(self, plane: PurePlane, peer: Peer) -> None:
        plane.session_routes(peer.session, [ip_network("0.0.0.0/0")])
        plane.from_tun(build.ipv4("198.18.0.1", "198.18.1.2", 17, build.udp(1701, 1701)), 1.0)
        assert plane.take_network() == []
        assert plane.drops["tunnel routed into itself"] == 1
        plane.from_tun(build.ipv4("198.18.0.1", "198.18.1.3", 17, build.udp(1701, 1701)), 1.0)
        assert len(peer.gets()) == 1


def test_a_packet_above_the_mru_is_not_taken(plane: PurePlane) -> None:
    peer = connect(plane, mru=1300)
    assert peer.sends_ip(build.ipv4(peer.ipv4, WEB, 17, bytes(1280))) != []
    assert peer.sends_ip(build.ipv4(peer.ipv4, WEB, 17, bytes(1281))) == []
    plane.session_set(peer.session, mru=1301)
    assert peer.sends_ip(build.ipv4(peer.ipv4, WEB, 17, bytes(1281))) != []
    assert peer.sends_ip(build.ipv6(peer.ipv6, WEB6, 17, bytes(1262))) == []
    assert plane.drops["packet above the MRU"] == 2


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x45" + bytes(10),
        b"\x44\x00\x00\x14" + bytes(16),
        b"\x45\x00\x00\x15" + bytes(16),
        b"\x45\x00\x00\x13" + bytes(16),
        b"\x46\x00\x00\x14" + bytes(16),
        b"\x60" + bytes(39),
    ],
)
def test_a_malformed_ipv4_packet_is_dropped(plane: PurePlane, peer: Peer, broken: bytes) -> None:
    peer.sends(build.ppp(0x21, broken))
    assert plane.take_tun() == []
    assert plane.drops["malformed IPv4 packet"] == 1


@pytest.mark.parametrize("broken", [b"", b"\x60" + bytes(38), b"\x60\0\0\0\0\x01" + bytes(34)])
def test_a_malformed_ipv6_packet_is_dropped(plane: PurePlane, peer: Peer, broken: bytes) -> None:
    peer.sends(build.ppp(0x57, broken))
    assert plane.take_tun() == []
    assert plane.drops["malformed IPv6 packet"] == 1


def test_the_hosts_own_chatter_is_dropped_without_an_answer(plane: PurePlane, peer: Peer) -> None:
    plane.from_tun(build.ipv6("fe80::9", "ff02::2", 58, bytes([133]) + bytes(7)), 1.0)
    plane.from_tun(build.ipv6("::", "ff02::16", 58, bytes(8)), 1.0)
    plane.from_tun(b"", 1.0)
    plane.from_tun(b"\x00\x01", 1.0)
    assert plane.take_tun() == []
    assert plane.take_network() == []
    assert dict(plane.drops) == {"multicast from the host": 2, "not an IP packet": 2}


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 32), st.integers(0, 2**32 - 1)), st.integers(), max_size=20
    ),
    st.integers(0, 2**32 - 1),
)
def test_the_route_table_finds_what_a_plain_search_finds(
    routes: dict[tuple[int, int], int], address: int
) -> None:
    networks = {
        ip_network((base >> (32 - length) << (32 - length) if length else 0, length)): owner
        for (length, base), owner in routes.items()
    }
    table: RouteTable[int] = RouteTable()
    for network, owner in networks.items():
        table.add(prefix_of(network), owner)
    probes = [address, *(int(network.network_address) for network in networks)]
    for probe in probes:
        expected = max(
            (
                (network.prefixlen, owner)
                for network, owner in networks.items()
                if probe >> (32 - network.prefixlen)
                == int(network.network_address) >> (32 - network.prefixlen)
            ),
            default=(0, None),
        )[1]
        assert table.find(probe.to_bytes(4, "big")) == expected
    for network, owner in networks.items():
        table.remove(prefix_of(network), owner)
    assert len(table) == 0
    assert table.find(address.to_bytes(4, "big")) is None
