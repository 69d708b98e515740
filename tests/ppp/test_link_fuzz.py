"""Any octets, in any phase, in both roles: nothing is raised, and every promise holds."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppp.link_peers import CLIENT, QUIET, SERVER, Owner, Peer, client, server, settle, variant
from talpa.ppp import PppLink
from talpa.ppp.events import LinkClosed
from talpa.ppp.frames import Protocol, emit_packet, parse_packet
from talpa.ppp.options import emit_options, parse_options
from talpa.wire import Malformed

NOW = 1000.0
protocols = st.one_of(st.sampled_from(list(Protocol)).map(int), st.integers(0, 0xFFFF))
kinds = st.one_of(st.integers(1, 5), st.sampled_from([7, 8, 13, 17, 129, 130]), st.integers(0, 255))
values = st.one_of(st.binary(max_size=8), st.sampled_from([bytes(4), bytes(8), b"\xc2\x23\x05"]))
options = st.lists(st.tuples(kinds, values), max_size=8).map(emit_options)
bodies = st.one_of(options, st.binary(max_size=60))
packets = st.builds(emit_packet, st.integers(0, 15), st.integers(0, 4), bodies)
frames = st.tuples(protocols, st.one_of(packets, packets, st.binary(max_size=40)))
steps = st.lists(st.one_of(frames, st.floats(0.0, 40.0)), max_size=30)


def fresh() -> Owner:
    owner = server(SERVER)
    owner.link.lower_up(NOW)
    return owner


def asking() -> Owner:
    owner = client(CLIENT)
    owner.link.lower_up(NOW)
    return owner


def authenticating() -> Owner:
    peer = Peer(variant(SERVER, authenticate=("chap",)), NOW)
    peer.open_lcp()
    return peer.owner


def proving() -> Owner:
    peer = Peer(CLIENT, NOW)
    peer.open_lcp([(3, b"\xc2\x23\x81")])
    return peer.owner


def in_network() -> Owner:
    peer = Peer(QUIET, NOW)
    peer.open_network()
    return peer.owner


def established(which: int) -> Callable[[], Owner]:
    def make() -> Owner:
        pair = server(), client()
        for owner in pair:
            owner.link.lower_up(NOW)
        settle(*pair, NOW)
        return pair[which]

    return make


def terminating() -> Owner:
    owner = established(0)()
    owner.link.close(NOW, "enough")
    return owner


PHASES: dict[str, Callable[[], Owner]] = {
    "establish, server": fresh,
    "establish, client": asking,
    "authenticate, server": authenticating,
    "authenticate, client": proving,
    "network": in_network,
    "open, server": established(0),
    "open, client": established(1),
    "terminate": terminating,
    "dead": server,
}


@pytest.mark.parametrize("phase", PHASES)
@given(steps=steps)
@settings(max_examples=60, deadline=None)
def test_any_frames_at_any_time(phase: str, steps: list[tuple[int, bytes] | float]) -> None:
    owner = PHASES[phase]()
    now = NOW
    owner.transmits()
    for step in steps:
        if isinstance(step, float):
            now += step
            owner.handle_timeout(now)
        else:
            owner.receive(step, now)
        for protocol, payload in owner.transmits():
            assert 0 <= protocol <= 0xFFFF
            assert len(payload) <= 1500
            parse_packet(payload)
        due = owner.next_timeout()
        assert due is None or due >= NOW
    # It always comes to an end, and says so once.
    owner.link.lower_down(now)
    owner.heed(now)
    if owner.events:
        assert isinstance(owner.events[-1], LinkClosed)
    assert len(owner.found(LinkClosed)) <= 1
    assert owner.next_timeout() is None


@given(steps=st.lists(frames, max_size=20))
@settings(max_examples=100, deadline=None)
def test_every_link_settles_when_the_peer_falls_silent(steps: list[tuple[int, bytes]]) -> None:
    owner = fresh()
    now = NOW
    for step in steps:
        owner.receive(step, now)
        now += 0.1
    for _ in range(1000):
        due = owner.next_timeout()
        if due is None:
            break
        now = max(now, due)
        owner.handle_timeout(now)
    assert owner.next_timeout() is None
    assert owner.found(LinkClosed)


@given(st.binary(max_size=300))
def test_options_are_parsed_or_malformed(data: bytes) -> None:
    try:
        found = parse_options(data)
    except Malformed:
        return
    assert emit_options(found) == data


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=253)), max_size=64))
def test_options_come_back_as_they_were(found: list[tuple[int, bytes]]) -> None:
    assert parse_options(emit_options(found)) == found


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=100), st.binary(max_size=9))
def test_packets_come_back_and_padding_is_ignored(
    code: int, identifier: int, data: bytes, padding: bytes
) -> None:
    assert parse_packet(emit_packet(code, identifier, data) + padding) == (code, identifier, data)


@given(st.binary(max_size=20))
def test_packets_are_parsed_or_malformed(payload: bytes) -> None:
    try:
        code, identifier, data = parse_packet(payload)
    except Malformed:
        return
    assert payload.startswith(emit_packet(code, identifier, data))


def test_the_rng_is_the_only_source_of_chance() -> None:
    def sent() -> list[tuple[int, bytes]]:
        link = PppLink(SERVER, lambda n: bytes(range(1, n + 1)))
        link.lower_up(NOW)
        return link.transmits()

    assert sent() == sent()
