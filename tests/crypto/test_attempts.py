from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.crypto.attempts import (
    ChapAttempt,
    MsChapAttempt,
    MsChapChangeAttempt,
    MsChapV2Attempt,
    MsChapV2ChangeAttempt,
    PapAttempt,
)
from talpa.crypto.chap import chap_response
from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged
from talpa.crypto.md4 import md4
from talpa.crypto.mschap import (
    generate_nt_response,
    new_password_encrypted_with_old_nt_password_hash,
    nt_challenge_response,
    old_nt_password_hash_encrypted_with_new_nt_password_hash,
)
from talpa.wire import Secret

Make = Callable[[bytes, Secret], Attempt]

CHALLENGE, PEER = bytes(range(16)), bytes(range(16, 32))


def pap(name: bytes, password: Secret) -> Attempt:
    return PapAttempt(name, password)


def chap(name: bytes, password: Secret) -> Attempt:
    return ChapAttempt(name, 7, CHALLENGE, chap_response(7, password.reveal(), CHALLENGE))


def mschap(name: bytes, password: Secret) -> Attempt:
    return MsChapAttempt(name, CHALLENGE[:8], nt_challenge_response(CHALLENGE[:8], password))


def mschapv2(name: bytes, password: Secret) -> Attempt:
    user = name.split(b"\\")[-1]
    response = generate_nt_response(CHALLENGE, PEER, user, password)
    return MsChapV2Attempt(name, CHALLENGE, PEER, response)


ALL = [pap, chap, mschap, mschapv2]


def change(old: Secret, new: Secret, proof: Secret | None = None) -> list[Attempt]:
    block = new_password_encrypted_with_old_nt_password_hash(new, old, bytes(512))
    hashed = old_nt_password_hash_encrypted_with_new_nt_password_hash(new, old)
    v1 = nt_challenge_response(CHALLENGE[:8], proof or new)
    v2 = generate_nt_response(CHALLENGE, PEER, b"alice", proof or new)
    return [
        MsChapChangeAttempt(b"alice", CHALLENGE[:8], block, hashed, v1),
        MsChapV2ChangeAttempt(b"W\\alice", CHALLENGE, PEER, block, hashed, v2),
    ]


@pytest.mark.parametrize("make", ALL)
def test_the_right_password_is_accepted_and_any_other_is_not(make: Make) -> None:
    attempt = make(b"alice", Secret("correct horse"))
    accepted = attempt.check(Secret("correct horse"))
    assert isinstance(accepted, Accepted)
    assert accepted.name == "alice"
    for other in ("correct horsf", "", "correct horse ", "Correct horse"):
        assert attempt.check(Secret(other)) is None


@pytest.mark.parametrize("make", ALL)
def test_a_domain_takes_no_part(make: Make) -> None:
    attempt = make(b"BIGCO\\johndoe", Secret("pw"))
    assert attempt.name == "johndoe"
    assert attempt.check(Secret("pw")) is not None


@pytest.mark.parametrize("make", [pap, chap])
def test_a_password_in_cp1252_is_taken(make: Make) -> None:
    assert make(b"alice", Secret("grün".encode("cp1252"))).check(Secret("grün")) is not None
    assert make(b"alice", Secret("grün")).check(Secret("grün")) is not None
    assert make(b"alice", Secret("gr?n")).check(Secret("grün")) is None
    assert make(b"alice", Secret("漢")).check(Secret("漢字")) is None


@pytest.mark.parametrize("make", ALL)
def test_no_attempt_shows_what_it_was_made_of(make: Make) -> None:
    shown = repr(make(b"alice", Secret("hunter2")))
    assert "alice" in shown
    assert "hunter2" not in shown
    assert "\\x" not in shown


def test_names_that_are_no_utf_8_are_read_as_cp1252() -> None:
    assert PapAttempt(b"J\xfcrgen", Secret("x")).name == "Jürgen"
    assert PapAttempt("Jürgen".encode(), Secret("x")).name == "Jürgen"


@pytest.mark.parametrize("kind", [0, 1])
def test_a_changed_password_comes_out_for_the_old_one_only(kind: int) -> None:
    old, new = Secret("old pw"), Secret("neues Paßwort")
    attempt = change(old, new)[kind]
    changed = attempt.check(old)
    assert isinstance(changed, PasswordChanged)
    assert (changed.name, changed.password) == ("alice", new)
    assert changed.response.startswith(b"S=") == (kind == 1)
    assert attempt.check(Secret("other")) is None
    assert attempt.check(new) is None


@pytest.mark.parametrize("kind", [0, 1])
def test_a_change_needs_a_response_by_the_new_password(kind: int) -> None:
    assert (
        change(Secret("old"), Secret("new"), proof=Secret("old"))[kind].check(Secret("old")) is None
    )


@given(st.binary(max_size=64), st.binary(max_size=64), st.text(min_size=1, max_size=20))
def test_octets_made_up_never_pass_and_never_raise(name: bytes, blob: bytes, text: str) -> None:
    password = Secret(text.encode("utf-8", "replace"))
    response = (blob + bytes(24))[:24]
    for attempt in (
        ChapAttempt(name, 0, CHALLENGE, response[:16]),
        MsChapAttempt(name, CHALLENGE[:8], response),
        MsChapV2Attempt(name, CHALLENGE, PEER, response),
        MsChapV2ChangeAttempt(name, CHALLENGE, PEER, bytes(516), bytes(16), response),
        MsChapChangeAttempt(name, CHALLENGE[:8], bytes(516), bytes(16), response),
    ):
        assert attempt.check(password) is None
        assert isinstance(attempt.name, str)


def test_hashes_of_a_password_are_made_once_however_often_it_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # MD4 in Python would be most of what a login costs.
    made: list[bytes] = []

    def counted(data: bytes) -> bytes:
        made.append(data)
        return md4(data)

    monkeypatch.setattr("talpa.crypto.mschap.md4", counted)
    password = Secret("seen by no other test")
    for name in (b"alice", b"bob", b"carol"):
        assert mschapv2(name, password).check(password)
    assert len(made) == 2, "the password's hash, and the hash of that"
