"""Markdown out of values."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table, with an empty line behind it."""
    lines = [head, ["---"] * len(head), *([cell(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def cell(value: object) -> str:
    """A value as the text of a table's cell."""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, tuple):
        return ", ".join(map(cell, value))
    text = str(value).replace("\n", " ")
    if text.startswith("`"):
        return text.replace("|", "\\|")
    return text.replace("|", "\\|").replace("*", "\\*")


def code(text: str) -> str:
    """Text between backticks."""
    return f"`{text}`"


def section(text: str) -> str:
    """Text that other pages can take in, under the name "table"."""
    return f"<!-- --8<-- [start:table] -->\n\n{text}<!-- --8<-- [end:table] -->\n"
