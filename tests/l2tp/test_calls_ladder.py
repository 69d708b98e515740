"""Calls in both directions and of both kinds, as ladders (RFC 2661 5.2, 5.6, 7.4, 7.5)."""

import pytest

from l2tp.ends import CLEARED, LAC, LNS, TO_LNS, Raw, Wire, endpoint, leftovers, names
from talpa.l2tp.config import Habits
from talpa.l2tp.events import (
    Call,
    CallDown,
    CallOffered,
    CallRequested,
    CallUp,
    ControlConnectionDown,
    LinkInfoSet,
    ProxyAuthen,
    Result,
    WanErrorsNotified,
)
from talpa.l2tp.v2.header import pack_control, parse_control
from talpa.l2tp.v2.messages import (
    Cdn,
    Hello,
    Iccn,
    Icrp,
    Icrq,
    Message,
    Scccn,
    StopCcn,
    Wen,
    encode,
    parse,
)
from talpa.l2tp.values import CallErrors, DisconnectCode, PppDisconnectCause, ResultCode
from talpa.sansio import Address, Path

ICCN = Iccn(tx_connect_speed=1, framing_type=1)


def icrq(session_id: int = 5) -> Icrq:
    return Icrq(assigned_session_id=session_id, call_serial_number=1)


def offered(raw: Raw) -> int:
    """The id of the call that the endpoint has just been offered."""
    ids = [e.session_id for e in raw.endpoint.events() if isinstance(e, CallOffered)]
    return ids[-1]


def accepted(raw: Raw) -> int:
    """A call of the hand-made peer, with its own id 5, up to ICRP."""
    raw.send(icrq())
    session_id = offered(raw)
    raw.endpoint.accept_call(raw.their_tunnel_id, session_id, raw.now)
    assert names(raw.read()) == ["ICRP"]
    return session_id


def talking(raw: Raw) -> int:
    session_id = accepted(raw)
    raw.send(ICCN, session_id)
    assert any(isinstance(e, CallUp) for e in raw.endpoint.events())
    return session_id


def test_an_incoming_call_tells_both_owners_all_that_is_known() -> None:
    wire = Wire()
    tunnel_id = wire.up()
    wire.forget()
    proxy = ProxyAuthen(2, "alice", b"challenge", 7, b"r" * 16)
    session_id = wire.lac.endpoint.place_call(
        tunnel_id,
        wire.now,
        calling_number="+49 1",
        called_number="+49 2",
        sub_address="sub",
        bearer_type=1,
        framing_type=1,
        physical_channel=9,
        tx_connect_speed=100,
        rx_connect_speed=50,
        private_group="group",
        sequencing_required=True,
        proxy_lcp=(b"first", b"sent", b"received"),
        proxy_authen=proxy,
    )
    wire.run(1)
    assert wire.lac.sent_messages == ["ICRQ", "ICCN"]
    assert wire.lns.sent_messages == ["ICRP", "ZLB"]
    (mine,) = wire.lac.log
    offer, theirs = wire.lns.log
    assert isinstance(offer, CallOffered)
    assert isinstance(mine, CallUp)
    assert isinstance(theirs, CallUp)
    assert (mine.incoming, mine.we_are_lac) == (True, True)
    assert (theirs.incoming, theirs.we_are_lac) == (True, False)
    assert mine.session_id == session_id == theirs.call.peer_session_id
    assert theirs.session_id == offer.session_id == mine.call.peer_session_id
    assert offer.call.calling_number == "+49 1"
    assert offer.call.tx_connect_speed is None
    assert theirs.call == Call(
        serial=mine.call.serial,
        peer_session_id=session_id,
        calling_number="+49 1",
        called_number="+49 2",
        sub_address="sub",
        bearer_type=1,
        framing_type=1,
        physical_channel=9,
        tx_connect_speed=100,
        rx_connect_speed=50,
        private_group="group",
        sequencing_required=True,
        proxy_lcp=(b"first", b"sent", b"received"),
        proxy_authen=proxy,
    )


