"""Messages that somebody else sends in the peer's name, or a peer sends to fill our memory."""

import random
import tracemalloc

import pytest

from l2tp.ends import LAC, LNS, TO_LAC, TO_LNS, Raw, endpoint, leftovers, names, seeded
from talpa.l2tp.config import Config
from talpa.l2tp.events import CallOffered, PathMoved
from talpa.l2tp.v2.authentication import response
from talpa.l2tp.v2.calls import MOST_ANSWERS, MOST_REFUSALS
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.l2tp.v2.header import pack_control, parse_control
from talpa.l2tp.v2.messages import (
    Cdn,
    Hello,
    Icrq,
    Message,
    ResultCode,
    Scccn,
    Sccrp,
    Sccrq,
    StopCcn,
    encode,
    parse,
)
from talpa.sansio import Address, Path
from talpa.wire import Secret

ELSEWHERE = Path(LAC, Address("203.0.113.66", 7))
OTHER_PORT = Path(LAC, Address(LNS.host, 9))
LOWEST = bytes(8)


def called(core: Endpoint, **options: bytes) -> tuple[Raw, Sccrq]:
    """The peer that `core` calls, and the SCCRQ it got."""
    raw = Raw(core, TO_LNS)
    raw.their_tunnel_id = core.open(TO_LNS, raw.now, **options)  # type: ignore[arg-type]
    ((_, data),) = core.transmits()
    sccrq = parse(parse_control(data)[1])
    assert isinstance(sccrq, Sccrq)
    raw.nr = 1
    return raw, sccrq


def sccrp(**changes: object) -> Sccrp:
    fields = {"framing_capabilities": 3, "host_name": "raw", "assigned_tunnel_id": 77}
    return Sccrp(**(fields | changes))  # type: ignore[arg-type]


# --- while we call -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [TO_LNS, OTHER_PORT])
@pytest.mark.parametrize("accepting", [True, False])
def test_a_forged_tie_breaker_ends_no_call_of_ours_that_had_none(
    path: Path, accepting: bool
) -> None:
    raw, _ = called(endpoint())
    raw.endpoint.accepting = accepting
    forger = Raw(raw.endpoint, path, 5)
    answers = forger.send(forger.sccrq(tie_breaker=LOWEST))
    assert names(answers) == (["SCCRP"] if accepting else [])
    assert raw.endpoint.events() == []
    assert names(raw.send(sccrp())) == ["SCCCN"]


@pytest.mark.parametrize("theirs", [None, LOWEST, b"\xff" * 8])
def test_who_takes_no_strangers_is_not_moved_by_any_request(theirs: bytes | None) -> None:
    raw, _ = called(endpoint(), tie_breaker=b"\x80" * 8)
    raw.endpoint.accepting = False
    for path in (TO_LNS, OTHER_PORT, ELSEWHERE):
        forger = Raw(raw.endpoint, path, 5)
        assert forger.send(forger.sccrq(tie_breaker=theirs)) == []
    assert len(raw.endpoint._reception) == 0
    assert raw.endpoint.events() == []
    assert names(raw.send(sccrp())) == ["SCCCN"]


@pytest.mark.parametrize(
    "message",
    [
        b"\0\0junk",
        b"\x80\x08\x00\x00\x00\x00\x00\x63",
        Hello(),
        Scccn(),
        StopCcn(assigned_tunnel_id=77, result_code=ResultCode(2)),
        sccrp(framing_capabilities=3, host_name="raw", assigned_tunnel_id=0),
        sccrp(challenge=b"c" * 16),
    ],
    ids=["malformed", "unknown", "HELLO", "SCCCN", "StopCCN", "no id", "challenge"],
)
def test_only_an_acceptable_answer_may_come_from_elsewhere(message: Message | bytes) -> None:
    raw, _ = called(endpoint())
    assert raw.send(message, path=ELSEWHERE, ns=0) == []
    assert raw.endpoint.events() == []
    assert raw.endpoint.drops["control message from another path"] == 1
    assert names(raw.send(sccrp())) == ["SCCCN"]
    assert raw.endpoint.path(raw.their_tunnel_id) == TO_LNS


