"""Endpoints of both versions that talk to each other, and what they said."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from talpa.ike.config import Call, Config, Connection, Psk
from talpa.ike.endpoint import Endpoint
from talpa.ike.events import Event
from talpa.ike.policies import COMPATIBLE
from talpa.sansio import Address, Path
from talpa.wire import Secret

PSK = Psk(Secret("a secret that nobody guesses"), "everybody")
CLIENT, SERVER = "198.18.0.1", "198.18.0.2"


class Said(NamedTuple):
    """One datagram on the wire."""

    by_client: bool
    path: Path
    """As its sender has it."""
    data: bytes
    natt: bool


def endpoint(seed: int, **changes: Any) -> Endpoint:
    """One that takes everybody with `PSK`."""
    config = Config(
        **{
            "policy": COMPATIBLE,
            "wall": lambda: datetime(2026, 11, 21, tzinfo=UTC),
            "psks": lambda _host: [PSK],
            **changes,
        }
    )
    return Endpoint(config, random.Random(seed).randbytes)


def call(version: int, **changes: Any) -> Call:
    """From the client to the server."""
    return Call(
        Connection("test", version, psk=PSK, **changes),
        Path(Address(CLIENT, 500), Address(SERVER, 500)),
        Path(Address(CLIENT, 4500), Address(SERVER, 4500)),
    )


class Pair:
    """A client and a server."""

    def __init__(self, **changes: Any) -> None:
        self.client = endpoint(1, **changes)
        self.server = endpoint(2, **changes)
        self.now = 0.0
        self.said: list[Said] = []
        self.events: list[tuple[bool, Event]] = []

    def drain(self, *, by_client: bool) -> list[Said]:
        """What one of them wants to send."""
        sender = self.client if by_client else self.server
        self.events += [(by_client, event) for event in sender.events()]
        return [
            Said(by_client, path, data, path.local.port == 4500)
            for path, data in sender.transmits()
        ]

    def deliver(self, said: Said) -> None:
        """Bring a datagram to the other one."""
        receiver = self.server if said.by_client else self.client
        path = Path(said.path.remote, said.path.local)
        receiver.receive(path, said.data, self.now, natt=said.natt)

    def run(self, change: Callable[[Said], list[Said]] = lambda said: [said]) -> None:
        """Until nobody has anything to say. `change`: what the network makes of a datagram."""
        for _ in range(64):
            sent = [*self.drain(by_client=True), *self.drain(by_client=False)]
            if not sent:
                return
            self.said += sent
            for said in sent:
                for one in change(said):
                    self.deliver(one)

    def timers(self, until: float) -> None:
        """Let the time go by, without delivering anything."""
        while True:
            due = [
                when
                for when in (self.client.next_timeout(), self.server.next_timeout())
                if when is not None and when <= until
            ]
            if not due:
                break
            self.now = max(self.now, min(due))
            self.client.handle_timeout(self.now)
            self.server.handle_timeout(self.now)
        self.now = until


def conversation(version: int, **changes: Any) -> Pair:
    """A pair that has come up."""
    pair = Pair(**changes)
    pair.client.open(call(version), 0.0)
    pair.run()
    return pair
