"""What the program writes to its log: names and fields out of the source, with what they mean."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pages.markdown import code, table

import talpa

SOURCE = Path(talpa.__file__).parent
_CLIENT = (
    "server/client_process.py",
    "server/client_roles.py",
    "roles/client.py",
    "roles/ipsec_client.py",
)
_BOTH = ("roles/ipsec_notices.py",)
"""Said by the server and by the client."""
_NOT_LOGGED = ("keys",)
"""Lines of the key log, which go to its files alone."""
_TELLERS = ("_tell", "_say")
"""Methods whose first argument is a notice's name."""

MEANINGS: dict[str, str] = {
    "association-down": "An association ended, and with it every tunnel and address in it. "
    "`replayed` and `forged` count packets that were not taken.",
    "association-up": "IPsec with a peer is up: packets may go through. It outlives its keys: that "
    "they are made anew is not said.",
    "call-failed": "A call ended before PPP began in it; the text says why.",
    "call-up": "A call is up, and PPP begins in it.",
    "configuration-warning": "Something in the configuration works but is likely not meant.",
    "connected": "There is an IPv4 address. The times are those of each step.",
    "data-plane-degraded": "The kernel refused something that can be done without, such as a "
    "larger socket buffer.",
    "disconnected": "The connection ended; the text says why.",
    "disconnecting": "Somebody asked for the end (Ctrl-C, SIGTERM).",
    "fault": "An error in Talpa itself, with its traceback. The server goes on. Please report it.",
    "ike-down": "An IKE SA ended, and every association that no other IKE SA took over.",
    "ike-failed": "IKE with a peer came to nothing. `stage` says where, `reason` why. When nothing "
    "was in common the sentence holds both lists: what was offered, and what is allowed.",
    "ike-rekeyed": "The keys of IKE itself were made anew.",
    "ike-up": "A peer has proved who it is. A warning where something weak was taken because the "
    "configuration allows it: `weak` names it.",
    "ipv6": "There are IPv6 addresses.",
    "key-log": "Every key is written to a directory, for Wireshark. Only for finding faults.",
    "link-calling": "The other end of a link from router to router is called.",
    "link-unreachable": "The other end of a link from router to router cannot be called: its name "
    "has no address, or there is no route. It is tried again.",
    "login-failed": "A name or password was wrong, an account is disabled or its password has "
    "expired, or the user must wait after earlier failures; `reason` says which.",
    "moved": "This machine has another address towards the server now; with IPsec the connection "
    "follows it.",
    "name-servers": "The name servers that the server gave.",
    "ppp-step": "PPP on a session came a step further: LCP open, a login tried, a network up.",
    "progress": "The next step towards a connection has begun.",
    "ready": "The server answers.",
    "recovered": "The run before ended in a crash; what it had changed on this machine is now "
    "put back.",
    "reload-refused": "The new configuration has problems, each named; the old one stays.",
    "reloaded": "The configuration was read again.",
    "route-refused": "The kernel has another route to a network that was to go through the tunnel; "
    "the connection goes on without it.",
    "session-down": "A session ended, or a login came to nothing. `reason` says why, "
    "`windows_error` is the number that a Windows client shows its user.",
    "session-refused": "The password was right, but there is no address, or there are too many "
    "sessions.",
    "session-replaced": "A user who may have no more sessions logged in again from the same device "
    "(same address, L2TP host name and IPsec identity): the earlier session, which the device has "
    "lost, ends.",
    "session-up": "A user is connected. `seconds` is the time from the call to this line.",
    "stage": "As `progress`, for programs.",
    "stopping": "The server says goodbye to its clients.",
    "suppressed": "So many lines of a kind came from one address that the others were left out.",
    "tunnel-down": "A control connection ended, and every call in it. A warning where neither "
    "side meant it to.",
    "tunnel-refused": "A peer asked for a control connection and was refused; the text says why.",
    "tunnel-up": "A control connection is up. With a tunnel secret, the peer has proved it.",
    "unreachable": "Packets cannot be sent to the server.",
    "unresolved": "The server's name has no address.",
    "waiting": "The pause before the next try.",
}


class Logged(NamedTuple):
    """One place in the source that writes a notice."""

    name: str
    level: str
    fields: tuple[str, ...]
    client: bool
    """Of `talpa connect`; otherwise of `talpa serve`."""


