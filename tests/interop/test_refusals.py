"""What does not fit together is refused with the right protocol answer, and a line in the log
that a person understands."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from interop.judge import Wire
from interop.program import PEER, config, until
from interop.program import Client as TalpaClient
from interop.program import Server as TalpaServer
from interop.stage import Stage
from interop.xl2tpd import Client, Server, Setting

SERVER = "198.18.0.2"
WRONG = "not the right one"

STOPCCN = "l2tp.avp.message_type == 4"
LCP_TERMINATE = "ppp.protocol == 0xc021 && ppp.code == 5"


@pytest.fixture
def call(stage: Stage, wire: Wire) -> Iterator[Callable[[Setting], Client]]:
    """Starts xl2tpd in the guest and lets it call."""
    started: list[Client] = []

    def start(setting: Setting) -> Client:
        client = Client(stage.guest, setting, SERVER, calls=("lab", "more"))
        started.append(client)
        client.start()
        client.dial()
        return client

    yield start
    for client in started:
        client.kill()


@pytest.fixture
def serve(stage: Stage, tmp_path: Path, call: object) -> Iterator[Callable[[str], TalpaServer]]:
    """Starts `talpa serve` with a configuration. It ends before the client, which hears it."""
    started: list[TalpaServer] = []

    def start(text: str) -> TalpaServer:
        server = TalpaServer(stage.net, tmp_path, text)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.close()


ANSWERS = {
    "pap": "pap.code == 3",
    "chap": "chap.code == 4",
    "mschapv2": 'chap.code == 4 && chap.message contains "E=691"',
}
"""How each method says that the password is wrong."""


@pytest.mark.parametrize("method", ANSWERS)
def test_wrong_password(
    serve: Callable[[str], TalpaServer],
    call: Callable[[Setting], Client],
    wire: Wire,
    method: str,
) -> None:
    right = Setting(method)
    server = serve(config(right, ppp="auth_tries = 1"))
    call(replace(right, password=WRONG))

    server.says("alice", "198.18.0.3", "password")
    until("the refusal on the wire", lambda: wire.sent(ANSWERS[method]) > 0, 10)
    assert server.sessions() == []
    assert WRONG not in server.log()
    assert right.password not in server.log()


def test_wrong_tunnel_secret(
    serve: Callable[[str], TalpaServer], call: Callable[[Setting], Client], wire: Wire
) -> None:
    right = Setting(tunnel_secret="the right one")
    server = serve(config(right))
    call(replace(right, tunnel_secret=WRONG, challenges=False))

    server.says("198.18.0.3", "tunnel secret")
    until(
        "StopCCN, not authorized", lambda: wire.sent(f"{STOPCCN} && l2tp.result_code == 4") > 0, 10
    )
    assert server.sessions() == []
    assert WRONG not in server.log()


def test_wrong_tunnel_secret_found_by_the_peer(
    serve: Callable[[str], TalpaServer], call: Callable[[Setting], Client], wire: Wire
) -> None:
    right = Setting(tunnel_secret="the right one")
    server = serve(config(right))
    call(replace(right, tunnel_secret=WRONG))

    until("StopCCN from the peer", lambda: bool(wire.frames(f"ip.src == {PEER} && {STOPCCN}")), 10)
    server.says("198.18.0.3", "tunnel", "authentication")
    assert server.sessions() == []


def test_exhausted_pool(
    stage: Stage,
    serve: Callable[[str], TalpaServer],
    call: Callable[[Setting], Client],
    wire: Wire,
) -> None:
    # A /30 has two addresses: the server's own and one for a client.
    server = serve(config(Setting(), pool='ipv4 = "10.77.0.0/30"'))
    client = call(Setting())
    client.interface_up()
    client.dial("more")

    server.says("alice", "198.18.0.3", "pool")
    until("an LCP Terminate-Request", lambda: wire.sent(LCP_TERMINATE) > 0, 10)
    assert len(server.sessions()) == 1
    stage.guest.run("ping -q -c 2 -i 0.1 -W 2 10.77.0.1")


def test_client_with_a_wrong_password_says_so(stage: Stage, tmp_path: Path, wire: Wire) -> None:
    right = Setting()
    server = Server(stage.guest, right)
    client = TalpaClient(stage.net, tmp_path, replace(right, password=WRONG))
    try:
        server.start()
        client.start("--no-reconnect")
        client.says("password", "691")
        until("talpa connect gives up", lambda: not client.running, 15, client.log)
        assert client.process is not None
        assert client.process.returncode != 0
        assert WRONG not in client.log()
    finally:
        client.close()
        server.kill()


def test_client_with_a_wrong_tunnel_secret_says_so(
    stage: Stage, tmp_path: Path, wire: Wire
) -> None:
    right = Setting(tunnel_secret="the right one")
    server = Server(stage.guest, right)
    client = TalpaClient(stage.net, tmp_path, replace(right, tunnel_secret=WRONG))
    try:
        server.start()
        client.start("--no-reconnect")
        client.says("tunnel secret")
        until("talpa connect gives up", lambda: not client.running, 15, client.log)
        assert WRONG not in client.log()
    finally:
        client.close()
        server.kill()


def test_client_refuses_a_weaker_method_than_allowed(
    stage: Stage, tmp_path: Path, wire: Wire
) -> None:
    server = Server(stage.guest, Setting("pap"))
    client = TalpaClient(stage.net, tmp_path, Setting("mschapv2"))
    try:
        server.start()
        client.start("--no-reconnect")
        until("talpa connect gives up", lambda: not client.running, 30, client.log)
        assert client.process is not None
        assert client.process.returncode != 0
        assert not wire.sent("pap"), "the password went out in the clear"
    finally:
        client.close()
        server.kill()
