"""Network namespaces with real `talpa` processes in them: what a user has, in small.

    client --- server --- office
    other  ---/

The server is reached at `SERVER`; `office` has no route back to the clients' addresses.
"""

import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talpa.api.client import ApiClient
from talpa.api.models import to_json

TALPA = Path(sys.executable).with_name("talpa")
SERVER = "198.18.0.1"
OFFICE = "198.18.9.2"
GATEWAY = "198.19.0.1"
PASSWORD = "canary-Correct1Horse"
SECRET = "canary-Tunnel2Secret"


def run(*words: str | Path, check: bool = True, seconds: float = 20) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert not check or done.returncode == 0, f"{words}: {done.stdout}"
    return done.stdout


def until(what: str, done: Callable[[], Any], seconds: float = 10) -> Any:
    """Wait for something; what it gave. Fails when it does not come in time."""
    end = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return found


class Namespace:
    def __init__(self, name: str) -> None:
        self.name = name
        run("ip", "netns", "add", name)
        self.run("ip link set lo up")

    def inside(self, *words: str | Path) -> list[str]:
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def run(self, command: str, *, check: bool = True, seconds: float = 20) -> str:
        return run(*self.inside("sh", "-c", command), check=check, seconds=seconds)

    def pings(self, target: str, *options: str) -> bool:
        command = f"ping -n -q -c 2 -i 0.1 -W 1 {' '.join(options)} {target}"
        return " 0% packet loss" in self.run(command, check=False)

    def state(self) -> str:
        """All of the host that Talpa changes."""
        return self.run(
            "ip -o addr; (ip route show table all; ip -6 route show table all) | grep -v multicast;"
            " nft list ruleset; cat /etc/resolv.conf;"
            " grep -r . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv?/conf/*/forwarding"
            " /proc/sys/net/ipv6/conf/*/accept_ra"
        )

    def close(self) -> None:
        run("ip", "netns", "del", self.name)


def wire(a: Namespace, b: Namespace, device: str, address_a: str, address_b: str) -> None:
    """A wire between two namespaces: `device` is the name of both its ends."""
    peer = ("peer", "name", device, "netns", b.name)
    run("ip", "-n", a.name, "link", "add", device, "type", "veth", *peer)
    # The kernel would make addresses by itself, in its own time.
    for end in (a, b):
        run("ip", "-n", end.name, "link", "set", device, "addrgenmode", "none")
    for end, address in ((a, address_a), (b, address_b)):
        end.run(f"ip addr add {address} dev {device} && ip link set {device} up")


@dataclass(frozen=True)
class World:
    server: Namespace
    client: Namespace
    other: Namespace
    office: Namespace


@contextmanager
def world() -> Iterator[World]:
    tag = secrets.token_hex(3)
    with contextlib.ExitStack() as stack:

        def made(name: str) -> Namespace:
            namespace = Namespace(f"tp{tag}-{name}")
            stack.callback(namespace.close)
            return namespace

        found = World(made("server"), made("client"), made("other"), made("office"))
        server = found.server
        server.run(f"ip addr add {SERVER}/32 dev lo")
        wire(server, found.client, "wire1", "198.18.1.1/24", "198.18.1.2/24")
        wire(server, found.client, "wire3", "198.18.3.1/24", "198.18.3.2/24")
        wire(server, found.other, "wire2", "198.18.2.1/24", "198.18.2.2/24")
        wire(server, found.office, "office", "198.18.9.1/24", f"{OFFICE}/24")
        found.client.run(f"ip route add {SERVER} via 198.18.1.1")
        found.client.run(f"ip route add {SERVER} via 198.18.3.1 metric 100")
        found.other.run(f"ip route add {SERVER} via 198.18.2.1")
        yield found


NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that `NOBODY` can work in."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


