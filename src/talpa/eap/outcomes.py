"""What comes of EAP on one side."""

from dataclasses import dataclass, field

from talpa.wire import Secret


@dataclass(frozen=True, slots=True)
class Success:
    """Authenticator: it is proven who the peer is. Peer: we are let in."""

    name: str
    """The peer's name as verified; for the peer its own."""
    method: str
    """"EAP-MSCHAPv2", "EAP-TLS" or "EAP-MD5"."""
    msk: Secret | None = field(default=None, repr=False)
    """Master Session Key, 64 octets (RFC 3748 7.10); None: the method makes none."""


@dataclass(frozen=True, slots=True)
class Failure:
    """It is over."""

    reason: str
    """A person's sentence."""
    by_peer: bool
    """The other side refused us, or did not do its part; else we refused it."""
    error: int = 0
    """MS-CHAP error code (RFC 2759 6) where one was said; else 0."""


Outcome = Success | Failure
