from hypothesis import given, settings
from hypothesis import strategies as st

from eap.eap_certificates import stranger
from eap.eap_pair import PASSWORD, Pair, judge, packet, password_pair
from eap.test_eap_tls import tls_pair
from talpa.eap.outcomes import Success
from talpa.eap.packets import Code, Type, parse
from talpa.wire import Malformed, Secret

TYPES = st.sampled_from([*Type, Type(99)])
DATA = st.binary(max_size=200)
WRONG = Secret("wrong")


def pairs(which: int) -> Pair:
    """A pair in which the peer does not have what would let it in."""
    if which == 2:
        return tls_pair(credential=stranger())
    return password_pair((("mschapv2", "md5")[which],), password=WRONG)


@settings(max_examples=300)
@given(which=st.integers(0, 2), packets=st.lists(st.tuples(TYPES, DATA), max_size=12))
def test_made_up_responses_never_let_in_and_never_raise(
    which: int, packets: list[tuple[Type, bytes]]
) -> None:
    pair = pairs(which)
    authenticator = pair.authenticator
    request = authenticator.begin("alice@example.com")
    for kind, data in packets:
        step = pair.decided(
            authenticator.receive(packet(Code.RESPONSE, parse(request).identifier, kind, data))
        )
        request = step.reply or request
    assert not isinstance(authenticator.outcome, Success)


@settings(max_examples=300)
@given(
    which=st.integers(0, 2),
    packets=st.lists(st.tuples(st.sampled_from(Code), TYPES, DATA), max_size=12),
)
def test_made_up_requests_never_convince_a_peer_that_wants_proof(
    which: int, packets: list[tuple[Code, Type, bytes]]
) -> None:
    peer = pairs(which).peer
    for number, (code, kind, data) in enumerate(packets):
        peer.receive(packet(code, number, kind, data))
    if isinstance(peer.outcome, Success):
        # MD5 proves nothing of the authenticator.
        assert peer.outcome.method == "EAP-MD5"


@settings(max_examples=300)
@given(data=st.lists(st.binary(max_size=80), max_size=6))
def test_any_octets_are_dropped_or_answered(data: list[bytes]) -> None:
    pair = password_pair()
    pair.authenticator.begin()
    for octets in data:
        pair.authenticator.receive(octets)
        pair.peer.receive(octets)
        try:
            parse(octets)
        except Malformed:
            continue


@settings(max_examples=150, deadline=None)
@given(
    which=st.integers(0, 2),
    at=st.integers(0, 20),
    where=st.integers(0, 4000),
    flip=st.integers(1, 255),
)
def test_a_changed_octet_lets_nobody_in_who_has_not_the_secret(
    which: int, at: int, where: int, flip: int
) -> None:
    pair = pairs(which)
    request: bytes | None = pair.authenticator.begin("alice@example.com")
    for turn in range(40):
        if request is None:
            break
        reply = pair.peer.receive(request).reply
        if reply is None:
            break
        if turn == at:
            changed = bytearray(reply)
            changed[where % len(reply)] ^= flip
            reply = bytes(changed)
        request = pair.decided(pair.authenticator.receive(reply)).reply
    assert not isinstance(pair.authenticator.outcome, Success)


@settings(max_examples=100, deadline=None)
@given(
    at=st.integers(1, 8), where=st.integers(6, 4000), flip=st.integers(1, 255), tls13=st.booleans()
)
def test_tls_that_was_tampered_with_never_ends_with_two_keys(
    at: int, where: int, flip: int, tls13: bool
) -> None:
    pair = tls_pair(tls13=tls13)
    request: bytes | None = pair.authenticator.begin()
    for turn in range(40):
        if request is None:
            break
        if turn == at:
            changed = bytearray(request)
            changed[min(where, len(request) - 1)] ^= flip
            request = bytes(changed)
        request = pair.turn(request)
    ours, theirs = pair.authenticator.outcome, pair.peer.outcome
    if isinstance(ours, Success) and isinstance(theirs, Success):
        assert ours.msk == theirs.msk


def test_the_judge_of_these_tests_lets_in_who_has_the_password() -> None:
    # Else what they show is nothing.
    assert isinstance(password_pair(password=PASSWORD, judge=judge).run()[0], Success)
    assert isinstance(tls_pair().run()[0], Success)