def test_what_is_personal_is_hidden_where_there_is_a_secret() -> None:
    wire = Wire(endpoint(1, "lac", "s"), endpoint(2, "lns", "s"))
    tunnel_id = wire.up()
    wire.lac.endpoint.place_call(tunnel_id, wire.now, calling_number="+49 170 1234567")
    sent = [data for _, data in wire.lac.transmits()]
    assert len(sent) == 1
    assert b"1234567" not in sent[0]
    wire.lac.endpoint.receive(TO_LNS, b"", wire.now)
    for data in sent:
        wire.link.send(0, (Path(LNS, LAC), data), wire.now)
    wire.run(1)
    (offer,) = wire.lns.seen(CallOffered)
    assert isinstance(offer, CallOffered)
    assert offer.call.calling_number == "+49 170 1234567"


def test_an_outgoing_call() -> None:
    wire = Wire(answers=False)
    wire.up()
    wire.forget()
    (tunnel_id,) = wire.lns.endpoint.tunnels()
    session_id = wire.lns.endpoint.request_call(
        tunnel_id, wire.now, called_number="+49 3", minimum_bps=10, maximum_bps=20, bearer_type=2
    )
    wire.run(1)
    (asked,) = wire.lac.log
    assert isinstance(asked, CallRequested)
    assert (asked.call.called_number, asked.call.bearer_type) == ("+49 3", 2)
    assert (asked.call.minimum_bps, asked.call.maximum_bps) == (10, 20)
    wire.lac.endpoint.accept_call(asked.tunnel_id, asked.session_id, wire.now, physical_channel=4)
    wire.run(1)
    wire.lac.endpoint.connect_call(
        asked.tunnel_id, asked.session_id, wire.now, tx_connect_speed=64000, framing_type=1
    )
    wire.run(1)
    assert wire.lns.sent_messages == ["OCRQ", "ZLB", "ZLB"]
    assert wire.lac.sent_messages == ["ZLB", "OCRP", "OCCN"]
    (mine,) = wire.lns.log
    theirs = wire.lac.log[-1]
    assert isinstance(mine, CallUp)
    assert isinstance(theirs, CallUp)
    assert (mine.session_id, mine.incoming, mine.we_are_lac) == (session_id, False, False)
    assert (theirs.incoming, theirs.we_are_lac) == (False, True)
    assert mine.call.peer_session_id == asked.session_id
    assert (mine.call.tx_connect_speed, mine.call.physical_channel) == (64000, 4)


@pytest.mark.parametrize("outgoing", [False, True])
def test_a_refused_call(outgoing: bool) -> None:
    wire = Wire(answers=False)
    tunnel_id = wire.up()
    caller, called = (wire.lns, wire.lac) if outgoing else (wire.lac, wire.lns)
    wire.forget()
    if outgoing:
        (at_lns,) = wire.lns.endpoint.tunnels()
        session_id = wire.lns.endpoint.request_call(at_lns, wire.now)
    else:
        session_id = wire.lac.endpoint.place_call(tunnel_id, wire.now)
    wire.run(1)
    (asked,) = called.log
    assert isinstance(asked, CallOffered | CallRequested)
    called.endpoint.close_call(
        asked.tunnel_id, asked.session_id, Result(4, 0, "not today"), wire.now
    )
    wire.run(1)
    (down,) = caller.log
    assert isinstance(down, CallDown)
    assert (down.session_id, down.by_peer) == (session_id, True)
    assert down.result == Result(4, 0, "not today")
    assert len(wire.lac.endpoint._calls) == len(wire.lns.endpoint._calls) == 0


@pytest.mark.parametrize("by_lac", [True, False])
def test_cdn_ends_a_call_and_says_why_ppp_ended(by_lac: bool) -> None:
    wire = Wire()
    wire.lac.endpoint.place_call(wire.up(), wire.now)
    wire.run(1)
    wire.forget()
    closer, other = (wire.lac, wire.lns) if by_lac else (wire.lns, wire.lac)
    (key,) = closer.endpoint._calls._sessions
    result = Result(3, 0, "out")
    closer.endpoint.close_call(key >> 16, key & 0xFFFF, result, wire.now, cause=8)
    wire.run(1)
    assert closer.sent_messages == ["CDN"]
    assert other.sent_messages == ["ZLB"]
    (here,) = closer.log
    (there,) = other.log
    assert isinstance(here, CallDown)
    assert isinstance(there, CallDown)
    assert (here.by_peer, there.by_peer) == (False, True)
    assert (there.result.code, there.result.message) == (3, "out")
    assert there.result.cause == DisconnectCode.LCP_ECHO_TIMEOUT.text
    assert len(wire.lac.endpoint.tunnels()) == 1


