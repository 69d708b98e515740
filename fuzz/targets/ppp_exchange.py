"""Two PPP links that negotiate, with somebody in between who changes what they say."""

from collections.abc import Iterator
from dataclasses import replace

from fuzz.middle import Middle, edit
from fuzz.octets import Octets
from fuzz.shapes import repaired_packet, split_packet
from ppp.link_peers import CLIENT, SERVER, Owner, client, server
from talpa.ppp.events import LinkClosed

_MOST_ROUNDS = 400
_METHODS = (("mschapv2",), ("mschap",), ("chap",), ("pap",), ())


def check(data: bytes) -> None:
    """Whatever is changed on the way: neither end raises anything, the two come to rest or one ends
    the link, and each says at most once that the link has ended."""
    octets = Octets(data)
    methods = octets.pick(_METHODS)
    ends = (
        client(replace(CLIENT, accept=methods)),
        server(replace(SERVER, authenticate=methods, accept=methods)),
    )
    middle = Middle(octets, repaired_packet, split_packet)
    now = 1000.0
    for owner in ends:
        owner.link.lower_up(now)
        owner.heed(now)
    for _ in range(3):
        _exchange(ends, middle, now)
        due = [when for owner in ends if (when := owner.next_timeout()) is not None]
        if not due:
            break
        now = max(now, min(due))
        for owner in ends:
            owner.handle_timeout(now)
    ends[0].link.close(now, "over")
    ends[0].heed(now)
    _exchange(ends, middle, now)
    for owner in ends:
        owner.link.lower_down(now)
        owner.heed(now)
        assert len(owner.found(LinkClosed)) == 1
        assert owner.next_timeout() is None


def _exchange(ends: tuple[Owner, Owner], middle: Middle, now: float) -> None:
    for _ in range(_MOST_ROUNDS):
        carried = 0
        for owner, other in (ends, ends[::-1]):
            for protocol, payload in owner.transmits():
                carried += 1
                for arriving in middle.carry(payload):
                    other.receive((protocol, arriving), now)
        if not carried:
            return
    raise AssertionError("they never come to rest")


def seeds() -> Iterator[bytes]:
    """The exchange as it is, and with one change in each packet."""
    for method in range(len(_METHODS)):
        yield bytes((method,))
    for message in range(16):
        yield b"\0" + edit(message, 0, 0, 3, repair=False)
        yield b"\0" + edit(message, 11, 0)
        yield b"\2" + edit(message, 6, 0, 3, repair=False)
        yield b"\0" + edit(message, 15, 0, 0, b"\x03\x04\xc0\x23")
        yield b"\3" + edit(message, 2, 6, 0, b"\xff")
