"""L2TP and PPP framing, both ways (RFC 2661 3.1, RFC 1661 2)."""

import pytest

from dataplane import build
from dataplane.conformance import Peer, PurePlane, connect, path_of
from talpa.dataplane.interface import PuntL2tp, PuntPpp, SessionSpec, TunnelSpec

WEB = "203.0.113.9"


def test_a_sent_packet_is_eight_octets_of_header_then_the_packet(
    plane: PurePlane, peer: Peer
) -> None:
    packet = build.ipv4(WEB, peer.ipv4, 17, build.udp(53, 5353, b"x" * 100))
    plane.from_tun(packet, 1.0)
    head = bytes.fromhex("0002 012e 0192 ff03 0021")
    assert plane.take_network() == [(peer.path, head + packet)]


def test_a_sent_ipv6_packet_has_protocol_57(plane: PurePlane, peer: Peer) -> None:
    packet = build.ipv6("2001:db8::1", peer.ipv6, 17, build.udp(53, 5353, b"x"))
    plane.from_tun(packet, 1.0)
    assert peer.gets() == [build.ppp(0x57, packet)]


@pytest.mark.parametrize("number", [None, 0])
@pytest.mark.parametrize("offset", [None, 0, 5])
@pytest.mark.parametrize("length", [False, True])
@pytest.mark.parametrize("priority", [False, True])
def test_every_optional_field_is_read(
    plane: PurePlane,
    peer: Peer,
    number: int | None,
    offset: int | None,
    length: bool,
    priority: bool,
) -> None:
    packet = build.ipv4(peer.ipv4, WEB, 17, build.udp(1, 2, b"hello"))
    message = peer.message(
        build.ppp(0x21, packet), number=number, offset=offset, length=length, priority=priority
    )
    plane.from_network(peer.path, message, 1.0)
    assert plane.take_tun() == [packet]


def test_octets_behind_the_length_are_ignored(plane: PurePlane, peer: Peer) -> None:
    message = peer.message(build.ppp(0xC021, b"payload"), length=True)
    plane.from_network(peer.path, message + b"trailer", 1.0)
    assert plane.drain() == [PuntPpp(peer.session, 0xC021, b"payload")]


@pytest.mark.parametrize("framing", [b"\xff\x03\x00", b"\xff\x03", b"\x00", b""])
def test_address_control_and_protocol_may_be_compressed(
    plane: PurePlane, peer: Peer, framing: bytes
) -> None:
    packet = build.ipv4(peer.ipv4, WEB, 17, build.udp(1, 2))
    peer.sends(framing + b"\x21" + packet)
    assert plane.take_tun() == [packet]


def test_padding_behind_the_ip_packet_is_cut_off(plane: PurePlane, peer: Peer) -> None:
    for packet in (
        build.ipv4(peer.ipv4, WEB, 17, b"1"),
        build.ipv6(peer.ipv6, "fd00::1", 17, b"1"),
    ):
        peer.sends(build.ppp(0x21 if len(packet) == 21 else 0x57, packet + bytes(9)))
        assert plane.take_tun() == [packet]
    assert peer.counters.received_octets == 21 + 41


@pytest.mark.parametrize(
    "protocol", [0xC021, 0xC023, 0xC223, 0x8021, 0x8057, 0x80FD, 0x002D, 0x00FD]
)
def test_a_frame_that_is_no_user_traffic_is_punted(
    plane: PurePlane, peer: Peer, protocol: int
) -> None:
    peer.sends(build.ppp(protocol, b"body"))
    assert plane.drain() == [PuntPpp(peer.session, protocol, b"body")]
    assert plane.take_tun() == []
    assert peer.counters.received_packets == 0


def test_everything_in_a_closed_session_is_punted(plane: PurePlane) -> None:
    peer = connect(plane, opened=False)
    packet = build.ipv4(peer.ipv4, WEB, 17)
    peer.sends(build.ppp(0x21, packet))
    peer.sends(build.ppp(0x57, b"six"))
    assert plane.drain() == [
        PuntPpp(peer.session, 0x21, packet),
        PuntPpp(peer.session, 0x57, b"six"),
    ]


def test_only_the_open_network_protocol_is_forwarded(plane: PurePlane, peer: Peer) -> None:
    plane.session_open(peer.session, True, False, 1.0)
    six = build.ipv6(peer.ipv6, "fd00::1", 17)
    assert peer.sends_ip(build.ipv4(peer.ipv4, WEB, 17)) != []
    assert peer.sends_ip(six) == []
    assert plane.drain() == [PuntPpp(peer.session, 0x57, six)]
    plane.from_tun(build.ipv6("fd00::1", peer.ipv6, 17), 1.0)
    assert plane.take_network() == []
    assert plane.drops["session is not open"] == 1


def test_ppp_frames_are_sent_uncompressed(plane: PurePlane, peer: Peer) -> None:
    plane.send_ppp(peer.session, 0xC021, b"body", 1.0)
    assert peer.gets() == [b"\xff\x03\xc0\x21body"]
    assert peer.counters.sent_packets == 0


def test_an_offset_is_sent_as_asked(plane: PurePlane) -> None:
    peer = connect(plane, offset=3)
    plane.send_ppp(peer.session, 0xC021, b"body", 1.0)
    [(_, datagram)] = plane.take_network()
    assert datagram == bytes.fromhex("0202 012e 0192 0003 000000 ff03 c021") + b"body"


