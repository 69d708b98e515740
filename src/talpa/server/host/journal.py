"""The journal: what we added to the host, on disk before it is added."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from talpa.server.host.changes import Change, from_json, to_json
from talpa.server.host.errors import HostError

_VERSION = 1


class Journal:
    """The changes of one state directory, oldest first.

    Holding it locks the directory, so that no second process undoes what the first one lives on.
    """

    def __init__(self, directory: Path, kinds: Mapping[str, type[Change]]) -> None:
        """Raises `HostError` when another process holds the directory."""
        self._path = directory / "host.json"
        self._kinds = kinds
        self._lock = _lock(directory)
        try:
            self.changes, self.unreadable = self._load()
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Let go of the directory."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def record(self, changes: Iterable[Change]) -> None:
        """Put changes on disk; only then may they be made."""
        self.changes += [change for change in changes if change not in self.changes]
        self._save()

    def forget(self, changes: Iterable[Change]) -> None:
        """Take off what has been undone."""
        gone = set(changes)
        self.changes = [change for change in self.changes if change not in gone]
        self._save()

    def _load(self) -> tuple[list[Change], str | None]:
        """The changes, and what was wrong with the file if it could not be read whole."""
        try:
            stored: Any = json.loads(self._path.read_bytes())
            if stored["version"] != _VERSION:
                raise ValueError(f"version {stored['version']}")
            return [from_json(self._kinds, entry) for entry in stored["changes"]], None
        except FileNotFoundError:
            return [], None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Written by another version, or by hand: kept for a person, for a server that never
            # starts again would be worse.
            aside = self._path.with_suffix(".unreadable")
            self._path.replace(aside)
            return [], f"{aside} could not be read ({error!r}): look there for what may be left"

    def _save(self) -> None:
        if not self.changes:
            self._path.unlink(missing_ok=True)
            _sync(self._path.parent)
            return
        text = json.dumps({"version": _VERSION, "changes": [*map(to_json, self.changes)]}, indent=1)
        write_atomic(self._path, text.encode())


def write_atomic(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace a file: after a crash at any point it holds the old octets or the new."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.fchmod(handle, mode)
        with open(handle, "wb", closefd=False) as out:
            out.write(data)
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lock(directory: Path) -> int:
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise HostError(
            f"The state directory {directory} cannot be used: {error.strerror}"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = b""
        with contextlib.suppress(OSError):
            holder = os.read(handle, 32)
        os.close(handle)
        who = f"process {holder.decode('ascii', 'replace').strip()}" if holder else "a process"
        raise HostError(
            f"The state directory {directory} is in use by {who}: Talpa runs already. "
            "Stop it first, or give this instance a state directory of its own."
        ) from error
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    return handle
