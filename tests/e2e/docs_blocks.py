"""The code blocks of the documentation."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```", re.M | re.S)
_GENERATED = "docs/reference/"


class Block(NamedTuple):
    """One fenced block."""

    place: str
    """File and line, for messages."""
    language: str
    text: str


def pages() -> list[Path]:
    """Every page that a person has written."""
    written = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    by_hand = ("index.md", "rfcs.md")
    return sorted(
        page
        for page in written
        if not str(page.relative_to(ROOT)).startswith(_GENERATED) or page.name in by_hand
    )


def blocks(*languages: str) -> Iterator[Block]:
    """The blocks in these languages."""
    for page in pages():
        text = page.read_text()
        for found in _BLOCK.finditer(text):
            if found[2] in languages:
                line = text.count("\n", 0, found.start()) + 1
                yield Block(f"{page.relative_to(ROOT)}:{line}", found[2], found[3])


def commands() -> Iterator[tuple[str, str]]:
    """Every `talpa` command line in them, with its place."""
    for block in blocks("console", "sh"):
        joined = block.text.replace("\\\n", " ")
        for line in joined.splitlines():
            found = re.search(r"(?:^|\s)(?:\S*/)?talpa ([a-z].*)", line)
            if found and (line.startswith(("#", "$", "docker")) or " IMAGE talpa " in line):
                yield block.place, found[1]
