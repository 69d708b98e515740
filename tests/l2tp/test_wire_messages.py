"""Control messages: round trips of every row, hostile octets, and what RFC 2661 4.1 demands."""

import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talpa.l2tp import avps, values
from talpa.l2tp.avps import AVPS, BROADBAND_FORUM, MOST_OCTETS, Avp
from talpa.l2tp.v2.body import MOST_AVPS
from talpa.l2tp.v2.messages import (
    Cdn,
    Csun,
    Hello,
    Iccn,
    Icrq,
    Message,
    RawAvp,
    ResultCode,
    Scccn,
    Sccrq,
    StopCcn,
    UnknownMessage,
    encode,
    iter_avps,
    message_types,
    parse,
    reference_rows,
)
from talpa.l2tp.values import (
    AccessLineType,
    AccessLoopEncapsulation,
    Accm,
    CallErrors,
    ConnectSpeedUpdate,
    DisconnectCode,
    GeneralError,
    PppDisconnectCause,
    ProtocolVersion,
    ProxyAuthenType,
    Q931Cause,
)
from talpa.wire import Malformed, Secret

SECRET = Secret("hush")
VECTOR = bytes(range(16))
CLASSES = message_types()
ROWS = sorted({(row.vendor, row.number) for row in AVPS.values()})

u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
text = st.text(max_size=40)
COMPOSITE: dict[str, st.SearchStrategy[Any]] = {
    "Result Code": st.builds(
        ResultCode, st.integers(0, 255), st.integers(0, 255), text, st.just(value=False)
    )
    | st.builds(
        ResultCode, st.integers(1, 255), st.none() | st.integers(0, 255), st.just(""), st.booleans()
    ),
    "Protocol Version": st.builds(ProtocolVersion, u8, u8),
    "Q.931 Cause Code": st.builds(Q931Cause, u16, u8, text),
    "Call Errors": st.builds(CallErrors, u32, u32, u32, u32, u32, u32),
    "ACCM": st.builds(Accm, u32, u32),
    "PPP Disconnect Cause Code": st.builds(
        PppDisconnectCause, u16.map(DisconnectCode), u16, u8, text
    ),
    "Proxy Authen Type": u16.map(ProxyAuthenType),
    "Connect Speed Update": st.builds(ConnectSpeedUpdate, u16, u32, u32),
    "Access-Loop-Encapsulation": st.builds(AccessLoopEncapsulation, u8, u8, u8),
    "ANCP Access Line Type": st.integers(1, 255).map(AccessLineType),
}


def value_of(row: Avp[Any]) -> st.SearchStrategy[Any]:
    """Values that the row can carry."""
    codec = row.codec
    if row.name in COMPOSITE:
        return COMPOSITE[row.name]
    if codec.name == "u16, not 0":
        return st.integers(1, 0xFFFF)
    if codec.name.startswith("nothing"):
        return st.just(value=True)
    for name, strategy in (("u16", u16), ("u32", u32), ("u64", u64), ("text", text)):
        if codec.name.startswith(name):
            return strategy
    return st.binary(min_size=codec.least, max_size=codec.most or 60)


@st.composite
def messages(draw: st.DrawFn, cls: type[Message] | None = None) -> Message:
    cls = cls or draw(st.sampled_from(CLASSES))
    chosen: dict[str, Any] = {}
    for slot in cls.LAYOUT.slots:
        if slot.several:
            chosen[slot.field] = tuple(draw(st.lists(value_of(slot.avp), max_size=4)))
        elif slot.must or draw(st.booleans()):
            chosen[slot.field] = draw(value_of(slot.avp))
    return cls(**chosen)


def raw(
    number: int, value: bytes = b"", *, m: bool = False, h: bool = False, vendor: int = 0
) -> bytes:
    flags = (0x8000 if m else 0) | (0x4000 if h else 0)
    return struct.pack("!HHH", flags | 6 + len(value), vendor, number) + value


def begin(cls: type[Message]) -> bytes:
    return cls.LAYOUT.first


SCCRQ = encode(Sccrq(framing_capabilities=3, host_name="lac", assigned_tunnel_id=5))


