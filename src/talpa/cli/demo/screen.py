"""What the demo shows: in colour on a terminal, as plain text elsewhere."""

import threading

from rich.console import Console
from rich.text import Text

from talpa.explain import Ladder, Rung
from talpa.explain.ladder import INDENT

_PLAIN_WIDTH = 100
_STYLES = {
    "L2TP": "cyan",
    "LCP": "yellow",
    "PAP": "magenta",
    "CHAP": "magenta",
    "IPCP": "green",
    "IPV6CP": "green",
    "CCP": "green",
}
_TRAFFIC = "blue"


class Screen:
    """Lines from several threads, one after the other."""

    def __init__(self, *, color: bool = True) -> None:
        self._console = Console(highlight=False, no_color=not color or None, soft_wrap=True)
        self._width = self._console.width if self._console.is_terminal else _PLAIN_WIDTH
        self._lock = threading.Lock()

    def title(self, text: str) -> None:
        """What comes next."""
        self._print(Text(f"\n{text}", "bold"))

    def line(self, text: str, style: str = "") -> None:
        """A line of plain text."""
        self._print(Text(text, style))

    def pair(self, name: str, value: str) -> None:
        """A name and its value, values beneath each other."""
        self._print(Text.assemble((f"  {name:<18}", "dim"), value))

    def posts(self, ladder: Ladder) -> None:
        """The head of a ladder."""
        self._print(Text(ladder.head(), "bold"))

    def rung(self, rung: Rung) -> None:
        """One line of the ladder."""
        style = "red" if rung.problem else _STYLES.get(rung.protocol, _TRAFFIC)
        line = rung.text(max(self._width, INDENT))
        at = INDENT - len(rung.arrow) - 3
        text = Text(line)
        text.stylize("dim", 0, at)
        text.stylize(style, at, at + len(rung.arrow))
        if rung.again:
            text.stylize("dim", INDENT)
        self._print(text)

    def _print(self, text: Text) -> None:
        with self._lock:
            self._console.print(text, soft_wrap=True)
