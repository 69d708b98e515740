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
def client(stage: Stage) -> Iterator[Client]:
    client = Client(stage.guest, Setting(), "198.18.0.2", calls=CALLS)
    client.start()
    try:
        yield client
    finally:
        client.kill()


@pytest.fixture
def server(stage: Stage, tmp_path: Path, wire: Wire, client: Client) -> Iterator[Server]:
    """Ends before the client, so that its goodbye is heard and answered."""
    server = Server(stage.net, tmp_path, config(Setting()))
    try:
        server.start()
        yield server
    finally:
        server.close()


def test_real_clients_at_once(stage: Stage, client: Client, server: Server) -> None:
    for call in CALLS:
        client.dial(call)
    inside = {
        name: client.interface_up(30, name) for name in (f"ppp{n}" for n in range(len(CALLS)))
    }
    sessions = server.until_sessions(len(CALLS))
    assert {session["ipv4"] for session in sessions} == set(inside.values())
    assert len(set(inside.values())) == len(CALLS)
    # From here to the guest there is no such test: it answers all pings through one interface.
    for name in inside:
        stage.guest.run(f"ping -q -c 2 -i 0.1 -W 2 -I {name} 10.77.0.1")
