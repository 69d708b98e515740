"""Endpoints for tests: a seeded one, one that answers calls by itself, and two joined by a link."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simnet.link import Link, Pair
from talpa.l2tp import events
from talpa.l2tp.config import Config
from talpa.l2tp.events import Event, Result
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.l2tp.v2.header import pack_control, parse_control
from talpa.l2tp.v2.messages import Message, Scccn, Sccrp, Sccrq, encode, parse
from talpa.sansio import Address, Path, Rng
from talpa.wire import Secret

Datagram = tuple[Path, bytes]

LAC = Address("198.18.0.2", 1701)
LNS = Address("198.18.0.1", 1701)
TO_LNS = Path(LAC, LNS)
TO_LAC = Path(LNS, LAC)
START = 1000.0


def seeded(seed: int) -> Rng:
    return random.Random(seed).randbytes


def config(name: str = "here", secret: str | None = None, **changes: object) -> Config:
    def secret_for(_name: str) -> Secret | None:
        return Secret(secret) if secret is not None else None

    return replace(Config(host_name=name, secret_for=secret_for), **changes)  # type: ignore[arg-type]


def endpoint(
    seed: int = 1,
    name: str = "here",
    secret: str | None = None,
    last_data: Callable[[int], float] = lambda _: 0.0,
    **changes: object,
) -> Endpoint:
    return Endpoint(config(name, secret, **changes), seeded(seed), last_data)


class Host:
    """An endpoint that takes every call, and keeps what happened."""

    def __init__(self, endpoint: Endpoint, local: Address, *, answers: bool = True) -> None:
        self.endpoint = endpoint
        self.local = local
        self.answers = answers
        self.log: list[Event] = []
        self.now = START
        self.sent_messages: list[str] = []

    def receive(self, payload: Datagram, now: float) -> None:
        path, data = payload
        self.now = now
        self.endpoint.receive(path, data, now)
        self._react()

    def transmits(self) -> list[Datagram]:
        self._react()
        out = self.endpoint.transmits()
        for _, data in out:
            self.sent_messages.append(what(data))
        return [(Path(path.remote, path.local, path.association), data) for path, data in out]

    def next_timeout(self) -> float | None:
        return self.endpoint.next_timeout()

    def handle_timeout(self, now: float) -> None:
        self.now = now
        self.endpoint.handle_timeout(now)
        self._react()

    def seen(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.log if isinstance(event, kind)]

    def _react(self) -> None:
        while found := self.endpoint.events():
            self.log += found
            for event in found if self.answers else ():
                if isinstance(event, events.CallOffered | events.CallRequested):
                    self.endpoint.accept_call(event.tunnel_id, event.session_id, self.now)
                if isinstance(event, events.CallRequested):
                    self.endpoint.connect_call(event.tunnel_id, event.session_id, self.now)


def what(data: bytes) -> str:
    """The name of the message in a datagram."""
    _, body = parse_control(data)
    return parse(body).NAME if body else "ZLB"


class Wire:
    """A LAC and an LNS joined by a link; perfect unless told otherwise."""

    def __init__(
        self,
        lac: Endpoint | None = None,
        lns: Endpoint | None = None,
        link: Link[Datagram] | None = None,
        *,
        answers: bool = True,
    ) -> None:
        self.lac = Host(lac or endpoint(1, "lac"), LAC, answers=answers)
        self.lns = Host(lns or endpoint(2, "lns"), LNS, answers=answers)
        self.link = link or Link(0, delay=(0.01, 0.01))
        self.pair: Pair[Datagram] = Pair(self.link, self.lac, self.lns, start=START)

    @property
    def now(self) -> float:
        return self.pair.now

    def up(self) -> int:
        """Open a control connection from LAC to LNS; its id at the LAC."""
        tunnel_id = self.lac.endpoint.open(TO_LNS, self.now)
        self.pair.run(seconds=1)
        assert self.lac.endpoint.tunnels() == [tunnel_id]
        assert len(self.lns.endpoint.tunnels()) == 1
        return tunnel_id

    def run(self, seconds: float) -> None:
        self.pair.run(seconds=seconds)

    def forget(self) -> None:
        """Start new logs."""
        for host in (self.lac, self.lns):
            host.log.clear()
            host.sent_messages.clear()


def leftovers(endpoint: Endpoint) -> dict[str, int]:
    """What an endpoint still keeps, by table; empty when nothing leaked."""
    tables = {
        "connections": len(endpoint._shared.connections),
        "deadlines": len(endpoint._shared.deadlines),
        "addresses": len(endpoint._shared.per_address),
        "touched": len(endpoint._shared.touched),
        "sessions": len(endpoint._calls),
        "opening": len(endpoint._establishment._opening),
        "strangers": len(endpoint._reception),
        "strangers by peer": len(endpoint._reception._by_peer),
        "strangers by address": len(endpoint._reception._per_address),
        "stranger ids": len(endpoint._reception._ids),
        "in line": len(endpoint._reception.lines),
    }
    return {name: size for name, size in tables.items() if size}


CLEARED = Result(1, 0, "over")


class Raw:
    """A peer made by hand: sends any message in any order to an endpoint, and reads its answers."""

    def __init__(self, endpoint: Endpoint, path: Path = TO_LAC, tunnel_id: int = 77) -> None:
        self.endpoint = endpoint
        self.path = path
        self.tunnel_id = tunnel_id
        self.their_tunnel_id = 0
        self.ns = 0
        self.nr = 0
        self.now = START
        self.answers: list[tuple[int, Message | None]] = []
        """(Session ID of the header, message); None: a ZLB."""

    def send(
        self,
        message: Message | bytes,
        session_id: int = 0,
        *,
        path: Path | None = None,
        tunnel_id: int | None = None,
        ns: int | None = None,
        secret: Secret | None = None,
    ) -> list[Message | None]:
        """Send, and return what comes back at once."""
        body = message if isinstance(message, bytes) else encode(message)
        number = self.ns if ns is None else ns
        to = self.their_tunnel_id if tunnel_id is None else tunnel_id
        data = pack_control(to, session_id, number, self.nr, body)
        if ns is None and body:
            self.ns = (self.ns + 1) & 0xFFFF
        self.endpoint.receive(path or self.path, data, self.now)
        return self.read(secret)

    def read(self, secret: Secret | None = None) -> list[Message | None]:
        """What the endpoint sends now."""
        found: list[Message | None] = []
        for _, data in self.endpoint.transmits():
            header, body = parse_control(data)
            message = parse(body, secret) if body else None
            if message is not None and header.ns == self.nr:
                self.nr = (self.nr + 1) & 0xFFFF
            if isinstance(message, Sccrp):
                self.their_tunnel_id = message.assigned_tunnel_id
            found.append(message)
            self.answers.append((header.session_id, message))
        return found

    def sccrq(self, **changes: Any) -> Sccrq:
        fields: dict[str, Any] = {
            "framing_capabilities": 3,
            "host_name": "raw",
            "assigned_tunnel_id": self.tunnel_id,
            "receive_window_size": 8,
        }
        return Sccrq(**(fields | changes))

    def up(self) -> "Raw":
        """Establish the control connection."""
        (sccrp,) = self.send(self.sccrq())
        assert isinstance(sccrp, Sccrp)
        assert self.send(Scccn()) == [None]
        assert self.their_tunnel_id in self.endpoint.tunnels()
        return self

    def wait(self, seconds: float) -> list[Message | None]:
        """Let time pass without a sign of life; what the endpoint sends meanwhile."""
        end = self.now + seconds
        found: list[Message | None] = []
        while (due := self.endpoint.next_timeout()) is not None and due <= end:
            self.now = max(self.now, due)
            self.endpoint.handle_timeout(self.now)
            found += self.read()
        self.now = end
        return found


def names(messages: list[Message | None]) -> list[str]:
    return ["ZLB" if message is None else message.NAME for message in messages]
