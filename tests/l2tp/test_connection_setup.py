"""Control connections between two endpoints, as ladders (RFC 2661 5.1, 5.5, 5.7, 8.1)."""

import pytest

from l2tp.ends import (
    CLEARED,
    LAC,
    LNS,
    START,
    TO_LAC,
    TO_LNS,
    Raw,
    Wire,
    config,
    endpoint,
    leftovers,
    names,
    seeded,
)
from talpa.l2tp.config import Habits
from talpa.l2tp.events import ControlConnectionDown, ControlConnectionUp, PathMoved, Result
from talpa.l2tp.v2.authentication import response
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.l2tp.v2.header import pack_control, parse_control
from talpa.l2tp.v2.messages import (
    Hello,
    Icrq,
    Message,
    Scccn,
    Sccrp,
    Sccrq,
    StopCcn,
    encode,
    parse,
)
from talpa.l2tp.values import ProtocolVersion, ResultCode
from talpa.sansio import Address, Path
from talpa.wire import Secret


def test_three_messages_and_an_acknowledgement_establish() -> None:
    wire = Wire()
    tunnel_id = wire.up()
    assert wire.lac.sent_messages == ["SCCRQ", "SCCCN"]
    assert wire.lns.sent_messages == ["SCCRP", "ZLB"]
    (up,) = wire.lac.log
    assert isinstance(up, ControlConnectionUp)
    assert (up.tunnel_id, up.path, up.authenticated) == (tunnel_id, TO_LNS, False)
    assert (up.peer.host_name, up.peer.vendor_name, up.peer.framing) == ("lns", "talpa", 3)
    (there,) = wire.lns.log
    assert isinstance(there, ControlConnectionUp)
    assert (there.peer.host_name, there.peer.tunnel_id) == ("lac", tunnel_id)
    assert up.peer.tunnel_id == there.tunnel_id


def test_it_is_described_for_people() -> None:
    wire = Wire()
    tunnel_id = wire.lac.endpoint.open(TO_LNS, wire.now)
    (early,) = wire.lac.endpoint.describe()
    assert (early.state, early.peer_tunnel_id, early.host_name) == ("wait-ctl-reply", 0, "")
    wire.run(1)
    (described,) = wire.lac.endpoint.describe()
    assert described.state == "established"
    assert described.host_name == "lns"
    assert described.since == START
    assert described.sessions == 0
    assert described.window == 16
    assert described.unacknowledged == 0
    assert described.rtt == pytest.approx(0.02)
    assert wire.lac.endpoint.description(tunnel_id) == described
    peer = wire.lac.endpoint.peer(tunnel_id)
    assert peer is not None
    assert peer.host_name == "lns"
    assert wire.lac.endpoint.path(tunnel_id) == TO_LNS


def test_one_stopccn_ends_it_and_nothing_stays_behind() -> None:
    wire = Wire()
    tunnel_id = wire.up()
    wire.forget()
    wire.lac.endpoint.close(tunnel_id, Result(6, 0, "bye"), wire.now)
    assert wire.lac.endpoint.busy
    wire.run(1)
    assert [wire.lac.endpoint.busy] == [False]
    assert wire.lac.sent_messages == ["StopCCN"]
    assert wire.lns.sent_messages == ["ZLB"]
    (here,) = wire.lac.log
    (there,) = wire.lns.log
    assert isinstance(here, ControlConnectionDown)
    assert isinstance(there, ControlConnectionDown)
    assert (here.by_peer, there.by_peer) == (False, True)
    assert here.result == there.result == Result(6, 0, "bye")
    assert there.peer is not None
    assert there.peer.host_name == "lac"
    assert wire.lac.endpoint.tunnels() == wire.lns.endpoint.tunnels() == []
    wire.run(32)
    assert leftovers(wire.lac.endpoint) == leftovers(wire.lns.endpoint) == {}


def test_a_closed_connection_still_acknowledges_repetitions_until_its_ids_have_rested() -> None:
    raw = Raw(endpoint()).up()
    stop = StopCcn(assigned_tunnel_id=77, result_code=ResultCode(1))
    assert names(raw.send(stop)) == ["ZLB"]
    raw.now += 20
    assert names(raw.send(stop, ns=2)) == ["ZLB"]
    raw.wait(12)
    assert raw.send(stop, ns=2) == []
    assert leftovers(raw.endpoint) == {}


