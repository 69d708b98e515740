"""Either side is killed with no goodbye, and both recover."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.judge import Wire
from interop.program import Client as TalpaClient
from interop.program import Server as TalpaServer
from interop.program import config, until
from interop.stage import Stage
from interop.xl2tpd import Client, Server, Setting

SETTING = Setting()
QUICK_ECHO = "echo_interval = 1\necho_failures = 2"
PING_SERVER = "ping -q -c 2 -i 0.1 -W 2 10.77.0.1"


@pytest.fixture
def client(stage: Stage) -> Iterator[Client]:
    client = Client(stage.guest, SETTING, "198.18.0.2", redial=True)
    client.start()
    try:
        yield client
    finally:
        client.kill()


@pytest.fixture
def server(stage: Stage, tmp_path: Path, client: Client) -> Iterator[TalpaServer]:
    """Ends before the client, so that its goodbye is heard and answered."""
    server = TalpaServer(stage.net, tmp_path, config(SETTING, ppp=QUICK_ECHO))
    try:
        server.start()
        yield server
    finally:
        server.close()


def host_state(stage: Stage) -> str:
    """Everything of the namespace that a server changes."""
    return stage.net.run(
        "ip -o addr; ip route; ip -6 route; nft list ruleset;"
        " sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding"
    )


def test_the_server_is_killed_and_started_again(
    stage: Stage, wire: Wire, client: Client, server: TalpaServer
) -> None:
    client.dial()
    client.interface_up()
    server.kill()
    server.start()
    server.until_sessions(1, timeout=60)
    client.interface_up()
    stage.guest.until(PING_SERVER)


def test_what_a_killed_server_left_on_the_host_is_put_back(
    stage: Stage, server: TalpaServer
) -> None:
    assert server.terminate() == 0
    before = host_state(stage)
    server.start()
    assert host_state(stage) != before
    server.kill()
    server.start()
    assert server.terminate() == 0
    assert host_state(stage) == before


def test_the_client_is_killed_and_calls_again(
    stage: Stage, wire: Wire, client: Client, server: TalpaServer
) -> None:
    client.dial()
    client.interface_up()
    server.until_sessions(1)
    client.kill()
    server.until_sessions(0, timeout=20)
    server.says("alice", "ended")
    client.start()
    client.dial()
    client.interface_up()
    stage.guest.until(PING_SERVER)


def test_the_peer_of_talpa_connect_is_killed_and_comes_back(
    stage: Stage, tmp_path: Path, wire: Wire
) -> None:
    server = Server(stage.guest, SETTING)
    client = TalpaClient(stage.net, tmp_path, SETTING)
    ping = f"ping -q -c 2 -i 0.1 -W 2 {server.inside}"
    server.start()
    try:
        client.start("--echo-interval", "1")
        client.address()
        stage.net.run(ping)
        server.kill()
        client.says("connecting again", timeout=30)
        server.start()
        until("traffic again", lambda: stage.net.succeeds(ping), 60, client.log)
    finally:
        client.close()
        server.kill()


def test_talpa_connect_is_killed_and_started_again(
    stage: Stage, tmp_path: Path, wire: Wire
) -> None:
    server = Server(stage.guest, SETTING)
    client = TalpaClient(stage.net, tmp_path, SETTING)
    server.start()
    try:
        before = host_state(stage)
        client.start()
        client.address()
        client.kill()
        client.start()
        client.address()
        stage.net.run(f"ping -q -c 2 -i 0.1 -W 2 {server.inside}")
        client.terminate()
        assert host_state(stage) == before
    finally:
        client.close()
        server.kill()
