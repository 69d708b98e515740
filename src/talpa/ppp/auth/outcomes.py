"""What comes of authentication on one side of a link."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Success:
    """It is proven who is at the other end (authenticator), or that we are let in (supplicant)."""

    name: str
    """The peer's name as verified; for the supplicant the name that the peer gave itself."""
    method: str
    """"MS-CHAPv2", "MS-CHAP", "CHAP" or "PAP"."""


@dataclass(frozen=True, slots=True)
class Failure:
    """It is over, and the link has to end."""

    reason: str
    """One sentence for a person."""
    by_peer: bool
    """The peer refused us, or failed to do its part; else we refused the peer."""
    error: int = 691
    """MS-CHAP error code (RFC 2759 6); 0 where nobody was refused: silence, a fault of the peer."""


Outcome = Success | Failure
