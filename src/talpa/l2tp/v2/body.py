"""The body of a control message: AVPs to a typed message and back (RFC 2661 4.1 to 4.3, 7.1)."""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from talpa.l2tp.avps import MOST_OCTETS, RANDOM_VECTOR, Avp, RawAvp, find
from talpa.l2tp.hiding import hide, reveal
from talpa.l2tp.v2.declaration import (
    MESSAGE_TYPE_AVP,
    MESSAGE_TYPE_SIZE,
    Fault,
    M,
    Message,
    Slot,
    UnknownMessage,
    message_class,
)
from talpa.l2tp.values import GeneralError
from talpa.wire import Malformed, Secret

MOST_AVPS = 128
"""AVPs in one message; more are not read."""

_H = 0x4000
_RESERVED = 0x3C00
_LENGTH = 0x03FF
_UNUSUAL = _H | _RESERVED
_NOT_M = 0xFFFF & ~M

_AVP = struct.Struct("!HI")  # flags and length, vendor and number
_HEADER = _AVP.size

# --- octets to message -------------------------------------------------------------------------


def parse(body: bytes, secret: Secret | None = None) -> Message:
    """The message that the AVPs make; `secret` reveals hidden ones.

    Raises `Malformed` where the AVPs cannot be walked through, or do not begin with a Message Type.
    Whatever else is wrong stands in `faults` and `ignored`. Of an AVP that comes twice the first
    counts.
    """
    size = len(body)
    if size < MESSAGE_TYPE_SIZE:
        raise Malformed("no Message Type AVP", f"{size} octets")
    flags, key, kind = MESSAGE_TYPE_AVP.unpack_from(body)
    if key or flags & _NOT_M != MESSAGE_TYPE_SIZE:
        raise Malformed("Message Type AVP not first, or of wrong form")
    cls = message_class(kind)
    if cls is None:
        return UnknownMessage(type=kind, mandatory=bool(flags & M))
    decoders = cls.LAYOUT.decoders
    unpack = _AVP.unpack_from
    values: dict[str, Any] = {}
    odd: _Oddities | None = None
    at = MESSAGE_TYPE_SIZE
    for _ in _READ:
        if at == size:
            break
        if at + _HEADER > size:
            raise Malformed("AVP: cut short", f"{size - at} octets left")
        flags, key = unpack(body, at)
        length = flags & _LENGTH
        if length < _HEADER:
            raise Malformed("AVP: Length below 6", f"{length}")
        end = at + length
        if end > size:
            raise Malformed("AVP: Length beyond message", f"{length} of {size - at} octets")
        entry = decoders.get(key)
        if entry is not None and not flags & _UNUSUAL and entry[0] not in values:
            try:
                values[entry[0]] = entry[1](body[at + _HEADER : end])
            except Malformed as problem:
                odd = odd or _Oddities(cls, secret)
                odd.bad(flags, key, length - _HEADER, problem)
        else:
            odd = odd or _Oddities(cls, secret)
            odd.take(flags, key, body[at + _HEADER : end], values)
        at = end
    else:
        if at < size:
            raise Malformed("too many AVPs", f"more than {MOST_AVPS}")
    if not cls.LAYOUT.required <= values.keys():
        odd = odd or _Oddities(cls, secret)
        odd.missing(values)
    if odd is not None:
        odd.settle(values)
    message = object.__new__(cls)
    # Absent optional fields are the defaults on the class: nothing is copied for them.
    object.__setattr__(message, "__dict__", values)
    return message


_READ = range(MOST_AVPS)


