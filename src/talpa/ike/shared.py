"""What both versions of IKE share: configuration, randomness, outputs, numbers, deadlines."""

from collections.abc import Callable, Hashable

from talpa.ike.admission import Admission
from talpa.ike.associations import Associations
from talpa.ike.config import Config
from talpa.ike.events import Event
from talpa.ike.fragments import Budget
from talpa.sansio import Deadlines, Drops, Path, Rng


class Shared:
    """Made once by the endpoint; each version holds on to it."""

    __slots__ = (
        "_last_ike",
        "admission",
        "associations",
        "config",
        "current",
        "deadlines",
        "drops",
        "events",
        "fragment_budget",
        "last_heard",
        "out",
        "rng",
    )

    def __init__(self, config: Config, rng: Rng, last_heard: Callable[[int], float]) -> None:
        self.config = config
        self.rng = rng
        self.last_heard = last_heard
        """When an association last brought a valid packet (monotonic; 0.0: never)."""
        self.drops = Drops()
        self.out: list[tuple[Path, bytes]] = []
        self.events: list[Event] = []
        self.associations = Associations(self.events, rng)
        self.admission = Admission(config, rng)
        self.deadlines: Deadlines[tuple[int, Hashable]] = Deadlines()
        """By (version, whatever the version's room names it by)."""
        self.fragment_budget = Budget()
        """For `Reassembly` of peers that have not proved themselves."""
        self.current = 0
        """The number of the IKE SA that is being handled, set before it is: a fault ends this one
        alone."""
        self._last_ike = 0

    def configure(self, config: Config) -> None:
        """Another configuration, for what begins from now on."""
        self.config = config
        self.admission.configure(config)

    def new_ike(self) -> int:
        """A number for an IKE SA."""
        self._last_ike += 1
        return self._last_ike
