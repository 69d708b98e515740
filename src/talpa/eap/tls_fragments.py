"""TLS in packets of EAP-TLS (RFC 5216 2.1.5, 3.1, 3.2)."""

from talpa.wire import Malformed, Reader

LENGTH_INCLUDED = 0x80
MORE = 0x40
START = 0x20
ACKNOWLEDGEMENT = b"\0"
"""No flag, no data."""

MOST_MESSAGE = 0x10000
"""Octets of TLS taken in one conversation."""


class Fragments:
    """One side's messages: cut, and put together again."""

    __slots__ = ("_at", "_incoming", "_outgoing", "_received", "_size", "_total")

    def __init__(self, size: int) -> None:
        self._size = size
        self._incoming = bytearray()
        self._total: int | None = None
        """Of the message that comes in, where its length was said."""
        self._received = 0
        self._outgoing = b""
        self._at = 0

    @property
    def pending(self) -> bool:
        """There is more to be sent."""
        return self._at < len(self._outgoing)

    def load(self, message: bytes) -> bytes:
        """Begin to send `message`: its first fragment. An empty one is an acknowledgement."""
        self._outgoing, self._at = message, 0
        return self.next()

    def next(self) -> bytes:
        """The fragment to be sent now."""
        first, whole = self._at == 0, len(self._outgoing)
        piece = self._outgoing[self._at : self._at + self._size]
        self._at += len(piece)
        flags = MORE if self.pending else 0
        if flags and first:
            return bytes((flags | LENGTH_INCLUDED,)) + whole.to_bytes(4, "big") + piece
        return bytes((flags,)) + piece

    def acknowledged(self, data: bytes) -> None:
        """Demand that the packet acknowledges a fragment."""
        if parse(data)[2]:
            raise Malformed("EAP-TLS data instead of an acknowledgement")

    def receive(self, data: bytes) -> bytes | None:
        """The message that the packet completes; None: more is to come, and to be asked for by an
        acknowledgement. Raises `Malformed`."""
        flags, total, piece = parse(data)
        if self._received + len(piece) > MOST_MESSAGE:
            raise Malformed("EAP-TLS message too long")
        if total is not None:
            if total > MOST_MESSAGE:
                raise Malformed("EAP-TLS message too long", f"{total} octets")
            if self._incoming and total != self._total:
                raise Malformed("EAP-TLS message changes its length")
        elif not self._incoming:
            self._total = None
        whole = len(self._incoming) + len(piece)
        expected = self._total if total is None else total
        if expected is not None and (whole > expected or not (flags & MORE or whole == expected)):
            raise Malformed("EAP-TLS message of another length", f"{whole}, not {expected}")
        if flags & MORE and not piece:
            raise Malformed("EAP-TLS fragment empty")
        self._total = expected
        self._received += len(piece)
        self._incoming += piece
        if flags & MORE:
            return None
        message = bytes(self._incoming)
        self._incoming.clear()
        self._total = None
        return message


def parse(data: bytes) -> tuple[int, int | None, bytes]:
    """Flags, length of the whole message where it is said, and data of a packet."""
    reader = Reader(data)
    flags = reader.u8("EAP-TLS flags")
    total = reader.u32("EAP-TLS length") if flags & LENGTH_INCLUDED else None
    return flags, total, reader.rest()
