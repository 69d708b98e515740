"""SAs that come and go, peers that move, limits and keepalives."""

import gc
from collections.abc import Sequence

import pytest

from dataplane.conformance import Make, PurePlane
from dataplane.protected import (
    NAT,
    RAW_SERVER,
    SERVER,
    Guarded,
    drained,
    raw,
    sa,
    spec,
    udp,
)
from talpa.crypto.ciphers import AesGcm16
from talpa.dataplane.interface import (
    Event,
    PeerMoved,
    PuntL2tp,
    SaExpired,
    SaExpiring,
    SaFirstInbound,
    StaleId,
)
from talpa.esp.sa import Limits
from talpa.sansio import Address, Path

HELLO = b"\xc8\x02hello..."


@pytest.fixture
def guarded(plane: PurePlane) -> Guarded:
    made = Guarded(plane, spec())
    made.pair(1)
    return made


def answered_with(peer: Guarded) -> list[int]:
    """The outbound SPIs, less 2000, that what we send goes out under."""
    peer.plane.send_l2tp(peer.l2tp_path(), HELLO, 1.0)
    return [int.from_bytes(packet[:4], "big") - 2000 for _, packet in peer.plane.take_network()]


class TestRekey:
    def test_make_before_break(self, guarded: Guarded) -> None:
        plane = guarded.plane
        guarded.pair(2, use=False)
        assert answered_with(guarded) == [1]
        for number in (1, 2, 1):
            guarded.sends_l2tp(HELLO, number=number)
        events = plane.drain()
        assert [each for each in events if isinstance(each, SaFirstInbound)] == [
            SaFirstInbound(guarded.id, 1001),
            SaFirstInbound(guarded.id, 1002),
        ]
        # L2TP does not notice: it is one path.
        assert [each for each in events if isinstance(each, PuntL2tp)] == [
            PuntL2tp(guarded.l2tp_path(), HELLO)
        ] * 3
        plane.sa_use(guarded.id, 2002)
        assert answered_with(guarded) == [2]
        guarded.remove(1)
        assert answered_with(guarded) == [2]
        guarded.sends_l2tp(HELLO, number=1)
        assert plane.drops["packet of no SA"] == 1
        guarded.sends_l2tp(HELLO, number=2)
        assert len(drained(plane, PuntL2tp)) == 1

    def test_the_latest_of_the_others_is_used(self, guarded: Guarded) -> None:
        guarded.pair(2, use=False)
        guarded.pair(3, use=False)
        guarded.remove(1)
        assert answered_with(guarded) == [3]
        guarded.remove(3)
        assert answered_with(guarded) == [2]
        guarded.remove(2)
        assert answered_with(guarded) == []
        assert guarded.plane.drops["no SA to send with"] == 1
        guarded.pair(4, use=False)
        assert answered_with(guarded) == [4]

    def test_what_is_not_there_is_stale(self, guarded: Guarded) -> None:
        plane = guarded.plane
        with pytest.raises(StaleId, match="gone"):
            plane.sa_use(guarded.id, 2002)
        for inbound, outbound in ((1002, 2001), (1001, 2002)):
            with pytest.raises(StaleId, match="gone"):
                plane.sa_remove(guarded.id, inbound, outbound)
        guarded.remove(1)
        # The SPI is free again, and the new SA counts from its own beginning.
        guarded.pair(1)
        guarded.sends_l2tp(HELLO)
        assert len(drained(plane, PuntL2tp)) == 1

    def test_hundreds_of_rekeys_leave_nothing_behind(self, guarded: Guarded) -> None:
        plane = guarded.plane
        for number in range(2, 300):
            guarded.pair(number, soft=Limits(seconds=10), hard=Limits(seconds=20), use=True)
            guarded.remove(number - 1)
            assert answered_with(guarded) == [number]
        plane.association_remove(guarded.id)
        assert plane.next_timeout() is None

    def test_no_key_stays_behind(self, make: Make) -> None:
        """The ciphers go with the SA, and with them the only references to its keys."""
        plane = make(True)
        kept = []
        peer = Guarded(plane, spec(keepalive=20.0))
        for number in (1, 2):
            gc.collect()
            before = set(map(id, ciphers()))
            peer.pair(number, hard=Limits(seconds=3600))
            peer.inbound.clear()
            peer.outbound.clear()
            kept += [each for each in map(id, ciphers()) if each not in before]
        assert len(kept) == 4
        peer.remove(1)
        plane.association_remove(peer.id)
        gc.collect()
        assert not set(kept) & set(map(id, ciphers()))