def test_closing_what_is_gone_or_going_is_harmless() -> None:
    wire = Wire()
    tunnel_id = wire.up()
    for _ in range(2):
        wire.lac.endpoint.close(tunnel_id, CLEARED, wire.now)
    wire.lac.endpoint.close(4242, CLEARED, wire.now)
    wire.run(1)
    assert len(wire.lac.seen(ControlConnectionDown)) == 1
    assert wire.lac.sent_messages.count("StopCCN") == 1


def test_close_all_ends_every_connection() -> None:
    wire = Wire()
    for _ in range(5):
        wire.lac.endpoint.open(TO_LNS, wire.now)
    wire.run(1)
    assert len(wire.lns.endpoint.tunnels()) == 5
    wire.lns.endpoint.close_all(Result(6, 0, "going down"), wire.now)
    wire.run(1)
    assert len(wire.lac.seen(ControlConnectionDown)) == 5
    assert not wire.lns.endpoint.busy
    wire.run(40)
    assert leftovers(wire.lac.endpoint) == leftovers(wire.lns.endpoint) == {}


def test_a_peer_that_never_answers_is_given_up() -> None:
    wire = Wire()
    wire.link.cut = True
    wire.lac.endpoint.open(TO_LNS, wire.now)
    wire.run(35)
    (down,) = wire.lac.log
    assert isinstance(down, ControlConnectionDown)
    assert down.peer is None
    assert down.result.message == "the peer does not answer"
    assert wire.lac.sent_messages == ["SCCRQ"] * 6
    wire.run(40)
    assert leftovers(wire.lac.endpoint) == {}


def test_a_request_taken_back_before_its_answer_is_not_sent_again() -> None:
    wire = Wire()
    tunnel_id = wire.lac.endpoint.open(TO_LNS, wire.now)
    wire.pair._collect()
    wire.lac.endpoint.close(tunnel_id, CLEARED, wire.now)
    wire.run(1)
    # The late SCCRP is answered as the table has it: idle, Receive SCCRP: Send StopCCN.
    assert wire.lac.sent_messages == ["SCCRQ", "StopCCN"]
    assert len(wire.lac.seen(ControlConnectionDown)) == 1
    wire.run(40)
    assert leftovers(wire.lac.endpoint) == leftovers(wire.lns.endpoint) == {}


# --- tunnel authentication -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lac_secret", "lns_secret", "refuser", "text"),
    [
        ("open sesame", "open sesame", None, ""),
        (None, None, None, ""),
        ("open sesame", "other", "lac", "the tunnel secrets differ"),
        (None, "open sesame", "lac", "no tunnel secret is shared with this host name"),
    ],
)
def test_authentication(
    lac_secret: str | None, lns_secret: str | None, refuser: str | None, text: str
) -> None:
    wire = Wire(endpoint(1, "lac", lac_secret), endpoint(2, "lns", lns_secret))
    wire.lac.endpoint.open(TO_LNS, wire.now)
    wire.run(1)
    if refuser is None:
        for host in (wire.lac, wire.lns):
            (up,) = host.seen(ControlConnectionUp)
            assert isinstance(up, ControlConnectionUp)
            assert up.authenticated == (lac_secret is not None)
        return
    (here,) = wire.lac.seen(ControlConnectionDown)
    (there,) = wire.lns.seen(ControlConnectionDown)
    assert isinstance(here, ControlConnectionDown)
    assert isinstance(there, ControlConnectionDown)
    assert here.result == there.result == Result(4, 0, text)
    assert (here.by_peer, there.by_peer) == (False, True)
    wire.run(40)
    assert leftovers(wire.lac.endpoint) == leftovers(wire.lns.endpoint) == {}


def test_a_challenge_that_we_cannot_answer_is_refused_without_state() -> None:
    raw = Raw(endpoint())
    (stop,) = raw.send(raw.sccrq(challenge=b"prove it"))
    assert isinstance(stop, StopCcn)
    assert stop.result_code.code == 4
    assert "no tunnel secret" in stop.result_code.message
    assert leftovers(raw.endpoint) == {}


