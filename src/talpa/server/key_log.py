"""The key log: the tables that Wireshark decrypts IKE and ESP with, in a directory that it takes as
a configuration profile. Whoever has them can read everything."""

import errno
import os
import stat
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
            file = self._files[keys.table] = self._open(self.directory / keys.table)
        os.write(file, f"{keys.line}\n".encode())

    def _open(self, path: Path) -> int:
        """A file that may be there already: nobody else may have it or read it."""
        # Without waiting for the reader of a pipe that somebody left there.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.open(path, flags, 0o600)
        state = os.fstat(file)
        if not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid() or state.st_nlink != 1:
            os.close(file)
            raise OSError(errno.EEXIST, f"{path} is somebody else's, or no plain file")
        os.fchmod(file, 0o600)
        if not state.st_size:
            os.write(file, HEADER.encode())
        return file

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()
