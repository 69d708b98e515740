"""`talpa storm` as a process, against `talpa serve`, in a network namespace of their own."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

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

[[ipsec.psk]]
secret_file = "psk"

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
        files = (
            ("talpa.toml", CONFIG.format(folder=folder)),
            ("pw", "correct horse"),
            ("psk", "a key that both ends have been told"),
        )
        for name, text in files:
            (folder / name).touch(0o600)
            (folder / name).write_text(text)
        self.holder = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "ip link set lo up; echo up; exec sleep 120"],
            stdout=subprocess.PIPE,
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == b"up\n"
        self.server: subprocess.Popen[bytes] | None = None

    def start(
        self, *words: str, before: tuple[str, ...] = (), log: IO[bytes] | int = subprocess.PIPE
    ) -> "subprocess.Popen[bytes]":
        inside = ("nsenter", "-t", str(self.holder.pid), "-n")
        return subprocess.Popen(
            [*inside, *before, TALPA, *words], stdout=subprocess.PIPE, stderr=log
        )

    def serve(self) -> None:
        with (self.folder / "log").open("wb") as log:
            self.server = self.start("serve", "-c", str(self.folder / "talpa.toml"), log=log)
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
        end = time.monotonic() + 40
        while len([s for s in self.ask("sessions") if s["state"] == "up"]) < count:
            assert time.monotonic() < end
            time.sleep(0.2)

    def storm(self, *words: str) -> "subprocess.Popen[bytes]":
        file = str(self.folder / "pw")
        return self.start(
            *("storm", "l2tp://crowd@127.0.0.1", "--password-file", file, "--json"), *words
        )

    def secure_storm(self, *words: str, before: tuple[str, ...] = ()) -> "subprocess.Popen[bytes]":
        files = ("--psk-file", str(self.folder / "psk"), "--password-file", str(self.folder / "pw"))
        url = "l2tp+ipsec://crowd@127.0.0.1"
        return self.start("storm", url, *files, "--json", *words, before=before)

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
    storm = world.storm("--clients", "10", "--rate", "100", "--hold", "60", "--redial")
    world.until_up(10)
    assert world.server is not None
    world.server.terminate()
    world.server.communicate(timeout=20)
    world.serve()
    world.until_up(10)
    time.sleep(0.5)
    storm.send_signal(signal.SIGINT)
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


def test_a_hundred_on_one_inner_port_behind_one_address(world: World) -> None:
    """As many Windows machines behind one NAT: all from UDP 1701 inside, each by itself."""
    world.serve()
    storm = world.secure_storm(
        *("--family", "windows", "--clients", "100", "--rate", "30", "--source", "127.0.0.7"),
        *("--hold", "30", "--pings", "2"),
    )
    world.until_up(100)
    associations = world.ask("sas")
    assert {each["device"] for each in associations} == {"windows"}
    assert len(associations) == 100
    assert {each["peer"].split(":")[0] for each in associations} == {"127.0.0.7"}
    assert len({each["peer"] for each in associations}) == 100
    assert len({session["ipv4"] for session in world.ask("sessions")}) == 100
    assert {tunnel["remote"] for tunnel in world.ask("tunnels")} == {"127.0.0.7:1701"}
    time.sleep(3)
    storm.send_signal(signal.SIGINT)
    report = report_of(storm)
    assert storm.returncode == 0, report
    assert report["up_at_end"] == report["established"] == 100
    assert report["stages"]["ipsec"]["count"] == 100
    assert report["lost"] == report["failed"] == 0
    assert report["traffic"]["received_packets"] == report["traffic"]["sent_packets"] > 100
    assert world.ask("sas") == world.ask("sessions") == []


def test_more_clients_than_there_may_be_sockets(world: World) -> None:
    allowed = ("prlimit", "--nofile=256:256")
    storm = world.secure_storm("--clients", "200", before=allowed)
    _, errors = storm.communicate(timeout=60)
    assert storm.returncode == 1
    assert b"200 clients need 464 open files, and this process may have 256" in errors
    assert b"ulimit -Hn" in errors


def test_as_many_sockets_as_the_hard_limit_allows(world: World) -> None:
    allowed = ("prlimit", "--nofile=64:1024")
    words = ("--clients", "100", "--rate", "1000", "--patience", "0", "--hold", "0")
    report = report_of(world.secure_storm(*words, before=allowed))
    assert report["calls"] == 100
