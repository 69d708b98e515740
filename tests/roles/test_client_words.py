"""What a user of the client is told when it does not connect, and whether it tries again."""

from simnet.link import Link
from simnet.stack import ClientEnd, Datagram, ServerEnd, connect
from talpa.l2tp.config import Config as L2tpConfig
from talpa.roles.client import Stage
from talpa.wire import Secret


def l2tp(name: str, secret: str | None) -> L2tpConfig:
    shared = Secret(secret) if secret else None
    return L2tpConfig(name, secret_for=lambda _name: shared)


def ended(client: ClientEnd, server: ServerEnd, link: Link[Datagram] | None = None) -> str:
    pair = connect(link or Link(5), client, server)
    pair.run(120, until=lambda: client.role.stage in (Stage.READY, Stage.CLOSED))
    assert client.role.stage is Stage.CLOSED
    return client.role.failure


def test_a_missing_tunnel_secret_is_asked_for() -> None:
    client = ClientEnd(2, l2tp=l2tp("client", None))
    failure = ended(client, ServerEnd(1, l2tp=l2tp("server", "one")))
    assert failure == (
        "198.18.0.1:1701: the server asks for a tunnel secret: give it with --tunnel-secret-file"
    )
    assert client.role.refused


def test_another_tunnel_secret_ends_it() -> None:
    client = ClientEnd(2, l2tp=l2tp("client", "other"))
    failure = ended(client, ServerEnd(1, l2tp=l2tp("server", "one")))
    assert "the tunnel secret is not the one of the server" in failure
    assert client.role.refused


def test_a_tunnel_secret_that_the_server_does_not_have_ends_it() -> None:
    client = ClientEnd(2, l2tp=l2tp("client", "one"))
    failure = ended(client, ServerEnd(1, l2tp=l2tp("server", None)))
    assert failure.endswith(
        'the server refused the tunnel, saying "no tunnel secret is shared with this host name" '
        "(see --tunnel-secret-file)"
    )
    assert client.role.refused


def test_silence_says_where_to_look_and_is_tried_again() -> None:
    client = ClientEnd(2)
    failure = ended(client, ServerEnd(1), Link(5, loss=1.0))
    assert failure == (
        "198.18.0.1:1701: the server does not answer: is a Talpa or L2TP server there, does a "
        "firewall stop UDP 1701, does the server want IPsec (l2tp+ipsec://)?"
    )
    assert not client.role.refused


def test_a_refused_login_names_user_and_server() -> None:
    client = ClientEnd(2, password="wrong")
    failure = ended(client, ServerEnd(1))
    assert failure.startswith("198.18.0.1 refused the name or password of alice")
