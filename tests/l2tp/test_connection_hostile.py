"""A proven peer that sends whatever it likes, and an owner that does too: no exception comes out of
an endpoint, its tables stay whole, and in the end nothing is left."""

import random

import pytest

from l2tp.ends import CLEARED, TO_LNS, Raw, endpoint, leftovers
from l2tp.test_connection_tables import INPUTS
from talpa.l2tp.events import CallDown, CallOffered, CallRequested, CallUp
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.l2tp.v2.fsm import State
from talpa.l2tp.v2.header import pack_control
from talpa.l2tp.values import CallErrors


def command(core: Endpoint, rng: random.Random, known: list[tuple[int, int]], now: float) -> None:
    tunnels = core.tunnels()
    tunnel_id, session_id = rng.choice(known) if known else (1, 1)
    match rng.randrange(12):
        case 0:
            core.accept_call(tunnel_id, session_id, now)
        case 1:
            core.connect_call(tunnel_id, session_id, now, tx_connect_speed=1)
        case 2:
            core.close_call(tunnel_id, session_id, CLEARED, now, cause=rng.randrange(30))
        case 3:
            core.set_link_info(tunnel_id, session_id, 1, 2, now)
        case 4:
            core.notify_errors(tunnel_id, session_id, CallErrors(1, 2, 3, 4, 5, 6), now)
        case 5 | 6 if tunnels:
            tunnel_id = rng.choice(tunnels)
            known.append((tunnel_id, core.place_call(tunnel_id, now, called_number="1")))
        case 7 | 8 if tunnels:
            tunnel_id = rng.choice(tunnels)
            known.append((tunnel_id, core.request_call(tunnel_id, now)))
        case 9 if rng.random() < 0.1:
            core.close(tunnel_id, CLEARED, now)
        case 10 if rng.random() < 0.3:
            core.open(TO_LNS, now)
        case _:
            pass


def mangled(body: bytes, rng: random.Random) -> bytes:
    octets = bytearray(body)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(octets))
        if rng.random() < 0.5:
            octets[at] = rng.randrange(256)
        else:
            del octets[at:]
            break
    return bytes(octets)


def check_whole(core: Endpoint) -> None:
    counted = 0
    for tunnel_id, connection in core._shared.connections.items():
        assert connection.tunnel_id == tunnel_id
        counted += connection.session_count
        assert connection.state is not State.IDLE or not connection.session_count
    assert counted == len(core._calls)


@pytest.mark.parametrize("block", range(6))
def test_any_message_and_any_command_in_any_order(block: int) -> None:
    for seed in range(block * 12, block * 12 + 12):
        rng = random.Random(seed)
        core = endpoint(seed, secret=rng.choice((None, None, "s")))
        raws = [Raw(core, tunnel_id=i + 1) for i in range(3)]
        for raw in raws:
            raw.send(raw.sccrq())
        known: list[tuple[int, int]] = []
        now = raws[0].now
        offered = down = 0
        for _ in range(120):
            raw = rng.choice(raws)
            now += rng.choice((0.0, 0.01, 1.0))
            raw.now = now
            core.handle_timeout(now)
            if rng.random() < 0.6:
                body = rng.choice(INPUTS)
                if rng.random() < 0.2:
                    body = mangled(body, rng)
                session_id = rng.choice((0, 5, rng.choice(known)[1] if known else 0))
                raw.nr = max(1, raw.nr)
                raw.send(body, session_id)
            else:
                command(core, rng, known, now)
            if rng.random() < 0.3:
                noise = pack_control(
                    rng.choice((0, raw.their_tunnel_id)),
                    rng.choice((0, 5)),
                    rng.choice((raw.ns, rng.getrandbits(16))),
                    rng.choice((raw.nr, rng.getrandbits(16))),
                    rng.choice(INPUTS),
                )
                core.receive(raw.path, noise, now)
            for event in core.events():
                if isinstance(event, CallOffered | CallRequested):
                    offered += 1
                    known.append((event.tunnel_id, event.session_id))
                down += isinstance(event, CallDown)
                assert not isinstance(event, CallUp) or (event.tunnel_id, event.session_id) in known
            check_whole(core)
        raws[0].now = now
        core.close_all(CLEARED, now)
        raws[0].wait(200)
        assert leftovers(core) == {}, f"seed {seed}"
