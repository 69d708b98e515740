"""PAP, both sides (RFC 1334 2)."""

# ruff: noqa: ARG002 -- not each kind needs all that its interface hands over

from talpa.crypto.attempts import PapAttempt
from talpa.crypto.credentials import PasswordChanged, Refused, Verdict
from talpa.ppp.auth.authenticator import Authenticator
from talpa.ppp.auth.formats import (
    PapCode,
    emit_pap_message,
    emit_pap_request,
    message_octets,
    message_text,
    parse_pap_message,
    parse_pap_request,
)
from talpa.ppp.auth.outcomes import Failure, Success
from talpa.ppp.auth.party import Stage
from talpa.ppp.auth.supplicant import Supplicant
from talpa.wire import Secret


class PapAuthenticator(Authenticator, serves=("pap",)):
    """Waits for the peer's request. One wrong password ends it: RFC 1334 knows no retry."""

    __slots__ = ()

    def start(self, now: float) -> None:
        """See `Party`."""
        self._stage = Stage.WAITING
        self._deadline = now + self._config.auth_timeout

    def verdict(self, verdict: Verdict | PasswordChanged, now: float) -> None:
        """See `Authenticator`."""
        if self._stage != Stage.DECIDING:
            return
        if isinstance(verdict, Refused):
            self._finish(Failure(verdict.reason, by_peer=False, error=verdict.error))
            self._reply(verdict.message)
        else:
            self._finish(Success(verdict.name, self.method.title))
            self._reply("" if isinstance(verdict, PasswordChanged) else verdict.message)

    def issued(self, challenge: bytes) -> bool:
        """See `Authenticator`: PAP has no challenges."""
        return False

    def _packet(self, code: int, identifier: int, data: bytes, now: float) -> None:
        if code != PapCode.REQUEST or self._stage == Stage.IDLE:
            self._drop("PAP packet not expected by the authenticator")
            return
        name, password = parse_pap_request(data)
        # The reply goes to the latest request: a peer numbers each of its repetitions anew.
        self._identifier = identifier
        if self.outcome is not None:
            # RFC 1334 2.2.1: the same reply code as before, whatever the request says.
            self._reply("")
        elif self._stage == Stage.WAITING:
            self._stage = Stage.DECIDING
            self._deadline = None
            self._attempt = PapAttempt(name, Secret(password))

    def _reply(self, message: str) -> None:
        code = PapCode.ACK if isinstance(self.outcome, Success) else PapCode.NAK
        self._send(code, self._identifier, emit_pap_message(message_octets(message)))

    def _expired(self, now: float) -> None:
        waited = f"{self._config.auth_timeout:g} s"
        self._finish(
            Failure(f"the peer sent no PAP request within {waited}", by_peer=True, error=0)
        )


class PapSupplicant(Supplicant, serves=("pap",)):
    """Sends name and password until it is told what they are worth."""

    __slots__ = ()

    def start(self, now: float) -> None:
        """See `Party`."""
        self._stage = Stage.WAITING
        self._identifier = self._rng(1)[0]
        self._request(now)

    def _request(self, now: float) -> None:
        name, password = self._credentials.name.encode(), self._credentials.password.reveal()
        if len(name) > 255 or len(password) > 255:
            reason = "our name or password is too long for PAP: 255 octets at most"
            self._finish(Failure(reason, by_peer=False, error=0))
            return
        # RFC 1334 2.2.1: a new identifier for each request.
        self._identifier = (self._identifier + 1) & 0xFF
        self._sent += 1
        self._send(PapCode.REQUEST, self._identifier, emit_pap_request(name, password))
        self._deadline = now + self._config.restart_timer

    def _packet(self, code: int, identifier: int, data: bytes, now: float) -> None:
        if code not in (PapCode.ACK, PapCode.NAK) or self._stage != Stage.WAITING:
            self._drop("PAP packet not expected by the supplicant")
            return
        # An answer to any of our requests is an answer.
        if (self._identifier - identifier) & 0xFF >= self._sent:
            self._drop("PAP reply with another identifier")
            return
        message = message_text(parse_pap_message(data))
        if code == PapCode.ACK:
            self._finish(Success("", self.method.title))
        else:
            said = f": {message}" if message else ""
            self._finish(Failure(f"the peer refused our name or password{said}", by_peer=True))

    def _expired(self, now: float) -> None:
        if self._may_repeat():
            self._request(now)
        else:
            reason = f"the peer did not answer {self._sent} PAP requests"
            self._finish(Failure(reason, by_peer=True, error=0))
