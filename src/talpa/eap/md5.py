"""MD5-Challenge (RFC 3748 5.4), both sides. It proves the peer only, and makes no key."""

from talpa.crypto.attempts import EapMd5Attempt
from talpa.crypto.chap import chap_response
from talpa.crypto.credentials import Accepted, PasswordChanged, Refused
from talpa.eap.methods import Answer, Ask, Fault, Proven, Say
from talpa.eap.packets import emit_value_name, parse_value_name
from talpa.sansio import Rng
from talpa.wire import Malformed, Secret

_CHALLENGE = 16
_VALUE = 16


class Md5Server:
    """The authenticator's side. `identity` is the name that is proven: the packet's own is
    optional, and says nothing more (RFC 3748 5.4)."""

    __slots__ = ("_challenge", "_identity", "_name", "_rng")

    def __init__(self, identity: bytes, name: bytes, rng: Rng) -> None:
        self._identity = identity
        self._name = name
        self._rng = rng
        self._challenge = b""

    def start(self, identifier: int) -> Say:  # noqa: ARG002
        """See `ServerMethod`."""
        self._challenge = self._rng(_CHALLENGE)
        return Say(emit_value_name(self._challenge, self._name))

    def receive(self, identifier: int, data: bytes) -> Ask:
        """See `ServerMethod`."""
        value, _ = parse_value_name(data)
        if len(value) != _VALUE:
            raise Malformed("MD5 value of wrong length", f"{len(value)} octets")
        return Ask(EapMd5Attempt(self._identity, identifier, self._challenge, value))

    def verdict(self, verdict: Accepted | Refused | PasswordChanged) -> Proven | Fault:
        """See `ServerMethod`."""
        if isinstance(verdict, Refused):
            return Fault(verdict.reason, by_peer=False, error=verdict.error)
        return Proven(verdict.name)


class Md5Peer:
    """The peer's side."""

    __slots__ = ("_password", "_user")

    def __init__(self, user: bytes, password: Secret) -> None:
        self._user = user
        self._password = password

    def receive(self, identifier: int, data: bytes) -> Answer:
        """See `PeerMethod`."""
        challenge, _ = parse_value_name(data)
        value = chap_response(identifier, self._password.reveal(), challenge)
        return Answer(emit_value_name(value, self._user), done=True)

    def refused(self) -> Fault | None:
        """See `PeerMethod`."""
        return None
