"""Whatever comes in: nothing raises, every packet is accounted for, and all planes agree."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane import build
from dataplane.conformance import IMPLEMENTATIONS, Make, Peer, connect, path_of
from talpa.dataplane.interface import Counters, Event, PuntIp
from talpa.sansio import Path

Outputs = tuple[
    list[tuple[Path, bytes]], list[bytes], list[Event], list[Counters], list[tuple[str, int]]
]

ADDRESSES4 = st.sampled_from(
    ["10.77.0.2", "10.77.0.3", "10.77.0.9", "203.0.113.9", "224.0.0.1", "0.0.0.0", "198.18.1.2"]
)
ADDRESSES6 = st.sampled_from(
    ["fd77:0:0:2::2", "fd77:0:0:3::2", "fe80::2", "2001:db8::9", "ff02::1", "::", "fd77::9"]
)
PROTOCOLS = st.sampled_from([0, 1, 6, 17, 43, 44, 58, 60, 99])
PLACES = st.sampled_from([0, 0x4000, 0x2000, 0x0001, 0x8000])


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    if draw(st.booleans()):
        return draw(st.binary(max_size=80))
    port = draw(st.sampled_from([53, 67, 68, 546, 547, 1701]))
    return struct.pack("!HH", 1701, port) + bytes(draw(st.sampled_from([0, 4, 30, 1300, 1600])))


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """IP packets, most of them sound, some broken."""
    protocol, payload = draw(PROTOCOLS), draw(payloads())
    if draw(st.booleans()):
        packet = build.ipv4(
            draw(ADDRESSES4), draw(ADDRESSES4), protocol, payload, place=draw(PLACES)
        )
    else:
        packet = build.ipv6(draw(ADDRESSES6), draw(ADDRESSES6), protocol, payload)
    if draw(st.integers(0, 5)) == 0:
        at = draw(st.integers(0, min(len(packet) - 1, 60)))
        packet = packet[:at] + draw(st.binary(min_size=1, max_size=1)) + packet[at + 1 :]
    if draw(st.integers(0, 9)) == 0:
        packet = packet[: draw(st.integers(0, len(packet)))]
    return packet


@st.composite
def datagrams(draw: st.DrawFn) -> bytes:
    """UDP payloads, most of them data messages of a known session."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60))
    packet = draw(packets())
    framing = draw(st.sampled_from(["ff03", "", "ff", "ff03ff"]))
    protocol = draw(st.sampled_from(["0021", "0057", "21", "57", "c021", "8021", "0020", ""]))
    return build.data(
        draw(st.sampled_from([102, 103, 9])),
        draw(st.sampled_from([202, 203, 9])),
        bytes.fromhex(framing + protocol) + packet,
        number=draw(st.sampled_from([None, 0, 1, 2, 3, 40000])),
        offset=draw(st.sampled_from([None, 0, 7])),
        length=draw(st.booleans()),
    )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("network"), datagrams()),
        st.tuples(st.just("tun"), packets()),
        st.tuples(st.just("time"), st.just(b"")),
        st.tuples(st.just("connect"), st.just(b"")),
    ),
    max_size=30,
)


def replay(make: Make, steps: list[tuple[str, bytes]], *, forward: bool) -> Outputs:
    """All that a plane gives for a run of packets, checked for what must hold of any plane."""
    plane = make(forward)
    peers = [connect(plane, 2, mtu=1300, idle_seconds=3.0), connect(plane, 3, send_sequence=True)]
    outputs: Outputs = ([], [], [], [], [])
    connected = False
    now, before = 1.0, total(peers)
    for what, octets in [*steps, ("time", b""), ("time", b"")]:
        now += 0.07
        match what:
            case "network":
                plane.from_network(path_of(2), octets, now)
            case "tun":
                plane.from_tun(octets, now)
            case "connect":
                plane.session_connect(peers[0].session, peers[1].session, now)
                connected = True
            case _:
                plane.handle_timeout(now)
        network, tun, events = plane.take_network(), plane.take_tun(), plane.drain()
        after = total(peers)
        check_accounts(before, after, network, tun, events, from_host=what == "tun", bare=connected)
        before = after
        outputs[0].extend(network)
        outputs[1].extend(tun)
        outputs[2].extend(events)
    outputs[3].extend(peer.counters for peer in peers)
    outputs[4].extend(plane.drops)
    assert before.dropped <= plane.drops.total()
    return outputs


def total(peers: list[Peer]) -> Counters:
    """The counters of all together."""
    each = [peer.counters for peer in peers]
    return Counters(
        sum(c.received_packets for c in each),
        sum(c.received_octets for c in each),
        sum(c.sent_packets for c in each),
        sum(c.sent_octets for c in each),
        sum(c.dropped for c in each),
    )


def check_accounts(
    before: Counters,
    after: Counters,
    network: list[tuple[Path, bytes]],
    tun: list[bytes],
    events: list[Event],
    *,
    from_host: bool,
    bare: bool,
) -> None:
    """What came out of one step is what the counters say. `bare`: frames pass unlooked at."""
    frames = [build.take_apart(datagram).frame for _, datagram in network]
    sizes = [len(frame) - (0 if bare else len(b"\xff\x03\0\x21")) for frame in frames]
    assert after.sent_packets - before.sent_packets == len(frames)
    assert after.sent_octets - before.sent_octets == sum(sizes)
    received = [len(event.packet) for event in events if isinstance(event, PuntIp)]
    if not from_host:
        received += [len(packet) for packet in tun]
        received += sizes
    assert after.received_packets - before.received_packets == len(received)
    assert after.received_octets - before.received_octets == sum(received)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.booleans())
def test_nothing_raises_all_is_counted_and_all_planes_agree(
    steps: list[tuple[str, bytes]], forward: bool
) -> None:
    expected = replay(IMPLEMENTATIONS["reference"], steps, forward=forward)
    for make in IMPLEMENTATIONS.values():
        assert replay(make, steps, forward=forward) == expected


@given(st.lists(st.binary(max_size=90), max_size=20))
def test_any_octets_from_either_side(blobs: list[bytes]) -> None:
    for make in IMPLEMENTATIONS.values():
        plane = make(True)
        peer = connect(plane)
        for blob in blobs:
            plane.drain()
            before = plane.drops.total()
            plane.from_network(path_of(9), blob, 1.0)
            assert plane.drops.total() - before + len(plane.drain()) == 1
            plane.from_tun(blob, 1.0)
            peer.sends(blob)
            peer.sends(build.ppp(0x21, blob))
            peer.sends(build.ppp(0x57, blob))
