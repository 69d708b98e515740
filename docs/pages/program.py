"""Pages about the program itself: its commands, and the management socket."""

import ast
import inspect
from dataclasses import MISSING, fields

import typer
from pages.markdown import code, table

from talpa.api import models
from talpa.cli.main import app

_MODELS = (
    models.ServerStatus,
    models.IpsecStatus,
    models.PoolUsage,
    models.SessionInfo,
    models.TunnelInfo,
    models.Association,
)


def commands() -> str:
    """What `--help` says, of every command."""
    program = typer.main.get_command(app)
    text = (
        "# Commands\n\n"
        "What `talpa COMMAND --help` says. The exit status is 0 when all went well, 1 when the "
        "command came to nothing, 2 when it was used in a wrong way.\n\n"
        "| Variable | What it is for |\n| --- | --- |\n"
        "| `TALPA_CONFIG` | configuration file, instead of `--config` |\n"
        "| `TALPA_SOCKET` | socket of the running server, instead of `--socket` |\n"
        "| `TALPA_PASSWORD` | password for `connect` and `storm`; `--password-file` counts more. "
        "Other processes of the same user can read it. |\n\n"
    )
    context = program.make_context("talpa", [], resilient_parsing=True)
    for name, command in program.commands.items():  # type: ignore[attr-defined]
        inner = command.make_context(name, [], parent=context, resilient_parsing=True)
        inner.terminal_width = 96
        shown = "\n".join(line.rstrip() for line in command.get_help(inner).splitlines())
        text += f"## talpa {name}\n\n```text\n{shown}\n```\n\n"
    return text


def api() -> str:
    """The management socket and its models."""
    return _SOCKET + "".join(_model(kind) for kind in _MODELS)


def _model(kind: type) -> str:
    tree = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(tree, ast.ClassDef)
    docs: dict[str, str] = {}
    types: dict[str, str] = {}
    for node, behind in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            types[node.target.id] = ast.unparse(node.annotation)
            if isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant):
                docs[node.target.id] = str(behind.value.value).strip('"')
    rows = (
        (
            code(field.name),
            _JSON.get(types[field.name], types[field.name]),
            field.default is MISSING and field.default_factory is MISSING,
            docs.get(field.name, ""),
        )
        for field in fields(kind)
    )
    head = ("Name", "JSON", "Always there", "What it is")
    return f"## {kind.__name__}\n\n{inspect.getdoc(kind)}\n\n" + table(head, rows)


_JSON = {
    "str": "string",
    "int": "number",
    "float": "number",
    "bool": "boolean",
    "str | None": "string or null",
    "float | None": "number or null",
    "tuple[str, ...]": "array of strings",
    "dict[str, int]": "object of numbers",
    "tuple[PoolUsage, ...]": "array of PoolUsage",
    "int | None": "number or null",
    "IpsecStatus | None": "IpsecStatus or null",
}

_SOCKET = """# Management socket

`talpa serve` listens on a Unix socket (`[server] socket`). Only root and the user that the server
runs as are heard. A request is one line of JSON of up to 4096 octets, and so is its answer; a
connection may ask more than once, and is closed after 30 seconds of silence. The server holds up to
32 connections.

```console
# printf '{"op": "sessions"}\\n' | socat -t 5 - UNIX-CONNECT:/run/talpa/talpa.sock
```

| Request | Result |
| --- | --- |
| `{"op": "status"}` | one ServerStatus |
| `{"op": "sessions"}` | array of SessionInfo, oldest first |
| `{"op": "tunnels"}` | array of TunnelInfo, oldest first |
| `{"op": "associations"}` | array of Association, oldest first |
| `{"op": "disconnect", "target": "alice"}` | array of strings: what was ended. The target is a \
user, a session (`"12/34"`, or `"ike/7"` without L2TP), a tunnel (`"12"`) or an association \
(`"sa/5"`) |
| `{"op": "reload"}` | a string: what came of it |

An answer is `{"ok": true, "result": ...}`, or `{"ok": false, "error": {"what": "...", "hint": \
"..."}}`. A reader should ignore names that it does not know: a newer server may say more.

In Python, `talpa.api.client.ApiClient` does all of this, with the models below as its results.

"""
