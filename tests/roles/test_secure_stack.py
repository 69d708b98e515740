"""L2TP over IPsec whole, from role to data plane, in virtual time."""

from functools import partial

import pytest

from simnet.link import Link, Pair
from simnet.secure import KEY, START, Nat, Packet, SecureClient, SecureServer, connect
from talpa.esp.sa import Sa
from talpa.ike.config import Call, Config, Connection, Habits, Lifetimes, Psk
from talpa.ike.identities import of_address
from talpa.ike.policies import COMPATIBLE
from talpa.roles.client import Stage
from talpa.roles.ipsec import Ipsec
from talpa.sansio import Address, Path

SEEDS = 20
CHUNK = 5


def up(client: SecureClient) -> bool:
    return client.role.stage in (Stage.READY, Stage.CLOSED)


def ready(client: SecureClient) -> bool:
    return client.role.stage is Stage.READY


def closed(client: SecureClient) -> bool:
    return client.role.stage is Stage.CLOSED


def ipsec_of(server: SecureServer) -> Ipsec:
    assert server.role.ipsec is not None
    return server.role.ipsec


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
    encapsulation = ipsec_of(server).associations()[0].spec.encapsulation.value
    assert encapsulation == ("raw" if behind == "nobody" else "udp")
    pair.run(5)
    client.close(pair.now)
    assert pair.run(60, until=lambda: client.role.stage is Stage.CLOSED)
    pair.run(400)
    assert server.role.lns.sessions() == []
    assert len(ipsec_of(server)) == 0
    assert server.ike.numbers() == []
    assert server.directory.usage()[0].ipv4_used == 0


@pytest.mark.parametrize("version", [1, 2])
def test_where_raw_esp_cannot_be_taken_everybody_encapsulates_in_udp(version: int) -> None:
    client = SecureClient(1, version=version)
    server = SecureServer(2, ike=Config(COMPATIBLE, lambda: START, force_udp=True))
    pair = connect(Link[Packet](3), client, server)
    assert pair.run(60, until=partial(ready, client)), server.notices
    (association,) = ipsec_of(server).associations()
    assert association.spec.encapsulation.value == "udp"
    assert client.role.ipsec.associations()[0].spec.encapsulation.value == "udp"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_a_session_outlives_bad_weather_and_all_its_keys(version: int, first: int) -> None:
    """Both ends re-key the association and IKE itself again and again, on a bad line."""
    lives = Lifetimes(ike=120.0, child=40.0)
    for seed in range(first, first + CHUNK):
        link = Link[Packet](seed, loss=0.08, duplicate=0.1, reorder=0.1, delay=(0.005, 0.2))
        client = SecureClient(
            2 * seed,
            "10.9.9.9",
            version=version,
            nat=Nat("198.18.0.99"),
            ike=Config(COMPATIBLE, lambda: START, l2tp=False, lifetimes=lives),
        )
        server = SecureServer(2 * seed + 1, ike=Config(COMPATIBLE, lambda: START, lifetimes=lives))
        pair = connect(link, client, server)
        pair.run(200, until=partial(ready, client))
        assert client.role.stage is Stage.READY, (seed, client.role.failure)
        pair.run(5)
        (session,) = server.role.lns.sessions()
        pair.run(400)
        assert server.role.lns.sessions() == [session], (seed, server.notices)
        assert ready(client), (seed, client.role.failure)
        (association,) = ipsec_of(server).associations()
        assert association.rekeys >= 6, seed
        assert len(server.ike.numbers()) == 1, seed
        client.close(pair.now)
        assert pair.run(300, until=partial(closed, client)), seed
        pair.run(600)
        assert server.role.lns.sessions() == [], seed
        assert len(ipsec_of(server)) == 0, seed
        assert server.ike.numbers() == client.ike.numbers() == [], seed
        assert server.directory.usage()[0].ipv4_used == 0, seed
        assert server.role.next_timeout() is None, seed


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("nat", [False, True])
def test_a_device_that_crashed_and_calls_again_has_one_session(version: int, nat: bool) -> None:
    """It does not even say INITIAL-CONTACT."""
    connection = Connection(
        "server",
        version,
        local_identity=of_address("198.18.0.2"),
        psk=Psk(KEY),
        habits=Habits(initial_contact=False),
    )
    server = SecureServer(9)
    shared = Nat("198.18.0.99") if nat else None
    now = 1000.0
    for seed in (1, 2):
        client = SecureClient(seed, connection=connection, nat=shared)
        pair: Pair[Packet] = Pair(Link(seed), client, server, now)
        client.open(now)
        assert pair.run(60, until=partial(ready, client)), client.role.failure
        pair.run(2)
        now = pair.now
    assert len(server.role.lns.sessions()) == 1
    assert len(server.said("session-replaced")) == 1


def test_what_the_plane_refuses_of_one_peer_is_no_others_loss() -> None:
    server = SecureServer(2)
    told: list[str] = []
    server.ike.on_fault = lambda culprit, _error: told.append(culprit)
    add = server.plane.sa_add
    refused: list[int] = []

    def once(association: int, inbound: Sa, outbound: Sa, *, use: bool) -> None:
        if not refused:
            refused.append(association)
            raise ValueError("no such suite here")
        add(association, inbound, outbound, use=use)

    server.plane.sa_add = once  # type: ignore[method-assign]
    first = SecureClient(1)
    pair = connect(Link[Packet](3), first, server)
    pair.run(40)
    assert told
    assert not ready(first)
    second = SecureClient(4, "198.18.0.3")
    after: Pair[Packet] = Pair(Link[Packet](5), second, server, start=pair.now)
    second.open(after.now)
    assert after.run(60, until=partial(ready, second)), server.notices


def test_l2tp_begins_when_an_ikev1_server_has_had_time_for_its_keys() -> None:
    client, server = SecureClient(1, version=1), SecureServer(2)
    pair = connect(Link[Packet](3), client, server)
    assert pair.run(60, until=partial(up, client))
    association = client.role.association
    assert association is not None
    began = dict(client.role.stages)
    assert 0.05 <= began[Stage.L2TP] - association.since <= 0.2


def test_the_server_may_renew_phase_1_itself() -> None:
    """As strongSwan does: it calls the client that called it."""
    client = SecureClient(
        1, ike=Config(COMPATIBLE, lambda: START, psks=lambda _: (Psk(KEY),), l2tp=False)
    )
    server = SecureServer(2)
    pair = connect(Link[Packet](3), client, server)
    assert pair.run(60, until=partial(ready, client))
    (session,) = server.role.lns.sessions()
    back = Connection("back", 1, local_identity=of_address(server.host), psk=Psk(KEY))
    way = Path(Address(server.host, 500), Address(client.host, 500))
    natt = Path(Address(server.host, 4500), Address(client.host, 4500))
    server.ike.open(Call(back, way, natt), pair.now)
    pair.run(30)
    assert not client.said("ike-failed")
    assert not server.said("ike-failed")
    assert server.role.lns.sessions() == [session]
    assert ready(client)
