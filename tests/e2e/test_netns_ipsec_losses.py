"""A server or a client that is killed: whoever is left notices, and all is well again."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.netns_ipsec import IMPATIENT, INSIDE, ONE_KEY, secret_file
from e2e.netns_world import GATEWAY, PASSWORD, SERVER, Client, Server, World, running, until, world
from server.certificate_files import Authority

pytestmark = [pytest.mark.netns, pytest.mark.xdist_group("netns-ipsec-losses")]

NAME = "vpn.example.com"
CERTIFICATE = '[ipsec.certificate]\nchain = ["server.pem"]\nkey = "server-key.pem"\n'
ONE = f'[[user]]\nname = "one"\npassword = "{PASSWORD}"\nsessions = 1\n'
SHORT = f'[[user]]\nname = "short"\npassword = "{PASSWORD}"\nsession_timeout = 2\n'


@pytest.fixture(scope="module")
def net() -> Iterator[World]:
    with world() as found:
        yield found


@pytest.fixture(scope="module")
def server(net: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("losses")
    authority = Authority(folder)
    authority.write("ca.pem")
    authority.issue(NAME)
    server = Server(net.server, folder, ipsec="", more=CERTIFICATE + ONE_KEY + ONE + SHORT)
    with running(server):
        yield server.start()


def remote(client: Client, server: Server, *options: str, user: str = "alice") -> Client:
    """Call with IKEv2 and a password."""
    return client.start(
        "--ca",
        server.folder / "ca.pem",
        *("--server-identity", NAME, *INSIDE, *options),
        user=user,
        url=f"ikev2://{user}@{SERVER}",
    )


def impatient(client: Client, server: Server, url: str, *options: str | Path) -> None:
    password = secret_file(client.folder, PASSWORD, "password")
    client.launch(
        *("connect", url, "--password-file", password, "--no-dns", "--echo-interval", "0.3"),
        *("--state-dir", client.folder / "state", *INSIDE, *options),
        program=(sys.executable, "-c", IMPATIENT),
    )


@pytest.mark.parametrize("way", ["1", "2", "ikev2"])
def test_the_client_comes_back_after_the_server(
    net: World, server: Server, tmp_path: Path, way: str
) -> None:
    client = Client(net.client, tmp_path)
    with running(client):
        if way == "ikev2":
            ca = ("--ca", server.folder / "ca.pem", "--server-identity", NAME)
            impatient(client, server, f"ikev2://alice@{SERVER}", *ca)
        else:
            psk = secret_file(tmp_path)
            url = f"l2tp+ipsec://alice@{SERVER}"
            impatient(client, server, url, "--psk-file", psk, "--ike", way)
        client.connected()
        assert net.client.pings(GATEWAY)
        server.kill()
        client.says("[waiting]", seconds=15)
        server.start()
        until("traffic again", lambda: net.client.pings(GATEWAY), 20)
        assert len(server.ask("associations")) == 1
        assert client.stop() == 0
    until("nothing is left", lambda: not server.ask("associations"), 3)


def test_two_users_and_the_end_of_a_session(net: World, server: Server, tmp_path: Path) -> None:
    alice, short = Client(net.client, tmp_path, "alice"), Client(net.other, tmp_path, "short")
    with running(alice, short):
        remote(alice, server, "--no-reconnect")
        remote(short, server, "--no-reconnect", user="short")
        addresses = alice.connected(), short.connected()
        assert len(set(addresses)) == 2
        assert net.client.pings(GATEWAY)
        assert net.other.pings(GATEWAY)
        assert all(net.server.pings(address) for address in addresses)
        assert short.ends(8) == 1
        assert "lasted as long as it may" in server.says("[session-down", "short")
        session = next(s for s in server.sessions() if s["user"] == "alice")["id"]
        assert session.startswith("ike/")
        assert "alice" in server.command("disconnect", session)
        assert alice.ends(8) == 1
        assert alice.line("[ipv6]") is None
        server.says("[session-down", "alice", "administrator")
    until("nothing is left", lambda: not server.ask("associations"), 3)


def test_the_one_session_of_a_device_is_replaced(
    net: World, server: Server, tmp_path: Path
) -> None:
    device, another = Client(net.client, tmp_path), Client(net.other, tmp_path, "another")
    with running(device, another):
        remote(device, server, user="one")
        address = device.connected()
        remote(another, server, user="one")
        assert "no address" in another.says("[disconnected]")
        device.kill()
        begun = time.monotonic()
        remote(device, server, user="one")
        assert device.connected() == address
        assert time.monotonic() - begun < 10
        assert net.client.pings(GATEWAY)
        assert [s["user"] for s in server.sessions()] == ["one"]
        assert device.stop() == 0
        another.stop()