def test_with_a_secret_only_who_knows_it_may_answer_from_elsewhere() -> None:
    raw, sccrq = called(endpoint(secret="s"))
    assert sccrq.challenge is not None
    for given in (None, b"x" * 16):
        forged = sccrp(challenge_response=given)
        assert raw.send(forged, path=ELSEWHERE, ns=0) == []
    assert raw.endpoint.events() == []
    proof = response(Sccrp.TYPE, Secret("s"), sccrq.challenge)
    assert names(raw.send(sccrp(challenge_response=proof), path=ELSEWHERE)) == ["SCCCN"]
    moved, up = raw.endpoint.events()
    assert moved == PathMoved(raw.their_tunnel_id, ELSEWHERE)
    assert getattr(up, "authenticated", None) is True


# --- ends that are not the peer's ----------------------------------------------------------------


@pytest.mark.parametrize("ahead", [0, 7])
def test_stopccn_for_another_tunnel_is_acknowledged_and_passed_over(ahead: int) -> None:
    raw = Raw(endpoint()).up()
    raw.endpoint.events()
    forged = StopCcn(assigned_tunnel_id=4242, result_code=ResultCode(1))
    assert names(raw.send(forged, ns=raw.ns + ahead)) == ["ZLB"]
    for _ in range(ahead):
        raw.send(Hello())
    assert raw.endpoint.events() == []
    assert raw.endpoint.tunnels() == [raw.their_tunnel_id]
    assert raw.endpoint.drops["StopCCN for another tunnel"] == 1


def test_stopccn_without_an_id_ends_the_tunnel_that_the_header_names() -> None:
    raw = Raw(endpoint()).up()
    body = encode(Hello())[:6] + bytes.fromhex("0004 8008 0000 0001 0006")
    assert names(raw.send(body)) == ["ZLB"]
    assert raw.endpoint.tunnels() == []


@pytest.mark.parametrize("nr", [0x7777, 2, 0xE000])
@pytest.mark.parametrize("ahead", [0, 7])
def test_what_acknowledges_what_was_never_sent_is_not_the_peers(nr: int, ahead: int) -> None:
    raw = Raw(endpoint()).up()
    raw.endpoint.events()
    ns, right = raw.ns, raw.nr
    raw.nr = nr
    forged = StopCcn(assigned_tunnel_id=77, result_code=ResultCode(1))
    assert raw.send(forged, ns=ns + ahead) == []
    raw.nr = right
    for _ in range(8):
        assert names(raw.send(Hello())) == ["ZLB"]
    assert raw.endpoint.tunnels() == [raw.their_tunnel_id]
    assert raw.endpoint.drops["control message with an Nr out of range"] == 1


def test_a_message_sent_again_may_bear_the_nr_it_had_at_first() -> None:
    raw = Raw(endpoint()).up()
    for _ in range(40):
        raw.endpoint.place_call(raw.their_tunnel_id, raw.now)
        raw.read()
        raw.send(b"")
    raw.nr = 1
    assert names(raw.send(Hello())) == ["ZLB"]
    assert raw.endpoint.drops["control message with an Nr out of range"] == 0


def test_a_strangers_wrong_nr_is_told_from_a_wrong_path() -> None:
    raw = Raw(endpoint())
    raw.send(raw.sccrq())
    raw.nr = 5
    assert raw.send(Scccn()) == []
    assert raw.endpoint.drops["control message that does not acknowledge SCCRP"] == 1
    assert raw.endpoint.drops["control message from another path"] == 0


# --- names and places ----------------------------------------------------------------------------


def secret_of_mac(name: str) -> Secret | None:
    return Secret("s") if name == "mac" else None


@pytest.mark.parametrize("host_name", ["mac", "mac\0", "mac\0\0"])
def test_the_end_of_a_string_in_a_host_name_hides_no_secret(host_name: str) -> None:
    core = Endpoint(Config("here", secret_for=secret_of_mac), seeded(1))
    raw = Raw(core)
    (answer,) = raw.send(raw.sccrq(host_name=host_name))
    assert isinstance(answer, Sccrp)
    assert answer.challenge is not None
    (stop,) = raw.send(Scccn())
    assert isinstance(stop, StopCcn)
    assert stop.result_code.code == 4
    known = Raw(core, tunnel_id=78)
    (answer,) = known.send(known.sccrq(host_name=host_name))
    assert isinstance(answer, Sccrp)
    assert answer.challenge is not None
    proof = response(Scccn.TYPE, Secret("s"), answer.challenge)
    assert names(known.send(Scccn(challenge_response=proof))) == ["ZLB"]
    (described,) = core.describe()
    assert (described.host_name, described.authenticated) == ("mac", True)


