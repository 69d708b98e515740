"""CHAP, both sides, in all its dialects (RFC 1994 4)."""

import hmac
from dataclasses import replace

from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused, Verdict
from talpa.ppp.auth.authenticator import Authenticator
from talpa.ppp.auth.dialects import Dialect, Md5Dialect
from talpa.ppp.auth.formats import (
    ChapCode,
    emit,
    emit_value_name,
    message_text,
    parse_value_name,
)
from talpa.ppp.auth.mschap import PASSWORD_EXPIRED, MsChapDialect, MsChapV2Dialect
from talpa.ppp.auth.outcomes import Failure, Success
from talpa.ppp.auth.party import Stage
from talpa.ppp.auth.supplicant import Supplicant
from talpa.ppp.config import Config, Credentials
from talpa.sansio import Drops, Rng

_DIALECTS: dict[str, Dialect] = {
    "chap": Md5Dialect(),
    "mschap": MsChapDialect(),
    "mschapv2": MsChapV2Dialect(),
}


class ChapAuthenticator(Authenticator, serves=tuple(_DIALECTS)):
    """Challenges the peer, and answers each Response to the same challenge in the same way."""

    __slots__ = ("_challenge", "_name", "_reply")

    def __init__(
        self,
        method: str,
        config: Config,
        rng: Rng,
        drops: Drops | None = None,
        *,
        refusals: int = 0,
    ) -> None:
        super().__init__(method, config, rng, drops, refusals=refusals)
        self._challenge = b""
        """The one whose answer is awaited."""
        self._name = b""
        """As sent with the latest Response."""
        self._reply = b""
        """The latest Success or Failure packet, for those who did not get it."""

    @property
    def _dialect(self) -> Dialect:
        return _DIALECTS[self.method.name]

    def start(self, now: float) -> None:
        """See `Party`."""
        self._identifier = self._rng(1)[0]
        self._begin(now)

    def issued(self, challenge: bytes) -> bool:
        """See `Authenticator`."""
        return bool(self._challenge) and hmac.compare_digest(challenge, self._challenge)

    def _begin(self, now: float) -> None:
        self._stage = Stage.WAITING
        self._sent = 0
        self._reply = b""
        self._challenge = self._rng(self._dialect.challenge_size)
        self._send_challenge(now)

    def _challenge_again(self, now: float) -> None:
        self._identifier = (self._identifier + 1) & 0xFF
        self._begin(now)

    def _send_challenge(self, now: float) -> None:
        # A repetition keeps its identifier and value, so that a Response under way still counts.
        data = emit_value_name(self._challenge, self._config.name.encode())
        self._send(ChapCode.CHALLENGE, self._identifier, data)
        self._sent += 1
        self._deadline = now + self._config.restart_timer

    def _packet(self, code: int, identifier: int, data: bytes, now: float) -> None:
        if code not in (ChapCode.RESPONSE, self._dialect.change_code):
            self._drop("CHAP packet not expected by the authenticator")
        elif self._reply and identifier == self._reply[1]:
            self._resend(self._reply)
        elif self._stage == Stage.DECIDING:
            self._drop("CHAP response while one is looked at")
        elif identifier != self._identifier or not self._challenge:
            self._drop("CHAP response to another challenge")
            if self._stage == Stage.DONE and isinstance(self.outcome, Success):
                # The network held back a challenge of ours from before LCP was negotiated anew.
                # The peer took it for the latest, and does not know that it is let in.
                self._challenge_again(now)
        elif code == ChapCode.RESPONSE and self._stage in (Stage.WAITING, Stage.RETRYING):
            value, name = parse_value_name(data)
            self._decide(self._dialect.attempt(name, identifier, self._challenge, value))
            self._name = name
        elif code != ChapCode.RESPONSE and self._stage == Stage.CHANGING:
            self._decide(self._dialect.change_attempt(self._name, self._challenge, data))
        else:
            self._drop("CHAP packet not expected by the authenticator")

    def _decide(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._stage = Stage.DECIDING
        self._deadline = None

    def verdict(self, verdict: Verdict | PasswordChanged, now: float) -> None:
        """See `Authenticator`."""
        if self._stage != Stage.DECIDING:
            return
        if isinstance(verdict, Refused):
            self._refuse(verdict, now)
        else:
            self._accept(verdict, now)

    def _accept(self, verdict: Accepted | PasswordChanged, now: float) -> None:
        before = self.outcome
        if isinstance(before, Success) and before.name != verdict.name:
            reason = f"{before.name} answered a later challenge as {verdict.name}"
            self._refuse(Refused(reason), now)
            return
        self.refusals = 0
        self._end(
            Success(verdict.name, self.method.title),
            emit(ChapCode.SUCCESS, self._identifier, self._dialect.success(verdict)),
        )
        if self._config.rechallenge_interval:
            self._deadline = now + self._config.rechallenge_interval

    def _refuse(self, refused: Refused, now: float) -> None:
        self.refusals += 1
        dialect, tries = self._dialect, self._config.auth_tries
        change = refused.error == PASSWORD_EXPIRED and self.refusals <= tries
        retry = refused.retry and self.refusals < tries and not change
        challenge = self._challenge
        if not (change and dialect.change_keeps_challenge):
            challenge = self._rng(dialect.challenge_size)
        message = dialect.failure(refused, retry, challenge)
        reply = emit(ChapCode.FAILURE, self._identifier, message)
        if not dialect.retries or not (change or retry):
            self._end(Failure(refused.reason, by_peer=False, error=refused.error), reply)
            return
        if change:
            # No retry after a Change-Password packet (RFC 2759 9.1).
            self.refusals = tries
        self._stage = Stage.CHANGING if change else Stage.RETRYING
        self._challenge = challenge
        self._identifier = (self._identifier + 1) & 0xFF
        self._reply = reply
        self._resend(reply)
        # A person may have to type: RFC 2759 6 has no short timeouts here.
        self._deadline = now + self._config.auth_timeout

    def _end(self, outcome: Success | Failure, reply: bytes) -> None:
        self._finish(outcome)
        self._challenge = self._name = b""
        self._reply = reply
        self._resend(reply)

    def _expired(self, now: float) -> None:
        if self._stage == Stage.DONE:
            self._challenge_again(now)
        elif self._stage != Stage.WAITING:
            waited = f"{self._config.auth_timeout:g} s"
            reason = f"the peer was refused, and did not try again within {waited}"
            self._give_up(Failure(reason, by_peer=False))
        elif self._may_repeat():
            self._send_challenge(now)
        else:
            reason = f"the peer did not answer {self._sent} challenges"
            self._give_up(Failure(reason, by_peer=True, error=0))

    def _give_up(self, failure: Failure) -> None:
        self._finish(failure)
        self._challenge = self._name = b""


class ChapSupplicant(Supplicant, serves=tuple(_DIALECTS)):
    """Answers challenges. Only a Success that follows a Response, and with MS-CHAPv2 proves that
    the peer knows the password, lets us in."""

    __slots__ = ("_answer", "_challenge", "_peer", "_proof")

    def __init__(
        self,
        method: str,
        credentials: Credentials,
        config: Config,
        rng: Rng,
        *,
        authenticator: Authenticator | None = None,
        drops: Drops | None = None,
    ) -> None:
        super().__init__(method, credentials, config, rng, authenticator=authenticator, drops=drops)
        self._challenge = b""
        """The latest one that we answered."""
        self._answer = b""
        """Our packet that waits for Success or Failure."""
        self._proof = b""
        self._peer = ""

    @property
    def _dialect(self) -> Dialect:
        return _DIALECTS[self.method.name]

    def start(self, now: float) -> None:
        """See `Party`."""
        self._stage = Stage.WAITING
        self._deadline = now + self._config.auth_timeout

    def _packet(self, code: int, identifier: int, data: bytes, now: float) -> None:
        if self._stage == Stage.IDLE or isinstance(self.outcome, Failure):
            self._drop("CHAP packet not expected by the supplicant")
        elif code == ChapCode.CHALLENGE:
            self._challenged(identifier, data, now)
        elif code not in (ChapCode.SUCCESS, ChapCode.FAILURE):
            self._drop("CHAP packet not expected by the supplicant")
        elif not self._answer or identifier != self._answer[1]:
            self._drop("CHAP reply to no response of ours")
        elif code == ChapCode.SUCCESS:
            self._succeeded(data)
        else:
            self._failed(identifier, data, now)

    def _challenged(self, identifier: int, data: bytes, now: float) -> None:
        challenge, name = parse_value_name(data)
        self._dialect.check_challenge(challenge)
        reflected = self._reflection(challenge, name)
        if reflected:
            self._end(Failure(reflected, by_peer=True, error=0))
            return
        if identifier == self._identifier and challenge == self._challenge:
            # Repeated. After Success the peer has had its answer.
            if self._answer:
                self._resend(self._answer)
            return
        self._challenge, self._peer = challenge, message_text(name)
        who = self._credentials
        answer = self._dialect.answer(who, identifier, challenge, self._rng)
        data = emit_value_name(answer.data, who.name.encode())
        self._respond(ChapCode.RESPONSE, identifier, data, answer.proof, now)

    def _reflection(self, challenge: bytes, name: bytes) -> str:
        """Why this looks like somebody who wants our answer to our own question (RFC 1994, security
        considerations); empty: it does not."""
        if self._authenticator is not None and self._authenticator.issued(challenge):
            return "the peer sent our own challenge back to us"
        own = self._config.name
        if self._config.authenticate and own and name == own.encode():
            return f"the peer challenges us in our own name, {own}: the two ends need two names"
        return ""

    def _respond(self, code: int, identifier: int, data: bytes, proof: bytes, now: float) -> None:
        self._stage = Stage.WAITING
        self._identifier = identifier
        self._answer = emit(code, identifier, data)
        self._proof = proof
        self._sent = 0
        self._send_answer(now)

    def _send_answer(self, now: float) -> None:
        self._resend(self._answer)
        self._sent += 1
        self._deadline = now + self._config.restart_timer

    def _succeeded(self, data: bytes) -> None:
        proof = self._proof
        if not hmac.compare_digest(data[: len(proof)].upper(), proof):
            # RFC 2759 5: the peer MUST end the session.
            reason = "the peer could not prove that it knows our password"
            self._end(Failure(reason, by_peer=True, error=0))
        else:
            self._end(Success(self._peer, self.method.title))

    def _failed(self, identifier: int, data: bytes, now: float) -> None:
        refusal = self._dialect.refusal(data)
        who, code = self._credentials, self._dialect.change_code
        if refusal.error != PASSWORD_EXPIRED or who.new_password is None or code is None:
            # With one password only there is nothing else to try, even where we are asked to.
            said = f": {refusal.text}" if refusal.text else ""
            reason = f"the peer refused our name or password{said}"
            self._end(Failure(reason, by_peer=True, error=refusal.error))
            return
        challenge = refusal.challenge or self._challenge
        change = self._dialect.change(who, challenge, self._rng)
        self._credentials = replace(who, password=who.new_password, new_password=None)
        self._challenge = challenge
        self._respond(code, (identifier + 1) & 0xFF, change.data, change.proof, now)

    def _end(self, outcome: Success | Failure) -> None:
        self._finish(outcome)
        self._answer = self._proof = b""
        self._peer = ""

    def _expired(self, now: float) -> None:
        if not self._answer:
            waited = f"{self._config.auth_timeout:g} s"
            reason = f"the peer sent no challenge within {waited}"
            self._end(Failure(reason, by_peer=True, error=0))
        elif self._may_repeat():
            self._send_answer(now)
        else:
            reason = f"the peer did not react to {self._sent} responses"
            self._end(Failure(reason, by_peer=True, error=0))
