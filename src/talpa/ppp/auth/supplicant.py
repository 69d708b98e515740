"""The side that proves who it is."""

from typing import ClassVar

from talpa.ppp.auth.authenticator import Authenticator
from talpa.ppp.auth.party import Party
from talpa.ppp.config import Config, Credentials
from talpa.sansio import Drops, Rng


class Supplicant(Party):
    """Proves to the peer with `method`, a key of `METHODS`, that we know the password.

    `Supplicant(...)` makes one of the kind that serves the method. `authenticator` is the one that
    demands proof of the peer on the same link, if any: a challenge that it issued is not answered.
    """

    __slots__ = ("_authenticator", "_credentials")

    _kinds: ClassVar[dict[str, type["Supplicant"]]] = {}

    def __init_subclass__(cls, serves: tuple[str, ...], **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls._kinds.update(dict.fromkeys(serves, cls))

    def __new__(cls, method: str, *_: object, **__: object) -> "Supplicant":
        """Make the kind that serves `method`."""
        return super().__new__(cls._kinds[method])

    def __init__(
        self,
        method: str,
        credentials: Credentials,
        config: Config,
        rng: Rng,
        *,
        authenticator: Authenticator | None = None,
        drops: Drops | None = None,
    ) -> None:
        super().__init__(method, config, rng, drops)
        self._credentials = credentials
        self._authenticator = authenticator