@pytest.mark.parametrize(
    ("answer", "text"),
    [(None, "a tunnel secret is required"), (b"x" * 16, "the tunnel secrets differ")],
)
def test_scccn_must_answer_our_challenge(answer: bytes | None, text: str) -> None:
    raw = Raw(endpoint(secret="s"))
    (sccrp,) = raw.send(raw.sccrq())
    assert isinstance(sccrp, Sccrp)
    assert sccrp.challenge is not None
    (stop,) = raw.send(Scccn(challenge_response=answer))
    assert isinstance(stop, StopCcn)
    assert (stop.result_code.code, stop.result_code.message) == (4, text)
    (down,) = raw.endpoint.events()
    assert isinstance(down, ControlConnectionDown)
    assert down.result == Result(4, 0, text)


def test_the_right_answers_in_both_directions() -> None:
    raw = Raw(endpoint(secret="s"))
    (sccrp,) = raw.send(raw.sccrq(challenge=b"challenge"))
    assert isinstance(sccrp, Sccrp)
    assert sccrp.challenge is not None
    assert sccrp.challenge_response == response(2, Secret("s"), b"challenge")
    proof = response(3, Secret("s"), sccrp.challenge)
    assert names(raw.send(Scccn(challenge_response=proof))) == ["ZLB"]
    (up,) = raw.endpoint.events()
    assert isinstance(up, ControlConnectionUp)
    assert up.authenticated


def test_the_secret_goes_by_the_host_name_of_the_peer() -> None:
    asked = []

    def secret_for(name: str) -> Secret | None:
        asked.append(name)
        return Secret("s") if name == "branch" else None

    raw = Raw(Endpoint(config(secret_for=secret_for), seeded(1)))
    (sccrp,) = raw.send(raw.sccrq(host_name="branch"))
    assert isinstance(sccrp, Sccrp)
    assert sccrp.challenge is not None
    other = Raw(raw.endpoint, tunnel_id=78)
    (sccrp,) = other.send(other.sccrq(host_name="another"))
    assert isinstance(sccrp, Sccrp)
    assert sccrp.challenge is None
    assert set(asked) == {"branch", "another"}


def test_an_initiator_that_shares_a_secret_takes_no_peer_without_proof() -> None:
    """Who knows only our host name must not get by leaving the response out."""
    raw, sccrq = called(endpoint(secret="s"))
    assert sccrq.challenge is not None
    sccrp = sccrp_of(raw)
    (stop,) = raw.send(sccrp)
    assert isinstance(stop, StopCcn)
    assert stop.result_code.code == 4


def called(core: Endpoint, path: Path = TO_LNS, **options: bytes) -> tuple[Raw, Sccrq]:
    """A peer made by hand that `core` has just called, and the SCCRQ it got."""
    raw = Raw(core, path)
    raw.their_tunnel_id = core.open(path, raw.now, **options)  # type: ignore[arg-type]
    ((_, data),) = core.transmits()
    header, body = parse_control(data)
    assert (header.tunnel_id, header.ns, header.nr) == (0, 0, 0)
    sccrq = parse(body)
    assert isinstance(sccrq, Sccrq)
    raw.nr = 1
    return raw, sccrq


def sccrp_of(raw: Raw, **changes: object) -> Sccrp:
    fields = {"framing_capabilities": 3, "host_name": "raw", "assigned_tunnel_id": raw.tunnel_id}
    return Sccrp(**(fields | changes))  # type: ignore[arg-type]


# --- what is refused -----------------------------------------------------------------------------


def test_another_protocol_version_is_refused_with_the_one_we_know() -> None:
    raw = Raw(endpoint())
    (stop,) = raw.send(raw.sccrq(protocol_version=ProtocolVersion(2, 0)))
    assert isinstance(stop, StopCcn)
    assert (stop.result_code.code, stop.result_code.error) == (5, 0x0100)
    assert leftovers(raw.endpoint) == {}
    caller, _ = called(endpoint())
    (stop,) = caller.send(sccrp_of(caller, protocol_version=ProtocolVersion(0, 9)))
    assert isinstance(stop, StopCcn)
    assert stop.result_code.code == 5


