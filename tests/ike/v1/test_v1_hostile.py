"""Hostile input: no message that was changed, cut, doubled or sent in the wrong state does
anything, and nothing raises."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.ike.config import Habits
from talpa.ike.events import AssociationUp, IkeDown, IkeUp, SasAdded
from talpa.ike.header import HEADER_OCTETS, parse_header
from talpa.ike.v1 import messages
from talpa.ike.v1.numbers import Flag, Notify, PayloadType
from talpa.ike.v1.payloads import DELETE, NOTIFY, Deletion, Notification
from talpa.sansio import Address, Path

from .rig import CLIENT, SERVER, Wire, config, connection

_FAST = Habits(
    ike_transforms=((EncryptionId.AES_CBC, 128, PrfId.HMAC_SHA1, GroupId.ECP256),),
    esp_transforms=((EncryptionId.AES_CBC, 128, IntegrityId.HMAC_SHA1_96),),
)
MESSAGES = 9
BACK = Path(Address(SERVER, 500), Address(CLIENT, 500))


def fast() -> Wire:
    return Wire(server=config(aggressive=True, rate_per_place=1e9))


def state(wire: Wire) -> tuple[object, ...]:
    """What must not change by a message that is not good."""
    out: list[object] = []
    for end in (wire.client, wire.server):
        end.take()
        out += (
            [
                type(e)
                for e in end.seen
                if isinstance(e, IkeUp | IkeDown | AssociationUp | SasAdded)
            ],
            sorted(end.inbound),
            sorted((sa.uid, sa.awaits, sa.path) for sa in end.room().by_uid.values()),
            sorted(end.sending.items()),
        )
    return tuple(out)


def stop_before(number: int) -> tuple[Wire, str, bytes]:
    """A conversation in which the message of that number (from 1) is caught."""
    wire = fast()
    caught: list[tuple[str, bytes]] = []

    def change(to: str, data: bytes) -> list[bytes]:
        if len(wire.log) == number:
            caught.append((to, data))
            return []
        return [data]

    wire.change = change
    wire.open(connection(habits=_FAST))
    wire.change = lambda _to, data: [data]
    to, data = caught[0]
    return wire, to, data


def deliver(wire: Wire, to: str, data: bytes) -> None:
    if to == "server":
        wire.server.receive(BACK, data, wire.now)
    else:
        wire.client.receive(Path(BACK.remote, BACK.local), data, wire.now)


@pytest.mark.parametrize("number", range(1, MESSAGES + 1))
def test_bits_flipped(number: int) -> None:
    """A check of integrity that is not made: of protected messages no bit may change; and after
    all of that the right one still does its work."""
    wire, to, data = stop_before(number)
    protected = bool(parse_header(data).flags & Flag.ENCRYPTION)
    before = state(wire)
    for at in range(8 * HEADER_OCTETS if protected else 0, 8 * len(data), 1 if protected else 37):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        deliver(wire, to, bytes(changed))
        for sa in wire.server.room().by_uid.values():
            if sa.draft is not None:
                # The right one would not be heard after too many wrong ones.
                sa.draft.bad = 0
        if protected:
            assert state(wire) == before, at
    if protected:
        deliver(wire, to, data)
        wire.settle()
        assert wire.agree()
        assert len(wire.server.associations) == len(wire.client.associations) == 1


def test_a_forged_message_5_does_not_kill_the_right_one() -> None:
    wire, to, data = stop_before(5)
    for _ in range(4):
        deliver(wire, to, data[:-16] + wire.client.rng(16))
    deliver(wire, to, data)
    wire.settle()
    assert wire.agree()
    assert wire.server.of(IkeUp)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_payloads_withheld_doubled_and_out_of_order(number: int) -> None:
    """What must be there and is not, of the messages in the clear: all subsets of up to three
    left out, each doubled, each pair exchanged."""
    wire, to, data = stop_before(number)
    header = parse_header(data)
    chain, _ = messages.split(header.next_payload, data, HEADER_OCTETS)
    variants: list[list[tuple[int, bytes]]] = []
    for size in (1, 2, 3):
        variants += [
            [each for i, each in enumerate(chain) if i not in out]
            for out in itertools.combinations(range(len(chain)), size)
        ]
    variants += [chain[: i + 1] + chain[i:] for i in range(len(chain))]
    for i, j in itertools.combinations(range(len(chain)), 2):
        swapped = list(chain)
        swapped[i], swapped[j] = swapped[j], swapped[i]
        variants.append(swapped)
    cookies = header.initiator_spi + header.responder_spi
    for variant in variants:
        if variant:
            changed = messages.clear(cookies, header.exchange, variant)
            wire, to, _ = stop_before(number)
            deliver(wire, to, changed)
            wire.settle()
            _sound(wire)


@pytest.mark.parametrize("number", [5, 6, 7, 8, 9])
def test_payloads_withheld_in_protected_messages(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What must be there and is not, of the protected messages, by a peer that has the keys:
    with the HASH made anew where there is one, so that only the rules of the message stand in
    the way."""
    seal, hashed = messages.seal, messages.hashed
    for change in _changes():
        count = itertools.count(1)

        def tampered(*args, change=change, count=count):  # type: ignore[no-untyped-def]
            keys, iv, cookies, exchange, chain, *rest = args
            if next(count) != number - 4:
                return seal(*args)
            return seal(keys, iv, cookies, exchange, change(list(chain)) or chain, *rest)

        monkeypatch.setattr(messages, "seal", tampered)
        wire = fast()
        wire.open(connection(habits=_FAST))
        _sound(wire)
    monkeypatch.setattr(messages, "seal", seal)
    for change in _changes():
        count = itertools.count(1)

        def rehashed(*args, change=change, count=count):  # type: ignore[no-untyped-def]
            keys, prefix, chain = args
            if next(count) != number - 6:
                return hashed(*args)
            return hashed(keys, prefix, change(list(chain)) or chain)

        monkeypatch.setattr(messages, "hashed", rehashed)
        wire = fast()
        wire.open(connection(habits=_FAST))
        _sound(wire)


