"""What an authenticator makes of peers that are not ours."""

import pytest

from ppp.auth_pair import PASSWORD, counting_rng, judge
from talpa.crypto.chap import chap_response
from talpa.crypto.credentials import Accepted, Attempt, Refused
from talpa.crypto.mschap import generate_nt_response, nt_challenge_response
from talpa.ppp.auth import CHAP_PROTOCOL, METHODS, PAP_PROTOCOL, Authenticator, Failure, Success
from talpa.ppp.auth.formats import emit, emit_value_name, parse_value_name
from talpa.ppp.config import Config
from talpa.sansio import Drops
from talpa.wire import Secret

PEER = bytes(range(16))


def make(method: str, config: Config | None = None) -> tuple[Authenticator, Drops]:
    drops = Drops()
    authenticator = Authenticator(method, config or Config(), counting_rng(), drops)
    authenticator.start(0.0)
    return authenticator, drops


def sent(authenticator: Authenticator) -> bytes:
    ((protocol, packet),) = authenticator.transmits()
    assert protocol == CHAP_PROTOCOL
    return packet


def challenged(authenticator: Authenticator) -> tuple[int, bytes]:
    packet = sent(authenticator)
    assert packet[0] == 1
    value, name = parse_value_name(packet[4:])
    assert name == b"talpa"
    return packet[1], value


def v2(identifier: int, challenge: bytes, password: Secret, name: bytes = b"alice") -> bytes:
    response = generate_nt_response(challenge, PEER, name, password)
    return emit(2, identifier, emit_value_name(PEER + bytes(8) + response + b"\0", name))


def decide(authenticator: Authenticator, now: float = 0.0) -> Attempt:
    attempt = authenticator.take_attempt()
    assert attempt is not None
    authenticator.verdict(judge(attempt), now)
    return attempt


def test_challenges_are_long_and_never_the_same() -> None:
    rng = counting_rng()
    seen = set()
    for method, size in (("chap", 16), ("mschapv2", 16), ("mschap", 8)):
        for _ in range(100):
            authenticator = Authenticator(method, Config(), rng)
            authenticator.start(0.0)
            _, value = challenged(authenticator)
            assert len(value) == size
            seen.add(value)
    assert len(seen) == 300


def test_a_challenge_is_repeated_unchanged_so_that_late_responses_count() -> None:
    authenticator, _ = make("mschapv2")
    first = sent(authenticator)
    for i in range(1, 10):
        assert authenticator.next_timeout() == 3.0 * i
        authenticator.handle_timeout(3.0 * i - 0.1)
        assert authenticator.transmits() == []
        authenticator.handle_timeout(3.0 * i)
        assert sent(authenticator) == first
    authenticator.handle_timeout(30.0)
    assert authenticator.outcome == Failure("the peer did not answer 10 challenges", True, 0)


def test_a_repeated_response_gets_the_same_reply_and_is_not_checked_again() -> None:
    authenticator, _ = make("chap")
    identifier, challenge = challenged(authenticator)
    right = chap_response(identifier, PASSWORD.reveal(), challenge)
    packet = emit(2, identifier, emit_value_name(right, b"alice"))
    authenticator.receive(CHAP_PROTOCOL, packet, 1.0)
    # While the owner thinks, a repetition changes nothing.
    authenticator.receive(CHAP_PROTOCOL, packet, 2.0)
    decide(authenticator)
    success = sent(authenticator)
    assert success[0] == 3
    wrong = emit(2, identifier, emit_value_name(bytes(16), b"mallory"))
    for again in (packet, wrong):
        authenticator.receive(CHAP_PROTOCOL, again, 3.0)
        assert sent(authenticator) == success
        assert authenticator.take_attempt() is None
    assert authenticator.outcome == Success("alice", "CHAP")


def test_a_refused_peer_cannot_try_another_answer_to_the_same_challenge() -> None:
    authenticator, _ = make("chap")
    identifier, challenge = challenged(authenticator)
    wrong = emit(2, identifier, emit_value_name(bytes(16), b"alice"))
    authenticator.receive(CHAP_PROTOCOL, wrong, 1.0)
    decide(authenticator)
    failure = sent(authenticator)
    assert failure[0] == 4
    right = chap_response(identifier, PASSWORD.reveal(), challenge)
    packet = emit(2, identifier, emit_value_name(right, b"alice"))
    authenticator.receive(CHAP_PROTOCOL, packet, 2.0)
    assert sent(authenticator) == failure
    assert isinstance(authenticator.outcome, Failure)


