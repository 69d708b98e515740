"""Two network namespaces and a wire between them, for as long as this process lives.

The namespaces have no name: they belong to their processes, and these end with this one, so that
nothing is left behind however the demo ends.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

SERVER_ADDRESS = "198.18.0.1"
CLIENT_ADDRESS = "198.18.0.2"
WIRE = "wire0"
"""The server's end of the wire: what the ladder is read from."""

INSIDE = "TALPA_DEMO_INSIDE"
"""Environment variable that tells the program that it already runs in a namespace."""

_CLIENT_WIRE = "wire1"
_TUN = Path("/dev/net/tun")
_TOOLS = {"unshare": "util-linux", "nsenter": "util-linux", "setpriv": "util-linux"} | {
    "ip": "iproute2",
    "ping": "iputils-ping",
}
_MORTAL = ("setpriv", "--pdeathsig", "TERM")
"""Its command is told to end when the process that started it is gone, even killed. It stands
behind `unshare`, for a new user namespace would make the kernel forget it."""
_GOODBYE_SECONDS = 6.0
_PATIENCE_SECONDS = 5.0


class DemoError(Exception):
    """The demo came to nothing. `str` says why, `hint` what to do about it."""

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
    `DemoError` where the system allows neither.
    """
    for tool, package in _TOOLS.items():
        if shutil.which(tool) is None:
            raise DemoError(f"{tool} is missing", f"apt-get install {package}")
    if not _TUN.exists():
        raise DemoError(
            f"{_TUN} is missing: without it no program can carry IP packets",
            "load it with `modprobe tun`; start a container with --device /dev/net/tun",
        )
    if not os.access(_TUN, os.R_OK | os.W_OK):
        raise DemoError(
            f"{_TUN} may not be opened by this user", f"run it as root, or chmod 666 {_TUN}"
        )
    wrap = _wrap()
    full = [*wrap, *_MORTAL, *command]
    child = subprocess.Popen(full, env={**os.environ, INSIDE: "1"})  # noqa: S603

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue  # the child, of the same terminal, had it too, and cleans up


def _wrap() -> Sequence[str]:
    """What a command is put behind to run in a namespace. Raises `DemoError` if nothing serves."""
    as_user = ("unshare", "--user", "--map-root-user", "--net")
    root = os.geteuid() == 0
    why = ""
    for wrap in (("unshare", "--net"), as_user) if root else (as_user,):
        tried = subprocess.run(  # noqa: S603
            [*wrap, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False
        )
        if tried.returncode == 0:
            return wrap
        why = why or tried.stderr.strip() or f"status {tried.returncode}"
    if root:
        raise DemoError(
            f"network namespaces cannot be made here, not even as root: {why}",
            "start the container with --cap-add SYS_ADMIN --cap-add NET_ADMIN",
        )
    raise DemoError(
        f"this user may not make network namespaces: {why}",
        "run it as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 "
        "(Debian), kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)",
    )


class World:
    """Where the demo happens, for the time of a `with` block.

    The server's namespace is this process's own; the client's belongs to a process that waits.
    Making it and every command in it raise `DemoError` on failure.
    """

    def __init__(self) -> None:
        self._holder: subprocess.Popen[bytes] | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self, *command: str, client: bool, log: Path) -> subprocess.Popen[bytes]:
        """Start a process in the server's or the client's namespace; its output goes to `log`."""
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603
                [*self._prefix(client=client), *_MORTAL, *command],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def run(self, *command: str, client: bool, seconds: float = 60.0) -> str:
        """Run a command in a namespace to its end; what it printed."""
        return _run([*self._prefix(client=client), *command], seconds)

    def addresses(self, *, client: bool) -> set[str]:
        """Global IP addresses of a namespace."""
        links = json.loads(self.run("ip", "-j", "addr", "show", "scope", "global", client=client))
        return {a["local"] for link in links for a in link.get("addr_info", ()) if "local" in a}

    def close(self) -> None:
        """End what was started, in good order; the namespaces go with their last process."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            stop(process)
        self._processes.clear()
        if self._holder is not None:
            self._holder.terminate()
            self._holder.communicate()
            self._holder = None

    def _make(self) -> None:
        self._holder = subprocess.Popen(  # noqa: S603
            ["unshare", "--net", *_MORTAL, "cat"],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        _wait_for_namespace(self._holder)
        holder = str(self._holder.pid)
        self.run("ip", "link", "set", "lo", "up", client=False)
        self.run(
            *("ip", "link", "add", WIRE, "type", "veth", "peer", "name", _CLIENT_WIRE),
            *("netns", holder),
            client=False,
        )
        for client, device, address in (
            (False, WIRE, SERVER_ADDRESS),
            (True, _CLIENT_WIRE, CLIENT_ADDRESS),
        ):
            self.run("ip", "addr", "add", f"{address}/24", "dev", device, client=client)
            self.run("ip", "link", "set", "lo", "up", client=client)
            self.run("ip", "link", "set", device, "up", client=client)

    def _prefix(self, *, client: bool) -> list[str]:
        if not client:
            return []
        assert self._holder is not None
        return ["nsenter", "--target", str(self._holder.pid), "--net"]


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process: asked first, and killed when it does not come to an end."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_GOODBYE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for_namespace(holder: "subprocess.Popen[bytes]") -> None:
    """Until a process is in its own namespace: before that, it still is in ours."""
    ours = Path("/proc/self/ns/net").readlink()
    theirs = Path(f"/proc/{holder.pid}/ns/net")
    end = time.monotonic() + _PATIENCE_SECONDS
    while holder.poll() is None and time.monotonic() < end:
        try:
            if theirs.readlink() != ours:
                return
        except OSError:
            pass  # between two programs
        time.sleep(0.002)
    raise DemoError("the client's namespace could not be made", "run the demo as root")


def _run(command: Sequence[str], seconds: float) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise DemoError(
            f"`{' '.join(command)}` did not end within {seconds:.0f} s", "try again"
        ) from None
    if done.returncode:
        raise DemoError(
            f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()}",
            "is everything installed? try: make setup",
        )
    return done.stdout