def test_all_addresses_of_one_customer_are_one_place() -> None:
    core = endpoint(tunnels_per_address=3, embryonic_per_address=3)
    local = Address("2001:db8::1", 1701)

    def caller(host: str, number: int) -> Raw:
        return Raw(core, Path(local, Address(host, 1701)), number)

    for number in range(1, 4):
        caller(f"2001:db8:1:2::{number:x}", number).up()
    late = caller("2001:db8:1:3::9", 9)
    assert names(late.send(late.sccrq())) == ["StopCCN"]
    for number in range(5):
        other = caller(f"2001:db8:2:{number}::1", number + 1)
        other.send(other.sccrq())
    assert len(core._reception) == 3
    caller("2001:db8:1:100::1", 1).up()


# --- octets that are kept ------------------------------------------------------------------------


def test_octets_ahead_of_their_turn_are_bounded() -> None:
    raw = Raw(endpoint()).up()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for ahead in range(1, 16):
        raw.send(bytes(7_000), ns=raw.ns + ahead)
    raw.answers.clear()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 24_000
    assert raw.endpoint.drops["control message ahead of its turn: no room"] == 13


def test_no_control_message_is_longer_than_any_real_one() -> None:
    raw = Raw(endpoint())
    data = pack_control(0, 0, 0, 0, encode(raw.sccrq()) + bytes(9_000))
    raw.endpoint.receive(TO_LAC, data, raw.now)
    assert raw.read() == []
    assert raw.endpoint.drops["control message too long"] == 1


def strangers_in_line(core: Endpoint, count: int) -> list[Raw]:
    raws = [Raw(core, Path(LNS, Address(LAC.host, 2000 + i)), i + 1) for i in range(count)]
    for raw in raws:
        raw.send(raw.sccrq())
    return raws


def test_who_waits_in_line_leaves_few_octets_and_none_when_its_time_is_over() -> None:
    core = Endpoint(Config("here"), random.Random(1).randbytes, admit=lambda *_: False)
    raws = strangers_in_line(core, 20)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for raw in raws:
        raw.send(bytes(8_000))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 20_000
    assert not core._reception.lines
    for raw in raws:
        raw.send(Scccn(), ns=1)
    assert sum(map(len, core._reception.lines.values())) == 20
    raws[0].wait(31)
    assert leftovers(core) == {}
    assert core.next_timeout() is None


def test_who_makes_room_for_another_leaves_the_line() -> None:
    core = Endpoint(
        Config("here", embryonic_limit=5), random.Random(1).randbytes, admit=lambda *_: False
    )
    for raw in strangers_in_line(core, 5):
        raw.send(Scccn())
    for number in range(20):
        raw = Raw(core, Path(LNS, Address(LAC.host, 5000 + number)), 1)
        raw.send(raw.sccrq())
    kept = {tunnel_id for line in core._reception.lines.values() for tunnel_id in line}
    assert kept <= set(core._reception._by_id)


def test_a_peer_that_acknowledges_nothing_gets_so_many_calls_and_no_more() -> None:
    raw = Raw(endpoint()).up()
    raw.endpoint.events()
    (connection,) = raw.endpoint._shared.connections.values()
    calls, heard = 0, raw.nr
    for number in range(1, MOST_REFUSALS + 500):
        raw.send(Icrq(assigned_session_id=number, call_serial_number=number))
        for event in raw.endpoint.events():
            assert isinstance(event, CallOffered)
            calls += 1
            raw.endpoint.accept_call(event.tunnel_id, event.session_id, raw.now)
        raw.read()
        raw.nr = heard
        raw.answers.clear()
    assert calls == MOST_ANSWERS
    assert connection.channel.backlog == MOST_REFUSALS
    refused = connection.channel._queue
    assert refused is not None
    last = parse(refused[-1][1])
    assert isinstance(last, Cdn)
    assert last.result_code.code == 4
    assert raw.endpoint.drops["call refused, result 4"] == MOST_REFUSALS + 499 - MOST_ANSWERS
