"""IPV6CP: two interface identifiers that differ, hence two link-local addresses."""

from ipaddress import IPv6Address
from typing import ClassVar

from talpa.ppp.events import Ipv6Down, Ipv6Up, LinkClosed
from talpa.ppp.frames import Protocol
from talpa.ppp.ipv6cp.options import INTERFACE_IDENTIFIER
from talpa.ppp.line import Line
from talpa.ppp.negotiation import ControlProtocol

_SIZE = 8
_ZERO = bytes(_SIZE)
_LINK_LOCAL = bytes.fromhex("fe80000000000000")
_UNIVERSAL = 0x02
"""The "u" bit in the first octet: clear in what is drawn at random (RFC 5072 4.1)."""

# RFC 3145 3.
_CAUSE_TERMINATED = 3
_CAUSE_ADDRESSES = 19
_CAUSE_NO_ADDRESS = 20


class Ipv6cp(ControlProtocol):
    """One link's IPV6CP. The same on both sides."""

    __slots__ = ("_ours", "_peer", "_prompted", "_suggested", "_told")

    PROTOCOL: ClassVar[Protocol] = Protocol.IPV6CP
    TIMEOUT_CAUSE: ClassVar[int] = 17

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self._ours = self._random()
        self._suggested = _ZERO
        """The identifier that we gave the peer in a Nak."""
        self._told = False
        self.renew()
        self.unjudged()

    def renew(self) -> None:
        """See `ControlProtocol`."""
        self._prompted = False

    def wanted(self) -> list[tuple[int, bytes]]:
        """See `ControlProtocol`."""
        kind = INTERFACE_IDENTIFIER.type
        return [(kind, self._ours)] if self.wants(kind) else []

    def suggested(self, kind: int, value: bytes) -> None:  # noqa: ARG002
        """See `ControlProtocol`."""
        looped = value == self._suggested or value == _ZERO or len(value) != _SIZE
        self._ours = self._random() if looped or value == self._peer else value

    def refused(self, kind: int) -> None:  # noqa: ARG002
        """See `ControlProtocol`."""
        self.fail("the peer takes no interface identifier of ours", _CAUSE_NO_ADDRESS, 1)

    def unjudged(self) -> None:
        """See `ControlProtocol`."""
        self._peer = _ZERO

    def judge(self, kind: int, value: bytes) -> bytes | None:
        """See `ControlProtocol`."""
        if kind != INTERFACE_IDENTIFIER.type:
            return None
        if len(value) != _SIZE or value in (_ZERO, self._ours):
            return self._suggestion()
        self._peer = value
        return value

    def lacking(self, kinds: int) -> list[tuple[int, bytes]]:
        """See `ControlProtocol`."""
        if kinds >> INTERFACE_IDENTIFIER.type & 1 or self._prompted:
            return []
        self._prompted = True
        return [(INTERFACE_IDENTIFIER.type, self._suggestion())]

    def opened(self, now: float) -> None:
        """See `ControlProtocol`."""
        super().opened(now)
        if self._peer == _ZERO:
            self.fail("the peer has no interface identifier", _CAUSE_NO_ADDRESS, 2)
            return
        self._told = True
        self._line.events.append(
            Ipv6Up(IPv6Address(_LINK_LOCAL + self._ours), IPv6Address(_LINK_LOCAL + self._peer))
        )

    def left_opened(self, now: float) -> None:
        """See `ControlProtocol`."""
        super().left_opened(now)
        if self._told:
            self._told = False
            self._line.events.append(Ipv6Down())

    def terminated(self, data: bytes) -> LinkClosed:  # noqa: ARG002
        """See `ControlProtocol`."""
        return LinkClosed("the peer ended IPv6", _CAUSE_TERMINATED, by_peer=True, direction=1)

    def _suggestion(self) -> bytes:
        """An identifier for the peer: the same one as long as it is not taken by us."""
        while self._suggested in (_ZERO, self._ours):
            self._suggested = self._random()
        return self._suggested

    def _random(self) -> bytes:
        drawn = self._line.rng(_SIZE)
        identifier = bytes((drawn[0] & ~_UNIVERSAL,)) + drawn[1:]
        return identifier if identifier != _ZERO else _ZERO[:-1] + b"\1"

    def _disagreement(self) -> int:
        return _CAUSE_ADDRESSES