@given(messages())
def test_round_trip(message: Message) -> None:
    body = encode(message)
    assert body.startswith(
        bytes.fromhex("8008000000" if message.MANDATORY else "0008000000") + b"\0"
    )
    again = parse(body)
    assert again == message
    assert type(again) is type(message)
    assert (again.faults, again.ignored, again.vendor_avps) == ((), (), ())
    assert encode(again) == body


@given(messages(), st.binary(min_size=1, max_size=32), st.binary(max_size=20))
def test_hidden_round_trip(message: Message, vector: bytes, secret: bytes) -> None:
    body = encode(message, hide_with=Secret(secret), random_vector=vector)
    again = parse(body, Secret(secret))
    assert again == message
    assert (again.faults, again.ignored) == ((), ())


def test_what_is_personal_leaves_hidden() -> None:
    message = Iccn(
        tx_connect_speed=1,
        framing_type=1,
        proxy_authen_name="alice",
        proxy_authen_response=b"correct horse battery staple, and more",
    )
    body = encode(message, hide_with=SECRET, random_vector=VECTOR)
    assert b"alice" not in body
    assert b"horse" not in body
    seen = list(iter_avps(body))
    numbers = [avp.raw.number for avp in seen if avp.raw]
    assert numbers == [0, 24, 19, 36, 30, 33]
    assert [avp.raw.hidden for avp in seen if avp.raw] == [False] * 4 + [True] * 2
    assert parse(body, SECRET) == message
    with pytest.raises(ValueError, match="random vector"):
        encode(message, hide_with=SECRET)


def test_no_random_vector_where_nothing_is_hidden() -> None:
    assert encode(Hello(), hide_with=SECRET) == encode(Hello())


def test_rows_that_may_not_be_hidden_are_not() -> None:
    assert not [row.name for row in AVPS.values() if row.personal and not row.hideable]


@pytest.mark.parametrize("key", ROWS)
def test_every_row_every_length(key: tuple[int, int]) -> None:
    """Lengths 0 to 40, all M and H bits, every truncation: a message or `Malformed`, never else."""
    vendor, number = key
    row = AVPS[key]
    home = next((c for c in CLASSES if row.key in c.LAYOUT.by_key), Hello)
    for cls in (home, Hello):
        head = begin(cls)
        for size in range(41):
            for m in (False, True):
                for h in (False, True):
                    avp = raw(number, b"\x01" * size, m=m, h=h, vendor=vendor)
                    for vector in (b"", raw(36, VECTOR, m=True)):
                        parse(head + vector + avp, SECRET)
                        parse(head + vector + avp)
                        assert not [s for s in iter_avps(head + vector + avp, SECRET) if not s.raw]
            for cut in range(1, 6 + size):
                with pytest.raises(Malformed):
                    parse(head + raw(number, b"\x01" * size, m=True, vendor=vendor)[:cut])


@given(st.sampled_from(CLASSES), st.binary(max_size=120))
def test_any_octets_behind_a_message_type(cls: type[Message], rest: bytes) -> None:
    for secret in (None, SECRET):
        with suppress(Malformed):
            message = parse(begin(cls) + rest, secret)
            assert type(message) is cls
            repr(message)
        list(iter_avps(begin(cls) + rest, secret))


@given(st.binary(max_size=60))
def test_any_octets(body: bytes) -> None:
    seen = list(iter_avps(body, SECRET))
    assert len(seen) <= len(body) // 6 + 1
    with suppress(Malformed):
        parse(body, SECRET)


@settings(max_examples=60)
@given(messages(), st.data())
def test_flipped_octets_and_purity(message: Message, data: st.DataObject) -> None:
    """Damage never raises anything but `Malformed`, and leaves no trace in the next parse."""
    body = bytearray(encode(message))
    whole = parse(bytes(body))
    for _ in range(4):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(u8)
        with suppress(Malformed):
            parse(bytes(body), SECRET)
    assert parse(encode(message)) == whole


@pytest.mark.parametrize(
    "body",
    [
        b"",
        raw(7, b"host", m=True),
        raw(0, b"\0", m=True),
        raw(0, b"\0\0\1", m=True) + b"\0",
        raw(0, b"\0\1", m=True, h=True),
        raw(0, b"\0\1", m=True, vendor=9),
        b"\x84\x08\0\0\0\0\0\1",
    ],
)
def test_message_type_first_and_in_its_form(body: bytes) -> None:
    with pytest.raises(Malformed, match="Message Type"):
        parse(body)


