"""A network namespace to change, programs that run in it, and what stands there."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

INSIDE = ("ip", "netns", "exec")
STRICT = ("-W", "error")
PRELUDE = """
import os, signal, sys
from ipaddress import *
from pathlib import Path
from talpa.server.host import Host, HostError
state = Path(sys.argv[1])
TUN = "talpa0"
def crash(): os.kill(os.getpid(), signal.SIGKILL)
"""
SERVER = """
host = Host(state, "test", resolv_conf=state / "resolv.conf")
print(host.recover())
host.setup_server(TUN, 1400, [ip_address("10.77.0.1"), ip_interface("fd77::1/128")],
    [ip_network("10.77.0.0/24"), ip_network("10.78.0.0/24"), ip_network("fd77::/56")],
    forward=True, masquerade=True)
"""
CLIENT = """
host = Host(state, "test", resolv_conf=state / "resolv.conf")
print(host.recover())
host.setup_client(TUN, 1400, ip_address("10.77.0.50"), ip_address("10.77.0.1"),
    [ip_interface("fd77:0:0:5::2/64")])
host.pin_peer(ip_address("198.51.100.7"))
host.add_routes([ip_network("0.0.0.0/0"), ip_network("::/0")])
host.set_dns([ip_address("10.77.0.1")], ["corp.example"])
"""


class Namespace:
    """A namespace with a TUN device that stays, and an uplink with a default route."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ip(self, *arguments: str) -> Any:
        done = subprocess.run(
            ["ip", "-n", self.name, "-j", *arguments], capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout) if done.stdout.strip() else []

    def command(self, *arguments: str) -> str:
        return subprocess.run(
            [*INSIDE, self.name, *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def python(self, state: Path, program: str, status: int = 0) -> str:
        """Run the program; its output. It must end with `status`."""
        done = subprocess.run(
            [*INSIDE, self.name, sys.executable, *STRICT, "-c", PRELUDE + program, str(state)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == status, done.stderr
        assert "Warning" not in done.stderr, done.stderr
        return done.stdout

    def routes(self, family: str = "-4", of: str = "84") -> dict[str, str]:
        """Device (and gateway) by destination of the routes with a protocol."""
        return {
            route["dst"]: " ".join(filter(None, (route["dev"], route.get("gateway"))))
            for route in self.ip(family, "route", "show", "proto", of)
        }

    def addresses(self) -> set[str]:
        (link,) = self.ip("address", "show", "dev", "talpa0")
        return {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"]}

    def settings(self) -> str:
        """Every value of forwarding and accept_ra."""
        find = "grep -r . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv?/conf/*/forwarding"
        find += " /proc/sys/net/ipv6/conf/*/accept_ra"
        return self.command("sh", "-c", find)

    def everything(self) -> tuple[object, ...]:
        """What must be the same before and after."""
        return (
            self.routes("-4"),
            self.routes("-6"),
            self.ip("-4", "route", "show"),
            self.addresses(),
            self.settings(),
            self.command("nft", "list", "ruleset"),
        )


@contextmanager
def namespace() -> Iterator[Namespace]:
    name = f"talpa{secrets.token_hex(4)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        made = Namespace(name)
        made.ip("link", "set", "lo", "up")
        made.ip("tuntap", "add", "dev", "talpa0", "mode", "tun")
        made.ip("link", "add", "up0", "type", "veth", "peer", "name", "up1")
        made.ip("link", "set", "up0", "up")
        made.ip("link", "set", "up1", "up")
        made.ip("address", "add", "198.18.5.2/24", "dev", "up0")
        made.ip("address", "add", "fd00:5::2/64", "dev", "up0", "nodad")
        made.ip("route", "add", "default", "via", "198.18.5.1")
        made.ip("-6", "route", "add", "default", "via", "fd00:5::1")
        yield made
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)
