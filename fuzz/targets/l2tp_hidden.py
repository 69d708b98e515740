"""Hidden AVP values."""

from collections.abc import Iterator

from fuzz.octets import Octets
from talpa.l2tp.hiding import hide, reveal
from talpa.wire import Malformed, Secret

SECRET = Secret("tunnel secret")


def check(data: bytes) -> None:
    """Octets are revealed to a value no longer than themselves, or `Malformed`. What is hidden is
    revealed as it was, whatever padding stands behind it."""
    octets = Octets(data)
    attribute, vector, padding = octets.number(2), octets.chunk(), octets.chunk()
    value = octets.rest()
    try:
        found = reveal(value, attribute, SECRET, vector)
    except Malformed:
        pass
    else:
        assert len(found) + 2 <= len(value)
    hidden = hide(value, attribute, SECRET, vector, padding)
    assert reveal(hidden, attribute, SECRET, vector) == value


def seeds() -> Iterator[bytes]:
    """Values of 0 to 40 octets, hidden and in clear."""
    vector = bytes(range(16))
    for size in (0, 1, 14, 30, 40):
        head = b"\x00\x16\x10" + vector + b"\x00"
        yield head + bytes(size)
        yield head + hide(bytes(size), 22, SECRET, vector)
