"""Nothing a peer sends makes either side raise, answer without bound, or believe."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppp.auth_pair import GOOD, PASSWORD, counting_rng
from talpa.crypto.credentials import PasswordChanged, Refused
from talpa.ppp.auth import METHODS, Authenticator, Failure, Success, Supplicant
from talpa.ppp.auth.formats import (
    MSCHAP_CHANGE,
    MSCHAP_V2_CHANGE,
    MSCHAP_V2_VALUE,
    MSCHAP_VALUE,
    emit,
    emit_pap_message,
    emit_pap_request,
    emit_value_name,
    message_octets,
    message_text,
    parse,
    parse_pap_message,
    parse_pap_request,
    parse_value_name,
)
from talpa.ppp.auth.party import Party
from talpa.ppp.config import Config, Credentials
from talpa.wire import Codec, Malformed, Secret

ALL = list(METHODS)
WITH_CHANGE = Credentials("alice", PASSWORD, Secret("battery staple"))


def authenticators(method: str) -> list[Authenticator]:
    """One in each state that a peer can meet."""
    fresh = Authenticator(method, Config(), counting_rng())
    found = [fresh]
    for verdict in (None, "ok", "retry", "expired", "no"):
        one = Authenticator(method, Config(), counting_rng())
        one.start(0.0)
        found.append(one)
        sent = one.transmits()
        if verdict is None:
            continue
        who = Supplicant(method, GOOD, Config(), counting_rng(2))
        who.start(0.0)
        for protocol, packet in sent:
            who.receive(protocol, packet, 0.0)
        for protocol, packet in who.transmits():
            one.receive(protocol, packet, 0.0)
        attempt = one.take_attempt()
        assert attempt is not None
        accepted = attempt.check(PASSWORD)
        assert accepted is not None
        refusals = {
            "retry": Refused("no", retry=True),
            "expired": Refused("no", error=648),
            "no": Refused("no"),
        }
        one.verdict(refusals.get(verdict, accepted), 0.0)
        one.transmits()
    return found


def supplicants(method: str) -> list[Supplicant]:
    """One in each state that a peer can meet."""
    found = [Supplicant(method, GOOD, Config(), counting_rng())]
    server = Authenticator(method, Config(), counting_rng(5))
    server.start(0.0)
    sent = server.transmits()
    for answered in (False, True):
        one = Supplicant(method, WITH_CHANGE, Config(), counting_rng(3))
        one.start(0.0)
        if answered:
            for protocol, packet in sent:
                one.receive(protocol, packet, 0.0)
        one.transmits()
        found.append(one)
    return found


def parties(method: str) -> list[Party]:
    return [*authenticators(method), *supplicants(method)]


def offer(party: Party, packet: bytes) -> None:
    before = party.outcome
    party.receive(party.method.protocol, packet, 1.0)
    out = party.transmits()
    assert len(out) <= 1
    # Nothing made up lets anybody in, except where a method proves nothing to the supplicant.
    proves = isinstance(party, Authenticator) or party.method.name == "mschapv2"
    if proves and not isinstance(before, Success):
        assert not isinstance(party.outcome, Success)


@pytest.mark.parametrize("method", ALL)
def test_every_length_of_every_code_in_every_state(method: str) -> None:
    for code, filler in itertools.product(range(9), (0x00, 0xFF, 0x31)):
        for length in range(65):
            for declared in {length, 64 - length, 4}:
                packet = (bytes((code, 7)) + declared.to_bytes(2, "big") + bytes((filler,)) * 60)[
                    :length
                ]
                for party in SHARED[method]:
                    offer(party, packet)


SHARED = {method: parties(method) for method in ALL}
"""Nothing in the exhaustive test may change them for good, so they serve all its packets."""


@pytest.mark.parametrize("method", ALL)
def test_every_value_size_and_packet_size(method: str) -> None:
    for found in parties(method):
        identifier = found._identifier
        for code, size, length in itertools.product((1, 2, 3, 4, 7), range(0, 65, 3), range(65)):
            offer(found, emit(code, identifier, (bytes((size,)) + bytes(64))[:length]))
            if isinstance(found, Authenticator):
                found.take_attempt()
            if isinstance(found.outcome, Failure):
                break


@pytest.mark.parametrize("method", ALL)
@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=6), st.integers(0, 8))
def test_any_octets(method: str, packets: list[bytes], which: int) -> None:
    party = parties(method)[which]
    for packet in packets:
        offer(party, packet)
    due = party.next_timeout()
    if due is not None:
        party.handle_timeout(due)
    party.handle_timeout(1e9)


@pytest.mark.parametrize("method", ALL)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(-1, 2), st.binary(max_size=80)), max_size=6),
    st.integers(0, 8),
)
def test_any_data_in_packets_that_are_meant_for_us(
    method: str, packets: list[tuple[int, int, bytes]], which: int
) -> None:
    party = parties(method)[which]
    for code, offset, data in packets:
        offer(party, emit(code, (party._identifier + offset) & 0xFF, data))


@pytest.mark.parametrize("length", [581, 582, 583, 1113, 1114, 1115])
@pytest.mark.parametrize("method", ["mschap", "mschapv2"])
def test_a_change_packet_of_zeros_is_checked_and_refused(method: str, length: int) -> None:
    expecting = authenticators(method)[4]
    code = 6 if method == "mschap" else 7
    data = bytes(length - 1) + b"\1"
    expecting.receive(expecting.method.protocol, emit(code, expecting._identifier, data), 1.0)
    attempt = expecting.take_attempt()
    assert (attempt is not None) is (length == (1114 if method == "mschap" else 582))
    if attempt is not None:
        assert attempt.check(PASSWORD) is None
        assert not isinstance(attempt.check(Secret("")), PasswordChanged)


def test_no_sequence_of_packets_lets_a_supplicant_believe_without_proof() -> None:
    """T-AUTH-FSM: every sequence of four packets that a server without the password can make."""
    challenge = emit_value_name(bytes(16), b"server")
    alphabet = [
        emit(1, 1, challenge),
        emit(1, 2, challenge),
        emit(3, 1, b"S=" + b"0" * 40),
        emit(3, 2, b""),
        emit(4, 1, b"E=648 R=0 C=" + b"0" * 32 + b" V=3"),
        emit(4, 1, b"E=691 R=1 C=" + b"0" * 32 + b" V=3"),
        emit(2, 1, emit_value_name(bytes(49), b"server")),
        emit(7, 2, bytes(582)),
    ]
    protocol = METHODS["mschapv2"].protocol
    for sequence in itertools.product(alphabet, repeat=4):
        supplicant = Supplicant("mschapv2", WITH_CHANGE, Config(), counting_rng())
        supplicant.start(0.0)
        for packet in sequence:
            supplicant.receive(protocol, packet, 0.0)
            assert not isinstance(supplicant.outcome, Success)


def test_no_sequence_of_packets_and_times_lets_an_authenticator_believe_without_verdict() -> None:
    for method in ALL:
        protocol = METHODS[method].protocol
        for sequence in itertools.product(range(6), repeat=4):
            one = Authenticator(method, Config(auth_tries=2), counting_rng())
            one.start(0.0)
            now = 0.0
            for what in sequence:
                identifier = (one._identifier + (what == 5)) & 0xFF
                if what == 4:
                    now = one.next_timeout() or now
                    one.handle_timeout(now)
                elif what == 3:
                    if one.take_attempt() is not None:
                        one.verdict(Refused("no", retry=True), now)
                else:
                    body = (
                        b"\x05alice\x02pw"
                        if method == "pap"
                        else emit_value_name(bytes(16 if method == "chap" else 49), b"alice")
                    )
                    code = (1 if method == "pap" else 2) + what
                    one.receive(protocol, emit(code, identifier, body), now)
                assert not isinstance(one.outcome, Success)
                assert len(one.transmits()) <= 2


names = st.binary(max_size=255)


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=2000), st.binary(max_size=9))
def test_packets_parse_as_emitted(code: int, ident: int, data: bytes, padding: bytes) -> None:
    assert parse(emit(code, ident, data) + padding) == (code, ident, data)


@given(st.binary(min_size=1, max_size=255), names)
def test_values_and_names_parse_as_emitted(value: bytes, name: bytes) -> None:
    assert parse_value_name(emit_value_name(value, name)) == (value, name)


@given(names, names)
def test_pap_packets_parse_as_emitted(name: bytes, password: bytes) -> None:
    assert parse_pap_request(emit_pap_request(name, password)) == (name, password)
    assert parse_pap_message(emit_pap_message(name)) == name


@pytest.mark.parametrize("codec", [MSCHAP_VALUE, MSCHAP_V2_VALUE, MSCHAP_CHANGE, MSCHAP_V2_CHANGE])
def test_fixed_formats_have_one_length_and_come_back(codec: Codec[Any]) -> None:
    assert codec.least == codec.most
    data = bytes(i % 251 for i in range(codec.least))
    assert codec.encode(codec.decode(data)) == data
    for length in (0, codec.least - 1, codec.least + 1):
        with pytest.raises(Malformed):
            codec.decode(bytes(length))


@given(st.binary(max_size=400), st.text(max_size=400))
def test_messages_are_fit_to_be_seen(octets: bytes, text: str) -> None:
    assert message_text(octets).isprintable()
    assert len(message_text(octets)) <= 256
    assert all(0x20 <= c <= 0x7E for c in message_octets(text))
