"""Each method, authenticator against supplicant."""

import random
import sys

import pytest

from ppp.auth_pair import GOOD, PASSWORD, Pair, judge
from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused
from talpa.ppp.auth import METHODS, Failure, Success
from talpa.ppp.config import Config, Credentials
from talpa.wire import Secret

ALL = list(METHODS)
MICROSOFT = ["mschap", "mschapv2"]


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("name", ["alice", "BIGCO\\alice"])
def test_the_right_password_succeeds_on_both_sides(method: str, name: str) -> None:
    pair = Pair(method, Credentials(name, PASSWORD))
    pair.run()
    title = METHODS[method].title
    assert pair.authenticator.outcome == Success("alice", title)
    assert isinstance(pair.supplicant.outcome, Success)
    assert pair.supplicant.outcome.method == title
    assert pair.codes() == ("s1 a2" if method == "pap" else "a1 s2 a3")
    assert pair.supplicant.next_timeout() is None
    assert pair.authenticator.next_timeout() is None


@pytest.mark.parametrize("method", ALL)
def test_the_wrong_password_fails_on_both_sides_with_the_cause(method: str) -> None:
    pair = Pair(method, Credentials("alice", Secret("wrong")), Config(auth_tries=1))
    pair.run()
    assert pair.authenticator.outcome == Failure("alice: wrong password", False, 691)
    failure = pair.supplicant.outcome
    assert isinstance(failure, Failure)
    assert failure.by_peer
    assert failure.error == 691
    assert "refused our name or password" in failure.reason


@pytest.mark.parametrize("method", MICROSOFT)
def test_with_one_password_a_supplicant_gives_up_though_asked_to_retry(method: str) -> None:
    pair = Pair(method, Credentials("alice", Secret("wrong")))
    pair.run()
    assert b" R=1 " in pair.seen[-1][1]
    assert isinstance(pair.supplicant.outcome, Failure)
    assert "error 691, wrong name or password" in pair.supplicant.outcome.reason
    assert isinstance(pair.authenticator.outcome, Failure)
    assert "did not try again within 30 s" in pair.authenticator.outcome.reason


@pytest.mark.parametrize("method", MICROSOFT)
def test_an_expired_password_is_changed(method: str) -> None:
    new = Secret("battery staple")
    changed: list[Secret] = []

    def expired(attempt: Attempt) -> Accepted | Refused | PasswordChanged:
        result = judge(attempt)
        if isinstance(result, PasswordChanged):
            changed.append(result.password)
        elif isinstance(result, Accepted):
            return Refused("alice: the password has expired", error=648)
        return result

    pair = Pair(method, Credentials("alice", PASSWORD, new), judge=expired)
    pair.run()
    assert isinstance(pair.authenticator.outcome, Success)
    assert isinstance(pair.supplicant.outcome, Success)
    assert changed == [new]
    assert pair.codes() == ("a1 s2 a4 s6 a3" if method == "mschap" else "a1 s2 a4 s7 a3")
    # The identifier goes up with the change (RFC 2759 9.1.6).
    ids = [packet[1] for _, packet in pair.seen]
    assert ids[3] == (ids[0] + 1) & 0xFF
    assert ids[:3] == [ids[0]] * 3
    assert ids[4] == ids[3]


@pytest.mark.parametrize("method", MICROSOFT)
def test_a_change_that_is_refused_ends_it_without_retry(method: str) -> None:
    def never(attempt: Attempt) -> Refused:
        return Refused("alice: the password has expired", error=648, retry=True)

    pair = Pair(method, Credentials("alice", PASSWORD, Secret("new")), judge=never)
    pair.run()
    assert pair.attempts == 2
    assert pair.codes().endswith("a4")
    assert isinstance(pair.authenticator.outcome, Failure)
    assert isinstance(pair.supplicant.outcome, Failure)


@pytest.mark.parametrize("method", MICROSOFT)
def test_an_expired_password_without_a_new_one_ends_it(method: str) -> None:
    pair = Pair(method, judge=lambda attempt: Refused("expired", error=648))
    pair.run()
    assert isinstance(pair.supplicant.outcome, Failure)
    assert pair.supplicant.outcome.error == 648
    assert "the password has expired" in pair.supplicant.outcome.reason


