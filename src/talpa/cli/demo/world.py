"""Two network namespaces and a wire between them, for as long as this process lives.

The namespaces have no name: they belong to their processes, so that nothing is left behind however
the demo ends.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

SERVER_ADDRESS = "198.18.0.1"
CLIENT_ADDRESS = "198.18.0.2"
WIRE = "wire0"
"""The server's end of the wire: what the ladder is read from."""

INSIDE = "TALPA_DEMO_INSIDE"


class DemoImpossible(Exception):
    """The demo cannot run here: what is missing, and what to do about it."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def inside() -> bool:
    """Whether this process already runs in the demo's namespace."""
    return os.environ.get(INSIDE) == "1"


def enter(command: Sequence[str]) -> int:
    """Run a command, this program again as a rule, in a network namespace of its own; its exit
    status.

    As root a network namespace is enough; anyone else needs a user namespace around it. Raises
    `DemoImpossible` where the system allows neither.
    """
    for tool, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("nsenter", "util-linux")):
        if shutil.which(tool) is None:
            raise DemoImpossible(f"{tool} is missing", f"install it: apt-get install {package}")
    if not Path("/dev/net/tun").exists():
        raise DemoImpossible(
            "/dev/net/tun is missing: without it no program can carry IP packets",
            "load it with: modprobe tun; in a container, start it with --device /dev/net/tun",
        )
    wrap = ["unshare", "--net", "--mount"]
    if os.geteuid() != 0:
        wrap = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    probe = subprocess.run(  # noqa: S603
        [*wrap, "true"], capture_output=True, text=True, check=False
    )
    if probe.returncode:
        who = "root" if os.geteuid() == 0 else "this user"
        raise DemoImpossible(
            f"{who} may not make network namespaces: {probe.stderr.strip()}",
            "run the demo as root, or allow user namespaces: "
            "sysctl kernel.unprivileged_userns_clone=1 (Debian), "
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)",
        )
    environment = {**os.environ, INSIDE: "1"}
    child = subprocess.Popen([*wrap, *command], env=environment)  # noqa: S603
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue  # the child had it too, and cleans up


class World:
    """The server's namespace is this process's own; the client's belongs to a shell that waits."""

    def __init__(self) -> None:
        self._shell = subprocess.Popen(
            ["unshare", "--net", "cat"],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait_for_namespace()
        self._processes: list[subprocess.Popen[str]] = []
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", WIRE, "type", "veth", "peer", "name", "wire1")
        self._ip("link", "set", "wire1", "netns", str(self._shell.pid))
        self._ip("addr", "add", f"{SERVER_ADDRESS}/24", "dev", WIRE)
        self._ip("link", "set", WIRE, "up")
        for command in (
            ("link", "set", "lo", "up"),
            ("addr", "add", f"{CLIENT_ADDRESS}/24", "dev", "wire1"),
            ("link", "set", "wire1", "up"),
        ):
            self.at_client("ip", *command)

    def start(self, name: str, *command: str, client: bool, log: Path) -> "subprocess.Popen[str]":
        """Start a process in the server's or the client's namespace; its output goes to `log`."""
        full = [*self._prefix(client=client), *command]
        with log.open("w") as out:
            process = subprocess.Popen(  # noqa: S603
                full,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
                env={k: v for k, v in os.environ.items() if k != INSIDE} | {"TALPA_DEMO": name},
            )
        self._processes.append(process)
        return process

    def at_client(self, *command: str) -> str:
        """Run a command in the client's namespace; what it printed."""
        return self._run([*self._prefix(client=True), *command])

    def close(self) -> None:
        """End what was started, in good order; the namespaces go with their last process."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(6)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        self._shell.terminate()
        self._shell.wait()

    def _prefix(self, *, client: bool) -> list[str]:
        return ["nsenter", "--target", str(self._shell.pid), "--net"] if client else []

    def _wait_for_namespace(self) -> None:
        """Until the shell is in its own namespace: before that, it is still in ours."""
        ours = Path("/proc/self/ns/net").readlink()
        while self._shell.poll() is None:
            if Path(f"/proc/{self._shell.pid}/ns/net").readlink() != ours:
                return
        raise DemoImpossible("the client's namespace could not be made", "run the demo as root")

    def _ip(self, *arguments: str) -> None:
        self._run(["ip", *arguments])

    @staticmethod
    def _run(command: Sequence[str]) -> str:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            raise DemoImpossible(
                f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()}",
                "is everything installed? try: make setup",
            )
        return done.stdout
