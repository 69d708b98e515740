"""What the methods have in common, and the list of them."""

from dataclasses import dataclass, field
from typing import Protocol

from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused
from talpa.eap.packets import Type
from talpa.wire import Secret


@dataclass(frozen=True, slots=True)
class Method:
    """One way of authenticating."""

    name: str
    """As configured: "mschapv2"."""
    title: str
    """As a person reads it: "EAP-MSCHAPv2"."""
    type: Type


METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        Method("tls", "EAP-TLS", Type.TLS),
        Method("mschapv2", "EAP-MSCHAPv2", Type.MSCHAPV2),
        Method("md5", "EAP-MD5", Type.MD5),
    )
}
"""All methods by name, strongest first."""


@dataclass(frozen=True, slots=True)
class Say:
    """The next packet of the method: what stands behind the type."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """A verdict is needed before it goes on."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Proven:
    """The authenticator's method is through: Success follows."""

    name: str
    msk: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """The method has failed."""

    reason: str
    by_peer: bool
    error: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the peer's method answers."""

    data: bytes
    done: bool = False
    """The method is through on our side: Success may come now."""
    msk: Secret | None = field(default=None, repr=False)


class ServerMethod(Protocol):
    """A method in the authenticator's hands. What takes octets of the peer raises `Malformed` for
    what is to be dropped."""

    def start(self, identifier: int) -> Say:
        """The first request, which goes out under `identifier`."""

    def receive(self, identifier: int, data: bytes) -> Say | Ask | Proven | Fault:
        """A response to the request of that identifier."""

    def verdict(self, verdict: Accepted | Refused | PasswordChanged) -> Say | Proven | Fault:
        """What was decided about the attempt asked for."""


class PeerMethod(Protocol):
    """A method in the peer's hands. Raises `Malformed` for what is to be dropped."""

    def receive(self, identifier: int, data: bytes) -> Answer | Fault:
        """A request."""

    def refused(self) -> Fault | None:
        """What the authenticator said when it refused us inside the method; None: nothing."""
