"""What Talpa adds to a host, and that nothing of it stays: in namespaces of our own."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.host_namespace import CLIENT, SERVER, Namespace, namespace

pytestmark = pytest.mark.netns


@pytest.fixture
def ns() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


def test_a_server_s_addresses_routes_forwarding_and_masquerading(
    ns: Namespace, tmp_path: Path
) -> None:
    before = ns.everything()
    ns.python(tmp_path, SERVER + "host.close()")
    assert ns.addresses() == {"10.77.0.1/32", "fd77::1/128"}
    assert ns.routes("-4") == {"10.77.0.0/24": "talpa0", "10.78.0.0/24": "talpa0"}
    assert ns.routes("-6") == {"fd77::/56": "talpa0"}
    (link,) = ns.ip("link", "show", "talpa0")
    assert link["mtu"] == 1400
    assert "UP" in link["flags"]
    assert "net/ipv4/ip_forward:1\n" in ns.settings()
    assert "net/ipv6/conf/all/forwarding:1\n" in ns.settings()
    table = ns.command("nft", "list", "table", "inet", "talpa_test")
    assert 'ip saddr @pools4 oifname != "talpa0" masquerade comment "talpa test"' in table
    assert "10.77.0.0/24" in table
    assert "ip6 saddr @pools6" in table
    after = "host = Host(state, 'test'); print(host.recover()); host.teardown()"
    assert "nftables table inet talpa_test" in ns.python(tmp_path, after)
    assert ns.everything() == before
    assert not (tmp_path / "host.json").exists()


@pytest.mark.parametrize("role", [SERVER, CLIENT])
def test_teardown_leaves_nothing(ns: Namespace, tmp_path: Path, role: str) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    before = ns.everything()
    ns.python(tmp_path, role + "host.teardown()")
    assert ns.everything() == before
    assert (tmp_path / "resolv.conf").read_text() == "nameserver 192.0.2.53\n"


@pytest.mark.parametrize("role", [SERVER, CLIENT])
def test_the_next_start_removes_what_a_crash_left(ns: Namespace, tmp_path: Path, role: str) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    before = ns.everything()
    ns.python(tmp_path, role + "crash()", status=-signal.SIGKILL)
    assert ns.everything() != before
    ns.python(tmp_path, "host = Host(state, 'test'); host.recover(); host.recover(); host.close()")
    assert ns.everything() == before
    assert (tmp_path / "resolv.conf").read_text() == "nameserver 192.0.2.53\n"


@pytest.mark.parametrize(("role", "steps"), [(SERVER, (0, 4)), (CLIENT, (3,))])
def test_a_crash_at_any_step_is_recovered_from(
    ns: Namespace, tmp_path: Path, role: str, steps: tuple[int, ...]
) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    before = ns.everything()
    for step in steps:
        program = f"""
from talpa.server.host import changes, nat
left = {step}
def dying(make):
    def wrapped(self, system):
        global left
        make(self, system)
        left -= 1
        if left < 0:
            crash()
    return wrapped
for kind in (changes.DeviceAddress, changes.DeviceRoute, nat.NatTable):
    kind.make = dying(kind.make)
"""
        ns.python(tmp_path, program + role, status=-signal.SIGKILL)
        ns.python(tmp_path, "host = Host(state, 'test'); host.recover(); host.close()")
        assert ns.everything() == before
    assert (tmp_path / "resolv.conf").read_text() == "nameserver 192.0.2.53\n"


def test_recovery_bears_that_the_device_is_gone(ns: Namespace, tmp_path: Path) -> None:
    ns.python(tmp_path, SERVER + "crash()", status=-signal.SIGKILL)
    ns.ip("link", "del", "talpa0")
    ns.command("nft", "flush", "ruleset")
    left = ns.python(
        tmp_path, "host = Host(state, 'test'); print(len(host.recover())); host.close()"
    )
    assert int(left) >= 7
    assert not (tmp_path / "host.json").exists()


def test_settings_of_single_devices_come_back(ns: Namespace, tmp_path: Path) -> None:
    """The kernel sets every device along with the whole."""
    ns.command("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/up1/forwarding")
    ns.command("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/up1/forwarding")
    before = ns.settings()
    ns.python(tmp_path, SERVER + "crash()", status=-signal.SIGKILL)
    assert "net/ipv6/conf/up0/accept_ra:2\n" in ns.settings()
    ns.python(tmp_path, "host = Host(state, 'test'); host.recover(); host.teardown()")
    assert ns.settings() == before


def test_a_forwarding_host_stays_one(ns: Namespace, tmp_path: Path) -> None:
    ns.command("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    ns.python(tmp_path, SERVER + "host.teardown()")
    assert "net/ipv4/ip_forward:1\n" in ns.settings()


def test_it_works_inside_a_running_event_loop(ns: Namespace, tmp_path: Path) -> None:
    before = ns.everything()
    program = "import asyncio\nasync def main():\n"
    program += "\n".join(f"    {line}" for line in (SERVER + "host.teardown()").splitlines())
    ns.python(tmp_path, f"{program}\nasyncio.run(main())")
    assert ns.everything() == before


def test_a_client_s_everything_goes_through_the_tunnel_but_the_tunnel(
    ns: Namespace, tmp_path: Path
) -> None:
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.symlink_to("there/stub.conf")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "stub.conf").write_text("nameserver 127.0.0.53\n")
    ns.python(tmp_path, CLIENT + "host.close()")
    assert ns.routes("-4") == {
        "0.0.0.0/1": "talpa0",
        "128.0.0.0/1": "talpa0",
        "10.77.0.1": "talpa0",
        "198.51.100.7": "up0 198.18.5.1",
    }
    assert ns.routes("-6") == {"::/1": "talpa0", "8000::/1": "talpa0"}
    for address, device in [
        ("192.0.2.1", "talpa0"),
        ("2001:db8::1", "talpa0"),
        ("198.51.100.7", "up0"),
        ("198.18.5.9", "up0"),
    ]:
        assert ns.ip("route", "get", address)[0]["dev"] == device
    assert "nameserver 10.77.0.1\nsearch corp.example\n" in resolv_conf.read_text()
    ns.python(tmp_path, "host = Host(state, 'test'); host.recover(); host.close()")
    assert resolv_conf.is_symlink()
    assert resolv_conf.read_text() == "nameserver 127.0.0.53\n"


def test_the_pin_follows_a_new_gateway(ns: Namespace, tmp_path: Path) -> None:
    program = (
        CLIENT
        + """
