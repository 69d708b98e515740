"""What a supplicant makes of peers that are not ours."""

import pytest

from ppp.auth_pair import GOOD, Pair, counting_rng
from talpa.crypto.attempts import MsChapV2Attempt
from talpa.crypto.credentials import Accepted, Attempt
from talpa.crypto.mschap import generate_authenticator_response
from talpa.ppp.auth import (
    CHAP_PROTOCOL,
    METHODS,
    PAP_PROTOCOL,
    Authenticator,
    Failure,
    Success,
    Supplicant,
)
from talpa.ppp.auth.formats import emit, emit_value_name
from talpa.ppp.config import Config, Credentials
from talpa.sansio import Drops
from talpa.wire import Secret

CHALLENGE = bytes(range(16))


def make(method: str) -> Supplicant:
    supplicant = Supplicant(method, GOOD, Config(), counting_rng())
    supplicant.start(0.0)
    return supplicant


def challenge(method: str, identifier: int = 5, value: bytes = CHALLENGE) -> bytes:
    value = value[:8] if method == "mschap" else value
    return emit(1, identifier, emit_value_name(value, b"server"))


@pytest.mark.parametrize("method", ["chap", "mschap", "mschapv2"])
def test_a_success_before_any_response_does_not_count(method: str) -> None:
    supplicant = make(method)
    for identifier in range(256):
        supplicant.receive(CHAP_PROTOCOL, emit(3, identifier, b"S=" + b"0" * 40), 0.0)
        supplicant.receive(CHAP_PROTOCOL, emit(4, identifier, b"E=691 R=0"), 0.0)
    assert supplicant.outcome is None


@pytest.mark.parametrize("method", ["chap", "mschap", "mschapv2"])
def test_a_success_for_another_response_does_not_count(method: str) -> None:
    supplicant = make(method)
    supplicant.receive(CHAP_PROTOCOL, challenge(method), 0.0)
    for identifier in range(256):
        if identifier != 5:
            supplicant.receive(CHAP_PROTOCOL, emit(3, identifier, b""), 0.0)
    assert supplicant.outcome is None


def test_pap_takes_no_ack_before_a_request_nor_for_another() -> None:
    supplicant = Supplicant("pap", GOOD, Config(), counting_rng())
    for identifier in range(256):
        supplicant.receive(PAP_PROTOCOL, emit(2, identifier, b"\0"), 0.0)
    assert supplicant.outcome is None
    supplicant.start(0.0)
    ((_, request),) = supplicant.transmits()
    for identifier in range(256):
        if identifier != request[1]:
            supplicant.receive(PAP_PROTOCOL, emit(2, identifier, b"\0"), 0.0)
    assert supplicant.outcome is None
    supplicant.handle_timeout(3.0)
    ((_, second),) = supplicant.transmits()
    assert second[1] != request[1]
    # The first may be answered late.
    supplicant.receive(PAP_PROTOCOL, emit(2, request[1], b""), 3.0)
    assert supplicant.outcome == Success("", "PAP")


@pytest.mark.parametrize(
    "proof", [b"", b"S=", b"M=Welcome", b"S=" + b"0" * 40, b"S=" + b"0" * 40 + b" M=Welcome"]
)
def test_a_server_that_does_not_know_the_password_is_refused(proof: bytes) -> None:
    supplicant = make("mschapv2")
    supplicant.receive(CHAP_PROTOCOL, challenge("mschapv2"), 0.0)
    supplicant.receive(CHAP_PROTOCOL, emit(3, 5, proof), 0.0)
    reason = "the peer could not prove that it knows our password"
    assert supplicant.outcome == Failure(reason, True, 0)
    supplicant.receive(CHAP_PROTOCOL, challenge("mschapv2", 6), 0.0)
    assert len(supplicant.transmits()) == 1
    assert isinstance(supplicant.outcome, Failure)


def test_a_proof_made_with_another_password_is_refused() -> None:
    def impostor(attempt: Attempt) -> Accepted:
        assert isinstance(attempt, MsChapV2Attempt)
        proof = generate_authenticator_response(
            Secret("guess"),
            attempt.nt_response,
            attempt.peer_challenge,
            attempt.challenge,
            b"alice",
        )
        return Accepted("alice", proof)

    pair = Pair("mschapv2", judge=impostor)
    pair.run()
    assert isinstance(pair.supplicant.outcome, Failure)
    assert "could not prove" in pair.supplicant.outcome.reason


@pytest.mark.parametrize("method", ["chap", "mschap", "mschapv2"])
def test_our_own_challenge_is_never_answered(method: str) -> None:
    config = Config(authenticate=(method,))
    authenticator = Authenticator(method, config, counting_rng())
    authenticator.start(0.0)
    supplicant = Supplicant(method, GOOD, config, counting_rng(9), authenticator=authenticator)
    supplicant.start(0.0)
    ((protocol, packet),) = authenticator.transmits()
    size = packet[4]
    reflected = emit(1, 200, emit_value_name(packet[5 : 5 + size], b"somebody else"))
    supplicant.receive(protocol, reflected, 0.0)
    assert supplicant.transmits() == []
    assert supplicant.outcome == Failure("the peer sent our own challenge back to us", True, 0)


