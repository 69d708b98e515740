"""What a role says to people: one value for one line of the log."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Notice:
    """Something happened that a person may want to know.

    Every notice has a name that does not change between versions, a sentence, and fields with
    stable keys: what a log filter or a ban list reads.
    """

    name: str
    """Such as "session-up"."""
    message: str
    """One sentence: what happened, to whom, why."""
    level: str = "info"
    """"debug", "info", "warning" or "error"."""
    fields: dict[str, object] = field(default_factory=dict)


Tell = Callable[[Notice], None]


def said(message: str, otherwise: str, *, by_peer: bool) -> str:
    """What follows "it ended": the words of the peer marked as its own, ours as they are."""
    if not message:
        return f": {otherwise}"
    return f', saying "{message}"' if by_peer else f": {message}"
