"""`talpa connect`, `serve` and `check-config`: arguments in, settings or clear errors out."""

import getpass
import os
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import talpa.cli.connect
import talpa.cli.serve
import talpa.cli.target
from talpa.cli.errors import CliError
from talpa.cli.main import app
from talpa.server.config.client import ClientSettings
from talpa.wire import Secret

EXAMPLES = Path(__file__).parents[2] / "examples"
TALPA = Path(sys.executable).with_name("talpa")


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[ClientSettings]:
    """The settings with which the client was started."""
    found: list[ClientSettings] = []

    def start(settings: ClientSettings) -> int:
        found.append(settings)
        return 0

    monkeypatch.setattr(talpa.cli.connect, "_connect", start)
    return found


def run(*arguments: str, password: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"TALPA_PASSWORD": password})


def secret_file(tmp_path: Path, text: bytes, mode: int = 0o600) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(text)
    path.chmod(mode)
    return path


def test_connect_with_defaults(connected: list[ClientSettings]) -> None:
    assert run("connect", "l2tp://alice@vpn.example.com", password="correct horse").exit_code == 0
    assert connected == [
        ClientSettings(
            server="vpn.example.com",
            port=1701,
            user="alice",
            password=Secret("correct horse"),
        )
    ]
    assert connected[0].methods == ("mschapv2", "chap")
    assert connected[0].reconnect


def test_every_option_arrives(connected: list[ClientSettings], tmp_path: Path) -> None:
    secret = secret_file(tmp_path, b"tunnel secret\nsecond line\n")
    options = (
        f"--tunnel-secret-file {secret} --route 10.0.0.0/8 --route fd00::/8 --default-route "
        "--no-dns --no-ipv6 --no-reconnect --auth chap --auth pap --mru 1300 --tun vpn7 "
        "--local-port 1701 --name laptop --state-dir /run/x --log-level debug"
    )
    result = run("connect", "l2tp://alice@[fd00::1]:17", *options.split(), password="x")
    assert result.exit_code == 0, result.output
    assert connected == [
        ClientSettings(
            server="fd00::1",
            port=17,
            user="alice",
            password=Secret("x"),
            tunnel_secret=Secret("tunnel secret"),
            routes=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
            default_route=True,
            use_dns=False,
            ipv6=False,
            reconnect=False,
            methods=("chap", "pap"),
            mru=1300,
            tun="vpn7",
            local_port=1701,
            name="laptop",
            state_dir=Path("/run/x"),
            log_level="debug",
        )
    ]


def test_the_password_comes_from_a_file_before_the_environment(
    connected: list[ClientSettings], tmp_path: Path
) -> None:
    file = secret_file(tmp_path, "pässword \r\n".encode())
    run("connect", "l2tp://a@h", "--password-file", str(file), password="other")
    assert connected[0].password == Secret("pässword ")


