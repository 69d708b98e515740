"""Sequence numbers on the data channel (RFC 2661 5.4)."""

from hypothesis import given
from hypothesis import strategies as st

from dataplane import build
from dataplane.conformance import IMPLEMENTATIONS, Peer, PurePlane, connect
from talpa.dataplane.interface import PuntPpp


def body(number: int) -> bytes:
    return build.ppp(0xC021, number.to_bytes(4, "big"))


def send(peer: Peer, *numbers: int, now: float = 1.0) -> None:
    """Messages whose Ns is the number modulo 2**16."""
    for number in numbers:
        peer.sends(body(number), now, number & 0xFFFF)


def got(peer: Peer) -> list[int]:
    numbers = []
    for event in peer.plane.drain():
        assert isinstance(event, PuntPpp)
        numbers.append(int.from_bytes(event.payload, "big"))
    return numbers


def sent_numbers(peer: Peer, count: int = 1) -> list[int | None]:
    for _ in range(count):
        peer.plane.send_ppp(peer.session, 0xC021, b"", 1.0)
    return [build.take_apart(datagram).number for _, datagram in peer.plane.take_network()]


class TestSending:
    def test_numbers_begin_at_zero_and_cover_all_frames(self, plane: PurePlane) -> None:
        peer = connect(plane, send_sequence=True)
        plane.send_ppp(peer.session, 0xC021, b"", 1.0)
        plane.from_tun(build.ipv4("203.0.113.9", peer.ipv4, 17), 1.0)
        plane.send_ip(peer.session, build.ipv4("203.0.113.9", peer.ipv4, 17), 1.0)
        numbers = [build.take_apart(datagram).number for _, datagram in plane.take_network()]
        assert numbers == [0, 1, 2]

    def test_numbers_wrap(self, plane: PurePlane) -> None:
        peer = connect(plane, send_sequence=True)
        assert sent_numbers(peer, 65538)[-3:] == [65535, 0, 1]

    def test_without_them_there_are_none(self, plane: PurePlane, peer: Peer) -> None:
        send(peer, 0, 1)
        assert sent_numbers(peer) == [None]

    def test_a_lac_numbers_as_long_as_the_lns_does(self, plane: PurePlane) -> None:
        peer = connect(plane, follow_sequence=True)
        assert sent_numbers(peer) == [None]
        send(peer, 0)
        assert sent_numbers(peer, 2) == [0, 1]
        peer.sends(body(0))
        assert sent_numbers(peer) == [None]
        send(peer, 1)
        assert sent_numbers(peer) == [2]

    def test_demanded_numbers_must_be_there(self, plane: PurePlane) -> None:
        peer = connect(plane, require_sequence=True, send_sequence=True)
        peer.sends(body(0))
        assert got(peer) == []
        assert plane.drops["data message without a sequence number"] == 1
        assert peer.counters.last_received == 0.0
        send(peer, 0)
        assert got(peer) == [0]


