"""Tunnels and sessions: their ids, their life, idleness, cross-connects."""

import sys
from ipaddress import ip_network

import pytest

from dataplane import build
from dataplane.conformance import Make, Peer, PurePlane, connect, path_of
from talpa.dataplane.interface import (
    Counters,
    SessionIdle,
    SessionSpec,
    StaleId,
    TunnelSpec,
)
from talpa.dataplane.reference.tables import Session, Tunnel

WEB = "203.0.113.9"


def test_ids_are_never_used_twice(plane: PurePlane) -> None:
    seen = set()
    for _ in range(10):
        peer = connect(plane)
        plane.tunnel_remove(peer.tunnel)
        seen |= {peer.tunnel, peer.session}
    assert len(seen) == 20


@pytest.mark.parametrize("local", [0, -1, 65536])
def test_ids_on_the_wire_have_sixteen_bits_and_are_not_zero(
    plane: PurePlane, peer: Peer, local: int
) -> None:
    with pytest.raises(ValueError, match="not within 1 to 65535"):
        plane.tunnel_add(TunnelSpec(path_of(1), local, 1))
    with pytest.raises(ValueError, match="not within 1 to 65535"):
        plane.tunnel_add(TunnelSpec(path_of(1), 1, local))
    with pytest.raises(ValueError, match="not within 1 to 65535"):
        plane.session_add(SessionSpec(peer.tunnel, local, 1), 0.0)
    with pytest.raises(ValueError, match="not within 1 to 65535"):
        plane.session_add(SessionSpec(peer.tunnel, 1, local), 0.0)


def test_a_local_id_is_given_once_at_a_time(plane: PurePlane, peer: Peer) -> None:
    with pytest.raises(ValueError, match="local tunnel id 102 is taken"):
        plane.tunnel_add(TunnelSpec(path_of(9), 102, 1))
    with pytest.raises(ValueError, match="local session id 202 is taken"):
        plane.session_add(SessionSpec(peer.tunnel, 202, 1), 0.0)
    plane.session_remove(peer.session)
    plane.session_add(SessionSpec(peer.tunnel, 202, 1), 0.0)
    plane.tunnel_remove(peer.tunnel)
    connect(plane)


def test_a_call_about_what_is_gone_says_so(plane: PurePlane, peer: Peer) -> None:
    plane.tunnel_remove(peer.tunnel)
    tunnel, session = peer.tunnel, peer.session
    for call in (
        lambda: plane.tunnel_remove(tunnel),
        lambda: plane.tunnel_move(tunnel, path_of(1)),
        lambda: plane.tunnel_last_received(tunnel),
        lambda: plane.session_add(SessionSpec(tunnel, 1, 1), 0.0),
        lambda: plane.session_open(session, True, True, 0.0),
        lambda: plane.session_routes(session, []),
        lambda: plane.session_set(session, mtu=1000),
        lambda: plane.session_connect(session, session, 0.0),
        lambda: plane.session_remove(session),
        lambda: plane.session_counters(session),
        lambda: plane.send_ppp(session, 0xC021, b"", 1.0),
        lambda: plane.send_ip(session, b"\x45", 1.0),
    ):
        with pytest.raises(StaleId):
            call()


def test_a_removed_tunnel_takes_its_sessions_along(plane: PurePlane) -> None:
    peer = connect(plane)
    more = [
        plane.session_add(SessionSpec(peer.tunnel, number, number), 0.0)
        for number in range(1000, 1010)
    ]
    plane.session_remove(more[3])
    plane.session_remove(more[9])
    plane.tunnel_remove(peer.tunnel)
    for session in (peer.session, *more):
        with pytest.raises(StaleId):
            plane.session_counters(session)
    plane.from_tun(build.ipv4(WEB, peer.ipv4, 17), 1.0)
    peer.sends(build.ppp(0xC021, b""))
    assert plane.take_network() == []
    assert plane.drops["no session for the destination"] == 1
    assert plane.drops["data for no tunnel"] == 1


def test_removing_gives_the_final_counters(plane: PurePlane, peer: Peer) -> None:
    peer.sends_ip(build.ipv4(peer.ipv4, WEB, 17), now=3.0)
    assert plane.session_remove(peer.session) == Counters(1, 20, 0, 0, 0, 3.0)
    peer.sends(build.ppp(0xC021, b"x"), now=4.0)
    assert plane.tunnel_last_received(peer.tunnel) == 3.0


def test_new_routes_replace_the_old(plane: PurePlane, peer: Peer) -> None:
    plane.session_routes(peer.session, [ip_network("10.5.0.0/16")])
    assert peer.sends_ip(build.ipv4(peer.ipv4, WEB, 17)) == []
    assert peer.sends_ip(build.ipv4("10.5.6.7", WEB, 17)) != []
    plane.from_tun(build.ipv4(WEB, peer.ipv4, 17), 1.0)
    assert peer.gets() == []


def test_ppp_control_is_proof_of_life_but_no_user_traffic(plane: PurePlane, peer: Peer) -> None:
    peer.sends(build.ppp(0xC021, b"echo"), now=42.0)
    assert peer.counters == Counters(last_received=42.0)
    assert plane.tunnel_last_received(peer.tunnel) == 42.0


