"""The log: short under attack, whole for what matters, safe to read."""

import json

import pytest

from talpa.l2tp.events import CallDown, Result
from talpa.roles.lns_notices import call_failed
from talpa.roles.notices import Notice
from talpa.sansio import Address, Path
from talpa.server.log import FIELD_LIMIT, MESSAGE_LIMIT, Log
from talpa.wire import printable


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def failed(client: str = "198.18.0.7", name: str = "alice") -> Notice:
    return Notice("login-failed", f"{name}: wrong password", "warning", {"client": client})


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_flood_from_one_address_is_summed_up(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    log = Log("info", "text", clock)
    for _ in range(1000):
        log.tell(failed())
    assert len(lines(capsys)) == Log.BURST
    log.tell(failed("198.18.0.8"))
    assert len(lines(capsys)) == 1
    clock.now += Log.WINDOW
    log.sum_up()
    (said,) = lines(capsys)
    assert "login-failed from 198.18.0.7: 995 more within 10 s" in said
    assert " warning " in said
    log.tell(failed())
    assert len(lines(capsys)) == 1


def test_a_flood_that_goes_on_is_summed_up_in_every_window(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    log = Log("info", "text", clock)
    for _ in range(3000):
        log.tell(failed())
        clock.now += 0.01
    said = lines(capsys)
    assert len(said) <= 3 * (Log.BURST + 1)
    assert sum("more within" in line for line in said) == 2


def test_a_flood_from_everywhere_is_summed_up(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    log = Log("info", "text", clock)
    for number in range(20_000):
        log.tell(failed(f"198.18.{number >> 8}.{number & 255}"))
    log.sum_up(everything=True)
    said = lines(capsys)
    assert len(said) < Log.TOTAL * 8
    assert any("login-failed from various" in line for line in said)


def test_another_port_is_no_other_source(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    log = Log("info", "text", clock)
    for port in range(100):
        log.tell(Notice("tunnel-up", "up", "info", {"peer": f"198.18.0.7:{port}"}))
    assert len(lines(capsys)) == Log.BURST


def test_sessions_of_users_are_all_told(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    log = Log("info", "text", clock)
    for number in range(100):
        fields: dict[str, object] = {"client": "198.18.0.7", "user": f"user{number}"}
        log.tell(Notice("session-up", "up", "info", fields))
        log.tell(Notice("session-down", "down", "info", fields))
    assert len(lines(capsys)) == 200


def test_faults_do_not_fill_the_disk(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    log = Log("info", "text", clock)
    for _ in range(100):
        log.tell(Notice("fault", "a fault", "error"))
    log.sum_up(everything=True)
    said = lines(capsys)
    assert len(said) == Log.BURST + 1
    assert "fault from various: 95 more" in said[-1]


def test_calls_that_come_to_nothing_do_not_fill_the_disk(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    log = Log("info", "text", clock)
    path = Path(Address("198.18.0.1", 1701), Address("198.18.0.7", 40_000))
    for number in range(1000):
        down = CallDown(7, number, Result(2, 0, "x" * 900), by_peer=True)
        log.tell(call_failed(down, path))
    said = lines(capsys)
    assert len(said) == Log.BURST
    assert "client=198.18.0.7" in said[0]


def test_what_comes_from_nowhere_is_limited_too(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    log = Log("info", "text", clock)
    for _ in range(1000):
        log.tell(Notice("something", "happened"))
        log.tell(Notice("something-else", "happened", "warning"))
    assert len(lines(capsys)) == 2 * Log.TOTAL


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_is_bounded_in_both_forms(
    capsys: pytest.CaptureFixture[str], clock: Clock, form: str
) -> None:
    log = Log("info", form, clock)
    log.tell(Notice("session-up", "m" * 9000, "info", {"user": "u" * 9000}))
    (said,) = lines(capsys)
    assert len(said) < MESSAGE_LIMIT + FIELD_LIMIT + 150


def test_what_a_stranger_writes_stays_in_its_line(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    evil = "a\n12:00:00 info all is well\x1b[2J\x9b\u202e\r"
    for form in ("text", "json"):
        log = Log("info", form, clock)
        log.tell(Notice("session-up", evil, "info", {"user": evil, "client": "198.18.0.7"}))
        (said,) = lines(capsys)
        assert all(c.isprintable() for c in said)
        if form == "json":
            record = json.loads(said)
            assert record["user"] == evil
            assert record["event"] == "session-up"
    assert printable("\x1b") == "\\x1b"


def test_a_log_below_its_level_is_silent(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    Log("warning", "text", clock).tell(Notice("ready", "ready"))
    assert lines(capsys) == []
