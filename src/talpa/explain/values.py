"""Values as a person reads them: printable, and of bounded length, whatever a peer sent."""

from enum import Enum
from typing import Any

from talpa.wire import Codec, printable

MOST_SHOWN = 80
"""Characters of one value."""


def shown(codec: Codec[Any], data: bytes) -> str:
    """What `codec` reads in the octets. Raises `Malformed`."""
    if codec.parts is not None:
        return ", ".join(f"{name} {plain(value)}" for name, value in codec.parts(data))
    value = codec.decode(data)
    return printable(codec.show(value), MOST_SHOWN) if codec.show else plain(value)


def plain(value: object) -> str:
    """A decoded value."""
    if isinstance(value, bytes):
        return printable(value.hex(), MOST_SHOWN) or "empty"
    if isinstance(value, Enum):
        return printable(str(value).replace("_", " "), MOST_SHOWN)
    if isinstance(value, tuple):
        return printable(", ".join(map(str, value)), MOST_SHOWN)
    return printable(str(value), MOST_SHOWN)


def text(data: bytes) -> str:
    """A peer's octets that should be text."""
    return printable(data, MOST_SHOWN).strip()


def name(data: bytes) -> str:
    """A peer's octets that should be a name; only their length where they are none, for then they
    may be a part of a proof."""
    try:
        said = data.decode()
    except UnicodeDecodeError:
        said = ""
    return printable(said, MOST_SHOWN) if said and said.isprintable() else f"{len(data)} octets"