class TestIdle:
    def test_it_is_said_once_after_the_last_traffic_either_way(self, plane: PurePlane) -> None:
        peer = connect(plane, idle_seconds=60.0)
        peer.sends_ip(build.ipv4(peer.ipv4, WEB, 17), now=10.0)
        plane.from_tun(build.ipv4(WEB, peer.ipv4, 17), 30.0)
        plane.handle_timeout(60.0)
        assert plane.drain() == []
        assert plane.next_timeout() == 90.0
        plane.handle_timeout(90.0)
        assert plane.drain() == [SessionIdle(peer.session)]
        assert plane.next_timeout() is None
        peer.sends_ip(build.ipv4(peer.ipv4, WEB, 17), now=100.0)
        plane.handle_timeout(160.0)
        assert plane.drain() == [SessionIdle(peer.session)]

    def test_keepalives_and_services_do_not_count(self, plane: PurePlane) -> None:
        peer = connect(plane, idle_seconds=60.0)
        peer.sends(build.ppp(0xC021, b"echo"), now=50.0)
        inform = build.ipv4(peer.ipv4, "255.255.255.255", 17, build.udp(68, 67))
        peer.sends_ip(inform, now=55.0)
        plane.send_ip(peer.session, inform, 1.0)
        plane.drain()
        plane.handle_timeout(60.0)
        assert plane.drain() == [SessionIdle(peer.session)]

    def test_it_counts_from_the_opening(self, plane: PurePlane) -> None:
        peer = connect(plane, opened=False, idle_seconds=60.0)
        assert plane.next_timeout() is None
        plane.session_open(peer.session, True, False, 5.0)
        plane.session_open(peer.session, True, True, 50.0)
        assert plane.next_timeout() == 65.0
        plane.session_open(peer.session, False, False, 60.0)
        assert plane.next_timeout() is None

    def test_it_can_be_set_later(self, plane: PurePlane, peer: Peer) -> None:
        assert plane.next_timeout() is None
        peer.sends_ip(build.ipv4(peer.ipv4, WEB, 17), now=10.0)
        plane.session_set(peer.session, idle_seconds=5.0)
        plane.handle_timeout(15.0)
        assert plane.drain() == [SessionIdle(peer.session)]

    def test_no_time_at_all_is_idle_at_once(self, plane: PurePlane) -> None:
        peer = connect(plane, idle_seconds=0.0)
        plane.handle_timeout(1.0)
        assert plane.drain() == [SessionIdle(peer.session)]


class TestCrossConnect:
    def pair(self, plane: PurePlane) -> tuple[Peer, Peer]:
        one = connect(plane, 2, opened=False)
        two = connect(plane, 3, opened=False, send_sequence=True)
        plane.session_connect(one.session, two.session, 0.0)
        return one, two

    @pytest.mark.parametrize(
        "frame", [build.ppp(0xC021, b"lcp"), b"\x21compressed", b"\xff\x03\x00\x21junk", b"x"]
    )
    def test_frames_pass_untouched_both_ways(self, plane: PurePlane, frame: bytes) -> None:
        one, two = self.pair(plane)
        one.sends(frame, now=4.0)
        [(path, datagram)] = plane.take_network()
        assert path == two.path
        assert build.take_apart(datagram) == (303, 403, 0, frame)
        two.sends(frame, now=4.0, number=0)
        assert one.gets() == [frame]
        assert plane.drain() == []
        size = len(frame)
        assert one.counters == two.counters == Counters(1, size, 1, size, 0, 4.0)

    def test_order_is_restored_on_the_way(self, plane: PurePlane) -> None:
        one, two = self.pair(plane)
        for number in (0, 2, 1):
            two.sends(bytes([number]), number=number)
        assert one.gets() == [b"\0", b"\1", b"\2"]

    def test_when_one_is_gone_the_frames_of_the_other_are_dropped(self, plane: PurePlane) -> None:
        one, two = self.pair(plane)
        plane.session_remove(two.session)
        one.sends(build.ppp(0xC021, b"lcp"))
        assert plane.drain() == []
        assert plane.take_network() == []
        assert plane.drops["cross-connected session is gone"] == 1
        plane.session_remove(one.session)

    def test_it_may_be_connected_with_a_third(self, plane: PurePlane) -> None:
        one, two = self.pair(plane)
        three = connect(plane, 4, opened=False)
        plane.session_connect(one.session, three.session, 1.0)
        one.sends(b"frame")
        assert three.gets() == [b"frame"]
        two.sends(build.ppp(0xC021, b"alone"), number=0)
        assert [type(event).__name__ for event in plane.drain()] == ["PuntPpp"]

    def test_not_with_itself(self, plane: PurePlane, peer: Peer) -> None:
        with pytest.raises(ValueError, match="with itself"):
            plane.session_connect(peer.session, peer.session, 0.0)

    def test_its_traffic_keeps_both_from_idling(self, plane: PurePlane) -> None:
        one = connect(plane, 2, opened=False, idle_seconds=10.0)
        two = connect(plane, 3, opened=False, idle_seconds=10.0)
        plane.session_connect(one.session, two.session, 1.0)
        one.sends(b"frame", now=8.0)
        plane.handle_timeout(11.0)
        assert plane.drain() == []
        plane.handle_timeout(18.0)
        assert set(plane.drain()) == {SessionIdle(one.session), SessionIdle(two.session)}


def test_nothing_of_a_session_stays(make: Make) -> None:
    plane = make(True)
    for _ in range(3):
        peer = connect(plane, send_sequence=True, idle_seconds=600.0)
        peer.sends(build.ppp(0xC021, b""), number=5)
        plane.tunnel_remove(peer.tunnel)
    assert plane.next_timeout() is None
    plane.from_tun(build.ipv4(WEB, "10.77.0.2", 17), 1.0)
    assert plane.drops["no session for the destination"] == 1


def test_a_session_is_small() -> None:
    tunnel = Tunnel(1, TunnelSpec(path_of(1), 1, 1))
    session = Session(1_000_000, tunnel, SessionSpec(1, 1, 1))
    own = [getattr(session, name) for name in session.__slots__ if name not in ("tunnel", "other")]
    assert sys.getsizeof(session) + sum(map(sys.getsizeof, own)) < 1536
    assert not hasattr(session, "__dict__")
