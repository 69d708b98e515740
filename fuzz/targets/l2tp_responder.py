"""An L2TP endpoint that is called: the server's side of the control connection."""

from collections.abc import Iterator, Sequence

from fuzz.hostile import Hostile, message_octets
from fuzz.octets import Octets
from l2tp.ends import LNS, Host, endpoint, leftovers
from talpa.l2tp.v2.messages import Iccn, Icrq, Message, Scccn, Sccrq, StopCcn
from talpa.l2tp.values import ResultCode
from talpa.sansio import Address, Path

_MOST_STEPS = 24
_SECRET = "tunnel secret"
_PATHS = tuple(Path(LNS, Address(f"198.18.0.{last}", 1701)) for last in (2, 2, 2, 3))


def check(data: bytes) -> None:
    """Datagrams with any body, most with a valid header: nothing is raised. Whoever has not yet
    shown that it is at its address gets one answer to a datagram, of at most three times its size,
    and no other; nobody gets more than a window. When the peer falls silent, all comes to an end
    and nothing is kept."""
    octets = Octets(data)
    secret = _SECRET if octets.number() % 2 else None
    host = Host(endpoint(2, "here", secret), LNS)
    hostile = Hostile(host, octets)
    proven: set[Path] = set()
    for _ in range(_MOST_STEPS):
        if not octets:
            break
        if octets.number() % 8 == 7:
            answers = hostile.wait(octets.number())
            assert all(path in proven for path, _ in answers), "sent unasked"
            continue
        path = octets.pick(_PATHS)
        datagram = hostile.datagram(path)
        answers = hostile.send(path, datagram)
        proven |= {one.path for one in host.endpoint._shared.connections.values()}
        for to, answer in answers:
            if to not in proven:
                assert to == path
                assert len(answer) <= 3 * len(datagram), (len(answer), len(datagram))
        assert len(answers) <= (1 if path not in proven else 17), len(answers)
    hostile.fall_silent()
    assert not leftovers(host.endpoint), leftovers(host.endpoint)


def seeds() -> Iterator[bytes]:
    """Calls, with and without a secret."""
    sccrq = Sccrq(framing_capabilities=3, host_name="peer", assigned_tunnel_id=77)
    whole: Sequence[tuple[int, Message]] = (
        (0, sccrq),
        (1, Scccn()),
        (1, Icrq(assigned_session_id=9, call_serial_number=1)),
        (2, Iccn(tx_connect_speed=1, framing_type=1)),
        (1, StopCcn(assigned_tunnel_id=77, result_code=ResultCode(1))),
    )
    for secret in (b"\0", b"\1"):
        for count in range(1, len(whole) + 1):
            yield secret + b"".join(
                b"\0\0" + message_octets(where, message) for where, message in whole[:count]
            )
    refused: tuple[tuple[int, Message], ...] = ((0, sccrq), (0, sccrq), *whole[1:3], *whole[2:3])
    yield b"\0" + b"".join(b"\0\0" + message_octets(*one) for one in refused)
