"""Writes the reference pages from the declarations in the code. They are not kept in git."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from talpa.l2tp.v2 import messages
from talpa.ppp import registry

FOLDER = Path(__file__).parent / "reference"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *([cell(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def cell(value: object) -> str:
    """A value as the text of a table's cell."""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, tuple):
        return ", ".join(map(cell, value))
    return str(value).replace("|", "\\|").replace("*", "\\*").replace("\n", " ")


def l2tpv2() -> str:
    """Messages and AVPs of L2TPv2."""
    kinds, avps = messages.reference_rows()
    return (
        "# L2TPv2 messages and AVPs\n\n## Messages\n\n"
        + table(
            ("Number", "Name", "What it is", "Defined in", "AVPs it must have", "AVPs it may have"),
            kinds,
        )
        + "## AVPs\n\n"
        "*Mandatory*: a receiver that does not know it must give up. *Hideable*: it may be sent "
        "hidden. *Hidden*: Talpa hides it where there is a tunnel secret. A message with \\* "
        "must have the AVP.\n\n"
        + table(
            (
                *("Vendor", "Number", "Name", "Layout", "Mandatory", "Hideable", "Hidden"),
                *("Defined in", "Note", "Messages"),
            ),
            avps,
        )
    )


def ppp() -> str:
    """Protocols, packets and options of PPP."""
    head = ("Protocol", "Number", "Name", "Layout", "Defined in", "What it does")
    return "# PPP protocols, packets and options\n\n" + table(head, registry.reference_rows())


PAGES = {"l2tpv2.md": l2tpv2, "ppp.md": ppp}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
