"""`talpa storm` calls xl2tpd with pppd: a judge of every family that knows nothing of Talpa."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interop.judge import Wire
from interop.program import PEER, TALPA, config
from interop.program import Server as TalpaServer
from interop.stage import Stage
from interop.xl2tpd import PPP_LOG, Server, Setting

FAMILIES = ("xl2tpd", "windows", "macos", "android", "routeros", "chromeos", "lac")
SETTING = Setting()


@pytest.fixture
def server(stage: Stage) -> Iterator[Server]:
    server = Server(stage.guest, SETTING)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def storm(stage: Stage, folder: Path, target: str, *options: str) -> dict[str, Any]:
    """Run a storm to its end; its report."""
    password = folder / "storm-password"
    password.touch(0o600)
    password.write_text(SETTING.password)
    log = folder / "storm.json"
    url = f"l2tp://{SETTING.user}@{target}"
    words: tuple[str | Path, ...] = ("storm", url, "--password-file", password, "--json", *options)
    process = stage.net.start(TALPA, *words, log=log)
    process.wait(60)
    report: dict[str, Any] = json.loads(log.read_text())
    assert process.returncode == 0, report
    return report


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_gets_through(
    stage: Stage, server: Server, tmp_path: Path, wire: Wire, family: str
) -> None:
    options = ("--family", family, "--clients", "2", "--rate", "2", "--hold", "3")
    report = storm(stage, tmp_path, PEER, *options, "--pings", "5")
    assert (report["established"], report["up_at_end"]) == (2, 2)
    assert report["failed"] == report["lost"] == 0
    traffic = report["traffic"]
    assert traffic["sent_packets"] >= 20
    assert traffic["received_packets"] >= 0.9 * traffic["sent_packets"]

    assert wire.sent("lcp && ppp.code == 10"), "no answer to the LCP echoes of pppd"
    assert len(given(server)) == 2, "each has its own address"
    assert wire.sent("l2tp.avp.message_type == 4"), "no StopCCN"
    server.interface_down(10)
    server.interface_down(10, "ppp1")
    assert wire.sent("lcp && ppp.code == 5"), "no Terminate-Request"
    assert bool(wire.sent("l2tp.avp.message_type == 14")) == (family != "android")


def given(server: Server) -> set[str]:
    """The addresses that pppd has given to clients, by its log."""
    log = server.guest.run(f"cat {PPP_LOG}")
    return set(re.findall(r"remote IP address (\S+)", log))


def test_a_hundred_at_once_against_talpa(stage: Stage, tmp_path: Path) -> None:
    talpa = TalpaServer(stage.net, tmp_path, config(SETTING))
    families = [word for family in FAMILIES for word in ("--family", family)]
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(SETTING.password)
    log = tmp_path / "storm.json"
    try:
        talpa.start()
        running = stage.net.start(
            *(TALPA, "storm", f"l2tp://{SETTING.user}@198.18.0.2", "--password-file", password),
            *("--clients", "100", "--rate", "100", "--hold", "5", "--ports", "2", "--json"),
            *families,
            log=log,
        )
        sessions = talpa.until_sessions(100, 30)
        assert len({session["ipv4"] for session in sessions}) == 100
        assert running.wait(60) == 0, log.read_text()
        talpa.until_sessions(0)
        assert talpa.ask("tunnels") == []
    finally:
        talpa.close()
    report = json.loads(log.read_text())
    assert report["established"] == 100
    assert report["failed"] == report["lost"] == 0
