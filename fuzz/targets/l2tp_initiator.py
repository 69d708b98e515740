"""An L2TP endpoint that calls: the client's side of the control connection."""

from collections.abc import Iterator

from fuzz.hostile import Hostile, message_octets
from fuzz.octets import Octets
from l2tp.ends import LAC, START, TO_LNS, Host, endpoint, leftovers
from talpa.l2tp.v2.messages import Cdn, Hello, Icrp, Icrq, Message, Sccrp, Sccrq, StopCcn
from talpa.l2tp.values import ResultCode
from talpa.sansio import Address, Path

_MOST_STEPS = 24
_SECRET = "tunnel secret"
_PATHS = (TO_LNS, TO_LNS, Path(LAC, Address("198.18.0.9", 4444)))


def check(data: bytes) -> None:
    """Answers with any body to our SCCRQ and our call: nothing is raised, no answer is larger than
    a window, and when the peer falls silent all comes to an end and nothing is kept."""
    octets = Octets(data)
    which = octets.number()
    host = Host(endpoint(1, "here", _SECRET if which & 1 else None, tie_breaker=which & 2 > 0), LAC)
    tunnel_id = host.endpoint.open(TO_LNS, START)
    host.endpoint.place_call(tunnel_id, START)
    hostile = Hostile(host, octets)
    for _ in range(_MOST_STEPS):
        if not octets:
            break
        if octets.number() % 8 == 7:
            hostile.wait(octets.number())
            continue
        path = octets.pick(_PATHS)
        assert len(hostile.send(path, hostile.datagram(path))) <= 17
    hostile.fall_silent()
    assert not leftovers(host.endpoint), leftovers(host.endpoint)


def seeds() -> Iterator[bytes]:
    """Servers that accept, refuse, cross and hang up."""
    sccrp = Sccrp(framing_capabilities=3, host_name="server", assigned_tunnel_id=88)
    icrp = Icrp(assigned_session_id=9)
    bye = StopCcn(assigned_tunnel_id=88, result_code=ResultCode(6))
    cdn = Cdn(result_code=ResultCode(3), assigned_session_id=9)
    crossing = Sccrq(
        framing_capabilities=3, host_name="x", assigned_tunnel_id=5, tie_breaker=bytes(8)
    )
    for told in (
        ((1, sccrp), (2, icrp)),
        ((1, sccrp), (2, icrp), (2, cdn), (1, Hello())),
        ((1, sccrp), (1, Icrq(assigned_session_id=4, call_serial_number=2))),
        ((1, bye),),
        ((0, crossing), (1, sccrp)),
    ):
        messages: tuple[tuple[int, Message], ...] = told
        for first in (b"\0", b"\1", b"\2"):
            yield first + b"".join(b"\0\0" + message_octets(*one) for one in messages)
