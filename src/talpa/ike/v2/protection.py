"""The encrypted payloads: SK (RFC 7296 3.14, RFC 5282) and SKF (RFC 7383 2.5)."""

import struct
from typing import NamedTuple

from talpa.crypto.encryption import Encryption, encryption
from talpa.crypto.integrity import Mac, integrity
from talpa.ike.policies import IkeSuite
from talpa.ike.v2.keymat import Keys
from talpa.ike.v2.numbers import Kind
from talpa.sansio import Rng

_HEADER = struct.Struct("!8s8sBBBBII")
_PAYLOAD = struct.Struct("!BBH")
_FRAGMENT = struct.Struct("!HH")
_HEADER_OCTETS = 28
_VERSION = 0x20


class Envelope(NamedTuple):
    """What the header of a message says, beside its length."""

    initiator_spi: bytes
    responder_spi: bytes
    exchange: int
    flags: int
    message_id: int

    def header(self, first: int, length: int) -> bytes:
        """The header in octets."""
        return _HEADER.pack(
            self.initiator_spi,
            self.responder_spi,
            first,
            _VERSION,
            self.exchange,
            self.flags,
            self.message_id,
            length,
        )


class Opened(NamedTuple):
    """An SK or SKF payload, opened."""

    first: int
    """Kind of the first payload within; 0 in all fragments but the first."""
    plaintext: bytes
    number: int
    """Of the fragment; 1 when whole."""
    total: int
    """Of fragments; 1 when whole."""
    fragment: bool


class Protection:
    """Both directions of one IKE SA."""

    __slots__ = (
        "_counter",
        "_encryption",
        "_icv_octets",
        "_in_cipher",
        "_in_mac",
        "_out_cipher",
        "_out_mac",
        "_rng",
    )

    def __init__(self, suite: IkeSuite, keys: Keys, rng: Rng, *, initiator: bool) -> None:
        cipher: Encryption = encryption(suite.encryption, suite.key_bits)
        ours, theirs = (keys.ei, keys.er) if initiator else (keys.er, keys.ei)
        self._encryption = cipher
        self._out_cipher = cipher.keyed(ours)
        self._in_cipher = cipher.keyed(theirs)
        self._out_mac: Mac | None = None
        self._in_mac: Mac | None = None
        self._icv_octets = cipher.icv_octets
        if not cipher.aead:
            mac = integrity(suite.integrity)
            ours, theirs = (keys.ai, keys.ar) if initiator else (keys.ar, keys.ai)
            self._out_mac, self._in_mac = mac.keyed(ours), mac.keyed(theirs)
            self._icv_octets = mac.icv_octets
        self._counter = 0
        self._rng = rng

    def seal(self, envelope: Envelope, first: int, inner: bytes, limit: int | None) -> list[bytes]:
        """The datagrams of a message: several, when it is longer than `limit` octets (None: never
        cut). Each is sent again as it is, never sealed anew."""
        whole = self._seal(envelope, first, inner, None)
        if limit is None or len(whole) <= limit:
            return [whole]
        encryption_ = self._encryption
        room = limit - _HEADER_OCTETS - 8 - encryption_.iv_octets - self._icv_octets
        room = room // encryption_.block_octets * encryption_.block_octets - 1
        chunks = [inner[at : at + room] for at in range(0, len(inner), room)]
        return [
            self._seal(envelope, first if at == 1 else 0, chunk, (at, len(chunks)))
            for at, chunk in enumerate(chunks, 1)
        ]

    def _seal(
        self, envelope: Envelope, first: int, inner: bytes, fragment: tuple[int, int] | None
    ) -> bytes:
        cipher = self._encryption
        padding = -(len(inner) + 1) % cipher.block_octets
        clear = inner + bytes(padding) + bytes((padding,))
        numbers = b"" if fragment is None else _FRAGMENT.pack(*fragment)
        length = 4 + len(numbers) + cipher.iv_octets + len(clear) + self._icv_octets
        kind = Kind.SK if fragment is None else Kind.SKF
        head = (
            envelope.header(kind, _HEADER_OCTETS + length)
            + _PAYLOAD.pack(first, 0, length)
            + numbers
        )
        if self._out_mac is None:
            self._counter += 1
            iv = self._counter.to_bytes(cipher.iv_octets, "big")
            return head + iv + self._out_cipher.encrypt(iv, clear, head)
        iv = self._rng(cipher.iv_octets)
        sealed = head + iv + self._out_cipher.encrypt(iv, clear)
        return sealed + self._out_mac.icv(sealed)

    def open(self, data: bytes) -> Opened | None:
        """What stands in the SK or SKF payload of a message, which is its first one; None: it is
        forged or broken."""
        kind = data[16]
        start = _HEADER_OCTETS + (4 if kind == Kind.SK else 8)
        cipher = self._encryption
        if len(data) < start + cipher.iv_octets + 1 + self._icv_octets:
            return None
        first, _, length = _PAYLOAD.unpack_from(data, _HEADER_OCTETS)
        if _HEADER_OCTETS + length != len(data):
            return None
        number, total = (1, 1) if kind == Kind.SK else _FRAGMENT.unpack_from(data, start - 4)
        iv = data[start : start + cipher.iv_octets]
        body = data[start + cipher.iv_octets :]
        clear: bytes | None
        if self._in_mac is None:
            clear = self._in_cipher.decrypt(iv, body, data[:start])
        else:
            at = len(data) - self._icv_octets
            if not self._in_mac.verify(data[at:], data[:at]):
                return None
            clear = self._in_cipher.decrypt(iv, body[: -self._icv_octets])
        if not clear or clear[-1] >= len(clear):
            return None
        if not 1 <= number <= total:
            return None
        inner = clear[: len(clear) - 1 - clear[-1]]
        return Opened(first, inner, number, total, kind == Kind.SKF)


def authenticated_chunk(envelope: Envelope, first: int, inner: bytes) -> bytes:
    """IntAuth_A | IntAuth_P of an IKE_INTERMEDIATE message: as if it were neither encrypted nor cut
    into fragments (RFC 9242 3.3.2)."""
    length = 4 + len(inner)
    return (
        envelope.header(Kind.SK, _HEADER_OCTETS + length) + _PAYLOAD.pack(first, 0, length) + inner
    )
