"""Tables on standard output: cut to the terminal, whole when something else reads them."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from talpa.api.models import to_json

_UNCUT = 10_000
"""Columns: more than any table has."""


class Column(NamedTuple):
    """One column."""

    title: str
    right: bool = False
    """Set to the right: numbers."""
    elastic: bool = False
    """Cut first when the terminal is narrow."""


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their titles."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=6 if column.elastic else None,
        )
    for row in rows:
        # Text, not markup: names come from peers.
        table.add_row(*(Text(printable(cell)) for cell in row))
    _console().print(table)


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names with their values, values beneath each other."""
    known = list(pairs)
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        sys.stdout.write(f"{name:<{width}}  {printable(value)}\n")


def print_json(value: Any) -> None:
    """Print models as JSON."""
    sys.stdout.write(json.dumps(to_json(value), indent=2, ensure_ascii=False) + "\n")


def terminal_width() -> int | None:
    """Columns of the terminal; None: standard output is none."""
    if os.environ.get("COLUMNS", "").isdigit():
        return int(os.environ["COLUMNS"])
    return os.get_terminal_size(1).columns if sys.stdout.isatty() else None


def printable(text: str) -> str:
    """Text without what could steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _console() -> Any:
    from rich.console import Console

    return Console(width=terminal_width() or _UNCUT, highlight=False, soft_wrap=False)
