"""What went wrong in other implementations of IKE, by class: none of it may happen here."""

import random

import pytest

from ike.endpoints import CLIENT, SERVER, Pair, call, conversation, endpoint
from talpa.ike.events import AssociationUp, IkeUp
from talpa.ike.header import HEADER_OCTETS, parse_header
from talpa.sansio import Address, Path

BOTH = pytest.mark.parametrize("version", [1, 2])
HERE = Path(Address(SERVER, 500), Address(CLIENT, 500))
SIZES = (0, 1, 3, 4, 7, 8, 15, 16, 63, 64, 65, 255, 256, 257, 2_048, 16_384, 60_000)
KE = {1: 4, 2: 34}
NONCE = {1: 10, 2: 40}


def payloads(data: bytes) -> list[tuple[int, bytes]]:
    found, kind, at = [], parse_header(data).next_payload, HEADER_OCTETS
    while kind:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((kind, data[at + 4 : at + size]))
        kind, at = data[at], at + size
    return found


def message(like: bytes, chain: list[tuple[int, bytes]]) -> bytes:
    """With the header of another message, and these payloads."""
    kinds = [kind for kind, _ in chain] + [0]
    body = b"".join(
        bytes((kinds[at + 1], 0)) + (4 + len(each)).to_bytes(2, "big") + each
        for at, (_, each) in enumerate(chain)
    )
    size = (HEADER_OCTETS + len(body)).to_bytes(4, "big")
    return like[:16] + bytes((kinds[0],)) + like[17:24] + size + body


def clear_messages(version: int) -> list[tuple[Pair, bytes]]:
    """Each message in the clear that a server takes, and a pair in which it is still to come."""
    out = []
    for count in range(2 if version == 1 else 1):
        pair = Pair()
        pair.client.open(call(version), 0.0)
        (said,) = pair.drain(by_client=True)
        for _ in range(count):
            pair.deliver(said)
            (answer,) = pair.drain(by_client=False)
            pair.deliver(answer)
            (said,) = pair.drain(by_client=True)
        out.append((pair, said.data))
    return out


@BOTH
def test_values_of_any_length_before_anybody_is_proven(version: int) -> None:
    """Copied without a bound, or taken for longer than they are."""
    for number in range(len(clear_messages(version))):
        _, good = clear_messages(version)[number]
        for at, (kind, _) in enumerate(payloads(good)):
            pair, good = clear_messages(version)[number]
            chain = payloads(good)
            for size in SIZES:
                changed = message(good, [*chain[:at], (kind, bytes(size)), *chain[at + 1 :]])
                if len(changed) > 65_535:
                    continue
                pair.server.receive(HERE, changed, 1.0, natt=False)
                out = pair.drain(by_client=False)
                assert len(out) <= 1
                assert sum(len(one.data) for one in out) <= max(len(changed), len(good)) + 128
        assert not [e for mine, e in pair.events if not mine and isinstance(e, IkeUp)]


def bad_publics(good: bytes) -> list[bytes]:
    """For X25519 (32 octets) points of low order; else for a group of points or of numbers."""
    size, prime = len(good), 2**255 - 19
    wrong = [good[:-1], good + b"\0", b"\0" + good, b"", bytes(size)]
    if size == 32:
        return wrong + [at.to_bytes(32, "little") for at in (1, prime - 1, prime, prime + 1)]
    return [*wrong, bytes(size - 1) + b"\1", b"\xff" * size, good[:-1] + bytes([good[-1] ^ 1])]