class TestReceiving:
    def test_what_is_in_order_passes_at_once(self, plane: PurePlane, peer: Peer) -> None:
        send(peer, 0, 1, 2)
        assert got(peer) == [0, 1, 2]
        assert plane.next_timeout() is None

    def test_a_gap_is_waited_for(self, plane: PurePlane, peer: Peer) -> None:
        send(peer, 0, 2, 3, now=1.0)
        assert got(peer) == [0]
        assert plane.next_timeout() == 1.1
        send(peer, 1, now=1.05)
        assert got(peer) == [1, 2, 3]
        assert plane.next_timeout() is None
        assert plane.drops.total() == 0

    def test_a_gap_is_given_up_in_time(self, plane: PurePlane, peer: Peer) -> None:
        send(peer, 0, 2, 3, now=1.0)
        send(peer, 6, now=1.05)
        plane.handle_timeout(1.1)
        assert got(peer) == [0, 2, 3]
        assert plane.next_timeout() == 1.05 + 0.1
        send(peer, 1, now=1.12)
        assert plane.drops["late data message"] == peer.counters.dropped == 1
        plane.handle_timeout(1.16)
        assert got(peer) == [6]

    def test_what_was_passed_over_is_let_go_with_it(self, plane: PurePlane, peer: Peer) -> None:
        send(peer, 5, now=1.0)
        send(peer, 2, now=1.09)
        plane.handle_timeout(1.1)
        assert got(peer) == [2, 5]

    def test_without_waiting_only_late_ones_are_dropped(self, plane: PurePlane) -> None:
        peer = connect(plane, reorder_seconds=0.0)
        send(peer, 0, 3, 1, 4, 4)
        assert got(peer) == [0, 3, 4]
        assert plane.drops["late data message"] == 2

    def test_a_message_comes_once(self, plane: PurePlane, peer: Peer) -> None:
        send(peer, 0, 0, 2, 2, 1, 1)
        assert got(peer) == [0, 1, 2]
        assert dict(plane.drops) == {"late data message": 2, "data message twice": 1}

    def test_only_so_many_are_held(self, plane: PurePlane, peer: Peer) -> None:
        send(peer, *range(1, 33))
        assert got(peer) == []
        send(peer, 33)
        assert got(peer) == list(range(1, 34))

    def test_numbers_wrap(self, plane: PurePlane, peer: Peer) -> None:
        at = 0
        while at < 65530:
            at += 30000
            send(peer, min(at, 65530))
            plane.handle_timeout(1.1)
        got(peer)
        send(peer, 65533, 65531, 65532, 65536, 65535, 65534, 65537)
        assert got(peer) == list(range(65531, 65538))
        assert plane.drops.total() == 0

    def test_a_peer_that_counts_anew_is_followed(self, plane: PurePlane, peer: Peer) -> None:
        send(peer, *range(100))
        got(peer)
        send(peer, *range(8))
        assert got(peer) == [4, 5, 6, 7]
        assert plane.drops["late data message"] == 4

    def test_stray_late_messages_do_not_turn_the_clock_back(
        self, plane: PurePlane, peer: Peer
    ) -> None:
        send(peer, *range(100))
        for number in range(10):
            send(peer, number, 100 + number)
        got(peer)
        send(peer, 110)
        assert got(peer) == [110]

    def test_unnumbered_messages_pass_in_between(self, plane: PurePlane, peer: Peer) -> None:
        send(peer, 0, 2)
        peer.sends(body(77))
        assert got(peer) == [0, 77]

    def test_a_removed_session_waits_for_nothing(self, plane: PurePlane, peer: Peer) -> None:
        send(peer, 5)
        plane.session_remove(peer.session)
        assert plane.next_timeout() is None
        plane.handle_timeout(9.0)
        assert plane.drain() == []


class Model:
    """The rule in the fewest words: in order, once, and no message waits longer than it may."""

    def __init__(self) -> None:
        self.expected = 0
        self.held: dict[int, float] = {}
        self.out: list[int] = []

    def release(self, last: int) -> None:
        ready = sorted(n for n in self.held if n <= last)
        while ready or self.expected in self.held:
            number = ready.pop(0) if ready else self.expected
            del self.held[number]
            self.out.append(number)
            self.expected = number + 1

    def receive(self, number: int, now: float) -> None:
        if number < self.expected or number in self.held:
            return
        self.held[number] = now
        if number == self.expected:
            self.release(number)
        elif len(self.held) > 32:
            self.release(min(self.held))

    def time(self, now: float) -> None:
        over = [n for n, since in self.held.items() if since + 0.1 <= now]
        if over:
            self.release(max(over))


@given(
    st.lists(st.tuples(st.integers(-6, 40), st.sampled_from([0.0, 0.01, 0.03, 0.11])), max_size=80)
)
def test_order_under_loss_duplication_and_delay_is_that_of_the_model(
    arrivals: list[tuple[int, float]],
) -> None:
    for make in IMPLEMENTATIONS.values():
        peer = connect(make(True))
        model, now, received, latest = Model(), 1.0, [], [-9, 0]
        for step, (ahead, passed) in enumerate(arrivals):
            now += passed
            number = max(0, step + ahead)
            if number < model.expected:
                # A run of late ones is a restart, which the model does not know.
                latest = [number, latest[1] + 1 if number == latest[0] + 1 else 1]
                if latest[1] > 3:
                    continue
            else:
                latest = [-9, 0]
            peer.plane.handle_timeout(now)
            model.time(now)
            send(peer, number, now=now)
            model.receive(number, now)
            received += got(peer)
            assert received == model.out
        peer.plane.handle_timeout(now + 0.2)
        model.time(now + 0.2)
        received += got(peer)
        assert received == model.out == sorted(set(model.out))
        assert peer.plane.next_timeout() is None
        assert peer.counters.dropped == peer.plane.drops.total()
