"""A client and a server whole, over a quiet simulated link: what a user relies on."""

from ipaddress import IPv4Address

from simnet.link import Link
from simnet.stack import STAFF, ClientEnd, ServerEnd, connect
from talpa.roles.client import Stage


def complete(client: ClientEnd) -> bool:
    """Whether the client has all that the server gives."""
    network = client.role.network
    return client.role.stage is Stage.READY and bool(network.ipv4 and network.ipv6)


def test_a_client_connects_gets_its_network_and_leaves() -> None:
    server, client = ServerEnd(1), ClientEnd(2)
    pair = connect(Link(3), client, server)
    up = pair.run(30, until=lambda: complete(client))
    assert up, (client.role.stage, client.role.failure, client.notices, server.notices)
    network = client.role.network
    assert network.ipv4 in STAFF.ipv4
    assert network.peer == IPv4Address("10.77.0.1")
    assert [str(a)[:4] for a in network.ipv6] == ["fd77"]
    (session,) = server.role.sessions()
    assert session.user == "alice"
    assert session.method == "MS-CHAPv2"

    client.close(pair.now)
    pair.run(30, until=lambda: client.role.stage is Stage.CLOSED)
    pair.run(120)
    assert server.role.sessions() == []
    assert server.directory.usage()[0].ipv4_used == 0
    assert not server.role.endpoint.describe()


def test_every_step_is_told_when_asked_for() -> None:
    server, client = ServerEnd(1), ClientEnd(2)
    server.role.tracing = True
    pair = connect(Link(3), client, server)
    pair.run(30, until=lambda: complete(client))
    told = [n.message for n in server.notices if n.name in ("call-up", "ppp-step")]
    for step in (
        "is up (serial",
        "LCP is open",
        "alice tries to log in",
        "alice is logged in",
        "IPv4 is up",
        "IPv6 is up",
    ):
        assert any(step in line for line in told), step
    assert all(n.level == "debug" for n in server.notices if n.name == "ppp-step")
    assert not any("correct horse" in line for line in told)
