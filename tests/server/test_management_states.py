"""What the server tells of its sessions and tunnels, in every state that they pass through."""

import json
from itertools import groupby
from typing import cast

import pytest

from simnet.link import Link, Pair
from simnet.stack import ClientEnd, Datagram, ServerEnd, connect
from talpa.api.models import ServerStatus, SessionInfo, TunnelInfo, from_json, to_json
from talpa.roles.access import AccessServer
from talpa.roles.client import Stage
from talpa.server.config.loader import read
from talpa.server.driver import Driver
from talpa.server.management import ServerManagement

CONFIG = """
[ipsec]
require = false

[l2tp]
listen = ["198.18.0.1:1701"]
[[pool]]
name = "staff"
ipv4 = "10.77.0.0/24"
"""


class Clock:
    """The driver, as far as management needs it."""

    def __init__(self, server: ServerEnd, pair: Pair[Datagram]) -> None:
        self._server = server
        self._pair = pair

    def now(self) -> float:
        return self._pair.now

    def turn(self) -> None:
        """What is to be sent goes onto the link by itself."""


def test_a_user_whose_name_is_a_number_comes_before_the_tunnel_of_that_number() -> None:
    scene = Scene()
    scene.up()
    (session,) = scene.server.role.sessions()
    tunnel = str(session.tunnel_id)
    session.user = tunnel
    assert scene.management.disconnect(tunnel) == [f"{tunnel} {session.id}"]
    assert scene.tunnels()[0].state == "established", "the tunnel itself was not meant"
    session.user = "alice"
    assert f"tunnel {tunnel}" in scene.management.disconnect(tunnel)


class Scene:
    def __init__(self) -> None:
        self.server, self.client = ServerEnd(1), ClientEnd(2)
        self.pair = connect(Link(3), self.client, self.server)
        settings = read(CONFIG, "talpa.toml").settings
        assert settings is not None
        driver = cast(Driver, Clock(self.server, self.pair))
        access = AccessServer(self.server.role, self.server.notices.append)
        self.management = ServerManagement(lambda: settings, access, driver, lambda: "read", {})

    def sessions(self) -> list[SessionInfo]:
        """As they arrive at the other end of the socket."""
        told = json.loads(json.dumps(to_json(self.management.sessions())))
        return [from_json(SessionInfo, one) for one in told]

    def tunnels(self) -> list[TunnelInfo]:
        told = json.loads(json.dumps(to_json(self.management.tunnels())))
        return [from_json(TunnelInfo, one) for one in told]

    def up(self) -> SessionInfo:
        assert self.pair.run(30, until=lambda: self.client.role.network.ipv4 is not None)
        (session,) = self.sessions()
        return session


def test_every_state_can_be_told() -> None:
    scene = Scene()
    states: list[str] = []
    tunnels: list[str] = []

    def look() -> bool:
        for session in scene.sessions():
            states.append(session.state)
            assert session.client == "198.18.0.2:40000"
            assert bool(session.ipv4) == bool(session.pool)
        tunnels.extend(tunnel.state for tunnel in scene.tunnels())
        told = from_json(ServerStatus, json.loads(json.dumps(to_json(scene.management.status()))))
        assert told.sessions == len(scene.sessions())
        return False

    scene.pair.run(10, until=look)
    scene.management.disconnect("alice")
    scene.pair.run(60, until=look)
    passed = ["negotiating", "authenticating", "negotiating", "up", "closing"]
    assert [state for state, _ in groupby(states)] == passed
    assert set(tunnels) <= {"connecting", "established", "closing"}
    assert "established" in tunnels
    assert scene.sessions() == []


def test_a_session_that_is_up() -> None:
    session = Scene().up()
    assert (session.user, session.state, session.method) == ("alice", "up", "MS-CHAPv2")
    assert session.ipv4 is not None
    assert session.ipv6 is not None
    assert session.mtu == 1400
    assert session.age_seconds > 0


@pytest.mark.parametrize("by", ["user", "session", "tunnel"])
def test_it_ends_by_any_name(by: str) -> None:
    scene = Scene()
    session = scene.up()
    tunnel = session.id.split("/")[0]
    target = {"user": "alice", "session": session.id, "tunnel": tunnel}[by]
    ended = scene.management.disconnect(target)
    assert ended[0] == f"alice {session.id}"
    assert (f"tunnel {tunnel}" in ended) == (by == "tunnel")
    scene.pair.run(10, until=lambda: scene.client.role.stage is Stage.CLOSED)
    assert "disconnected by the administrator" in scene.client.role.failure
    assert scene.sessions() == []
    assert scene.management.disconnect(target) == []


def test_what_nobody_is_called_ends_nothing() -> None:
    scene = Scene()
    scene.up()
    for target in ("bob", "1/2", "0", "99999999999999999999", "", "alice ", "\u0662"):
        assert scene.management.disconnect(target) == []
    assert len(scene.sessions()) == 1
