"""Requests of ours: what one is, and what awaits its response."""

from typing import TYPE_CHECKING, Protocol

from talpa.ike.v2.numbers import Exchange
from talpa.ike.v2.payloads import Chain, Contents
from talpa.sansio import Path

if TYPE_CHECKING:
    from talpa.ike.v2.sa import IkeSa


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
