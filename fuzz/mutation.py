"""Inputs made of others, as a seeded generator decides: the same in every run."""

import random
from collections.abc import Sequence

MOST_OCTETS = 4096
_STRIKING = (0, 1, 2, 3, 4, 5, 6, 7, 8, 0x10, 0x20, 0x40, 0x7F, 0x80, 0xC0, 0xC1, 0xFE, 0xFF)


def mutated(chance: random.Random, corpus: Sequence[bytes]) -> bytes:
    """One of the corpus, changed in one to six places; sometimes octets of no such origin."""
    if not corpus or chance.randrange(32) == 0:
        return chance.randbytes(chance.randrange(300))
    data = bytearray(chance.choice(corpus))
    for _ in range(1 + int(chance.expovariate(1)) % 6):
        _change(chance, data, corpus)
    return bytes(data[:MOST_OCTETS])


def _change(chance: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    match chance.randrange(9):
        case 0 | 1 if at < len(data):
            data[at] = chance.choice(_STRIKING)
        case 2 if at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        case 3:
            data[at:at] = chance.randbytes(1 + chance.randrange(8))
        case 4:
            del data[at : at + 1 + chance.randrange(8)]
        case 5:
            size = 1 + chance.randrange(32)
            data[at:at] = data[at : at + size] * (1 + chance.randrange(8))
        case 6:
            other = chance.choice(corpus)
            cut = chance.randrange(len(other) + 1)
            data[at:] = other[cut:]
        case 7:
            data[at : at + 2] = chance.randrange(1 << 16).to_bytes(2, "big")
        case _:
            data[at:at] = bytes((chance.choice(_STRIKING),)) * (1 + chance.randrange(64))
