"""What the benchmarks share: a server in a namespace of its own, and what its process used."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from talpa.cli.demo import world

TICKS = os.sysconf("SC_CLK_TCK")

CONFIG = """
[server]
state_dir = "{folder}/state"
socket = "{folder}/talpa.sock"
log_level = "error"

[ipsec]
{ipsec}

[l2tp]
listen = ["127.0.0.1:1701"]
{l2tp}

[ppp]
authentication = ["{method}"]

[[pool]]
name = "clients"
ipv4 = "10.64.0.0/15"
{pool}
dns = ["10.64.0.1"]

[[user]]
name = "storm"
password = "storm"
"""


CLEAR = "require = false"
SECURED = """\
listen = ["127.0.0.1:500"]
listen_nat = ["127.0.0.1:4500"]
child_lifetime = 3600

[[ipsec.psk]]
secret_file = "psk"
"""


def in_namespace() -> None:
    """Go on in a fresh network namespace; comes back only inside of it."""
    if not world.inside():
        sys.exit(world.enter([sys.executable, *sys.argv]))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Server:
    """A server process under test."""

    def __init__(
        self, *, method: str = "mschapv2", l2tp: str = "", pool: str = "", ike: int = 0
    ) -> None:
        """`ike`: version of IKE below L2TP; 0: in the clear."""
        self.ike = ike
        self.folder = Path(tempfile.mkdtemp(prefix="talpa-bench-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "password").write_text("storm")
        (self.folder / "password").chmod(0o600)
        (self.folder / "psk").write_text("the key of the benchmark's server")
        (self.folder / "psk").chmod(0o600)
        self.config = self.folder / "talpa.toml"
        self.config.touch(0o600)
        self.config.write_text(
            CONFIG.format(
                folder=self.folder,
                method=method,
                l2tp=l2tp,
                pool=pool,
                ipsec=SECURED if ike else CLEAR,
            )
        )
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(
            [
                "taskset",
                "-c",
                "0",
                sys.executable,
                "-m",
                "talpa.cli.main",
                "serve",
                "-c",
                str(self.config),
            ],
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                self.status()
            except (OSError, ValueError):
                time.sleep(0.05)
            else:
                return
        raise SystemExit("the server did not start")

    def stop(self) -> None:
        """SIGTERM, and wait for its goodbye."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def status(self) -> dict[str, Any]:
        """`talpa status`, without starting a process for it."""
        import socket

        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.folder / "talpa.sock"))
            connection.sendall(b'{"op": "status"}\n')
            with connection.makefile("rb") as lines:
                answer = json.loads(lines.readline())
        result: dict[str, Any] = answer["result"]
        return result

    def cpu(self) -> float:
        """Seconds of processor time used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident(self) -> int:
        """Octets of memory in use."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")


def storm(server: Server, *arguments: str) -> "subprocess.Popen[str]":
    """Start `talpa storm` against the server, on the other processor."""
    scheme, below = "l2tp", []
    if server.ike:
        scheme = "l2tp+ipsec"
        below = ["--psk-file", str(server.folder / "psk"), "--ike", str(server.ike)]
    return subprocess.Popen(
        [
            "taskset",
            "-c",
            "1",
            sys.executable,
            "-m",
            "talpa.cli.main",
            "storm",
            f"{scheme}://storm@127.0.0.1",
            "--password-file",
            str(server.folder / "password"),
            *below,
            "--json",
            *list(arguments),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for a storm; its report."""
    out, _ = process.communicate(timeout=900)
    report: dict[str, Any] = json.loads(out)
    return report
