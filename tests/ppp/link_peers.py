"""What the tests of links drive them with: an owner as a server has one, and a scripted peer."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import TypeVar

from talpa.crypto.credentials import Refused
from talpa.ppp import Config, Credentials, Ipv4Offer, PppLink
from talpa.ppp.events import Event, LinkClosed, PeerAttempted
from talpa.ppp.frames import Code, Protocol, emit_packet, parse_packet
from talpa.ppp.options import emit_options, parse_options
from talpa.sansio import Rng
from talpa.wire import Secret

PASSWORD = "correct horse"
OFFER = Ipv4Offer(
    IPv4Address("10.77.0.1"),
    IPv4Address("10.77.0.50"),
    (IPv4Address("10.77.0.1"), IPv4Address("9.9.9.9")),
    (IPv4Address("10.77.0.2"),),
)
SERVER = Config(authenticate=("mschapv2", "chap"), name="server")
CLIENT = Config(ask_address=True, credentials=Credentials("alice", Secret(PASSWORD)))
QUIET = Config(authenticate=(), echo_interval=0.0)
"""A server that asks for no authentication and sends nothing of its own accord once open."""

E = TypeVar("E", bound=Event)


def seeded(seed: int) -> Rng:
    """Random octets that are the same in every run."""
    return random.Random(seed).randbytes


@dataclass
class Owner:
    """Drives a link as a role does: judges attempts, makes offers, keeps the events."""

    link: PppLink
    offer: Ipv4Offer | None = OFFER
    ipv6: bool = True
    password: str = PASSWORD
    events: list[Event] = field(default_factory=list)

    def receive(self, payload: tuple[int, bytes], now: float) -> None:
        self.link.receive(*payload, now)
        self.heed(now)

    def transmits(self) -> list[tuple[int, bytes]]:
        return self.link.transmits()

    def next_timeout(self) -> float | None:
        return self.link.next_timeout()

    def handle_timeout(self, now: float) -> None:
        self.link.handle_timeout(now)
        self.heed(now)

    def heed(self, now: float) -> None:
        while events := self.link.events():
            for event in events:
                self.events.append(event)
                if isinstance(event, PeerAttempted):
                    self._judge(event, now)

    def found(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def one(self, kind: type[E]) -> E:
        (event,) = self.found(kind)
        return event

    def _judge(self, event: PeerAttempted, now: float) -> None:
        right = event.attempt.check(Secret(self.password))
        self.link.verdict(right or Refused("wrong password", retry=True), now)
        if right is not None:
            self.admit(now)

    def admit(self, now: float) -> None:
        """Let the network protocols run."""
        if self.offer is not None:
            self.link.offer_ipv4(self.offer, now)
        else:
            self.link.refuse_ipv4(now)
        if self.ipv6:
            self.link.offer_ipv6(now)
        else:
            self.link.refuse_ipv6(now)
        self.heed(now)


def server(config: Config = SERVER, seed: int = 1) -> Owner:
    return Owner(PppLink(config, seeded(seed)))


def client(config: Config = CLIENT, seed: int = 2) -> Owner:
    return Owner(PppLink(config, seeded(seed)))


def settle(left: Owner, right: Owner, now: float) -> list[tuple[str, int, bytes]]:
    """Carry frames to and fro until nothing is sent any more; what was sent, "<" from the right."""
    ladder: list[tuple[str, int, bytes]] = []
    for _ in range(100):
        frames = [(">", left, right, f) for f in left.transmits()]
        frames += [("<", right, left, f) for f in right.transmits()]
        if not frames:
            return ladder
        for arrow, _, to, frame in frames:
            ladder.append((arrow, *frame))
            to.receive(frame, now)
    raise AssertionError("the two sides do not come to rest")


@dataclass(frozen=True)
class Packet:
    """A packet of LCP or an NCP, taken apart."""

    protocol: int
    code: int
    identifier: int
    data: bytes

    @property
    def options(self) -> list[tuple[int, bytes]]:
        return parse_options(self.data)


class Peer:
    """A peer of one link whose every packet is written by the test."""

    def __init__(self, config: Config = QUIET, now: float = 1000.0, seed: int = 1) -> None:
        self.owner = server(config, seed)
        self.link = self.owner.link
        self.now = now
        self.link.lower_up(now)
        self.owner.heed(now)

    def drain(self, protocol: int | None = None) -> list[Packet]:
        """What the link has sent (of one protocol only; the rest is thrown away)."""
        packets = []
        for number, payload in self.link.transmits():
            if protocol in (None, number):
                packets.append(Packet(number, *parse_packet(payload)))
        return packets

    def raw(self, protocol: int, payload: bytes) -> list[Packet]:
        """Send octets; what the link sends in answer."""
        self.owner.receive((protocol, payload), self.now)
        return self.drain()

    def send(
        self, protocol: int, code: int, identifier: int = 1, data: bytes = b""
    ) -> list[Packet]:
        return self.raw(protocol, emit_packet(code, identifier, data))

    def request(
        self, protocol: int, options: Iterable[tuple[int, bytes]] = (), identifier: int = 1
    ) -> list[Packet]:
        """Send a Configure-Request."""
        return self.send(protocol, Code.CONFIGURE_REQUEST, identifier, emit_options(options))

    def answer(
        self, request: Packet, code: Code, options: Iterable[tuple[int, bytes]] | None = None
    ) -> list[Packet]:
        """Answer a Configure-Request of the link; with its own options unless others are given."""
        data = request.data if options is None else emit_options(options)
        return self.send(request.protocol, code, request.identifier, data)

    def wait(self, seconds: float) -> list[Packet]:
        """Let time pass, stopping at every deadline."""
        end = self.now + seconds
        while (when := self.link.next_timeout()) is not None and when <= end:
            self.now = max(self.now, when)
            self.owner.handle_timeout(self.now)
        self.now = end
        return self.drain()

    def ended(self) -> LinkClosed:
        """Why the link ended."""
        return self.owner.one(LinkClosed)

    def alive(self) -> bool:
        """Whether the link has not ended."""
        return not self.owner.found(LinkClosed)

    def open_lcp(self, options: Iterable[tuple[int, bytes]] = ()) -> list[Packet]:
        """Agree to whatever the link wants; what it sends once LCP is open."""
        (request,) = self.drain(Protocol.LCP)
        self.answer(request, Code.CONFIGURE_ACK)
        packets = self.request(Protocol.LCP, options, identifier=77)
        assert (packets[0].code, packets[0].identifier) == (Code.CONFIGURE_ACK, 77)
        return packets[1:]

    def open_network(self, options: Iterable[tuple[int, bytes]] = ()) -> dict[int, Packet]:
        """Open LCP and let the NCPs run; their Configure-Requests."""
        packets = self.open_lcp(options)
        self.owner.admit(self.now)
        return {p.protocol: p for p in packets + self.drain()}


def variant(config: Config, **changes: object) -> Config:
    return replace(config, **changes)  # type: ignore[arg-type]