class _Oddities:
    """What falls out of the common path while one message is parsed."""

    __slots__ = ("_cls", "_faults", "_ignored", "_kept", "_lists", "_secret", "_vector")

    def __init__(self, cls: type[Message], secret: Secret | None) -> None:
        self._cls = cls
        self._secret = secret
        self._vector: bytes | None = None
        self._faults: list[Fault] = []
        self._ignored: list[str] = []
        self._kept: list[RawAvp] = []
        self._lists: dict[str, list[Any]] = {}

    def take(self, flags: int, key: int, value: bytes, values: dict[str, Any]) -> None:
        """An AVP that is hidden, unknown, not of this message, or there already."""
        if flags & _RESERVED:
            # RFC 2661 4.1: to be treated as unrecognized.
            self._unknown(flags, key, "reserved bit set in AVP")
            return
        if key == RANDOM_VECTOR.key:
            if flags & _H:
                self.bad(flags, key, len(value), Malformed("Random Vector is hidden"))
            else:
                self._vector = value
            return
        slot = self._cls.LAYOUT.by_key.get(key)
        if slot is None:
            if find(key >> 16, key & 0xFFFF) is not None:
                self._ignored.append(f"{_called(key)} does not belong in {self._cls.NAME}")
                return
            if flags & M:
                self._unknown(flags, key, "unknown mandatory AVP")
                return
        if flags & _H:
            try:
                value = _revealed(value, key & 0xFFFF, self._secret, self._vector)
            except Malformed as problem:
                self.bad(flags, key, len(value), problem)
                return
        if slot is not None:
            self._known(slot, flags, key, value, values)
        else:
            raw = RawAvp(
                key >> 16, key & 0xFFFF, mandatory=False, hidden=bool(flags & _H), value=value
            )
            self._kept.append(raw)

    def _known(
        self, slot: Slot, flags: int, key: int, value: bytes, values: dict[str, Any]
    ) -> None:
        if slot.field in values:
            self._ignored.append(f"{_called(key)} came more than once")
            return
        try:
            decoded = slot.avp.codec.decode(value)
        except Malformed as problem:
            self.bad(flags, key, len(value), problem)
            return
        if slot.several:
            self._lists.setdefault(slot.field, []).append(decoded)
        else:
            values[slot.field] = decoded

    def bad(self, flags: int, key: int, size: int, problem: Malformed) -> None:
        """An AVP whose value makes no sense."""
        text = f"{_called(key)}: {problem}"
        if not flags & M:
            self._ignored.append(text)
            return
        row = find(key >> 16, key & 0xFFFF)
        fits = row is None or (
            row.codec.least <= size and (row.codec.most is None or size <= row.codec.most)
        )
        error = GeneralError.OUT_OF_RANGE if fits or flags & _H else GeneralError.WRONG_LENGTH
        self._fault("bad value of mandatory AVP", key, error, text)

    def _unknown(self, flags: int, key: int, what: str) -> None:
        if flags & M:
            text = f"{what}: {_called(key)}"
            self._fault(what, key, GeneralError.UNKNOWN_MANDATORY_AVP, text)
        else:
            self._ignored.append(f"{what}: {_called(key)}")

    def missing(self, values: dict[str, Any]) -> None:
        """Fill in what should have come, and did not."""
        for slot in self._cls.LAYOUT.slots:
            if slot.must and slot.field not in values and slot.field not in self._lists:
                values[slot.field] = slot.absent
                key = slot.avp.key
                if any(f.vendor << 16 | f.attribute == key for f in self._faults):
                    continue
                text = f"{slot.avp.name} is missing in {self._cls.NAME}"
                # RFC 2661 has no Error Code for it; 6 is the one whose message explains.
                self._fault("required AVP missing", key, GeneralError.VENDOR_SPECIFIC, text)

    def _fault(self, what: str, key: int, error: GeneralError, text: str) -> None:
        if self._cls.LAST:
            self._ignored.append(text)
        else:
            self._faults.append(Fault(what, key >> 16, key & 0xFFFF, error, text))

    def settle(self, values: dict[str, Any]) -> None:
        """Put what was gathered into the message."""
        for name, found in self._lists.items():
            values[name] = tuple(found)
        if self._kept:
            values["vendor_avps"] = tuple(self._kept)
        if self._faults:
            values["faults"] = tuple(self._faults)
        if self._ignored:
            values["ignored"] = tuple(self._ignored)


def _called(key: int) -> str:
    row = find(key >> 16, key & 0xFFFF)
    vendor, attribute = key >> 16, key & 0xFFFF
    where = f"attribute {attribute} of vendor {vendor}" if vendor else f"attribute {attribute}"
    return where if row is None else f"{row.name} ({where})"


def _revealed(value: bytes, attribute: int, secret: Secret | None, vector: bytes | None) -> bytes:
    if secret is None:
        raise Malformed("hidden AVP, and no secret is shared")
    if vector is None:
        raise Malformed("hidden AVP without Random Vector")
    return reveal(value, attribute, secret, vector)


# --- message to octets -------------------------------------------------------------------------


