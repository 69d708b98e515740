"""`talpa storm` as a process, against `talpa serve`, in a network namespace of their own."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.netns

TALPA = str(Path(sys.executable).with_name("talpa"))
CONFIG = """
[server]
state_dir = "{folder}/state"
socket = "{folder}/talpa.sock"

[ipsec]
require = false

[l2tp]
listen = ["127.0.0.1:1701"]

[[pool]]
name = "crowd"
ipv4 = "10.64.0.0/16"

[[user]]
name = "crowd"
password = "correct horse"
"""


class World:
    """A namespace with a loopback interface, and a server in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("talpa.toml", CONFIG.format(folder=folder)), ("pw", "correct horse")):
            (folder / name).touch(0o600)
            (folder / name).write_text(text)
        self.holder = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "ip link set lo up; echo up; exec sleep 120"],
            stdout=subprocess.PIPE,
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == b"up\n"
        self.server: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        inside = ("nsenter", "-t", str(self.holder.pid), "-n")
        return subprocess.Popen(
            [*inside, TALPA, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def serve(self) -> None:
        self.server = self.start("serve", "-c", str(self.folder / "talpa.toml"))
        end = time.monotonic() + 20
        while not (self.folder / "talpa.sock").exists() or self.ask("sessions") is None:
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.05)

    def ask(self, what: str) -> Any:
        """What `talpa WHAT --json` says; None when there is no server."""
        asking = self.start(what, "--json", "--socket", str(self.folder / "talpa.sock"))
        out, _ = asking.communicate(timeout=20)
        return json.loads(out) if asking.returncode == 0 else None

    def until_up(self, count: int) -> None:
        """Wait until so many sessions are up."""
        end = time.monotonic() + 20
        while len([s for s in self.ask("sessions") if s["state"] == "up"]) < count:
            assert time.monotonic() < end
            time.sleep(0.2)

    def storm(self, *words: str) -> "subprocess.Popen[bytes]":
        file = str(self.folder / "pw")
        return self.start(
            *("storm", "l2tp://crowd@127.0.0.1", "--password-file", file, "--json"), *words
        )

    def close(self) -> None:
        for process in (self.server, self.holder):
            if process is not None:
                process.terminate()
                process.communicate(timeout=20)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    try:
        yield world
    finally:
        world.close()


def report_of(storm: "subprocess.Popen[bytes]") -> dict[str, Any]:
    out, errors = storm.communicate(timeout=60)
    assert out, errors
    report: dict[str, Any] = json.loads(out)
    return report


def test_many_ports_and_sources_of_all_families(world: World) -> None:
    world.serve()
    sources = ("--source", "127.0.0.2", "--source", "127.0.0.3")
    storm = world.storm(
        *("--clients", "28", "--rate", "100", "--family", "all", "--ports", "2", *sources),
        *("--hold", "30", "--pings", "2"),
    )
    world.until_up(28)
    sessions = world.ask("sessions")
    assert len({session["ipv4"] for session in sessions}) == 28
    peers = {tunnel["remote"] for tunnel in world.ask("tunnels")}
    assert len(peers) == 28, "a port for each family, source and port"
    assert {peer.split(":")[0] for peer in peers} == {"127.0.0.2", "127.0.0.3"}
    storm.send_signal(signal.SIGINT)
    began = time.monotonic()
    report = report_of(storm)
    assert time.monotonic() - began < 5
    assert storm.returncode == 0
    assert report["up_at_end"] == report["established"] == 28
    assert report["lost"] == report["failed"] == 0
    assert report["traffic"]["sent_packets"] > 0
    assert world.ask("sessions") == world.ask("tunnels") == []


def test_all_are_back_after_a_restart_of_the_server(world: World) -> None:
    world.serve()
    storm = world.storm("--clients", "10", "--rate", "100", "--hold", "8", "--redial")
    world.until_up(10)
    assert world.server is not None
    world.server.terminate()
    world.server.communicate(timeout=20)
    world.serve()
    report = report_of(storm)
    assert storm.returncode == 0
    assert report["up_at_end"] == 10
    assert report["lost"] == 10
    assert len(report["outages_s"]) == 1


def test_nobody_is_there(world: World) -> None:
    storm = world.storm("--clients", "3", "--rate", "100", "--patience", "1", "--hold", "0")
    report = report_of(storm)
    assert storm.returncode == 1
    assert report["failed"] == report["calls"] == 3
    assert report["up_at_end"] == 0