def test_sccrq_with_an_unknown_mandatory_avp_is_refused_without_state() -> None:
    raw = Raw(endpoint())
    body = encode(raw.sccrq()) + bytes.fromhex("8008 0000 03e7 0001")
    (stop,) = raw.send(body)
    assert isinstance(stop, StopCcn)
    assert (stop.result_code.code, stop.result_code.error) == (2, 8)
    assert "999" in stop.result_code.message
    assert leftovers(raw.endpoint) == {}


def test_a_hidden_avp_in_sccrq_is_revealed_with_the_secret_of_its_host() -> None:
    from talpa.l2tp.hiding import hide

    raw = Raw(endpoint(secret="s"))
    vector = b"v" * 16
    hidden = hide((77).to_bytes(2, "big"), 9, Secret("s"), vector)
    whole = encode(raw.sccrq())
    assigned = bytes.fromhex("8008 0000 0009 004d")
    assert assigned in whole
    row = bytes.fromhex("8016 0000 0024") + vector
    row += (0xC000 | 6 + len(hidden)).to_bytes(2, "big") + bytes.fromhex("0000 0009") + hidden
    assert names(raw.send(whole.replace(assigned, row))) == ["SCCRP"]


@pytest.mark.parametrize(
    ("message", "code", "error"),
    [
        (b"\x80\x08\x00\x00\x00\x00\x00\x63", 2, 8),
        (b"\x80\x08\x00\x00\x00\x00\x00\x06\x80\x08\x00\x00\x03\xe7\x00\x00", 2, 8),
        (b"\x80\x08\x00\x00\x00\x00\x00\x06\x80\xff\x00\x00\x03\xe7\x00\x00", 2, 3),
        (Scccn(), 7, 0),
        (Sccrp(framing_capabilities=3, host_name="x", assigned_tunnel_id=1), 7, 0),
        (Sccrq(framing_capabilities=3, host_name="x", assigned_tunnel_id=1), 7, 0),
    ],
    ids=["unknown mandatory type", "unknown mandatory AVP", "malformed", "SCCCN", "SCCRP", "SCCRQ"],
)
def test_what_breaks_the_rules_ends_an_established_connection(
    message: Message | bytes, code: int, error: int
) -> None:
    raw = Raw(endpoint()).up()
    raw.endpoint.events()
    (stop,) = raw.send(message)
    assert isinstance(stop, StopCcn)
    assert (stop.result_code.code, stop.result_code.error) == (code, error)
    assert stop.assigned_tunnel_id == raw.their_tunnel_id
    (down,) = raw.endpoint.events()
    assert isinstance(down, ControlConnectionDown)
    assert not down.by_peer


def test_an_unknown_message_that_is_not_mandatory_is_acknowledged_and_passed_over() -> None:
    raw = Raw(endpoint()).up()
    assert names(raw.send(b"\x00\x08\x00\x00\x00\x00\x00\x63")) == ["ZLB"]
    assert raw.endpoint.tunnels() == [raw.their_tunnel_id]


def test_a_call_before_scccn_is_out_of_sequence() -> None:
    raw = Raw(endpoint())
    raw.send(raw.sccrq())
    (stop,) = raw.send(Icrq(assigned_session_id=1, call_serial_number=1))
    assert isinstance(stop, StopCcn)
    assert stop.result_code.code == 7


def test_the_habits_of_odd_clients_in_result_codes() -> None:
    for habits, octets in (
        (Habits(short_result=True), "8008 0000 0001 0006"),
        (Habits(swapped_result=True), "8000 0000 0001 0600"),
    ):
        raw = Raw(endpoint(habits=habits)).up()
        raw.endpoint.close(raw.their_tunnel_id, Result(6, 0, "text"), raw.now)
        ((_, data),) = raw.endpoint.transmits()
        assert bytes.fromhex(octets)[2:] in data
        assert (b"text" in data) == (not habits.short_result)


# --- where messages come from --------------------------------------------------------------------


def test_many_connections_from_one_address_and_any_port() -> None:
    core = endpoint()
    for port in (1701, 50000, 50001):
        for tunnel_id in (1, 2):
            Raw(core, Path(LNS, Address(LAC.host, port)), tunnel_id).up()
    assert len(core.tunnels()) == 6


def test_equal_addresses_under_two_associations_are_two_paths() -> None:
    core = endpoint()
    one = Raw(core, Path(LNS, LAC, 1)).up()
    two = Raw(core, Path(LNS, LAC, 2)).up()
    assert len(core.tunnels()) == 2
    assert two.send(Hello(), path=one.path) == []
    assert names(two.send(Hello(), ns=2)) == ["ZLB"]