@pytest.mark.parametrize("mandatory", [True, False])
def test_unknown_message_type(mandatory: bool) -> None:
    message = parse(raw(0, b"\x00\x63", m=mandatory) + raw(1))
    assert isinstance(message, UnknownMessage)
    assert (message.type, message.mandatory) == (99, mandatory)


def test_unknown_avps_are_kept_where_they_may() -> None:
    body = SCCRQ + raw(1, b"\0\1", vendor=311) + raw(4000, b"x") + raw(2, b"y", vendor=311)
    message = parse(body)
    assert message.faults == ()
    assert message.vendor_avps == (
        RawAvp(311, 1, mandatory=False, hidden=False, value=b"\0\1"),
        RawAvp(0, 4000, mandatory=False, hidden=False, value=b"x"),
        RawAvp(311, 2, mandatory=False, hidden=False, value=b"y"),
    )
    assert parse(encode(message)) == message


def test_unknown_hidden_avp_leaves_hidden_again() -> None:
    kept = RawAvp(311, 9, mandatory=False, hidden=True, value=b"private")
    message = Hello(vendor_avps=(kept,))
    body = encode(message, hide_with=SECRET, random_vector=VECTOR)
    assert b"private" not in body
    assert parse(body, SECRET).vendor_avps == (kept,)
    unread = parse(body)
    assert (unread.vendor_avps, unread.faults, len(unread.ignored)) == ((), (), 1)
    with pytest.raises(ValueError, match="may not leave in clear"):
        encode(message)


def test_foreign_avps_are_added() -> None:
    body = encode(Hello(), foreign=((311, 2, b"x"),))
    assert parse(body).vendor_avps == (RawAvp(311, 2, mandatory=False, hidden=False, value=b"x"),)


@pytest.mark.parametrize(
    ("avp", "what", "vendor", "attribute", "error", "says"),
    [
        (raw(4000, b"x", m=True), "unknown mandatory AVP", 0, 4000, 8, "attribute 4000"),
        (raw(1, b"x", m=True, vendor=311), "unknown mandatory AVP", 311, 1, 8, "vendor 311"),
        (raw(4000, b"x" * 9, m=True, h=True), "unknown mandatory AVP", 0, 4000, 8, "4000"),
        (raw(10, b"x", m=True), "bad value of mandatory AVP", 0, 10, 2, "Receive Window Size"),
        (raw(11, b"", m=True), "bad value of mandatory AVP", 0, 11, 2, "Challenge"),
        (raw(4, b"12345678", m=True, h=True), "bad value of mandatory AVP", 0, 4, 3, "secret"),
        (b"\xa0\x08\0\0\0\x0a\0\4", "reserved bit set in AVP", 0, 10, 8, "Receive Window Size"),
    ],
)
def test_faults(avp: bytes, what: str, vendor: int, attribute: int, error: int, says: str) -> None:
    """RFC 2661 4.1, 7.1: with the M bit it ends the tunnel or call, and the answer says why."""
    message = parse(SCCRQ + avp)
    [fault] = message.faults
    assert (fault.what, fault.vendor, fault.attribute) == (what, vendor, attribute)
    assert fault.error is GeneralError(error)
    assert says in fault.text
    assert isinstance(message, Sccrq)
    assert message.host_name == "lac"


@pytest.mark.parametrize(
    "avp",
    [
        raw(6, b"x"),
        raw(38, b"\0\0"),
        raw(10, b"x"),
        raw(4, b"12345678", h=True),
        b"\x20\x08\0\0\0\x0a\0\4",
        raw(36, VECTOR, h=True),
    ],
)
def test_what_is_wrong_without_m_bit_is_ignored_with_a_note(avp: bytes) -> None:
    message = parse(SCCRQ + avp)
    assert message.faults == ()
    assert len(message.ignored) == 1
    assert message == parse(SCCRQ)


def test_avp_of_another_message_is_ignored() -> None:
    message = parse(begin(Hello) + raw(14, b"\0\1", m=True))
    assert message == Hello()
    assert message.ignored == ("Assigned Session ID (attribute 14) does not belong in HELLO",)


