"""A line on the management socket."""

import json
from collections.abc import Iterator
from pathlib import Path

from management.canned import CannedManagement
from talpa.server.api_server import ApiServer

_SERVER = ApiServer(Path("unused.sock"), CannedManagement())


def check(data: bytes) -> None:
    """Any line is answered with one line of JSON that says how it went."""
    answer = _SERVER._answer(data.replace(b"\n", b" ")[:4096] + b"\n")
    assert answer.endswith(b"\n")
    assert answer.count(b"\n") == 1
    said = json.loads(answer)
    assert said["ok"] in (True, False)
    assert ("result" in said) if said["ok"] else said["error"]["what"]


def seeds() -> Iterator[bytes]:
    """Every request, and what is none."""
    for op in ("status", "sessions", "tunnels", "reload", "disconnect", "no such"):
        yield json.dumps({"op": op}).encode()
    for target in ("alice", "12/34", "12", "", "\udcff"):
        yield json.dumps({"op": "disconnect", "target": target}).encode()
    yield b"[" * 4000
    yield b'{"op":' + b"9" * 4000 + b"}"
