"""One server, two clients, and what passes through it."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.netns_world import (
    GATEWAY,
    OFFICE,
    PASSWORD,
    SECRET,
    Client,
    Server,
    World,
    running,
    until,
    world,
)
from talpa.api.client import ApiClient

pytestmark = pytest.mark.netns

BOB = f'[[user]]\nname = "bob"\npassword = "{PASSWORD}"\naddress = "198.19.0.77"\n'
FLOOD = """
import os, socket, sys, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(("198.18.0.1", 1701))
datagrams = [bytes([first, 2]) + os.urandom(100) for first in (0, 0xC8, 0x40, 0x02)]
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    for datagram in datagrams * 16:
        try:
            out.send(datagram)
        except OSError:
            pass
"""
LISTEN = """
import socket
listener = socket.create_server(("198.18.9.2", 5001))
print("ready", flush=True)
listener.accept()[0].recv(1)
"""
CONNECT = "import socket; socket.create_connection(('198.18.9.2', 5001), 3).close()"


@dataclass
class Net:
    world: World
    server: Server
    alice: Client
    bob: Client


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    folder = tmp_path_factory.mktemp("traffic")
    secret = folder / "tunnel-secret"
    secret.touch(0o600)
    secret.write_text(SECRET)
    with world() as found:
        found.office.run("ip route add 198.19.0.0/24 via 198.18.9.1")
        for end in (found.server, found.client):
            end.run("ip link set wire1 mtu 1492")
        server = Server(found.server, folder, l2tp=f'secret = "{SECRET}"', more=BOB)
        net = Net(
            found,
            server,
            Client(found.client, folder, "alice"),
            Client(found.other, folder, "bob"),
        )
        with running(net.alice, net.bob, server):
            server.start()
            options = (
                *("--tunnel-secret-file", str(secret), "--log-level", "debug"),
                *("--route", "198.19.0.0/24", "--route", "fd77::/56"),
            )
            net.alice.start(*options)
            net.bob.start(*options, user="bob")
            net.alice.connected()
            net.bob.connected()
            for client in (net.alice, net.bob):
                client.says("[ipv6]")
                client.namespace.run("while ! ip route | grep -q 198.19.200; do sleep 0.05; done")
            yield net


def drops(net: Net) -> dict[str, int]:
    found = net.server.ask("status")["drops"]
    assert isinstance(found, dict)
    return found


def dropped(net: Net) -> int:
    return sum(drops(net).values())


def test_first_it_is_connected_then_it_has_ipv6(net: Net) -> None:
    names = re.findall(r"\[(connected|ipv6|name-servers)\]", net.alice.log())
    assert names == ["connected", "ipv6", "name-servers"]


def test_a_user_has_the_fixed_address(net: Net) -> None:
    assert net.bob.connected() == "198.19.0.77"


def test_the_server_the_office_and_the_other_client_answer(net: Net) -> None:
    client = net.world.client
    assert client.pings(GATEWAY)
    assert client.pings(OFFICE)
    assert client.pings("198.19.0.77")


def test_an_ipv6_address_out_of_the_pool_works(net: Net) -> None:
    client = net.world.client
    shown = client.run("ip -6 -o addr show dev talpa-vpn scope global")
    address = re.search(r"inet6 (fd77:\S+)/128", shown)
    assert address is not None, shown
    assert client.pings("fd77::1")
    other = net.world.other.run("ip -6 -o addr show dev talpa-vpn scope global").split()[3]
    assert client.pings(other.partition("/")[0])


def test_the_pools_routes_reach_the_client_and_no_other_does(net: Net) -> None:
    routes = net.world.client.run("ip route show proto 84").splitlines()
    assert {line.split()[0] for line in routes} == {
        *("198.18.9.0/24", "198.19.200.0/24"),
        *(GATEWAY, "198.19.0.0/24"),
    }
    assert not net.world.client.run("ip route show default")


def test_a_source_that_is_not_the_clients_is_dropped_and_counted(net: Net) -> None:
    reason = "source address is not the session's"
    before = drops(net).get(reason, 0)
    client = net.world.client
    client.run("ip addr add 198.19.0.99/32 dev talpa-vpn")
    assert not client.pings(GATEWAY, "-I 198.19.0.99")
    client.run("ip addr del 198.19.0.99/32 dev talpa-vpn")
    assert drops(net)[reason] == before + 2
    assert f"{before + 2}: {reason}" in net.server.command("status")


def test_a_packet_too_big_for_the_tunnel_is_answered(net: Net) -> None:
    client = net.world.client
    ping = "ping -n -c 1 -W 2 -M do -s 1472"
    alice = net.alice.connected()
    said = net.world.office.run(f"{ping} {alice}", check=False)
    assert re.search(r"Frag needed and DF set \(mtu = 1400\)", said), said
    client.run("ip link set talpa-vpn mtu 1500")
    try:
        said = client.run(f"{ping} {OFFICE}", check=False)
    finally:
        client.run("ip link set talpa-vpn mtu 1400")
        client.run("ip route flush cache")
    assert re.search(r"Frag needed and DF set \(mtu = 1400\)", said), said
    assert client.pings(OFFICE, "-M do -s 1372")


def test_tcp_segments_are_kept_small_in_both_directions(net: Net) -> None:
    """Neither side knows of the tunnel: both ask for what fits an Ethernet."""
    client, office = net.world.client, net.world.office
    syn = ("-c", "1", "-nn", "-v", "-l", "tcp[tcpflags] & tcp-syn != 0 and port 5001")
    client.run("ip link set talpa-vpn mtu 1500")
    office.run("ip route flush cache")
    listener = subprocess.Popen(
        office.inside(sys.executable, "-c", LISTEN), stdout=subprocess.PIPE, text=True
    )
    captures = [
        subprocess.Popen(
            namespace.inside(
                "timeout", "8", "tcpdump", "--immediate-mode", "-i", device, "-Q", "in", *syn
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for namespace, device in ((office, "office"), (client, "talpa-vpn"))
    ]
    try:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "ready\n"
        for capture in captures:
            assert capture.stderr is not None
            assert "listening" in "".join(capture.stderr.readline() for _ in range(1))
        client.run(f'{sys.executable} -c "{CONNECT}"')
        for capture in captures:
            said, _ = capture.communicate(timeout=9)
            assert "mss 1360" in said
    finally:
        client.run("ip link set talpa-vpn mtu 1400")
        for process in (listener, *captures):
            process.kill()
            process.communicate()


def test_the_server_answers_while_garbage_floods_in(net: Net) -> None:
    api = ApiClient(net.server.folder / "talpa.sock")
    before = dropped(net)
    flood = subprocess.Popen(net.world.other.inside(sys.executable, "-c", FLOOD, "120"))
    try:
        until("the flood is there", lambda: dropped(net) > before + 1000, 30)
        for _ in range(10):
            # It raises when there is no answer within its time.
            api.status()
        assert flood.poll() is None
    finally:
        flood.kill()
        flood.wait()
    until("packets pass as before", lambda: net.world.client.pings(GATEWAY), 30)


def test_a_reload_adds_users_and_pools_at_once(net: Net, tmp_path: Path) -> None:
    carol = f"""
