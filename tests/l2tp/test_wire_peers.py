"""Messages in the shapes that real peers send."""

import struct

import pytest

from talpa.l2tp.v2.header import parse_control
from talpa.l2tp.v2.messages import (
    Cdn,
    Hello,
    Iccn,
    Icrq,
    ResultCode,
    Sccrq,
    StopCcn,
    encode,
    parse,
)
from talpa.l2tp.values import ProtocolVersion


def avp(number: int, value: bytes, *, m: bool = True, vendor: int = 0) -> bytes:
    return struct.pack("!HHH", 0x8000 * m | 6 + len(value), vendor, number) + value


def test_xl2tpd_sccrq() -> None:
    """The AVPs of xl2tpd 1.3.18, in its order, in a whole datagram."""
    body = (
        avp(0, b"\0\1")
        + avp(2, b"\1\0")
        + avp(3, b"\0\0\0\3")
        + avp(4, bytes(4))
        + avp(6, b"\x06\x90", m=False)
        + avp(7, b"client")
        + avp(8, b"xelerance.com", m=False)
        + avp(9, b"\xb1\x6d")
        + avp(10, b"\0\4")
    )
    datagram = struct.pack("!HHHHHH", 0xC802, 12 + len(body), 0, 0, 0, 0) + body
    header, rest = parse_control(datagram)
    assert header == (0, 0, 0, 0)
    assert parse(rest) == Sccrq(
        protocol_version=ProtocolVersion(1, 0),
        framing_capabilities=3,
        bearer_capabilities=0,
        firmware_revision=0x0690,
        host_name="client",
        vendor_name="xelerance.com",
        assigned_tunnel_id=0xB16D,
        receive_window_size=4,
    )


def test_xl2tpd_iccn() -> None:
    """Speeds of 0, and Rx Connect Speed without M bit."""
    message = parse(
        avp(0, b"\0\x0c") + avp(24, bytes(4)) + avp(19, b"\0\0\0\1") + avp(38, bytes(4), m=False)
    )
    assert message == Iccn(tx_connect_speed=0, framing_type=1, rx_connect_speed=0)
    assert message.faults == ()


def test_windows_icrq_with_microsoft_avps_and_small_numbers() -> None:
    """Vendor 311's attributes 1 and 2 are not taken for Result Code and Protocol Version."""
    message = parse(
        avp(0, b"\0\x0a")
        + avp(14, b"\0\1")
        + avp(15, bytes(4))
        + avp(18, b"\0\0\0\2")
        + avp(1, b"\0\0\0\0", m=False, vendor=311)
        + avp(2, bytes(16), m=False, vendor=311)
    )
    assert isinstance(message, Icrq)
    assert message.faults == ()
    assert message.ignored == ()
    assert [(a.vendor, a.number) for a in message.vendor_avps] == [(311, 1), (311, 2)]
    assert (message.assigned_session_id, message.call_serial_number) == (1, 0)


def test_windows_empty_host_name() -> None:
    message = parse(
        avp(0, b"\0\1") + avp(2, b"\1\0") + avp(7, b"") + avp(3, b"\0\0\0\1") + avp(9, b"\0\3")
    )
    assert isinstance(message, Sccrq)
    assert message.faults == ()
    assert message.host_name == ""


def test_android_stopccn_of_two_octets() -> None:
    message = parse(avp(0, b"\0\4") + avp(9, b"\0\7") + avp(1, b"\0\6"))
    assert message == StopCcn(assigned_tunnel_id=7, result_code=ResultCode(6, None))
    assert encode(message) == avp(0, b"\0\4") + avp(9, b"\0\7") + avp(1, b"\0\6")


@pytest.mark.parametrize("code", [1, 2, 3, 6, 12])
def test_apple_swapped_result_code(code: int) -> None:
    """Little endian, alone and with an Error Code: set right, and written so when asked."""
    short = avp(0, b"\0\x0e") + avp(1, bytes((code, 0))) + avp(14, b"\0\7")
    message = parse(short)
    assert isinstance(message, Cdn)
    assert message.result_code == ResultCode(code, None, swapped=True)
    long = avp(0, b"\0\x0e") + avp(1, bytes((code, 0, 6, 0)) + b"bye") + avp(14, b"\0\7")
    message = parse(long)
    assert isinstance(message, Cdn)
    assert message.result_code == ResultCode(code, 6, "bye", swapped=True)
    assert encode(message) == long


def test_our_result_code_has_an_error_code() -> None:
    """xl2tpd expects the AVP with its Error Code, though it may be left out."""
    body = encode(StopCcn(assigned_tunnel_id=7, result_code=ResultCode(6)))
    assert avp(1, b"\0\6\0\0") in body


def test_android_demands_of_the_message_type() -> None:
    """First, M set, H clear, length 8."""
    assert encode(Hello()) == bytes.fromhex("8008000000000006")
