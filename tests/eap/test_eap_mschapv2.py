import pytest

from eap.eap_pair import PASSWORD, Pair, drops_of, judge, kinds, packet, password_pair
from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused
from talpa.crypto.mschap import (
    generate_nt_response,
    get_asymmetric_start_key,
    get_master_key,
)
from talpa.eap.mschapv2 import session_key
from talpa.eap.outcomes import Failure, Success
from talpa.eap.packets import MSCHAPV2_MESSAGE, Code, Type, parse
from talpa.wire import Secret


def hexed(text: str) -> bytes:
    return bytes.fromhex(text.replace(" ", ""))


def failures(pair: Pair) -> list[str]:
    """Messages of the Failure requests."""
    requests = [parse(r) for r in pair.requests]
    bodies = [r.data for r in requests if r.type == Type.MSCHAPV2 and r.data[0] == 4]
    return [MSCHAPV2_MESSAGE.decode(b).message.decode() for b in bodies]


def test_keys_are_those_of_rfc_3079_3_5_3() -> None:
    password = Secret("clientPass")
    challenge = hexed("5B 5D 7C 7D 7B 3F 2F 3E 3C 2C 60 21 32 26 26 28")
    mine = hexed("21 40 23 24 25 5E 26 2A 28 29 5F 2B 3A 33 7C 7E")
    response = generate_nt_response(challenge, mine, b"User", password)
    assert response == hexed(
        "82 30 9E CD 8D 70 8B 5E A0 8F AA 39 81 CD 83 54 42 33 11 4A 3D 85 D6 DF"
    )
    master = get_master_key(password, response)
    assert master == hexed("FD EC E3 71 7A 8C 83 8C B3 88 E5 27 AE 3C DD 31")
    send = get_asymmetric_start_key(master, server_sends=True)
    assert send == hexed("8B 7C DC 14 9B 99 3A 1B A1 18 CB 15 3F 56 DC CB")
    msk = session_key(Secret(master)).reveal()
    assert msk[:16] == get_asymmetric_start_key(master, server_sends=False)
    assert msk[16:] == send + bytes(32)


@pytest.mark.parametrize("user", ["alice", "BIGCO\\alice"])
def test_who_knows_the_password_is_let_in_and_both_have_the_key(user: str) -> None:
    pair = password_pair(user=user)
    ours, theirs = pair.run()
    assert isinstance(ours, Success)
    assert isinstance(theirs, Success)
    assert (ours.name, ours.method, theirs.name) == ("alice", "EAP-MSCHAPv2", user)
    assert ours.msk is not None
    assert len(ours.msk.reveal()) == 64
    assert ours.msk == theirs.msk
    assert kinds(pair.requests) == [Type.IDENTITY, Type.MSCHAPV2, Type.MSCHAPV2, 0]
    assert pair.attempts[0].method == "EAP-MSCHAPv2"
    assert not drops_of(pair.peer)
    assert not drops_of(pair.authenticator)


def test_no_secret_is_shown() -> None:
    pair = password_pair()
    ours, _ = pair.run()
    assert isinstance(ours, Success)
    assert ours.msk is not None
    shown = repr((ours, pair.attempts, pair.attempts[0].check(PASSWORD)))
    assert ours.msk.reveal().hex() not in shown
    assert "correct horse" not in shown


def test_an_identity_known_from_elsewhere_is_not_asked_for() -> None:
    pair = password_pair()
    ours, theirs = pair.run("alice")
    assert isinstance(ours, Success)
    assert isinstance(theirs, Success)
    assert Type.IDENTITY not in kinds(pair.requests)
    assert pair.authenticator.identity == "alice"


def test_a_wrong_password_and_an_unknown_user_look_the_same() -> None:
    seen = []
    for user, password in (("alice", Secret("wrong")), ("nobod", PASSWORD)):
        pair = password_pair(user=user, password=password)
        ours, theirs = pair.run()
        assert ours == Failure(f"{user}: no", by_peer=False, error=691)
        assert isinstance(theirs, Failure)
        assert (theirs.by_peer, theirs.error) == (True, 691)
        assert "wrong user name or password" in theirs.reason
        assert pair.authenticator.refusal == f"{user}: no"
        seen.append(pair.requests)
    assert seen[0] == seen[1]


