"""Who becomes a link that is configured by name: who proves it as that link does, nobody else."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from crypto.certificate_makers import CLIENT, SERVER, make
from ike.v2.credentials import GATEWAY, authority, credential, trust
from ike.v2.ends import KEY, LEFT, World, config, l2tp
from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.crypto.certificates import Credential, load_credential
from talpa.ike.config import Connection, Psk
from talpa.ike.events import IkeUp
from talpa.ike.identities import from_text
from talpa.ike.policies import COMPATIBLE, MODERN
from talpa.wire import Secret

BRANCH = from_text("alice.example")
OWN = Psk(Secret("the key of the branch alone"), "branch", identity=BRANCH)
SIGNED = {
    "psk": None,
    "authentication": "certificate",
    "remote_authentication": "certificate",
}


def link(**changes: Any) -> Connection:
    return l2tp(**{"name": "branch", "psk": OWN, "remote_identity": BRANCH, **changes})


def caller(**changes: Any) -> Connection:
    return l2tp(**{"psk": OWN, "local_identity": BRANCH, **changes})


def connections_of(world: World) -> list[str]:
    return [up.peer.connection for up in world.right.of(IkeUp) if isinstance(up, IkeUp)]


def test_by_its_own_key_it_is_the_link() -> None:
    world = World(config(), config(connections=(link(),), psks=lambda _: [KEY]))
    world.connect(caller())
    world.agree()
    assert connections_of(world) == ["branch"]


@pytest.mark.parametrize("own", [OWN, None], ids=["own key", "no own key"])
def test_by_the_key_of_a_group_nobody_becomes_a_link(own: Psk | None) -> None:
    world = World(config(), config(connections=(link(psk=own),), psks=lambda _: [KEY]))
    world.connect(caller(psk=KEY))
    assert not world.right.carried
    assert not world.right.of(IkeUp)
    assert world.right.failure.connection == "branch"


def test_a_link_without_a_key_takes_the_one_of_its_identity() -> None:
    world = World(config(), config(connections=(link(psk=None),), psks=lambda _: [OWN, KEY]))
    world.connect(caller())
    assert connections_of(world) == ["branch"]


def test_nobody_takes_the_name_of_a_user_with_a_key_of_its_own() -> None:
    world = World(config(), config(psks=lambda _: [OWN, KEY]))
    world.connect(caller(psk=KEY))
    assert not world.right.of(IkeUp)
    assert "key" in world.right.failure.reason


@pytest.mark.parametrize(
    ("expected", "proof", "good"),
    [
        (link(), SIGNED, False),
        (link(**SIGNED), SIGNED, True),
        (link(**SIGNED), {"psk": KEY}, False),
        (link(), {"psk": None, "authentication": "eap", "user": "alice",
                  "password": Secret("a password"), "remote_authentication": "certificate"}, False),
    ],
    ids=["key, comes by certificate", "certificate", "certificate, comes by key",
         "key, comes by EAP"],
)  # fmt: skip
def test_each_link_by_its_own_way(expected: Connection, proof: dict[str, Any], good: bool) -> None:
    own = credential(GATEWAY, server=True)
    world = World(
        config(credential=credential("alice.example"), trust=trust()),
        config(credential=own, trust=trust(), connections=(expected,), identity=None),
    )
    world.right.users["alice"] = Secret("a password")
    if "authentication" not in proof or proof["authentication"] != "eap":
        proof = {**proof, "remote_authentication": proof.get("remote_authentication", "psk")}
    host = GATEWAY if proof["remote_authentication"] == "certificate" else ""
    world.connect(caller(**proof, remote_host=host))
    assert connections_of(world) == (["branch"] if good else [])


def test_others_may_come_from_the_address_of_a_link() -> None:
    here = link(remote_identity=None, remote_host=LEFT)
    server = config(connections=(here,), psks=lambda _: [KEY])
    for psk, name in ((OWN, "branch"), (KEY, "")):
        world = World(config(), server)
        world.connect(caller(psk=psk))
        assert connections_of(world) == [name]


def test_links_at_one_address_are_told_apart_by_their_keys() -> None:
    one = link(name="one", psk=KEY, remote_identity=None, remote_host=LEFT)
    two = link(name="two", remote_identity=None, remote_host=LEFT)
    world = World(config(), config(connections=(one, two), psks=lambda _: []))
    world.connect(caller())
    assert connections_of(world) == ["two"]


def signed_by(*names: str, server: bool = False) -> Credential:
    """A certificate for these addresses."""
    usage = SERVER if server else CLIENT
    addresses = [x509.IPAddress(ip_address(name)) for name in names]
    made = make(
        "branch router",
        authority(),
        usage,
        x509.SubjectAlternativeName([x509.DNSName("router.example"), *addresses]),
    )
    private = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return load_credential(made.pem, private, None, None)


@pytest.mark.parametrize(("names", "good"), [((LEFT,), True), (("198.18.0.9",), False)])
def test_a_link_by_address_is_who_has_a_certificate_for_it(
    names: tuple[str, ...], good: bool
) -> None:
    """Not whoever has one of the same CA and comes from there, such as a user behind its NAT."""
    here = link(remote_identity=None, remote_host=LEFT, **SIGNED)
    world = World(
        config(credential=signed_by(*names), trust=trust()),
        config(credential=credential(GATEWAY, server=True), trust=trust(), connections=(here,)),
    )
    router = from_text("@router.example")
    world.connect(caller(**SIGNED, local_identity=router, remote_host=GATEWAY))
    assert connections_of(world) == ["branch" if good else ""]


def test_a_user_by_eap_may_come_from_the_address_of_a_link() -> None:
    here = link(remote_identity=None, remote_host=LEFT)
    own = credential(GATEWAY, server=True)
    world = World(
        config(trust=trust()),
        config(credential=own, trust=trust(), connections=(here,), psks=lambda _: [KEY]),
    )
    world.right.users["alice"] = Secret("a password")
    user = {**SIGNED, "authentication": "eap", "user": "alice", "password": Secret("a password")}
    world.connect(caller(**user, remote_host=GATEWAY))
    world.agree()
    assert connections_of(world) == [""]


@pytest.mark.parametrize("own_policy", [True, False])
def test_the_policy_of_a_link_holds_for_its_ike_sa_when_the_peer_calls(own_policy: bool) -> None:
    weaker = replace(
        COMPATIBLE,
        encryption=((EncryptionId.AES_CBC, 128),),
        integrity=(IntegrityId.HMAC_SHA1_96,),
        prf=(PrfId.HMAC_SHA1,),
        groups=(GroupId.MODP1536,),
        additional=(),
    )
    expected = link(policy=MODERN if own_policy else None)
    server = config(policy=COMPATIBLE, connections=(expected,), psks=lambda _: [OWN])
    world = World(config(policy=weaker), server)
    world.connect(caller())
    assert connections_of(world) == ([] if own_policy else ["branch"])
    if own_policy:
        assert "branch" in world.right.failure.reason


def test_neither_a_link_by_address_nor_its_key_is_a_user_with_a_key_of_its_own() -> None:
    branch = Psk(Secret("the key of the link by address"), "link")
    of_address = Psk(Secret("the key of that address"), "address", ip_network(LEFT))
    by_key = link(psk=branch, remote_identity=None, remote_host=LEFT)
    by_address = link(psk=None, remote_identity=None, remote_host=LEFT)
    for here, common, psk, name in (
        (by_key, [OWN], branch, None),
        (by_key, [OWN], OWN, ""),
        (by_address, [OWN, of_address], OWN, ""),
        (by_address, [of_address], of_address, "branch"),
    ):
        world = World(config(), config(connections=(here,), psks=lambda _, keys=common: keys))
        world.connect(caller(psk=psk))
        assert connections_of(world) == ([] if name is None else [name])