[[pool]]
name = "guests"
ipv4 = "198.19.7.0/24"

[[user]]
name = "carol"
password = "{PASSWORD}"
pool = "guests"
"""
    secret = f'secret = "{SECRET}"'
    net.server.write(l2tp=secret, more=BOB + carol)
    net.server.tell(signal.SIGHUP)
    net.server.says("[reloaded]", "3 users, 2 pools", "2 sessions go on")
    carols = Client(net.world.other, net.server.folder, "carol")
    with running(carols):
        carols.start(
            *("--tunnel-secret-file", str(net.server.folder / "tunnel-secret")),
            *("--tun", "carol0"),
            user="carol",
        )
        assert carols.connected().startswith("198.19.7.")
        assert net.world.other.pings("198.19.7.1")
        assert net.world.client.pings(GATEWAY)
        assert len(net.server.sessions()) == 3
        # A pool that goes stays as long as somebody lives in it.
        net.server.write(l2tp=secret, more=BOB)
        assert "2 users, 1 pool" in net.server.command("reload")
        net.server.says("[reloaded]", "2 users, 1 pool")
        assert net.world.other.pings("198.19.7.1")
        assert carols.stop() == 0
    until("carol is gone", lambda: len(net.server.sessions()) == 2)


def test_a_bad_file_changes_nothing(net: Net) -> None:
    secret = f'secret = "{SECRET}"'
    net.server.write(l2tp=secret, more=BOB + '[[user]]\nname = "dave"\nsessions = "many"\n')
    line = len(net.server.config.read_text().split("sessions = ")[0].splitlines()) + 1
    try:
        net.server.tell(signal.SIGHUP)
        said = net.server.says("[reload-refused]")
        assert f"{net.server.config}:{line}" in said
        assert "user[3].sessions" in said
        told = net.server.command("reload", check=False)
        assert f"{net.server.config}:{line}" in told
        assert "user[3].sessions" in told
        assert net.server.log().count("[reload-refused]") == 2
        assert len(net.server.sessions()) == 2, net.bob.log() + net.server.log()
        assert net.world.client.pings(GATEWAY)
    finally:
        net.server.write(l2tp=secret, more=BOB)


def test_secrets_are_nowhere_to_be_seen(net: Net) -> None:
    shown = [net.server.log(), net.alice.log(), net.bob.log()]
    shown += [net.server.command(what, "--json") for what in ("sessions", "tunnels", "status")]
    for program in (net.server, net.alice, net.bob):
        shown.append(Path(f"/proc/{program.pid}/cmdline").read_text())
        shown.append(Path(f"/proc/{program.pid}/environ").read_text())
    for canary in (PASSWORD, SECRET):
        assert not [text for text in shown if canary in text]


def test_sessions_end_by_user_by_session_and_by_tunnel(net: Net) -> None:
    """Each client comes back by itself."""
    server = net.server
    assert server.command("disconnect", "nobody", check=False).startswith("error: there is no user")
    for what in ("user", "session", "tunnel"):
        (bob,) = [s for s in server.sessions() if s["user"] == "bob"]
        target = {"user": "bob", "session": bob["id"], "tunnel": bob["id"].split("/")[0]}[what]
        said = server.command("disconnect", target)
        assert bob["id"] in said

        def again(old: str = bob["id"]) -> bool:
            return any(s["user"] == "bob" and s["id"] != old for s in server.sessions())

        until(f"bob is back after his {what} was ended", again)
        gone = bob["id"].split("/")[0]
        assert gone not in [str(t["id"]) for t in server.ask("tunnels") if t["state"] != "closing"]
    assert "disconnected by the administrator" in net.bob.log()
    assert [s["user"] for s in server.sessions()].count("alice") == 1


def test_a_client_whose_address_goes_calls_again_from_another(net: Net) -> None:
    """From Wi-Fi to the cable: silence is noticed, and the next call leaves by the other way."""
    client = net.world.client
    client.run("ip addr flush dev wire1 && ip link set wire1 down")
    net.alice.says("[waiting]", seconds=15)

    def back() -> bool:
        return any(s["client"].startswith("198.18.3.2:") for s in net.server.sessions())

    until("a session from the other address", back)
    until("traffic again", lambda: client.pings(GATEWAY))


def test_the_end_is_said_to_every_peer(net: Net, tmp_path: Path) -> None:
    capture = tmp_path / "goodbye.pcap"
    tcpdump = subprocess.Popen(
        net.world.server.inside(
            "tcpdump", "--immediate-mode", "-i", "wire2", "-U", "-w", str(capture), "udp"
        ),
        stderr=subprocess.PIPE,
    )
    try:
        assert tcpdump.stderr is not None
        assert b"listening" in tcpdump.stderr.readline()
        begun = time.monotonic()
        assert net.server.stop() == 0
        assert time.monotonic() - begun < 5
        time.sleep(0.3)
    finally:
        tcpdump.terminate()
        tcpdump.communicate()
    wire = capture.read_bytes()
    for what, octets in (
        ("LCP Terminate-Request", "c02105"),
        ("CDN", "800800000000000e"),
        ("StopCCN", "8008000000000004"),
    ):
        assert bytes.fromhex(octets) in wire, what
    assert "the server is going down" in net.bob.log()
    assert net.bob.stop() == 0
    assert net.alice.stop(signal.SIGINT) == 0
    assert not (net.server.folder / "talpa.sock").exists()
