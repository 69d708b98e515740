"""The declarations that dissection and reference tables are made from."""

import pytest

from talpa.ppp.frames import CODES, PROTOCOLS, Code, Protocol, protocol_name
from talpa.ppp.registry import NEGOTIATED, OPTIONS, code_name, option, reference_rows
from talpa.wire import Malformed


def test_options_are_found_by_protocol_and_type() -> None:
    row = option(0xC021, 5)
    assert row is not None
    assert (row.name, row.rfc) == ("Magic-Number", "RFC 1661 6.4")
    assert option(0x8021, 5) is None
    wins = option(0x8021, 130)
    assert wins is not None
    assert str(wins.codec.decode(b"\x0a\0\0\1")) == "10.0.0.1"


@pytest.mark.parametrize("key", OPTIONS)
@pytest.mark.parametrize("size", range(12))
def test_every_option_decodes_or_is_malformed(key: tuple[int, int], size: int) -> None:
    codec = OPTIONS[key].codec
    data = bytes(range(1, size + 1))
    try:
        value = codec.decode(data)
    except Malformed:
        return
    assert codec.encode(value) == data


def test_an_authentication_option_falls_into_its_parts() -> None:
    row = OPTIONS[Protocol.LCP, 3]
    assert row.codec.parts is not None
    (protocol, algorithm) = row.codec.parts(b"\xc2\x23\x81")
    assert protocol == ("Authentication-Protocol", Protocol.CHAP)
    assert algorithm == ("Data", b"\x81")


def test_every_number_has_a_name_or_shows_itself() -> None:
    assert set(PROTOCOLS) == set(Protocol)
    assert set(CODES) == set(Code)
    assert protocol_name(0x80FD).startswith("CCP")
    assert protocol_name(0x1234) == "protocol 0x1234"
    assert code_name(Protocol.LCP, 9) == "Echo-Request"
    assert code_name(Protocol.IPCP, 9) == "code 9"
    assert str(Protocol(0x1234)) == "unknown (4660)"


def test_the_reference_lists_everything_once() -> None:
    rows = reference_rows()
    assert len(rows) == len(PROTOCOLS) + len(CODES) + len(OPTIONS)
    assert len({(row.protocol, row.number) for row in rows}) == len(rows)
    assert all(row.name for row in rows)


def test_what_is_negotiated_has_options() -> None:
    assert {protocol for protocol, _ in OPTIONS} <= NEGOTIATED
