"""A network protocol of a link: whether it may run, and its NCP while it does."""

from enum import Enum

from talpa.ppp.automaton import Signal, State
from talpa.ppp.config import Ipv4Offer
from talpa.ppp.events import LinkClosed
from talpa.ppp.frames import Code, Protocol
from talpa.ppp.ipcp import Ipcp
from talpa.ppp.ipv6cp import Ipv6cp
from talpa.ppp.line import Line

_LONGEST_EARLY = 512
"""Octets of an early Configure-Request that is kept."""


class Standing(Enum):
    """Where a network protocol stands."""

    OFF = "off"
    """Not configured, or refused by the owner: answered with Protocol-Reject."""
    AWAITED = "awaited"
    """The owner has not said yet whether and with what it may run."""
    OFFERED = "offered"
    """It may run as soon as authentication is done."""
    RUNNING = "running"
    FAILED = "failed"


class Network:
    """IPv4 or IPv6 on one link."""

    __slots__ = ("_early", "_line", "_offer", "ncp", "protocol", "standing")

    def __init__(self, protocol: Protocol, line: Line) -> None:
        self.protocol = protocol
        """Of the NCP."""
        self._line = line
        self.ncp: Ipcp | Ipv6cp | None = None
        self._offer: Ipv4Offer | None = None
        self._early = b""
        self.standing = self._initial()

    @property
    def open(self) -> bool:
        """Whether packets may flow."""
        return self.ncp is not None and self.ncp.state is State.OPENED

    def enter(self, now: float) -> None:
        """The network phase begins."""
        if self.standing is Standing.OFFERED:
            self._start(now)

    def leave(self, now: float) -> None:
        """The network phase is over. What was offered was meant for whom authentication found."""
        if self.ncp is not None:
            self.ncp.down(now)
            self.ncp = None
        self._early = b""
        self._offer = None
        self.standing = self._initial()

    def offer(self, offer: Ipv4Offer | None, now: float, entered: bool) -> None:
        """The owner lets it run: at once if the network phase is `entered`."""
        if self.standing is Standing.AWAITED:
            self._offer = offer
            self.standing = Standing.OFFERED
            if entered:
                self._start(now)

    def refuse(self, now: float) -> bytes:
        """The owner does not let it run. Returns an early packet that has to be rejected."""
        self.standing = Standing.OFF
        early, self._early = self._early, b""
        if self.ncp is not None:
            self.ncp.close(now, LinkClosed("not allowed for this user", 0, by_peer=False))
        return early

    def rejected(self, now: float) -> None:
        """The peer does not have it: nothing more of it may be sent."""
        if self.ncp is not None:
            self.ncp.why = self.ncp.why or LinkClosed("the peer rejects it", 0, by_peer=True)
            self.ncp.down(now)
            self.ncp.take_signal()
        if self.standing is not Standing.OFF:
            self.standing = Standing.FAILED

    def receive(self, payload: bytes, now: float) -> bool:
        """Take a packet in the network phase. False: it has to be rejected. Raises `Malformed`."""
        if self.ncp is not None:
            self.ncp.receive(payload, now)
        elif self.standing is Standing.AWAITED:
            # The peer is faster than the owner: the latest request is answered when it may be.
            if payload[:1] == bytes((Code.CONFIGURE_REQUEST,)) and len(payload) <= _LONGEST_EARLY:
                self._early = payload
        else:
            return False
        return True

    def heed(self, now: float) -> Signal:
        """Draw the consequences of what the NCP signals."""
        if self.ncp is None:
            return Signal.NONE
        signal = self.ncp.take_signal()
        match signal:
            case Signal.UP:
                self.standing = Standing.RUNNING
            case Signal.FINISHED:
                self.standing = Standing.FAILED
            case Signal.FAILED:
                self.standing = Standing.FAILED
                if self.ncp.why is not None:
                    self.ncp.close(now, self.ncp.why)
                self.ncp.take_signal()
        return signal

    def trouble(self) -> str:
        """Why it does not run; empty when nothing is known."""
        return self.ncp.why.reason if self.ncp is not None and self.ncp.why is not None else ""

    def _start(self, now: float) -> None:
        offer = self._offer
        self.ncp = Ipcp(self._line, offer) if self._is_ipv4() else Ipv6cp(self._line)
        self.standing = Standing.RUNNING
        self.ncp.open(now)
        self.ncp.up(now)
        self.ncp.take_signal()
        early, self._early = self._early, b""
        if early:
            self.ncp.receive(early, now)

    def _initial(self) -> Standing:
        config = self._line.config
        if not (config.ipv4 if self._is_ipv4() else config.ipv6):
            return Standing.OFF
        return Standing.OFFERED if config.ask_address else Standing.AWAITED

    def _is_ipv4(self) -> bool:
        return self.protocol is Protocol.IPCP