def ciphers() -> list[object]:
    return [each for each in gc.get_objects() if isinstance(each, AesGcm16)]


class TestLimits:
    def told(self, peer: Guarded) -> Sequence[Event]:
        return [event for event in peer.plane.drain() if isinstance(event, SaExpiring | SaExpired)]

    def test_seconds(self, plane: PurePlane) -> None:
        peer = Guarded(plane, spec())
        peer.pair(1, now=100.0, soft=Limits(seconds=30), hard=Limits(seconds=60))
        assert plane.next_timeout() == 130.0
        plane.handle_timeout(129.0)
        assert self.told(peer) == []
        plane.handle_timeout(130.0)
        assert self.told(peer) == [
            SaExpiring(peer.id, 1001, True),
            SaExpiring(peer.id, 2001, False),
        ]
        peer.sends_l2tp(HELLO, now=159.0)
        assert len(drained(plane, PuntL2tp)) == 1
        plane.handle_timeout(160.0)
        assert self.told(peer) == [
            SaExpired(peer.id, 1001, True),
            SaExpired(peer.id, 2001, False),
        ]
        assert plane.next_timeout() is None
        peer.sends_l2tp(HELLO, now=161.0)
        assert answered_with(peer) == []
        assert plane.drops["SA is used up"] == 2
        assert self.told(peer) == []

    def test_packets_out(self, plane: PurePlane) -> None:
        peer = Guarded(plane, spec())
        peer.pair(1, soft=Limits(packets=2), hard=Limits(packets=3))
        told = []
        for _ in range(5):
            plane.send_l2tp(peer.l2tp_path(), HELLO, 5.0)
            if plane.next_timeout() == 5.0:
                told.append(self.told(peer))
        assert told == [[SaExpiring(peer.id, 2001, False)], [SaExpired(peer.id, 2001, False)]]
        assert len(plane.take_network()) == 3
        assert plane.drops["SA is used up"] == 2

    def test_octets_in(self, plane: PurePlane) -> None:
        peer = Guarded(plane, spec())
        peer.pair(1, soft=Limits(octets=100), hard=Limits(octets=200))
        for _ in range(6):
            peer.sends_l2tp(HELLO)
        assert self.told(peer) == [
            SaExpiring(peer.id, 1001, True),
            SaExpired(peer.id, 1001, True),
        ]
        assert plane.drops["SA is used up"] > 0
        # What was taken is what the counters say.
        assert 200 <= peer.counters.received_octets < 300

    def test_the_use_of_one_pair_is_not_that_of_the_next(self, plane: PurePlane) -> None:
        peer = Guarded(plane, spec())
        peer.pair(1, hard=Limits(packets=1))
        assert answered_with(peer) == [1]
        assert answered_with(peer) == []
        peer.pair(2, hard=Limits(packets=1))
        assert answered_with(peer) == [2]


