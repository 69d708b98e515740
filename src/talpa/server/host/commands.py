"""Programs of the system that we call."""

import os
import shutil
import subprocess
from collections.abc import Sequence

from talpa.server.host.errors import HostError

_SECONDS = 10
_DIRECTORIES = "/usr/sbin:/sbin:/usr/bin:/bin"


def find(program: str) -> str | None:
    """Its path, also where a user's PATH leaves out the system's directories."""
    path = f"{os.environ.get('PATH', '')}:{_DIRECTORIES}"
    return shutil.which(program, path=path)


def run(arguments: Sequence[str], text: str = "", *, package: str) -> None:
    """Run a program with `text` as its input. Raises `HostError` with what it said."""
    program = find(arguments[0])
    if program is None:
        raise HostError(
            f"The program {arguments[0]} is not installed. Install the package {package} "
            f"(Debian: apt install {package})."
        )
    try:
        done = subprocess.run(  # noqa: S603 - no shell, arguments are ours
            [program, *arguments[1:]],
            input=text,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env={"PATH": _DIRECTORIES, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"Running {arguments[0]} failed: {error}") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[:500]
        raise HostError(f"{' '.join(arguments)} failed: {said or f'status {done.returncode}'}")
