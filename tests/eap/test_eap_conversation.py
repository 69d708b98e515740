import pytest

from eap.eap_pair import PASSWORD, WALL, drops_of, kinds, packet, password_pair
from ppp.auth_pair import counting_rng
from talpa.crypto.credentials import Accepted
from talpa.eap.authenticator import MOST_ROUNDS, Authenticator, Step
from talpa.eap.outcomes import Failure, Success
from talpa.eap.packets import Code, Packet, Type, emit, parse
from talpa.eap.peer import Peer
from talpa.wire import Malformed, Secret


def test_md5_proves_the_peer_and_makes_no_key() -> None:
    pair = password_pair(("md5",))
    assert pair.run() == (
        Success("alice", "EAP-MD5"),
        Success("alice", "EAP-MD5"),
    )
    assert pair.attempts[0].method == "EAP-MD5"


def test_md5_with_a_wrong_password_fails_without_a_word() -> None:
    ours, theirs = password_pair(("md5",), password=Secret("wrong")).run()
    assert ours == Failure("alice: no", by_peer=False, error=691)
    assert theirs == Failure("refused by EAP-MD5", by_peer=True)


def test_the_peer_gets_the_method_it_asks_for() -> None:
    pair = password_pair(("mschapv2", "md5"), ("md5",))
    ours, theirs = pair.run()
    assert ours == theirs == Success("alice", "EAP-MD5")
    assert kinds(pair.responses) == [Type.IDENTITY, Type.NAK, Type.MD5]


def test_a_peer_that_has_both_takes_what_comes_first() -> None:
    pair = password_pair(("mschapv2", "md5"), ("md5", "mschapv2"))
    ours, _ = pair.run()
    assert isinstance(ours, Success)
    assert ours.method == "EAP-MSCHAPv2"


def test_without_a_method_in_common_it_is_over() -> None:
    ours, theirs = password_pair(("md5",), ("mschapv2",)).run()
    reason = "no EAP method in common: the peer wants MSCHAPV2, we have EAP-MD5"
    assert ours == Failure(reason, by_peer=False)
    assert theirs == Failure("refused without a method", by_peer=True)


def test_a_peer_without_means_says_that_it_wants_nothing() -> None:
    authenticator = Authenticator(("md5",), counting_rng())
    peer = Peer("alice", wall=lambda: WALL, rng=counting_rng())
    identity = peer.receive(authenticator.begin()).reply
    nak = peer.receive(authenticator.receive(identity or b"").reply or b"").reply
    assert parse(nak or b"").data == b"\0"
    ended = authenticator.receive(nak or b"")
    assert isinstance(ended.outcome, Failure)
    assert "the peer wants none" in ended.outcome.reason


def test_a_nak_after_the_method_began_is_dropped() -> None:
    pair = password_pair(("mschapv2", "md5"))
    request = pair.turn(pair.turn(pair.authenticator.begin()) or b"") or b""
    nak = packet(Code.RESPONSE, parse(request).identifier, Type.NAK, bytes((Type.MD5,)))
    assert pair.authenticator.receive(nak) == Step()
    assert drops_of(pair.authenticator) == {"EAP response of another method": 1}


def test_no_method_at_all_is_a_failure_at_once() -> None:
    for identity in (None, "alice"):
        authenticator = Authenticator(("tls",), counting_rng())
        assert parse(authenticator.begin(identity)).code == Code.FAILURE
        assert authenticator.outcome == Failure("no EAP method is configured", by_peer=False)


def test_what_comes_again_is_answered_with_the_same_packet() -> None:
    pair = password_pair()
    request: bytes | None = pair.authenticator.begin()
    while request is not None:
        answer = pair.peer.receive(request).reply
        if answer is None:
            break
        assert pair.peer.receive(request).reply == answer
        request = pair.decided(pair.authenticator.receive(answer)).reply
        again = pair.authenticator.receive(answer)
        assert (again.reply, again.attempt, again.outcome) == (request, None, None)
    assert len(pair.attempts) == 1
    assert isinstance(pair.peer.outcome, Success)


def test_a_duplicate_while_the_verdict_is_awaited_is_not_a_second_try() -> None:
    pair = password_pair()
    request = pair.turn(pair.authenticator.begin()) or b""
    answer = pair.peer.receive(request).reply or b""
    step = pair.authenticator.receive(answer)
    assert step.attempt is not None
    assert pair.authenticator.receive(answer) == Step()
    assert pair.authenticator.verdict(pair.judge(step.attempt)).reply is not None
    assert pair.authenticator.verdict(Accepted("alice")) == Step()


def test_responses_to_other_requests_are_dropped_and_counted() -> None:
    pair = password_pair()
    request = pair.authenticator.begin()
    answer = bytearray(pair.peer.receive(request).reply or b"")
    answer[1] ^= 1
    assert pair.authenticator.receive(bytes(answer)) == Step()
    assert pair.authenticator.receive(request) == Step()
    assert drops_of(pair.authenticator) == {
        "EAP response to another request": 1,
        "EAP packet is no response": 1,
    }


