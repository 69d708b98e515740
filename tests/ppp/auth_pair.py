"""An authenticator and a supplicant wired together, with a clock and a line that may lose."""

from collections.abc import Callable

from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused
from talpa.ppp.auth import Authenticator, Supplicant
from talpa.ppp.config import Config, Credentials
from talpa.sansio import Drops, Rng
from talpa.wire import Secret

PASSWORD = Secret("correct horse")
GOOD = Credentials("alice", PASSWORD)

Judge = Callable[[Attempt], Accepted | Refused | PasswordChanged]


def counting_rng(seed: int = 1) -> Rng:
    """Never the same octets twice, the same each run."""
    state = [seed]

    def rng(n: int) -> bytes:
        state[0] = (state[0] * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        word = state[0].to_bytes(8, "little")[::-1]
        return (word * (n // 8 + 1))[:n]

    return rng


def judge(attempt: Attempt) -> Accepted | Refused | PasswordChanged:
    result = attempt.check(PASSWORD)
    if result is None:
        return Refused(f"{attempt.name}: wrong password", retry=True)
    return result


class Pair:
    def __init__(
        self,
        method: str,
        credentials: Credentials = GOOD,
        config: Config = Config(),  # noqa: B008
        judge: Judge = judge,
    ) -> None:
        self.now = 0.0
        self.drops = Drops()
        self.judge = judge
        self.attempts = 0
        self.authenticator = Authenticator(method, config, counting_rng(1), self.drops)
        self.supplicant = Supplicant(method, credentials, config, counting_rng(2), drops=self.drops)
        self.lose: Callable[[bytes], bool] = lambda packet: False
        self.seen: list[tuple[str, bytes]] = []
        self.supplicant.start(self.now)
        self.authenticator.start(self.now)

    def step(self) -> bool:
        """Carry what is there; whether anything was."""
        moved = False
        for protocol, packet in self.authenticator.transmits():
            moved = True
            self.seen.append(("a", packet))
            if not self.lose(packet):
                self.supplicant.receive(protocol, packet, self.now)
        for protocol, packet in self.supplicant.transmits():
            moved = True
            self.seen.append(("s", packet))
            if not self.lose(packet):
                self.authenticator.receive(protocol, packet, self.now)
        attempt = self.authenticator.take_attempt()
        if attempt is not None:
            self.attempts += 1
            self.authenticator.verdict(self.judge(attempt), self.now)
            moved = True
        return moved

    def settle(self) -> None:
        for _ in range(100):
            if not self.step():
                return
        raise AssertionError("the two never come to rest")

    def run(self, until: float = 200.0) -> None:
        """Go on until both are done or the time is up."""
        self.settle()
        while self.authenticator.outcome is None or self.supplicant.outcome is None:
            due = [
                when
                for party in (self.authenticator, self.supplicant)
                if (when := party.next_timeout()) is not None
            ]
            if not due or min(due) > until:
                return
            self.now = min(due)
            self.authenticator.handle_timeout(self.now)
            self.supplicant.handle_timeout(self.now)
            self.settle()

    def codes(self) -> str:
        """What went over the line: "a1 s2 a3"."""
        return " ".join(f"{who}{packet[0]}" for who, packet in self.seen)
