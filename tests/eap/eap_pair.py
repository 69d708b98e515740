"""An authenticator and a peer wired together."""

from collections.abc import Callable
from datetime import UTC, datetime

from ppp.auth_pair import counting_rng
from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused
from talpa.eap.authenticator import Authenticator, Step
from talpa.eap.outcomes import Outcome
from talpa.eap.packets import Packet, emit, parse
from talpa.eap.peer import Peer
from talpa.wire import Secret

WALL = datetime(2026, 6, 1, tzinfo=UTC)
PASSWORD = Secret("correct horse")
USERS = {"alice": PASSWORD, "alice@example.com": PASSWORD}

Judge = Callable[[Attempt], Accepted | Refused | PasswordChanged]


def judge(attempt: Attempt) -> Accepted | Refused | PasswordChanged:
    """As a directory does: who asks cannot tell a wrong password from an unknown user."""
    known = USERS.get(attempt.name)
    result = attempt.check(known or Secret("decoy"))
    if known is None or result is None:
        return Refused(f"{attempt.name}: no", retry=True)
    return result


def drops_of(party: Authenticator | Peer) -> dict[str, int]:
    return dict(party._drops)


class Pair:
    def __init__(self, authenticator: Authenticator, peer: Peer, judge: Judge = judge) -> None:
        self.authenticator = authenticator
        self.peer = peer
        self.judge = judge
        self.requests: list[bytes] = []
        self.responses: list[bytes] = []
        self.attempts: list[Attempt] = []
        self.notices: list[str] = []

    def run(self, identity: str | None = None) -> tuple[Outcome | None, Outcome | None]:
        """Until nothing is said any more; what came of it on both sides."""
        request: bytes | None = self.authenticator.begin(identity)
        while request is not None:
            request = self.turn(request)
        return self.authenticator.outcome, self.peer.outcome

    def turn(self, request: bytes) -> bytes | None:
        """One packet there and one back."""
        self.requests.append(request)
        said = self.peer.receive(request)
        if said.notice:
            self.notices.append(said.notice)
        if said.reply is None:
            return None
        self.responses.append(said.reply)
        return self.decided(self.authenticator.receive(said.reply)).reply

    def decided(self, step: Step) -> Step:
        if step.attempt is None:
            return step
        assert step.reply is None
        self.attempts.append(step.attempt)
        return self.authenticator.verdict(self.judge(step.attempt))


def packet(code: int, identifier: int, kind: int = 0, data: bytes = b"") -> bytes:
    return emit(Packet(code, identifier, kind, data))


def kinds(packets: list[bytes]) -> list[int]:
    """The types, in order; 0 for Success and Failure."""
    return [parse(p).type for p in packets]


def password_pair(
    methods: tuple[str, ...] = ("mschapv2",),
    wanted: tuple[str, ...] = ("mschapv2", "md5"),
    user: str = "alice",
    password: Secret = PASSWORD,
    new_password: Secret | None = None,
    judge: Judge = judge,
) -> Pair:
    """Both sides without certificates."""
    authenticator = Authenticator(methods, counting_rng(1), "vpn")
    peer = Peer(
        user,
        password,
        methods=wanted,
        wall=lambda: WALL,
        rng=counting_rng(2),
        new_password=new_password,
    )
    return Pair(authenticator, peer, judge)
