"""Reliable delivery of control messages (RFC 2661 5.8, appendix A), one channel at a time."""

from dataclasses import replace

import pytest

from talpa.l2tp.config import Config, Habits
from talpa.l2tp.control_channel import ControlChannel, Packet
from talpa.sansio import Drops

CONFIG = Config(host_name="here")
NOW = 100.0


def channel(config: Config = CONFIG, window: int = 16) -> ControlChannel:
    made = ControlChannel(config, Drops())
    made.set_peer_window(window)
    return made


def opened(config: Config = CONFIG, window: int = 16) -> ControlChannel:
    """A channel whose congestion window is as wide as the peer's window."""
    made = channel(config, window)
    for i in range(40):
        made.send(0, b"x")
        made.flush(NOW)
        made.receive(0, 0, i + 1, b"", NOW)
    assert made.backlog == 0
    return made


def bodies(packets: list[Packet]) -> list[bytes]:
    return [body for _, _, _, body in packets]


def test_numbers_start_at_zero_and_count_messages_not_acknowledgements() -> None:
    a = channel()
    a.send(0, b"one")
    assert a.flush(NOW) == [(0, 0, 0, b"one")]
    assert a.receive(7, 0, 1, b"two", NOW) == ((7, b"two"),)
    assert a.flush(NOW) == [(0, 1, 1, b"")]
    assert a.flush(NOW) == []
    a.send(9, b"three")
    assert a.flush(NOW) == [(9, 1, 1, b"three")]


def test_an_acknowledgement_rides_on_a_message_of_the_same_turn() -> None:
    a = channel()
    a.receive(0, 0, 0, b"question", NOW)
    a.send(0, b"answer")
    assert a.flush(NOW) == [(0, 0, 1, b"answer")]
    assert a.flush(NOW) == []


def test_a_zlb_is_never_answered() -> None:
    a = channel()
    for ns in (0, 1, 5, 65535):
        assert a.receive(0, ns, 0, b"", NOW) == ()
        assert a.flush(NOW) == []
    assert a.next_timeout() is None


def test_a_delayed_acknowledgement_waits_for_a_message_and_no_longer_than_asked() -> None:
    a = channel(replace(CONFIG, acknowledge_delay=0.2))
    a.receive(0, 0, 0, b"question", NOW)
    assert a.flush(NOW) == []
    assert a.next_timeout() == pytest.approx(NOW + 0.2)
    a.receive(0, 1, 0, b"another", NOW + 0.1)
    assert a.next_timeout() == pytest.approx(NOW + 0.2)
    assert a.flush(NOW + 0.2) == [(0, 0, 2, b"")]


def test_a_duplicate_is_acknowledged_at_once_and_not_delivered() -> None:
    a = channel(replace(CONFIG, acknowledge_delay=0.2))
    a.receive(0, 0, 0, b"m", NOW)
    a.flush(NOW + 1)
    assert a.receive(0, 0, 0, b"m", NOW + 1) == ()
    assert a.flush(NOW + 1) == [(0, 0, 1, b"")]


@pytest.mark.parametrize("last", [15, 0, 65535])
def test_the_half_of_the_numbers_behind_are_duplicates(last: int) -> None:
    """The example of RFC 2661 5.8: after 15, 0 to 15 and 32784 to 65535 are old."""
    expected = (last + 1) & 0xFFFF
    for behind in (0, 1, 32767):
        a = channel()
        a._nr = expected
        assert a.receive(0, (last - behind) & 0xFFFF, 0, b"m", NOW) == ()
        assert a.flush(NOW) == [(0, 0, expected, b"")]
    a = channel()
    a._nr = expected
    assert a.receive(0, (last - 32768) & 0xFFFF, 0, b"m", NOW) == ()
    assert a.flush(NOW) == []


def test_messages_ahead_of_their_turn_are_kept_and_delivered_in_order() -> None:
    a = channel()
    assert a.receive(3, 2, 0, b"c", NOW) == ()
    assert a.receive(2, 1, 0, b"b", NOW) == ()
    assert a.flush(NOW) == [(0, 0, 0, b"")]
    assert list(a.receive(1, 0, 0, b"a", NOW)) == [(1, b"a"), (2, b"b"), (3, b"c")]
    assert a.flush(NOW) == [(0, 0, 3, b"")]
    assert list(a.receive(0, 3, 0, b"d", NOW)) == [(0, b"d")]


def test_no_more_is_kept_than_the_window_we_gave() -> None:
    a = channel(replace(CONFIG, receive_window=4))
    for ns in range(1, 100):
        a.receive(0, ns, 0, b"%d" % ns, NOW)
    assert list(a.receive(0, 0, 0, b"0", NOW)) == [(0, b"%d" % ns) for ns in range(4)]
    assert a._drops["control message beyond the receive window"] == 96


def test_slow_start_doubles_and_congestion_avoidance_adds_one() -> None:
    a = channel(window=8)
    for _ in range(60):
        a.send(0, b"m")
    sizes = []
    ns = 0
    while packets := a.flush(NOW):
        for _ in packets:
            ns += 1
            a.receive(0, 0, ns, b"", NOW)
        sizes.append(len(packets))
    assert sizes[:5] == [1, 2, 4, 8, 8]
    assert max(sizes) == 8


