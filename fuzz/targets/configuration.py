"""The configuration file."""

from collections.abc import Iterator
from pathlib import Path

from talpa.server.config.loader import read

_MOST_OCTETS = 8192
_EXAMPLES = Path(__file__).parents[2] / "examples"


def check(data: bytes) -> None:
    """Any text is settings, or a list of problems with places that exist; nothing is raised."""
    text = data[:_MOST_OCTETS].decode("utf-8", "replace")
    report = read(text, "talpa.toml")
    assert (report.settings is None) == bool(report.problems)
    lines = text.count("\n") + 1
    for problem in (*report.problems, *report.warnings):
        assert str(problem).startswith("talpa.toml")
        assert problem.line is None or 1 <= problem.line <= lines, (problem, lines)


def seeds() -> Iterator[bytes]:
    """The small examples; values of each kind where others belong; numbers beyond all bounds."""
    for name in ("talpa.toml", "two-pools.toml", "split-tunnel.toml"):
        yield (_EXAMPLES / name).read_bytes()
    for value in ("nan", "-1", "[]", "{a.b=1}", "1979-05-27T07:32:00", "'x'", "true", "0xffff"):
        yield f"[l2tp]\nhello_interval = {value}\n[ppp]\nmru = {value}\npool = {value}\n".encode()
    yield b"[ppp]\nmru = " + b"9" * 5000
    yield b"[ppp]\nmru = 0x" + b"f" * 5000
    yield b"a = " + b"[" * 2000
    yield b".".join([b"a"] * 500) + b" = 1"
