"""The body of a control message: AVPs to a typed message and back (RFC 2661 4.1 to 4.3, 7.1).

A message class declares its fields over the rows of `talpa.l2tp.avps`; everything else here follows
from those declarations.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple, TypeVar, cast, dataclass_transform

from talpa.l2tp.avps import MESSAGE_TYPE, MOST_OCTETS, RANDOM_VECTOR, Avp, RawAvp, find
from talpa.l2tp.hiding import hide, reveal
from talpa.l2tp.values import GeneralError
from talpa.wire import Malformed, Secret

T = TypeVar("T")

MOST_AVPS = 128
"""AVPs in one message; more are not read."""

_M = 0x8000
_H = 0x4000
_RESERVED = 0x3C00
_LENGTH = 0x03FF
_UNUSUAL = _H | _RESERVED

_AVP = struct.Struct("!HI")  # flags and length, vendor and number
_HEADER = 6
_FIRST = struct.Struct("!HIH")
_FIRST_MASK = 0xFFFF & ~_M
_FIRST_LENGTH = 8


class Fault(NamedTuple):
    """Something in a message that RFC 2661 4.1 and 7.1 want the call or tunnel ended for."""

    what: str
    """Short constant phrase, fit for a drop counter."""
    vendor: int
    attribute: int
    error: GeneralError
    """Error Code to answer with; the Result Code is 2."""
    text: str
    """Error Message to answer with."""


# --- declaration -------------------------------------------------------------------------------


def must(avp: Avp[T], *, default: Any = None, absent: Any = 0) -> T:
    """A field that the message is incomplete without.

    `default` is what a new message sends when not told; `absent` is what a received message holds
    that lacks the AVP, and so has a fault.
    """
    metadata = {"avp": avp, "must": True, "absent": absent}
    if default is None:
        return cast(T, field(metadata=metadata, repr=not avp.secret))
    return cast(T, field(default=default, metadata=metadata, repr=not avp.secret))


def may(avp: Avp[T]) -> T | None:
    """A field that may be absent: None."""
    return cast(T, field(default=None, metadata={"avp": avp}, repr=not avp.secret))


def present(avp: Avp[bool]) -> bool:
    """An AVP without a value: whether it is there."""
    return cast(Any, field(default=False, metadata={"avp": avp}))  # type: ignore[no-any-return]


def several(avp: Avp[T]) -> tuple[T, ...]:
    """An AVP that may come more than once."""
    return cast(tuple[T, ...], field(default=(), metadata={"avp": avp, "several": True}))


class Slot(NamedTuple):
    """Where an AVP stands in a message class."""

    field: str
    avp: Avp[Any]
    must: bool
    several: bool
    absent: object


class Layout:
    """What follows from the declaration of a message class; made once for each."""

    __slots__ = ("by_key", "decoders", "encoders", "first", "required", "slots")

    def __init__(self, cls: type["Message"]) -> None:
        self.slots = tuple(
            Slot(
                f.name,
                f.metadata["avp"],
                f.metadata.get("must", False),
                f.metadata.get("several", False),
                f.metadata.get("absent"),
            )
            for f in fields(cls)
            if "avp" in f.metadata
        )
        self.by_key: dict[int, Slot] = {}
        for slot in self.slots:
            for vendor, attribute in ((slot.avp.vendor, slot.avp.number), *slot.avp.aliases):
                self.by_key[vendor << 16 | attribute] = slot
        self.decoders: dict[int, tuple[str, Callable[[bytes], Any]]] = {
            key: (slot.field, slot.avp.codec.decode)
            for key, slot in self.by_key.items()
            if not slot.several
        }
        self.required = frozenset(slot.field for slot in self.slots if slot.must)
        self.encoders: tuple[tuple[str, int, int, Callable[[Any], bytes], bool, bool], ...] = tuple(
            (
                slot.field,
                _M if slot.avp.mandatory else 0,
                slot.avp.key,
                slot.avp.codec.encode,
                slot.several,
                slot.avp.personal,
            )
            for slot in self.slots
        )
        flags = _FIRST_LENGTH | (_M if cls.MANDATORY else 0)
        self.first = _FIRST.pack(flags, MESSAGE_TYPE.key, cls.TYPE)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(must,))
@dataclass(frozen=True, kw_only=True, repr=False)
class Message:
    """A control message. Messages are short-lived values: parsed, acted upon, dropped."""

    TYPE: ClassVar[int]
    """Message Type."""
    NAME: ClassVar[str]
    """As the RFC writes it: "SCCRQ"."""
    RFC: ClassVar[str]
    IN_CALL: ClassVar[bool]
    """It belongs to a call: what is wrong with it ends the call, not the tunnel."""
    LAST: ClassVar[bool]
    """It ends the call or tunnel itself, whatever is wrong with it: it has no faults."""
    MANDATORY: ClassVar[bool]
    """The M bit of its Message Type: who does not know it must clear the tunnel."""
    LAYOUT: ClassVar[Layout]

    vendor_avps: tuple[RawAvp, ...] = ()
    """AVPs that we do not know, and need not: foreign vendors' and new ones."""
    faults: tuple[Fault, ...] = field(default=(), compare=False)
    ignored: tuple[str, ...] = field(default=(), compare=False)
    """What was passed over, for the log of a person."""

    def __init_subclass__(
        cls,
        *,
        number: int,
        name: str = "",
        rfc: str = "",
        in_call: bool = False,
        last: bool = False,
        mandatory: bool = True,
    ) -> None:
        dataclass(frozen=True, kw_only=True, repr=False)(cls)
        cls.TYPE, cls.NAME, cls.RFC = number, name or cls.__name__.upper(), rfc
        cls.IN_CALL, cls.LAST, cls.MANDATORY = in_call, last, mandatory
        if number != UNKNOWN:
            cls.LAYOUT = Layout(cls)
            _TYPES[number] = cls

    def __repr__(self) -> str:
        """What is set, without what is secret."""
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if f.repr and getattr(self, f.name) != f.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


