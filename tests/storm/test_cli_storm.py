"""`talpa storm`: arguments in, a plan or clear errors out; the report and the exit status."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import talpa.storm.process
from storm.crowd import Crowd
from talpa.cli.errors import CliError
from talpa.cli.main import app
from talpa.ike.config import Lifetimes
from talpa.storm.families import FAMILIES
from talpa.storm.process import Storm
from talpa.storm.report import Report
from talpa.storm.security import SecurityPlan
from talpa.wire import Secret


class Started:
    """What the command would have run, and the report that it gets instead."""

    def __init__(self) -> None:
        self.storm: Storm | None = None
        self.report = Report()

    def __call__(self, storm: Storm, _progress: Callable[[int, int], None]) -> Report:
        self.storm = storm
        return self.report


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    stand_in = Started()
    monkeypatch.setattr(talpa.storm.process, "run", stand_in)
    return stand_in


def run(*arguments: str, url: str = "l2tp://u{n}@server.example") -> Result:
    words = ["storm", url, *arguments]
    return CliRunner().invoke(app, words, env={"TALPA_PASSWORD": "secret"})


def storm_of(started: Started) -> Storm:
    assert started.storm is not None
    return started.storm


def test_defaults(started: Started) -> None:
    run()
    storm = storm_of(started)
    assert (storm.server, storm.port) == ("server.example", 1701)
    assert [family.name for family in storm.families] == ["xl2tpd"]
    assert (storm.plan.clients, storm.plan.rate, storm.plan.user) == (100, 50.0, "u{n}")
    assert storm.plan.password == Secret("secret")
    assert (storm.sources, storm.ports) == ((), 1)
    assert not storm.plan.redial


def test_all_that_can_be_said(started: Started) -> None:
    run(
        *("--clients", "7", "--rate", "3", "--family", "lac", "--family", "windows", "--redial"),
        *("--hold", "1", "--patience", "2", "--echo", "4", "--pings", "5", "--ping-size", "100"),
        *("--ports", "6", "--source", "198.18.0.7", "--source", "198.18.0.8"),
    )
    storm = storm_of(started)
    assert [family.name for family in storm.families] == ["lac", "windows"]
    plan = storm.plan
    assert (plan.clients, plan.rate, plan.echo_interval, plan.redial) == (7, 3.0, 4.0, True)
    assert (plan.pings, plan.ping_octets) == (5.0, 100)
    assert (storm.hold, storm.setup_patience) == (1.0, 2.0)
    assert (storm.ports, storm.sources) == (6, ("198.18.0.7", "198.18.0.8"))


def test_all_families(started: Started) -> None:
    run("--family", "all")
    assert [family.name for family in storm_of(started).families] == list(FAMILIES)


def test_an_unknown_family(started: Started) -> None:
    result = run("--family", "amiga")
    assert result.exit_code == 2
    assert "amiga" in result.output
    assert all(name in result.output for name in FAMILIES)
    assert started.storm is None


def test_a_server_that_cannot_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_storm: Storm, _progress: object) -> Report:
        raise OSError("no such host")

    monkeypatch.setattr(talpa.storm.process, "run", fail)
    result = run()
    assert result.exit_code == 1
    error = result.exception
    text = str(error) if isinstance(error, CliError) else result.output
    assert "server.example cannot be called: no such host" in text


def test_the_exit_status_says_whether_all_are_up_at_the_end(started: Started) -> None:
    for _ in range(3):
        started.report.established(1.0)
    started.report.time_to_go()
    assert run("--clients", "3").exit_code == 0
    assert run("--clients", "4").exit_code == 1
    started.report.lost("gone", 2.0)
    started.report.time_to_go()
    assert run("--clients", "3").exit_code == 1


def test_json(started: Started) -> None:
    crowd = Crowd("xl2tpd").call(2)
    assert crowd.all_up(2)
    crowd.hang_up()
    started.report = crowd.report
    result = run("--clients", "2", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(json.dumps(crowd.report.as_json()))


def test_tables(started: Started) -> None:
    report = started.report = Crowd("xl2tpd").call(2).run(2).hang_up().report
    report.failed("lcp", "the peer did not finish LCP")
    report.lost("the peer ended the link", 1.0)
    report.outages.append(2.5)
    text = run().stdout
    assert text.startswith("2 calls, 2 sessions set up, 1 failed, 1 lost; ")
    for words in ("P50 MS", "authentication", "the peer did not finish LCP", "2.5 s"):
        assert words in text
    assert max(map(len, text.splitlines())) <= 100
    assert "secret" not in text


def test_ipsec(started: Started, tmp_path: Path) -> None:
    psk = tmp_path / "psk"
    psk.touch(0o600)
    psk.write_text("a shared key\n")
    words = ("--psk-file", str(psk), "--ike", "2", "--key-life", "30", "--clients", "12")
    families = ("--family", "windows", "--family", "macos", "--ports", "3")
    run(*words, *families, url="l2tp+ipsec://u@server.example")
    storm = storm_of(started)
    assert storm.plan.security == SecurityPlan(
        Secret("a shared key"), 2, Lifetimes(ike=30.0, child=30.0)
    )
    assert storm.sockets == 2 * 12
    assert "a shared key" not in repr(storm)


def test_the_families_own_lifetimes_unless_told(started: Started, tmp_path: Path) -> None:
    psk = tmp_path / "psk"
    psk.touch(0o600)
    psk.write_text("a shared key")
    run("--psk-file", str(psk), url="l2tp+ipsec://u@server.example")
    security = storm_of(started).plan.security
    assert security is not None
    assert (security.version, security.lifetimes) == (1, None)


@pytest.mark.parametrize(
    ("url", "words", "says"),
    [
        ("l2tp+ipsec://u@server.example", (), "--psk-file FILE"),
        ("l2tp://u@server.example", ("--psk-file", "/dev/null"), "leave it out"),
        ("l2tp://u@server.example", ("--ike", "2"), "leave it out"),
        ("l2tp://u@server.example", ("--key-life", "60"), "leave it out"),
    ],
)
def test_a_key_where_there_is_ipsec(
    started: Started, url: str, words: tuple[str, ...], says: str
) -> None:
    result = run(*words, url=url)
    assert result.exit_code == 2
    error = result.exception
    assert says in (f"{error} {error.hint}" if isinstance(error, CliError) else result.output)
    assert started.storm is None


def test_stages_and_keys_in_the_table(started: Started) -> None:
    started.report.reached("ipsec", 0.02)
    started.report.rekeyed(7)
    text = run().stdout
    assert "ipsec" in text
    assert "keys of IPsec replaced 7 times" in text
