"""Hostile input: whatever comes before AUTH is dropped and counted, or has the right error; what is
protected cannot be changed; and nothing stays of it."""

import contextlib
import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ike.v2.ends import LEFT, RIGHT, Party, World, config, l2tp
from talpa.ike.events import AssociationUp, IkeFailed, IkeUp
from talpa.ike.header import parse_header
from talpa.ike.v2.numbers import Exchange, Flag, Kind, NotifyKind, ProtocolId
from talpa.ike.v2.payloads import (
    BODIES,
    CriticalUnknown,
    Delete,
    notify,
    read_chain,
    write_chain,
)
from talpa.ike.v2.protection import Envelope
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.sansio import Address
from talpa.wire import Malformed


def halfway(steps: int) -> tuple[World, IkeSa]:
    """A set-up that stops after so many datagrams in all, and the client's IKE SA."""
    world = World()
    number = world.call(l2tp())
    parties = (world.left, world.right)
    for step in range(steps):
        (packet,) = list(parties[step % 2].transmits())
        parties[1 - step % 2].receive(packet, world.now)
    sa = world.left.sas._room.current(number)
    assert sa is not None
    return world, sa


def stages(party: Party) -> set[Stage]:
    """Of all its IKE SAs, those among them of which nothing but IKE_SA_INIT is kept."""
    room = party.sas._room
    return {sa.stage for sa in room.sas.values()} | {Stage.HALF_OPEN for _ in room.half_open}


def state_of(party: Party) -> object:
    return (
        party.leftovers(),
        [(sa.stage, sa.next_answer, sa.next_ask, sa.path) for sa in party.sas._room.sas.values()],
        len(party.events),
    )


def feed(party: Party, data: bytes, now: float = 1001.0) -> list[bytes]:
    party.receive((Address(LEFT, 500), Address(RIGHT, 500), data), now)
    return [one[2] for one in party.transmits()]


