"""`talpa connect`, and what it does when things go wrong."""

import re
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
    PASSWORD,
    SERVER,
    TALPA,
    Client,
    Server,
    World,
    open_folder,
    run,
    running,
    until,
    world,
)

pytestmark = pytest.mark.netns

ONE_DEVICE = '[[user]]\nname = "bob"\npassword = "one"\nsessions = 1\n'
SHORT = '[[user]]\nname = "short"\npassword = "one"\nsession_timeout = 1\n'
IDLE = '[[user]]\nname = "idle"\npassword = "one"\nidle_timeout = 1\n'
SILENT = """
import socket
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("198.18.2.1", 1701))
print("ready", flush=True)
silent.recv(1)
import time
time.sleep(60)
"""


@pytest.fixture(scope="module")
def net() -> Iterator[World]:
    with world() as found:
        yield found


@pytest.fixture(scope="module")
def server(net: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("connect")
    server = Server(net.server, folder, more=ONE_DEVICE + SHORT + IDLE)
    with running(server):
        yield server.start()


def test_it_leaves_nothing_behind(net: World, server: Server, tmp_path: Path) -> None:
    before = net.client.state()
    client = Client(net.client, tmp_path)
    with running(client):
        client.start("--default-route")
        client.connected()
        client.says("[ipv6]")
        assert net.client.pings(OFFICE) is False  # the office has no way back
        assert net.client.pings(GATEWAY)
        assert net.client.state() != before
        assert net.client.run("cat /etc/resolv.conf") in before
        begun = time.monotonic()
        assert client.stop(signal.SIGINT) == 0
        assert time.monotonic() - begun < 5
    assert net.client.state() == before
    assert until("no session is left", lambda: not server.sessions(), 3) is True


def test_after_a_crash_the_next_start_cleans_up(net: World, server: Server, tmp_path: Path) -> None:
    before = net.client.state()
    client = Client(net.client, tmp_path)
    with running(client):
        client.start("--route", "198.19.99.0/24")
        client.connected()
        client.kill()
        client.start()
        client.connected()
        assert "198.19.99.0" not in net.client.run("ip route")
        assert client.stop() == 0
    assert net.client.state() == before


def test_name_servers_and_search_domains_are_used_while_it_is_up(
    net: World, server: Server, tmp_path: Path
) -> None:
    """In a mount namespace with a resolver file of its own."""
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 198.18.1.1\n")
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(PASSWORD)
    script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    client = Client(net.client, tmp_path)
    with running(client):
        client.launch(
            *("connect", f"l2tp://alice@{SERVER}", "--password-file", password),
            *("--state-dir", tmp_path / "state"),
            wrap=("unshare", "--mount", "sh", "-c", script, str(resolver)),
        )
        client.connected()
        until("search domains", lambda: "search corp.example\n" in resolver.read_text())
        assert f"nameserver {GATEWAY}\n" in resolver.read_text()
        assert client.stop(signal.SIGHUP) == 0  # its terminal was closed
    assert resolver.read_text() == "nameserver 198.18.1.1\n"


def test_a_wrong_password_ends_it(net: World, server: Server, tmp_path: Path) -> None:
    client = Client(net.client, tmp_path)
    with running(client):
        client.start(password="wrong")
        assert client.ends() == 1
    assert "connecting again" not in client.log()
    assert re.search("(?i)authentication|password", client.says("[disconnected]"))
    assert "alice: wrong password (from 198.18.1.2)" in server.says("[login-failed")


def test_a_server_that_does_not_answer_can_be_left_at_once(net: World, tmp_path: Path) -> None:
    client = Client(net.other, tmp_path)
    silent = subprocess.Popen(
        net.server.inside(sys.executable, "-c", SILENT), stdout=subprocess.PIPE, text=True
    )
    try:
        assert silent.stdout is not None
        assert silent.stdout.readline() == "ready\n"
        password = tmp_path / "password"
        password.write_text("x")
        password.chmod(0o600)
        with running(client):
            client.launch(
                *("connect", "l2tp://alice@198.18.2.1", "--password-file", password),
                *("--state-dir", tmp_path / "state"),
            )
            client.says("calling the server")
            time.sleep(0.5)
            begun = time.monotonic()
            assert client.stop(signal.SIGINT) == 1
            assert time.monotonic() - begun < 5
    finally:
        silent.kill()
        silent.communicate()


def test_a_missing_network_is_waited_for(net: World, server: Server, tmp_path: Path) -> None:
    net.other.run(f"ip route del {SERVER}")
    client = Client(net.other, tmp_path)
    with running(client):
        client.start()
        assert "Network is unreachable" in client.says("[unreachable]")
        client.says("connecting again in")
        net.other.run(f"ip route add {SERVER} via 198.18.2.1")
        client.connected()
        assert client.stop() == 0


def test_a_name_that_does_not_resolve_is_said_and_tried_again(net: World, tmp_path: Path) -> None:
    """The name server of the namespace's /etc/resolv.conf cannot be reached."""
    password = tmp_path / "password"
    password.write_text("x")
    password.chmod(0o600)
    client = Client(net.other, tmp_path)
    with running(client):
        client.launch(
            *("connect", "l2tp://alice@no.such.invalid", "--password-file", password),
            *("--state-dir", tmp_path / "state"),
        )
        client.says("[unresolved]", "no.such.invalid", "is the name right?", seconds=12)
        client.says("connecting again in")
        begun = time.monotonic()
        assert client.stop(signal.SIGINT) == 1
        assert time.monotonic() - begun < 5


def test_without_the_right_to_it_it_ends_with_a_sentence(net: World) -> None:
    with open_folder() as folder:
        password = folder / "password"
        password.write_text("x")
        client = Client(net.client, folder)
        with running(client):
            client.launch(
                *("connect", f"l2tp://alice@{SERVER}", "--password-file", password),
                *("--state-dir", folder / "state"),
                wrap=NOBODY,
            )
            assert client.ends() == 1
        said = client.log()
    assert "error: the client cannot start: cannot make the TUN device talpa-vpn" in said
    assert "hint: run it as root" in said
    assert "Errno" not in said
    assert "Traceback" not in said


def test_a_device_name_in_use_ends_it(net: World, server: Server, tmp_path: Path) -> None:
    client = Client(net.client, tmp_path)
    with running(client):
        client.start("--tun", "wire1")
        assert client.ends() == 1
    assert "cannot make the TUN device wire1: an interface of that name exists" in client.log()


def test_a_network_of_ones_own_is_not_taken_over(
    net: World, server: Server, tmp_path: Path
) -> None:
    """The server sends a route to the very network that the client is in."""
    net.other.run("ip link add home type bridge && ip addr add 198.19.200.5/24 dev home")
    net.other.run("ip link set home up")
    client = Client(net.other, tmp_path)
    with running(client):
        client.start()
        client.connected()
        assert "198.19.200.0/24" in client.says("[route-refused]")
        assert "198.18.9.0/24 dev talpa-vpn" in net.other.run("ip route")
        assert client.stop() == 0
    assert "198.19.200.0/24 dev home" in net.other.run("ip route")
    net.other.run("ip link del home")


def test_one_device_at_the_limit_comes_back_at_once(
    net: World, server: Server, tmp_path: Path
) -> None:
    device, another = Client(net.client, tmp_path), Client(net.other, tmp_path, "another")
    with running(device, another):
        device.start(user="bob", password="one")
        address = device.connected()
        another.start(user="bob", password="one")
        another.says("too many sessions")
        device.kill()
        device.start(user="bob", password="one")
        assert device.connected() == address
        server.says("[session-replaced", "user=bob")
        assert device.stop() == 0
        another.stop()


def test_session_and_idle_timeout(net: World, server: Server, tmp_path: Path) -> None:
    short, idle = Client(net.client, tmp_path), Client(net.other, tmp_path, "idle")
    with running(short, idle):
        short.start("--no-reconnect", user="short", password="one")
        idle.start("--no-reconnect", "--no-ipv6", user="idle", password="one")
        assert short.ends(8) == 1
        assert idle.ends(8) == 1
    assert "the session has lasted as long as it may" in short.says("[disconnected]")
    assert "no traffic for the idle time" in idle.says("[disconnected]")


def test_the_help_says_what_the_exit_status_means() -> None:
    for command in ("connect", "serve"):
        assert "Exit status: 0 when" in run(TALPA, command, "--help")


def test_it_comes_back_after_the_server(net: World, server: Server, tmp_path: Path) -> None:
    client = Client(net.client, tmp_path)
    with running(client):
        client.start("--echo-interval", "0.3")
        client.connected()
        server.kill()
        client.says("[waiting]", seconds=15)
        server.start()
        until("the session is back", server.sessions, 15)
        until("traffic again", lambda: net.client.pings(GATEWAY))
        assert client.stop() == 0
