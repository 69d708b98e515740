"""MS-CHAP (RFC 2433) and MS-CHAPv2 (RFC 2759) as dialects of CHAP."""

# ruff: noqa: ARG002 -- not each kind needs all that its interface hands over

from talpa.crypto.attempts import (
    MsChapAttempt,
    MsChapChangeAttempt,
    MsChapV2Attempt,
    MsChapV2ChangeAttempt,
    without_domain,
)
from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused
from talpa.crypto.mschap import (
    generate_authenticator_response,
    generate_nt_response,
    new_password_encrypted_with_old_nt_password_hash,
    nt_challenge_response,
    old_nt_password_hash_encrypted_with_new_nt_password_hash,
)
from talpa.ppp.auth.dialects import Answer, Refusal
from talpa.ppp.auth.formats import (
    MSCHAP_CHANGE,
    MSCHAP_V2_CHANGE,
    MSCHAP_V2_VALUE,
    MSCHAP_VALUE,
    ChapCode,
    MsChapChange,
    MsChapV2Change,
    MsChapV2Value,
    MsChapValue,
    message_octets,
    message_text,
)
from talpa.ppp.config import Credentials
from talpa.ppp.ras_errors import RAS_ERRORS
from talpa.sansio import Rng
from talpa.wire import Malformed, Secret

PASSWORD_EXPIRED = 648

_MOST_DIGITS = 10
_FILLER = 512


class MsChapDialect:
    """MS-CHAP version 1. The LAN Manager fields are zero both ways."""

    challenge_size = 8
    retries = True
    change_code: int | None = ChapCode.CHANGE_V1
    change_keeps_challenge = True

    def attempt(self, name: bytes, identifier: int, challenge: bytes, value: bytes) -> Attempt:
        """See `Dialect`."""
        fields = MSCHAP_VALUE.decode(value)
        if not fields.use_nt & 1:
            raise Malformed("MS-CHAP response for LAN Manager only")
        return MsChapAttempt(name, challenge, fields.nt_response)

    def change_attempt(self, name: bytes, challenge: bytes, data: bytes) -> Attempt:
        """See `Dialect`."""
        fields = MSCHAP_CHANGE.decode(data)
        if not fields.flags & 1:
            raise Malformed("MS-CHAP response for LAN Manager only")
        return MsChapChangeAttempt(
            name, challenge, fields.password_by_nt, fields.hash_by_nt, fields.nt_response
        )

    def success(self, verdict: Accepted | PasswordChanged) -> bytes:
        """See `Dialect`."""
        return message_octets(verdict.message if isinstance(verdict, Accepted) else "")

    def failure(self, refused: Refused, retry: bool, challenge: bytes) -> bytes:
        """See `Dialect`."""
        return _failure(refused, retry, challenge, 2)

    def check_challenge(self, challenge: bytes) -> None:
        """See `Dialect`."""
        if len(challenge) != self.challenge_size:
            raise Malformed("MS-CHAP challenge of wrong length", f"{len(challenge)} octets")

    def answer(self, who: Credentials, identifier: int, challenge: bytes, rng: Rng) -> Answer:
        """See `Dialect`."""
        response = nt_challenge_response(challenge, who.password)
        return Answer(MSCHAP_VALUE.encode(MsChapValue(bytes(24), response, 1)), b"")

    def change(self, who: Credentials, challenge: bytes, rng: Rng) -> Answer:
        """See `Dialect`."""
        new = _new_password(who)
        fields = MsChapChange(
            new_password_encrypted_with_old_nt_password_hash(new, who.password, rng(_FILLER)),
            old_nt_password_hash_encrypted_with_new_nt_password_hash(new, who.password),
            bytes(516),
            bytes(16),
            bytes(24),
            nt_challenge_response(challenge, new),
            1,
        )
        return Answer(MSCHAP_CHANGE.encode(fields), b"")

    def refusal(self, message: bytes) -> Refusal:
        """See `Dialect`."""
        return _refusal(message, self.challenge_size)


