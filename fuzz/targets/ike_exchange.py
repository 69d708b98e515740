"""Two endpoints of IKE, with somebody in between, and a client that says inside of its encryption
what it was never meant to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from unittest.mock import patch

from fuzz.octets import Octets
from ike.endpoints import Pair, Said, call
from talpa.ike.events import SasAdded
from talpa.ike.v1 import messages
from talpa.ike.v2.protection import Envelope, Protection

PROCESSOR_SECONDS = 0.5
_MOST_ROUNDS = 24
_HOUR = 3_600.0
_join, _seal = messages.join, Protection.seal
Payload = tuple[int, bytes]


def check(data: bytes) -> None:
    """Nothing is raised, the exchange ends, and after all lives are over nothing is kept: no SA,
    nothing half open, and no association without an IKE SA."""
    octets = Octets(data)
    which = octets.number()
    version = 1 + (which & 1)
    pair = Pair(dpd=0.0 if which & 2 else 30.0)
    client = _Client(octets)
    with client.speaking():
        pair.client.open(call(version), 0.0)
    for _ in range(4):
        _run(pair, client, octets)
        _command(pair, client, octets)
    _run(pair, client, octets)
    pair.timers(pair.now + 20 * _HOUR)
    for end in (pair.client, pair.server):
        end.transmits()
        end.events()
        for number in end.numbers():
            end.close(number, "the test is over", pair.now)
    pair.timers(pair.now + 20 * _HOUR)
    for end in (pair.client, pair.server):
        assert not end.numbers(), end.describe()
        assert end.half_open == 0
        assert end.next_timeout() is None, "it never comes to rest"


class _Client:
    """Changes what is about to be encrypted, while it is the client's turn."""

    def __init__(self, octets: Octets) -> None:
        self._octets = octets
        self._made: dict[Payload, list[Payload]] = {}

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """The client's turn."""
        with (
            patch.object(messages, "join", self._join),
            patch.object(Protection, "seal", self._sealer()),
        ):
            yield

    def _join(self, payloads: Sequence[Payload]) -> bytes:
        """IKEv1: the chain without HASH is joined twice, and must come out the same."""
        changed: list[Payload] = []
        for payload in payloads:
            if payload[0] == 8:
                changed.append(payload)
                continue
            if payload not in self._made:
                self._made[payload] = self._change(payload)
            changed += self._made[payload]
        return _join(changed) if changed else b""

    def _sealer(self) -> object:
        def seal(
            protection: Protection, envelope: Envelope, first: int, inner: bytes, limit: int | None
        ) -> list[bytes]:
            chain: list[Payload] = []
            kind, at = first, 0
            while kind and at + 4 <= len(inner):
                size = int.from_bytes(inner[at + 2 : at + 4], "big")
                chain += self._change((kind, inner[at + 4 : at + size]))
                kind, at = inner[at], at + size
            kinds = [one for one, _ in chain] + [0]
            written = b"".join(
                bytes((after, 0)) + (4 + len(body)).to_bytes(2, "big") + body
                for (_, body), (_, after) in zip(chain, pairwise(kinds), strict=True)
            )
            return _seal(protection, envelope, kinds[0], written, limit)

        return seal

    def _change(self, payload: Payload) -> list[Payload]:
        kind, body = payload
        octets = self._octets
        match octets.number() % 16:
            case 1:
                return []
            case 2:
                return [payload, payload]
            case 3:
                return [(octets.number(), body)]
            case 4:
                return [(kind, octets.chunk())]
            case 5 if body:
                at = octets.number(2) % len(body)
                return [(kind, body[:at] + octets.chunk() + body[at + 1 :])]
            case 6:
                return [(octets.number(), octets.chunk()), payload]
            case 7:
                return [(kind, body[: octets.number()])]
            case _:
                return [payload]


def _run(pair: Pair, client: _Client, octets: Octets) -> None:
    for _ in range(_MOST_ROUNDS):
        sent = [*pair.drain(by_client=True), *pair.drain(by_client=False)][:32]
        if not sent:
            return
        for said in sent:
            for one in _carried(said, pair, octets):
                if one.by_client:
                    pair.deliver(one)
                else:
                    with client.speaking():
                        pair.deliver(one)
            if len(pair.said) < 64:
                pair.said.append(said)


def _carried(said: Said, pair: Pair, octets: Octets) -> list[Said]:
    match octets.number() % 12:
        case 1:
            return []
        case 2:
            return [said, said]
        case 3:
            data = bytearray(said.data)
            data[octets.number(2) % len(data)] ^= 1 + octets.number() % 255
            return [said._replace(data=bytes(data)), said]
        case 4:
            return [octets.pick(pair.said), said] if pair.said else [said]
        case 5:
            body = octets.chunk()
            head = said.data[:16] + octets.take(1).ljust(1, b"\0") + said.data[17:24]
            forged = head + (28 + len(body)).to_bytes(4, "big") + body
            return [said._replace(data=forged), said]
        case 6:
            return [said._replace(natt=not said.natt)]
        case _:
            return [said]


def _command(pair: Pair, client: _Client, octets: Octets) -> None:
    end = pair.client if octets.number() & 1 else pair.server
    alive = end.describe()
    associations = [number for one in alive for number in one.associations]
    with client.speaking():
        match octets.number() % 7:
            case 1:
                pair.timers(pair.now + 4.0 * octets.number())
            case 2 if alive:
                end.close(octets.pick(alive).ike, "by command", pair.now)
            case 3 if associations:
                end.close_association(octets.pick(associations), "by command", pair.now)
            case 4 if associations:
                _expire(pair, octets.pick(associations), by_client=end is pair.client)
            case 5:
                pair.timers(pair.now + _HOUR * (1 + octets.number() % 8))
            case 6:
                other = call(1 + (octets.number() & 1))
                pair.client.open(other, pair.now)


def _expire(pair: Pair, association: int, *, by_client: bool) -> None:
    for mine, event in pair.events:
        if mine is by_client and isinstance(event, SasAdded) and event.association == association:
            end = pair.client if by_client else pair.server
            end.expiring(association, event.inbound.spi, event.outbound.spi, pair.now)
            end.used_by_peer(association, event.inbound.spi, pair.now)
            return


def seeds() -> Iterator[bytes]:
    """Either version as it is; with commands; and with one change of each kind."""
    for which in range(4):
        yield bytes((which,))
        for command in range(7):
            yield bytes((which,)) + bytes(30) + bytes((command & 1, command, 1)) * 4
        for change in range(1, 8):
            for at in (3, 9, 14, 20):
                yield bytes((which,)) + bytes(at) + bytes((change, 1, 1, 0xFF))