def test_a_challenge_in_our_own_name_is_not_answered_where_we_challenge_too() -> None:
    config = Config(authenticate=("mschapv2",), name="vpn")
    supplicant = Supplicant("mschapv2", GOOD, config, counting_rng())
    supplicant.start(0.0)
    supplicant.receive(CHAP_PROTOCOL, emit(1, 1, emit_value_name(CHALLENGE, b"vpn")), 0.0)
    assert supplicant.transmits() == []
    assert isinstance(supplicant.outcome, Failure)


def test_two_ends_of_the_same_name_can_talk() -> None:
    pair = Pair("mschapv2", config=Config(name="talpa"))
    pair.run()
    assert pair.supplicant.outcome == Success("talpa", "MS-CHAPv2")


@pytest.mark.parametrize("method", ["chap", "mschap", "mschapv2"])
def test_a_repeated_challenge_gets_the_same_response(method: str) -> None:
    supplicant = make(method)
    supplicant.receive(CHAP_PROTOCOL, challenge(method), 0.0)
    first = supplicant.transmits()
    supplicant.receive(CHAP_PROTOCOL, challenge(method), 1.0)
    assert supplicant.transmits() == first
    supplicant.handle_timeout(3.0)
    assert supplicant.transmits() == first
    supplicant.receive(CHAP_PROTOCOL, challenge(method, 6, CHALLENGE[::-1]), 4.0)
    (second,) = supplicant.transmits()
    assert second[1][1] == 6
    assert second != first[0]


def test_a_challenge_repeated_after_success_does_not_unsettle_anything() -> None:
    pair = Pair("mschapv2")
    pair.run()
    pair.supplicant.receive(CHAP_PROTOCOL, pair.seen[0][1], 1.0)
    assert pair.supplicant.transmits() == []
    pair.supplicant.receive(CHAP_PROTOCOL, pair.seen[2][1], 1.0)
    assert isinstance(pair.supplicant.outcome, Success)


@pytest.mark.parametrize(
    ("message", "error", "said"),
    [
        (b"E=691 R=0 C=" + b"0" * 32 + b" V=3 M=Go away", 691, "that is not permitted: Go away"),
        (b"E=649 R=0", 649, "the account has no permission to dial in"),
        (b"E=99999 R=1 V=3", 99999, "error 99999, not one we know"),
        (b"E=0000000691 R=1", 691, "wrong name or password"),
        (b"E=99999999999 R=1", 691, "E=99999999999"),
        (b"E=\xb2 R=1", 691, "refused"),
        (b"", 691, "refused our name or password"),
        (b"Bad\r\nguy", 691, r"Bad\r\nguy"),
        (b"E=691 E=647 M=M=x", 647, "disabled: M=x"),
        (b"=", 691, "refused"),
    ],
)
def test_every_kind_of_failure_message_is_understood(message: bytes, error: int, said: str) -> None:
    supplicant = make("mschapv2")
    supplicant.receive(CHAP_PROTOCOL, challenge("mschapv2"), 0.0)
    supplicant.receive(CHAP_PROTOCOL, emit(4, 5, message), 0.0)
    assert isinstance(supplicant.outcome, Failure)
    assert supplicant.outcome.error == error
    assert said in supplicant.outcome.reason


@pytest.mark.parametrize(("method", "size"), [("mschap", 8), ("mschapv2", 16)])
def test_a_challenge_of_wrong_size_is_dropped(method: str, size: int) -> None:
    drops = Drops()
    supplicant = Supplicant(method, GOOD, Config(), counting_rng(), drops=drops)
    supplicant.start(0.0)
    for length in range(64):
        if length != size:
            data = emit_value_name(bytes(length), b"server")
            supplicant.receive(CHAP_PROTOCOL, emit(1, 1, data), 0.0)
    assert supplicant.transmits() == []
    assert drops.total() == 63


def test_a_password_too_long_for_pap_is_said_so() -> None:
    who = Credentials("alice", Secret("x" * 256))
    supplicant = Supplicant("pap", who, Config(), counting_rng())
    supplicant.start(0.0)
    assert isinstance(supplicant.outcome, Failure)
    assert "too long for PAP" in supplicant.outcome.reason
    assert supplicant.transmits() == []


def test_a_nak_with_a_message_tells_it() -> None:
    supplicant = make("pap")
    ((_, request),) = supplicant.transmits()
    supplicant.receive(PAP_PROTOCOL, emit(3, request[1], b"\x07Go away"), 0.0)
    assert supplicant.outcome == Failure("the peer refused our name or password: Go away", True)


def test_methods_are_listed_strongest_first() -> None:
    assert list(METHODS) == ["mschapv2", "mschap", "chap", "pap"]
