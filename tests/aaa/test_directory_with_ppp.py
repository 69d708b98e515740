"""The directory as judge of real authentications, and of a guesser."""

import random
from ipaddress import IPv4Network

import pytest

from ppp.auth_pair import Pair
from talpa.aaa import Directory, Pool, User
from talpa.crypto.attempts import PapAttempt
from talpa.crypto.credentials import Accepted, Refused
from talpa.ppp.auth import METHODS, Failure, Success
from talpa.ppp.config import Config, Credentials
from talpa.wire import Secret

POOL = Pool("staff", IPv4Network("10.77.0.0/24"))


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("password", ["correct horse", "Grün & 漢字", "x" * 100])
def test_a_user_gets_in_by_every_method(method: str, password: str) -> None:
    d = Directory([User("Jürgen", Secret(password))], [POOL], rng=bytes)
    who = Credentials("Jürgen", Secret(password))
    pair = Pair(method, who, judge=lambda a: d.authenticate(a, "198.18.0.3", 0.0))
    pair.run()
    assert pair.authenticator.outcome == Success("Jürgen", METHODS[method].title)
    assert isinstance(pair.supplicant.outcome, Success)


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_a_stranger_does_not(method: str, name: str) -> None:
    d = Directory([User("alice", Secret("correct horse"))], [POOL], rng=bytes)
    who = Credentials(name, Secret("guess"))
    pair = Pair(method, who, Config(auth_tries=1), lambda a: d.authenticate(a, "198.18.0.3", 0.0))
    pair.run()
    assert isinstance(pair.authenticator.outcome, Failure)
    assert name in pair.authenticator.outcome.reason
    assert isinstance(pair.supplicant.outcome, Failure)


@pytest.mark.parametrize("method", ["mschap", "mschapv2"])
@pytest.mark.parametrize("may", [True, False])
def test_an_expired_password_is_changed_by_who_may(method: str, may: bool) -> None:
    old, new = Secret("correct horse"), Secret("Neues Paßwort")
    user = User("alice", old, expired=True, may_change_password=may)
    d = Directory([user], [POOL], rng=bytes)
    pair = Pair(
        method, Credentials("alice", old, new), judge=lambda a: d.authenticate(a, "::1", 0.0)
    )
    pair.run()
    assert isinstance(pair.authenticator.outcome, Success if may else Failure)
    assert isinstance(pair.supplicant.outcome, Success if may else Failure)
    again = Pair(method, Credentials("alice", new), judge=lambda a: d.authenticate(a, "::1", 0.0))
    again.run()
    assert isinstance(again.authenticator.outcome, Success if may else Failure)


def test_a_guesser_gets_three_hundred_tries_in_ten_minutes_and_the_user_still_gets_in() -> None:
    checks = [0]

    class Watched(PapAttempt):
        def check(self, password: Secret) -> Accepted | None:
            checks[0] += 1
            return super().check(password)

    d = Directory([User("alice", Secret("correct horse"))], [POOL], rng=bytes)
    dice = random.Random(1)
    for i in range(20_000):
        name = dice.choice([b"alice", b"bob", str(dice.random()).encode()])
        d.authenticate(Watched(name, Secret("guess")), "198.18.0.66", i * 0.06)
    # 20 minutes: two windows.
    assert checks[0] <= 602
    right = PapAttempt(b"alice", Secret("correct horse"))
    assert d.authenticate(right, "198.18.0.3", 1200.0) == Accepted("alice")


def test_an_empty_password_lets_nobody_in() -> None:
    d = Directory([User("alice", Secret("x"))], [POOL], rng=bytes)
    for name in (b"alice", b"", b"nobody"):
        assert isinstance(d.authenticate(PapAttempt(name, Secret("")), "::1", 0.0), Refused)
