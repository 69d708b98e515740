"""Messages of IKE and ESP packets as people are shown them, with a key log."""

from collections.abc import Iterator
from functools import cache

from fuzz.octets import Octets
from ike.endpoints import Pair, conversation
from talpa.explain import Dissection, SecurityKeys, dissect_natt
from talpa.ike.events import KeysMade

_MOST_SENTENCE = 600


@cache
def _talk(version: int) -> Pair:
    pair = conversation(version, key_log=True)
    pair.client.close(1, "bye", 1.0)
    pair.run()
    return pair


def check(data: bytes) -> None:
    """Anything is dissected, in printable words of bounded length, also behind messages that were
    opened with keys."""
    octets = Octets(data)
    version = 1 + octets.number() % 2
    keys = SecurityKeys()
    for _, event in _talk(version).events:
        if isinstance(event, KeysMade):
            keys.add(event.table, event.line)
    for said in _talk(version).said[: octets.number() % 12]:
        _checked(dissect_natt(bytes(4) + said.data, keys))
    while octets:
        message = octets.chunk()
        if octets.number() & 1 and len(message) >= 28:
            message = message[:24] + len(message).to_bytes(4, "big") + message[28:]
        _checked(dissect_natt(bytes(4) + message, keys))
        _checked(dissect_natt(message, keys))
    keys.add("esp_sa", octets.rest().decode("latin-1"))


def _checked(found: Dissection) -> None:
    words = [found.protocol, found.message, found.sentence, *found.problems]
    words += [field.value for layer in found.layers for field in layer.fields]
    assert all(word.isprintable() for word in words)
    assert len(found.sentence) <= _MOST_SENTENCE


def seeds() -> Iterator[bytes]:
    """Each message of a conversation, behind those before it."""
    for version in (1, 2):
        for number, said in enumerate(_talk(version).said):
            if len(said.data) < 600:
                size = len(said.data).to_bytes(2, "big")
                yield bytes((version - 1, number)) + b"\xff" + size + said.data + b"\1"
