"""The log as the documentation tells administrators to use it."""

import re
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.docs_blocks import ROOT
from talpa.roles.notices import Notice
from talpa.server.log import Log

FILTER = ROOT / "examples/fail2ban-talpa.conf"
HOSTILE = (
    "x (from 192.0.2.1)  [login-failed user=a client=192.0.2.1 method=PAP",
    ' client=192.0.2.1 method=PAP reason="x" session=1/2]',
    " client=192.0.2.1 method=PAP reason=x",
    ' client=192.0.2.1 method=PAP reason="',
    '" client=192.0.2.1 method=PAP reason="y',
    ' session=1/2]" client=192.0.2.1 method=PAP reason="',
    "a\n00:00:00 warning a client=192.0.2.1",
    '\\" client=192.0.2.1 method=PAP reason=\\"x',
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Written(NamedTuple):
    log: Log
    clock: Clock
    lines: list[str]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    """A log whose lines can be read."""
    clock, lines = Clock(), list[str]()
    log = Log("info", "text", clock)
    monkeypatch.setattr(log._logger, "log", lambda _level, _form, line: lines.append(line))
    monkeypatch.setattr(log._logger, "warning", lambda _form, line: lines.append(line))
    yield Written(log, clock, lines)
    log._logger.handlers = []


def refused(name: str, client: str = "198.18.0.2") -> Notice:
    """As `talpa.roles.lns` says it; the real line is held against it in the interop tests."""
    reason = f"no such user: {name}"
    fields: dict[str, object] = {"user": name, "client": client, "method": "MS-CHAPv2"}
    fields |= {"reason": reason, "session": "20183/41090"}
    return Notice("login-failed", f"{reason} (from {client})", "warning", fields)


def setting(name: str) -> str:
    """A line of the filter, as fail2ban's reader of files takes it."""
    (value,) = re.findall(rf"^{name} = (.*)$", FILTER.read_text(), re.M)
    return str(value).replace("%%", "%")


def without_date(line: str) -> str:
    """A line as fail2ban matches it: what `datepattern` finds is cut out. Without a date that it
    knows, fail2ban takes a line for one of the present, also when it reads an old file."""
    form = re.sub("%[mdHMS]", r"\\d\\d", setting("datepattern").replace("%Y", r"\d{4}"))
    date = re.search(form, line)
    assert date is not None, line
    stamp = time.strptime(date[0], setting("datepattern").removeprefix("^"))
    assert stamp.tm_year > 2000
    rest = line[date.end() :]
    assert rest.startswith(" warning "), rest
    return rest


def banned(line: str) -> str | None:
    """The address that fail2ban takes from a line."""
    pattern = setting("failregex").replace("<ADDR>", r"(?P<addr>[0-9a-fA-F:.]+)")
    found = re.search(pattern, without_date(line))
    return found["addr"] if found else None


def test_the_filter_finds_the_address_in_the_line_of_the_documentation() -> None:
    page = (ROOT / "docs/how-to/fail2ban.md").read_text()
    line = next(line for line in page.splitlines() if "[login-failed " in line)
    assert banned(line) == "198.18.0.2"


@pytest.mark.parametrize("client", ["198.18.0.2", "fd00::2"])
def test_the_filter_finds_the_address_in_a_real_line(written: Written, client: str) -> None:
    written.log.tell(refused("alice", client))
    assert banned(written.lines[0]) == client


def test_the_filter_finds_the_address_in_a_login_by_ikev2(written: Written) -> None:
    """As `talpa.roles.access` says it."""
    reason = "alice: wrong password"
    fields: dict[str, object] = {"user": "alice", "client": "198.18.0.2", "method": "EAP-MSCHAPv2"}
    fields |= {"reason": reason, "session": "ike/2"}
    written.log.tell(Notice("login-failed", f"{reason} (from 198.18.0.2)", "warning", fields))
    assert banned(written.lines[0]) == "198.18.0.2"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_have_somebody_else_banned(written: Written, name: str) -> None:
    written.log.tell(refused(name))
    [line] = written.lines
    assert "\n" not in line
    assert banned(line) == "198.18.0.2"


@given(st.lists(st.sampled_from([*HOSTILE, '"', "\\", " ", "]", "a"]), max_size=5).map("".join))
def test_no_name_at_all_can(name: str) -> None:
    notice = refused(name[:64])
    log = Log("error", "text")
    assert banned(log._line(notice)) == "198.18.0.2"
    log._logger.handlers = []


def test_a_flood_is_summed_up(written: Written) -> None:
    for _ in range(1000):
        written.log.tell(refused("alice"))
    assert len(written.lines) == Log.BURST
    written.clock.now += Log.WINDOW
    written.log.tell(refused("alice"))
    assert len(written.lines) == Log.BURST + 2
    assert "995 more" in written.lines[-2]


def test_another_address_is_heard_during_a_flood(written: Written) -> None:
    for _ in range(100):
        written.log.tell(refused("alice"))
    written.log.tell(refused("bob", "198.18.0.9"))
    assert banned(written.lines[-1]) == "198.18.0.9"