def test_another_identifier_is_dropped() -> None:
    authenticator, drops = make("mschapv2")
    identifier, challenge = challenged(authenticator)
    for other in range(256):
        if other != identifier:
            authenticator.receive(CHAP_PROTOCOL, v2(other, challenge, PASSWORD), 1.0)
    assert authenticator.take_attempt() is None
    assert drops["CHAP response to another challenge"] == 255


def test_a_second_try_answers_the_challenge_of_the_failure_packet() -> None:
    authenticator, _ = make("mschapv2")
    identifier, challenge = challenged(authenticator)
    authenticator.receive(CHAP_PROTOCOL, v2(identifier, challenge, Secret("wrong")), 1.0)
    decide(authenticator, 1.0)
    failure = sent(authenticator)
    assert failure[:2] == bytes((4, identifier))
    text = failure[4:].decode()
    fields = dict(word.split("=") for word in text.split(" M=")[0].split())
    assert text.endswith(" M=Authentication failed")
    assert fields.keys() == {"E", "R", "C", "V"}
    assert (fields["E"], fields["R"], fields["V"]) == ("691", "1", "3")
    fresh = bytes.fromhex(fields["C"])
    assert len(fresh) == 16
    assert fresh != challenge
    # A person may take time to type.
    assert authenticator.next_timeout() == 31.0
    later = (identifier + 1) & 0xFF
    # The old challenge no longer counts.
    authenticator.receive(CHAP_PROTOCOL, v2(identifier, challenge, PASSWORD), 2.0)
    assert sent(authenticator) == failure
    authenticator.receive(CHAP_PROTOCOL, v2(later, fresh, PASSWORD), 2.0)
    decide(authenticator, 2.0)
    assert sent(authenticator)[:2] == bytes((3, later))
    assert authenticator.outcome == Success("alice", "MS-CHAPv2")


def test_the_last_try_is_refused_without_retry() -> None:
    authenticator, _ = make("mschapv2")
    identifier, challenge = challenged(authenticator)
    for retry in ("1", "1", "0"):
        authenticator.receive(CHAP_PROTOCOL, v2(identifier, challenge, Secret("wrong")), 1.0)
        decide(authenticator, 1.0)
        fields = dict(w.split("=") for w in sent(authenticator)[4:].decode().split()[:4])
        assert fields["R"] == retry
        challenge, identifier = bytes.fromhex(fields["C"]), (identifier + 1) & 0xFF
    assert authenticator.outcome == Failure("alice: wrong password", False, 691)
    authenticator.receive(CHAP_PROTOCOL, v2(identifier, challenge, PASSWORD), 2.0)
    assert authenticator.transmits() == []
    assert authenticator.take_attempt() is None


def test_a_refusal_without_retry_ends_it_at_once() -> None:
    authenticator, _ = make("mschapv2")
    identifier, challenge = challenged(authenticator)
    authenticator.receive(CHAP_PROTOCOL, v2(identifier, challenge, PASSWORD), 1.0)
    assert authenticator.take_attempt() is not None
    authenticator.verdict(Refused("alice: the account is disabled", error=647), 1.0)
    assert b"E=647 R=0 " in sent(authenticator)
    assert authenticator.outcome == Failure("alice: the account is disabled", False, 647)


def test_a_change_of_password_that_nobody_asked_for_is_dropped() -> None:
    authenticator, drops = make("mschapv2")
    identifier, _ = challenged(authenticator)
    authenticator.receive(CHAP_PROTOCOL, emit(7, identifier, bytes(582)), 1.0)
    assert authenticator.take_attempt() is None
    assert drops.total() == 1


def test_a_lan_manager_response_is_no_proof() -> None:
    authenticator, drops = make("mschap")
    identifier, challenge = challenged(authenticator)
    response = nt_challenge_response(challenge, PASSWORD)
    for flag, counts in ((0, False), (1, True)):
        value = bytes(24) + response + bytes((flag,))
        packet = emit(2, identifier, emit_value_name(value, b"alice"))
        authenticator.receive(CHAP_PROTOCOL, packet, 1.0)
        assert (authenticator.take_attempt() is not None) is counts
    assert drops["MS-CHAP response for LAN Manager only"] == 1


