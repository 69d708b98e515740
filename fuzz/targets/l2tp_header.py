"""The L2TP message header."""

from collections.abc import Iterator
from contextlib import suppress

from talpa.dataplane.reference.framing import NO_NUMBER, parse_data_header
from talpa.l2tp.v2.header import DataHeader, is_control, pack_control, parse_control, parse_data
from talpa.wire import Malformed


def check(data: bytes) -> None:
    """A header is parsed or `Malformed`. What was parsed is written, and parsed as the same. The
    header of a data message means the same to the control plane and to the data plane."""
    is_control(data)
    try:
        header, body = parse_control(data)
    except Malformed:
        pass
    else:
        assert parse_control(pack_control(*header, body)) == (header, body)
    found: DataHeader | None = None
    with suppress(Malformed):
        found = parse_data(data)
    if len(data) < 6 or data[0] & 0x80 or data[1] & 0x0F != 2:
        assert found is None
        return
    other = parse_data_header(data)
    if found is None:
        assert isinstance(other, str), other
        return
    assert found.end <= len(data)
    assert not isinstance(other, str), other
    ids = found.tunnel_id.to_bytes(2, "big") + found.session_id.to_bytes(2, "big")
    number = NO_NUMBER if found.ns is None else found.ns
    assert other == (ids, number, found.start, found.end)


def seeds() -> Iterator[bytes]:
    """Headers with and without each field."""
    yield pack_control(1, 2, 3, 4, b"")
    yield pack_control(1, 0, 3, 4, bytes.fromhex("800800000000000600"))
    for flags in range(16):
        first = (flags & 1) << 6 | (flags & 2) << 2 | (flags & 4) >> 1 | (flags & 8) >> 3
        yield bytes((first, 2, 0, 24, 0, 3, 0, 4, 0, 5, 0, 6, 0, 2)) + bytes(10)
