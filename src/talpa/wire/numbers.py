"""Numbers on the wire: open enumerations."""

from enum import IntEnum
from typing import Self


class OpenEnum(IntEnum):
    """Numbers with names, where a number without a name is kept and shown as itself.

    `Kind(99)` never raises: it is a value equal to 99 whose name is "unknown (99)".
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"unknown ({value})"
        member._value_ = value
        return member

    def __str__(self) -> str:
        return self._name_
