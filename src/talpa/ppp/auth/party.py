"""What both sides of an authentication have in common: packets in and out, and one deadline."""

from enum import IntEnum

from talpa.ppp.auth.formats import emit, parse
from talpa.ppp.auth.methods import METHODS, Method
from talpa.ppp.auth.outcomes import Outcome
from talpa.ppp.config import Config
from talpa.sansio import Drops, Rng
from talpa.wire import Malformed


class Stage(IntEnum):
    """How far a party has come."""

    IDLE = 0
    """Not started."""
    WAITING = 1
    """The next packet is the peer's."""
    DECIDING = 2
    """Authenticator: the owner holds the attempt."""
    RETRYING = 3
    """Authenticator: the peer may try again."""
    CHANGING = 4
    """Authenticator: the peer may change its expired password."""
    DONE = 5
    """There is an outcome."""


class Party:
    """One side. Driven like a core; `outcome` is to be looked at after each call.

    `outcome` stays None while authentication runs. A Success may later become a Failure: a peer
    that is challenged again may fail.
    """

    __slots__ = (
        "_config",
        "_deadline",
        "_drops",
        "_identifier",
        "_out",
        "_rng",
        "_sent",
        "_stage",
        "method",
        "outcome",
    )

    def __init__(self, method: str, config: Config, rng: Rng, drops: Drops | None) -> None:
        self.method: Method = METHODS[method]
        self.outcome: Outcome | None = None
        self._config = config
        self._rng = rng
        self._drops = drops
        self._deadline: float | None = None
        self._identifier = 0
        self._sent = 0
        self._stage = Stage.IDLE
        self._out: list[tuple[int, bytes]] | None = None

    def start(self, now: float) -> None:
        """LCP is open: begin."""
        raise NotImplementedError

    def receive(self, protocol: int, payload: bytes, now: float) -> None:
        """Take one packet: the information field of a PPP frame."""
        if protocol != self.method.protocol:
            self._drop("authentication protocol not agreed on")
            return
        try:
            code, identifier, data = parse(payload)
            self._packet(code, identifier, data, now)
        except Malformed as e:
            self._drop(e.reason)

    def transmits(self) -> list[tuple[int, bytes]]:
        """What is to be sent, as (protocol, payload); it is taken out."""
        out, self._out = self._out, None
        return out or []

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return self._deadline

    def handle_timeout(self, now: float) -> None:
        """Act on the deadline if it has passed."""
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            self._expired(now)

    def _packet(self, code: int, identifier: int, data: bytes, now: float) -> None:
        raise NotImplementedError

    def _expired(self, now: float) -> None:
        raise NotImplementedError

    def _may_repeat(self) -> bool:
        """Whether what was sent, and not answered, may be sent once more."""
        config = self._config
        spent = self._sent * config.restart_timer
        return self._sent < config.max_configure and spent < config.auth_timeout

    def _finish(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._stage = Stage.DONE
        self._deadline = None

    def _send(self, code: int, identifier: int, data: bytes) -> None:
        self._resend(emit(code, identifier, data))

    def _resend(self, packet: bytes) -> None:
        if self._out is None:
            self._out = []
        self._out.append((self.method.protocol, packet))

    def _drop(self, reason: str) -> None:
        if self._drops is not None:
            self._drops.add(reason)