def test_every_bit_of_every_protected_message_counts() -> None:
    """A check of integrity that is not made."""
    world, _ = halfway(2)
    (packet,) = list(world.left.transmits())
    data = packet[2]
    feed(world.right, data[:-1] + bytes([data[-1] ^ 1]))
    before = state_of(world.right)
    for bit in range(28 * 8, len(data) * 8):
        # An attacker has only five tries at a half-open SA; here each is the first.
        for sa in world.right.sas._room.sas.values():
            sa.bad = 0
        broken = bytearray(data)
        broken[bit // 8] ^= 0x80 >> bit % 8
        assert feed(world.right, bytes(broken)) == []
    assert state_of(world.right) == before
    for sa in world.right.sas._room.sas.values():
        sa.bad = 0
    assert feed(world.right, data)
    assert world.right.of(IkeUp)


def test_flips_of_what_comes_after() -> None:
    world = World()
    world.connect()
    (sa,) = world.left.sas._room.currents()
    dice = random.Random(1)
    for chain in ([], [(Kind.DELETE, Delete(ProtocolId.IKE))], [notify(NotifyKind.COOKIE2, b"x")]):
        envelope = sa.envelope(Exchange.INFORMATIONAL, sa.next_ask, response=False)
        assert sa.protection is not None
        (data,) = sa.protection.seal(envelope, *write_chain(chain), None)
        before = state_of(world.right)
        for _ in range(200):
            broken = bytearray(data)
            broken[dice.randrange(28, len(data))] ^= 1 << dice.randrange(8)
            assert feed(world.right, bytes(broken), world.now) == []
        assert state_of(world.right) == before


def test_a_forged_message_does_not_kill_a_half_open_sa_and_five_are_enough() -> None:
    world, _ = halfway(2)
    (packet,) = list(world.left.transmits())
    forged = packet[2][:-1] + bytes([packet[2][-1] ^ 1])
    for _ in range(4):
        assert feed(world.right, forged) == []
    assert not world.right.of(IkeUp)
    feed(world.right, packet[2])
    assert world.right.of(IkeUp)

    world, _ = halfway(2)
    (packet,) = list(world.left.transmits())
    for _ in range(5):
        feed(world.right, packet[2][:-1] + bytes([packet[2][-1] ^ 1]))
    assert feed(world.right, packet[2]) == []
    assert world.right.shared.drops["IKEv2: too many messages that do not open"]


@pytest.mark.parametrize("steps", [2, 4])
def test_every_exchange_in_every_state(steps: int) -> None:
    """The right message in the wrong state: the product of states, exchanges, flags and message
    ids, rightly protected as the initiator can after IKE_SA_INIT: no SA, no child, no delete
    before AUTH."""
    chains: tuple[list[tuple[int, object]], ...] = (
        [],
        [(Kind.DELETE, Delete(ProtocolId.IKE))],
        [(Kind.DELETE, Delete(ProtocolId.ESP, (b"\1\2\3\4",)))],
        [notify(NotifyKind.UPDATE_SA_ADDRESSES)],
        [notify(NotifyKind.AUTHENTICATION_FAILED)],
        [(Kind.EAP, b"\3\1\0\4")],
        [(Kind.NONCE, bytes(32))],
    )
    for exchange in (*range(33, 46), 0, 255):
        for flags in (0, Flag.INITIATOR, Flag.RESPONSE, Flag.INITIATOR | Flag.RESPONSE):
            for message_id in (0, 1, 2, 0xFFFFFFFF):
                for chain in chains:
                    if steps == 4 and chain != chains[-1]:
                        continue
                    world, sa = halfway(steps)
                    was_up = stages(world.right) == {Stage.UP}
                    envelope = Envelope(sa.spis[:8], sa.spis[8:], exchange, flags, message_id)
                    assert sa.protection is not None
                    (data,) = sa.protection.seal(envelope, *write_chain(chain), None)
                    answers = feed(world.right, data)
                    assert len(answers) <= 1
                    if not was_up:
                        assert not world.right.of(IkeUp)
                        assert not world.right.of(AssociationUp)
                        if exchange not in (Exchange.IKE_AUTH, Exchange.IKE_INTERMEDIATE):
                            assert stages(world.right) == {Stage.HALF_OPEN}
                            assert answers == []
                    else:
                        assert world.right.carried


def test_unknown_spis_have_no_answer() -> None:
    """For every exchange and every kind of first payload."""
    party = Party(RIGHT, config())
    for exchange in range(256):
        if exchange == Exchange.IKE_SA_INIT:
            continue
        for kind in (0, 1, 33, 41, 46, 53, 255):
            for flags in (0, 8, 32, 40):
                data = Envelope(b"12345678", b"abcdefgh", exchange, flags, 0).header(kind, 60)
                assert feed(party, data + bytes(32)) == []
    assert not any(party.leftovers().values())


def sa_init() -> tuple[bytes, list[tuple[int, object]]]:
    world = World()
    world.call(l2tp())
    (packet,) = list(world.left.transmits())
    header = parse_header(packet[2])
    parts: list[tuple[int, object]] = []
    at, kind = 28, header.next_payload
    while kind:
        length = int.from_bytes(packet[2][at + 2 : at + 4], "big")
        parts.append((kind, BODIES[kind].decode(packet[2][at + 4 : at + length])))
        kind, at = packet[2][at], at + length
    return packet[2], parts


def test_payloads_that_are_missing_or_twice_in_ike_sa_init() -> None:
    """What must be there and is not: never more than one answer, never longer than the question."""
    data, parts = sa_init()
    head = Envelope(data[:8], bytes(8), 34, 8, 0)
    for count in range(4):
        for gone in combinations(range(len(parts)), count):
            kept = [one for at, one in enumerate(parts) if at not in gone]
            first, body = write_chain(kept)
            asked = head.header(first, 28 + len(body)) + body
            party = Party(RIGHT, config())
            answers = feed(party, asked)
            assert sum(map(len, answers)) <= len(asked)
            whole = {33, 34, 40} <= {kind for kind, _ in kept}
            assert bool(answers) == whole
    for at in range(len(parts)):
        doubled = [*parts, parts[at]]
        first, body = write_chain(doubled)
        asked = head.header(first, 28 + len(body)) + body
        party = Party(RIGHT, config())
        answers = feed(party, asked)
        assert bool(answers) == (parts[at][0] == Kind.NOTIFY)


def test_payloads_that_are_missing_or_twice_in_ike_auth() -> None:
    """What must be there and is not: nothing but the whole message brings it up."""
    world, sa = halfway(2)
    assert sa.asked is not None
    chain = list(sa.asked.task.build(sa, world.now) or ())
    needed = {Kind.ID_I, Kind.AUTH, Kind.SA, Kind.TS_I, Kind.TS_R}
    for count in (1, 2, 3):
        for gone in combinations(range(len(chain)), count):
            world, sa = halfway(2)
            assert sa.asked is not None
            assert sa.protection is not None
            chain = list(sa.asked.task.build(sa, world.now) or ())
            kept = [one for at, one in enumerate(chain) if at not in gone]
            envelope = sa.envelope(Exchange.IKE_AUTH, 1, response=False)
            (data,) = sa.protection.seal(envelope, *write_chain(kept), None)
            assert len(feed(world.right, data)) == 1
            whole = needed <= {kind for kind, _ in kept}
            assert bool(world.right.of(IkeUp)) == whole
            if not whole:
                assert isinstance(world.right.events[-1], IkeFailed)
    for at in range(len(chain)):
        world, sa = halfway(2)
        assert sa.asked is not None
        assert sa.protection is not None
        chain = list(sa.asked.task.build(sa, world.now) or ())
        envelope = sa.envelope(Exchange.IKE_AUTH, 1, response=False)
        (data,) = sa.protection.seal(envelope, *write_chain([*chain, chain[at]]), None)
        assert len(feed(world.right, data)) == 1
        assert bool(world.right.of(IkeUp)) == (chain[at][0] in (Kind.NOTIFY, Kind.CERTREQ))


def test_no_amplification_and_no_timer_of_the_responder() -> None:
    world, _ = halfway(1)
    (answer,) = list(world.right.transmits())
    asked = world.left.sent[0]
    assert len(answer[2]) <= len(asked)
    # The same again is answered with the same; nothing is sent by itself.
    assert feed(world.right, asked) == [answer[2]]
    while (when := world.right.next_timeout()) is not None:
        world.right.handle_timeout(when)
        assert not list(world.right.transmits())
    assert not any(world.right.leftovers().values())
    assert not stages(world.right)


def test_a_flood_of_ike_sa_init_is_bounded() -> None:
    party = Party(RIGHT, config(half_open=64, rate_per_place=1000.0, cookies_from=32))
    data, _ = sa_init()
    for each in range(1, 500):
        asked = each.to_bytes(8, "big") + data[8:]
        source = Address(f"198.19.{each % 200}.1", 500)
        party.receive((source, Address(RIGHT, 500), asked), 1000.0)
    assert party.leftovers()["not gone on"] <= 32
    assert party.shared.drops["IKEv2: cookie asked for"] > 400
    assert all(len(one) <= len(data) for _, one in party.shared.out)


def test_a_critical_payload_that_is_unknown() -> None:
    body = b"\x00\x80\x00\x04"
    with pytest.raises(CriticalUnknown):
        read_chain(200, body)
    assert read_chain(200, b"\x00\x00\x00\x04").by_kind == {}
    world = World()
    world.connect()
    (sa,) = world.left.sas._room.currents()
    assert sa.protection is not None
    envelope = sa.envelope(Exchange.INFORMATIONAL, sa.next_ask, response=False)
    (data,) = sa.protection.seal(envelope, 200, body, None)
    (answer,) = feed(world.right, data, world.now)
    opened = sa.protection.open(answer)
    assert opened is not None
    said = read_chain(opened.first, opened.plaintext).notify(
        NotifyKind.UNSUPPORTED_CRITICAL_PAYLOAD
    )
    assert said is not None
    assert said.data == bytes([200])
    assert world.right.carried


@given(st.integers(0, 255), st.binary(max_size=600))
def test_any_octets_as_payloads(first: int, data: bytes) -> None:
    with contextlib.suppress(Malformed, CriticalUnknown):
        read_chain(first, data)


@given(st.sampled_from(sorted(BODIES)), st.binary(max_size=300))
def test_what_a_codec_reads_it_writes(kind: int, data: bytes) -> None:
    try:
        value = BODIES[kind].decode(data)
    except Malformed:
        return
    parts = BODIES[kind].parts
    if parts is not None:
        parts(data)
    if kind in (Kind.TS_I, Kind.TS_R) and not value:
        return
    if kind == Kind.SA and any(t.odd for p in value for t in p.transforms):
        return
    assert BODIES[kind].decode(BODIES[kind].encode(value)) == value


@given(st.data())
def test_hostile_lengths_in_ike_sa_init(data: st.DataObject) -> None:
    good, _ = sa_init()
    broken = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(16, len(good) - 1))
        broken[at] = data.draw(st.sampled_from([0, 1, 3, 4, 127, 128, 255]))
    party = Party(RIGHT, config())
    answers = feed(party, bytes(broken))
    assert sum(map(len, answers)) <= len(good)
    assert party.leftovers()["not gone on"] <= 1


def test_authenticated_rubbish_is_answered_and_survived() -> None:
    dice = random.Random(7)
    world = World()
    world.connect()
    for _ in range(400):
        (sa,) = world.left.sas._room.currents()
        assert sa.protection is not None
        exchange = dice.choice([35, 36, 37, 43, 44, 99])
        body = dice.randbytes(dice.randrange(0, 80))
        envelope = sa.envelope(exchange, sa.next_ask, response=False)
        sa.next_ask += 1
        (data,) = sa.protection.seal(envelope, dice.choice([0, *BODIES, 200]), body, None)
        assert len(feed(world.right, data, world.now)) <= 1
    assert world.right.carried