import subprocess
subprocess.run(["ip", "route", "replace", "default", "via", "198.18.5.254"], check=True)
host.pin_peer(ip_address("198.51.100.7"))
host.pin_peer(ip_address("2001:db8::7"))
host.pin_peer(ip_address("198.18.5.2"))
host.pin_peer(ip_address("198.18.5.77"))
host.close()
"""
    )
    ns.python(tmp_path, program)
    routes = ns.routes("-4")
    assert routes["198.51.100.7"] == "up0 198.18.5.254"
    assert routes["198.18.5.77"] == "up0"
    assert "198.18.5.2" not in routes
    assert ns.routes("-6")["2001:db8::7"] == "up0 fd00:5::1"


def test_no_way_to_the_peer_is_said(ns: Namespace, tmp_path: Path) -> None:
    ns.ip("route", "del", "default")
    program = """
host = Host(state, "test")
try:
    host.pin_peer(ip_address("198.51.100.7"))
except HostError as error:
    print(error)
host.teardown()
"""
    assert "No route leads to 198.51.100.7" in ns.python(tmp_path, program)


def test_routes_come_and_go_and_another_s_is_not_touched(ns: Namespace, tmp_path: Path) -> None:
    ns.ip("route", "add", "192.0.2.0/24", "via", "198.18.5.1")
    program = (
        CLIENT
        + """
host.add_routes([ip_network("172.16.0.0/12"), ip_network("fd99::/48")])
host.remove_routes([ip_network("0.0.0.0/0"), ip_network("192.0.2.0/24"), ip_network("::/0")])
try:
    host.add_routes([ip_network("10.99.0.0/16"), ip_network("192.0.2.0/24")])
except HostError as error:
    print(error)
host.close()
"""
    )
    said = ns.python(tmp_path, program)
    assert "There is another route to 192.0.2.0/24 already" in said
    assert set(ns.routes("-4")) == {"172.16.0.0/12", "10.77.0.1", "198.51.100.7"}
    assert set(ns.routes("-6")) == {"fd99::/48"}
    ns.python(tmp_path, "host = Host(state, 'test'); host.recover(); host.close()")
    assert ns.ip("route", "get", "192.0.2.1")[0]["gateway"] == "198.18.5.1"


def test_pools_are_reloaded(ns: Namespace, tmp_path: Path) -> None:
    before = ns.everything()
    program = (
        SERVER
        + """
host.reload_pools([ip_network("10.77.0.0/24"), ip_network("10.99.0.0/16")], masquerade=True)
host.close()
"""
    )
    ns.python(tmp_path, program)
    assert set(ns.routes("-4")) == {"10.77.0.0/24", "10.99.0.0/16"}
    assert ns.routes("-6") == {}
    table = ns.command("nft", "list", "table", "inet", "talpa_test")
    assert "10.99.0.0/16" in table
    assert "10.78.0.0/24" not in table
    assert "pools6" not in table
    ns.python(tmp_path, "host = Host(state, 'test'); host.recover(); host.close()")
    assert ns.everything() == before


def test_reload_can_end_masquerading(ns: Namespace, tmp_path: Path) -> None:
    program = SERVER + "host.reload_pools([ip_network('10.77.0.0/24')])\nhost.close()"
    ns.python(tmp_path, program)
    assert ns.command("nft", "list", "ruleset") == ""
    (entries,) = [json.loads((tmp_path / "host.json").read_text())["changes"]]
    assert "nat" not in {entry["kind"] for entry in entries}


def test_overlapping_pools_can_be_masqueraded(ns: Namespace, tmp_path: Path) -> None:
    program = (
        SERVER
        + """
nets = [ip_network("10.77.0.0/24"), ip_network("10.77.0.0/16"), ip_network("10.77.0.0/24")]
host.reload_pools(nets, masquerade=True)
host.close()
"""
    )
    ns.python(tmp_path, program)
    assert "10.77.0.0/16" in ns.command("nft", "list", "table", "inet", "talpa_test")


def test_a_failed_set_up_takes_back_what_it_added(ns: Namespace, tmp_path: Path) -> None:
    before = ns.everything()
    program = (
        """
from talpa.server.host import commands
find = commands.find
commands.find = lambda program: None
"""
        + SERVER.replace("host.setup_server", "try:\n  host.setup_server")
        + """
except HostError as error:
  print(error)
host.close()
"""
    )
    said = ns.python(tmp_path, program)
    assert "nft is not installed. Install the package nftables" in said
    assert ns.everything() == before
    assert not (tmp_path / "host.json").exists()


def test_without_privilege_the_error_says_so(ns: Namespace, tmp_path: Path) -> None:
    program = """
os.setgroups([]); os.setgid(65534); os.setuid(65534)
from talpa.server.host.netlink import Netlink
netlink = Netlink()
try:
    netlink.link_set(TUN, 1400, up=True)
except HostError as error:
    print(error)
netlink.close()
"""
    assert "CAP_NET_ADMIN" in ns.python(tmp_path, program)