def test_an_identity_of_255_octets_is_taken_and_one_of_256_is_not() -> None:
    for size, taken in ((255, True), (256, False)):
        authenticator = Authenticator(("md5",), counting_rng())
        identifier = parse(authenticator.begin()).identifier
        data = packet(Code.RESPONSE, identifier, Type.IDENTITY, b"a" * size)
        assert (authenticator.receive(data).reply is not None) is taken
    with pytest.raises(ValueError, match="256 octets"):
        Peer("a" * 256, PASSWORD, wall=lambda: WALL, rng=counting_rng())


def test_options_behind_the_identity_are_not_the_name() -> None:
    authenticator = Authenticator(("md5",), counting_rng())
    identifier = parse(authenticator.begin()).identifier
    authenticator.receive(packet(Code.RESPONSE, identifier, Type.IDENTITY, b"alice\0NAS=1"))
    assert authenticator.identity == "alice"
    assert authenticator.user == "alice"


def test_the_identity_shown_steers_no_terminal() -> None:
    authenticator = Authenticator(("md5",), counting_rng())
    authenticator.begin("alice\x1b[2J\r\n")
    assert authenticator.identity.isprintable()


def test_a_notice_is_shown_and_acknowledged() -> None:
    peer = password_pair().peer
    step = peer.receive(packet(Code.REQUEST, 5, Type.NOTIFICATION, b"down at ten\x1b"))
    assert step.notice == r"down at ten\x1b"
    assert step.reply == packet(Code.RESPONSE, 5, Type.NOTIFICATION)


def test_success_without_a_method_is_not_believed() -> None:
    pair = password_pair()
    assert pair.peer.receive(packet(Code.SUCCESS, 1)).outcome is None
    request = pair.turn(pair.authenticator.begin()) or b""
    assert pair.peer.receive(packet(Code.SUCCESS, parse(request).identifier - 1)).outcome is None
    pair.turn(request)
    assert pair.peer.receive(packet(Code.SUCCESS, parse(request).identifier)).outcome is None
    assert drops_of(pair.peer) == {
        "EAP ends before it began": 1,
        "EAP Success before the method is through": 2,
    }


def test_an_end_under_another_identifier_is_dropped() -> None:
    pair = password_pair(("md5",))
    request = pair.turn(pair.authenticator.begin()) or b""
    end = pair.turn(request) or b""
    wrong = packet(Code.SUCCESS, (end[1] + 2) & 0xFF)
    assert pair.peer.receive(wrong).outcome is None
    # Some count on for the end.
    assert pair.peer.receive(packet(Code.SUCCESS, (end[1] + 1) & 0xFF)).outcome is not None


def test_another_method_in_the_same_conversation_is_not_answered() -> None:
    pair = password_pair(("mschapv2",))
    request = pair.turn(pair.authenticator.begin()) or b""
    pair.turn(request)
    step = pair.peer.receive(packet(Code.REQUEST, 77, Type.MD5, b"\x04abcd"))
    assert step.reply is None
    assert drops_of(pair.peer) == {"EAP request of another method": 1}


def test_an_expanded_type_is_answered_with_a_nak() -> None:
    peer = password_pair(wanted=("mschapv2", "md5")).peer
    reply = peer.receive(packet(Code.REQUEST, 1, Type.EXPANDED, bytes(7))).reply
    assert parse(reply or b"") == Packet(Code.RESPONSE, 1, Type.NAK, bytes((26, 4)))


def test_a_peer_does_not_answer_for_ever() -> None:
    peer = password_pair().peer
    for i in range(MOST_ROUNDS):
        assert peer.receive(packet(Code.REQUEST, i, Type.NOTIFICATION, b"x")).reply is not None
    over = peer.receive(packet(Code.REQUEST, 99, Type.NOTIFICATION, b"x"))
    assert over.reply is None
    assert over.outcome == Failure("EAP takes too many rounds", by_peer=True)


def test_padding_behind_a_packet_is_passed_over() -> None:
    assert parse(packet(Code.REQUEST, 1, Type.IDENTITY, b"x") + b"padding").data == b"x"


@pytest.mark.parametrize(
    "data",
    [b"", b"\x01\x01\x00", b"\x01\x01\x00\x04", b"\x01\x01\x00\x03\x01", b"\x09\x01\x00\x04",
     b"\x01\x01\x00\x09\x01"],
)  # fmt: skip
def test_broken_packets_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


def test_a_packet_that_is_too_long_is_not_made() -> None:
    with pytest.raises(ValueError, match="65536"):
        emit(Packet(Code.REQUEST, 1, Type.TLS, bytes(65531)))