def test_the_cause_goes_out_whole_where_it_is_given_whole() -> None:
    raw = Raw(endpoint()).up()
    session_id = talking(raw)
    cause = PppDisconnectCause(DisconnectCode.AUTHENTICATION_FAILED, 0xC223, 1, "bad password")
    raw.endpoint.close_call(raw.their_tunnel_id, session_id, Result(3), raw.now, cause)
    (cdn,) = raw.read()
    assert isinstance(cdn, Cdn)
    assert cdn.ppp_disconnect_cause == cause
    assert raw.answers[-1][0] == 5
    assert cdn.assigned_session_id == session_id


# --- order of things -----------------------------------------------------------------------------


def test_calls_placed_before_the_tunnel_is_up_follow_scccn_back_to_back() -> None:
    wire = Wire()
    tunnel_id = wire.lac.endpoint.open(TO_LNS, wire.now)
    for _ in range(3):
        wire.lac.endpoint.place_call(tunnel_id, wire.now)
    wire.run(1)
    assert wire.lac.sent_messages[:3] == ["SCCRQ", "SCCCN", "ICRQ"]
    assert len(wire.lac.seen(CallUp)) == len(wire.lns.seen(CallUp)) == 3


def test_a_call_that_is_closed_while_it_waits_is_never_announced() -> None:
    wire = Wire()
    tunnel_id = wire.lac.endpoint.open(TO_LNS, wire.now)
    session_id = wire.lac.endpoint.place_call(tunnel_id, wire.now)
    wire.lac.endpoint.close_call(tunnel_id, session_id, CLEARED, wire.now)
    wire.run(1)
    assert "ICRQ" not in wire.lac.sent_messages
    assert len(wire.lac.seen(CallDown)) == 1


def test_the_habit_of_waiting_for_scccns_acknowledgement() -> None:
    wire = Wire(endpoint(1, "lac", habits=Habits(call_after_ack=True)))
    tunnel_id = wire.lac.endpoint.open(TO_LNS, wire.now)
    wire.lac.endpoint.place_call(tunnel_id, wire.now)
    wire.run(1)
    assert wire.lac.sent_messages == ["SCCRQ", "SCCCN", "ICRQ", "ICCN"]
    assert wire.lns.sent_messages == ["SCCRP", "ZLB", "ICRP", "ZLB"]
    wire.lac.endpoint.place_call(tunnel_id, wire.now)
    wire.run(1)
    assert len(wire.lac.seen(CallUp)) == 2


def test_icrq_may_overtake_scccn_on_the_way() -> None:
    raw = Raw(endpoint())
    raw.send(raw.sccrq())
    assert names(raw.send(icrq(), ns=2)) == ["ZLB"]
    assert raw.endpoint.events() == []
    raw.ns = 1
    assert names(raw.send(Scccn())) == ["ZLB"]
    _, offer = raw.endpoint.events()
    assert isinstance(offer, CallOffered)
    raw.endpoint.accept_call(raw.their_tunnel_id, offer.session_id, raw.now)
    assert names(raw.read()) == ["ICRP"]
    assert raw.ns == 2


def test_scccn_and_icrq_in_one_turn_are_acknowledged_by_the_icrp() -> None:
    raw = Raw(endpoint())
    raw.send(raw.sccrq())
    for ns, message in ((1, Scccn()), (2, icrq())):
        data = pack_control(raw.their_tunnel_id, 0, ns, 1, encode(message))
        raw.endpoint.receive(raw.path, data, raw.now)
    raw.endpoint.accept_call(raw.their_tunnel_id, offered(raw), raw.now)
    ((_, data),) = raw.endpoint.transmits()
    header, body = parse_control(data)
    assert isinstance(parse(body), Icrp)
    assert (header.ns, header.nr, header.session_id) == (1, 3, 5)


