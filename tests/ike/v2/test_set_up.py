"""The set-up: groups, cookies, NAT, selectors, addresses, and who comes anew."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest

from ike.v2.ends import FAST, KEY, LEFT, RIGHT, Nat, Party, World, config, l2tp, quick
from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.esp.sa import Encapsulation, Mode, Protocol, Selector
from talpa.ike.config import Call, Habits
from talpa.ike.events import (
    AddressGiven,
    AddressOffer,
    AssociationUp,
    IkeDown,
    IkeUp,
    Redirected,
    SasAdded,
)
from talpa.ike.identities import from_text
from talpa.ike.v2.init_common import clear
from talpa.ike.v2.numbers import Exchange, Flag, NotifyKind
from talpa.ike.v2.payloads import notify, read_chain, write_chain
from talpa.ike.v2.protection import Envelope
from talpa.ike.v2.selectors import of_network, whole
from talpa.sansio import Address, Path


def policy(**changes: object) -> object:
    return replace(FAST, **changes)  # type: ignore[arg-type]


def inits(party: Party) -> list[bytes]:
    return [one for one in party.sent if one[18] == Exchange.IKE_SA_INIT]


@pytest.mark.parametrize("group", [g for g in FAST.groups if g is not GroupId.MODP4096])
def test_every_group(group: GroupId) -> None:
    world = World(config(policy=policy(groups=(group,))), config())
    world.connect()
    world.agree()


@pytest.mark.parametrize("cipher", FAST.encryption)
@pytest.mark.parametrize("prf", FAST.prf)
def test_every_cipher(cipher: tuple[EncryptionId, int], prf: PrfId) -> None:
    chosen = policy(encryption=(cipher,), esp_encryption=(cipher,), prf=(prf,))
    world = World(config(policy=chosen), config())
    world.connect()
    world.agree()
    (added,) = world.right.of(SasAdded)
    assert isinstance(added, SasAdded)
    suite = added.inbound.suite
    assert (suite.encryption, suite.key_bits) == cipher
    assert suite.esn


def test_a_group_that_the_peer_does_not_take_is_asked_for_again() -> None:
    wide = policy(groups=(GroupId.X25519, GroupId.ECP256))
    world = World(config(policy=wide), config(policy=policy(groups=(GroupId.ECP256,))))
    world.connect()
    world.agree()
    assert len(inits(world.left)) == 2


def test_a_cookie_is_given_back_and_nothing_is_kept_before() -> None:
    world = World(config(), config(cookies_from=0))
    world.call(l2tp())
    (packet,) = list(world.left.transmits())
    world.right.receive(packet, world.now)
    assert not any(world.right.leftovers().values())
    (answer,) = list(world.right.transmits())
    assert len(answer[2]) <= len(packet[2])
    world.left.receive(answer, world.now)
    world.run(20.0)
    world.agree()


def test_a_mismatch_shows_both_lists() -> None:
    world = World(
        config(policy=policy(groups=(GroupId.X448,))),
        config(policy=policy(groups=(GroupId.ECP256,))),
    )
    world.connect()
    failure = world.right.failure
    assert "X448" in failure.offered[0]
    assert any("ECP-256" in one for one in failure.allowed)
    failure = world.left.failure
    assert failure.by_peer
    assert "X448" in failure.offered[0]
    assert failure.allowed == ("the peer says NO_PROPOSAL_CHOSEN, unprotected",)
    assert not any(world.right.leftovers().values())


def test_a_group_that_we_do_not_offer_is_named() -> None:
    world = World(config(policy=policy(groups=(GroupId.X448,))))
    world.call(l2tp())
    (packet,) = list(world.left.transmits())
    said = [notify(NotifyKind.INVALID_KE_PAYLOAD, GroupId.ECP384.to_bytes(2, "big"))]
    bare = Envelope(packet[2][:8], bytes(8), Exchange.IKE_SA_INIT, Flag.RESPONSE, 0)
    world.left.receive((packet[1], packet[0], clear(bare, said)), world.now)
    world.run(60.0)
    assert world.left.failure.allowed == ("the peer says INVALID_KE_PAYLOAD: ECP-384, unprotected",)


def test_a_child_mismatch_shows_both_lists_and_leaves_no_child() -> None:
    world = World(
        config(policy=policy(esp_encryption=((EncryptionId.CHACHA20_POLY1305, 0),))),
        config(policy=policy(esp_encryption=((EncryptionId.AES_GCM_16, 128),))),
    )
    world.connect()
    failure = world.right.failure
    assert "CHACHA20" in failure.offered[0]
    assert any("AES-GCM-16-128" in line for line in failure.allowed)
    failure = world.left.failure
    assert "CHACHA20" in failure.offered[0]
    assert failure.allowed == ("the peer says NO_PROPOSAL_CHOSEN",)
    world.run(60.0)
    assert not any(world.right.leftovers().values())


def test_behind_a_nat_it_floats_and_goes_in_udp() -> None:
    world = World(nat=Nat())
    world.connect()
    world.agree()
    ours, theirs = world.left.carried[1], world.right.carried[1]
    assert ours.spec.encapsulation is theirs.spec.encapsulation is Encapsulation.UDP
    assert ours.spec.keepalive
    assert theirs.spec.path.local.port == 4500
    assert theirs.spec.path.remote.host == "198.19.0.9"
    (selector,) = theirs.spec.remote
    assert (str(selector.first), selector.protocol, selector.first_port) == ("198.19.0.9", 17, 1701)
    up = world.right.of(IkeUp)[0]
    assert isinstance(up, IkeUp)
    assert up.peer.peer_is_behind_nat
    assert not up.peer.we_are_behind_nat


def test_udp_by_force() -> None:
    world = World()
    world.connect(l2tp(force_udp=True))
    assert world.left.carried[1].spec.encapsulation is Encapsulation.UDP
    assert world.right.carried[1].spec.encapsulation is Encapsulation.UDP


def test_a_port_that_is_not_l2tp_is_refused() -> None:
    world = World()
    odd = Selector(IPv4Address(RIGHT), IPv4Address(RIGHT), 17, 1812, 1812)
    world.connect(l2tp(remote=(odd,)))
    assert not world.right.carried
    assert "1812" in world.right.failure.reason


def test_an_ephemeral_port_of_the_client() -> None:
    world = World()
    world.connect(l2tp(l2tp_port=54321))
    (selector,) = world.right.carried[1].spec.remote
    assert selector.first_port == selector.last_port == 54321


def test_a_client_gets_addresses_names_and_networks() -> None:
    world = World()
    world.right.offer = AddressOffer(
        IPv4Address("10.9.0.5"),
        IPv6Address("fd00::5"),
        (IPv4Address("10.9.0.1"), IPv6Address("fd00::1")),
        ("corp.example",),
        (IPv4Network("10.0.0.0/8"),),
    )
    world.connect(l2tp(mode=Mode.TUNNEL, ask_address=True))
    given = world.left.of(AddressGiven)[0]
    assert isinstance(given, AddressGiven)
    assert given.offer == world.right.offer
    spec = world.right.carried[1].spec
    assert spec.mode is Mode.TUNNEL
    assert spec.local == (of_network(IPv4Network("10.0.0.0/8")),)
    assert {str(one.first) for one in spec.remote} == {"10.9.0.5", "fd00::5"}
    assert world.left.carried[1].spec.remote == spec.local
    world.agree()


def test_an_empty_pool() -> None:
    world = World()
    world.right.offer = None
    world.connect(l2tp(mode=Mode.TUNNEL, ask_address=True))
    assert world.left.failure.by_peer
    assert "no address" in world.left.failure.reason
    world.run(60.0)
    for party in (world.left, world.right):
        assert party.of(IkeDown)
        assert not any(party.leftovers().values())


def test_a_client_that_asks_for_no_address_gets_no_tunnel() -> None:
    world = World()
    world.connect(l2tp(mode=Mode.TUNNEL, local=(whole(4),), remote=(whole(4),)))
    assert not world.right.carried
    world.run(60.0)
    assert not any(world.right.leftovers().values())


def test_router_to_router() -> None:
    here, there = of_network(IPv4Network("10.1.0.0/16")), of_network(IPv4Network("10.2.0.0/16"))
    west = from_text("west.example")
    expected = l2tp(
        name="west", mode=Mode.TUNNEL, remote_identity=west, local=(there,), remote=(here,)
    )
    world = World(config(), config(connections=(expected,)))
    world.connect(l2tp(mode=Mode.TUNNEL, local_identity=west, local=(whole(4),), remote=(there,)))
    world.agree()
    assert world.right.carried[1].spec.remote == (here,)
    assert world.left.carried[1].spec.local == (here,)
    up = world.right.of(AssociationUp)[0]
    assert isinstance(up, AssociationUp)
    assert up.peer.connection == "west"


def test_ah_where_it_is_on() -> None:
    world = World(config(), config(ah=True))
    world.connect(l2tp(ah=True))
    world.agree()
    (added,) = world.right.of(SasAdded)
    assert isinstance(added, SasAdded)
    assert added.inbound.suite.protocol is Protocol.AH
    world = World()
    world.connect(l2tp(ah=True))
    assert not world.right.carried


def test_who_comes_anew_with_initial_contact_ends_what_was() -> None:
    world = World()
    world.connect()
    world.left.sas._room.sas.clear()  # the client lost its memory
    world.call(l2tp())
    world.run(20.0)
    assert len(world.right.of(AssociationUp)) == 2
    assert list(world.right.carried) == [2]
    assert world.right.leftovers()["sas"] == 1


def test_who_comes_anew_without_it_keeps_its_association() -> None:
    silent = Habits(initial_contact=False)
    world = World(nat=None)
    world.connect(l2tp(habits=silent))
    world.call(l2tp(habits=silent))
    world.run(20.0)
    assert len(world.right.of(AssociationUp)) == 1
    assert len(world.right.carried[1].pairs) == 2
    # The old IKE SA goes, and the association stays.
    world.left.sas.close(1, "Once is enough.", world.now)
    world.run(20.0)
    assert list(world.right.carried) == [1]
    assert len(world.right.carried[1].pairs) == 1
    world.agree()


def test_habits_of_a_client() -> None:
    habits = Habits(
        vendor_ids=(b"0123456789abcdef",),
        nonce_octets=48,
        esp_transforms=((EncryptionId.AES_CBC, 256, IntegrityId.HMAC_SHA2_256_128),),
        local_address="192.168.1.7",
        initial_contact=False,
    )
    world = World()
    world.connect(l2tp(habits=habits))
    up, added = world.right.of(IkeUp)[0], world.right.of(SasAdded)[0]
    assert isinstance(up, IkeUp)
    assert isinstance(added, SasAdded)
    assert up.peer.identity.show() == "192.168.1.7"
    assert up.peer.peer_is_behind_nat
    assert up.peer.vendors
    assert added.inbound.suite.encryption is EncryptionId.AES_CBC
    world.agree()


def test_sent_on_to_another_gateway() -> None:
    for to in ("198.18.0.77", "fd00::77", "other.example"):
        world = World(config(), config(redirect=to))
        world.connect()
        (event,) = world.left.events
        assert isinstance(event, Redirected)
        assert event.to == to
        assert not any(world.left.leftovers().values())
        assert not any(world.right.leftovers().values())


def test_what_talpa_sas_shows() -> None:
    world = World(config(lifetimes=quick(ike=50.0)))
    number = world.connect()
    world.run(60.0)
    (shown,) = world.left.sas.describe()
    assert (shown.ike, shown.version, shown.state) == (number, 2, "up")
    assert shown.associations == (1,)
    assert shown.rekeyed >= 1
    assert shown.peer is not None
    assert shown.peer.credential == KEY.name


def test_a_server_behind_a_nat() -> None:
    """The client calls the outside address; the server knows only its own."""
    world = World()
    outside = "198.19.0.9"
    number = world.left.shared.new_ike()
    paths = [Path(Address(LEFT, port), Address(outside, port)) for port in (500, 4500)]
    world.left.sas.open(number, Call(l2tp(), paths[0], paths[1]), world.now)
    for _ in range(4):
        for source, target, data in list(world.left.transmits()):
            assert target.host == outside
            world.right.receive((source, Address(RIGHT, target.port), data), world.now)
        for source, target, data in list(world.right.transmits()):
            world.left.receive((Address(outside, source.port), target, data), world.now)
        world.left.settle(world.now)
    world.agree()
    ours, theirs = world.left.carried[1].spec, world.right.carried[1].spec
    assert ours.encapsulation is theirs.encapsulation is Encapsulation.UDP
    assert theirs.keepalive
    assert str(theirs.local[0].first) == RIGHT
    assert str(ours.remote[0].first) == outside


def test_who_asks_for_a_ticket_is_given_none() -> None:
    """RFC 5723 is not done here: without a ticket the client sets up anew another time."""
    world = World()
    world.call(l2tp())
    for party, other in ((world.left, world.right), (world.right, world.left)):
        (packet,) = list(party.transmits())
        other.receive(packet, world.now)
    sa = next(iter(world.left.sas._room.currents()))
    assert sa.asked is not None
    assert sa.protection is not None
    ticket_request, session_resume = NotifyKind(16409), 38
    chain = [*(sa.asked.task.build(sa, world.now) or ()), notify(ticket_request)]
    envelope = sa.envelope(Exchange.IKE_AUTH, 1, response=False)
    (data,) = sa.protection.seal(envelope, *write_chain(chain), None)
    way = Address(LEFT, 500), Address(RIGHT, 500)
    world.right.receive((*way, data), world.now)
    assert world.right.of(AssociationUp)
    (answer,) = list(world.right.transmits())
    opened = sa.protection.open(answer[2])
    assert opened is not None
    contents = read_chain(opened.first, opened.plaintext, encrypted=True)
    assert not {16408, 16409, 16410, 16411, 16412} & set(contents.notifies)
    # And none of those that another gave is taken.
    first, body = write_chain([notify(NotifyKind(16413), bytes(64))])
    bare = Envelope(b"resuming", bytes(8), session_resume, Flag.INITIATOR, 0)
    world.right.receive((*way, bare.header(first, 28 + len(body)) + body), world.now)
    assert not list(world.right.transmits())