class TestMoves:
    ELSEWHERE = Path(SERVER, Address("198.18.7.7", 5555))
    BEYOND = Path(SERVER, Address("198.18.7.8", 5555))

    def moves(self, peer: Guarded) -> list[Event]:
        return drained(peer.plane, PeerMoved)

    def test_a_move_is_told_and_then_made(self, guarded: Guarded) -> None:
        plane = guarded.plane
        guarded.sends_l2tp(HELLO)
        assert self.moves(guarded) == []
        guarded.path = self.ELSEWHERE
        guarded.sends_l2tp(HELLO)
        events = plane.drain()
        assert PeerMoved(guarded.id, self.ELSEWHERE) in events
        assert PuntL2tp(guarded.l2tp_path(), HELLO) in events
        # Nothing moves before the command.
        plane.send_l2tp(guarded.l2tp_path(), HELLO, 1.0)
        [(path, _)] = plane.take_network()
        assert path == Path(SERVER, NAT)
        plane.association_move(guarded.id, self.ELSEWHERE)
        guarded.sends_l2tp(HELLO)
        assert self.moves(guarded) == []
        plane.send_l2tp(guarded.l2tp_path(), HELLO, 1.0)
        [(path, _)] = plane.take_network()
        assert path == self.ELSEWHERE

    def test_it_is_told_once_a_second(self, guarded: Guarded) -> None:
        guarded.path = self.ELSEWHERE
        for now in (1.0, 1.5, 1.99, 2.0, 2.5):
            guarded.sends_l2tp(HELLO, now=now)
        assert self.moves(guarded) == [PeerMoved(guarded.id, self.ELSEWHERE)] * 2
        guarded.path = self.BEYOND
        guarded.sends_l2tp(HELLO, now=2.6)
        assert self.moves(guarded) == [PeerMoved(guarded.id, self.BEYOND)]

    def test_old_and_false_packets_move_nobody(self, guarded: Guarded) -> None:
        late = guarded.seal(udp(1701, 1701, HELLO))
        seen = guarded.seal(udp(1701, 1701, HELLO))
        guarded.arrives(seen)
        false = bytearray(guarded.seal(udp(1701, 1701, HELLO)))
        false[-1] ^= 1
        guarded.path = self.ELSEWHERE
        for packet in (late, seen, bytes(false)):
            guarded.arrives(packet)
        assert self.moves(guarded) == []
        assert guarded.counters.received_packets == 2

    def test_the_old_sa_moves_nobody_once_the_new_one_was_heard(self, guarded: Guarded) -> None:
        guarded.pair(2)
        late = guarded.seal(udp(1701, 1701, HELLO), number=1)
        guarded.sends_l2tp(HELLO, number=2)
        guarded.path = self.ELSEWHERE
        guarded.arrives(late)
        assert self.moves(guarded) == []
        guarded.sends_l2tp(HELLO, number=2)
        assert self.moves(guarded) == [PeerMoved(guarded.id, self.ELSEWHERE)]

    def test_hosts_are_what_counts_without_udp(self, plane: PurePlane) -> None:
        peer = Guarded(plane, raw())
        peer.pair()
        elsewhere = Path(RAW_SERVER, Address("198.18.7.7", 0))
        peer.path = Path(RAW_SERVER._replace(port=500), peer.path.remote._replace(port=500))
        peer.sends_l2tp(HELLO)
        assert self.moves(peer) == []
        peer.path = elsewhere
        peer.sends_l2tp(HELLO)
        assert self.moves(peer) == [PeerMoved(peer.id, elsewhere)]

    def test_a_packet_the_other_way_is_taken_and_moves_nobody(self, guarded: Guarded) -> None:
        """RFC 7296 2.23: a peer may send with or without UDP encapsulation."""
        packet = guarded.seal(udp(1701, 1701, HELLO))
        guarded.plane.from_raw(50, Path(RAW_SERVER, Address("198.18.7.7", 0)), packet, 1.0)
        events = guarded.plane.drain()
        assert PuntL2tp(guarded.l2tp_path(), HELLO) in events
        assert not [each for each in events if isinstance(each, PeerMoved)]


class TestKeepalives:
    def test_silence_is_broken(self, plane: PurePlane) -> None:
        peer = Guarded(plane, spec(keepalive=20.0))
        peer.pair()
        assert plane.next_timeout() == 20.0
        plane.handle_timeout(20.0)
        assert plane.take_network() == [(peer.path, b"\xff")]
        plane.send_l2tp(peer.l2tp_path(), HELLO, 35.0)
        plane.take_network()
        plane.handle_timeout(40.0)
        assert plane.take_network() == []
        assert plane.next_timeout() == 55.0
        elsewhere = Path(SERVER, Address("198.18.7.7", 1))
        plane.association_move(peer.id, elsewhere)
        plane.handle_timeout(55.0)
        assert plane.take_network() == [(elsewhere, b"\xff")]
        assert peer.counters.sent_packets == 1
        plane.association_remove(peer.id)
        assert plane.next_timeout() is None

    def test_there_are_none_without_udp(self, plane: PurePlane) -> None:
        Guarded(plane, raw()).pair(2)
        assert plane.next_timeout() is None


def test_any_octets_to_every_port(guarded: Guarded) -> None:
    """Nothing raises, and nothing is sent, whatever comes."""
    plane = guarded.plane
    whole = guarded.seal(udp(1701, 1701, HELLO))
    for packet in (whole, sa(1001).spi.to_bytes(4, "big") + bytes(200)):
        for length in range(len(packet)):
            for path in (guarded.path, Path(RAW_SERVER, Address("fe80::1%2", 0))):
                plane.from_natt(path, packet[:length], 1.0)
                plane.from_ike(path, packet[:length], 1.0)
                plane.from_raw(50, path, packet[:length], 1.0)
                plane.from_raw(51, path, packet[:length], 1.0)
    assert drained(plane, PuntL2tp) == []
    assert plane.take_network() == []
    assert guarded.counters.received_packets == 0