def test_a_peer_may_try_three_times_and_no_more() -> None:
    pair = password_pair(password=Secret("wrong"))
    authenticator, request = pair.authenticator, pair.authenticator.begin()
    request = pair.turn(request) or b""
    for _ in range(4):
        # A peer that asks its user again, and answers the challenge in the Failure.
        pair.peer = password_pair(password=Secret("wrong")).peer
        asked = parse(request)
        again = pair.turn(packet(Code.REQUEST, asked.identifier, Type.MSCHAPV2, _challenge(asked)))
        if again is None:
            break
        pair.requests.append(again)
        request = again
    assert [f.split()[1] for f in failures(pair)] == ["R=1", "R=1", "R=0"]
    assert len({f.split()[2] for f in failures(pair)}) == 3
    assert len(pair.attempts) == 3
    assert drops_of(authenticator) == {"EAP-MSCHAPv2 OpCode out of turn": 1}
    end = authenticator.receive(
        packet(Code.RESPONSE, parse(request).identifier, Type.MSCHAPV2, b"\x04")
    )
    assert end.outcome == Failure("alice: no", by_peer=False, error=691)


def _challenge(asked: object) -> bytes:
    """The challenge of a Challenge or Failure request as a Challenge request."""
    data: bytes = asked.data  # type: ignore[attr-defined]
    if data[0] == 1:
        return data
    text = MSCHAPV2_MESSAGE.decode(data).message.decode()
    challenge = bytes.fromhex(text.split("C=")[1][:32])
    return b"\x01" + data[1:2] + b"\0\x18\x10" + challenge + b"vpn"


def test_the_second_try_may_be_right() -> None:
    pair = password_pair(password=Secret("wrong"))
    request = pair.turn(pair.authenticator.begin()) or b""
    request = pair.turn(request) or b""
    failed = parse(request)
    assert failed.data[0] == 4
    right = password_pair().peer
    answer = right.receive(
        packet(Code.REQUEST, failed.identifier, Type.MSCHAPV2, _challenge(failed))
    )
    assert answer.reply is not None
    request = pair.decided(pair.authenticator.receive(answer.reply)).reply or b""
    answer = right.receive(request)
    assert answer.reply is not None
    step = pair.authenticator.receive(answer.reply)
    assert isinstance(step.outcome, Success)
    assert isinstance(right.receive(step.reply or b"").outcome, Success)
    assert step.outcome.msk == right.outcome.msk  # type: ignore[union-attr]


def test_an_authenticator_that_does_not_know_the_password_is_found_out() -> None:
    pair = password_pair(judge=lambda attempt: Accepted(attempt.name, b"S=" + b"0" * 40))
    ours, theirs = pair.run()
    assert ours is None
    assert isinstance(theirs, Failure)
    assert "did not prove" in theirs.reason


def test_an_account_that_is_disabled_is_told_so() -> None:
    refused = Refused("alice: the account is disabled", "Account disabled", 647)
    pair = password_pair(judge=lambda _: refused)
    ours, theirs = pair.run()
    assert ours == Failure("alice: the account is disabled", by_peer=False, error=647)
    assert failures(pair)[0].startswith("E=647 R=0 C=")
    assert isinstance(theirs, Failure)
    assert theirs.reason == "error 647, the account is disabled: Account disabled"


def _expired(attempt: Attempt) -> Accepted | Refused | PasswordChanged:
    verdict = judge(attempt)
    return Refused("expired", error=648) if isinstance(verdict, Accepted) else verdict


def test_an_expired_password_is_changed() -> None:
    pair = password_pair(new_password=Secret("battery staple"), judge=_expired)
    ours, theirs = pair.run()
    assert isinstance(ours, Success)
    assert isinstance(theirs, Success)
    assert ours.msk is not None
    assert ours.msk == theirs.msk
    changed = pair.attempts[1].check(PASSWORD)
    assert isinstance(changed, PasswordChanged)
    assert changed.password == Secret("battery staple")


def test_an_expired_password_without_a_new_one_is_a_failure() -> None:
    pair = password_pair(judge=_expired)
    ours, theirs = pair.run()
    assert ours == Failure("expired", by_peer=False, error=648)
    assert isinstance(theirs, Failure)
    assert theirs.error == 648


@pytest.mark.parametrize("opcode", [0, 1, 3, 4, 7, 9])
def test_opcodes_out_of_turn_are_dropped(opcode: int) -> None:
    pair = password_pair()
    request = pair.turn(pair.authenticator.begin()) or b""
    identifier = parse(request).identifier
    step = pair.authenticator.receive(
        packet(Code.RESPONSE, identifier, Type.MSCHAPV2, bytes((opcode, 0, 0, 4)))
    )
    assert (step.reply, step.outcome, step.attempt) == (None, None, None)
    assert sum(drops_of(pair.authenticator).values()) == 1
    while request:
        request = pair.turn(request) or b""
    assert isinstance(pair.authenticator.outcome, Success)


def test_success_is_not_taken_before_the_response() -> None:
    pair = password_pair()
    pair.turn(pair.authenticator.begin())
    for opcode in (3, 4):
        data = bytes((opcode, 1, 0, 6)) + b"S="
        assert pair.peer.receive(packet(Code.REQUEST, 9, Type.MSCHAPV2, data)).reply is None
    assert sum(drops_of(pair.peer).values()) == 2