def test_never_two_messages_under_way_to_a_peer_with_a_window_of_one() -> None:
    raw = Raw(endpoint())
    raw.send(raw.sccrq(receive_window_size=1))
    raw.send(Scccn())
    raw.endpoint.events()
    for session_id in (5, 6, 7):
        raw.send(icrq(session_id))
    for event in raw.endpoint.events():
        assert isinstance(event, CallOffered)
        raw.endpoint.accept_call(raw.their_tunnel_id, event.session_id, raw.now)
    for session_id in (5, 6, 7):
        # What is on its way goes out again until it is acknowledged; nothing overtakes it.
        assert names(raw.read()) == ["ICRP"]
        assert raw.answers[-1][0] == session_id
        assert names(raw.wait(1.5)) == ["ICRP"]
        assert raw.answers[-1][0] == session_id
        number = pack_control(raw.their_tunnel_id, 0, raw.ns, raw.nr, b"")
        raw.endpoint.receive(raw.path, number, raw.now)


# --- liberal in what is taken --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_header", "in_avp"),
    [("ours", "theirs"), ("ours", "ours"), ("zero", "theirs"), ("theirs", "theirs"),
     ("theirs", "ours"), ("zero", "ours"), ("ours", "none")],
)  # fmt: skip
def test_cdn_with_ids_mixed_up_ends_the_call_that_is_meant(in_header: str, in_avp: str) -> None:
    raw = Raw(endpoint()).up()
    session_id = talking(raw)
    ids = {"ours": session_id, "theirs": 5, "zero": 0}
    body = encode(Cdn(result_code=ResultCode(1), assigned_session_id=ids.get(in_avp, 1)))
    if in_avp == "none":
        body = body[:-8]
    assert names(raw.send(body, ids[in_header])) == ["ZLB"]
    (down,) = raw.endpoint.events()
    assert isinstance(down, CallDown)
    assert (down.session_id, down.by_peer) == (session_id, True)


def test_cdn_that_names_another_session_is_acknowledged_and_passed_over() -> None:
    raw = Raw(endpoint()).up()
    session_id = talking(raw)
    cdn = Cdn(result_code=ResultCode(1), assigned_session_id=999)
    assert names(raw.send(cdn, session_id)) == ["ZLB"]
    assert raw.endpoint.events() == []
    assert raw.endpoint.drops["CDN for another session"] == 1


def test_cdn_before_the_peer_knows_our_id() -> None:
    raw = Raw(endpoint()).up()
    raw.send(icrq())
    session_id = offered(raw)
    raw.send(Cdn(result_code=ResultCode(1), assigned_session_id=5))
    (down,) = raw.endpoint.events()
    assert isinstance(down, CallDown)
    assert down.session_id == session_id
    raw.endpoint.accept_call(raw.their_tunnel_id, session_id, raw.now)
    assert raw.read() == []


@pytest.mark.parametrize("octets", ["8008 0000 0001 0001", "800a 0000 0001 0100 0000"])
def test_result_codes_short_or_swapped(octets: str) -> None:
    raw = Raw(endpoint()).up()
    session_id = talking(raw)
    body = bytes.fromhex(f"8008 0000 0000 000e {octets} 8008 0000 000e 0005")
    raw.send(body, session_id)
    (down,) = raw.endpoint.events()
    assert isinstance(down, CallDown)
    assert down.result.code == 1


@pytest.mark.parametrize(
    "message",
    [
        ICCN,
        Icrp(assigned_session_id=5),
        Wen(call_errors=CallErrors(0, 0, 0, 0, 0, 0)),
        Cdn(result_code=ResultCode(1), assigned_session_id=99),
    ],
    ids=lambda m: m.NAME,
)
def test_messages_for_calls_that_are_not_there_are_acknowledged_and_counted(
    message: Message,
) -> None:
    raw = Raw(endpoint()).up()
    raw.endpoint.events()
    assert names(raw.send(message, 4321)) == ["ZLB"]
    assert raw.endpoint.events() == []
    assert raw.endpoint.drops["message for a session that is not there"] == 1


