"""IPsec in the worlds of `netns_world`: keys, calls, and a world with NAT at both ends.

    first --\\
    second --- home (NAT) --- cloud (NAT) --- server
    third --/                 /
                   street ---/

The server is reached at `SERVER` as it is, and at `PUBLIC` through the port forward of `cloud`.
"""

import contextlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.netns_world import PASSWORD, SERVER, Client, Namespace, Server, until, wire

KEY = "canary-Shared3Key-that-is-long-enough"
ONE_KEY = f'[[ipsec.psk]]\nsecret = "{KEY}"\n'
BOB = f'[[user]]\nname = "bob"\npassword = "{PASSWORD}"\n'
CAROL = f'[[user]]\nname = "carol"\npassword = "{PASSWORD}"\n'
PUBLIC = "198.18.30.1"
INSIDE = ("--route", "198.19.0.0/24", "--no-ipv6")
"""Reach the other clients, too."""


def secret_file(folder: Path, text: str = KEY, name: str = "psk.txt") -> Path:
    path = folder / name
    path.touch(0o600)
    path.write_text(text)
    return path


def l2tp(
    client: Client,
    *options: str | Path,
    ike: int = 1,
    user: str = "alice",
    host: str = SERVER,
    key: str = KEY,
    password: str = PASSWORD,
) -> Client:
    """Call with L2TP over IPsec and a pre-shared key."""
    psk = secret_file(client.folder, key, f"{client.name}.psk")
    url = f"l2tp+ipsec://{user}@{host}"
    return client.start(
        *("--psk-file", psk, "--ike", str(ike), *options), user=user, password=password, url=url
    )


def no_associations(server: Server) -> bool:
    return not server.ask("associations") and not server.ask("sessions")


def left_nothing(client: Client, server: Server, before: str) -> None:
    """The client's Ctrl-C was told to the server, and this machine is as it was."""
    assert client.namespace.state() == before
    until("no association is left", lambda: no_associations(server), 3)


@dataclass(frozen=True)
class NatWorld:
    server: Namespace
    cloud: Namespace
    home: Namespace
    street: Namespace
    phones: tuple[Namespace, ...]

    def new_bindings(self) -> None:
        """The NAT at home forgets what it knew, as one does that was restarted."""
        self.home.run(
            "ip link set wan down && ip link set wan up && ip route add default via 198.18.30.1"
        )


@contextmanager
def nat_world() -> Iterator[NatWorld]:
    tag = secrets.token_hex(3)
    with contextlib.ExitStack() as stack:

        def made(name: str) -> Namespace:
            namespace = Namespace(f"tn{tag}-{name}")
            stack.callback(namespace.close)
            return namespace

        phones = tuple(made(name) for name in ("first", "second", "third"))
        found = NatWorld(made("server"), made("cloud"), made("home"), made("street"), phones)
        server, cloud, home, street = found.server, found.cloud, found.home, found.street
        server.run(f"ip addr add {SERVER}/32 dev lo")
        wire(server, cloud, "server", "198.18.40.2/24", "198.18.40.1/24")
        wire(cloud, home, "wan", f"{PUBLIC}/24", "198.18.30.2/24")
        wire(cloud, street, "street", "198.18.31.1/24", "198.18.31.2/24")
        server.run("ip route add default via 198.18.40.1")
        home.run("ip route add default via 198.18.30.1")
        street.run("ip route add default via 198.18.31.1")
        cloud.run(f"ip route add {SERVER} via 198.18.40.2")
        for number, phone in enumerate(phones, 1):
            net = f"198.18.2{number}"
            wire(home, phone, f"phone{number}", f"{net}.1/24", f"{net}.2/24")
            phone.run(f"ip route add default via {net}.1")
        for router in (home, cloud):
            router.run("sysctl -qw net.ipv4.ip_forward=1")
        home.run(
            "nft 'add table ip nat; add chain ip nat out"
            " { type nat hook postrouting priority 100; };"
            " add rule ip nat out oifname wan meta l4proto udp masquerade to :20000-60000 random;"
            " add rule ip nat out oifname wan masquerade'"
        )
        cloud.run(
            "nft 'add table ip nat; add chain ip nat in"
            " { type nat hook prerouting priority -100; };"
            f" add rule ip nat in ip daddr {PUBLIC} udp dport {{ 500, 4500 }} dnat to {SERVER}'"
        )
        yield found


IMPATIENT = """
from dataclasses import replace
from talpa.server import client_roles
from talpa.server.config import ipsec_build

def impatient(made):
    return lambda *words: replace(made(*words), dpd=1, retransmit_first=0.3, retransmit_limit=3)

client_roles._ike_config = impatient(client_roles._ike_config)
ipsec_build.ike_config = impatient(ipsec_build.ike_config)
from talpa.cli.main import main
main()
"""
"""A program that takes a silent peer for gone within seconds."""

ROAMING = """
from talpa.server import client_process

client_process.ROAMING_SECONDS = 0.5
from talpa.cli.main import main
main()
"""
"""A client that looks often whether its own address has changed."""
