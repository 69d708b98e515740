"""Text that somebody else wrote, made fit to be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talpa.wire import printable

TEXTS = st.text() | st.text("a\x1b\n\u202e\ud800", max_size=20)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Jürgen", "Jürgen"),
        (b"J\xc3\xbcrgen", "Jürgen"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nwarning b", "a\\nwarning b"),
        ("\u202eevil", "\\u202eevil"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ],
)
def test_what_could_steer_a_terminal_or_fake_a_line_is_escaped(
    text: str | bytes, shown: str
) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text", ["x" * 11, b"x" * 11, "ü" * 11, "\n" * 6, b"\xf0\x9f\x98\x80" * 11]
)
def test_a_text_that_was_cut_says_so(text: str | bytes) -> None:
    shown = printable(text, 10)
    assert len(shown) == 10
    assert shown.endswith("...")
    whole = printable(text[:4], 10)
    assert not whole.endswith("...")


@given(TEXTS | st.binary(), st.none() | st.integers(0, 30))
def test_whatever_comes_is_one_line_within_the_limit(text: str | bytes, limit: int | None) -> None:
    shown = printable(text, limit)
    assert shown.isprintable()
    assert limit is None or len(shown) <= limit
    assert printable(shown, limit) == shown
