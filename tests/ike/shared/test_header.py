"""The header of both versions, whatever comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.ike.header import HEADER_OCTETS, Header, pack_header, parse_header
from talpa.wire import Malformed

HEADER = Header(b"initiate", b"response", 1, 2, 0, 34, 0x08, 7, 28)


def test_a_header_comes_back_as_it_was() -> None:
    data = pack_header(HEADER)
    assert data == b"initiateresponse" + bytes.fromhex("01 20 22 08 00000007 0000001c")
    assert parse_header(data) == HEADER


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "IKE header cut short"),
        (pack_header(HEADER)[:-1], "IKE header cut short"),
        (pack_header(HEADER) + b"\0", "IKE length is not the datagram's"),
        (pack_header(HEADER._replace(length=27)), "IKE length is not the datagram's"),
        (pack_header(HEADER._replace(length=29)), "IKE length is not the datagram's"),
        (pack_header(HEADER._replace(length=0xFFFFFFFF)), "IKE length is not the datagram's"),
        (pack_header(HEADER._replace(initiator_spi=bytes(8))), "IKE initiator SPI is zero"),
        (
            pack_header(HEADER._replace(length=0x10000)) + bytes(0x10000 - 28),
            "IKE message too long",
        ),
    ],
)
def test_what_is_no_header_is_told_by_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_header(data)
    assert caught.value.reason == reason


@given(st.binary(max_size=64))
def test_any_octets_are_a_header_or_malformed(data: bytes) -> None:
    try:
        header = parse_header(data)
    except Malformed:
        return
    assert header.length == len(data) >= HEADER_OCTETS
    assert pack_header(header) == data[:HEADER_OCTETS]