def encode(
    message: Message,
    *,
    hide_with: Secret | None = None,
    random_vector: bytes = b"",
    foreign: tuple[tuple[int, int, bytes], ...] = (),
    first: tuple[int, ...] = (),
) -> bytes:
    """The AVPs of a message, Message Type first, then in the order of declaration.

    With `hide_with` what is personal is hidden, under `random_vector` (16 octets or more that
    nobody can guess). `foreign` are (vendor, attribute, value) to add, not mandatory. `first` are
    keys of the AVPs that come before the others. Raises
    `ValueError` for a value that does not fit into an AVP, and for a vendor AVP that came hidden
    where there is no `hide_with`.
    """
    out = [message.LAYOUT.first]
    vector_due = True
    encoders = message.LAYOUT.encoders
    if first:
        encoders = tuple(sorted(encoders, key=lambda row: row[2] not in first))
    for name, flags, key, encoder, several, personal in encoders:
        value = getattr(message, name)
        if value is None or value is False:
            continue
        for one in value if several else (value,):
            if personal and hide_with is not None:
                if vector_due:
                    out.append(_random_vector(random_vector))
                    vector_due = False
                out.append(_hidden(flags, key, encoder(one), hide_with, random_vector))
            else:
                out.append(_pack(flags, key, encoder(one)))
    for avp in message.vendor_avps:
        flags, key = M if avp.mandatory else 0, avp.vendor << 16 | avp.number
        if not avp.hidden:
            out.append(_pack(flags, key, avp.value))
            continue
        if hide_with is None:
            raise ValueError(f"{_called(key)} came hidden and may not leave in clear")
        if vector_due:
            out.append(_random_vector(random_vector))
            vector_due = False
        out.append(_hidden(flags, key, avp.value, hide_with, random_vector))
    out += (_pack(0, vendor << 16 | attribute, data) for vendor, attribute, data in foreign)
    return b"".join(out)


def _hidden(flags: int, key: int, data: bytes, secret: Secret, vector: bytes) -> bytes:
    return _pack(flags | _H, key, hide(data, key & 0xFFFF, secret, vector))


def _pack(flags: int, key: int, data: bytes) -> bytes:
    size = len(data)
    if size > MOST_OCTETS:
        raise ValueError(f"{_called(key)}: {size} octets do not fit into an AVP")
    return _AVP.pack(flags | size + _HEADER, key) + data


def _random_vector(value: bytes) -> bytes:
    if not value:
        raise ValueError("hiding needs a random vector")
    return _pack(M, RANDOM_VECTOR.key, value)


# --- dissection --------------------------------------------------------------------------------


class SeenAvp(NamedTuple):
    """One AVP as `iter_avps` shows it."""

    offset: int
    """Where it begins in the body."""
    row: Avp[Any] | None
    """None: unknown."""
    raw: RawAvp | None
    """None: the octets from here on are no AVP, and the walk ends."""
    value: object
    """Decoded; None where that is not possible. Not for showing where `row.secret`."""
    problem: str = ""
    """What is wrong with it; empty: nothing."""


def iter_avps(body: bytes, secret: Secret | None = None) -> Iterator[SeenAvp]:
    """Every AVP of a body, whatever the message; never raises on what the body holds."""
    at, size = 0, len(body)
    vector: bytes | None = None
    while at < size:
        if at + _HEADER > size:
            yield SeenAvp(at, None, None, None, f"AVP: cut short: {size - at} octets left")
            return
        flags, key = _AVP.unpack_from(body, at)
        length = flags & _LENGTH
        vendor, attribute = key >> 16, key & 0xFFFF
        row = find(vendor, attribute)
        if length < _HEADER or at + length > size:
            problem = f"AVP: Length {length}, with {size - at} octets left"
            yield SeenAvp(at, row, None, None, problem)
            return
        data = body[at + _HEADER : at + length]
        value: object = None
        problem = ""
        try:
            if flags & _RESERVED:
                raise Malformed("reserved bit set in AVP")
            if flags & _H:
                data = _revealed(data, attribute, secret, vector)
            if row is RANDOM_VECTOR:
                vector = data
            if row is not None:
                value = row.codec.decode(data)
        except Malformed as wrong:
            problem = str(wrong)
        raw = RawAvp(vendor, attribute, bool(flags & M), bool(flags & _H), data)
        yield SeenAvp(at, row, raw, value, problem)
        at += length