class Program:
    """A `talpa` process and its log."""

    def __init__(self, namespace: Namespace, folder: Path, name: str) -> None:
        self.namespace = namespace
        self.folder = folder
        self.log_file = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def launch(
        self,
        *words: str | Path,
        wrap: tuple[str, ...] = (),
        program: tuple[str | Path, ...] = (TALPA,),
    ) -> None:
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL"),
                    *self.namespace.inside(*wrap, *program, *words),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def log(self) -> str:
        return self.log_file.read_text()

    def line(self, *words: str) -> str | None:
        """The first line of the log with all of these words."""
        for line in self.log().splitlines():
            if all(word in line for word in words):
                return line
        return None

    def says(self, *words: str, seconds: float = 10) -> str:
        end = time.monotonic() + seconds
        while (line := self.line(*words)) is None:
            assert time.monotonic() < end, f"no {words} in the log:\n{self.log()}"
            assert self.process is not None
            if self.process.poll() is not None and self.line(*words) is None:
                raise AssertionError(f"it ended, with no {words} in the log:\n{self.log()}")
            time.sleep(0.03)
        return line

    def tell(self, number: int) -> None:
        os.kill(self.pid, number)

    def ends(self, seconds: float = 6) -> int:
        """Its exit status, once it has ended."""
        assert self.process is not None
        return self.process.wait(seconds)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.tell(number)
        return self.ends()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


CONFIG = """\
[server]
name = "vpn.example.com"
state_dir = "{folder}/server"
socket = "{folder}/talpa.sock"
log_level = "debug"
{server}

[ipsec]
{ipsec}

[l2tp]
listen = ["198.18.0.1:1701"]
{l2tp}

[ppp]
echo_interval = 1
echo_failures = 2
{ppp}

[[pool]]
name = "staff"
ipv4 = "198.19.0.0/24"
ipv6 = "fd77::/56"
dns = ["198.19.0.1"]
routes = ["198.18.9.0/24", "198.19.200.0/24"]
search = ["corp.example"]

[[user]]
name = "alice"
password = "{password}"

{more}
"""


class Server(Program):
    """`talpa serve`."""

    def __init__(self, namespace: Namespace, folder: Path, **parts: str) -> None:
        super().__init__(namespace, folder, "serve")
        self.config = folder / "talpa.toml"
        self.write(**parts)

    def write(self, **parts: str) -> None:
        """The configuration: `server`, `ipsec`, `l2tp`, `ppp` and `more` are lines added to it."""
        words = {"server": "", "ipsec": "require = false", "l2tp": "", "ppp": "", "more": ""}
        words |= {"password": PASSWORD} | parts
        self.config.touch(0o600)
        self.config.write_text(CONFIG.format(folder=self.folder, **words))

    def start(self) -> "Server":
        self.launch("serve", "-c", self.config)
        self.says("[ready]", seconds=30)
        return self

    def command(self, *words: str, check: bool = True) -> str:
        return run(TALPA, *words, "--socket", self.folder / "talpa.sock", check=check)

    def ask(self, what: str) -> Any:
        """What a command says as JSON, without the time that starting the command takes."""
        return to_json(getattr(ApiClient(self.folder / "talpa.sock"), what)())

    def sessions(self) -> list[dict[str, Any]]:
        """Those that are up."""
        return [session for session in self.ask("sessions") if session["state"] == "up"]


class Client(Program):
    """`talpa connect`, here with what a test wants quick."""

    def __init__(self, namespace: Namespace, folder: Path, name: str = "connect") -> None:
        super().__init__(namespace, folder, name)
        self.name = name

    def start(
        self, *options: str | Path, user: str = "alice", password: str = PASSWORD, url: str = ""
    ) -> "Client":
        """`url`: without it L2TP in the clear, to the server."""
        secret = self.folder / f"{self.name}.password"
        secret.touch(0o600)
        secret.write_text(password)
        self.launch(
            *("connect", url or f"l2tp://{user}@{SERVER}"),
            *("--password-file", secret, "--no-dns"),
            *("--state-dir", self.folder / f"{self.name}-state", "--echo-interval", "1"),
            *options,
        )
        return self

    def connected(self, seconds: float = 20) -> str:
        """Wait until it is; the address that it has."""
        found = re.search(r" as (\S+) on ", self.says("[connected]", seconds=seconds))
        assert found is not None
        return found[1]


@contextmanager
def running(*programs: Program) -> Iterator[None]:
    """End them whatever happens; the servers last, so that goodbyes are heard."""
    try:
        yield
    finally:
        for program in programs:
            program.kill()
