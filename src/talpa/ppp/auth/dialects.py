"""What the three kinds of CHAP differ in, and CHAP with MD5 itself (RFC 1994)."""

# ruff: noqa: ARG002 -- not each kind needs all that its interface hands over

from dataclasses import dataclass
from typing import Protocol

from talpa.crypto.attempts import ChapAttempt
from talpa.crypto.chap import chap_response
from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused
from talpa.ppp.auth.formats import message_octets, message_text
from talpa.ppp.config import Credentials
from talpa.sansio import Rng
from talpa.wire import Malformed


@dataclass(frozen=True, slots=True)
class Answer:
    """What a supplicant sends, and what it has to hear."""

    data: bytes
    """Value of a Response, or data of a Change-Password packet."""
    proof: bytes
    """How the message of the peer's Success has to begin; empty: in any way."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a Failure packet says."""

    text: str
    """For a person."""
    error: int = 691
    challenge: bytes | None = None
    """The one to answer next; None: none was given."""
    version: int = 0
    """Of the password changing protocol; 0: not said."""


class Dialect(Protocol):
    """One kind of CHAP. Without state. What takes octets of the peer raises `Malformed`."""

    challenge_size: int
    """Octets of the challenges we send."""
    retries: bool
    """Whether a Failure can invite another Response, or a Change-Password packet."""
    change_code: int | None
    """Code of the Change-Password packet."""
    change_keeps_challenge: bool
    """Whether a Change-Password packet answers the challenge of the Response before it."""

    def attempt(self, name: bytes, identifier: int, challenge: bytes, value: bytes) -> Attempt:
        """Authenticator: a Response as something to check."""

    def change_attempt(self, name: bytes, challenge: bytes, data: bytes) -> Attempt:
        """Authenticator: a Change-Password packet as something to check."""

    def success(self, verdict: Accepted | PasswordChanged) -> bytes:
        """Authenticator: message of the Success packet."""

    def failure(self, refused: Refused, retry: bool, challenge: bytes) -> bytes:
        """Authenticator: message of the Failure packet; `challenge` is the next one."""

    def check_challenge(self, challenge: bytes) -> None:
        """Supplicant: refuse a challenge of wrong form."""

    def answer(self, who: Credentials, identifier: int, challenge: bytes, rng: Rng) -> Answer:
        """Supplicant: the Response to a challenge."""

    def change(self, who: Credentials, challenge: bytes, rng: Rng) -> Answer:
        """Supplicant: the Change-Password packet to `who.new_password`."""

    def refusal(self, message: bytes) -> Refusal:
        """Supplicant: what a Failure packet says."""


class Md5Dialect:
    """CHAP with MD5."""

    challenge_size = 16
    retries = False
    change_code: int | None = None
    change_keeps_challenge = False

    def attempt(self, name: bytes, identifier: int, challenge: bytes, value: bytes) -> Attempt:
        """See `Dialect`."""
        if len(value) != 16:
            raise Malformed("CHAP response of wrong length", f"{len(value)} octets")
        return ChapAttempt(name, identifier, challenge, value)

    def change_attempt(self, name: bytes, challenge: bytes, data: bytes) -> Attempt:
        """See `Dialect`."""
        raise Malformed("CHAP has no Change-Password packet")

    def success(self, verdict: Accepted | PasswordChanged) -> bytes:
        """See `Dialect`."""
        return message_octets(verdict.message if isinstance(verdict, Accepted) else "")

    def failure(self, refused: Refused, retry: bool, challenge: bytes) -> bytes:
        """See `Dialect`."""
        return message_octets(refused.message)

    def check_challenge(self, challenge: bytes) -> None:
        """See `Dialect`: any length will do."""

    def answer(self, who: Credentials, identifier: int, challenge: bytes, rng: Rng) -> Answer:
        """See `Dialect`."""
        return Answer(chap_response(identifier, who.password.reveal(), challenge), b"")

    def change(self, who: Credentials, challenge: bytes, rng: Rng) -> Answer:
        """See `Dialect`: never called, since `change_code` is None."""
        raise NotImplementedError

    def refusal(self, message: bytes) -> Refusal:
        """See `Dialect`."""
        return Refusal(message_text(message))
