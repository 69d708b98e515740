"""NAT in front of the client, the server, or both: several behind one, and bindings that change."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.netns_ipsec import (
    BOB,
    CAROL,
    INSIDE,
    ONE_KEY,
    PUBLIC,
    NatWorld,
    l2tp,
    nat_world,
    no_associations,
)
from e2e.netns_world import GATEWAY, SERVER, Client, Server, running, until

pytestmark = [pytest.mark.netns, pytest.mark.xdist_group("netns-ipsec-nat")]


@pytest.fixture(scope="module")
def net() -> Iterator[NatWorld]:
    with nat_world() as found:
        yield found


@pytest.fixture(scope="module")
def server(net: NatWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("nat")
    server = Server(net.server, folder, ipsec="dpd = 2", more=ONE_KEY + BOB + CAROL)
    with running(server):
        yield server.start()


@pytest.mark.parametrize("ike", [1, 2])
@pytest.mark.parametrize(
    ("where", "host", "nat"),
    [("first", SERVER, "peer"), ("street", PUBLIC, "us"), ("first", PUBLIC, "both")],
)
def test_whoever_is_behind_nat(
    net: NatWorld, server: Server, tmp_path: Path, ike: int, where: str, host: str, nat: str
) -> None:
    namespace = net.street if where == "street" else net.phones[0]
    client = Client(namespace, tmp_path)
    with running(client):
        l2tp(client, *INSIDE, ike=ike, host=host)
        address = client.connected()
        assert namespace.pings(GATEWAY)
        assert net.server.pings(address, "-s", "1300")
        (sa,) = server.ask("associations")
        assert (sa["encapsulation"], sa["nat"]) == ("udp", nat)
        assert client.stop() == 0
    until("no association is left", lambda: no_associations(server), 3)


def test_three_behind_one_nat_reach_each_other(
    net: NatWorld, server: Server, tmp_path: Path
) -> None:
    clients = [
        Client(phone, tmp_path, user)
        for phone, user in zip(net.phones, ("alice", "bob", "carol"), strict=True)
    ]
    with running(*clients):
        for client, ike in zip(clients, (1, 2, 1), strict=True):
            l2tp(client, *INSIDE, ike=ike, user=client.name)
        addresses = [client.connected() for client in clients]
        assert len(set(addresses)) == 3
        for phone in net.phones:
            assert all(phone.pings(address) for address in (GATEWAY, *addresses))
        assert {sa["nat"] for sa in server.ask("associations")} == {"peer"}
        assert [client.stop() for client in clients] == [0, 0, 0]
    until("no association is left", lambda: no_associations(server), 3)


@pytest.mark.parametrize("ike", [1, 2])
def test_a_binding_that_changes(net: NatWorld, server: Server, tmp_path: Path, ike: int) -> None:
    phone = net.phones[0]
    client = Client(phone, tmp_path)
    with running(client):
        l2tp(client, *INSIDE, "--echo-interval", "0", ike=ike)
        client.connected()
        assert phone.pings(GATEWAY)
        (before,) = server.ask("associations")
        net.new_bindings()
        until("traffic again", lambda: phone.pings(GATEWAY), 8)
        (after,) = server.ask("associations")
        assert after["id"] == before["id"]
        assert after["peer"] != before["peer"]
        assert client.line("[disconnected]") is None
        assert client.stop() == 0
    until("no association is left", lambda: no_associations(server), 3)
