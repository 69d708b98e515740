"""ESP packets (RFC 4303): sealed by one end, opened by the other.

A packet: SPI, sequence number, IV, what is carried, padding 1, 2, 3 ..., Pad Length, Next Header,
integrity check value. Keys live in the cipher objects alone, for as long as the SA does. Python
cannot wipe memory: what is left of a key when its SA goes is gone when the allocator uses the
place again, not before.
"""

import struct

from talpa.crypto.algorithms import IntegrityId
from talpa.crypto.encryption import Encryption, encryption
from talpa.crypto.integrity import Mac, integrity
from talpa.esp.life import Life
from talpa.esp.replay import Window
from talpa.esp.sa import Sa
from talpa.sansio import Rng

NO_NEXT_HEADER = 59
"""In a dummy packet (RFC 4303 2.6): to be dropped without a word."""

CUT_SHORT = "ESP packet cut short"
EXPIRED = "SA is used up"
REPLAYED = "ESP packet replayed"
FORGED = "ESP packet forged"
NO_BLOCKS = "ESP packet is no whole number of blocks"
BAD_PADDING = "ESP padding is wrong"

Opened = tuple[int, bytes] | str
"""Next header and payload, or why the packet was dropped."""

HEADER = struct.Struct("!II")
"""SPI and sequence number."""
_EXTENDED = struct.Struct("!IQ")
_ALIGNED = 4
_PADDING = bytes(range(1, 256))
_TRAILERS = tuple(_PADDING[:length] + bytes((length,)) for length in range(16))
"""Padding and Pad Length, for each length of padding that we send."""


class Outbound:
    """Seals packets under an outbound SA."""

    __slots__ = ("_align", "_cipher", "_esn", "_iv", "_mac", "_number", "_rng", "life", "spi")

    def __init__(self, sa: Sa, rng: Rng) -> None:
        """`rng` gives the IVs of CBC. Raises `ValueError` for a key of the wrong length."""
        kind, key, self._mac = _keys(sa)
        self.spi = sa.spi
        self.life = Life(sa)
        self._cipher = kind.keyed(key)
        self._iv = kind.iv_octets
        self._align = max(_ALIGNED, kind.block_octets)
        self._esn = sa.suite.esn
        self._number = 0
        self._rng = rng

    def seal(self, payload: bytes, next_header: int) -> bytes | None:
        """The packet that carries `payload`; None when the SA is used up."""
        life = self.life
        if life.expired:
            return None
        self._number = number = self._number + 1
        header = HEADER.pack(self.spi, number & 0xFFFFFFFF)
        trailer = _TRAILERS[-(len(payload) + 2) % self._align]
        plaintext = payload + trailer + bytes((next_header,))
        mac = self._mac
        if mac is None:
            # The counter never repeats under a key, which is all that these ciphers ask for.
            iv = number.to_bytes(8, "big")
            covered = _EXTENDED.pack(self.spi, number) if self._esn else header
            packet = header + iv + self._cipher.encrypt(iv, plaintext, covered)
        else:
            iv = self._rng(self._iv) if self._iv else b""
            packet = header + iv + self._cipher.encrypt(iv, plaintext)
            packet += mac.icv(packet, _high(number)) if self._esn else mac.icv(packet)
        life.use(number, len(packet))
        return packet


class Inbound:
    """Opens packets under an inbound SA."""

    __slots__ = ("_cipher", "_esn", "_icv", "_iv_end", "_least", "_mac", "life", "spi", "window")

    def __init__(self, sa: Sa) -> None:
        """Raises `ValueError` for a key of the wrong length, or such a window."""
        kind, key, self._mac = _keys(sa)
        self.spi = sa.spi
        self.life = Life(sa)
        self.window = Window(sa.window, esn=sa.suite.esn)
        self._cipher = kind.keyed(key)
        self._iv_end = HEADER.size + kind.iv_octets
        self._icv = kind.icv_octets
        if self._mac is not None:
            self._icv = integrity(sa.suite.integrity).icv_octets
        self._least = self._iv_end + max(kind.block_octets, 2) + self._icv
        self._esn = sa.suite.esn

    def open(self, packet: bytes) -> Opened:
        """Check and decrypt a packet that has our SPI."""
        size = len(packet)
        if size < self._least:
            return CUT_SHORT
        if self.life.expired:
            return EXPIRED
        window = self.window
        number = window.place(int.from_bytes(packet[4:8], "big"))
        if not window.fresh(number):
            return REPLAYED
        at, end, mac = self._iv_end, size - self._icv, self._mac
        if mac is None:
            covered = _EXTENDED.pack(self.spi, number) if self._esn else packet[:8]
            plaintext = self._cipher.decrypt(packet[8:at], packet[at:], covered)
            if plaintext is None:
                return FORGED
        else:
            body, icv = packet[:end], packet[end:]
            genuine = mac.verify(icv, body, _high(number)) if self._esn else mac.verify(icv, body)
            if not genuine:
                return FORGED
            plaintext = self._cipher.decrypt(packet[8:at], packet[at:end])
        window.mark(number)
        self.life.use(window.highest, size)
        if plaintext is None:
            return NO_BLOCKS
        padding = plaintext[-2]
        end = len(plaintext) - 2 - padding
        if end < 0 or plaintext[end:-2] != _PADDING[:padding]:
            return BAD_PADDING
        return plaintext[-1], plaintext[:end]


def _keys(sa: Sa) -> tuple[Encryption, bytes, Mac | None]:
    suite, key = sa.suite, sa.key.reveal()
    if len(key) != suite.key_octets:
        raise ValueError(f"{suite.name} takes a key of {suite.key_octets} octets, not {len(key)}")
    kind = encryption(suite.encryption, suite.key_bits)
    if suite.integrity is IntegrityId.NONE:
        return kind, key, None
    return kind, key[: kind.key_octets], integrity(suite.integrity).keyed(key[kind.key_octets :])


def _high(number: int) -> bytes:
    """The upper half of an extended sequence number: covered, but not sent (RFC 4303 2.2.1)."""
    return (number >> 32).to_bytes(4, "big")
