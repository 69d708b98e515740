"""How long SAs of phase 2 live (RFC 2407 4.5)."""

from talpa.esp.sa import Limits
from talpa.ike.config import Lifetimes
from talpa.ike.v1.attributes import Attribute, life
from talpa.ike.v1.numbers import ChildAttribute, LifeType

_DEFAULT = 28_800
_GRACE = 30.0
"""Seconds that a responder waits beyond the end for the initiator to re-key."""


def agreed(
    ours: Lifetimes, seconds: int | None, kilobytes: int | None
) -> tuple[int, int | None, list[Attribute]]:
    """(seconds, kilobytes) that hold, and what to tell the peer where ours are shorter."""
    offered = seconds or _DEFAULT
    shorter: list[Attribute] = []
    held = min(offered, max(1, int(ours.child)))
    if held < offered:
        shorter += life(ChildAttribute.LIFE_TYPE, LifeType.SECONDS, held)
    own = None if ours.child_octets is None else max(1, ours.child_octets // 1_024)
    both = min((each for each in (own, kilobytes) if each), default=None)
    if both is not None and both != kilobytes:
        shorter += life(ChildAttribute.LIFE_TYPE, LifeType.KILOBYTES, both)
    return held, both, shorter


def limits(
    seconds: int, kilobytes: int | None, margin: float, chance: float, *, initiated: bool
) -> tuple[Limits, Limits]:
    """(soft, hard). The initiator's soft end comes first, so that both seldom re-key at once; and
    the responder gives it time beyond the hard one."""
    octets = None if kilobytes is None else kilobytes * 1_024
    share = margin * (1 + chance) if initiated else margin * chance / 2
    soft = Limits(
        seconds * (1 - share), None if octets is None else max(1, int(octets * (1 - share)))
    )
    if initiated:
        return soft, Limits(float(seconds), octets)
    return soft, Limits(seconds + _GRACE, None if octets is None else int(octets * 1.25))
