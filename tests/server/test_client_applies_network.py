"""What a client makes of its host out of what the server says."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any, cast

import pytest

from talpa.hostconfig import Route
from talpa.roles.client import Network, Stage
from talpa.sansio import Address
from talpa.server.client_process import Connection
from talpa.server.config.client import ClientSettings
from talpa.server.host import Host
from talpa.server.log import Log
from talpa.wire import Secret

GATEWAY = IPv4Address("10.77.0.1")
UP = Network(ipv4=IPv4Address("10.77.0.9"), peer=GATEWAY, dns=(GATEWAY,))


class Recorder:
    """The host and the log."""

    def __init__(self) -> None:
        self.dns: object = None
        self.routes: list[str] = []
        self.said: list[str] = []

    def setup_client(self, *_: object) -> None:
        pass

    def pin_peer(self, _peer: object) -> None:
        pass

    def add_routes(self, routes: list[IPv4Network]) -> None:
        self.routes += [str(route) for route in routes]

    def recover(self) -> None:
        self.dns = None
        self.routes = []

    def set_dns(self, servers: object, search: object, *, everything: bool) -> None:
        self.dns = servers, search, everything

    def tell(self, notice: Any) -> None:
        self.said.append(notice.name)


def connection(host: Recorder, **settings: Any) -> Connection:
    given = ClientSettings(server="x", user="alice", password=Secret("p"), **settings)
    made = Connection(given, cast(Host, host), cast(Log, host))
    made._remote = Address("198.18.0.1", 1701)
    made._client.stages.append((Stage.L2TP, 0.0))
    cast(Any, made._plane)._tun = type("Tun", (), {"name": "talpa-vpn"})()
    return made


def test_name_servers_come_back_with_the_address() -> None:
    host = Recorder()
    made = connection(host)
    made._apply(UP)
    down = replace(UP, ipv4=None, peer=None, dns=())
    made._apply(down)
    assert not host.dns
    made._apply(replace(UP, ipv4=IPv4Address("10.77.0.10")))
    assert host.dns == ((GATEWAY,), (), False)
    made._apply(replace(UP, ipv4=IPv4Address("10.77.0.11")))
    assert host.dns == ((GATEWAY,), (), False), "another address without a pause"


def sent(*networks: str) -> Network:
    routes = tuple(Route(IPv4Network(n), GATEWAY) for n in networks)
    return replace(UP, routes=routes)


@pytest.mark.parametrize(
    "bad", ["0.0.0.0/0", "0.0.0.0/1", "127.0.0.0/8", "169.254.1.0/24", "224.0.0.0/4",
            "198.18.0.0/24", "198.18.0.1/32", "255.255.255.255/32"],
)  # fmt: skip
def test_a_server_cannot_send_a_route_that_is_not_its_business(bad: str) -> None:
    host = Recorder()
    made = connection(host)
    made._apply(sent(bad, "10.0.0.0/8"))
    made._apply(sent(bad, "10.0.0.0/8"))
    assert set(host.routes) == {"10.0.0.0/8"}
    assert host.said.count("route-refused") == 1


def test_networks_of_ipv6_are_reached_but_for_what_is_not_the_servers_business() -> None:
    host = Recorder()
    networks = ("fd20::/48", "::/0", "::1/128", "fe80::/64", "ff02::/16")
    connection(host)._apply(replace(UP, routes6=tuple(IPv6Network(net) for net in networks)))
    assert host.routes == ["fd20::/48"]
    assert host.said.count("route-refused") == 4


def test_no_routes_takes_none_of_the_server() -> None:
    host = Recorder()
    given = (IPv4Network("192.0.2.0/24"),)
    connection(host, server_routes=False, routes=given)._apply(sent("10.0.0.0/8"))
    assert host.routes == ["192.0.2.0/24"]


def test_the_default_route_is_the_users_choice() -> None:
    host = Recorder()
    connection(host, default_route=True)._apply(sent("0.0.0.0/0"))
    assert host.routes == ["0.0.0.0/0"]
