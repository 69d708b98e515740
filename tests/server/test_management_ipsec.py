"""What the server tells of IPsec, from a real association in virtual time."""

import json
from collections.abc import Callable
from typing import cast

import pytest

from simnet.link import Link, Pair
from simnet.secure import Nat, Packet, SecureClient, SecureServer, connect
from talpa.api.models import Association, ServerStatus, from_json, to_json
from talpa.roles.client import Stage
from talpa.server.config.loader import read
from talpa.server.config.schema import Settings
from talpa.server.driver import Driver
from talpa.server.management import ServerManagement
from talpa.server.router_links import LinkState
from talpa.server.waiting import in_force, waiting
from talpa.wire import Secret

CONFIG = """
[[ipsec.psk]]
secret = "a key that both ends have been told"
[[pool]]
name = "staff"
ipv4 = "10.77.0.0/24"
"""


class Clock:
    """The driver, as far as management needs it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now

    def turn(self) -> None:
        """What is to be sent goes onto the link by itself."""


class Scene:
    """A client behind a NAT, connected."""

    def __init__(self, version: int) -> None:
        self.client = SecureClient(1, "10.9.9.9", version=version, nat=Nat("198.18.0.99"))
        self.server = SecureServer(2)
        self.pair = connect(Link[Packet](3), self.client, self.server)
        settings = read(CONFIG, "talpa.toml").settings
        assert settings is not None
        driver = cast(Driver, Clock(lambda: self.pair.now))
        self.settings = settings
        self.links: dict[str, LinkState] = {}
        self.management = ServerManagement(
            lambda: self.settings, self.server.role, driver, lambda: "read", self.links
        )
        done = (Stage.READY, Stage.CLOSED)
        assert self.pair.run(60, until=lambda: self.client.role.stage in done)
        self.pair.run(1)

    def association(self) -> Association:
        """As it arrives at the other end of the socket."""
        (told,) = json.loads(json.dumps(to_json(self.management.associations())))
        return from_json(Association, told)

    def status(self) -> ServerStatus:
        return from_json(ServerStatus, json.loads(json.dumps(to_json(self.management.status()))))


@pytest.mark.parametrize("version", [1, 2])
def test_an_association_that_is_up(version: int) -> None:
    scene = Scene(version)
    found = scene.association()
    assert (found.version, found.users, found.method) == (version, ("alice",), "PSK")
    assert found.peer.startswith("198.18.0.99:")
    assert found.identity == "10.9.9.9"
    assert (found.mode, found.encapsulation, found.nat) == ("transport", "udp", "peer")
    assert "AES" in found.ike_suite
    assert "AES" in found.esp_suite
    assert (found.weak, found.rekeys, found.initiated) == ((), 0, False)
    assert found.received_packets > 3
    assert found.received_octets > 100
    assert found.sent_packets > 3
    assert found.idle_seconds is not None
    assert 0 < found.age_seconds < 60
    (session,) = scene.management.sessions()
    (tunnel,) = scene.management.tunnels()
    assert session.association == tunnel.association == found.id


def test_the_server_as_a_whole() -> None:
    status = Scene(1).status()
    assert status.ipsec is not None
    assert status.listens == (), "L2TP in the clear gets no answer"
    assert status.ipsec.listens == ("198.18.0.1:500", "198.18.0.1:4500")
    assert (status.ipsec.policy, status.ipsec.required) == ("compatible", True)
    assert (status.ipsec.ikes, status.ipsec.half_open) == (1, 0)
    assert (status.ipsec.associations, status.ipsec.weak, status.ipsec.failures) == (1, 0, 0)
    assert status.warnings == ()


def test_the_policy_is_that_of_the_last_reload() -> None:
    scene = Scene(1)
    read_again = read('[ipsec]\npolicy = "legacy"\nrequire = false' + CONFIG, "").settings
    assert read_again is not None
    scene.settings = in_force(read_again, scene.settings)
    status = scene.status().ipsec
    assert status is not None
    assert (status.policy, status.required) == ("legacy", True), "the latter waits for a start"


def test_every_link_is_told_of() -> None:
    scene = Scene(1)
    link = 'local = ["10.20.0.0/16"]\nsecret = "a key that two routers share"\n'
    text = CONFIG + '[[ipsec.connection]]\nname = "a"\npeer = "198.18.0.7"\n' + link
    text += 'remote = ["10.30.0.0/16"]\n[[ipsec.connection]]\nname = "b"\ninitiate = false\n'
    text += 'peer_identity = "b.example"\n'
    settings = read(text + link + 'remote = ["10.40.0.0/16"]\n', "").settings
    assert settings is not None
    scene.settings = settings
    scene.links["a"] = LinkState("waiting", scene.pair.now - 5, "no answer")
    status = scene.status().ipsec
    assert status is not None
    a, b = status.links
    assert (a.name, a.peer, a.state, a.reason) == ("a", "198.18.0.7", "waiting", "no answer")
    assert a.age_seconds == pytest.approx(5)
    assert (b.name, b.state, b.since) == ("b", "listening", None)


def test_what_waits_for_the_next_start_is_named_by_key() -> None:
    def settings(before: str) -> Settings:
        found = read(before + CONFIG, "talpa.toml").settings
        assert found is not None
        return found

    first = settings("")
    assert list(waiting(settings('[ipsec]\npolicy = "modern"'), first)) == []
    changed = settings('[server]\nname = "x"\n[ipsec]\nrequire = false\n')
    assert list(waiting(changed, first)) == ["[server] name", "[ipsec] require"]


@pytest.mark.parametrize("by", ["user", "association"])
def test_it_ends_by_any_name(by: str) -> None:
    scene = Scene(1)
    found = scene.association()
    ended = scene.management.disconnect("alice" if by == "user" else f"sa/{found.id}")
    if by == "user":
        assert ended[0].startswith("alice ")
    else:
        assert ended == [f"association {found.id}"]
    scene.pair.run(30, until=lambda: scene.client.role.stage is Stage.CLOSED)
    assert scene.client.role.stage is Stage.CLOSED
    scene.pair.run(60)
    assert scene.management.sessions() == []
    assert scene.management.disconnect(f"sa/{found.id}") == []


@pytest.mark.parametrize("version", [1, 2])
def test_who_has_proved_nothing_yet_is_counted(version: int) -> None:
    scene = Scene(version)
    stranger = SecureClient(7, "198.18.0.7", version=version, key=Secret("not the right key"))
    pair: Pair[Packet] = Pair(Link(8), stranger, scene.server, scene.pair.now)
    stranger.open(pair.now)
    pair.run(0.5)
    status = scene.status().ipsec
    assert status is not None
    assert (status.ikes, status.half_open) == (1, 1)
