"""Whom the responder takes for a peer that it knows: who proves the same in the same way from the
same place. Several callers share one outer address here."""

from dataclasses import replace
from typing import Any

import pytest

from talpa.esp.sa import Mode
from talpa.ike.config import Call, Connection, Habits, Psk
from talpa.ike.events import AssociationUp, IkeDown, IkeRekeyed, SasAdded
from talpa.ike.identities import from_text, of_address
from talpa.ike.v1 import calling
from talpa.ike.v1.sa import Peering
from talpa.sansio import Address, Path
from talpa.wire import Secret

from .rig import CLIENT, SERVER, Peer, Wire, config, connection
from .test_v1_links import LEFT, RIGHT

MUTE = Habits(vendor_ids=(), initial_contact=False)
"""Says nothing of NAT-T, so nobody finds out about the NAT."""


class Place:
    """A server, and callers behind one NAT: each inner port has an outer one of its own. A caller
    with its outer ports equal to the inner ones is the NAT itself."""

    def __init__(self, server: Peer, *callers: tuple[Peer, int]) -> None:
        self.server = server
        self.callers = callers
        self.now = 1000.0

    def open(
        self, caller: Peer, wish: Connection, *, natt: bool = False, phase_2: bool = True
    ) -> int:
        """`natt`: by the ports of NAT-T from the first message on."""
        number = caller.shared.new_ike()
        if natt:
            peering = Peering(number, self.now)
            peering.call, peering.connection = call(caller, wish), wish
            peering.wanted.append(None)
            caller.room().peerings[number] = peering
            calling.start(caller.room(), peering, call(caller, wish), self.now, natt=True)
        else:
            caller.sas.open(number, call(caller, wish), self.now)
        if not phase_2:
            caller.room().peerings[number].wanted.clear()
        self.settle()
        return number

    def settle(self) -> None:
        for _ in range(100):
            moved = False
            for caller, offset in self.callers:
                for path, data in caller.take():
                    moved = True
                    outer = Address(CLIENT, path.local.port + offset)
                    self.server.receive(Path(path.remote, outer), data, self.now)
            for path, data in self.server.take():
                moved = True
                for caller, offset in self.callers:
                    if path.remote.port - offset in (500, 4500):
                        inner = Address(caller.host, path.remote.port - offset)
                        caller.receive(Path(inner, path.local), data, self.now)
            if not moved:
                return
        raise AssertionError("they go on for ever")


def call(caller: Peer, wish: Connection) -> Call:
    return Call(
        wish,
        Path(Address(caller.host, 500), Address(SERVER, 500)),
        Path(Address(caller.host, 4500), Address(SERVER, 4500)),
    )


def two(**changes: Any) -> tuple[Place, Peer, Peer, Peer]:
    server = Peer(SERVER, config(**changes), 1)
    alice, mallory = Peer("10.9.9.9", config(), 2), Peer("10.9.9.66", config(), 3)
    return Place(server, (alice, 20_000), (mallory, 30_000)), server, alice, mallory


ALICE = of_address("10.9.9.9")


@pytest.mark.parametrize("natt", [False, True])
@pytest.mark.parametrize("contact", [False, True])
def test_by_a_common_key_nobody_gets_what_another_has_at_the_same_address(
    natt: bool, contact: bool
) -> None:
    place, server, alice, mallory = two()
    place.open(alice, connection())
    (first,) = server.of(AssociationUp)
    pretender = connection(local_identity=ALICE, habits=replace(MUTE, initial_contact=contact))
    place.open(mallory, pretender, natt=natt)
    association = server.shared.associations.get(first.association)
    assert association is not None
    assert association.path == first.spec.path
    keys = {each.inbound.key for each in mallory.of(SasAdded)}
    ours = [each for each in server.of(SasAdded) if each.association == first.association]
    assert not any(each.outbound.key in keys for each in ours)
    assert not server.of(IkeDown)


def test_by_a_common_key_nobody_gets_the_next_keys_of_a_link() -> None:
    branch, office = from_text("@branch.example"), from_text("@office.example")
    secret = Secret("the key of the link alone")
    ours = connection(
        name="branch",
        local_identity=office,
        remote_identity=branch,
        remote_host=CLIENT,
        psk=Psk(secret, "branch"),
        mode=Mode.TUNNEL,
        local=(RIGHT,),
        remote=(LEFT,),
    )
    theirs = connection(
        local_identity=branch,
        remote_identity=office,
        psk=Psk(secret, "office"),
        mode=Mode.TUNNEL,
        local=(LEFT,),
        remote=(RIGHT,),
    )
    common = Psk(Secret("what everybody has"), "all")
    server = Peer(SERVER, config(connections=(ours,), psks=lambda _: (common,)), 1)
    assert theirs.psk is not None
    own_key = theirs.psk
    router = Peer(CLIENT, config(connections=(theirs,), psks=lambda _: (own_key,)), 2)
    mallory = Peer("10.9.9.66", config(), 3)
    place = Place(server, (router, 0), (mallory, 40_000))
    place.open(router, theirs)
    (up,) = server.of(AssociationUp)
    assert up.peer.connection == "branch"
    pretender = replace(theirs, psk=common, remote_identity=None, habits=MUTE)
    number = place.open(mallory, pretender, phase_2=False)
    assert number in mallory.up
    (added,) = server.of(SasAdded)
    place.now += 100
    server.sas.expiring(up.association, added.inbound.spi, 0, place.now)
    place.settle()
    new = server.of(SasAdded)[-1]
    assert new is not added
    theirs_now = {each.inbound.key for each in router.of(SasAdded)}
    assert new.outbound.key in theirs_now
    assert not mallory.associations


def test_a_device_behind_nat_that_makes_phase_1_anew_keeps_what_it_has() -> None:
    place, server, alice, _ = two()
    number = place.open(alice, connection())
    place.now += 60
    calling.renew(alice.room(), alice.room().peerings[number], place.now)
    place.settle()
    assert len(server.of(IkeRekeyed)) == 1
    assert len(server.up) == len(server.associations) == 1


def test_phases_1_of_one_peer_are_bounded() -> None:
    wire = Wire()
    number = wire.open()
    for _ in range(20):
        wire.now += 1
        calling.renew(wire.client.room(), wire.client.room().peerings[number], wire.now)
        wire.settle()
    for end in (wire.client, wire.server):
        assert len(end.room().by_uid) == len(end.room().by_cookies) == 4
        assert len(end.associations) == 1
    pair = wire.server.of(SasAdded)[-1]
    wire.server.sas.expiring(wire.server.associations[0], pair.inbound.spi, 0, wire.now)
    wire.settle()
    assert len(wire.server.of(SasAdded)) == 2
    assert wire.agree()
