"""The program under test as its users meet it: its command line, its socket, its log."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from interop.lab import CommandFailed, Namespace, stop
from interop.xl2tpd import Setting

TALPA = Path(sys.executable).with_name("talpa")
HERE = "198.18.0.2"
"""Where Talpa is on the lab's wire."""
PEER = "198.18.0.3"
"""Where the real peer is."""


def until(
    what: str,
    condition: Callable[[], bool],
    timeout: float,
    evidence: Callable[[], str] = str,
) -> None:
    """Wait until `condition` holds. Raises `CommandFailed` with `what` and `evidence`."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise CommandFailed(f"not within {timeout:.0f} s: {what}\n{evidence()}")
        time.sleep(0.05)


def config(
    setting: Setting,
    *,
    ppp: str = "",
    pool: str = 'ipv4 = "10.77.0.0/24"\nipv6 = "fd77::/56"',
) -> str:
    """What to give to `Server` so that a peer of this setting can call it; the keywords are lines
    of sections."""
    secret = f'secret = "{setting.tunnel_secret}"\n' if setting.tunnel_secret is not None else ""
    return f"""
[ipsec]
require = false

[l2tp]
listen = ["{HERE}:1701"]
{secret}
[ppp]
authentication = ["{setting.method}"]
{ppp}

[[pool]]
name = "staff"
dns = ["10.77.0.1"]
{pool}

[[user]]
name = "{setting.user}"
password = "{setting.password}"
"""


def write_secret(file: Path, secret: str) -> None:
    file.touch(0o600)
    file.write_text(secret + "\n")


class _Program:
    """A running `talpa`, with its log in a file."""

    def __init__(self, net: Namespace, folder: Path, name: str) -> None:
        self.net = net
        self.folder = folder
        self.log_file = folder / f"{name}.log"
        self.log_file.touch()
        self.process: subprocess.Popen[bytes] | None = None

    def _launch(self, *words: str | Path) -> None:
        self.process = self.net.start(TALPA, *words, log=self.log_file)

    def log(self) -> str:
        """All that it has said since the test began, over restarts."""
        return self.log_file.read_text(errors="replace")

    def says(self, *words: str, timeout: float = 15) -> str:
        """Wait for a line of its log that has all these words, in any case; returns the line."""
        wanted = [word.lower() for word in words]
        found: list[str] = []

        def look() -> bool:
            found[:] = [
                line
                for line in self.log().splitlines()
                if all(word in line.lower() for word in wanted)
            ]
            return bool(found)

        until(f"a line in the log with {', '.join(words)}", look, timeout, self.log)
        return found[0]

    @property
    def running(self) -> bool:
        """It has been started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End it as a crash would: nothing is said on the wire, nothing is put back."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(5)

    def terminate(self) -> int:
        """End it as an operator would; its exit status."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGTERM)
        return self.process.wait(8)

    def close(self) -> None:
        """Make sure that it does not run."""
        if self.process is not None:
            stop(self.process, grace=6)


class Server(_Program):
    """`talpa serve`."""

    def __init__(self, net: Namespace, folder: Path, config: str) -> None:
        """`config`: all of the file but `[server]`."""
        super().__init__(net, folder, "serve")
        self.socket = folder / "talpa.sock"
        self.config = folder / "talpa.toml"
        self.config.touch(0o600)
        self.config.write_text(
            f'[server]\nname = "lab.example"\nstate_dir = "{folder}/state"\n'
            f'socket = "{self.socket}"\nlog_level = "debug"\n\n{config}'
        )

    def start(self) -> None:
        """Start it and wait until it answers on its socket."""
        self._launch("serve", "-c", self.config)
        until("talpa serve is ready", lambda: not self.running or self._answers(), 20, self.log)
        if not self.running:
            raise CommandFailed(f"talpa serve ended at once:\n{self.log()}")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
            except OSError:
                return False
        return True

    def command(self, *words: str) -> str:
        """What one of the commands that talk to a server prints."""
        return self.net.run(f"{TALPA} {' '.join(words)} --socket {self.socket}")

    def ask(self, *words: str) -> Any:
        """What one of the commands that take `--json` answers."""
        return json.loads(self.command(*words, "--json"))

    def sessions(self) -> list[dict[str, Any]]:
        """`talpa sessions --json`, those that are up."""
        return [session for session in self.ask("sessions") if session["state"] == "up"]

    def until_sessions(self, count: int, timeout: float = 15) -> list[dict[str, Any]]:
        """Wait until exactly so many sessions are up; returns them."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = self.sessions()
            return len(found) == count

        until(f"{count} sessions", look, timeout, self.log)
        return found

    def until_associations(self, count: int, timeout: float = 15) -> list[dict[str, Any]]:
        """Wait until there are exactly so many IPsec associations; returns them."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = self.ask("sas")
            return len(found) == count

        until(f"{count} associations", look, timeout, self.log)
        return found


class Client(_Program):
    """`talpa connect`."""

    tun = "talpa-vpn"

    def __init__(self, net: Namespace, folder: Path, setting: Setting) -> None:
        super().__init__(net, folder, "connect")
        self.user = setting.user
        password = folder / "password"
        write_secret(password, setting.password)
        self.options: list[str | Path] = ["--password-file", password]
        self.login: list[str] = ["--auth", setting.method]
        """Of PPP."""
        if setting.tunnel_secret is not None:
            secret = folder / "tunnel-secret"
            write_secret(secret, setting.tunnel_secret)
            self.options += ["--tunnel-secret-file", secret]
        self.options += ["--state-dir", folder / "state", "--tun", self.tun, "--no-dns"]

    def start(self, *more: str) -> None:
        """Start it; returns at once."""
        url = f"l2tp://{self.user}@{PEER}"
        self._launch("connect", url, *self.options, *self.login, *more)

    def address(self, timeout: float = 20) -> str:
        """Wait until its interface has an IPv4 address; returns that."""
        show = f"ip -4 -o addr show dev {self.tun} 2>/dev/null | grep inet"
        until("an address on its TUN", lambda: self.net.succeeds(show), timeout, self.log)
        return self.net.run(show).split()[3].split("/")[0]
