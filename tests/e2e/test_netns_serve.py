"""`talpa serve`: what it changes of its host, puts back, and refuses to start with."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.netns_world import (
    GATEWAY,
    NOBODY,
    OFFICE,
    SERVER,
    Client,
    Server,
    World,
    open_folder,
    running,
    world,
)

pytestmark = pytest.mark.netns

HOLDER = """
import socket
holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
holder.bind(("0.0.0.0", 1701))
print("ready", flush=True)
import time
time.sleep(60)
"""
ANSWER = """
import socket
answer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
answer.bind(("198.18.9.2", 5002))
print("ready", flush=True)
data, source = answer.recvfrom(10)
print(source[0], flush=True)
"""
ASK = "import socket; socket.socket(2, 2).sendto(b'x', ('198.18.9.2', 5002))"
IPV6_ONLY = """
from talpa.ppp.link import PppLink
PppLink.offer_ipv4 = lambda self, offer, now: self.refuse_ipv4(now)
from talpa.cli.main import main
main()
"""


@pytest.fixture(scope="module")
def net() -> Iterator[World]:
    with world() as found:
        yield found


def refused(server: Server, *wrap: str) -> str:
    """What it says when it cannot start; nothing of the host has changed."""
    before = server.namespace.state()
    with running(server):
        server.launch("serve", "-c", server.config, wrap=wrap)
        assert server.ends() == 1
    assert server.namespace.state() == before
    said = server.log()
    assert "Traceback" not in said
    assert "Errno" not in said
    return said


def test_behind_masquerading_the_office_sees_the_server(net: World, tmp_path: Path) -> None:
    """And the clients do not see each other, for they were told not to."""
    before = net.server.state()
    server = Server(
        net.server,
        tmp_path,
        server="masquerade = true\nclient_to_client = false",
        l2tp="# on every address\n",
    )
    client, other = Client(net.client, tmp_path), Client(net.other, tmp_path, "other")
    answer = subprocess.Popen(
        net.office.inside(sys.executable, "-c", ANSWER), stdout=subprocess.PIPE, text=True
    )
    assert answer.stdout is not None
    try:
        with running(client, other, server):
            server.start()
            client.start("--route", "198.19.0.0/24")
            other.start("--route", "198.19.0.0/24")
            client.connected()
            address = other.connected()
            client.says("[ipv6]")
            net.client.run("while ! ip route | grep -q 198.18.9; do sleep 0.05; done")
            assert net.client.pings(GATEWAY)
            assert net.client.pings(OFFICE)
            assert answer.stdout.readline() == "ready\n"
            net.client.run(f'{sys.executable} -c "{ASK}"')
            assert answer.stdout.readline() == "198.18.9.1\n"
            assert not net.client.pings(address)
            assert any(
                "another session" in r or "forward" in r for r in server.ask("status")["drops"]
            )
            assert "talpa" in net.server.run("nft list ruleset")
            assert net.server.run("ip route show proto 84").strip()
            assert net.server.state() != before
            begun = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - begun < 5
            assert net.server.state() == before
            for each in (client, other):
                assert "the server is going down" in each.log()
                assert each.stop() in (0, 1)
    finally:
        answer.kill()
        answer.communicate()


def test_what_a_killed_server_left_is_put_back_by_the_next(net: World, tmp_path: Path) -> None:
    before = net.server.state()
    server = Server(net.server, tmp_path, server="masquerade = true")
    with running(server):
        server.start()
        server.kill()
        assert "nft" in server.log() or "talpa" in net.server.run("nft list ruleset")
        server.start()
        assert server.line("[recovered]")
        assert server.stop(signal.SIGINT) == 0
    assert net.server.state() == before


def test_nobody_hears_and_it_still_ends_in_time(net: World, tmp_path: Path) -> None:
    server = Server(net.server, tmp_path, ppp="# slow\n")
    client = Client(net.client, tmp_path)
    with running(client, server):
        server.start()
        client.start()
        client.connected()
        client.kill()
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 5
    net.client.run("ip route flush proto 84", check=False)


def test_a_bad_configuration_is_refused(net: World, tmp_path: Path) -> None:
    server = Server(net.server, tmp_path, more='[[user]]\nname = "x"\npassword = "y"\npool = "z"\n')
    said = refused(server)
    assert f"{server.config}:" in said
    assert "user[2].pool" in said
    assert not (tmp_path / "server").exists()


def test_a_port_in_use_is_named_with_its_holder(net: World, tmp_path: Path) -> None:
    holder = subprocess.Popen(
        net.server.inside(sys.executable, "-c", HOLDER), stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        said = refused(Server(net.server, tmp_path))
    finally:
        holder.kill()
        holder.communicate()
    assert "error: the server cannot start: cannot listen on 198.18.0.1:1701/udp" in said
    assert f"(process {holder.pid})" in said


def test_an_address_that_is_not_ours(net: World, tmp_path: Path) -> None:
    server = Server(net.server, tmp_path)
    server.config.write_text(server.config.read_text().replace(SERVER, "198.18.77.7"))
    assert "198.18.77.7:1701/udp" in refused(server)


def test_a_device_name_in_use(net: World, tmp_path: Path) -> None:
    said = refused(Server(net.server, tmp_path, more='[dataplane]\ntun = "wire1"\n'))
    assert "cannot make the TUN device wire1: an interface of that name exists" in said


def test_a_route_in_the_way(net: World, tmp_path: Path) -> None:
    net.server.run("ip route add 198.19.0.0/24 via 198.18.9.2")
    try:
        said = refused(Server(net.server, tmp_path))
    finally:
        net.server.run("ip route del 198.19.0.0/24")
    assert "another route to 198.19.0.0/24" in said


def test_without_the_right_to_it(net: World) -> None:
    with open_folder() as folder:
        server = Server(net.server, folder)
        server.config.chmod(0o644)
        said = refused(server, *NOBODY)
    assert "error: the server cannot start: cannot make the TUN device talpa0" in said
    assert "hint: run it as root" in said


def test_a_connection_with_ipv6_alone_is_one(net: World, tmp_path: Path) -> None:
    """Behind a server that refuses IPCP."""
    server = Server(net.server, tmp_path)
    client = Client(net.client, tmp_path)
    with running(client, server):
        server.launch("serve", "-c", server.config, program=(sys.executable, "-c", IPV6_ONLY))
        server.says("[ready]")
        client.start("--route", "fd77::/56")
        assert client.connected().startswith("fe80::")
        assert "fd77:" in client.says("[ipv6]")
        assert net.client.pings("fd77::1")
        assert client.stop() == 0
        assert server.stop() == 0


def test_two_servers_with_one_state_directory(net: World, tmp_path: Path) -> None:
    server = Server(net.server, tmp_path)
    with running(server):
        server.start()
        second = Server(net.server, tmp_path)
        second.log_file = tmp_path / "second.log"
        assert f"in use by process {server.pid}" in refused(second)
        assert server.ask("status")["pid"] == server.pid
        assert server.stop() == 0


def test_the_log_in_json_can_be_read_whatever_names_strangers_have(
    net: World, tmp_path: Path
) -> None:
    server = Server(net.server, tmp_path, server='log_format = "json"')
    with running(server):
        server.launch("serve", "-c", server.config)
        server.says('"event": "ready"')
        for _ in range(2):
            guesser = Client(net.client, tmp_path)
            with running(guesser):
                guesser.start(user="evil%1B%5B2J%0Aname", password="x")
                assert guesser.ends() == 1
        assert server.stop() == 0
    notices = [json.loads(line) for line in server.log().splitlines()]
    failed = [n for n in notices if n["event"] == "login-failed"]
    assert failed
    assert all(n["client"] == "198.18.1.2" and n["time"] > 0 for n in failed)
    assert all("evil\\x1b[2J\\nname" in n["message"] for n in failed)
    assert "\x1b" not in server.log()