def test_a_numbered_message_may_have_an_offset_too(plane: PurePlane) -> None:
    peer = connect(plane, offset=2, send_sequence=True)
    plane.send_ppp(peer.session, 0xC021, b"", 1.0)
    plane.send_ppp(peer.session, 0xC021, b"", 1.0)
    sent = [datagram.hex() for _, datagram in plane.take_network()]
    assert sent == [
        "0a02012e01920000000000020000ff03c021",
        "0a02012e01920001000000020000ff03c021",
    ]


@pytest.mark.parametrize(
    "datagram",
    [
        bytes.fromhex("c802000c00000000000000000000"),
        bytes.fromhex("80"),
        bytes.fromhex("c803000c00000000000000000000"),
        bytes.fromhex("0003000012345678"),
        bytes.fromhex("0001000012345678"),
    ],
)
def test_control_messages_and_other_versions_are_punted(plane: PurePlane, datagram: bytes) -> None:
    plane.from_network(path_of(9), datagram, 1.0)
    assert plane.drain() == [PuntL2tp(path_of(9), datagram)]


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        ("", "datagram cut short"),
        ("000200", "datagram cut short"),
        ("400200090066", "data message shorter than its Length"),
        ("400200ff006600ca", "data message shorter than its Length"),
        ("40020004006600ca", "data message cut short"),
        ("0802006600ca0000", "data message cut short"),
        ("0202006600ca", "data message cut short"),
        ("0202006600ca0005ff03", "Offset Size beyond the data message"),
        ("0002006600ca", "PPP frame cut short"),
        ("0002006600caff03", "PPP frame cut short"),
        ("0002006600caff03c0", "PPP frame cut short"),
        ("000200070007ff03c021", "data for no tunnel"),
    ],
)
def test_a_malformed_message_is_dropped_and_counted(
    plane: PurePlane, peer: Peer, datagram: str, reason: str
) -> None:
    plane.from_network(peer.path, bytes.fromhex(datagram), 1.0)
    assert dict(plane.drops) == {reason: 1}
    assert plane.drain() == []


def test_data_from_a_foreign_address_is_dropped_and_not_held_against_the_session(
    plane: PurePlane, peer: Peer
) -> None:
    plane.from_network(path_of(66), peer.message(build.ppp(0xC021, b"x")), 5.0)
    association = peer.path._replace(association=7)
    plane.from_network(association, peer.message(build.ppp(0xC021, b"x")), 5.0)
    assert plane.drops["data from a foreign address"] == 2
    assert plane.drain() == []
    assert (peer.counters.dropped, peer.counters.last_received) == (0, 0.0)


def test_a_tunnel_that_moved_takes_and_sends_on_the_new_path_only(
    plane: PurePlane, peer: Peer
) -> None:
    message = peer.message(build.ppp(0xC021, b"x"))
    plane.tunnel_move(peer.tunnel, path_of(77))
    plane.from_network(peer.path, message, 1.0)
    assert plane.drain() == []
    plane.from_network(path_of(77), message, 1.0)
    assert plane.drain() == [PuntPpp(peer.session, 0xC021, b"x")]
    plane.send_ppp(peer.session, 0xC021, b"", 1.0)
    assert [path for path, _ in plane.take_network()] == [path_of(77)]


def test_control_messages_go_out_as_they_are(plane: PurePlane) -> None:
    plane.send_l2tp(path_of(4), b"control", 1.0)
    assert plane.take_network() == [(path_of(4), b"control")]


class TestFramesBeforeTheirSession:
    """The peer's first frame overtakes the message that completes the call."""

    FRAME = build.data(102, 202, build.ppp(0xC021, b"first"))

    def tunnel(self, plane: PurePlane) -> SessionSpec:
        handle = plane.tunnel_add(TunnelSpec(path_of(2), 102, 302))
        return SessionSpec(handle, 202, 402)

    def test_they_are_punted_in_order_when_the_session_is_made(self, plane: PurePlane) -> None:
        spec = self.tunnel(plane)
        second = build.data(102, 202, build.ppp(0xC021, b"second"))
        plane.from_network(path_of(2), self.FRAME, 1.0)
        plane.from_network(path_of(2), second, 1.1)
        assert plane.drain() == []
        session = plane.session_add(spec, 1.5)
        assert plane.next_timeout() == 1.5
        assert plane.drain() == [
            PuntPpp(session, 0xC021, b"first"),
            PuntPpp(session, 0xC021, b"second"),
        ]
        assert plane.next_timeout() is None
        assert plane.drops.total() == 0

    def test_they_wait_a_second_and_are_then_counted(self, plane: PurePlane) -> None:
        spec = self.tunnel(plane)
        plane.from_network(path_of(2), self.FRAME, 1.0)
        assert plane.next_timeout() == 2.0
        plane.handle_timeout(2.0)
        assert dict(plane.drops) == {"data for no session": 1}
        plane.session_add(spec, 2.0)
        assert plane.drain() == []

    def test_only_those_of_the_tunnels_own_peer_wait(self, plane: PurePlane) -> None:
        spec = self.tunnel(plane)
        plane.from_network(path_of(3), self.FRAME, 1.0)
        assert dict(plane.drops) == {"data from a foreign address": 1}
        plane.session_add(spec, 1.0)
        assert plane.drain() == []

    def test_they_are_bounded_for_one_session_and_in_all(self, plane: PurePlane) -> None:
        self.tunnel(plane)
        for _ in range(6):
            plane.from_network(path_of(2), self.FRAME, 1.0)
        assert plane.drops["data for no session"] == 2
        for number in range(1000, 1000 + 600):
            plane.from_network(path_of(2), build.data(102, number, b"x"), 1.0)
        assert plane.drops["data for no session"] == 2 + 4 + 600 - 512
