"""The key log: the tables that Wireshark decrypts IKE and ESP with, in a directory that it takes as
a configuration profile. Whoever has them can read everything."""

import os
from pathlib import Path

from talpa.ike.events import KeysMade
from talpa.roles.notices import Notice, Tell
from talpa.server.failures import sentence

HEADER = "# Keys of Talpa: whoever has this file can read what it protected. For Wireshark.\n"


class KeyLog:
    """Appends lines to a file for each table. The directory and the files are the owner's alone."""

    def __init__(self, directory: Path, tell: Tell) -> None:
        """Raises `OSError`."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self._tell = tell
        self._files: dict[str, int] = {}
        self._failed = False

    def write(self, keys: KeysMade) -> None:
        """A line of a table. What cannot be written is done without: no
        connection is to end for it."""
        if self._failed:
            return
        try:
            self._write(keys)
        except OSError as error:
            self._failed = True
            text = f"no more keys go to {self.directory}: {sentence(error)}"
            self._tell(Notice("key-log", text, "error"))

    def _write(self, keys: KeysMade) -> None:
        file = self._files.get(keys.table)
        if file is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
            file = self._files[keys.table] = os.open(self.directory / keys.table, flags, 0o600)
            # It may be there already, open to others.
            os.fchmod(file, 0o600)
            if os.fstat(file).st_size == 0:
                os.write(file, HEADER.encode())
        os.write(file, f"{keys.line}\n".encode())

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()
