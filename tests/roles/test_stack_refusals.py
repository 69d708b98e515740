"""Whoever may not in is told so, and the log says why in words."""

from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import cast

from simnet.link import Link
from simnet.stack import ALICE, CLIENT, STAFF, ClientEnd, ServerEnd, connect
from talpa.aaa import Pool
from talpa.dataplane.interface import PuntPpp
from talpa.l2tp.config import Config as L2tpConfig
from talpa.l2tp.events import Result
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.config import Credentials
from talpa.ppp.link import PppLink
from talpa.roles.client import Stage
from talpa.roles.lns import LnsConfig
from talpa.sansio import Address, Path
from talpa.wire import Secret


def run(client: ClientEnd, server: ServerEnd, seconds: float = 60) -> None:
    pair = connect(Link(5), client, server)
    pair.run(seconds, until=lambda: client.role.stage in (Stage.READY, Stage.CLOSED))


def ready(client: ClientEnd) -> bool:
    return client.role.stage is Stage.READY


def empty(server: ServerEnd) -> bool:
    return not server.role.sessions()


def messages(end: ServerEnd, name: str) -> list[str]:
    return [notice.message for notice in end.notices if notice.name == name]


def test_wrong_password() -> None:
    server, client = ServerEnd(1), ClientEnd(2, password="wrong")
    run(client, server)
    assert client.role.stage is Stage.CLOSED
    assert client.role.refused
    assert messages(server, "login-failed") == ["alice: wrong password (from 198.18.0.2)"]
    assert server.directory.usage()[0].ipv4_used == 0


def test_unknown_user() -> None:
    server = ServerEnd(1)
    ppp = PppConfig(credentials=Credentials("bob", Secret("x")), ask_address=True, name="bob")
    client = ClientEnd(2, ppp=ppp)
    run(client, server)
    assert client.role.stage is Stage.CLOSED
    (line,) = messages(server, "login-failed")
    assert "no such user" in line


def test_a_method_that_is_not_allowed_is_refused_by_both_sides() -> None:
    server = ServerEnd(1, ppp=PppConfig(authenticate=("pap",), name="server"))
    client = ClientEnd(2)
    run(client, server)
    assert client.role.stage is Stage.CLOSED
    assert not server.role.sessions()


def test_a_server_that_asks_for_no_login_is_taken_for_an_impostor() -> None:
    server, client = ServerEnd(1, ppp=PppConfig(name="rogue")), ClientEnd(2)
    run(client, server)
    assert client.role.stage is Stage.CLOSED
    assert "it may be an impostor" in client.role.failure


def test_wrong_tunnel_secret() -> None:
    server = ServerEnd(1, l2tp=L2tpConfig("server", secret_for=lambda _n: Secret("one")))
    client = ClientEnd(2, l2tp=L2tpConfig("client", secret_for=lambda _n: Secret("other")))
    run(client, server)
    assert client.role.stage is Stage.CLOSED
    assert server.role.endpoint.describe() == [] or client.role.failure


def test_exhausted_pool() -> None:
    small = Pool("small", IPv4Network("10.78.0.0/30"))
    server = ServerEnd(1, pools=(small,))
    first, second = ClientEnd(2), ClientEnd(3)
    run(first, server)
    assert first.role.stage is Stage.READY
    run(second, server)
    assert second.role.stage is Stage.CLOSED
    (line,) = messages(server, "session-refused")
    assert "pool small is exhausted" in line
    assert len(server.role.sessions()) == 1


def test_session_limit() -> None:
    server = ServerEnd(1, users=(replace(ALICE, sessions=1),))
    first, second = ClientEnd(2), ClientEnd(3, l2tp=L2tpConfig("another device"))
    run(first, server)
    run(second, server)
    assert second.role.stage is Stage.CLOSED
    (line,) = messages(server, "session-refused")
    assert "alice already has 1 session" in line
    assert "too many sessions" in second.role.failure


def test_at_the_limit_a_new_login_of_the_same_device_replaces_its_old_session() -> None:
    server = ServerEnd(1, users=(replace(ALICE, sessions=1, address=IPv4Address("10.77.0.50")),))
    first, second = ClientEnd(2), ClientEnd(3)
    run(first, server)
    run(second, server)  # the first one hears nothing any more: it has crashed
    assert second.role.stage is Stage.READY
    (session,) = server.role.sessions()
    assert session.lease is not None
    assert session.lease.ipv4 == IPv4Address("10.77.0.50")
    (line,) = messages(server, "session-replaced")
    assert "alice" in line
    assert session.id in line


