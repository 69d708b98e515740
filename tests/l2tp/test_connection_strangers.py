"""Peers that have not proved where they are: next to no state, one small answer, no timer."""

import random
import tracemalloc

import pytest

from l2tp.ends import LAC, LNS, START, TO_LAC, TO_LNS, Raw, endpoint, leftovers, names
from talpa.l2tp.events import Result
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.l2tp.v2.header import pack_control, parse_control
from talpa.l2tp.v2.messages import (
    Hello,
    Iccn,
    Icrq,
    Scccn,
    Sccrp,
    Sccrq,
    StopCcn,
    encode,
    parse,
)
from talpa.l2tp.values import ProtocolVersion
from talpa.sansio import Address, Path


def garbage(count: int, seed: int) -> list[bytes]:
    """Datagrams that are no SCCRQ: noise, ZLBs, other versions, other messages, broken SCCRQs."""
    rng = random.Random(seed)
    sccrq = encode(Sccrq(framing_capabilities=3, host_name="x", assigned_tunnel_id=9))
    bodies = [b"", encode(Hello()), encode(Scccn()), sccrq[:-9], sccrq[8:], b"\x80"]
    bodies.append(encode(Icrq(assigned_session_id=1, call_serial_number=1)))
    made = []
    for i in range(count):
        kind = i % 4
        if kind == 0:
            made.append(b"\xc8" + rng.randbytes(rng.randrange(60)))
        elif kind == 1:
            tunnel_id = rng.choice((0, rng.getrandbits(16)))
            made.append(pack_control(tunnel_id, 0, rng.getrandbits(16), rng.getrandbits(16), b""))
        elif kind == 2:
            body = rng.choice(bodies)
            made.append(pack_control(rng.choice((0, 1, 2)), rng.choice((0, 5)), 0, 0, body))
        else:
            flags = rng.choice((b"\xc8\x01", b"\xc8\x03", b"\x88\x02", b"\xc0\x02", b"\xca\x02"))
            made.append(flags + rng.randbytes(rng.choice((0, 5, 10, 40))))
    return made


def test_garbage_leaves_no_state_and_gets_no_answer() -> None:
    core = endpoint()
    datagrams = garbage(2_000, 1)
    for data in datagrams:
        core.receive(TO_LAC, data, START)
    core.transmits()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for turn in range(50):
        for data in datagrams:
            core.receive(TO_LAC, data, START + turn)
        assert core.transmits() == []
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert leftovers(core) == {}
    assert core.events() == []
    assert core.next_timeout() is None
    assert core.drops.total() == 51 * len(datagrams)
    assert len(list(core.drops)) < 30
    assert after - before < 20_000


def answers_to(core: Endpoint, path: Path, data: bytes, now: float = START) -> list[bytes]:
    core.receive(path, data, now)
    answers = core.transmits()
    assert all(to == path for to, _ in answers)
    assert len(answers) <= 1
    for _, answer in answers:
        assert len(answer) <= 3 * len(data)
    return [answer for _, answer in answers]


@pytest.mark.parametrize("host_name", ["vpn", "a-rather-long-host-name.example.com", "h" * 300])
@pytest.mark.parametrize("secret", [None, "s"])
@pytest.mark.parametrize("theirs", ["", "x", "anonymous", "a" * 200])
def test_one_answer_at_most_three_times_as_large(
    host_name: str, secret: str | None, theirs: str
) -> None:
    for version, challenge in ((1, None), (1, b"c" * 16), (2, None)):
        core = endpoint(1, host_name, secret)
        message = Sccrq(
            protocol_version=ProtocolVersion(version, 0),
            framing_capabilities=3,
            host_name=theirs,
            assigned_tunnel_id=9,
            challenge=challenge,
        )
        data = pack_control(0, 0, 0, 0, encode(message))
        (answer,) = answers_to(core, TO_LAC, data)
        found = parse(parse_control(answer)[1])
        assert not found.faults
        if isinstance(found, Sccrp):
            assert host_name.startswith(found.host_name)
            assert found.host_name
            assert (found.challenge is not None) == (secret is not None)
            # Sent again, and no further: without a message from the peer there is no timer.
            assert answers_to(core, TO_LAC, data) == [answer]
        else:
            assert isinstance(found, StopCcn)
            assert leftovers(core) == {}


def test_an_sccrq_without_anything_gets_no_more_than_it_gave() -> None:
    core = endpoint()
    data = pack_control(0, 0, 0, 0, bytes.fromhex("8008 0000 0000 0001"))
    assert answers_to(core, TO_LAC, data) == []
    data = pack_control(0, 0, 0, 0, bytes.fromhex("8008 0000 0000 0001 8008 0000 0009 0001"))
    (answer,) = answers_to(core, TO_LAC, data)
    assert isinstance(parse(parse_control(answer)[1]), StopCcn)
    assert leftovers(core) == {}


def test_nothing_is_sent_on_a_timer_to_a_stranger() -> None:
    raw = Raw(endpoint(retransmit_first=0.1))
    raw.send(raw.sccrq())
    assert raw.wait(29) == []
    assert len(raw.endpoint._reception) == 1
    assert raw.wait(2) == []
    assert leftovers(raw.endpoint) == {}
    assert raw.endpoint.events() == []
    assert raw.endpoint.drops["half-open control connection was never completed"] == 1


