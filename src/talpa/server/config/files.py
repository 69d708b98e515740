"""Files that the configuration names: read when it is, so that what is wrong with one is said then.

A relative path counts from the directory of the configuration file, which the loader hands to
pydantic as `context={"directory": ...}`.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import GetPydanticSchema, ValidationInfo
from pydantic_core import core_schema

from talpa.server.config.fields import fault
from talpa.wire import Secret

_MOST = 1 << 20
"""Octets of a file; a list of revoked certificates may be large."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file and what was in it."""

    path: Path
    data: bytes = field(repr=False)
    open_to_all: bool = False
    """Everybody on this machine can read it."""

    def __str__(self) -> str:
        return str(self.path)

    def first_line(self) -> Secret:
        """The line that a file with a secret is about."""
        return Secret(self.data.partition(b"\n")[0].rstrip(b"\r"))


def read_file(path: Path) -> ReadFile:
    """Read a regular file of a reasonable size. Raises `OSError`, and `ValueError` with a person's
    words."""
    # Without blocking: a named pipe would hold the server up until somebody writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise ValueError("is not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            data = stream.read(_MOST + 1)
    finally:
        os.close(descriptor)
    if len(data) > _MOST:
        raise ValueError(f"is larger than {_MOST} octets")
    return ReadFile(path, data, bool(mode & stat.S_IROTH))


def _read(value: object, info: ValidationInfo) -> ReadFile:
    if isinstance(value, ReadFile):
        return value
    if not isinstance(value, str) or not value or "\0" in value:
        raise fault("must be a file's path in quotes", "a relative one counts from this file")
    directory = (info.context or {}).get("directory", Path())
    path = directory / value
    try:
        return read_file(path)
    except FileNotFoundError:
        raise fault(f"there is no file {path}", "a relative path counts from this file") from None
    except OSError as error:
        raise fault(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise fault(f"{path} {error}") from None


def _read_secret(value: object, info: ValidationInfo) -> ReadFile:
    file = _read(value, info)
    if not file.first_line():
        raise fault(f"the first line of {file.path} is empty", "the secret stands there")
    return file


def _schema(read: Callable[[object, ValidationInfo], ReadFile]) -> GetPydanticSchema:
    return GetPydanticSchema(
        lambda _source, _handler: core_schema.with_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )
    )


AnyFile = Annotated[ReadFile, _schema(_read)]
SecretFile = Annotated[ReadFile, _schema(_read_secret)]
"""The secret is its first line."""
