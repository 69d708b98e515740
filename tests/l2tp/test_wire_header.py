"""The L2TPv2 header: what is read is what was written, and what is wrong has its reason."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.l2tp.v2.header import (
    FIELDS,
    ControlHeader,
    DataHeader,
    is_control,
    pack_control,
    pack_data_header,
    parse_control,
    parse_data,
)
from talpa.wire import Malformed

u16 = st.integers(0, 0xFFFF)


@given(u16, u16, u16, u16, st.binary(max_size=64))
def test_control_round_trip(tunnel: int, session: int, ns: int, nr: int, body: bytes) -> None:
    data = pack_control(tunnel, session, ns, nr, body)
    assert is_control(data)
    assert parse_control(data) == (ControlHeader(tunnel, session, ns, nr), body)
    with pytest.raises(Malformed):
        parse_data(data)


def test_control_header_on_the_wire() -> None:
    """RFC 2661 3.1: T, L and S set, version 2, Length over all."""
    data = pack_control(0x1122, 0x3344, 0x5566, 0x7788, b"ab")
    assert data.hex() == "c802000e1122334455667788" + b"ab".hex()


@given(
    u16,
    u16,
    st.none() | u16,
    u16,
    st.none() | st.integers(0, 40),
    st.booleans(),
    st.binary(max_size=40),
)
def test_data_round_trip(
    tunnel: int,
    session: int,
    ns: int | None,
    nr: int,
    offset: int | None,
    priority: bool,
    frame: bytes,
) -> None:
    data = pack_data_header(tunnel, session, ns, nr, offset=offset, priority=priority) + frame
    header = parse_data(data)
    assert header[:2] == (tunnel, session)
    assert (header.ns, header.nr) == ((None, None) if ns is None else (ns, nr))
    assert header.priority is priority
    assert data[header.start : header.end] == frame
    assert not is_control(data)
    with pytest.raises(Malformed, match="data message where control was due"):
        parse_control(data)


def test_data_header_is_six_octets_without_options() -> None:
    assert pack_data_header(1, 2).hex() == "000200010002"


def test_data_with_length_ends_there() -> None:
    data = struct.pack("!HHHH", 0x4002, 11, 7, 8) + b"frame and more"
    assert parse_data(data) == DataHeader(7, 8, None, None, priority=False, start=8, end=11)


def test_every_flag_word() -> None:
    """All 65536 first words: taken exactly where RFC 2661 3.1 allows, otherwise `Malformed`."""
    rest = struct.pack("!HHHHH", 20, 1, 2, 3, 4) + bytes(8)
    for flags in range(0x10000):
        data = struct.pack("!H", flags) + rest
        try:
            parse_control(data)
            taken = True
        except Malformed:
            taken = False
        assert taken == (flags & 0xCA0F == 0xC802), f"{flags:#06x}"
        try:
            header = parse_data(data)
            assert 6 <= header.start <= header.end <= len(data)
            taken = True
        except Malformed:
            taken = False
        assert taken == (flags & 0x800F == 0x0002), f"{flags:#06x}"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "header: cut short"),
        (b"\xc8", "header: cut short"),
        (bytes.fromhex("c802000b0001000200030004"), "header: Length too small"),
        (bytes.fromhex("c802000d0001000200030004"), "header: Length beyond datagram"),
        (bytes.fromhex("8802000c0001000200030004"), "control message without Length"),
        (bytes.fromhex("c002000c0001000200030004"), "control message without Ns and Nr"),
        (bytes.fromhex("ca02000c0001000200030004"), "control message with offset"),
        (bytes.fromhex("c801000c0001000200030004"), "L2F packet"),
        (bytes.fromhex("c803000c0001000200030004"), "L2TPv3 message"),
        (bytes.fromhex("c804000c0001000200030004"), "header: unknown version"),
        (bytes.fromhex("0002000c0001000200030004"), "data message where control was due"),
    ],
)
def test_control_refused_with_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_control(data)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("00020001", "header: cut short"),
        ("c80200010002", "control message where data was due"),
        ("000100010002", "L2F packet"),
        ("000300010002", "L2TPv3 message"),
        ("4002000900010002", "header: Length beyond datagram"),
        ("4002000700010002", "header: payload beyond end"),
        ("08020001000200", "header: cut short"),
        ("02020001000200", "header: cut short"),
        ("0202000100020001", "header: payload beyond end"),
    ],
)
def test_data_refused_with_reason(data: str, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_data(bytes.fromhex(data))
    assert caught.value.reason == reason


def test_every_truncation_is_refused_or_whole() -> None:
    control = pack_control(1, 2, 3, 4, b"body")
    for size in range(len(control)):
        with pytest.raises(Malformed):
            parse_control(control[:size])
    data = pack_data_header(1, 2, 3, 4, offset=5)
    for size in range(len(data)):
        with pytest.raises(Malformed):
            parse_data(data[:size])


def test_octets_behind_length_and_priority_bit_are_ignored() -> None:
    data = pack_control(1, 2, 3, 4, b"")
    assert parse_control(data + b"\0\0") == (ControlHeader(1, 2, 3, 4), b"")
    assert parse_control(b"\xc9" + data[1:]) == (ControlHeader(1, 2, 3, 4), b"")


@given(st.binary(max_size=40))
def test_any_octets(data: bytes) -> None:
    is_control(data)
    for parse in (parse_control, parse_data):
        with suppress(Malformed):
            parse(data)


def test_declared_fields_fill_whole_words() -> None:
    assert sum(f.bits for f in FIELDS if f.bits < 16) == 16
    assert [f.name for f in FIELDS if f.bits == 16] == [
        "Length",
        "Tunnel ID",
        "Session ID",
        "Ns",
        "Nr",
        "Offset Size",
    ]
