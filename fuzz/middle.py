"""A man in the middle: a valid exchange between two of our own cores, changed as the input says.

Since both ends are alive, identifiers, numbers and digests of the exchange are right wherever the
input leaves them alone, so a change meets a peer that has come that far.
"""

from collections.abc import Callable

from fuzz.octets import Octets

MOST_EDITS = 16
_MOST_COPIES = 8
_MOST_OCTETS = 65507
"""Of a UDP payload."""
_REPAIR = 0x80

Repair = Callable[[bytes], bytes]
Split = Callable[[bytes], tuple[bytes, list[bytes]]]


class Edit:
    """One change to one message."""

    __slots__ = ("at", "kind", "octets", "repair", "value")

    def __init__(self, octets: Octets) -> None:
        kind = octets.number()
        self.kind = kind & ~_REPAIR
        self.repair = bool(kind & _REPAIR)
        self.at = octets.number(2)
        self.value = octets.number()
        self.octets = octets.chunk()


class Middle:
    """Carries messages; `repair` makes the lengths of a changed one right again, where the edit
    wants that; `split` cuts one into its head and its elements (AVPs, options)."""

    def __init__(self, data: Octets, repair: Repair, split: Split) -> None:
        self._repair = repair
        self._split = split
        self._count = 0
        self._held: bytes | None = None
        self._edits: dict[int, list[Edit]] = {}
        for _ in range(MOST_EDITS):
            if not data:
                break
            self._edits.setdefault(data.number(), []).append(Edit(data))

    def carry(self, message: bytes) -> list[bytes]:
        """What arrives in place of the next message."""
        arriving = [message]
        for edit in self._edits.get(self._count, ()):
            changed = [each for one in arriving for each in self._change(edit, one)]
            arriving = [each[:_MOST_OCTETS] for each in changed[:_MOST_COPIES]]
        self._count += 1
        if self._held is not None and arriving:
            arriving.append(self._held)
            self._held = None
        return arriving

    def _change(self, edit: Edit, message: bytes) -> list[bytes]:
        match edit.kind % 16:
            case 5:
                return []
            case 6:
                return [message] * (2 + edit.value % 7)
            case 7:
                return [edit.octets]
            case 8:
                self._held = message
                return []
            case 9:
                return [message, edit.octets]
        changed = self._changed(edit, message)
        return [self._repair(changed) if edit.repair else changed]

    def _changed(self, edit: Edit, message: bytes) -> bytes:
        at = edit.at % (len(message) + 1)
        match edit.kind % 16:
            case 0:
                return message[:at] + bytes((edit.value,)) + message[at + 1 :]
            case 1:
                return message[:at] + edit.octets + message[at + len(edit.octets) :]
            case 2:
                return message[:at] + edit.octets + message[at:]
            case 3:
                return message[:at] + message[at + 1 + edit.value :]
            case 4:
                return message[:at]
            case 10:
                return message + edit.octets * (1 + edit.value % 64)
            case _:
                return self._element(edit, message)

    def _element(self, edit: Edit, message: bytes) -> bytes:
        head, elements = self._split(message)
        if not elements:
            return message
        at = edit.at % len(elements)
        one = elements[at]
        match edit.kind % 16:
            case 11:
                del elements[at]
            case 12:
                elements[at:at] = [one] * (1 + edit.value % 200)
            case 13:
                elements.insert(0, elements.pop(at))
            case 14:
                within = edit.value % len(one)
                elements[at] = one[:within] + edit.octets + one[within + len(edit.octets) :]
            case _:
                elements.insert(at, edit.octets)
        return head + b"".join(elements)


def edit(
    message: int,
    kind: int,
    at: int = 0,
    value: int = 0,
    octets: bytes = b"",
    *,
    repair: bool = True,
) -> bytes:
    """The input of one edit, for seeds."""
    kind |= _REPAIR if repair else 0
    return bytes((message, kind)) + at.to_bytes(2, "big") + bytes((value, len(octets))) + octets