class MsChapV2Dialect:
    """MS-CHAP version 2: the authenticator proves itself too."""

    challenge_size = 16
    retries = True
    change_code: int | None = ChapCode.CHANGE_V2
    change_keeps_challenge = False

    def attempt(self, name: bytes, identifier: int, challenge: bytes, value: bytes) -> Attempt:
        """See `Dialect`. Reserved octets and flags are not looked at."""
        fields = MSCHAP_V2_VALUE.decode(value)
        return MsChapV2Attempt(name, challenge, fields.peer_challenge, fields.nt_response)

    def change_attempt(self, name: bytes, challenge: bytes, data: bytes) -> Attempt:
        """See `Dialect`."""
        fields = MSCHAP_V2_CHANGE.decode(data)
        return MsChapV2ChangeAttempt(
            name,
            challenge,
            fields.peer_challenge,
            fields.encrypted_password,
            fields.encrypted_hash,
            fields.nt_response,
        )

    def success(self, verdict: Accepted | PasswordChanged) -> bytes:
        """See `Dialect`."""
        message = verdict.message if isinstance(verdict, Accepted) else ""
        return verdict.response + b" M=" + message_octets(message or "Welcome")

    def failure(self, refused: Refused, retry: bool, challenge: bytes) -> bytes:
        """See `Dialect`."""
        message = message_octets(refused.message)
        return _failure(refused, retry, challenge, 3) + b" M=" + message

    def check_challenge(self, challenge: bytes) -> None:
        """See `Dialect`."""
        if len(challenge) != self.challenge_size:
            raise Malformed("MS-CHAPv2 challenge of wrong length", f"{len(challenge)} octets")

    def answer(self, who: Credentials, identifier: int, challenge: bytes, rng: Rng) -> Answer:
        """See `Dialect`."""
        mine = rng(16)
        response, proof = _respond(who.name, who.password, challenge, mine)
        value = MsChapV2Value(mine, bytes(8), response, 0)
        return Answer(MSCHAP_V2_VALUE.encode(value), proof)

    def change(self, who: Credentials, challenge: bytes, rng: Rng) -> Answer:
        """See `Dialect`."""
        new = _new_password(who)
        mine = rng(16)
        response, proof = _respond(who.name, new, challenge, mine)
        fields = MsChapV2Change(
            new_password_encrypted_with_old_nt_password_hash(new, who.password, rng(_FILLER)),
            old_nt_password_hash_encrypted_with_new_nt_password_hash(new, who.password),
            mine,
            bytes(8),
            response,
            0,
        )
        return Answer(MSCHAP_V2_CHANGE.encode(fields), proof)

    def refusal(self, message: bytes) -> Refusal:
        """See `Dialect`."""
        return _refusal(message, self.challenge_size)


def _respond(name: str, password: Secret, challenge: bytes, mine: bytes) -> tuple[bytes, bytes]:
    """NT-Response, and the proof that the authenticator owes for it."""
    user = without_domain(name.encode())
    response = generate_nt_response(challenge, mine, user, password)
    return response, generate_authenticator_response(password, response, mine, challenge, user)


def _new_password(who: Credentials) -> Secret:
    if who.new_password is None:
        raise ValueError("no new password to change to")
    return who.new_password


def _failure(refused: Refused, retry: bool, challenge: bytes, version: int) -> bytes:
    return f"E={refused.error} R={int(retry)} C={challenge.hex().upper()} V={version}".encode()


def _refusal(message: bytes, challenge_size: int) -> Refusal:
    """Read "E=... R=... C=... V=... M=..."; peers leave out fields, or the whole of it."""
    head, _, said = message_text(message).partition("M=")
    fields = dict(word.partition("=")[::2] for word in head.split() if "=" in word)
    error = _decimal(fields.get("E", ""))
    if not error:
        return Refusal(message_text(message))
    words = f"error {error}, {RAS_ERRORS.get(error, 'not one we know')}"
    text = f"{words}: {said}" if said else words
    return Refusal(
        text, error, _challenge(fields.get("C", ""), challenge_size), _decimal(fields.get("V", ""))
    )


def _decimal(digits: str) -> int:
    """The number; 0 for what is none."""
    usable = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    return int(digits) if usable else 0


def _challenge(digits: str, size: int) -> bytes | None:
    if len(digits) != 2 * size:
        return None
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return None
