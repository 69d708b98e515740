"""`talpa demo` as a user meets it: what it shows, and that nothing of it stays behind."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.netns

MARK = "TALPA_DEMO_TEST"


class Demo:
    """A running demo, its temporary directory, and every process that came of it."""

    def __init__(self, place: Path, *wrap: str, seconds: str = "0.3") -> None:
        self.place = place
        self.name = f"{MARK}={uuid.uuid4()}"
        key, value = self.name.split("=")
        self.process = subprocess.Popen(
            [*wrap, sys.executable, "-m", "talpa.cli.main", "demo", "--seconds", seconds],
            env={**os.environ, key: value, "TMPDIR": str(place)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def read_until(self, words: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if words in line:
                return
        raise AssertionError(f"it never said {words!r}")

    def interrupt(self) -> None:
        """Ctrl-C at the terminal: to every process of the foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def terminate(self) -> None:
        """As a service manager or `kill` does it: to the first process alone."""
        self.process.terminate()

    def finish(self) -> tuple[int, str]:
        said, _ = self.process.communicate(timeout=60)
        return self.process.returncode, said

    def alive(self) -> list[int]:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self.name.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found

    def nothing_is_left(self, within: float = 0.0) -> bool:
        end = time.monotonic() + within
        while self.alive() and time.monotonic() < end:
            time.sleep(0.05)
        return not self.alive()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_whole_run(place: Path) -> None:
    demo = Demo(place)
    status, said = demo.finish()
    assert status == 0, said
    assert "\x1b" not in said
    rungs = [line for line in said.splitlines() if line.count("|") == 2]
    told = " ".join(rungs)
    wanted = (
        "Main Quick SCCRQ SCCRP SCCCN ICRQ ICRP ICCN LCP CHAP IPCP IPV6CP StopCCN Terminate-Request"
    )
    assert all(word in told for word in wanted.split())
    assert max(map(len, rungs)) <= 100
    assert "malformed" not in told
    assert "again" not in told
    assert "encrypted" not in told
    assert re.search(r"IKE +version 1: AES", said)
    assert re.search(r"ESP +AES-GCM-16-256, transport mode", said)
    layers = said[said.index("layer by layer") :].split("\n\n")[0].splitlines()[1:]
    assert [line.split()[0] for line in layers] == ["IPv4", "ESP", "UDP", "L2TP", "PPP", "IPv4"]
    assert re.search(r"user +alice, by MS-CHAPv2", said)
    assert re.search(r"IPv4 address +10\.77\.0\.\d+", said)
    assert re.search(r"IPv6 address +fd77:", said)
    assert re.search(r"name server +10\.77\.0\.1", said)
    assert re.search(r"MTU +1[234]\d\d octets", said)
    assert said.count("5 of 5 answered") == 2
    assert len(re.findall(r"(client to server|server to client) +[\d,]+ Mbit/s", said)) == 2
    assert said.rstrip().endswith("everything is cleaned up.")
    assert demo.nothing_is_left()


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("one wire between them", Demo.interrupt),
        ("CHAP Challenge", Demo.terminate),
        ("Moving data", Demo.interrupt),
    ],
)
def test_stopped_at_any_moment_it_leaves_nothing_behind(
    place: Path, moment: str, end: Callable[[Demo], None]
) -> None:
    demo = Demo(place, seconds="10")
    demo.read_until(moment)
    end(demo)
    status, said = demo.finish()
    assert status == 130, said
    assert "Traceback" not in said
    assert "everything is cleaned up" in said
    assert demo.nothing_is_left()


def test_killed_it_takes_its_processes_along(place: Path) -> None:
    demo = Demo(place)
    demo.read_until("Connecting")
    demo.process.kill()
    demo.finish()
    assert demo.nothing_is_left(within=10)


def test_where_no_namespace_can_be_made_it_says_so(place: Path) -> None:
    """Root of a user namespace that allows no network namespaces, as in many a container."""
    script = (
        "echo 0 >/proc/sys/user/max_net_namespaces; "
        "echo 0 >/proc/sys/user/max_user_namespaces; "
        '"$@"; exit $?'
    )
    demo = Demo(place, "unshare", "--user", "--map-root-user", "sh", "-c", script, "sh")
    status, said = demo.finish()
    assert status == 1
    assert "error: network namespaces cannot be made here" in said
    assert "hint: " in said
    assert "Traceback" not in said
