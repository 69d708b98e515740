"""Passwords that users changed from their clients: kept over a restart of the server.

They stand in a file of the state directory that only its owner can read: MS-CHAP needs the password
itself. A password that the administrator has changed in the configuration since then counts more.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from talpa.aaa import User
from talpa.wire import Secret

FILE = "passwords.json"
_KEYS = ("password", "salt", "replaces")


class ChangedPasswords:
    """The file, and what it says. Raises `OSError` when it cannot be read or written."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE
        self._configured: dict[str, Secret] = {}

    def apply(self, users: Iterable[User]) -> tuple[User, ...]:
        """The users of the configuration, with the passwords that they chose since."""
        changed = self._read()
        configured = tuple(users)
        self._configured = {user.name: user.password for user in configured}
        return tuple(self._current(user, changed.get(user.name)) for user in configured)

    def changed(self, name: str, password: Secret) -> None:
        """A user chose a new password: write it down."""
        configured = self._configured.get(name)
        if configured is None:
            return
        salt = secrets.token_hex(16)
        entries = self._read()
        entries[name] = {
            "password": password.reveal().decode("utf-8", "surrogateescape"),
            "salt": salt,
            "replaces": _digest(salt, configured),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = self._path.with_suffix(".new")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(entries, file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            entries = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise OSError(f"{self._path} is damaged ({error}): remove it or mend it") from None
        if not isinstance(entries, dict) or not all(map(_whole, entries.values())):
            raise OSError(f"{self._path} is damaged (not as it was written): remove it or mend it")
        return entries

    @staticmethod
    def _current(user: User, entry: dict[str, str] | None) -> User:
        if entry is None or entry["replaces"] != _digest(entry["salt"], user.password):
            return user
        password = Secret(entry["password"].encode("utf-8", "surrogateescape"))
        return replace(user, password=password, expired=False)


def _whole(entry: object) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in _KEYS)


def _digest(salt: str, password: Secret) -> str:
    return hashlib.sha256(salt.encode() + password.reveal()).hexdigest()
