"""Octets in and out: cursor, codecs, numbers, checksums, secrets."""

from talpa.wire.checksum import adjusted_checksum, internet_checksum
from talpa.wire.codecs import (
    IPV4,
    OCTETS,
    TEXT,
    U8,
    U16,
    U32,
    U64,
    Codec,
    number,
    octets,
    part,
    record,
)
from talpa.wire.cursor import Reader
from talpa.wire.errors import Malformed
from talpa.wire.numbers import OpenEnum
from talpa.wire.secret import Secret
from talpa.wire.text import printable

__all__ = [
    "IPV4",
    "OCTETS",
    "TEXT",
    "U8",
    "U16",
    "U32",
    "U64",
    "Codec",
    "Malformed",
    "OpenEnum",
    "Reader",
    "Secret",
    "adjusted_checksum",
    "internet_checksum",
    "number",
    "octets",
    "part",
    "printable",
    "record",
]