def test_names_are_bounded() -> None:
    authenticator, drops = make("chap")
    identifier, _ = challenged(authenticator)
    for size, counts in ((257, False), (256, True)):
        packet = emit(2, identifier, emit_value_name(bytes(16), b"") + b"x" * size)
        authenticator.receive(CHAP_PROTOCOL, packet, 1.0)
        assert (authenticator.take_attempt() is not None) is counts
    assert drops["CHAP name too long"] == 1


def test_padding_behind_a_packet_is_ignored() -> None:
    authenticator, _ = make("mschapv2")
    identifier, challenge = challenged(authenticator)
    packet = v2(identifier, challenge, PASSWORD) + bytes(40)
    authenticator.receive(CHAP_PROTOCOL, packet, 1.0)
    assert decide(authenticator).name == "alice"
    assert isinstance(authenticator.outcome, Success)


@pytest.mark.parametrize("method", list(METHODS))
def test_only_a_verdict_that_was_asked_for_counts(method: str) -> None:
    authenticator = Authenticator(method, Config(), counting_rng())
    authenticator.verdict(Accepted("alice"), 0.0)
    authenticator.start(0.0)
    authenticator.verdict(Accepted("alice"), 0.0)
    assert authenticator.outcome is None


@pytest.mark.parametrize("method", list(METHODS))
def test_nothing_is_taken_before_the_start(method: str) -> None:
    authenticator = Authenticator(method, Config(), counting_rng())
    for code in range(256):
        data = b"\x05alice\x02pw" if method == "pap" else emit_value_name(bytes(49), b"alice")
        authenticator.receive(METHODS[method].protocol, emit(code, 0, data), 0.0)
    assert authenticator.take_attempt() is None
    assert authenticator.transmits() == []


def test_another_protocol_than_agreed_is_dropped() -> None:
    authenticator, drops = make("mschapv2")
    authenticator.receive(PAP_PROTOCOL, emit(1, 0, b"\x05alice\x02pw"), 0.0)
    assert drops["authentication protocol not agreed on"] == 1
    assert authenticator.take_attempt() is None


def test_messages_go_out_printable_and_bounded() -> None:
    authenticator, _ = make("mschapv2")
    identifier, challenge = challenged(authenticator)
    authenticator.receive(CHAP_PROTOCOL, v2(identifier, challenge, PASSWORD), 1.0)
    assert authenticator.take_attempt() is not None
    authenticator.verdict(Refused("no", "grün\r\n" + "x" * 1000), 1.0)
    message = sent(authenticator)[4:]
    assert b" M=gr?n??xxx" in message
    assert len(message) < 300


def test_pap_answers_the_latest_of_repeated_requests_and_the_same_for_ever() -> None:
    authenticator, _ = make("pap")
    request = b"\x05alice\x0dcorrect horse"
    authenticator.receive(PAP_PROTOCOL, emit(1, 7, request), 0.0)
    authenticator.receive(PAP_PROTOCOL, emit(1, 8, request), 0.0)
    decide(authenticator)
    assert authenticator.transmits() == [(PAP_PROTOCOL, emit(2, 8, b"\0"))]
    authenticator.receive(PAP_PROTOCOL, emit(1, 9, b"\x03bob\x02pw"), 0.0)
    assert authenticator.transmits() == [(PAP_PROTOCOL, emit(2, 9, b"\0"))]
    assert authenticator.take_attempt() is None


def test_an_answer_to_a_challenge_of_an_earlier_negotiation_is_challenged_again() -> None:
    """A challenge that the network held back may reach the peer behind the one it was let in by;
    it goes on with the later one, and would wait for Success for ever."""
    authenticator, drops = make("mschapv2")
    identifier, challenge = challenged(authenticator)
    authenticator.receive(CHAP_PROTOCOL, v2(identifier, challenge, PASSWORD), 1.0)
    decide(authenticator)
    assert sent(authenticator)[0] == 3
    stale = (identifier + 100) & 0xFF
    for _ in range(5):
        authenticator.receive(CHAP_PROTOCOL, v2(stale, bytes(16), PASSWORD), 2.0)
    assert drops["CHAP response to another challenge"] == 5
    again, challenge = challenged(authenticator)
    assert again == (identifier + 1) & 0xFF
    assert authenticator.outcome == Success("alice", "MS-CHAPv2")
    authenticator.receive(CHAP_PROTOCOL, v2(again, challenge, PASSWORD), 3.0)
    decide(authenticator)
    assert sent(authenticator)[0] == 3
