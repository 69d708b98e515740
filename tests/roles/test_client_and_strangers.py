"""Nobody but its server can reach a client's connection."""

import random

import pytest

from simnet.link import Link
from simnet.stack import CLIENT, SERVER, ClientEnd, ServerEnd, connect
from talpa.l2tp.config import Config as L2tpConfig
from talpa.l2tp.events import ControlConnectionDown, Result
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.roles.client import Stage
from talpa.sansio import Address, Path

STRANGER = Address("203.0.113.66", 5555)


@pytest.mark.parametrize("deed", ["stop", "call"])
def test_a_stranger_cannot_call_a_client(deed: str) -> None:
    server, client = ServerEnd(1), ClientEnd(2)
    pair = connect(Link(5), client, server)
    assert pair.run(60, until=lambda: client.role.stage is Stage.READY)
    pair.run(5)
    stranger = Endpoint(L2tpConfig("stranger"), random.Random(9).randbytes)
    tunnel_id = stranger.open(Path(STRANGER, CLIENT), pair.now)

    def exchange() -> None:
        for _ in range(6):
            for datagram in stranger.transmits():
                client.receive(datagram, pair.now)
            for path, data in client.transmits():
                if path.remote == STRANGER:
                    stranger.receive(Path(STRANGER, CLIENT), data, pair.now)

    exchange()
    if deed == "stop":
        stranger.close(tunnel_id, Result(1), pair.now)
    else:
        stranger.place_call(tunnel_id, pair.now)
    exchange()
    assert len(client.role.endpoint.tunnels()) == 1
    assert client.role.stage is Stage.READY
    assert not client.role.failure


def test_an_end_of_another_tunnel_is_not_ours() -> None:
    client = ClientEnd(2)
    client.open(1000.0)
    other = client.role.tunnel_id ^ 1
    down = ControlConnectionDown(other, Path(CLIENT, SERVER), None, Result(1), by_peer=True)
    client.role.call_event(down, 1000.0)
    assert client.role.stage is Stage.L2TP


def test_a_call_from_the_server_is_refused_and_ours_goes_on() -> None:
    server, client = ServerEnd(1), ClientEnd(2)
    pair = connect(Link(5), client, server)
    assert pair.run(60, until=lambda: client.role.stage is Stage.READY)
    (tunnel_id,) = server.role.endpoint.tunnels()
    server.role.endpoint.place_call(tunnel_id, pair.now)
    pair.run(10)
    assert client.role.stage is Stage.READY
    assert len(server.role.sessions()) == 1


def test_a_connection_request_in_the_servers_name_does_not_break_the_dialling() -> None:
    client = ClientEnd(2)
    client.open(1000.0)
    client.transmits()
    forged = Endpoint(L2tpConfig("x", tie_breaker=True), random.Random(3).randbytes)
    forged.open(Path(SERVER, CLIENT), 1000.0)
    for datagram in forged.transmits():
        client.receive(datagram, 1000.1)
    client.transmits()
    assert client.role.stage is Stage.L2TP
    assert not client.role.failure