def test_an_established_connection_takes_nothing_from_elsewhere() -> None:
    raw = Raw(endpoint()).up()
    elsewhere = Path(LNS, Address("203.0.113.9", 1701))
    stop = StopCcn(assigned_tunnel_id=77, result_code=ResultCode(1))
    assert raw.send(stop, path=elsewhere, ns=2) == []
    assert raw.endpoint.tunnels() == [raw.their_tunnel_id]
    assert raw.endpoint.drops["control message from another path"] == 1


def test_a_peer_may_answer_from_another_port() -> None:
    raw, _ = called(endpoint())
    moved = Path(LAC, Address(LNS.host, 40000))
    assert names(raw.send(sccrp_of(raw), path=moved)) == ["SCCCN"]
    path_moved, up = raw.endpoint.events()
    assert path_moved == PathMoved(raw.their_tunnel_id, moved)
    assert isinstance(up, ControlConnectionUp)
    assert up.path == moved
    assert raw.send(Hello()) == []
    raw.ns -= 1
    assert names(raw.send(Hello(), path=moved)) == ["ZLB"]


def test_only_the_first_answer_may_come_from_elsewhere() -> None:
    raw, _ = called(endpoint())
    raw.nr = 7
    assert raw.send(sccrp_of(raw), path=Path(LAC, Address("203.0.113.9", 1))) == []
    raw.nr = 1
    raw.ns = 0
    assert names(raw.send(sccrp_of(raw))) == ["SCCCN"]
    assert raw.endpoint.path(raw.their_tunnel_id) == TO_LNS


def test_a_doubled_sccrq_gets_the_same_answer_again() -> None:
    raw = Raw(endpoint())
    (first,) = raw.send(raw.sccrq())
    (second,) = raw.send(raw.sccrq(), tunnel_id=0, ns=0)
    assert first == second
    assert len(raw.endpoint._reception) == 1
    assert names(raw.send(Scccn())) == ["ZLB"]


def test_stopccn_before_the_peer_knows_our_id_is_acknowledged_and_ends_nothing() -> None:
    """It takes the request back, but anybody can send it in the peer's name."""
    raw = Raw(endpoint())
    raw.send(raw.sccrq())
    stop = StopCcn(assigned_tunnel_id=77, result_code=ResultCode(1))
    forged = pack_control(0, 0, 1, 0, encode(stop))
    raw.endpoint.receive(raw.path, forged, raw.now)
    assert names(raw.read()) == ["ZLB"]
    assert raw.endpoint.drops["StopCCN for a half-open control connection"] == 1
    assert names(raw.send(Scccn())) == ["ZLB"]
    assert raw.endpoint.tunnels() == [raw.their_tunnel_id]


def test_a_request_taken_back_is_forgotten_when_its_time_is_over() -> None:
    raw = Raw(endpoint())
    raw.send(raw.sccrq())
    raw.their_tunnel_id = raw.nr = 0
    raw.send(StopCcn(assigned_tunnel_id=77, result_code=ResultCode(1)))
    raw.wait(31)
    assert leftovers(raw.endpoint) == {}


def test_stopccn_that_names_the_tunnel_by_the_id_of_the_other_side() -> None:
    raw = Raw(endpoint()).up()
    stop = StopCcn(assigned_tunnel_id=raw.their_tunnel_id, result_code=ResultCode(6))
    assert names(raw.send(stop)) == ["ZLB"]
    assert raw.endpoint.tunnels() == []


