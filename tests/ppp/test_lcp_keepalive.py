"""When an Echo-Request goes out, and when the peer counts as gone."""

from talpa.ppp.lcp.echo import KeepAlive

INTERVAL = 30.0


def ask(echo: KeepAlive, now: float) -> None:
    echo.asked(1, now)


def test_an_answer_that_is_quicker_than_our_timer_is_late_counts() -> None:
    """On a short line the answer comes within less time than a timer is late."""
    echo, heard, now = KeepAlive(), 0.0, INTERVAL
    for _ in range(100):
        assert echo.due(heard, INTERVAL, now)
        assert echo.unanswered == 1
        ask(echo, now)
        heard = now + 0.0002
        assert echo.deadline is not None
        now = echo.deadline + 0.001


def test_what_is_heard_puts_the_echo_off() -> None:
    echo = KeepAlive()
    assert not echo.due(10.0, INTERVAL, 30.0)
    assert echo.deadline == 40.0


def test_silence_is_counted() -> None:
    echo, now = KeepAlive(), INTERVAL
    for count in range(1, 6):
        assert echo.due(0.0, INTERVAL, now)
        assert echo.unanswered == count
        ask(echo, now)
        assert echo.deadline == now + INTERVAL
        now += INTERVAL
