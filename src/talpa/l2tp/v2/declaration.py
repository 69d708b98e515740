"""How control messages are declared, and what follows from a declaration.

A message class names its fields over the rows of `talpa.l2tp.avps`; parser, writer, reference
tables and dissection all read that.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple, TypeVar, cast, dataclass_transform

from talpa.l2tp.avps import MESSAGE_TYPE, Avp, RawAvp
from talpa.l2tp.values import GeneralError

T = TypeVar("T")

M = 0x8000
"""Mandatory bit, in the first two octets of an AVP."""
MESSAGE_TYPE_AVP = struct.Struct("!HIH")
"""The whole Message Type AVP: flags and length, vendor and number, type."""
MESSAGE_TYPE_SIZE = MESSAGE_TYPE_AVP.size


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
    """An AVP that should come, and may come more than once. Without one the field is empty."""
    metadata = {"avp": avp, "must": True, "several": True}
    return cast(tuple[T, ...], field(default=(), metadata=metadata))


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
        self.required = frozenset(s.field for s in self.slots if s.must and not s.several)
        self.encoders: tuple[tuple[str, int, int, Callable[[Any], bytes], bool, bool], ...] = tuple(
            (
                slot.field,
                M if slot.avp.mandatory else 0,
                slot.avp.key,
                slot.avp.codec.encode,
                slot.several,
                slot.avp.personal,
            )
            for slot in self.slots
        )
        flags = MESSAGE_TYPE_SIZE | (M if cls.MANDATORY else 0)
        self.first = MESSAGE_TYPE_AVP.pack(flags, MESSAGE_TYPE.key, cls.TYPE)


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


def message_class(number: int) -> type[Message] | None:
    """The class of a Message Type; None: unknown."""
    return _TYPES.get(number)
