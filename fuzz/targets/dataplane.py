"""The data plane, with open sessions, from the network and from the host."""

from collections.abc import Iterator
from ipaddress import ip_network

from dataplane import build
from dataplane.conformance import Peer, connect, path_of
from fuzz.octets import Octets, chunk
from talpa.dataplane.interface import Counters, PuntIp, PuntL2tp, PuntPpp, SessionIdle
from talpa.dataplane.reference.pipeline import Pipeline

_MOST_STEPS = 40
_FRAMES = (b"", b"\xff\x03\x00\x21", b"\xff\x03\x00\x57", b"\x21", b"\x57", b"\xff\x03\xc0\x21")
_MOST_PACKET = 65535
_LEAST_PIECE = 8


def check(data: bytes) -> None:
    """Any datagrams to the ids of open sessions and to others, any packets from the host, any
    pauses: nothing is raised. A packet that comes from a peer goes to one place at most: the host,
    or the control plane. A packet from the host leaves as itself, as fragments, or as one ICMP
    error. What went through is what the counters say."""
    octets = Octets(data)
    flags = octets.number()
    plane = Pipeline(forward_between_sessions=bool(flags & 1))
    peers = (
        connect(plane, 2, mtu=1300, idle_seconds=3.0, antispoof=bool(flags & 2)),
        connect(plane, 3, send_sequence=True, require_sequence=bool(flags & 4)),
        connect(plane, 4, mtu=576, offset=7, opened=not flags & 8, follow_sequence=True),
    )
    if flags & 16:
        plane.session_routes(peers[0].session, [ip_network("0.0.0.0/0"), ip_network("::/0")])
    now = 1.0
    for _ in range(_MOST_STEPS):
        if not octets:
            break
        now = _step(plane, peers, octets, now)
    now += 100
    plane.handle_timeout(now)
    _empty(plane)
    for peer in peers:
        plane.tunnel_remove(peer.tunnel)
    plane.handle_timeout(now + 100)
    assert plane.next_timeout() is None


def _step(plane: Pipeline, peers: tuple[Peer, ...], octets: Octets, now: float) -> float:
    kind = octets.number()
    dropped = plane.drops.total()
    match kind % 8:
        case 0:
            datagram = octets.chunk()
            plane.from_network(path_of(octets.number() % 8), datagram, now)
            _one_place(plane, dropped)
        case 1:
            now += octets.number() / 64
            plane.handle_timeout(now)
            _empty(plane)
        case 2 | 3:
            packet = octets.chunk()
            plane.from_tun(packet, now)
            sent, back, events = plane.take_network(), plane.take_tun(), plane.drain()
            assert not any(isinstance(event, PuntL2tp | PuntPpp | PuntIp) for event in events)
            assert len(back) <= 1
            assert not (sent and back)
            assert len(sent) <= len(packet) // _LEAST_PIECE + 1
            for error in back:
                assert len(error) <= 1280
        case _:
            peer = octets.pick(peers)
            frame = octets.pick(_FRAMES) + octets.chunk()
            number = octets.number(2) if kind & 0x40 else None
            offset = octets.number() if kind & 0x20 else None
            before = peer.counters
            datagram = peer.message(frame, number=number, offset=offset, length=bool(kind & 0x80))
            plane.from_network(peer.path, datagram, now)
            if number is None:
                _one_place(plane, dropped)
            _counted(before, peer.counters, len(frame))
            _empty(plane)
    return now


def _one_place(plane: Pipeline, dropped: int) -> None:
    places = len(plane.take_network()) + len(plane.take_tun()) + len(plane.drain())
    assert places + plane.drops.total() - dropped <= 1


def _counted(before: Counters, after: Counters, size: int) -> None:
    assert after.received_packets - before.received_packets <= 33
    assert after.received_octets - before.received_octets <= 33 * _MOST_PACKET
    assert before.dropped <= after.dropped
    assert size >= 0


def _empty(plane: Pipeline) -> None:
    plane.take_network()
    plane.take_tun()
    assert all(isinstance(e, PuntPpp | PuntIp | PuntL2tp | SessionIdle) for e in plane.drain())


def seeds() -> Iterator[bytes]:
    """User traffic of each kind, both ways."""
    there = "203.0.113.9"
    packets = (
        build.ipv4("10.77.0.2", there, 17, build.udp(4000, 53, bytes(20))),
        build.ipv4("10.77.0.2", "255.255.255.255", 17, build.udp(68, 67, bytes(240))),
        build.ipv4("10.77.0.2", there, 6, bytes(20), options=b"\x44\x04\x05\x00"),
        build.tcp4("10.77.0.2", there, build.SYN, b"\x02\x04\x05\xb4\x01\x01\x01\x00"),
        build.tcp6("fd77:0:0:2::2", "2001:db8::9", build.SYN, b"\x01\x02\x04\x05\xb4\x00\x00\x00"),
        build.ipv6("fe80::2", "ff02::2", 58, b"\x85" + bytes(7)),
        build.ipv6("fe80::2", "ff02::1:2", 17, build.udp(546, 547, bytes(40))),
        build.ipv6("fd77:0:0:2::2", "2001:db8::9", 0, b"\x06\x00" + bytes(6) + bytes(20)),
    )
    for packet in packets:
        framing = 1 if packet[0] >> 4 == 4 else 2
        for flags in (0x00, 0x03, 0x17):
            yield bytes((flags, 4, 0, framing)) + chunk(packet)
            yield bytes((flags, 0x44, 0, framing)) + chunk(packet) + b"\0\0"
    back = (
        build.ipv4(there, "10.77.0.4", 17, build.udp(53, 4000, bytes(1380))),
        build.ipv4(there, "10.77.0.4", 17, build.udp(53, 4000, bytes(1380)), place=0x4000),
        build.ipv6("2001:db8::9", "fd77:0:0:4::2", 17, build.udp(53, 4000, bytes(1380))),
        build.tcp4(there, "10.77.0.2", build.SYN, b"\x02\x04\x05\xb4"),
        build.ipv4(there, "10.77.0.200", 17, build.udp(53, 4000)),
    )
    for packet in back:
        yield b"\x01\x02" + chunk(packet)
    yield (
        b"\x01"
        + b"".join(
            bytes((0x44, 1, 1)) + chunk(packets[0]) + number.to_bytes(2, "big")
            for number in (0, 2, 1, 5, 4, 4, 9)
        )
        + b"\x01\x40"
    )
