"""Who is at the other end: keys, certificates, and all that does not pass for it."""

from dataclasses import replace

import pytest

from ike.v2.credentials import GATEWAY, credential, trust
from ike.v2.ends import KEY, RIGHT, World, config, l2tp
from talpa.ike.config import Psk
from talpa.ike.events import AssociationUp, IkeUp
from talpa.ike.identities import from_text
from talpa.ike.policies import COMPATIBLE
from talpa.ike.v2 import init_initiator, init_responder
from talpa.wire import Secret

BY_CERTIFICATE = l2tp(
    psk=None,
    authentication="certificate",
    remote_authentication="certificate",
    remote_host=GATEWAY,
)


def by_certificate(kind: str, server_kind: str = "") -> World:
    return World(
        config(credential=credential("alice.example", kind), trust=trust()),
        config(credential=credential(GATEWAY, server_kind or kind, server=True), trust=trust()),
    )


@pytest.mark.parametrize("kind", ["RSA", "ECDSA", "P-384", "Ed25519"])
def test_certificates_prove_both_ends(kind: str) -> None:
    world = by_certificate(kind)
    world.connect(BY_CERTIFICATE)
    world.agree()
    for party in (world.left, world.right):
        up = party.of(IkeUp)[0]
        assert isinstance(up, IkeUp)
        assert up.peer.method == {"P-384": "ECDSA"}.get(kind, kind)
    assert isinstance(up, IkeUp)
    assert up.peer.credential == "CN=alice.example"


@pytest.mark.parametrize("kind", ["RSA", "ECDSA", "P-384"])
def test_without_rfc_7427_the_classic_methods_serve(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if neither end had heard of hashes that the other takes.
    for module in (init_initiator, init_responder):
        monkeypatch.setattr(module, "take_hashes", lambda *_: None)
    world = by_certificate(kind)
    for party in (world.left, world.right):
        # RSA goes with SHA-1 then: only where the policy knows it.
        party.shared.config = replace(party.config, policy=replace(COMPATIBLE, additional=()))
    world.connect(BY_CERTIFICATE)
    world.agree()


@pytest.mark.parametrize(
    "server",
    [
        credential("other.example", server=True),
        credential(GATEWAY, server=True, issuer="Another CA"),
        credential(GATEWAY, server=False),
    ],
    ids=["another name", "another CA", "a client's"],
)
def test_a_wrong_server_is_refused_and_told(server: object) -> None:
    world = World(
        config(credential=credential("alice.example"), trust=trust()),
        config(credential=server, trust=trust()),
    )
    world.connect(BY_CERTIFICATE)
    world.run(60.0)
    assert not world.left.carried
    assert world.left.failure.stage == "IKE_AUTH"
    assert not any(world.left.leftovers().values())
    # The server took it for up: it is told that it is not.
    assert not any(world.right.leftovers().values())


def test_a_server_that_calls_itself_otherwise_is_refused() -> None:
    world = World(config(), config(identity=from_text("other.example")))
    world.connect(l2tp(remote_identity=from_text(GATEWAY)))
    assert not world.left.carried
    assert "was called" in world.left.failure.reason


def test_a_client_of_another_ca_is_refused() -> None:
    world = World(
        config(credential=credential("alice.example", issuer="Another CA"), trust=trust()),
        config(credential=credential(GATEWAY, server=True), trust=trust()),
    )
    world.connect(BY_CERTIFICATE)
    world.run(60.0)
    assert not world.right.carried
    assert not world.right.of(IkeUp)
    assert "another CA" in world.right.failure.reason or "Another CA" in world.right.failure.reason


def test_the_identity_picks_the_key() -> None:
    mine = Psk(Secret("for alice alone"), "alice's", identity=from_text("alice@example.com"))
    world = World(config(), config(psks=lambda _: [KEY, mine]))
    world.connect(l2tp(psk=mine, local_identity=from_text("alice@example.com")))
    up = world.right.of(IkeUp)[0]
    assert isinstance(up, IkeUp)
    assert up.peer.credential == "alice's"
    # Nobody else gets in with alice's key.
    world = World(config(), config(psks=lambda _: [mine]))
    world.connect(l2tp(psk=mine, local_identity=from_text("bob@example.com")))
    assert not world.right.of(AssociationUp)
    assert "no pre-shared key" in world.right.failure.reason


def test_a_wrong_key_is_named_on_both_sides_and_nothing_stays() -> None:
    world = World()
    world.connect(l2tp(psk=Psk(Secret("another key"), "")))
    world.run(60.0)
    assert world.right.failure.identity == from_text("198.18.0.1")
    assert "pre-shared key" in world.right.failure.reason
    assert world.left.failure.by_peer
    for party in (world.left, world.right):
        assert not party.of(IkeUp)
        assert not any(party.leftovers().values())


def test_who_is_expected_by_key_does_not_get_in_by_certificate() -> None:
    expected = l2tp(name="branch", remote_identity=from_text("alice.example"))
    world = World(
        config(credential=credential("alice.example"), trust=trust()),
        config(credential=credential(GATEWAY, server=True), trust=trust(), connections=(expected,)),
    )
    world.connect(
        l2tp(
            psk=None,
            authentication="certificate",
            remote_authentication="certificate",
            remote_host=GATEWAY,
            local_identity=from_text("alice.example"),
        )
    )
    assert not world.right.carried
    assert "by key" in world.right.failure.reason


def test_a_peer_at_its_own_address_is_named_by_it() -> None:
    world = World()
    world.connect()
    up = world.left.of(IkeUp)[0]
    assert isinstance(up, IkeUp)
    assert up.peer.identity.show() == RIGHT
    assert up.peer.suite == "AES-GCM-16-256/SHA-256/X25519"
