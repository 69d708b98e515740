"""EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2), the authenticator's side, and the key.

MS-CHAPv2-ID is copied and never looked at: peers count it in their own ways, and EAP's identifier
tells already which request a response is for.
"""

from talpa.crypto.attempts import EapMsChapV2Attempt, EapMsChapV2ChangeAttempt
from talpa.crypto.credentials import Accepted, PasswordChanged, Refused
from talpa.crypto.mschap import get_asymmetric_start_key
from talpa.eap.methods import Ask, Fault, Proven, Say
from talpa.eap.packets import (
    CHALLENGE_OCTETS,
    MOST_IDENTITY,
    MSCHAPV2_CHALLENGE,
    MSCHAPV2_CHANGE,
    MSCHAPV2_MESSAGE,
    MSCHAPV2_RESPONSE,
    RESPONSE_OCTETS,
    MsChapV2Challenge,
    MsChapV2Message,
    OpCode,
)
from talpa.sansio import Rng
from talpa.wire import Malformed, Secret

TRIES = 3
"""Passwords that a peer may try, a change of it not counted."""
PASSWORD_EXPIRED = 648
_VERSION = 3
"""Of the password changing protocol."""


def session_key(master_key: Secret) -> Secret:
    """The Master Session Key, 64 octets: the server's receive key, its send key, zeros."""
    master = master_key.reveal()
    receive = get_asymmetric_start_key(master, server_sends=False)
    send = get_asymmetric_start_key(master, server_sends=True)
    return Secret(receive + send + bytes(32))


class MsChapV2Server:
    """The authenticator's side. `name` is how it calls itself, at least one octet."""

    __slots__ = (
        "_awaited",
        "_challenge",
        "_id",
        "_name",
        "_proven",
        "_refused",
        "_rng",
        "_tries",
        "_user",
    )

    def __init__(self, name: bytes, rng: Rng) -> None:
        self._name = name
        self._rng = rng
        self._challenge = b""
        self._id = 0
        self._tries = 0
        self._user = b""
        self._awaited: frozenset[int] = frozenset()
        """OpCodes that the peer may answer with."""
        self._proven: Proven | None = None
        self._refused: Refused | None = None

    def start(self, identifier: int) -> Say:
        """See `ServerMethod`."""
        self._id = identifier
        self._challenge = self._rng(CHALLENGE_OCTETS)
        self._awaited = frozenset((OpCode.RESPONSE,))
        fields = MsChapV2Challenge(
            OpCode.CHALLENGE,
            identifier,
            5 + CHALLENGE_OCTETS + len(self._name),
            CHALLENGE_OCTETS,
            self._challenge,
            self._name,
        )
        return Say(MSCHAPV2_CHALLENGE.encode(fields))

    def receive(self, identifier: int, data: bytes) -> Ask | Proven | Fault:  # noqa: ARG002
        """See `ServerMethod`."""
        if not data:
            raise Malformed("EAP-MSCHAPv2 packet empty")
        opcode = data[0]
        if opcode not in self._awaited:
            raise Malformed("EAP-MSCHAPv2 OpCode out of turn", f"{opcode}")
        if opcode == OpCode.RESPONSE:
            return self._response(data)
        if opcode == OpCode.CHANGE_PASSWORD:
            return self._change(data)
        if opcode == OpCode.SUCCESS and self._proven is not None:
            return self._proven
        return self._failed()

    def _response(self, data: bytes) -> Ask:
        fields = MSCHAPV2_RESPONSE.decode(data)
        if fields.value_size != RESPONSE_OCTETS:
            raise Malformed("EAP-MSCHAPv2 response of wrong length", f"{fields.value_size}")
        if len(fields.name) > MOST_IDENTITY:
            raise Malformed("EAP-MSCHAPv2 name too long", f"{len(fields.name)} octets")
        self._id = fields.mschapv2_id
        self._user = fields.name
        self._tries += 1
        return Ask(
            EapMsChapV2Attempt(
                fields.name, self._challenge, fields.peer_challenge, fields.nt_response
            )
        )

    def _change(self, data: bytes) -> Ask:
        fields = MSCHAPV2_CHANGE.decode(data)
        self._id = fields.mschapv2_id
        return Ask(
            EapMsChapV2ChangeAttempt(
                self._user,
                self._challenge,
                fields.peer_challenge,
                fields.encrypted_password,
                fields.encrypted_hash,
                fields.nt_response,
            )
        )

    def verdict(self, verdict: Accepted | Refused | PasswordChanged) -> Say | Fault:
        """See `ServerMethod`."""
        if isinstance(verdict, Refused):
            return self._refuse(verdict)
        said = verdict.message if isinstance(verdict, Accepted) else ""
        key = None if verdict.key is None else session_key(verdict.key)
        self._proven = Proven(verdict.name, key)
        # A peer that does not take our proof says so with a Failure.
        self._awaited = frozenset((OpCode.SUCCESS, OpCode.FAILURE))
        return self._message(OpCode.SUCCESS, verdict.response + b" M=" + _ascii(said or "Welcome"))

    def _refuse(self, refused: Refused) -> Say:
        self._refused = refused
        self._challenge = self._rng(CHALLENGE_OCTETS)
        retry = refused.retry and self._tries < TRIES
        awaited = {OpCode.FAILURE}
        if retry:
            awaited.add(OpCode.RESPONSE)
        if refused.error == PASSWORD_EXPIRED:
            awaited.add(OpCode.CHANGE_PASSWORD)
        self._awaited = frozenset(awaited)
        digits = self._challenge.hex().upper()
        text = f"E={refused.error} R={int(retry)} C={digits} V={_VERSION} M="
        return self._message(OpCode.FAILURE, text.encode() + _ascii(refused.message))

    def _message(self, opcode: OpCode, message: bytes) -> Say:
        fields = MsChapV2Message(opcode, self._id, 4 + len(message), message)
        return Say(MSCHAPV2_MESSAGE.encode(fields))

    def _failed(self) -> Fault:
        refused = self._refused
        if self._proven is not None or refused is None:
            return Fault("the peer does not take our proof of knowing the password", by_peer=True)
        return Fault(refused.reason, by_peer=False, error=refused.error)


def _ascii(text: str) -> bytes:
    """A message as it goes out: printable ASCII, bounded."""
    return "".join(c if " " <= c <= "~" else "?" for c in text[:200]).encode()
