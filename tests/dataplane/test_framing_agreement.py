"""The quick reader of data messages reads what the reader of the L2TP header reads."""

from hypothesis import example, given
from hypothesis import strategies as st

from talpa.dataplane.reference.framing import (
    FIRST_OPTIONAL,
    NO_NUMBER,
    data_header,
    numbered_header,
    parse_data_header,
)
from talpa.l2tp.v2.header import L, O, P, S, parse_data
from talpa.wire import Malformed

u16 = st.integers(0, 0xFFFF)
FLAGS = st.lists(st.sampled_from((L, S, O, P)), unique=True).map(lambda bits: sum(bits) | 2)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Data messages with optional fields, whole and cut short."""
    flags = draw(FLAGS.filter(lambda bits: bits >> 8 & FIRST_OPTIONAL))
    fields = draw(st.lists(st.integers(0, 40) | u16, min_size=2, max_size=9))
    octets = b"".join(field.to_bytes(2, "big") for field in fields)
    return flags.to_bytes(2, "big") + octets + draw(st.binary(max_size=20))


@given(messages())
@example(bytes.fromhex("4002 0003 0001 0002"))
@example(bytes.fromhex("0202 0001 0002 ffff"))
def test_both_readers_of_a_data_message_agree(data: bytes) -> None:
    quick = parse_data_header(data)
    try:
        header = parse_data(data)
    except Malformed:
        assert isinstance(quick, str)
        return
    ids = header.tunnel_id.to_bytes(2, "big") + header.session_id.to_bytes(2, "big")
    number = NO_NUMBER if header.ns is None else header.ns
    assert quick == (ids, number, header.start, header.end)


@given(u16, u16, st.none() | st.integers(0, 30), u16)
def test_what_the_plane_writes_is_read_back(
    tunnel_id: int, session_id: int, offset: int | None, number: int
) -> None:
    plain = parse_data(data_header(tunnel_id, session_id, offset))
    numbered = parse_data(numbered_header(tunnel_id, session_id, offset, number))
    assert (plain.tunnel_id, plain.session_id, plain.ns) == (tunnel_id, session_id, None)
    assert (numbered.tunnel_id, numbered.session_id) == (tunnel_id, session_id)
    assert (numbered.ns, numbered.nr) == (number, 0)
