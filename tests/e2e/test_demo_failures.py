"""A demo that cannot go on tells why, with the last words of server and client."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from talpa.cli.demo import play, world
from talpa.cli.demo.play import Play
from talpa.cli.demo.screen import Screen
from talpa.cli.demo.world import DemoError
from talpa.cli.main import app

ENDS = "printf 'address in \\033[31muse'; exit 3"


class BrokenWorld:
    """Whatever is started comes to nothing."""

    def __init__(self, script: str) -> None:
        self.script = script
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, client: bool, log: Path) -> "subprocess.Popen[bytes]":
        with log.open("wb") as out:
            self.started.append(subprocess.Popen(["sh", "-c", self.script], stdout=out))
        return self.started[-1]


def broken_play(
    place: Path, capsys: pytest.CaptureFixture[str], script: str = ENDS
) -> tuple[str, DemoError]:
    broken: Any = BrokenWorld(script)
    with pytest.raises(DemoError) as caught:
        Play(broken, broken, Screen(), place).run(1)
    for process in broken.started:
        process.kill()
        process.wait()
    return capsys.readouterr().out, caught.value


def test_a_server_that_ends_is_shown_with_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, error = broken_play(tmp_path, capsys)
    assert str(error) == "the server ended with status 3"
    assert error.hint
    assert "address in \\x1b[31muse" in said


def test_one_that_never_answers_is_not_waited_for_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "_SERVER_SECONDS", 0.2)
    said, error = broken_play(tmp_path, capsys, "exec sleep 9")
    assert str(error) == "the server did not answer on its socket within 0 s"
    assert "(empty)" in said


def test_passwords_are_in_files_that_nobody_else_may_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, _ = broken_play(tmp_path, capsys)
    password = (tmp_path / "password").read_text()
    assert password
    assert password not in said
    assert all((tmp_path / n).stat().st_mode & 0o77 == 0 for n in ("password", "talpa.toml"))


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [("tun", "without it no program can carry IP packets"), ("tool", "unshare is missing")],
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str, sentence: str
) -> None:
    if missing == "tun":
        monkeypatch.setattr(world, "_TUN", tmp_path / "tun")
        monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    else:
        monkeypatch.setattr(shutil, "which", lambda tool: None)
    done = CliRunner().invoke(app, ["demo"])
    assert done.exit_code == 1
    assert sentence in done.output
    assert "hint: " in done.output


def test_a_user_who_may_not_is_told_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tun").touch()
    monkeypatch.setattr(world, "_TUN", tmp_path / "tun")
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    refused = subprocess.CompletedProcess([], 1, "", "unshare: unshare failed: not permitted")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: refused)
    done = CliRunner().invoke(app, ["demo"])
    assert done.exit_code == 1
    assert "this user may not make network namespaces" in done.output
    assert "sysctl kernel.unprivileged_userns_clone=1" in done.output


def test_elsewhere_than_on_a_terminal_it_is_plain_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    screen = Screen()
    screen.title("Negotiated [bold]not markup[/]")
    screen.pair("MTU", "1400 octets")
    assert (
        capsys.readouterr().out
        == "\nNegotiated [bold]not markup[/]\n  MTU               1400 octets\n"
    )
