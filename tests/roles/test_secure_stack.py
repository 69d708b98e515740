"""L2TP over IPsec whole, from role to data plane, in virtual time."""

import pytest

from simnet.link import Link
from simnet.secure import Nat, Packet, SecureClient, SecureServer, connect
from talpa.roles.client import Stage


def up(client: SecureClient) -> bool:
    return client.role.stage in (Stage.READY, Stage.CLOSED)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("behind", ["nobody", "client", "server", "both"])
def test_connects_and_leaves_nothing(version: int, behind: str) -> None:
    client_nat = Nat("198.18.0.99") if behind in ("client", "both") else None
    client = SecureClient(
        1, "10.9.9.9" if client_nat else "198.18.0.2", version=version, nat=client_nat
    )
    inside, outside = "10.1.1.1", "198.18.0.1"
    hidden = behind in ("server", "both")
    server = SecureServer(
        2,
        host=inside if hidden else outside,
        nat=Nat(outside, forward=inside) if hidden else None,
    )
    pair = connect(Link[Packet](3), client, server)
    assert pair.run(60, until=lambda: up(client))
    pair.run(3)  # IPv6 may come first
    assert client.role.stage is Stage.READY, (client.role.failure, server.notices)
    assert str(client.role.network.ipv4).startswith("10.77.0.")
    assert [session.user for session in server.role.lns.sessions()] == ["alice"]
    encapsulation = server.role.ipsec.associations()[0].spec.encapsulation.value  # type: ignore[union-attr]
    assert encapsulation == ("raw" if behind == "nobody" else "udp")
    pair.run(5)
    client.close(pair.now)
    assert pair.run(60, until=lambda: client.role.stage is Stage.CLOSED)
    pair.run(400)
    assert server.role.lns.sessions() == []
    assert len(server.role.ipsec) == 0  # type: ignore[arg-type]
    assert server.ike.numbers() == []
    assert server.directory.usage()[0].ipv4_used == 0
