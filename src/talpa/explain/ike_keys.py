"""What a key log opens: keys by the lines of Wireshark's tables (`talpa.ike.keylog`), and what must
be remembered of a conversation to use them."""

import csv
from collections import OrderedDict
from typing import Final, TypeVar

from talpa.crypto.algorithms import EncryptionId, GroupId, PrfId
from talpa.crypto.encryption import ENCRYPTIONS, Encryption
from talpa.crypto.prf import Prf
from talpa.esp.packet import Inbound
from talpa.esp.sa import Protocol, Sa, Suite
from talpa.ike import keylog
from talpa.ike.fragments import Reassembly
from talpa.ike.suites import IkeSuite
from talpa.ike.v2.keymat import Keys
from talpa.ike.v2.protection import Protection
from talpa.wire import Secret

_MOST: Final = 4_096
"""Of each kind; the oldest goes first."""
_MOST_EXCHANGES: Final = 256
K = TypeVar("K")
V = TypeVar("V")


class Phase1:
    """An IKEv1 phase 1, as its messages tell of it. IVs are chained from message to message."""

    __slots__ = ("_ivs", "_last", "cipher", "hash", "key", "publics")

    def __init__(self) -> None:
        self.key = b""
        self.cipher: Encryption | None = None
        self.hash: Prf | None = None
        self.publics: list[bytes] = []
        """Of the key exchange: the initiator's, then the responder's."""
        self._last: OrderedDict[int, bytes] = OrderedDict()
        """By message id: the last block so far."""
        self._ivs: OrderedDict[bytes, bytes] = OrderedDict()
        """By ciphertext: what it was opened with, for it may be sent again."""

    def open(self, message_id: int, ciphertext: bytes) -> bytes | None:
        """What is in an encrypted message; None when something is missing."""
        cipher = self.cipher
        if cipher is None:
            return None
        block = cipher.block_octets
        if not ciphertext or len(ciphertext) % block:
            return None
        iv = self._ivs.get(ciphertext) or self._iv(message_id, block)
        if iv is None:
            return None
        _put(self._ivs, ciphertext, iv, _MOST_EXCHANGES)
        _put(self._last, message_id, ciphertext[-block:], _MOST_EXCHANGES)
        # The key may become known later; the chain of IVs needs none.
        if len(self.key) != cipher.key_octets:
            return None
        return cipher.keyed(self.key).decrypt(iv, ciphertext)

    def _iv(self, message_id: int, block: int) -> bytes | None:
        last = self._last.get(message_id)
        if last is not None or self.hash is None:
            return last
        if message_id:
            phase_1 = self._last.get(0)
            if phase_1 is None:
                return None
            return self.hash.digest(phase_1, message_id.to_bytes(4, "big"))[:block]
        if len(self.publics) != 2:
            return None
        return self.hash.digest(*self.publics)[:block]


class SecurityKeys:
    """Keys of IKE SAs and of ESP. An empty one remembers conversations, and opens nothing."""

    def __init__(self) -> None:
        self._phases: OrderedDict[bytes, Phase1] = OrderedDict()
        self._v2: OrderedDict[bytes, list[tuple[Protection, Protection]]] = OrderedDict()
        self._esp: OrderedDict[int, tuple[Inbound, Inbound]] = OrderedDict()
        self._pieces: OrderedDict[tuple[object, ...], Reassembly] = OrderedDict()

    def add(self, table: str, line: str) -> None:
        """A line of a table, as `KeysMade` has it. What cannot be read is passed over."""
        try:
            cells = next(csv.reader([line.removeprefix("# ")]))
            if table == keylog.IKEV1_TABLE:
                spi, key = (bytes.fromhex(cell) for cell in cells)
                self.phase_1(spi).key = key
            elif table == keylog.IKEV2_TABLE:
                self._add_v2(cells)
            elif table == keylog.ESP_TABLE:
                self._add_esp(cells)
        except (ValueError, LookupError, StopIteration, csv.Error):
            return

    def phase_1(self, initiator_spi: bytes) -> Phase1:
        """What is known of an IKEv1 phase 1."""
        found = self._phases.get(initiator_spi)
        if found is None:
            found = Phase1()
            _put(self._phases, initiator_spi, found, _MOST)
        return found

    def protections(self, spis: bytes, *, from_initiator: bool) -> list[Protection]:
        """What opens messages of an IKEv2 SA, latest first."""
        return [pair[0 if from_initiator else 1] for pair in reversed(self._v2.get(spis, []))]

    def esp(self, spi: int) -> tuple[Inbound, ...]:
        """What may open packets of an SPI: the table does not say whether its sequence numbers are
        extended."""
        return self._esp.get(spi, ())

    def pieces(self, *key: object) -> Reassembly:
        """Where fragments of one message are put together."""
        found = self._pieces.get(key)
        if found is None:
            found = Reassembly()
            _put(self._pieces, key, found, _MOST_EXCHANGES)
        return found

    def _add_v2(self, cells: list[str]) -> None:
        spi_i, spi_r, ei, er = (bytes.fromhex(cell) for cell in cells[:4])
        ai, ar = (bytes.fromhex(cell) for cell in cells[5:7])
        cipher, key_bits = keylog.ike_encryption(cells[4])
        suite = IkeSuite(
            cipher,
            key_bits,
            keylog.ike_integrity(cells[7]),
            PrfId.HMAC_SHA2_256,
            GroupId.NONE,
        )
        keys = Keys(b"", ai, ar, ei, er, b"", b"")
        both = (
            Protection(suite, keys, bytes, initiator=False),
            Protection(suite, keys, bytes, initiator=True),
        )
        known = self._v2.get(spi_i + spi_r, [])
        _put(self._v2, spi_i + spi_r, [*known, both][-4:], _MOST)

    def _add_esp(self, cells: list[str]) -> None:
        spi = int(cells[3], 16)
        cipher, mac = keylog.esp_algorithms(cells[4], cells[6])
        key, mac_key = (bytes.fromhex(cell.removeprefix("0x")) for cell in (cells[5], cells[7]))
        bits, secret = _key_bits(cipher, len(key)), Secret(key + mac_key)
        both = (
            Inbound(Sa(spi, Suite(Protocol.ESP, cipher, bits, mac, esn), secret, window=0))
            for esn in (False, True)
        )
        _put(self._esp, spi, (next(both), next(both)), _MOST)


def _key_bits(cipher: EncryptionId, octets: int) -> int:
    known = (one for one in ENCRYPTIONS if one.id is cipher and one.key_octets == octets)
    return next(known).key_bits


def _put(table: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > most:
        table.popitem(last=False)
