"""A network namespace of a test's own, in which it may open sockets and devices."""

import ctypes
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """Named after this process, so that two runs do not meet. Sockets opened in `run` stay in it
    and may be used from anywhere."""

    def __init__(self, name: str) -> None:
        self.name = f"talpa-dp-{os.getpid()}-{name}"
        command("ip", "netns", "add", self.name)
        self._pool = ThreadPoolExecutor(1, initializer=self._enter)
        self.ip("link", "set", "lo", "up")

    def run(self, function: Callable[[], T]) -> T:
        """Call `function` inside."""
        return self._pool.submit(function).result()

    def ip(self, *arguments: str) -> None:
        """Run `ip` inside."""
        command("ip", "-n", self.name, *arguments)

    def close(self) -> None:
        self._pool.shutdown()
        command("ip", "netns", "del", self.name)

    def _enter(self) -> None:
        with Path(f"/run/netns/{self.name}").open("rb") as handle:
            if _LIBC.setns(handle.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter {self.name}")


def command(*arguments: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(arguments, check=True, capture_output=True)
