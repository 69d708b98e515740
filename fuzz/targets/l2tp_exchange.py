"""Two endpoints that set up calls, with somebody in between who changes what they say."""

from collections.abc import Iterator

from fuzz.middle import Middle, edit
from fuzz.octets import Octets
from fuzz.shapes import repaired_datagram, split_datagram
from l2tp.ends import LAC, LNS, START, TO_LNS, Datagram, Host, endpoint, leftovers
from talpa.l2tp.events import Result
from talpa.sansio import Path

_SECRET = "tunnel secret"
_MOST_ROUNDS = 60


def check(data: bytes) -> None:
    """Whatever is changed on the way: neither end raises anything, the exchange ends, and when both
    have hung up and rested nothing is kept."""
    octets = Octets(data)
    which = octets.number()
    secret = _SECRET if which & 1 else None
    ends = (
        Host(endpoint(1, "lac", secret, tie_breaker=which & 2 > 0), LAC),
        Host(endpoint(2, "lns", secret), LNS),
    )
    middle = Middle(octets, repaired_datagram, split_datagram)
    lac = ends[0].endpoint
    tunnel_id = lac.open(TO_LNS, START)
    session_id = lac.place_call(tunnel_id, START, calling_number="555", called_number="1")
    if which & 4:
        lac.request_call(tunnel_id, START)
    _exchange(ends, middle)
    lac.close_call(tunnel_id, session_id, Result(3), ends[0].now)
    _exchange(ends, middle)
    lac.close(tunnel_id, Result(1), ends[0].now)
    _exchange(ends, middle)
    for end in ends:
        _rest(end)


def _exchange(ends: tuple[Host, Host], middle: Middle) -> None:
    """Carry what is said until nobody says anything."""
    for _ in range(_MOST_ROUNDS):
        carried = 0
        for end, other in (ends, ends[::-1]):
            for path, datagram in end.transmits():
                carried += 1
                _deliver(other, path, middle.carry(datagram))
        if not carried:
            return
    raise AssertionError("they never come to rest")


def _deliver(host: Host, path: Path, datagrams: list[bytes]) -> None:
    for datagram in datagrams:
        # Anything else is the data plane's.
        if datagram and datagram[0] >= 0x80:
            received: Datagram = (path, datagram)
            host.receive(received, host.now)


def _rest(host: Host) -> None:
    for _ in range(3000):
        when = host.next_timeout()
        if when is None:
            break
        host.handle_timeout(max(when, host.now))
        host.transmits()
    assert not leftovers(host.endpoint), leftovers(host.endpoint)


def seeds() -> Iterator[bytes]:
    """The exchange as it is, and with one change in each message."""
    for which in range(8):
        yield bytes((which,))
    for message in range(10):
        yield b"\1" + edit(message, 14, 2, 1, b"\x0a")
        yield b"\0" + edit(message, 11, 1)
        yield b"\0" + edit(message, 6, 1, repair=False)
        yield b"\0" + edit(message, 12, 2, 1)
        yield b"\1" + edit(message, 15, 3, 0, bytes.fromhex("800a00000063abcdabcd"))
