"""L2TP over IPsec with a pre-shared key, between real processes: what a user relies on."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.netns_ipsec import BOB, INSIDE, KEY, ONE_KEY, l2tp, left_nothing
from e2e.netns_world import (
    GATEWAY,
    Client,
    Namespace,
    Server,
    World,
    running,
    until,
    world,
)

pytestmark = [pytest.mark.netns, pytest.mark.xdist_group("netns-ipsec")]

OTHER_KEY = "canary-Another4Key-that-is-long-enough"
ANOTHER = f'[[ipsec.psk]]\nsecret = "{OTHER_KEY}"\npeer = "198.18.2.0/24"\n'


@pytest.fixture(scope="module")
def net() -> Iterator[World]:
    with world() as found:
        yield found


@pytest.fixture(scope="module")
def server(net: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("ipsec")
    server = Server(net.server, folder, ipsec="", more=ONE_KEY + BOB)
    with running(server):
        yield server.start()


@contextmanager
def heard(namespace: Namespace, device: str, expression: str) -> Iterator[list[str]]:
    """What passes a device meanwhile."""
    lines: list[str] = []
    listening = subprocess.Popen(
        namespace.inside("tcpdump", "-lnnti", device, "--immediate-mode", expression),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert listening.stdout is not None
    assert listening.stderr is not None
    try:
        while "listening on" not in listening.stderr.readline():
            pass
        yield lines
    finally:
        listening.send_signal(signal.SIGINT)
        lines += listening.communicate()[0].split("\n")
        lines[:] = filter(None, lines)


@pytest.mark.parametrize("ike", [1, 2])
def test_connected_seen_and_gone(net: World, server: Server, tmp_path: Path, ike: int) -> None:
    before = net.client.state()
    client = Client(net.client, tmp_path)
    with running(client):
        with heard(net.client, "wire1", "udp port 1701") as in_the_clear:
            l2tp(client, *INSIDE, ike=ike)
            address = client.connected()
            assert net.client.pings(GATEWAY)
            assert net.server.pings(address)
        assert in_the_clear == []
        (sa,) = json.loads(server.command("sas", "--json"))
        assert sa["peer"].startswith("198.18.1.2:")
        assert (sa["version"], sa["method"]) == (ike, "PSK")
        assert (sa["mode"], sa["encapsulation"], sa["nat"]) == ("transport", "raw", "")
        assert (sa["users"], sa["weak"], sa["forged"]) == (["alice"], [], 0)
        assert sa["identity"] == "198.18.1.2"
        assert sa["esp_suite"]
        assert sa["ike_suite"]
        assert "alice" in server.command("sessions")
        assert "IPsec" in server.command("status")
        assert client.stop(signal.SIGINT) == 0
    left_nothing(client, server, before)
    assert "fault" not in client.log() + server.log()


def test_what_is_in_the_clear_gets_no_answer_of_any_kind(
    net: World, server: Server, tmp_path: Path
) -> None:
    client = Client(net.client, tmp_path)
    with running(client), heard(net.client, "wire1", "icmp or src host 198.18.0.1") as answers:
        client.start()
        until("it was dropped", lambda: any("clear" in d for d in server.ask("status")["drops"]))
        client.stop(signal.SIGINT)
    assert answers == []


def test_a_session_is_ended_from_the_server(net: World, server: Server, tmp_path: Path) -> None:
    before = net.client.state()
    client = Client(net.client, tmp_path)
    with running(client):
        l2tp(client, "--no-reconnect")
        client.connected()
        server.command("disconnect", "alice")
        assert client.ends() == 1
        assert "administrator" in client.says("[disconnected]")
    left_nothing(client, server, before)


def test_a_reload_brings_keys_and_ends_nobody(net: World, server: Server, tmp_path: Path) -> None:
    client, other = Client(net.client, tmp_path), Client(net.other, tmp_path, "other")
    with running(client, other):
        l2tp(client)
        client.connected()
        server.config.write_text(server.config.read_text() + ANOTHER)
        assert "1 session goes on" in server.command("reload")
        l2tp(other, user="bob", key=OTHER_KEY, ike=2)
        other.connected()
        assert len(server.ask("associations")) == 2
        good = server.config.read_text()
        server.config.write_text(good.replace("[[ipsec.psk]]", "[[ipsec.pks]]"))
        said = server.command("reload", check=False)
        assert "pks" in said
        server.config.write_text(good)
        assert len(server.ask("associations")) == 2
        assert net.client.pings(GATEWAY)
        assert net.other.pings(GATEWAY)
        assert other.stop() == 0
        l2tp(other, user="bob", key=OTHER_KEY)
        other.connected()
        assert client.line("[disconnected]") is None
        assert (client.stop(), other.stop()) == (0, 0)


def test_a_killed_client_takes_the_place_of_what_it_left(
    net: World, server: Server, tmp_path: Path
) -> None:
    client = Client(net.client, tmp_path)
    with running(client):
        l2tp(client)
        client.connected()
        client.kill()
        l2tp(client)
        client.connected()
        until("one session is left", lambda: len(server.ask("sessions")) == 1, 3)
        until("one association is left", lambda: len(server.ask("associations")) == 1, 3)
        assert net.client.pings(GATEWAY)
        assert client.stop() == 0


def test_no_secret_is_said(server: Server) -> None:
    assert "canary" not in server.log()
    assert KEY[:8] not in server.command("sas", "--wide")


def test_cleartext_and_ipsec_side_by_side(net: World, server: Server, tmp_path: Path) -> None:
    assert server.stop() == 0
    server = Server(net.server, tmp_path, more=ONE_KEY + BOB)
    secured, plain = Client(net.client, tmp_path, "secured"), Client(net.other, tmp_path, "plain")
    with running(secured, plain, server):
        server.launch("serve", "-c", server.config)
        server.says("[ready]")
        l2tp(secured, *INSIDE)
        plain.start(*INSIDE, user="bob")
        secured.connected()
        assert net.client.pings(plain.connected())
        assert len(server.ask("associations")) == 1
        assert len(server.sessions()) == 2
        assert (secured.stop(), plain.stop(), server.stop()) == (0, 0, 0)
