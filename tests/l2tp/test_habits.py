"""Habits of odd peers, where they differ from ours: what the load generator plays."""

import pytest

from l2tp.ends import CLEARED, LAC, LNS, TO_LNS, Raw, Wire, endpoint, leftovers
from talpa.l2tp.avps import HOST_NAME, PROTOCOL_VERSION
from talpa.l2tp.config import Habits
from talpa.l2tp.events import CallDown, CallOffered, CallUp, ControlConnectionDown, Result
from talpa.l2tp.v2.header import parse_control
from talpa.l2tp.v2.messages import Cdn, Sccrq, StopCcn, encode, iter_avps, parse
from talpa.sansio import Address, Path


def numbers(body: bytes) -> list[int]:
    return [seen.raw.number for seen in iter_avps(body) if seen.raw is not None]


def sccrq(**habits: object) -> list[int]:
    core = endpoint(habits=Habits(**habits))  # type: ignore[arg-type]
    core.open(TO_LNS, 0.0)
    ((_, data),) = core.transmits()
    return numbers(parse_control(data)[1])


@pytest.mark.parametrize(
    ("habits", "expected"),
    [
        ({}, [0, 2, 3, 6, 7, 8, 9, 10]),
        ({"bearer": 0}, [0, 2, 3, 4, 6, 7, 8, 9, 10]),
        ({"firmware": None}, [0, 2, 3, 7, 8, 9, 10]),
        ({"vendor_name": ""}, [0, 2, 3, 6, 7, 9, 10]),
        ({"host_name_first": True}, [0, 2, 7, 3, 6, 8, 9, 10]),
        ({"foreign_avps": ((311, 1, b"x"),)}, [0, 2, 3, 6, 7, 8, 9, 10]),
    ],
)
def test_avps_of_sccrq(habits: dict[str, object], expected: list[int]) -> None:
    assert sccrq(**habits) == expected


def test_an_order_of_its_own_changes_nothing_else() -> None:
    message = Sccrq(framing_capabilities=3, host_name="x", assigned_tunnel_id=1)
    first = (PROTOCOL_VERSION.key, HOST_NAME.key)
    assert parse(encode(message, first=first)) == message
    assert sorted(numbers(encode(message, first=first))) == numbers(encode(message))


def test_ids_count_from_one_for_each_endpoint_and_each_tunnel() -> None:
    wire = Wire(endpoint(1, "lac", habits=Habits(count_ids=True)))
    tunnels = [wire.lac.endpoint.open(TO_LNS, wire.now) for _ in range(3)]
    assert tunnels == [1, 2, 3]
    calls = [wire.lac.endpoint.place_call(t, wire.now) for t in tunnels for _ in range(2)]
    assert calls == [1, 2, 1, 2, 1, 2]
    wire.run(2)
    assert len(wire.lns.seen(CallUp)) == 6
    wire.lac.endpoint.close(1, CLEARED, wire.now)
    assert wire.lac.endpoint.open(TO_LNS, wire.now) == 4


def test_equal_ids_of_peers_at_different_ports_are_different_tunnels() -> None:
    core = endpoint()
    for port in (1701, 40_000, 40_001):
        Raw(core, Path(LNS, Address(LAC.host, port)), 1).up()
    assert len(core.tunnels()) == 3


def test_a_serial_number_of_its_own() -> None:
    wire = Wire()
    tunnel_id = wire.up()
    for serial in (0, 1, 0xFFFFFFFF):
        wire.lac.endpoint.place_call(tunnel_id, wire.now, serial=serial)
    wire.run(1)
    offered = [e.call.serial for e in wire.lns.log if isinstance(e, CallOffered)]
    assert offered == [0, 1, 0xFFFFFFFF]


def test_without_cdn_calls_end_with_their_tunnel_only() -> None:
    wire = Wire(endpoint(1, "lac", habits=Habits(close_call_first=False)))
    tunnel_id = wire.up()
    session_id = wire.lac.endpoint.place_call(tunnel_id, wire.now)
    wire.run(1)
    wire.forget()
    wire.lac.endpoint.close_call(tunnel_id, session_id, Result(3), wire.now)
    wire.run(1)
    assert wire.lac.sent_messages == []
    assert wire.lns.log == []
    wire.lac.endpoint.close(tunnel_id, Result(6), wire.now)
    wire.run(1)
    assert wire.lac.sent_messages == ["StopCCN"]
    assert [type(e) for e in wire.lns.log] == [CallDown, ControlConnectionDown]


def test_the_other_sides_ids_in_goodbyes_are_understood() -> None:
    """RFC 2661 4.4.3 wants the sender's own; old Windows names the receiver's."""
    wire = Wire(endpoint(1, "lac", habits=Habits(peer_ids_at_end=True)))
    tunnel_id = wire.up()
    session_id = wire.lac.endpoint.place_call(tunnel_id, wire.now)
    wire.run(1)
    (up,) = (e for e in wire.lns.log if isinstance(e, CallUp))
    wire.forget()
    wire.lac.endpoint.close_call(tunnel_id, session_id, Result(3), wire.now)
    ((_, data),) = wire.lac.endpoint.transmits()
    cdn = parse(parse_control(data)[1])
    assert isinstance(cdn, Cdn)
    assert cdn.assigned_session_id == up.session_id
    wire.run(10)
    assert len(wire.lns.seen(CallDown)) == 1
    wire.lac.endpoint.close(tunnel_id, CLEARED, wire.now)
    ((_, data),) = wire.lac.endpoint.transmits()
    stop = parse(parse_control(data)[1])
    assert isinstance(stop, StopCcn)
    assert stop.assigned_tunnel_id == up.tunnel_id
    wire.run(60)
    assert len(wire.lns.seen(ControlConnectionDown)) == 1
    assert leftovers(wire.lac.endpoint) == leftovers(wire.lns.endpoint) == {}