def test_one_session_with_a_strange_avp_ends_alone() -> None:
    raw = Raw(endpoint()).up()
    session_id = talking(raw)
    strange = bytes.fromhex("8006 0000 03e7")
    (cdn,) = raw.send(encode(icrq(6)) + strange)
    assert isinstance(cdn, Cdn)
    assert (cdn.result_code.code, cdn.result_code.error) == (2, 8)
    assert "999" in cdn.result_code.message
    assert raw.answers[-1][0] == 6
    assert cdn.assigned_session_id
    (cdn,) = raw.send(encode(ICCN) + strange, session_id)
    assert isinstance(cdn, Cdn)
    assert (cdn.result_code.code, cdn.result_code.error) == (2, 8)
    (down,) = raw.endpoint.events()
    assert isinstance(down, CallDown)
    assert not down.by_peer
    assert raw.endpoint.tunnels() == [raw.their_tunnel_id]


# --- limits --------------------------------------------------------------------------------------


def test_one_call_too_many_is_refused_for_now() -> None:
    raw = Raw(endpoint(sessions_per_tunnel=2)).up()
    raw.send(icrq(1))
    raw.send(icrq(2))
    (cdn,) = raw.send(icrq(3))
    assert isinstance(cdn, Cdn)
    assert cdn.result_code.code == 4
    assert raw.answers[-1][0] == 3
    (down,) = [e for e in place_one_more(raw) if isinstance(e, CallDown)]
    assert (down.result.code, down.by_peer) == (4, False)


def place_one_more(raw: Raw) -> list[object]:
    raw.endpoint.events()
    raw.endpoint.place_call(raw.their_tunnel_id, raw.now)
    return list(raw.endpoint.events())


def test_a_call_in_a_tunnel_that_is_gone_is_down_at_once() -> None:
    core = endpoint()
    session_id = core.place_call(1234, 1000.0)
    (down,) = core.events()
    assert isinstance(down, CallDown)
    assert (down.tunnel_id, down.session_id) == (1234, session_id)
    assert (down.result.code, down.result.error) == (2, 1)
    core.accept_call(1234, session_id, 1000.0)
    core.connect_call(1234, session_id, 1000.0)
    core.close_call(1234, session_id, CLEARED, 1000.0)
    core.set_link_info(1234, session_id, 0, 0, 1000.0)
    assert (core.events(), core.transmits()) == ([], [])


def test_a_call_that_is_not_completed_in_time_is_ended() -> None:
    raw = Raw(endpoint(retransmit_limit=60)).up()
    accepted(raw)
    raw.send(b"")
    assert names(raw.wait(31))[0] == "CDN"
    (down,) = raw.endpoint.events()
    assert isinstance(down, CallDown)
    assert down.result.code == 10


def test_an_established_call_has_no_clock() -> None:
    raw = Raw(endpoint(hello_interval=10_000)).up()
    talking(raw)
    assert raw.wait(5000) == []


# --- SLI and WEN ---------------------------------------------------------------------------------


def test_accms_and_line_errors_reach_the_other_owner() -> None:
    wire = Wire()
    tunnel_id = wire.up()
    session_id = wire.lac.endpoint.place_call(tunnel_id, wire.now)
    wire.run(1)
    wire.forget()
    (key,) = wire.lns.endpoint._calls._sessions
    wire.lns.endpoint.set_link_info(key >> 16, key & 0xFFFF, 0xA0000, 0xFFFFFFFF, wire.now)
    errors = CallErrors(1, 2, 3, 4, 5, 6)
    wire.lac.endpoint.notify_errors(tunnel_id, session_id, errors, wire.now)
    wire.run(1)
    assert wire.lac.log == [LinkInfoSet(tunnel_id, session_id, 0xA0000, 0xFFFFFFFF)]
    assert wire.lns.log == [WanErrorsNotified(key >> 16, key & 0xFFFF, 1, 2, 3, 4, 5, 6)]


def test_sli_from_the_lac_and_wen_from_the_lns_are_out_of_place() -> None:
    wire = Wire()
    tunnel_id = wire.up()
    session_id = wire.lac.endpoint.place_call(tunnel_id, wire.now)
    wire.run(1)
    wire.forget()
    wire.lac.endpoint.set_link_info(tunnel_id, session_id, 1, 2, wire.now)
    (key,) = wire.lns.endpoint._calls._sessions
    wire.lns.endpoint.notify_errors(key >> 16, key & 0xFFFF, CallErrors(1, 2, 3, 4, 5, 6), wire.now)
    wire.run(1)
    assert wire.lac.log == wire.lns.log == []
    assert wire.lns.endpoint.drops["SLI out of place"] == 1
    assert wire.lac.endpoint.drops["WEN out of place"] == 1


