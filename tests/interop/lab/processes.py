"""Commands on this machine: run one to its end, end one that runs."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path


class CommandFailed(Exception):
    """A command of the lab failed, or did not do in time what was waited for."""


def run(command: Sequence[str | Path], cwd: Path | None = None, timeout: float = 600) -> str:
    """Run a command and return what it printed.

    Raises `CommandFailed` with the end of its output if its status is not 0.
    """
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        raise CommandFailed(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def stop(process: subprocess.Popen[bytes], grace: float = 3) -> None:
    """End a process that was started as the leader of its own group, and the group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, number)
            process.wait(grace)
