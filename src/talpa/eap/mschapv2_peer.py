"""EAP-MSCHAPv2, the peer's side."""

import hmac

from talpa.crypto.attempts import without_domain
from talpa.crypto.mschap import (
    generate_authenticator_response,
    generate_nt_response,
    get_master_key,
    new_password_encrypted_with_old_nt_password_hash,
    old_nt_password_hash_encrypted_with_new_nt_password_hash,
)
from talpa.eap.methods import Answer, Fault
from talpa.eap.mschapv2 import PASSWORD_EXPIRED, session_key
from talpa.eap.packets import (
    CHALLENGE_OCTETS,
    MOST_MESSAGE,
    MSCHAPV2_CHALLENGE,
    MSCHAPV2_CHANGE,
    MSCHAPV2_MESSAGE,
    MSCHAPV2_RESPONSE,
    RESPONSE_OCTETS,
    MsChapV2Change,
    MsChapV2Response,
    OpCode,
)
from talpa.sansio import Rng
from talpa.wire import Malformed, Secret, printable

_MOST_DIGITS = 10
_FILLER = 512
_SHOWN = 200
_ERRORS = {
    646: "not at this hour",
    647: "the account is disabled",
    648: "the password has expired",
    649: "no permission to dial in",
    691: "wrong user name or password",
    709: "the password could not be changed",
}
"""RFC 2759 6."""


class MsChapV2Peer:
    """The peer's side. With `new_password` an expired password is changed to it."""

    __slots__ = ("_fault", "_key", "_new", "_password", "_proof", "_rng", "_user")

    def __init__(
        self, user: bytes, password: Secret, rng: Rng, new_password: Secret | None = None
    ) -> None:
        self._user = user
        self._password = password
        self._new = new_password
        self._rng = rng
        self._proof = b""
        """What the authenticator owes; empty: nothing, since we gave nothing."""
        self._key: Secret | None = None
        self._fault: Fault | None = None

    def receive(self, identifier: int, data: bytes) -> Answer | Fault:  # noqa: ARG002
        """See `PeerMethod`."""
        if not data:
            raise Malformed("EAP-MSCHAPv2 packet empty")
        opcode = data[0]
        if self._fault is not None:
            raise Malformed("EAP-MSCHAPv2 packet after a failure")
        if opcode == OpCode.CHALLENGE and not self._proof:
            return self._challenge(data)
        if opcode == OpCode.SUCCESS and self._proof:
            return self._success(data)
        if opcode == OpCode.FAILURE and self._proof:
            return self._failure(data)
        raise Malformed("EAP-MSCHAPv2 OpCode out of turn", f"{opcode}")

    def refused(self) -> Fault | None:
        """See `PeerMethod`."""
        return self._fault

    def _challenge(self, data: bytes) -> Answer:
        fields = MSCHAPV2_CHALLENGE.decode(data)
        if fields.value_size != CHALLENGE_OCTETS:
            raise Malformed("EAP-MSCHAPv2 challenge of wrong length", f"{fields.value_size}")
        mine = self._rng(CHALLENGE_OCTETS)
        response = self._respond(self._password, fields.challenge, mine)
        answer = MsChapV2Response(
            OpCode.RESPONSE,
            fields.mschapv2_id,
            5 + RESPONSE_OCTETS + len(self._user),
            RESPONSE_OCTETS,
            mine,
            bytes(8),
            response,
            0,
            self._user,
        )
        return Answer(MSCHAPV2_RESPONSE.encode(answer))

    def _respond(self, password: Secret, challenge: bytes, mine: bytes) -> bytes:
        user = without_domain(self._user)
        response = generate_nt_response(challenge, mine, user, password)
        self._proof = generate_authenticator_response(password, response, mine, challenge, user)
        self._key = Secret(get_master_key(password, response))
        return response

    def _success(self, data: bytes) -> Answer | Fault:
        message = MSCHAPV2_MESSAGE.decode(data).message
        size = len(self._proof)
        if not hmac.compare_digest(message[:size].upper(), self._proof):
            reason = "the server did not prove that it knows the password: do not trust it"
            return Fault(reason, by_peer=True)
        assert self._key is not None
        return Answer(bytes((OpCode.SUCCESS,)), done=True, msk=session_key(self._key))

    def _failure(self, data: bytes) -> Answer:
        fields = MSCHAPV2_MESSAGE.decode(data)
        error, challenge, text = _refusal(fields.message)
        if error == PASSWORD_EXPIRED and challenge is not None and self._new is not None:
            new, self._new = self._new, None
            return self._change(new, fields.mschapv2_id, challenge)
        self._fault = Fault(text, by_peer=True, error=error)
        return Answer(bytes((OpCode.FAILURE,)))

    def _change(self, new: Secret, identifier: int, challenge: bytes) -> Answer:
        old = self._password
        mine = self._rng(CHALLENGE_OCTETS)
        fields = MsChapV2Change(
            OpCode.CHANGE_PASSWORD,
            (identifier + 1) & 0xFF,
            4 + 582,
            new_password_encrypted_with_old_nt_password_hash(new, old, self._rng(_FILLER)),
            old_nt_password_hash_encrypted_with_new_nt_password_hash(new, old),
            mine,
            bytes(8),
            self._respond(new, challenge, mine),
            0,
        )
        return Answer(MSCHAPV2_CHANGE.encode(fields))


def _refusal(message: bytes) -> tuple[int, bytes | None, str]:
    """Error code, next challenge and words of "E=... R=... C=... V=... M=..."; peers leave out
    fields, or the whole of it."""
    head, _, said = printable(message[:MOST_MESSAGE]).partition("M=")
    fields = dict(word.partition("=")[::2] for word in head.split() if "=" in word)
    digits = fields.get("E", "")
    usable = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    error = int(digits) if usable else 0
    words = f"error {error}, {_ERRORS.get(error, 'not one we know')}"
    said = said.strip()[:_SHOWN]
    return error, _challenge(fields.get("C", "")), f"{words}: {said}" if said else words


def _challenge(digits: str) -> bytes | None:
    if len(digits) != 2 * CHALLENGE_OCTETS:
        return None
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return None
