"""Many at once, each with its own address."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.judge import Wire
from interop.program import Server, config
from interop.stage import Stage
from interop.xl2tpd import Client, Setting

CALLS = tuple(f"lab{n}" for n in range(5))


@pytest.fixture
def server(stage: Stage, tmp_path: Path, wire: Wire) -> Iterator[Server]:
    server = Server(stage.net, tmp_path, config(Setting()))
    try:
        server.start()
        yield server
    finally:
        server.close()


def test_real_clients_at_once(stage: Stage, server: Server) -> None:
    client = Client(stage.guest, Setting(), "198.18.0.2", calls=CALLS)
    client.start()
    try:
        for call in CALLS:
            client.dial(call)
        inside = {
            name: client.interface_up(30, name) for name in (f"ppp{n}" for n in range(len(CALLS)))
        }
        sessions = server.until_sessions(len(CALLS))
        assert {session["ipv4"] for session in sessions} == set(inside.values())
        assert len(set(inside.values())) == len(CALLS)
        for name, address in inside.items():
            stage.guest.run(f"ping -q -c 1 -W 2 -I {name} 10.77.0.1")
            stage.net.run(f"ping -q -c 1 -W 2 {address}")
    finally:
        client.kill()