def test_the_password_does_not_stay_in_the_environment(
    connected: list[ClientSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALPA_PASSWORD", "hunter2")
    seen: list[str | None] = []
    start = talpa.cli.connect._connect

    def look(settings: ClientSettings) -> int:
        seen.append(os.environ.get("TALPA_PASSWORD"))
        return start(settings)

    monkeypatch.setattr(talpa.cli.connect, "_connect", look)
    assert CliRunner().invoke(app, ["connect", "l2tp://a@h"]).exit_code == 0
    assert seen == [None]
    assert connected[0].password == Secret("hunter2")


def test_a_terminal_is_asked_for_the_password(
    connected: list[ClientSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def prompt(text: str) -> str:
        asked.append(text)
        return "typed"

    monkeypatch.setattr(talpa.cli.target, "_at_a_terminal", lambda: True)
    monkeypatch.setattr(getpass, "getpass", prompt)
    assert run("connect", "l2tp://alice@host").exit_code == 0
    assert asked == ["Password of alice at host: "]
    assert connected[0].password == Secret("typed")


def test_a_readable_password_file_is_warned_of(
    connected: list[ClientSettings], tmp_path: Path
) -> None:
    file = secret_file(tmp_path, b"x\n", 0o644)
    result = run("connect", "l2tp://a@h", "--password-file", str(file))
    assert (
        result.stderr == f"warning: everybody on this machine can read {file}: chmod 600 {file}\n"
    )
    assert len(connected) == 1


@pytest.mark.parametrize(
    ("arguments", "expected", "code"),
    [
        ("alice@host", "error: the server's URL has no scheme\nhint: write it as l2tp+ipsec://", 2),
        ("l2tp://host", "error: the server's URL names no user\nhint: ", 2),
        (
            "l2tp+ipsec://a@h",
            "error: l2tp+ipsec:// needs the pre-shared key of the server, or a certificate\n"
            "hint: add --psk-file FILE, or --certificate FILE --key FILE and --ca FILE",
            2,
        ),
        ("ikev2://h", "error: nothing is given to log in with\nhint: write ikev2://alice@h", 2),
        ("ikev2://a@h --ike 1", "error: --ike 1: ikev2:// is IKEv2\nhint: ", 2),
        ("l2tp+ipsec://a@h --eap", "error: --eap: only ikev2:// logs in with EAP", 2),
        ("ikev2://a@h --key k", "error: --key is given without --certificate", 2),
        ("ikev2://a@h --certificate c --psk-file p", "error: a key and a certificate are both", 2),
        ("l2tp://a@h --psk-file p", "error: l2tp:// is L2TP in the clear, and options of", 2),
        ("l2tp+ipsec://a@h:500", "error: l2tp+ipsec:// has no port\nhint: leave it out", 2),
        ("l2tp://a:hunter2@h", "error: a password must not stand in the URL", 2),
        ("l2tp://a@h --route 10.0.0.1/8", "error: --route 10.0.0.1/8: ", 2),
        ("l2tp://a@h --auth eap", "error: --auth eap: there is no such choice\nhint: ", 2),
        ("l2tp://a@h --log-level loud", "error: --log-level loud: there is no such choice", 2),
        ("l2tp://a@h", "error: there is no password, and no terminal to ask for it\nhint: ", 2),
        ("l2tp://a@h --password-file /nope", "error: /nope cannot be read: No such file", 1),
        ("l2tp://a@h --password-file /dev/null", "error: the first line of /dev/null is empty", 1),
        ("l2tp://a@h --password x", "Usage: talpa connect", 2),
    ],
)
def test_what_cannot_be_connected_to(
    connected: list[ClientSettings], arguments: str, expected: str, code: int
) -> None:
    result = run("connect", *arguments.split())
    assert result.stderr.startswith(expected)
    assert result.exit_code == code
    assert "hunter2" not in result.output
    assert connected == []


def test_check_config_of_a_good_file() -> None:
    result = run("check-config", "-c", str(EXAMPLES / "talpa.toml"))
    assert result.stdout == (
        f"{EXAMPLES / 'talpa.toml'}: good: 1 user, 1 pool, L2TP in the clear on 198.18.0.1:1701\n"
    )
    assert result.exit_code == 0


def test_check_config_and_serve_refuse_a_bad_file_alike(tmp_path: Path) -> None:
    file = tmp_path / "talpa.toml"
    file.write_text('[server]\nname = ""\n[l2tp]\nlisten = 7\n[[pool]]\n[ipsec]\nrequire = false\n')
    for command in ("check-config", "serve"):
        result = run(command, "-c", str(file))
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr == (
            f"{file}:2: server.name: must not be empty, begin or end with a space, or hold "
            "control characters\n"
            f'{file}:4: l2tp.listen: must be a list: write it as ["...", "..."], with one entry '
            "too\n"
            f'{file}:5: pool[1].ipv4: is missing: add a line such as ipv4 = "10.77.0.0/24"\n'
            f'{file}:5: pool[1].name: is missing: add a line such as name = "staff"\n'
            "error: the configuration cannot be used: 4 problems\n"
        )


def test_what_the_server_cannot_have_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_config: Path) -> int:
        raise CliError("the server cannot start: Operation not permitted", "run it as root")

    monkeypatch.setattr(talpa.cli.serve, "_serve", refuse)
    result = run("serve", "-c", "x")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: the server cannot start: Operation not permitted\nhint: run it as root\n"
    )


def test_the_installed_program_checks_a_configuration(tmp_path: Path) -> None:
    result = subprocess.run(
        [TALPA, "check-config", "--config", tmp_path / "no.toml"], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stderr == (
        f"{tmp_path / 'no.toml'}: there is no such file: name another with --config\n"
        "error: the configuration cannot be used: 1 problem\n"
    )