Change = Callable[[list[tuple[int, bytes]]], list[tuple[int, bytes]]]


def _without(at: int) -> Change:
    return lambda chain: [each for n, each in enumerate(chain) if n != at]


def _doubled(at: int) -> Change:
    return lambda chain: [*chain[:at], *chain[at : at + 1], *chain[at:]]


def _cut(at: int, keep: int) -> Change:
    return lambda chain: [(k, b if n != at else b[:keep]) for n, (k, b) in enumerate(chain)]


def _changes() -> list[Change]:
    out: list[Change] = [lambda chain: chain[::-1]]
    for at in range(6):
        out += [_without(at), _doubled(at), _cut(at, -1), _cut(at, 0)]
    return out


def _sound(wire: Wire) -> None:
    """Whatever happened: no SA without a phase 1 on that side, and tables that fit each other."""
    for end in (wire.client, wire.server):
        end.take()
        if end.inbound:
            assert end.of(IkeUp)
        room = end.room()
        assert set(room.children) == set(end.inbound)
        for sa in room.by_uid.values():
            assert sa.up == (sa.peer is not None)


@pytest.mark.parametrize("upto", range(MESSAGES + 1))
def test_any_message_in_any_state(upto: int) -> None:
    """The right message in the wrong state: in the state after `upto` messages every exchange
    and every list of payloads, with or without the flag of encryption: nobody is up who was not,
    nothing is deleted."""
    wire = fast()
    wire.change = lambda _to, data: [data] if len(wire.log) <= upto else []
    wire.open(connection(habits=_FAST))
    before = state(wire)
    started = parse_header(wire.log[0][1])
    cookies = [started.initiator_spi + bytes(8)]
    if len(wire.log) > 1:
        bound = parse_header(wire.log[1][1])
        cookies.append(bound.initiator_spi + bound.responder_spi)
    bodies = _bodies(cookies[-1])
    chains = [
        [(kind, body)] for kind in range(1, 256) for body in (bodies.get(kind, b""), b"\x00" * 20)
    ]
    chains += [[(PayloadType.HASH.value, bytes(20)), (k, bodies[k])] for k in bodies]
    for to in ("server", "client"):
        for cookie, exchange, flags in itertools.product(
            cookies, (1, 2, 3, 4, 5, 6, 32, 33, 34, 255), (0, 1, 2, 3, 255)
        ):
            for chain in chains[:: 3 if flags else 5]:
                body = messages.join(chain)
                deliver(wire, to, messages.pack(cookie, exchange, flags, 7, chain[0][0], body))
    wire.client.shared.out.clear()
    wire.server.shared.out.clear()
    assert state(wire)[:3:2] == before[:3:2]
    assert state(wire)[4] == before[4]
    assert not wire.server.of(IkeDown)
    assert not wire.client.of(IkeDown)