@pytest.mark.parametrize("cls", CLASSES)
def test_missing_required_avps(cls: type[Message]) -> None:
    message = parse(begin(cls))
    required = {slot.avp.name for slot in cls.LAYOUT.slots if slot.must and not slot.several}
    said = message.ignored if cls.LAST else tuple(fault.text for fault in message.faults)
    assert said == tuple(
        f"{slot.avp.name} is missing in {cls.NAME}"
        for slot in cls.LAYOUT.slots
        if slot.avp.name in required
    )
    if cls.LAST:
        assert message.faults == ()
    for slot in cls.LAYOUT.slots:
        getattr(message, slot.field)


def test_one_fault_for_one_bad_required_avp() -> None:
    body = begin(Icrq) + raw(14, b"\0\0", m=True) + raw(15, bytes(4), m=True)
    [fault] = parse(body).faults
    assert (fault.attribute, fault.error) == (14, GeneralError.OUT_OF_RANGE)


def test_goodbyes_have_no_faults() -> None:
    """StopCCN and CDN end what they end, whatever else is in them."""
    for cls in (StopCcn, Cdn):
        message = parse(begin(cls) + raw(4000, m=True) + raw(1, b"\0", m=True))
        assert message.faults == ()
        assert message.ignored
        assert isinstance(message, StopCcn | Cdn)
        assert message.result_code.code == 0


def test_first_of_two_counts() -> None:
    message = parse(SCCRQ + raw(7, b"other", m=True))
    assert isinstance(message, Sccrq)
    assert message.host_name == "lac"
    assert "more than once" in message.ignored[0]


def test_the_last_random_vector_counts() -> None:
    one = encode(Icrq(assigned_session_id=1, call_serial_number=2, calling_number="123"))
    first = encode(parse(one), hide_with=SECRET, random_vector=b"first vector")
    at = first.index(b"first vector") - 6
    decoy = raw(36, b"decoy", m=True)
    assert parse(first[:at] + decoy + first[at:], SECRET) == parse(one)
    wrong = parse(first[:at] + first[at : at + 18] + decoy + first[at + 18 :], SECRET)
    assert wrong != parse(one)


def test_hidden_without_random_vector() -> None:
    message = parse(SCCRQ + raw(11, b"123456", m=True, h=True), SECRET)
    assert "Random Vector" in message.faults[0].text


def test_draft_disconnect_cause_of_3com() -> None:
    """RFC 3145 4: vendor 43, attribute 46 is taken as the standard one, and never sent."""
    value = bytes.fromhex("0010c22301") + b"no"
    body = encode(Cdn(result_code=ResultCode(3), assigned_session_id=1))
    message = parse(body + raw(46, value, vendor=43))
    assert isinstance(message, Cdn)
    assert message.ppp_disconnect_cause == PppDisconnectCause(
        DisconnectCode.AUTHENTICATION_FAILED, 0xC223, 1, "no"
    )
    assert str(message.ppp_disconnect_cause) == "authentication failed (no)"
    assert raw(46, value) in encode(message)


def test_avp_count_is_bounded() -> None:
    body = begin(Hello) + raw(4000) * MOST_AVPS
    assert len(parse(body).vendor_avps) == MOST_AVPS
    with pytest.raises(Malformed, match="too many AVPs"):
        parse(body + raw(4000))


def test_value_too_long_for_an_avp() -> None:
    Scccn(challenge_response=bytes(16))
    fits = Icrq(assigned_session_id=1, call_serial_number=1, calling_number="1" * MOST_OCTETS)
    assert parse(encode(fits)) == fits
    with pytest.raises(ValueError, match="do not fit"):
        encode(Icrq(assigned_session_id=1, call_serial_number=1, called_number="1" * 1018))
    with pytest.raises(ValueError, match="do not fit"):
        encode(fits, hide_with=SECRET, random_vector=VECTOR)


def test_text_of_any_octets() -> None:
    """Control characters, NUL and octets that are not UTF-8 are taken as they come."""
    message = parse(begin(Icrq) + raw(22, b"\x00\xff\x1b[31m\xc3\xa9", m=True))
    assert isinstance(message, Icrq)
    assert message.calling_number == "\x00\ufffd\x1b[31m\u00e9"


