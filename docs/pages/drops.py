"""Reasons for which input is dropped, out of the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

from pages.markdown import table

import talpa

SOURCE = Path(talpa.__file__).parent
_ROOMS = {
    "dataplane": "Data plane, ESP and AH",
    "ike": "IKE",
    "eap": "EAP",
    "l2tp": "L2TP",
    "ppp": "PPP",
    "hostconfig": "DHCP, DHCPv6 and router advertisements",
    "wire": "Parsers of all protocols",
}
_CALLS = {"Malformed": 0, "add": 0, "_drop": 0, "drop": 0}
_DROPPERS = ("drops", "_drops")


def reasons() -> dict[str, list[str]]:
    """Every reason, by room."""
    found: dict[str, set[str]] = {room: set() for room in _ROOMS}
    for room, texts in found.items():
        trees = [ast.parse(path.read_text()) for path in sorted((SOURCE / room).rglob("*.py"))]
        constants = {name: text for tree in trees for name, text in _constants(tree)}
        for tree in trees:
            texts.update(_reasons(tree, constants))
    return {room: sorted(texts, key=str.lower) for room, texts in found.items()}


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Texts that a module names."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = _text(node.value)
            if text:
                yield node.targets[0].id, text


def _reasons(tree: ast.AST, constants: dict[str, str]) -> Iterator[str]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not call.args or not _drops(call.func):
            continue
        said = call.args[0]
        for node in (said.body, said.orelse) if isinstance(said, ast.IfExp) else (said,):
            text = constants.get(node.id, "") if isinstance(node, ast.Name) else _text(node)
            if " " in text and any(c.isalpha() for c in text):
                yield text


def _drops(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "Malformed"
    if not isinstance(function, ast.Attribute) or function.attr not in _CALLS:
        return False
    if function.attr != "add":
        return True
    owner = function.value
    return getattr(owner, "attr", getattr(owner, "id", "")) in _DROPPERS


def _text(node: ast.expr) -> str:
    """A string, or an f-string with "..." for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values
        )
    return ""


def drops() -> str:
    """The reference page."""
    return (
        "# Why input is dropped\n\n"
        "`talpa status` counts dropped input by these reasons, also in `--json`. They come from "
        "the program's own words, never from what a peer sent. `...` stands for the name of a "
        "message, an option or a number; those of PPP have the protocol in front.\n\n"
        "A few are normal on every server: `multicast from the host` (the kernel's own "
        "solicitations on the TUN device) and `control message received before` (a retransmission "
        "that was not needed). What grows quickly is worth a look in "
        "[troubleshooting](../how-to/troubleshooting.md).\n\n"
        + "".join(
            f"## {_ROOMS[room]}\n\n" + table(("Reason",), ((text,) for text in texts))
            for room, texts in reasons().items()
        )
    )
