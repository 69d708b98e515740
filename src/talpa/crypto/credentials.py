"""What a peer presents to prove who it is, what it is checked against, and the outcome.

These values are all that PPP, EAP and AAA know of each other. An attempt can check itself against a
secret; what comes of it can be made in no other way than by a check.
"""

from dataclasses import dataclass, field
from typing import Protocol

from talpa.wire.secret import Secret


@dataclass(frozen=True, slots=True)
class Accepted:
    """The peer knows the secret."""

    name: str
    response: bytes = b""
    """What the authenticator says to prove itself in turn: for MS-CHAPv2 the 42 characters
    "S=..."."""
    message: str = ""
    key: Secret | None = field(default=None, repr=False)
    """What both sides can make keys of now, where EAP wants it: for EAP-MSCHAPv2 the MasterKey of
    RFC 3079 3.4, 16 octets."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The peer is not let in."""

    reason: str
    """For our own log and counters: a person's sentence."""
    message: str = "Authentication failed"
    """What the peer is told."""
    error: int = 691
    """MS-CHAP error code (RFC 2759 6): 646, 647, 648, 649, 691, 709."""
    retry: bool = False
    """The peer may try again on this link."""


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """The peer gave a valid proof of its old password, and a new one."""

    name: str
    password: Secret
    response: bytes
    key: Secret | None = field(default=None, repr=False)
    """As in `Accepted`."""


Verdict = Accepted | Refused


class Attempt(Protocol):
    """One try of a peer to authenticate itself. `repr` shows no secret."""

    @property
    def method(self) -> str:
        """One of "MS-CHAPv2", "MS-CHAP", "CHAP", "PAP", "EAP-MSCHAPv2", "EAP-MD5", "EAP-TLS"."""

    @property
    def name(self) -> str:
        """The name that the peer claims, without a Windows domain in front where there is one."""

    def check(self, password: Secret) -> Accepted | PasswordChanged | None:
        """Hold the attempt against the password (UTF-8); None: it does not match.

        Each way of writing the password that the method allows is tried: UTF-8, then CP1252 for PAP
        and CHAP; UTF-16LE for MS-CHAP. Constant time as far as the method allows.
        """