def test_repr_shows_what_is_set_and_no_secret() -> None:
    message = Iccn(tx_connect_speed=7, framing_type=1, proxy_authen_response=b"password")
    assert repr(message) == "Iccn(tx_connect_speed=7, framing_type=1)"


def test_access_line_by_name() -> None:
    message = Icrq(
        assigned_session_id=1,
        call_serial_number=2,
        agent_circuit_id="an1 eth 3/0:100",
        actual_data_rate_downstream=100_000_000,
        access_line_type=AccessLineType.VDSL2,
    )
    again = parse(encode(message))
    assert isinstance(again, Icrq)
    assert (
        again.access_line()
        == message.access_line()
        == (
            ("Agent-Circuit-Id", "an1 eth 3/0:100"),
            ("Actual-Data-Rate-Downstream", 100_000_000),
            ("ANCP Access Line Type", AccessLineType.VDSL2),
        )
    )


def test_access_line_type_in_any_octet() -> None:
    codec = avps.ACCESS_LINE_TYPE.codec
    assert codec.decode(b"\5\0\0\0") == codec.decode(b"\0\0\0\5") == AccessLineType.VDSL2
    assert codec.encode(AccessLineType.VDSL2) == b"\5\0\0\0"


def test_several_speed_updates() -> None:
    updates = (ConnectSpeedUpdate(1, 2, 3), ConnectSpeedUpdate(4, 5, 6))
    message = parse(encode(Csun(connect_speed_updates=updates)))
    assert isinstance(message, Csun)
    assert message.connect_speed_updates == updates


def test_dissection_shows_values_and_problems() -> None:
    body = SCCRQ + raw(36, VECTOR, m=True) + raw(9, b"\0\0", m=True) + b"\x80\x09\0\0"
    seen = list(iter_avps(body))
    assert [avp.value for avp in seen[:5]] == [1, ProtocolVersion(1, 0), 3, "lac", 5]
    assert [bool(avp.problem) for avp in seen] == [False] * 6 + [True, True]
    assert seen[-1].raw is None
    assert [avp.offset for avp in seen][:3] == [0, 8, 16]


def test_dissection_of_parts_and_bits() -> None:
    parts = avps.RESULT_CODE.codec.parts
    assert parts is not None
    assert parts(b"\0\2\0\6why") == [
        ("result code", 2),
        ("error code", 6),
        ("error message", "why"),
    ]
    show = avps.FRAMING_TYPE.codec.show
    assert show is not None
    assert [show(n) for n in (0, 1, 3, 6)] == [
        "0x0",
        "synchronous",
        "synchronous, asynchronous",
        "asynchronous, 0x4",
    ]


def test_every_number_of_the_rfcs_has_its_row() -> None:
    table = {(row.vendor, row.number) for row in reference_rows()[1]}
    rfc2661 = {(0, n) for n in range(40) if n != 20}
    later = {(0, n) for n in (46, 47, 48, 49, 50, 51, 52, 97, 98)}
    access = {(BROADBAND_FORUM, n) for n in (1, 2, *range(129, 143), 144, 145, 254)}
    assert table == rfc2661 | later | access
    assert all(row.messages for row in reference_rows()[1])
    assert [row.number for row in reference_rows()[0]] == [
        *range(1, 5),
        *range(6, 13),
        *range(14, 17),
        28,
        29,
    ]


def test_m_bits_are_the_rfcs() -> None:
    """RFC 2661 4.4: the M bit MUST be 1 for all but these; RFC 3145, 3308, 3437, 5515: 0."""
    clear = {row.number for row in reference_rows()[1] if not row.mandatory and not row.vendor}
    assert clear == {5, 6, 8, 25, *range(26, 34), 37, 38, 46, 47, 48, 49, 50, 51, 52, 97, 98}
    never_hidden = {row.number for row in reference_rows()[1] if not row.hideable}
    assert never_hidden == {0, 1, 2, 5, 7, 10, 12, 36, 39}


def test_named_numbers_have_texts() -> None:
    for kind in (
        values.StopCcnResult,
        values.CdnResult,
        values.GeneralError,
        values.DisconnectCode,
    ):
        for member in kind:
            assert member.text != str(member)
        assert kind(9999).text == "unknown (9999)"
