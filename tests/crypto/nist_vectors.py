"""Vectors of NIST and of the RFCs, as `cryptography-vectors` carries them: none are kept here."""

from collections.abc import Iterator
from importlib.resources import files

Record = dict[str, str]
"""The fields of one case, names in small letters; "" for a line without a value, as FAIL."""


def records(path: str) -> Iterator[tuple[str, Record]]:
    """The sections that are in force, "[Keylen = 128][IVlen = 96]", and each case."""
    sections = ""
    record: Record = {}
    after_section = False
    for line in (*files("cryptography_vectors").joinpath(path).read_text().splitlines(), ""):
        line = line.strip()
        if (not line or line.startswith("[")) and record:
            yield sections, record
            record = {}
        if line.startswith("["):
            sections = sections + line if after_section else line
        elif line and not line.startswith("#"):
            name, value = (part.strip() for part in line.partition("=")[::2])
            name = name.lower()
            if name in record:  # the next case, without a line between
                yield sections, record
                record = {}
            record[name] = value
        after_section = line.startswith("[")


def octets(record: Record, *names: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(record[name]) for name in names)


def number(record: Record, name: str, length: int) -> bytes:
    """A number that is written without the zeros before it."""
    return int(record[name], 16).to_bytes(length, "big")
