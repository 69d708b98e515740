"""Work for one message does not grow with the number of calls."""

import time

from l2tp.ends import START, Raw, endpoint, leftovers, seeded
from talpa.l2tp.events import CallDown, CallOffered
from talpa.l2tp.v2.identifiers import draw
from talpa.l2tp.v2.messages import Cdn, Icrq, StopCcn
from talpa.l2tp.values import ResultCode

CALLS = 3000


def with_calls() -> Raw:
    raw = Raw(endpoint(retransmit_limit=20)).up()
    for number in range(1, CALLS + 1):
        raw.send(Icrq(assigned_session_id=number, call_serial_number=number))
    offered = [e for e in raw.endpoint.events() if isinstance(e, CallOffered)]
    assert len(offered) == CALLS
    return raw


def test_goodbyes_to_calls_that_are_gone_are_cheap() -> None:
    """As when both ends hang up everything at once, and their CDNs cross."""
    raw = with_calls()
    before = time.process_time()
    for number in range(CALLS):
        raw.send(
            Cdn(result_code=ResultCode(3), assigned_session_id=CALLS + 1 + number), 0xFFFF - number
        )
    # Looking at every call for each of them took more than ten times as long.
    assert time.process_time() - before < 3


def test_an_id_is_drawn_in_bounded_time_however_many_are_taken() -> None:
    rng = seeded(1)
    looked_at: list[int] = []

    def taken(number: int) -> bool:
        looked_at.append(number)
        return True

    assert draw(rng, taken) is None
    assert len(looked_at) < 1100
    # One in a hundred is enough.
    free = frozenset(range(7, 0x10000, 100))
    drawn = [draw(rng, lambda number: number not in free) for _ in range(200)]
    assert None not in drawn
    assert all(number in free for number in drawn)
    assert len(set(drawn)) > 100


def test_a_call_is_found_by_the_id_of_its_peer_until_it_is_gone() -> None:
    raw = with_calls()
    for number in (CALLS, 1, 1):
        raw.send(Cdn(result_code=ResultCode(3), assigned_session_id=number))
    down = [e for e in raw.endpoint.events() if isinstance(e, CallDown)]
    assert len(down) == 2
    raw.send(StopCcn(assigned_tunnel_id=raw.tunnel_id, result_code=ResultCode(1)))
    raw.wait(START)
    assert not leftovers(raw.endpoint)
    assert not raw.endpoint._calls._by_peer_id