# --- the end of a tunnel is the end of its calls -------------------------------------------------


def test_calls_go_down_before_their_tunnel() -> None:
    wire = Wire()
    tunnel_id = wire.up()
    for _ in range(3):
        wire.lac.endpoint.place_call(tunnel_id, wire.now)
    wire.run(1)
    wire.forget()
    wire.lac.endpoint.close(tunnel_id, Result(6, 0, "bye"), wire.now)
    wire.run(1)
    for host in (wire.lac, wire.lns):
        assert [type(e) for e in host.log] == [CallDown] * 3 + [ControlConnectionDown]
    assert wire.lac.sent_messages == ["CDN", "CDN", "CDN", "StopCCN"]
    wire.run(40)
    assert leftovers(wire.lac.endpoint) == leftovers(wire.lns.endpoint) == {}


def test_stopccn_alone_where_that_is_the_habit_or_calls_are_many() -> None:
    for lac, calls in (
        (endpoint(1, "lac", habits=Habits(close_call_first=False)), 1),
        (endpoint(1, "lac"), 40),
    ):
        wire = Wire(lac)
        tunnel_id = wire.up()
        for _ in range(calls):
            wire.lac.endpoint.place_call(tunnel_id, wire.now)
        wire.run(3)
        assert len(wire.lns.seen(CallUp)) == calls
        wire.forget()
        wire.lac.endpoint.close(tunnel_id, CLEARED, wire.now)
        wire.run(1)
        assert wire.lac.sent_messages == ["StopCCN"]
        assert len(wire.lns.seen(CallDown)) == calls
        wire.run(40)
        assert leftovers(wire.lac.endpoint) == leftovers(wire.lns.endpoint) == {}


def test_many_calls_in_one_tunnel_and_many_tunnels_from_one_address() -> None:
    wire = Wire()
    for _ in range(4):
        tunnel_id = wire.lac.endpoint.open(TO_LNS, wire.now)
        for _ in range(100):
            wire.lac.endpoint.place_call(tunnel_id, wire.now)
    wire.run(5)
    assert len(wire.lac.seen(CallUp)) == len(wire.lns.seen(CallUp)) == 400
    assert [t.sessions for t in wire.lns.endpoint.describe()] == [100] * 4


def test_foreign_avps_are_sent_and_do_no_harm() -> None:
    habits = Habits(foreign_avps=((311, 1, b"\0\1"), (311, 2, b"xyz")))
    wire = Wire(endpoint(1, "lac", habits=habits))
    wire.lac.endpoint.place_call(wire.up(), wire.now)
    wire.run(1)
    assert len(wire.lns.seen(CallUp)) == 1


def test_hello_does_not_disturb_a_call() -> None:
    raw = Raw(endpoint()).up()
    session_id = accepted(raw)
    assert names(raw.send(Hello())) == ["ZLB"]
    raw.send(ICCN, session_id)
    assert any(isinstance(e, CallUp) for e in raw.endpoint.events())


def test_a_peer_that_leaves_refusals_unacknowledged_is_not_kept_messages_for() -> None:
    raw = Raw(endpoint(sessions_per_tunnel=0)).up()
    raw.nr = 1
    for i in range(6000):
        raw.endpoint.receive(
            raw.path, pack_control(raw.their_tunnel_id, 0, 2 + i, 1, encode(icrq(1 + i))), raw.now
        )
    (connection,) = raw.endpoint._shared.connections.values()
    assert connection.channel.backlog <= 4096
    assert raw.endpoint.drops["call refused, result 4"] == 6000


def test_stopccn_is_an_end_for_both() -> None:
    raw = Raw(endpoint(), Path(LNS, Address(LAC.host, 999))).up()
    talking(raw)
    raw.send(StopCcn(assigned_tunnel_id=77, result_code=ResultCode(6)))
    kinds = [type(e) for e in raw.endpoint.events()]
    assert kinds == [CallDown, ControlConnectionDown]
