"""The commands that ask a running server, as a person and as a program see them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from management.canned import SESSION, CannedManagement, running_server
from talpa import __version__
from talpa.cli.main import app
from talpa.cli.quantities import duration, octets

TALPA = Path(sys.executable).with_name("talpa")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "talpa.sock"


@pytest.fixture
def management(path: Path) -> Iterator[CannedManagement]:
    canned = CannedManagement()
    with running_server(path, canned):
        yield canned


def run(path: Path, *arguments: str, columns: str = "80") -> Result:
    environment = {"TALPA_SOCKET": str(path), "COLUMNS": columns}
    return CliRunner().invoke(app, list(arguments), env=environment)


@pytest.mark.usefixtures("management")
def test_sessions_is_a_table_of_80_columns_without_colour(path: Path) -> None:
    result = run(path, "sessions")
    assert result.stdout.splitlines() == [
        "SESSION USER    FROM        ADDRESS       UP IDLE     IN   OUT",
        "─" * 62,
        "12/34   alice   203.0.113.7 10.77.0.50 1d02h   3s 1.2 MB 99 GB",
    ]
    assert result.exit_code == 0


def test_a_full_disk_is_said_in_a_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(
            [TALPA, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert found.returncode == 1
    assert found.stderr == "error: the output cannot be written: No space left on device\n"


def test_long_names_are_cut_to_the_terminal_and_whole_elsewhere(
    path: Path, management: CannedManagement
) -> None:
    management.found = [
        replace(
            SESSION,
            id="65535/65535",
            user="a.very.long.name@of.a.company.example.com",
            client="[2001:db8:1234:5678:9abc:def0:1234:5678]:50123",
        )
    ]
    narrow = run(path, "sessions").stdout.splitlines()
    assert max(map(len, narrow)) <= 80
    assert "65535/65535" in narrow[2]
    assert "10.77.0.50" in narrow[2]
    assert "1d02h" in narrow[2]
    whole = run(path, "sessions", columns="").stdout
    assert "a.very.long.name@of.a.company.example.com" in whole
    assert "2001:db8:1234:5678:9abc:def0:1234:5678" in whole


@pytest.mark.usefixtures("management")
def test_wide_sessions_show_everything(path: Path) -> None:
    output = run(path, "sessions", "--wide").stdout
    for value in ("LAPTOP-7", "fd77:0:0:1::/64", "MS-CHAPv2", "staff", "1400", "up"):
        assert value in output


def test_a_session_without_a_user_yet_says_what_it_does(
    path: Path, management: CannedManagement
) -> None:
    management.found = [replace(SESSION, user="", ipv4=None, ipv6=None, state="negotiating")]
    assert "(negotiating)" in run(path, "sessions").stdout


def test_names_from_peers_cannot_steer_the_terminal(
    path: Path, management: CannedManagement
) -> None:
    management.found = [replace(SESSION, user="[red]x[/red]\x1b[2J\n")]
    output = run(path, "sessions").stdout
    assert "[red]x[/red]\\x1b[2J\\n" in output
    assert "\x1b" not in output


def test_nobody_connected(path: Path, management: CannedManagement) -> None:
    management.found = []
    result = run(path, "sessions")
    assert (result.stdout, result.stderr) == ("", "nobody is connected\n")
    assert json.loads(run(path, "sessions", "--json").stdout) == []


@pytest.mark.usefixtures("management")
def test_json_is_what_the_socket_says(path: Path) -> None:
    (session,) = json.loads(run(path, "sessions", "--json").stdout)
    assert session["user"] == "alice"
    assert session["received_octets"] == 1_234_567
    (tunnel,) = json.loads(run(path, "tunnels", "--json").stdout)
    assert (tunnel["id"], tunnel["authenticated"]) == (12, True)
    status = json.loads(run(path, "status", "--json").stdout)
    assert status["pools"][0]["ipv4_size"] == 253


@pytest.mark.usefixtures("management")
def test_tunnels(path: Path) -> None:
    result = run(path, "tunnels")
    assert result.stdout.splitlines()[2].split() == [
        "12",
        "1",
        "laptop-7",
        "203.0.113.7:50123",
        "1",
        "1d02h",
        "proved",
        "established",
    ]
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.usefixtures("management")
def test_status(path: Path) -> None:
    assert run(path, "status").stdout == (
        "server           vpn.example.com (talpa 0.1.0, process 4711)\n"
        "up for           1d03h\n"
        "L2TP on          198.18.0.1:1701\n"
        "L2TP on          [fd00::1]:1701\n"
        "data plane       reference, talpa0\n"
        "connected        1 session of 1 user in 1 tunnel\n"
        "IKE on           198.18.0.1:500\n"
        "IKE on           198.18.0.1:4500\n"
        "IPsec            1 association in 1 IKE SA, 2 half open, 1 WEAK\n"
        "IPsec policy     compatible, required\n"
        "IPsec failures   6\n"
        "pool staff       1 of 253 IPv4 addresses in use, 1 of 255 IPv6 prefixes in use\n"
        "sessions set up  17\n"
        "logins refused   4\n"
        "dropped          250: unknown tunnel\n"
        "dropped          3: AVP length below 6\n"
        "warning          every key is written to /root/keys\n"
    )


@pytest.mark.usefixtures("management")
def test_associations_with_what_is_weak(path: Path) -> None:
    lines = run(path, "sas", columns="120").stdout.splitlines()
    assert lines[0].split() == ["SA", "WHO", "FROM", "IKE", "ESP", "UP", "IN", "OUT", "WEAK"]
    assert lines[2].split() == [
        *("5", "alice", "203.0.113.7:4500", "v1", "AES-CBC-256/HMAC-SHA1-96"),
        *("1d02h", "1.3", "MB", "100", "GB", "3des"),
    ]
    assert max(map(len, run(path, "sas").stdout.splitlines())) <= 80
    wide = run(path, "sas", "--wide").stdout
    for value in ("windows", "192.168.1.20", "PSK", "ECP-384", "transport/udp", "peer", "26"):
        assert value in wide
    (told,) = json.loads(run(path, "sas", "--json").stdout)
    assert (told["weak"], told["rekeys"], told["users"]) == (["3des"], 26, ["alice"])


def test_no_association(path: Path, management: CannedManagement) -> None:
    management.associated = []
    result = run(path, "sas")
    assert (result.stdout, result.stderr) == ("", "there is no IPsec association\n")


def test_disconnect(path: Path, management: CannedManagement) -> None:
    result = run(path, "disconnect", "alice")
    assert (result.stdout, result.exit_code) == ("disconnected alice 12/34\n", 0)
    result = run(path, "disconnect", "bob")
    assert (result.stdout, result.exit_code) == ("", 1)
    assert result.stderr == (
        "error: there is no user, session, tunnel, association or link bob\n"
        "hint: see what there is with: talpa sessions\n"
    )
    assert management.targets == ["alice", "bob"]


def test_reload(path: Path, management: CannedManagement) -> None:
    assert run(path, "reload").stdout == "configuration read again\n"
    management.config_broken = True
    result = run(path, "reload")
    assert result.exit_code == 1
    assert "talpa.toml:3: user[1].name: is missing" in result.stderr


@pytest.mark.parametrize("command", ["sessions", "tunnels", "sas", "status", "reload"])
def test_without_a_server_each_command_says_what_to_do(path: Path, command: str) -> None:
    result = run(path, command)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"error: no server answers on {path}\n"
        "hint: start one with: talpa serve; or name its socket with --socket or TALPA_SOCKET\n"
    )


@pytest.mark.usefixtures("management")
def test_the_installed_program_answers(path: Path) -> None:
    environment = {**os.environ, "TALPA_SOCKET": str(path)}
    result = subprocess.run([TALPA, "sessions"], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "alice" in result.stdout


def test_the_program_loads_no_protocol_to_ask_a_server() -> None:
    code = (
        "import sys, talpa.cli.main, talpa.cli.sessions\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('talpa.')}\n"
        "print(sorted(rooms), 'pydantic' in sys.modules, 'rich' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "['api', 'cli', 'server', 'wire'] False False\n"


def test_version_and_help() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"talpa {__version__}\n"
    output = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).stdout
    for command in app.registered_commands:
        assert f"\n  {command.name} " in output
    assert max(map(len, output.splitlines())) <= 80


def test_quantities() -> None:
    assert [duration(s) for s in (None, 0, 59.9, 60, 3599, 3600, 86_400, 1e7)] == [
        "-",
        "0s",
        "59s",
        "1m00s",
        "59m59s",
        "1h00m",
        "1d00h",
        "115d17h",
    ]
    assert [octets(n) for n in (0, 999, 1000, 9_949, 9_951, 999_499, 999_600, 10**15)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "9.9 kB",
        "10 kB",
        "999 kB",
        "1.0 MB",
        "1.0 PB",
    ]