def test_below_the_limit_no_session_is_replaced() -> None:
    server = ServerEnd(1, users=(replace(ALICE, sessions=2),))
    clients = [ClientEnd(2), ClientEnd(3), ClientEnd(4)]
    for count, client in enumerate(clients, 1):
        run(client, server)
        assert client.role.stage is Stage.READY
        assert len(server.role.sessions()) == min(count, 2)


def test_a_fault_in_one_session_ends_it_alone() -> None:
    server = ServerEnd(1)
    faults: list[str] = []
    server.role.links.on_fault = lambda culprit, error: faults.append(f"{culprit}: {error!r}")
    first, second = ClientEnd(2), ClientEnd(3)
    run(first, server)
    run(second, server)
    broken, whole = sorted(server.role.sessions(), key=lambda s: s.since)

    class Broken:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("a bug")

    broken.ppp = cast(PppLink, Broken())
    server.role.plane_event(PuntPpp(broken.handle, 0xC021, b"\x09\x01\x00\x08\0\0\0\0"), 1.0)
    server.role.settle(1.0)
    assert server.role.sessions() == [whole]
    assert faults[0] == f"session {broken.id}: RuntimeError('a bug')"
    assert server.directory.usage()[0].ipv4_used == 1


def test_idle_and_session_timeouts_end_a_session() -> None:
    for config, word in (
        (LnsConfig(PppConfig(), idle_seconds=60), "idle"),
        (LnsConfig(PppConfig(), session_seconds=60), "lasted"),
    ):
        server, client = ServerEnd(1, config=config), ClientEnd(2)
        pair = connect(Link(6), client, server)
        assert pair.run(30, until=partial(ready, client))
        assert pair.run(100, until=partial(empty, server)), word
        (line,) = messages(server, "session-down")
        assert word in line


def test_a_client_that_falls_silent_is_noticed() -> None:
    server, client = ServerEnd(1), ClientEnd(2)
    link: Link[tuple[Path, bytes]] = Link(7)
    pair = connect(link, client, server)
    assert pair.run(30, until=lambda: client.role.stage is Stage.READY)
    link.cut = True
    assert pair.run(400, until=lambda: not server.role.sessions())
    pair.run(400)
    assert server.role.endpoint.describe() == []
    assert server.directory.usage()[0].ipv4_used == 0


def test_the_server_says_goodbye() -> None:
    server, client = ServerEnd(1), ClientEnd(2)
    pair = connect(Link(8), client, server)
    assert pair.run(30, until=lambda: client.role.stage is Stage.READY)
    for session in server.role.sessions():
        server.role.disconnect(session, "going down", pair.now)
    assert pair.run(3, until=lambda: not server.role.sessions())
    for tunnel_id in server.role.endpoint.tunnels():
        server.role.close_tunnel(tunnel_id, "going down", pair.now)
    assert pair.run(3, until=lambda: client.role.stage is Stage.CLOSED)
    assert "going down" in client.role.failure


def test_the_same_call_again_makes_no_second_tunnel() -> None:
    """SCCRQ repeated is the same caller; from another port it is another one."""
    server, client = ServerEnd(1), ClientEnd(2)
    client.open(1000.0)
    (first,) = client.transmits()
    given: set[bytes] = set()
    for _ in range(3):
        server.receive(first, 1000.1)
        given |= {data for _, data in server.transmits()}
    assert len(given) == 1
    other = Path(Address(CLIENT.host, CLIENT.port + 1), first[0].remote)
    server.receive((other, first[1]), 1000.2)
    given |= {data for _, data in server.transmits()}
    assert len(given) == 2


def test_pool_addresses_are_what_the_client_gets() -> None:
    server, client = ServerEnd(1), ClientEnd(2)
    pair = connect(Link(9), client, server)
    pair.run(30, until=lambda: bool(client.role.network.ipv4 and client.role.network.ipv6))
    assert client.role.network.ipv4 in STAFF.ipv4
    assert STAFF.ipv6 is not None
    assert all(address in STAFF.ipv6 for address in client.role.network.ipv6)


def test_the_reason_is_kept_when_the_call_ends_before_ppp_has() -> None:
    """pppd refuses a password, and xl2tpd ends the call in the same moment."""
    server, client = ServerEnd(1), ClientEnd(2, password="wrong")
    pair = connect(Link(5), client, server)
    pair.run(30, until=lambda: any(s.ppp.ending for s in server.role.sessions()))
    (session,) = server.role.sessions()
    carrier_lost = Result(1, 0, "")
    server.role.endpoint.close_call(session.tunnel_id, session.session_id, carrier_lost, pair.now)
    pair.run(30, until=lambda: client.role.stage is Stage.CLOSED)
    assert "password" in client.role.failure
    assert client.role.refused