def test_the_retransmission_halves_the_threshold_and_starts_slowly_again() -> None:
    a = opened(window=8)
    for i in range(20):
        a.send(0, b"%d" % i)
    assert len(a.flush(NOW)) == 8
    assert a.handle_timeout(NOW + 1)
    assert bodies(a.flush(NOW + 1)) == [b"0"]
    ns = 41
    widths = []
    for _ in range(8):
        a.receive(0, 0, ns, b"", NOW + 1)
        ns += 1
        a.flush(NOW + 1)
        widths.append(a._window)
    assert widths == [2, 3, 4, 4, 4, 4, 5, 5]


def test_a_window_of_one_is_respected() -> None:
    a = channel(window=1)
    for body in (b"a", b"b", b"c"):
        a.send(0, body)
    assert bodies(a.flush(NOW)) == [b"a"]
    assert a.flush(NOW) == []
    a.receive(0, 0, 1, b"", NOW)
    assert bodies(a.flush(NOW)) == [b"b"]
    a.receive(0, 0, 2, b"", NOW)
    assert bodies(a.flush(NOW)) == [b"c"]


def test_our_own_limit_caps_the_window_of_the_peer() -> None:
    a = opened(replace(CONFIG, send_window=3), window=60000)
    for _ in range(10):
        a.send(0, b"m")
    assert len(a.flush(NOW)) == 3


def test_retransmissions_back_off_with_a_cap_then_give_up() -> None:
    a = channel()
    a.send(0, b"m")
    now, gaps = NOW, []
    a.flush(now)
    while True:
        due = a.next_timeout()
        assert due is not None
        gaps.append(due - now)
        now = due
        if not a.handle_timeout(now):
            break
        assert bodies(a.flush(now)) == [b"m"]
    assert gaps == [1, 2, 4, 8, 8, 8]
    assert sum(gaps) == 31
    assert a.next_timeout() is None


def test_a_fixed_interval_neither_backs_off_nor_ends() -> None:
    a = channel(replace(CONFIG, habits=Habits(fixed_retransmit=2.0)))
    a.send(0, b"m")
    now = NOW
    a.flush(now)
    for _ in range(100):
        assert a.next_timeout() == now + 2
        now += 2
        assert a.handle_timeout(now)
        assert len(a.flush(now)) == 1


def test_a_retransmission_has_the_old_ns_and_the_current_nr() -> None:
    a = channel()
    a.send(0, b"m")
    a.flush(NOW)
    a.receive(0, 0, 0, b"theirs", NOW + 0.5)
    a.flush(NOW + 0.5)
    a.handle_timeout(NOW + 1)
    assert a.flush(NOW + 1) == [(0, 0, 1, b"m")]


def test_an_acknowledgement_after_a_timeout_covers_what_was_sent_before_it() -> None:
    a = opened()
    for body in (b"a", b"b", b"c"):
        a.send(0, body)
    a.flush(NOW)
    a.handle_timeout(NOW + 1)
    a.flush(NOW + 1)
    a.receive(0, 0, 43, b"", NOW + 1)
    assert a.backlog == 0
    assert a.next_timeout() is None


def test_acknowledgements_of_what_was_never_sent_are_ignored() -> None:
    a = channel()
    a.send(0, b"a")
    a.send(0, b"b")
    a.flush(NOW)
    for nr in (2, 3, 40000, 65535):
        a.receive(0, 0, nr, b"", NOW)
        assert a.backlog == 2


def test_starting_over_gives_the_message_its_full_time_again() -> None:
    a = channel()
    a.send(0, b"hello")
    now = NOW
    a.flush(now)
    while a.handle_timeout(now := a.next_timeout() or now):
        a.flush(now)
    a.start_over()
    assert bodies(a.flush(now)) == [b"hello"]
    assert a.next_timeout() == now + 1


def test_both_counters_wrap() -> None:
    a, b = opened(), channel()
    b._nr = 40
    got = []
    for i in range(70_000):
        a.send(5, b"%d" % i)
        for packet in a.flush(NOW):
            got += [body for _, body in b.receive(*packet, NOW)]
        for packet in b.flush(NOW):
            a.receive(*packet, NOW)
    assert got == [b"%d" % i for i in range(70_000)]
    assert a.backlog == 0


def test_the_round_trip_is_taken_from_messages_sent_once() -> None:
    a = channel()
    a.send(0, b"a")
    a.flush(NOW)
    a.receive(0, 0, 1, b"", NOW + 0.25)
    assert a.rtt == pytest.approx(0.25)
    a.send(0, b"b")
    a.flush(NOW + 1)
    a.handle_timeout(NOW + 2)
    a.flush(NOW + 2)
    a.receive(0, 0, 2, b"", NOW + 2)
    assert a.rtt == pytest.approx(0.25)


def test_an_idle_channel_keeps_no_lists() -> None:
    a = channel()
    a.receive(0, 1, 0, b"b", NOW)
    a.receive(0, 0, 0, b"a", NOW)
    a.send(0, b"m")
    a.flush(NOW)
    a.receive(0, 2, 1, b"", NOW)
    assert (a._queue, a._early) == (None, None)
