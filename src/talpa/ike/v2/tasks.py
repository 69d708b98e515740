"""Exchanges under way: requests of ours until they are answered, and what waits for a further key
exchange (RFC 9370 2.2.4)."""

from typing import TYPE_CHECKING, Protocol

from talpa.crypto.algorithms import GroupId
from talpa.ike.v2.numbers import Exchange, Kind, NotifyKind
from talpa.ike.v2.payloads import Chain, Contents, notify
from talpa.sansio import Path

if TYPE_CHECKING:
    from talpa.ike.v2.sa import IkeSa

LINK_OCTETS = 8
"""Of the name that we give to a key exchange that is to follow."""


class Task(Protocol):
    """One request of ours, from its making to its response."""

    exchange: Exchange

    def build(self, sa: "IkeSa", now: float) -> Chain | None:
        """The payloads; None: there is no need any more."""

    def done(self, sa: "IkeSa", contents: Contents, path: Path, now: float) -> None:
        """The response came."""

    def failed(self, sa: "IkeSa", reason: str, now: float) -> None:
        """The response is nothing that could be read."""

    def dropped(self, sa: "IkeSa") -> None:
        """The IKE SA is gone, and the request with it: give back what it holds."""


class Asked:
    """The request that awaits its response."""

    __slots__ = ("datagrams", "id", "sends", "task")

    def __init__(self, message_id: int, task: Task, datagrams: list[bytes]) -> None:
        self.id = message_id
        self.task = task
        self.datagrams = datagrams
        self.sends = 0


class Finish(Protocol):
    """What is made when all key exchanges are done."""

    def finish(self, sa: "IkeSa", shared: tuple[bytes, ...], now: float) -> None:
        """`shared`: of all of them, in their order."""

    def broken(self, sa: "IkeSa", now: float) -> None:
        """They came to nothing."""

    def dropped(self, sa: "IkeSa") -> None:
        """The IKE SA is gone: give back what is held."""


class Following:
    """Responder: what waits for the next exchange."""

    __slots__ = ("finish", "link", "methods", "shared")

    def __init__(
        self, sa: "IkeSa", methods: tuple[GroupId, ...], shared: tuple[bytes, ...], finish: Finish
    ) -> None:
        self.link = sa.room.shared.rng(LINK_OCTETS)
        self.methods = methods
        self.shared = shared
        self.finish = finish

    def notice(self) -> tuple[Kind, object]:
        """How the peer is to name it."""
        return notify(NotifyKind.ADDITIONAL_KEY_EXCHANGE, self.link)