def _bodies(cookies: bytes) -> dict[int, bytes]:
    return {
        PayloadType.NOTIFY.value: NOTIFY.encode(Notification(1, Notify.INITIAL_CONTACT, cookies)),
        PayloadType.DELETE.value: DELETE.encode(Deletion(1, (cookies,))),
        PayloadType.NONCE.value: bytes(16),
        PayloadType.KE.value: bytes(64),
        PayloadType.HASH.value: bytes(20),
    }


def test_anything_after_a_delete_of_its_own_phase_1() -> None:
    """Used after it was deleted: what stands behind the delete that ends the SA it came under."""
    wire = fast()
    wire.open(connection(habits=_FAST))
    (sa,) = wire.client.room().by_uid.values()
    delete = (PayloadType.DELETE.value, DELETE.encode(Deletion(1, (sa.cookies,))))
    for more in (
        delete,
        (
            PayloadType.NOTIFY.value,
            NOTIFY.encode(Notification(1, Notify.R_U_THERE, sa.cookies, bytes(4))),
        ),
        (PayloadType.DELETE.value, DELETE.encode(Deletion(3, (b"\x00\x00\x10\x00",)))),
    ):
        wire.client.room().inform(sa, [delete, more])
    wire.settle()
    assert not wire.server.associations
    assert len(wire.server.of(IkeDown)) == 1


def test_responders_send_nothing_by_themselves_before_the_peer_is_proven() -> None:
    """Amplification: one datagram for one, never larger than it in answer to message 1, none by
    time."""
    for number in (2, 4):
        wire, _, _ = stop_before(number)
        sent = len(wire.log)
        for _ in range(600):
            wire.server.time_out(wire.now)
            wire.now += 0.1
            assert not wire.server.take()
        assert len(wire.log) == sent
    assert len(wire.log[1][1]) <= len(wire.log[0][1])


def test_messages_of_cookies_that_nobody_has() -> None:
    wire = fast()
    for exchange in range(256):
        deliver(wire, "server", messages.pack(bytes(range(1, 17)), exchange, 1, 9, 8, bytes(64)))
    assert not wire.server.take()
    assert not wire.server.room().by_uid


def test_half_open_is_bounded_and_small() -> None:
    wire = Wire(server=config(half_open=100, half_open_per_place=50, rate_per_place=1e9))
    first = wire.log
    wire.change = lambda _to, _data: []
    wire.open(connection(habits=_FAST))
    message = bytearray(first[0][1])
    for i in range(500):
        message[:8] = (i + 1).to_bytes(8, "big")
        wire.server.receive(BACK, bytes(message), wire.now)
    assert len(wire.server.room().by_uid) == 50
    wire.server.take()
    wire.now += 31.0
    wire.server.time_out(wire.now)
    assert not wire.server.room().by_uid
    assert not wire.server.room().by_start
    assert wire.server.shared.admission.half_open == 0


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_noise(data: st.DataObject) -> None:
    """Any octets behind a header that fits, in any state."""
    wire, to, real = stop_before(data.draw(st.integers(1, MESSAGES)))
    kind = data.draw(st.integers(0, 255))
    body = data.draw(st.binary(max_size=200))
    cut = data.draw(st.integers(HEADER_OCTETS, len(real)))
    for octets in (real[HEADER_OCTETS:cut] + body, body):
        header = parse_header(real)
        deliver(
            wire,
            to,
            messages.pack(
                real[:16], header.exchange, header.flags, header.message_id, kind, octets
            ),
        )
    wire.settle()
    _sound(wire)