def test_a_guess_at_a_tunnel_id_proves_nothing() -> None:
    """The id alone, from elsewhere or without the right Nr, makes no control connection."""
    raw = Raw(endpoint())
    raw.send(raw.sccrq())
    elsewhere = Path(LNS, Address("203.0.113.5", 1701))
    assert raw.send(Scccn(), path=elsewhere, ns=1) == []
    raw.nr = 0
    assert raw.send(Scccn(), ns=1) == []
    assert len(raw.endpoint._reception) == 1
    raw.nr = 1
    assert names(raw.send(Scccn(), ns=1)) == ["ZLB"]


def flood(core: Endpoint, count: int, hosts: int) -> None:
    for i in range(count):
        path = Path(LNS, Address(f"203.0.113.{i % hosts}", 1024 + i))
        message = Sccrq(framing_capabilities=3, host_name="x", assigned_tunnel_id=i + 1)
        core.receive(path, pack_control(0, 0, 0, 0, encode(message)), START + i / 1000)
        core.transmits()


def test_a_flood_of_requests_is_bounded_and_leaves_room_at_random() -> None:
    core = endpoint(embryonic_limit=50, embryonic_per_address=1000)
    flood(core, 500, hosts=100)
    assert len(core._reception) == 50
    assert core.drops["half-open control connection made room for another"] == 450
    # Not the oldest goes: who is quick enough has a chance however fast the flood comes.
    kept = sorted(stranger.peer.tunnel_id for stranger in core._reception._by_id.values())
    assert kept[0] < 450 < kept[-1]
    core.handle_timeout(START + 60)
    assert leftovers(core) == {}


def test_one_address_holds_so_many_half_open_and_no_more() -> None:
    core = endpoint(embryonic_per_address=10)
    flood(core, 100, hosts=2)
    assert len(core._reception) == 20
    flood(core, 5, hosts=200)
    assert len(core._reception) == 23


def test_an_address_holds_so_many_connections_and_no_more() -> None:
    core = endpoint(tunnels_per_address=3)
    for tunnel_id in range(1, 4):
        Raw(core, tunnel_id=tunnel_id).up()
    late = Raw(core, tunnel_id=4)
    (stop,) = late.send(late.sccrq())
    assert isinstance(stop, StopCcn)
    assert (stop.result_code.code, stop.result_code.error) == (2, 4)
    other = Raw(core, Path(LNS, Address("198.18.0.77", 1701)), 4)
    other.up()
    core.close(core.tunnels()[0], late_result(), START)
    core.transmits()
    late = Raw(core, tunnel_id=5)
    late.up()


def late_result() -> Result:
    return Result(1)


def test_ids_are_drawn_from_the_random_source_and_do_not_come_back_while_they_rest() -> None:
    core = endpoint()
    seen = set()
    for i in range(2000):
        raw = Raw(core, Path(LNS, Address(LAC.host, 2000 + i)), 1 + i).up()
        assert raw.their_tunnel_id not in seen
        seen.add(raw.their_tunnel_id)
        raw.endpoint.close(raw.their_tunnel_id, late_result(), START)
        core.transmits()
    assert 0 not in seen
    assert max(seen) > 60_000
    assert min(seen) < 5_000


def test_the_ids_of_calls_rest_too() -> None:
    raw = Raw(endpoint()).up()
    seen = set()
    for _ in range(1000):
        session_id = raw.endpoint.place_call(raw.their_tunnel_id, raw.now)
        assert session_id not in seen
        seen.add(session_id)
        raw.endpoint.close_call(raw.their_tunnel_id, session_id, late_result(), raw.now)
        raw.endpoint.events()


def test_a_half_open_connection_is_lean() -> None:
    core = endpoint(embryonic_per_address=10_000)
    flood(core, 100, hosts=1)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    flood(core, 1000, hosts=250)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(core._reception) >= 1000
    assert (after - before) / 1000 < 1600


def test_an_established_tunnel_with_a_call_is_lean() -> None:
    core = endpoint()
    paths = [Path(LNS, Address(f"198.18.1.{i % 250}", 3000 + i)) for i in range(600)]
    peers = [Raw(core, path, i + 1) for i, path in enumerate(paths)]
    iccn = encode(Iccn(tx_connect_speed=1, framing_type=1))

    def connect(raw: Raw) -> None:
        raw.up()
        raw.send(Icrq(assigned_session_id=1, call_serial_number=1))
        session_id = next(reversed(core._calls._sessions)) & 0xFFFF
        core.accept_call(raw.their_tunnel_id, session_id, raw.now)
        core.events()
        raw.read()
        raw.send(iccn, session_id)
        core.events()
        raw.answers.clear()

    for raw in peers[:100]:
        connect(raw)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for raw in peers[100:]:
        connect(raw)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(core._calls) == 600
    assert (after - before) / 500 < 3 * 1024


def test_the_initiator_does_retransmit() -> None:
    raw = Raw(endpoint(), TO_LNS)
    raw.endpoint.open(TO_LNS, raw.now)
    raw.read()
    assert names(raw.wait(7.5)) == ["SCCRQ"] * 3
