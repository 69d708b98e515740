"""The reliable control channel, met with any numbers."""

from collections.abc import Iterator

from fuzz.octets import Octets
from talpa.l2tp.config import Config
from talpa.l2tp.control_channel import ControlChannel
from talpa.sansio import Drops

_MOST_STEPS = 300


def check(data: bytes) -> None:
    """Whatever Ns and Nr the peer sends: messages are delivered once each and in order, no more are
    under way than the peer's window, no more are kept than our own, and a message that is never
    acknowledged ends the connection."""
    octets = Octets(data)
    config = Config("here", receive_window=1 + octets.number() % 16)
    channel = ControlChannel(config, Drops())
    channel.set_peer_window(octets.number() % 32)
    now, expected, sent, given_up = 1000.0, 0, 0, False
    for _ in range(_MOST_STEPS):
        if not octets:
            break
        match octets.number() % 7:
            case 0 | 1:
                ns = (expected + octets.number() - 128) & 0xFFFF
                nr = (sent + octets.number() - 128) & 0xFFFF
                body = ns.to_bytes(2, "big") if octets.number() % 4 else b""
                for _, delivered in channel.receive(0, ns, nr, body, now):
                    assert delivered == expected.to_bytes(2, "big"), (delivered, expected)
                    expected = (expected + 1) & 0xFFFF
            case 2:
                channel.receive(0, octets.number(2), octets.number(2), b"", now)
            case 3:
                channel.send(octets.number(), b"message")
                sent = (sent + 1) & 0xFFFF
            case 4:
                now += octets.number() / 8
                given_up = not channel.handle_timeout(now)
            case 5 if octets.number() % 16 == 0:
                channel.drop_unsent()
                sent = (channel._oldest + channel.backlog) & 0xFFFF
            case 6 if octets.number() % 16 == 0:
                channel.abandon()
                sent = channel._oldest
        packets = channel.flush(now)
        assert len(packets) <= max(channel.peer_window, 1)
        for _, ns, nr, _ in packets:
            assert (sent - ns) & 0xFFFF <= channel.backlog
            assert nr == expected
        assert len(channel._early or ()) < config.receive_window
        when = channel.next_timeout()
        assert when is None or when >= now - 100
        if given_up:
            return
    _fall_silent(channel, now)


def _fall_silent(channel: ControlChannel, now: float) -> None:
    for _ in range(2 * 6 + 4):
        when = channel.next_timeout()
        if when is None:
            assert not channel.backlog
            return
        now = max(now, when)
        if not channel.handle_timeout(now):
            return
        channel.flush(now)
    raise AssertionError("a message without an acknowledgement is sent for ever")


def seeds() -> Iterator[bytes]:
    """In order; with gaps; with a peer that acknowledges."""
    yield bytes((3, 4)) + bytes((0, 128, 128, 1)) * 12
    yield bytes((8, 4)) + bytes((0, 130, 128, 1, 0, 129, 128, 1, 0, 128, 128, 1)) * 4
    yield bytes((8, 4)) + bytes((3, 1, 0, 128, 128, 1, 4, 9)) * 8
    yield bytes((15, 16)) + bytes((3, 1)) * 40 + bytes((4, 200)) * 8
