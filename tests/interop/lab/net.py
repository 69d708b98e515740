"""Network namespaces of the test's own: wires that guests plug into, and machines on them."""

import contextlib
import itertools
import os
import re
import shlex
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from interop.lab.processes import CommandFailed, run, stop

BRIDGE = "br0"
_cables = itertools.count(1)


class Namespace:
    """A network namespace; it and all that was started in it end with the context.

    Its name carries our process id, so that runs beside each other never meet.
    """

    def __init__(self, tag: str) -> None:
        self.name = f"talpa-{os.getpid()}-{tag}"
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        run(["ip", "netns", "add", self.name])
        try:
            self.run("ip link set lo up")
            self._set_up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _set_up(self) -> None:
        """What it consists of."""

    def close(self) -> None:
        """End what runs in the namespace and remove it."""
        for process in self._processes:
            stop(process)
        run(["ip", "netns", "del", self.name])

    def run(self, command: str, timeout: float = 60) -> str:
        """Run a shell command in the namespace; returns its output. Raises `CommandFailed`."""
        return run(["ip", "netns", "exec", self.name, "bash", "-c", command], timeout=timeout)

    def succeeds(self, command: str, timeout: float = 60) -> bool:
        """Run a shell command in the namespace; whether its status was 0."""
        try:
            self.run(command, timeout)
        except CommandFailed:
            return False
        return True

    def start(
        self, *command: str | Path, log: Path, env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program in the namespace; its output is appended to `log`."""
        words = " ".join(shlex.quote(str(word)) for word in command)
        with log.open("ab") as output:
            process = subprocess.Popen(
                # The program dies with us, whatever becomes of us.
                [
                    *("setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self.name),
                    *("bash", "-c", f"exec {words}"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,
            )
        self._processes.append(process)
        return process


class Net(Namespace):
    """A namespace with a bridge: a wire."""

    def __init__(self, tag: str, address: str) -> None:
        """`address` of the bridge, with its prefix length."""
        super().__init__(tag)
        self.address = address

    def _set_up(self) -> None:
        self.run(f"ip link add {BRIDGE} type bridge && {_quiet(BRIDGE)}")
        self.run(f"ip addr add {self.address} dev {BRIDGE} && ip link set {BRIDGE} up")

    def tap(self, name: str) -> str:
        """A tap on the bridge. Returns its name."""
        self.run(
            f"ip tuntap add {name} mode tap && {_quiet(name)}"
            f" && ip link set {name} master {BRIDGE} up txqueuelen 1000"
        )
        return name

    def plug(self, other: Namespace, name: str, address: str) -> None:
        """A cable from the bridge to another namespace, where it is interface `name` with
        `address` and its prefix length."""
        ours = f"p{next(_cables)}"
        self.run(
            f"ip link add {ours} type veth peer name {name} netns {other.name} && {_quiet(ours)}"
            f" && ip link set {ours} master {BRIDGE} up"
        )
        other.run(f"{_quiet(name)} && ip addr add {address} dev {name} && ip link set {name} up")


class Host(Namespace):
    """A machine of its own on a wire, its card called eth0."""

    def __init__(self, tag: str, wire: Net, address: str, gateway: str | None = None) -> None:
        """`address` with its prefix length."""
        super().__init__(tag)
        self.wire = wire
        self.address = address
        self.gateway = gateway

    def _set_up(self) -> None:
        self.wire.plug(self, "eth0", self.address)
        if self.gateway is not None:
            self.run(f"ip route add default via {self.gateway}")


def _quiet(interface: str) -> str:
    """The lab's own wire carries IPv4 only: no neighbour discovery in the captures."""
    return f"sysctl -qw net.ipv6.conf.{interface}.disable_ipv6=1"


def sweep() -> None:
    """Remove namespaces that test runs which were killed have left behind."""
    for line in run(["ip", "netns", "list"]).splitlines():
        name = re.match(r"(talpa-(\d+)-\S+)", line)
        if name and not Path(f"/proc/{name[2]}").exists():
            with contextlib.suppress(CommandFailed):
                run(["ip", "netns", "del", name[1]])