@BOTH
def test_public_values_that_are_none(version: int) -> None:
    """Zero, one, the prime and its neighbours, of wrong length, no point of the curve."""
    pair, good = clear_messages(version)[-1]
    chain = payloads(good)
    (at,) = [at for at, (kind, _) in enumerate(chain) if kind == KE[version]]
    group, public = chain[at][1][: 4 * (version == 2)], chain[at][1][4 * (version == 2) :]
    for bad in bad_publics(public):
        changed = message(good, [*chain[:at], (KE[version], group + bad), *chain[at + 1 :]])
        pair.server.receive(HERE, changed, 1.0, natt=False)
        out = pair.drain(by_client=False)
        assert len(out) <= 1
        for one in out:
            # At the most a word that it is none; no public value of ours for it.
            assert KE[version] not in {kind for kind, _ in payloads(one.data)}
    assert pair.server.half_open == (version == 1)
    # And the right one is still taken.
    pair.server.receive(HERE, good, 1.0, natt=False)
    (answer,) = pair.drain(by_client=False)
    assert KE[version] in {kind for kind, _ in payloads(answer.data)}


@BOTH
def test_what_is_answered_depends_on_the_question_and_chance_alone(version: int) -> None:
    """Memory of something else that is told to whoever says a false length."""
    _, good = clear_messages(version)[0]
    rng = random.Random(4)
    for _ in range(300):
        data = bytearray(good)
        at = rng.randrange(HEADER_OCTETS, len(data))
        data[at] = rng.choice((0, 1, 4, 8, 127, 128, 255))
        answers = []
        for other in (b"", b"\xaa" * 5_000):
            server = endpoint(7)
            server.receive(HERE, other, 0.0, natt=False)
            server.receive(HERE, bytes(data), 0.0, natt=False)
            answers.append(server.transmits())
        assert answers[0] == answers[1]


class Failing:
    """Chance that fails once, at the draw of that number."""

    def __init__(self, seed: int, at: int) -> None:
        self._random = random.Random(seed)
        self._left = at

    def __call__(self, octets: int) -> bytes:
        self._left -= 1
        if self._left == 0:
            raise OSError("no randomness")
        return self._random.randbytes(octets)


@BOTH
@pytest.mark.parametrize("by_client", [False, True])
def test_a_failure_in_the_midst_of_any_exchange_leaves_nothing_behind(
    version: int, by_client: bool
) -> None:
    """Freed twice, or never, on the way out of an error: each draw of randomness fails once."""
    for at in range(1, 30):
        pair = Pair()
        faults: list[str] = []
        end = pair.client if by_client else pair.server
        end.on_fault = lambda what, _error, faults=faults: faults.append(what)
        end._shared.rng = end._shared.associations._rng = Failing(3, at)
        try:
            pair.client.open(call(version), 0.0)
        except OSError:
            assert by_client
            continue
        pair.run()
        for _ in range(40):
            pair.timers(pair.now + 5.0)
            pair.run()
        assert not pair.server.half_open
        for one in (pair.client, pair.server):
            held = {number for shown in one.describe() for number in shown.associations}
            pairs = one._shared.associations._by_inbound.values()
            known = {each.association.id for each in pairs if each is not None}
            assert known == held, (at, faults)
        # Whatever became of it: the next one comes up.
        pair.events.clear()
        end._shared.rng = end._shared.associations._rng = random.Random(5).randbytes
        pair.client.open(call(version), pair.now)
        pair.run()
        ups = [mine for mine, event in pair.events if isinstance(event, AssociationUp)]
        again = [mine for mine, event in pair.events if isinstance(event, IkeUp)]
        assert again, (at, faults)
        assert ups or pair.server.describe()[0].associations, (at, faults)


@BOTH
def test_messages_of_sas_that_are_over_do_nothing(version: int) -> None:
    """Used after it is gone: all that was ever said, once more, after the end."""
    pair = conversation(version)
    (shown,) = pair.client.describe()
    pair.client.close(shown.ike, "Enough.", pair.now)
    pair.run()
    for _ in range(20):
        pair.timers(pair.now + 5.0)
        pair.run()
    assert not pair.server.describe()
    pair.events.clear()
    for said in pair.said[1:] + pair.said[:0:-1]:
        pair.deliver(said)
    pair.drain(by_client=True)
    pair.drain(by_client=False)
    assert not pair.events
    assert not pair.server.describe()
