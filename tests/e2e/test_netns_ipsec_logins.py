"""Certificates and EAP between real processes; and what both ends say when a login fails."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.netns_ipsec import (
    BOB,
    INSIDE,
    ONE_KEY,
    l2tp,
    left_nothing,
    no_associations,
    secret_file,
)
from e2e.netns_world import (
    GATEWAY,
    OFFICE,
    PASSWORD,
    SERVER,
    Client,
    Server,
    World,
    running,
    until,
    world,
)
from server.certificate_files import Authority

pytestmark = [pytest.mark.netns, pytest.mark.xdist_group("netns-ipsec-logins")]

CERTIFICATE = """
[ipsec.certificate]
chain = ["server.pem"]
key = "server-key.pem"
ca = ["ca.pem"]
"""
NAMED = '[[user]]\nname = "CN=alice"\npassword = "x"\n'
NAME = "vpn.example.com"
IKEV2 = f"ikev2://{{user}}@{NAME}"


@dataclass(frozen=True)
class Net:
    world: World
    server: Server
    folder: Path


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    folder = tmp_path_factory.mktemp("logins")
    authority = Authority(folder)
    authority.write("ca.pem")
    authority.issue(NAME)
    authority.issue("alice", stem="alice")
    other = folder / "other"
    other.mkdir()
    stranger = Authority(other, "Another CA")
    stranger.write("ca.pem")
    stranger.issue("alice", stem="alice")
    with world() as found:
        found.office.run("ip route add 198.19.0.0/24 via 198.18.9.1")
        server = Server(
            found.server,
            folder,
            ipsec='identity = "vpn.example.com"',
            more=CERTIFICATE + ONE_KEY + BOB + NAMED,
        )
        with running(server):
            yield Net(found, server.start(), folder)


def certified(net: Net, stem: str = "alice", ca: str = "ca.pem") -> tuple[str | Path, ...]:
    return (
        *("--certificate", net.folder / f"{stem}.pem", "--key", net.folder / f"{stem}-key.pem"),
        *("--ca", net.folder / ca),
    )


def password(
    client: Client,
    net: Net,
    *options: str,
    ca: str = "ca.pem",
    name: str = NAME,
    password: str = PASSWORD,
) -> Client:
    """Call with IKEv2 and a password."""
    return client.start(
        "--ca",
        net.folder / ca,
        *("--server-identity", name, *options),
        url=f"ikev2://alice@{SERVER}",
        password=password,
    )


@pytest.mark.parametrize("ike", ["1", "2"])
def test_certificates_both_ways(net: Net, tmp_path: Path, ike: str) -> None:
    before = net.world.client.state()
    client = Client(net.world.client, tmp_path)
    with running(client):
        client.start(
            *certified(net),
            *("--ike", ike, "--server-identity", NAME),
            url=f"l2tp+ipsec://alice@{SERVER}",
        )
        client.connected()
        assert net.world.client.pings(GATEWAY)
        (sa,) = net.server.ask("associations")
        assert sa["method"] == "ECDSA"
        assert "alice" in sa["identity"]
        assert client.stop() == 0
    left_nothing(client, net.server, before)


def test_a_password_alone_gets_address_name_servers_and_routes(net: Net, tmp_path: Path) -> None:
    before = net.world.client.state()
    client = Client(net.world.client, tmp_path)
    with running(client):
        client.start(
            *("--ca", net.folder / "ca.pem", "--server-identity", NAME),
            *INSIDE,
            url=f"ikev2://alice@{SERVER}",
        )
        address = client.connected()
        assert net.world.client.pings(GATEWAY)
        assert net.world.client.pings(OFFICE)
        assert net.world.office.pings(address)
        assert "198.19.0.1" in client.says("[name-servers]")
        assert "198.18.9.0/24 dev talpa-vpn" in net.world.client.run("ip route")
        (sa,) = net.server.ask("associations")
        assert (sa["method"], sa["users"], sa["mode"]) == ("EAP-MSCHAPv2", ("alice",), "tunnel")
        assert "alice" in net.server.command("sessions")
        assert client.stop() == 0
    left_nothing(client, net.server, before)


def test_eap_tls(net: Net, tmp_path: Path) -> None:
    client = Client(net.world.client, tmp_path)
    with running(client):
        client.start(
            *certified(net),
            *("--eap", "--server-identity", NAME),
            *INSIDE,
            url=f"ikev2://alice@{SERVER}",
        )
        client.connected()
        assert net.world.client.pings(GATEWAY)
        (sa,) = net.server.ask("associations")
        assert (sa["method"], sa["users"]) == ("EAP-TLS", ("alice",))
        assert client.stop() == 0
    until("no association is left", lambda: no_associations(net.server), 3)


def test_a_certificate_is_a_login(net: Net, tmp_path: Path) -> None:
    client = Client(net.world.client, tmp_path)
    with running(client):
        client.start(
            *certified(net), *INSIDE, *("--server-identity", NAME), url=f"ikev2://{SERVER}"
        )
        client.connected()
        assert net.world.client.pings(GATEWAY)
        (sa,) = net.server.ask("associations")
        assert (sa["method"], sa["users"]) == ("ECDSA", ("CN=alice",))
        assert client.stop() == 0
    until("no association is left", lambda: no_associations(net.server), 3)


def refused(net: Net, *calls: Client) -> list[str]:
    """What each says at its end, which comes without another try."""
    said = []
    for client in calls:
        assert client.ends(70) == 1
        assert client.line("connecting again") is None
        said.append(client.says("[disconnected]"))
    return said


@pytest.fixture
def callers(net: Net, tmp_path: Path) -> Iterator[list[Client]]:
    """Six, in one namespace or the other."""
    worlds = (net.world.client, net.world.other)
    clients = [Client(worlds[n % 2], tmp_path, f"caller{n}") for n in range(6)]
    with running(*clients):
        yield clients


def test_who_cannot_prove_who_they_are(net: Net, callers: list[Client]) -> None:
    """They call beside each other: IKEv1 takes its time before it believes a refusal."""
    key, stranger = "canary-Wrong-key-that-is-long-enough", certified(net, "other/alice")
    l2tp(callers[0], "--tun", "t0", key=key)
    l2tp(callers[1], "--tun", "t1", key=key, ike=2)
    for number, ike in ((2, "1"), (3, "2")):
        callers[number].start(
            *(*stranger, "--ike", ike, "--tun", f"t{number}", "--server-identity", NAME),
            url=f"l2tp+ipsec://alice@{SERVER}",
        )
    l2tp(callers[4], "--tun", "t4", password="wrong")
    password(callers[5], net, "--tun", "t5", password="wrong")
    said = refused(net, *callers)
    assert "the pre-shared key did not match" in said[0]
    assert "compare the pre-shared key" in said[1]
    assert "another identity or certificate: compare them" in said[2]
    assert "compare the pre-shared key, the certificate or the password" in said[3]
    assert "refused the name or password of alice" in said[4]
    assert "wrong user name or password" in said[5]
    net.server.says("[ike-failed", "phase 1", "The pre-shared key did not match")
    net.server.says("[ike-failed", "IKE_AUTH", "The pre-shared key is another at the peer")
    net.server.says("[ike-failed", "phase 1", "CN=Another CA, which is not one of our CAs")
    net.server.says("[ike-failed", "IKE_AUTH", "CN=Another CA, which is not one of our CAs")
    net.server.says("[login-failed", "alice: wrong password", "MS-CHAPv2")
    net.server.says("[login-failed", "alice: wrong password", "EAP-MSCHAPv2")
    assert "canary" not in net.server.log()


def test_servers_that_are_not_whom_we_called(net: Net, callers: list[Client]) -> None:
    password(callers[0], net, "--tun", "t0", ca="other/ca.pem")
    password(callers[1], net, "--tun", "t1", name="other.example.com")
    callers[2].start(
        *(*certified(net, ca="other/ca.pem"), "--ike", "2", "--tun", "t2"),
        url=f"l2tp+ipsec://alice@{SERVER}",
    )
    callers[3].start(
        *(*certified(net), "--ike", "2", "--tun", "t3"), url=f"l2tp+ipsec://alice@{SERVER}"
    )
    said = refused(net, *callers[:4])
    assert "CN=Example CA, which is not one of our CAs: add it" in said[0]
    assert "calls itself @vpn.example.com, and @other.example.com was called" in said[1]
    assert "CN=Example CA, which is not one of our CAs: add it" in said[2]
    assert "is not for 198.18.0.1, but for vpn.example.com: connect by one of its names" in said[3]
    until("nothing is left", lambda: not net.server.ask("associations"), 5)


OTHER_ALGORITHMS = """
from dataclasses import replace
from talpa.crypto.algorithms import GroupId
from talpa.ike import policies
from talpa.ike.config import Weakness
from talpa.server.config import ipsec_build
weak = (Weakness("modp1024"),)
ours = replace(policies.COMPATIBLE, groups=(GroupId.MODP1024,), additional=(), weak=weak)
ipsec_build.POLICIES["compatible"] = ours
from talpa.cli.main import main
main()
"""


@pytest.mark.parametrize("ike", ["1", "2"])
def test_without_an_algorithm_in_common_both_lists_are_shown(
    net: Net, tmp_path: Path, ike: str
) -> None:
    client = Client(net.world.client, tmp_path)
    with running(client):
        client.launch(
            *("connect", f"l2tp+ipsec://alice@{SERVER}", "--psk-file", secret_file(tmp_path)),
            *("--password-file", secret_file(tmp_path, PASSWORD, "password"), "--ike", ike),
            *("--state-dir", tmp_path / "state"),
            program=(sys.executable, "-c", OTHER_ALGORITHMS),
        )
        assert client.ends(60) == 1
        said = client.says("[disconnected]")
    assert "algorithms" in said
    stage = {"1": "phase 1, message 1", "2": "IKE_SA_INIT"}[ike]
    heard = net.server.says("[ike-failed", stage, "offered: ", "MODP-1024")
    assert "allowed: IKE encryption: " in heard
    assert "IKE group: X25519" in heard or ike == "1"
