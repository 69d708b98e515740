"""Lists of configuration options, and their values."""

from collections.abc import Iterator

from talpa.ppp.options import emit_options, parse_options
from talpa.ppp.registry import OPTIONS
from talpa.wire import Malformed


def check(data: bytes) -> None:
    """A list is parsed or `Malformed`, and what was parsed is written as it was. A value is decoded
    or `Malformed`, and what was decoded is written as it was, unless it was no UTF-8."""
    try:
        found = parse_options(data)
    except Malformed:
        return
    assert emit_options(found) == data
    for kind, value in found:
        for (_, row_kind), row in OPTIONS.items():
            if row_kind != kind:
                continue
            try:
                decoded = row.codec.decode(value)
            except Malformed:
                continue
            assert row.codec.encode(decoded) == value, (row.name, value)
            if row.codec.parts is not None:
                row.codec.parts(value)


def seeds() -> Iterator[bytes]:
    """One of each."""
    for (_, kind), row in OPTIONS.items():
        yield emit_options([(kind, bytes(max(row.codec.least, 1)))])
    yield bytes.fromhex("0104057802060000000003 05c22381 0506010203040702 0802".replace(" ", ""))