# --- tie breaker ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lac_value", "lns_value", "tunnels"),
    [
        (b"\0" * 8, b"\1" * 8, {"lac": 1, "lns": 1}),
        (b"\1" * 8, b"\0" * 8, {"lac": 1, "lns": 1}),
        (b"\1" * 8, b"\1" * 8, {"lac": 0, "lns": 0}),
        (b"\1" * 8, None, {"lac": 2, "lns": 2}),
        (None, b"\1" * 8, {"lac": 2, "lns": 2}),
        (None, None, {"lac": 2, "lns": 2}),
    ],
)
def test_both_sides_open_at_once(
    lac_value: bytes | None, lns_value: bytes | None, tunnels: dict[str, int]
) -> None:
    wire = Wire()
    by_lac = wire.lac.endpoint.open(TO_LNS, wire.now, tie_breaker=lac_value)
    by_lns = wire.lns.endpoint.open(TO_LAC, wire.now, tie_breaker=lns_value)
    wire.run(60)
    found = {"lac": wire.lac.endpoint.tunnels(), "lns": wire.lns.endpoint.tunnels()}
    assert {name: len(ids) for name, ids in found.items()} == tunnels
    lac_wins = lns_value is None or (lac_value is not None and lac_value < lns_value)
    if tunnels["lac"] == 1:
        assert (by_lac in found["lac"]) == lac_wins
        assert (by_lns in found["lns"]) == (not lac_wins)
    for host, opened in ((wire.lac, by_lac), (wire.lns, by_lns)):
        if opened not in host.endpoint.tunnels():
            (down,) = host.seen(ControlConnectionDown)
            assert isinstance(down, ControlConnectionDown)
            assert (down.tunnel_id, down.result.code) == (opened, 3)
        assert "StopCCN" not in host.sent_messages


def test_a_tie_breaker_is_drawn_where_configured() -> None:
    _, sccrq = called(endpoint(tie_breaker=True))
    assert sccrq.tie_breaker is not None
    assert len(sccrq.tie_breaker) == 8


def test_a_tie_concerns_only_the_host_that_is_called() -> None:
    raw, _ = called(endpoint(), tie_breaker=b"\0" * 8)
    other = Raw(raw.endpoint, Path(LAC, Address("198.18.0.99", 1701)))
    assert names(other.send(other.sccrq(tie_breaker=b"\1" * 8))) == ["SCCRP"]


# --- keep-alive ----------------------------------------------------------------------------------


def test_hello_after_silence_and_its_acknowledgement_is_enough() -> None:
    raw = Raw(endpoint()).up()
    assert raw.wait(59.9) == []
    (hello,) = raw.wait(0.2)
    assert isinstance(hello, Hello)
    raw.send(b"")
    assert raw.wait(59.9) == []
    assert names(raw.wait(0.2)) == ["HELLO"]


def test_two_idle_ends_keep_each_other_alive() -> None:
    wire = Wire()
    tunnel_id = wire.up()
    wire.run(3600)
    assert wire.lac.endpoint.tunnels() == [tunnel_id]
    hellos = wire.lac.sent_messages.count("HELLO") + wire.lns.sent_messages.count("HELLO")
    assert 55 <= hellos <= 120


def test_a_silent_peer_is_given_up_with_its_calls() -> None:
    wire = Wire()
    wire.up()
    wire.link.cut = True
    wire.run(100)
    for host in (wire.lac, wire.lns):
        (down,) = host.seen(ControlConnectionDown)
        assert isinstance(down, ControlConnectionDown)
        assert down.result.message == "the peer does not answer"
        assert host.sent_messages.count("HELLO") == 6
    wire.run(40)
    assert leftovers(wire.lac.endpoint) == leftovers(wire.lns.endpoint) == {}


def test_no_hello_while_data_flows() -> None:
    asked: list[int] = []

    def last_data(tunnel_id: int) -> float:
        asked.append(tunnel_id)
        return raw.now

    raw = Raw(endpoint(last_data=last_data)).up()
    assert raw.wait(600) == []
    assert set(asked) == {raw.their_tunnel_id}
    assert len(asked) <= 11


def test_an_unanswered_hello_ends_nothing_while_data_flows() -> None:
    data_until = START + 70 + 300

    def last_data(_: int) -> float:
        # Silent while the HELLO falls due, then busy for five minutes.
        return min(raw.now, data_until) if raw.now > START + 70 else 0.0

    raw = Raw(endpoint(last_data=last_data)).up()
    assert set(names(raw.wait(370))) == {"HELLO"}
    assert raw.endpoint.tunnels() == [raw.their_tunnel_id]
    raw.wait(62)
    assert raw.endpoint.tunnels() == []


def test_any_control_message_is_life_too() -> None:
    raw = Raw(endpoint()).up()
    for _ in range(20):
        assert raw.wait(50) == []
        raw.send(Hello())
