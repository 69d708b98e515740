"""The answer to messages of versions above ours (RFC 7296 2.5)."""

import struct
from typing import Final

from talpa.ike.header import HEADER_OCTETS, Header, pack_header

_NOTIFY: Final = 41
_RESPONSE: Final = 0x20
_OURS: Final = 2
_INVALID_MAJOR_VERSION: Final = 5
_PAYLOAD: Final = struct.pack("!BBHBBH", 0, 0, 8, 0, 0, _INVALID_MAJOR_VERSION)
_PER_SECOND: Final = 16


class Answers:
    """At most so many in a second, to everybody together."""

    __slots__ = ("_left", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._left = 0

    def to(self, header: Header, now: float) -> bytes | None:
        """The answer to a request of a higher version, never larger than the request; None: none
        is due."""
        size = HEADER_OCTETS + len(_PAYLOAD)
        if header.major <= _OURS or header.flags & _RESPONSE or header.length < size:
            return None
        if int(now) != self._second:
            self._second, self._left = int(now), _PER_SECOND
        if not self._left:
            return None
        self._left -= 1
        answer = header._replace(
            next_payload=_NOTIFY, major=_OURS, minor=0, flags=_RESPONSE, length=size
        )
        return pack_header(answer) + _PAYLOAD