UNKNOWN = -1
_TYPES: dict[int, type[Message]] = {}


class UnknownMessage(Message, number=UNKNOWN):
    """A message of a type that we do not know."""

    type: int = 0
    """Message Type."""
    mandatory: bool = True
    """The M bit of its Message Type: the tunnel must be cleared (RFC 2661 4.4.1)."""


def message_types() -> tuple[type[Message], ...]:
    """Every message class, by number."""
    return tuple(cls for _, cls in sorted(_TYPES.items()))


# --- octets to message -------------------------------------------------------------------------


def parse(body: bytes, secret: Secret | None = None) -> Message:
    """The message that the AVPs make; `secret` reveals hidden ones.

    Raises `Malformed` where the AVPs cannot be walked through, or do not begin with a Message Type.
    Whatever else is wrong stands in `faults` and `ignored`. Of an AVP that comes twice the first
    counts.
    """
    size = len(body)
    if size < _FIRST_LENGTH:
        raise Malformed("no Message Type AVP", f"{size} octets")
    flags, key, kind = _FIRST.unpack_from(body)
    if key or flags & _FIRST_MASK != _FIRST_LENGTH:
        raise Malformed("Message Type AVP not first, or of wrong form")
    cls = _TYPES.get(kind)
    if cls is None:
        return UnknownMessage(type=kind, mandatory=bool(flags & _M))
    decoders = cls.LAYOUT.decoders
    unpack = _AVP.unpack_from
    values: dict[str, Any] = {}
    odd: _Oddities | None = None
    at = _FIRST_LENGTH
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
        if flags & _H:
            try:
                value = _revealed(value, key & 0xFFFF, self._secret, self._vector)
            except Malformed as problem:
                self.bad(flags, key, len(value), problem)
                return
        slot = self._cls.LAYOUT.by_key.get(key)
        if slot is not None:
            self._known(slot, flags, key, value, values)
        elif find(key >> 16, key & 0xFFFF) is not None:
            self._ignored.append(f"{_called(key)} does not belong in {self._cls.NAME}")
        elif flags & _M:
            self._unknown(flags, key, "unknown mandatory AVP")
        else:
            self._kept.append(
                RawAvp(
                    key >> 16, key & 0xFFFF, mandatory=False, hidden=bool(flags & _H), value=value
                )
            )

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
        if not flags & _M:
            self._ignored.append(text)
            return
        row = find(key >> 16, key & 0xFFFF)
        fits = row is None or (
            row.codec.least <= size and (row.codec.most is None or size <= row.codec.most)
        )
        error = GeneralError.OUT_OF_RANGE if fits or flags & _H else GeneralError.WRONG_LENGTH
        self._fault("bad value of mandatory AVP", key, error, text)

    def _unknown(self, flags: int, key: int, what: str) -> None:
        if flags & _M:
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
) -> bytes:
    """The AVPs of a message, Message Type first, then in the order of declaration.

    With `hide_with` what is personal is hidden, under `random_vector` (16 octets or more that
    nobody can guess). `foreign` are (vendor, attribute, value) to add, not mandatory. Raises
    `ValueError` for a value that does not fit into an AVP.
    """
    out = [message.LAYOUT.first]
    vector_due = hide_with is not None
    for name, flags, key, encoder, several, personal in message.LAYOUT.encoders:
        value = getattr(message, name)
        if value is None or value is False:
            continue
        for one in value if several else (value,):
            data = encoder(one)
            if personal and hide_with is not None:
                if vector_due:
                    out.append(_random_vector(random_vector))
                    vector_due = False
                data = hide(data, key & 0xFFFF, hide_with, random_vector)
                out.append(_pack(flags | _H, key, data))
            else:
                out.append(_pack(flags, key, data))
    out += (
        _pack(_M if avp.mandatory else 0, avp.vendor << 16 | avp.number, avp.value)
        for avp in message.vendor_avps
    )
    out += (_pack(0, vendor << 16 | attribute, data) for vendor, attribute, data in foreign)
    return b"".join(out)


def _pack(flags: int, key: int, data: bytes) -> bytes:
    size = len(data)
    if size > MOST_OCTETS:
        raise ValueError(f"{_called(key)}: {size} octets do not fit into an AVP")
    return _AVP.pack(flags | size + _HEADER, key) + data


def _random_vector(value: bytes) -> bytes:
    if not value:
        raise ValueError("hiding needs a random vector")
    return _pack(_M, RANDOM_VECTOR.key, value)


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
        raw = RawAvp(vendor, attribute, bool(flags & _M), bool(flags & _H), data)
        yield SeenAvp(at, row, raw, value, problem)
        at += length