@pytest.mark.parametrize("method", ALL)
def test_a_silent_peer_is_given_up_on(method: str) -> None:
    pair = Pair(method)
    pair.lose = lambda packet: True
    pair.run()
    for party in (pair.authenticator, pair.supplicant):
        assert isinstance(party.outcome, Failure)
        assert party.outcome.by_peer
        assert party.outcome.error == 0
        assert party.next_timeout() is None
    assert pair.now <= 30
    assert len(pair.seen) <= 10


@pytest.mark.parametrize("method", ALL)
def test_auth_timeout_bounds_the_repetitions(method: str) -> None:
    pair = Pair(method, config=Config(auth_timeout=7.0))
    pair.lose = lambda packet: True
    pair.run()
    assert isinstance(pair.authenticator.outcome, Failure)
    assert isinstance(pair.supplicant.outcome, Failure)
    assert pair.now <= 9


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("lost", range(4))
def test_each_single_loss_is_overcome(method: str, lost: int) -> None:
    count = [0]

    def lose(packet: bytes) -> bool:
        count[0] += 1
        return count[0] == lost + 1

    pair = Pair(method)
    pair.lose = lose
    pair.run()
    assert isinstance(pair.authenticator.outcome, Success)
    assert isinstance(pair.supplicant.outcome, Success)
    assert pair.attempts == 1


@pytest.mark.parametrize("method", ALL)
def test_a_bad_line_does_not_make_anything_up(method: str) -> None:
    for seed in range(150):
        dice = random.Random(seed)
        pair = Pair(method)
        pair.lose = lambda packet, dice=dice: dice.random() < 0.3  # type: ignore[misc]
        pair.run()
        assert pair.attempts <= 1, seed
        # Loss never turns the right password into a refusal.
        for party in (pair.authenticator, pair.supplicant):
            if isinstance(party.outcome, Failure):
                assert party.outcome.error == 0, seed


@pytest.mark.parametrize("method", ["chap", "mschap", "mschapv2"])
def test_a_peer_can_be_challenged_again_for_ever(method: str) -> None:
    pair = Pair(method, config=Config(rechallenge_interval=10.0))
    pair.run()
    challenges = set()
    for _ in range(200):
        due = pair.authenticator.next_timeout()
        assert due is not None
        pair.now = due
        pair.authenticator.handle_timeout(pair.now)
        pair.seen.clear()
        pair.settle()
        challenges.add(pair.seen[0][1][4:])
        assert pair.codes() == "a1 s2 a3"
        assert isinstance(pair.authenticator.outcome, Success)
        assert isinstance(pair.supplicant.outcome, Success)
    assert len(challenges) == 200
    assert pair.attempts == 201


def test_a_peer_that_fails_a_later_challenge_is_refused() -> None:
    pair = Pair("mschapv2", config=Config(rechallenge_interval=10.0, auth_tries=1))
    pair.run()
    pair.judge = lambda attempt: Refused("alice: wrong password")
    pair.now = 10.0
    pair.authenticator.handle_timeout(pair.now)
    pair.settle()
    assert isinstance(pair.authenticator.outcome, Failure)
    assert isinstance(pair.supplicant.outcome, Failure)


def test_a_later_challenge_cannot_be_answered_by_somebody_else() -> None:
    pair = Pair("chap", config=Config(rechallenge_interval=10.0))
    pair.run()
    pair.judge = lambda attempt: Accepted("bob")
    pair.now = 10.0
    pair.authenticator.handle_timeout(pair.now)
    pair.settle()
    assert isinstance(pair.authenticator.outcome, Failure)
    assert "as bob" in pair.authenticator.outcome.reason


@pytest.mark.parametrize("method", ALL)
def test_a_finished_authenticator_is_small(method: str) -> None:
    pair = Pair(method)
    pair.run()
    party = pair.authenticator
    names = {n for c in type(party).__mro__ for n in getattr(c, "__slots__", ())}
    own = sys.getsizeof(party) + sum(
        sys.getsizeof(v) for n in names if isinstance(v := getattr(party, n), bytes)
    )
    assert own < 500
    assert not hasattr(party, "__dict__")
    assert not hasattr(pair.supplicant, "__dict__")


@pytest.mark.parametrize("method", ALL)
def test_nothing_shows_the_password(method: str) -> None:
    pair = Pair(method, GOOD)
    pair.run()
    assert "horse" not in repr((pair.authenticator.outcome, pair.supplicant.outcome, GOOD))
