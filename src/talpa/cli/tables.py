"""Tables on standard output: cut to the terminal, whole when something else reads them."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from talpa.api.models import to_json
from talpa.wire import printable

_UNCUT = 10_000
"""Characters: more than any line has."""
_ELASTIC = 7
"""Characters that a column is left with when the terminal is narrow."""


class Column(NamedTuple):
    """One column."""

    title: str
    right: bool = False
    """Set to the right: numbers."""
    elastic: bool = False
    """Cut first when the terminal is narrow."""
    wraps: bool = False
    """Goes on in the next line where it would be cut: sentences."""


def print_table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], *, cut: bool = True
) -> None:
    """Print rows under their titles; without `cut`, lines may be longer than the terminal's."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not (column.elastic or column.wraps),
            min_width=_ELASTIC if column.elastic else None,
        )
    for row in rows:
        # Text, not markup: names come from peers.
        table.add_row(
            *(
                Text(
                    printable(cell),
                    no_wrap=not column.wraps,
                    overflow="fold" if column.wraps else "ellipsis",
                )
                for column, cell in zip(columns, row, strict=True)
            )
        )
    width = terminal_width() if cut else None
    Console(width=width or _UNCUT, highlight=False).print(table, soft_wrap=not width)


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
