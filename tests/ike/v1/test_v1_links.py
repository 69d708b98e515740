"""Who becomes a link that is configured by name: who proves it as that link does, nobody else."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from talpa.crypto.algorithms import EncryptionId, GroupId, PrfId
from talpa.esp.sa import Mode, Selector
from talpa.ike.config import Connection, Psk
from talpa.ike.events import AssociationUp, IkeUp
from talpa.ike.identities import from_text, of_address
from talpa.ike.policies import COMPATIBLE, MODERN
from talpa.ike.v1.selectors import address
from talpa.wire import Secret

from .rig import CLIENT, PSK, Wire, config, connection
from .test_v1_certificates import credential, root, with_certificate

BRANCH = from_text("@branch.example")
OWN = Psk(Secret("the key of the branch alone"), "branch", identity=BRANCH)


def network(text: str) -> Selector:
    first, last = text.split("-")
    return Selector(address(first), address(last))


LEFT, RIGHT = network("10.1.0.0-10.1.0.255"), network("10.2.0.0-10.2.255.255")


def link(**changes: Any) -> Connection:
    return connection(
        **{
            "name": "branch",
            "psk": OWN,
            "remote_identity": BRANCH,
            "mode": Mode.TUNNEL,
            "local": (RIGHT,),
            "remote": (LEFT,),
            **changes,
        }
    )


def caller(**changes: Any) -> Connection:
    return connection(
        **{
            "psk": OWN,
            "local_identity": BRANCH,
            "mode": Mode.TUNNEL,
            "local": (LEFT,),
            "remote": (RIGHT,),
            **changes,
        }
    )


@pytest.mark.parametrize("aggressive", [False, True])
def test_router_to_router(aggressive: bool) -> None:
    wire = Wire(server=config(connections=(link(),), aggressive=True))
    wire.open(caller(aggressive=aggressive))
    assert wire.agree()
    assert wire.server.of(IkeUp)[0].peer.connection == "branch"
    for end, sides in ((wire.client, (LEFT, RIGHT)), (wire.server, (RIGHT, LEFT))):
        (up,) = end.of(AssociationUp)
        assert up.spec.mode is Mode.TUNNEL
        assert (up.spec.local, up.spec.remote) == ((sides[0],), (sides[1],))


def test_a_link_may_ask_for_less_than_its_networks_and_not_for_more() -> None:
    for asked, taken in (("10.1.0.64-10.1.0.127", True), ("10.1.0.0-10.1.1.255", False)):
        wire = Wire(server=config(connections=(link(),)))
        wire.open(caller(local=(network(asked),)))
        assert bool(wire.server.associations) is taken
        if not taken:
            assert "nobody expects here" in wire.server.failed[0].reason


@pytest.mark.parametrize("aggressive", [False, True])
def test_by_the_key_of_a_group_nobody_becomes_a_link(aggressive: bool) -> None:
    wire = Wire(server=config(connections=(link(),), aggressive=True))
    wire.open(caller(psk=PSK, aggressive=aggressive))
    assert not wire.server.associations
    assert all(not up.peer.connection for up in wire.server.of(IkeUp))


def test_the_key_of_a_group_is_none_for_a_link_without_a_key_of_its_own() -> None:
    wire = Wire(server=config(connections=(link(psk=None),)))
    wire.open(caller(psk=PSK))
    assert not wire.server.associations
    assert all(not up.peer.connection for up in wire.server.of(IkeUp))
    wire = Wire(server=config(connections=(link(psk=None),), psks=lambda _: (PSK, OWN)))
    wire.open(caller())
    assert wire.server.of(IkeUp)[0].peer.connection == "branch"


@pytest.mark.parametrize("aggressive", [False, True])
def test_nobody_takes_the_name_of_a_user_with_a_key_of_its_own(aggressive: bool) -> None:
    wire = Wire(server=config(psks=lambda _: (OWN, PSK), aggressive=True))
    wire.open(connection(psk=PSK, local_identity=BRANCH, aggressive=aggressive))
    assert not wire.server.of(IkeUp)
    wire = Wire(server=config(psks=lambda _: (OWN, PSK)))
    wire.open(connection(psk=OWN, local_identity=from_text("@another.example")))
    assert not wire.server.of(IkeUp)


def test_by_certificate_nobody_becomes_a_link_with_a_key_nor_the_other_way_round() -> None:
    own = credential("server", "P-256", root())
    theirs = with_certificate(credential("client", "P-256", root()))
    named = from_text("@client.example")
    by_key = link(remote_identity=named)
    by_certificate = link(
        remote_identity=named,
        psk=None,
        authentication="certificate",
        remote_authentication="certificate",
    )
    signed = {"authentication": "certificate", "remote_authentication": "certificate"}
    for expected, proof, client, good in (
        (by_key, {"psk": None, **signed}, theirs, False),
        (by_certificate, {"psk": None, **signed}, theirs, True),
        (by_certificate, {"psk": PSK}, config(), False),
    ):
        server = with_certificate(own)
        wire = Wire(
            client,
            config(credential=own, trust=server.trust, wall=server.wall, connections=(expected,)),
        )
        wire.open(caller(local_identity=named, **proof))
        assert bool(wire.server.associations) is good
        assert [up.peer.connection for up in wire.server.of(IkeUp)] == (
            ["branch"] if good else [""]
        )


def test_the_key_of_a_link_at_one_address_is_none_from_another() -> None:
    elsewhere = Psk(PSK.secret, "branch", peer=ip_network("198.18.77.0/24"))
    at_home = Psk(PSK.secret, "branch", peer=ip_network(f"{CLIENT}/32"))
    for psk, host, good in ((elsewhere, "198.18.77.1", False), (at_home, CLIENT, True)):
        expected = link(psk=psk, remote_identity=None, remote_host=host)
        wire = Wire(server=config(connections=(expected,), psks=lambda _: ()))
        wire.open(caller(psk=PSK, local_identity=None))
        assert bool(wire.server.of(IkeUp)) is good


@pytest.mark.parametrize("aggressive", [False, True])
@pytest.mark.parametrize("host", ["198.18.0.2", "198.18.0.77"])
def test_a_link_known_by_its_address_is_whom_a_certificate_names_so(
    aggressive: bool, host: str
) -> None:
    own = credential("server", "P-256", root())
    theirs = with_certificate(credential("client", "P-256", root(), address=host))
    expected = link(
        remote_identity=None,
        remote_host=CLIENT,
        psk=None,
        authentication="certificate",
        remote_authentication="certificate",
    )
    server = replace(with_certificate(own), connections=(expected,), aggressive=True)
    wire = Wire(theirs, server)
    wire.open(
        caller(
            psk=None,
            local_identity=of_address(host),
            authentication="certificate",
            remote_authentication="certificate",
            aggressive=aggressive,
        )
    )
    assert [up.peer.connection for up in wire.server.of(IkeUp)] == (
        ["branch"] if host == CLIENT else [""]
    )
    assert bool(wire.server.associations) is (host == CLIENT)


@pytest.mark.parametrize("aggressive", [False, True])
@pytest.mark.parametrize("strong", [False, True])
def test_the_policy_of_a_link_holds_when_the_other_end_calls(
    aggressive: bool, strong: bool
) -> None:
    weaker = replace(
        COMPATIBLE,
        encryption=((EncryptionId.AES_CBC, 128),),
        prf=(PrfId.HMAC_SHA1,),
        groups=(GroupId.MODP1536,),
    )
    wire = Wire(
        config(policy=MODERN if strong else weaker),
        config(connections=(link(policy=MODERN),), aggressive=True),
    )
    wire.open(caller(aggressive=aggressive))
    assert bool(wire.server.associations) is strong
    if not strong:
        (failed,) = wire.server.failed
        assert "not for branch" in failed.reason
        assert failed.offered == ("AES-CBC-128/SHA-1/MODP-1536",)
        assert failed.allowed
        assert not wire.server.of(IkeUp)
        assert not wire.server.room().by_uid
