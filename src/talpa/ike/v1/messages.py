"""Whole messages: the chain of payloads, clear or encrypted, and HASH payloads in front of it."""

import struct
from collections.abc import Iterable, Sequence

from talpa.ike.header import HEADER_OCTETS, Header, pack_header
from talpa.ike.v1.keymat import Keys
from talpa.ike.v1.numbers import Flag, PayloadType
from talpa.wire import Malformed

_MOST_PAYLOADS = 96
_MOST_PADDING = 255
_LAST_ASSIGNED = 21
_FIRST_PRIVATE = 128
_U32 = struct.Struct("!I")

Chain = list[tuple[int, bytes]]
"""(type, body) of each payload."""


def split(first: int, data: bytes, start: int, *, padded: bool = False) -> tuple[Chain, int]:
    """The payloads from `start`, and where they end. `padded`: what encryption was padded with may
    stand behind. Raises `Malformed`."""
    found: Chain = []
    kind, at, end = first, start, len(data)
    while kind:
        if at + 4 > end:
            raise Malformed("payload cut short", f"{end - at} octets left")
        if _LAST_ASSIGNED < kind < _FIRST_PRIVATE:
            raise Malformed("payload type of no meaning in IKEv1", str(kind))
        if len(found) >= _MOST_PAYLOADS:
            raise Malformed("too many payloads")
        size = data[at + 2] << 8 | data[at + 3]
        if size < 4 or at + size > end:
            raise Malformed("payload of wrong length", f"{size} octets")
        found.append((kind, data[at + 4 : at + size]))
        kind = data[at]
        at += size
    left = end - at
    if left > (_MOST_PADDING if padded else 0):
        raise Malformed("octets behind the last payload", str(left))
    return found, at


def join(payloads: Sequence[tuple[int, bytes]]) -> bytes:
    """The chain as octets; the type of its first payload goes into what stands before."""
    out = []
    following = [kind for kind, _ in payloads[1:]] + [0]
    for (_, body), after in zip(payloads, following, strict=True):
        out.append(struct.pack("!BBH", after, 0, len(body) + 4) + body)
    return b"".join(out)


def mid(message_id: int) -> bytes:
    """A message id as it goes into hashes."""
    return _U32.pack(message_id)


def pack(
    cookies: bytes, exchange: int, flags: int, message_id: int, first: int, body: bytes
) -> bytes:
    """A datagram: header and body."""
    size = HEADER_OCTETS + len(body)
    return (
        pack_header(
            Header(cookies[:8], cookies[8:], first, 1, 0, exchange, flags, message_id, size)
        )
        + body
    )


def clear(
    cookies: bytes, exchange: int, payloads: Sequence[tuple[int, bytes]], message_id: int = 0
) -> bytes:
    """An unencrypted message."""
    return pack(cookies, exchange, 0, message_id, payloads[0][0], join(payloads))


def seal(
    keys: Keys,
    iv: bytes,
    cookies: bytes,
    exchange: int,
    payloads: Sequence[tuple[int, bytes]],
    message_id: int = 0,
) -> bytes:
    """An encrypted message. Its last block is the next IV."""
    body = keys.encrypt(iv, join(payloads))
    return pack(cookies, exchange, Flag.ENCRYPTION, message_id, payloads[0][0], body)


def unseal(keys: Keys, iv: bytes, header: Header, data: bytes) -> tuple[Chain, bytes]:
    """The payloads of an encrypted message, and the octets of those behind the first: what HASH
    payloads are made over, without padding. Raises `Malformed`."""
    plaintext = keys.decrypt(iv, data[HEADER_OCTETS:])
    chain, end = split(header.next_payload, plaintext, 0, padded=True)
    if not chain:
        raise Malformed("no payload")
    return chain, plaintext[4 + len(chain[0][1]) : end]


def hashed(
    keys: Keys, prefix: bytes, payloads: Sequence[tuple[int, bytes]]
) -> list[tuple[int, bytes]]:
    """The payloads with HASH in front: over `prefix` (message id and nonces), then themselves."""
    return [(PayloadType.HASH, keys.hash(prefix, join(payloads))), *payloads]


def of(kind: int, bodies: Iterable[bytes]) -> list[tuple[int, bytes]]:
    """Several payloads of one type."""
    return [(kind, body) for body in bodies]
