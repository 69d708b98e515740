"""A client whose own address changes, and one that is sent to another server."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.netns_ipsec import INSIDE, ONE_KEY, ROAMING, secret_file
from e2e.netns_world import GATEWAY, PASSWORD, SERVER, Client, Server, World, running, until, world
from server.certificate_files import Authority

pytestmark = [pytest.mark.netns, pytest.mark.xdist_group("netns-ipsec-roaming")]

NAME = "vpn.example.com"
CERTIFICATE = '[ipsec.certificate]\nchain = ["server.pem"]\nkey = "server-key.pem"\n'
ELSEWHERE = "198.18.0.77"


@pytest.fixture
def net() -> Iterator[World]:
    with world() as found:
        yield found


@pytest.fixture
def server(net: World, tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "server"
    folder.mkdir()
    authority = Authority(folder)
    authority.write("ca.pem")
    authority.issue(NAME)
    server = Server(net.server, folder, ipsec="", more=CERTIFICATE + ONE_KEY)
    with running(server):
        yield server.start()


def call(client: Client, server: Server, way: str) -> None:
    password = secret_file(client.folder, PASSWORD, "password")
    if way == "ikev2":
        url = f"ikev2://alice@{SERVER}"
        keys: tuple[str | Path, ...] = (
            *("--ca", server.folder / "ca.pem", "--server-identity", NAME),
        )
    else:
        url = f"l2tp+ipsec://alice@{SERVER}"
        keys = ("--psk-file", secret_file(client.folder), "--ike", way)
    client.launch(
        *("connect", url, "--password-file", password, "--no-dns", *keys),
        *("--state-dir", client.folder / "state", *INSIDE),
        program=(sys.executable, "-c", ROAMING),
    )


@pytest.mark.parametrize("way", ["1", "2", "ikev2"])
def test_the_connection_follows_the_clients_address(
    net: World, server: Server, tmp_path: Path, way: str
) -> None:
    """With MOBIKE the session stays what it was; IKEv1 has no such thing, and calls again."""
    client = Client(net.client, tmp_path)
    wire = _device(net)
    net.client.run("sysctl -qw net.ipv4.conf.all.promote_secondaries=1")
    with running(client):
        call(client, server, way)
        client.connected()
        assert net.client.pings(GATEWAY)
        (before,) = server.sessions()
        net.client.run(f"ip addr add 198.18.1.3/24 dev {wire}")
        net.client.run(f"ip addr del 198.18.1.2/24 dev {wire}")
        net.client.run(f"ip route replace {SERVER} via 198.18.1.1")
        client.says("198.18.1.3", "[moved]")
        until("traffic again", lambda: net.client.pings(GATEWAY), 20)
        until("one session", lambda: len(server.sessions()) == 1, 10)
        (after,) = server.sessions()
        assert after["user"] == "alice"
        if way == "1":
            # The old one stays until the server asks whether its peer is still there.
            assert _peers(server)[-1] == "198.18.1.3"
        else:
            assert after["id"] == before["id"]
            assert _peers(server) == ["198.18.1.3"]
        assert client.stop() == 0


def test_a_redirect_is_followed(net: World, server: Server, tmp_path: Path) -> None:
    """The server at one address sends to another, where the same one answers without."""
    folder = tmp_path / "busy"
    folder.mkdir()
    authority = Authority(folder)
    authority.issue("other.example.com")
    net.other.run(f"ip addr add {ELSEWHERE}/32 dev lo")
    net.other.run("ip route add 198.18.1.0/24 via 198.18.2.1")
    net.server.run(f"ip route add {ELSEWHERE} via 198.18.2.2")
    net.client.run(f"ip route add {ELSEWHERE} via 198.18.1.1")
    net.server.run("sysctl -qw net.ipv4.ip_forward=1")
    busy = Server(net.other, folder, ipsec=f'redirect = "{SERVER}"', more=CERTIFICATE + ONE_KEY)
    client = Client(net.client, tmp_path)
    with running(busy, client):
        busy.start()
        client.start(
            *("--ca", server.folder / "ca.pem", "--server-identity", NAME, *INSIDE),
            url=f"ikev2://alice@{ELSEWHERE}",
        )
        client.says(f"the server says to call {SERVER}")
        client.connected()
        assert net.client.pings(GATEWAY)
        assert [session["user"] for session in server.sessions()] == ["alice"]
        assert busy.sessions() == []
        assert client.stop() == 0


def _peers(server: Server) -> list[str]:
    return [each["peer"].rpartition(":")[0] for each in server.ask("associations")]


def _device(net: World) -> str:
    """The client's device with the address that it calls from."""
    (found,) = json.loads(net.client.run("ip -j addr show to 198.18.1.2"))
    return str(found["ifname"])
