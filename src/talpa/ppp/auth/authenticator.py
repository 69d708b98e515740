"""The side that demands proof."""

from typing import ClassVar

from talpa.crypto.credentials import Attempt, PasswordChanged, Verdict
from talpa.ppp.auth.party import Party
from talpa.ppp.config import Config
from talpa.sansio import Drops, Rng


class Authenticator(Party):
    """Demands that the peer authenticate itself with `method`, a key of `METHODS`.

    `Authenticator(...)` makes one of the kind that serves the method. When the peer has answered,
    `take_attempt` hands out what it presented, and the owner answers with `verdict`.
    """

    __slots__ = ("_attempt", "refusals")

    _kinds: ClassVar[dict[str, type["Authenticator"]]] = {}

    def __init_subclass__(cls, serves: tuple[str, ...], **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls._kinds.update(dict.fromkeys(serves, cls))

    def __new__(cls, method: str, *_: object, **__: object) -> "Authenticator":
        """Make the kind that serves `method`."""
        return super().__new__(cls._kinds[method])

    def __init__(
        self,
        method: str,
        config: Config,
        rng: Rng,
        drops: Drops | None = None,
        *,
        refusals: int = 0,
    ) -> None:
        """`refusals`: wrong passwords on this link before, which count as well."""
        super().__init__(method, config, rng, drops)
        self._attempt: Attempt | None = None
        self.refusals = refusals
        """Wrong passwords in a row."""

    def take_attempt(self) -> Attempt | None:
        """What the peer has presented and nobody has taken yet."""
        attempt, self._attempt = self._attempt, None
        return attempt

    def verdict(self, verdict: Verdict | PasswordChanged, now: float) -> None:
        """The owner's answer to the attempt it took. Without an open attempt it does nothing."""
        raise NotImplementedError

    def issued(self, challenge: bytes) -> bool:
        """Whether `challenge` is one of ours that still waits for its answer."""
        raise NotImplementedError