def logged() -> list[Logged]:
    """Every notice in the source."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        tree = ast.parse(path.read_text())
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                ends = (False, True) if name in _BOTH else (name in _CLIENT,)
                said = [one for one in _said(function) if one[0] not in _NOT_LOGGED]
                found += [Logged(*one, client) for one in said for client in ends]
    return found


def _said(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple]:
    for call in ast.walk(function):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        teller = getattr(call.func, "attr", getattr(call.func, "id", ""))
        name = call.args[0]
        if teller not in ("Notice", *_TELLERS) or not isinstance(name, ast.Constant):
            continue
        levels = [_level(a) for a in (*call.args[2:3], *(k.value for k in call.keywords))]
        level = next(filter(None, levels), "info")
        yield str(name.value), level, tuple(_fields(call.args[3:4], function))


def _level(node: ast.expr) -> str:
    texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
    return " or ".join(t for t in texts if t in ("debug", "info", "warning", "error"))


def _fields(argument: list[ast.expr], function: ast.AST) -> Iterator[str]:
    """Keys of the dictionary, also where it was put together in a variable before."""
    for node in argument:
        if isinstance(node, ast.Dict):
            yield from (str(k.value) for k in node.keys if isinstance(k, ast.Constant))
        elif isinstance(node, ast.Name):
            for other in ast.walk(function):
                if isinstance(other, ast.AnnAssign) and _is(other.target, node.id):
                    yield from _fields([other.value] if other.value else [], function)
                if isinstance(other, ast.Subscript) and _is(other.value, node.id):
                    yield str(other.slice.value)  # type: ignore[attr-defined]


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def log() -> str:
    """The reference page. Raises `LookupError` when `MEANINGS` and the source have drifted."""
    notices = logged()
    names = {notice.name for notice in notices}
    if names != set(MEANINGS):
        raise LookupError(f"notices without meaning, or gone: {sorted(names ^ set(MEANINGS))}")
    return (
        "# Log\n\n"
        "One line for each event, on standard error:\n\n"
        "```text\n"
        "2026-11-20 00:46:06 warning alice: wrong password (from 198.18.0.2)  [login-failed "
        'user=alice client=198.18.0.2 method=MS-CHAPv2 reason="alice: wrong password" '
        "session=20183/41090]\n"
        "```\n\n"
        "Date and time by this machine's clock, the level, a sentence for people, and for programs "
        "the name of the event with its fields; empty fields are left out. A value with a space or "
        "a quotation mark in it is written as a JSON string. Control characters, which a peer may "
        'have put into a name, are escaped. With `[server] log_format = "json"` each line is one '
        "JSON object with `time` (seconds since 1970), `level`, `event`, `message` and the same "
        "fields.\n\n"
        "Of what a stranger can bring about (warnings, tunnels, calls that fail), five lines of "
        "one kind from one address are written within ten seconds, and a hundred from all of them "
        "together; the others are summed up in a `suppressed` line.\n\n"
        "What to do about a line is in [troubleshooting](../how-to/troubleshooting.md).\n\n"
        "## `talpa serve`\n\n"
        + _rows([n for n in notices if not n.client])
        + "## `talpa connect`\n\n"
        + _rows([n for n in notices if n.client])
        + _SESSIONS
    )


def _rows(notices: list[Logged]) -> str:
    names = sorted({n.name for n in notices})
    rows = []
    for name in names:
        mine = [n for n in notices if n.name == name]
        fields = dict.fromkeys(f for n in mine for f in n.fields)
        levels = dict.fromkeys(n.level for n in mine)
        rows.append(
            (code(name), " or ".join(levels), ", ".join(map(code, fields)) or "-", MEANINGS[name])
        )
    head = ("Event", "Level", "Fields", "What it means")
    return table(head, rows)


_SESSIONS = """## Fields

`session` is `tunnel/session`, the ids that the server gave out, or `ike/number` for a user of IKEv2
without L2TP; `talpa disconnect` takes it. `tunnel` is the first half. `ike` is the number of an IKE
SA, `association` that of an association (`talpa sas`). `client` is the address that the peer comes
from, `peer` the same with its port. `received_octets` came from the client, `sent_octets` went to
it.
"""
