"""What happens to what is up: re-keying, deletes, silence, moving, coming back."""

from typing import Any

import pytest

from talpa.crypto.algorithms import GroupId
from talpa.ike.config import Habits, Lifetimes
from talpa.ike.events import (
    AssociationDown,
    AssociationMoved,
    AssociationUp,
    IkeDown,
    IkeRekeyed,
    SasAdded,
    SasRemoved,
)
from talpa.ike.header import parse_header
from talpa.ike.identities import from_text
from talpa.ike.v1 import calling, messages, pairs, quick_mode
from talpa.ike.v1.attributes import as_number
from talpa.ike.v1.numbers import ConfigKind, Exchange, Notify, PayloadType
from talpa.ike.v1.payloads import ATTRIBUTES, NOTIFY, Attributes, Notification
from talpa.sansio import Address, Path

from .rig import CLIENT, SERVER, Nat, Peer, Wire, config, connection


def behind_nat(inside: Address) -> Address:
    return Address("198.18.9.9", 40_000 + inside.port % 1_000)


def behind_the_same_nat(number: int) -> Nat:
    return lambda a: Address("198.18.9.9", 40_000 + 2 * number + (a.port == 4500))


def pair_of(end: Peer) -> SasAdded:
    """The pair that it sends with."""
    (spi,) = end.sending.values()
    found: SasAdded = [e for e in end.of(SasAdded) if e.outbound.spi == spi][-1]
    return found


def rekey(end: Peer, now: float) -> None:
    pair = pair_of(end)
    assert end.sas.expiring(pair.association, pair.inbound.spi, pair.outbound.spi, now)


@pytest.mark.parametrize("by", ["client", "server"])
@pytest.mark.parametrize("pfs", [None, GroupId.ECP256])
@pytest.mark.parametrize("nat", [None, behind_nat])
def test_either_side_rekeys_phase_2(by: str, pfs: GroupId | None, nat: Any) -> None:
    wire = Wire(nat=nat)
    wire.open(connection(pfs=pfs))
    old = pair_of(wire.client)
    for _ in range(3):
        wire.wait(1.0)
        rekey(wire.client if by == "client" else wire.server, wire.now)
        wire.settle()
        # The old pair takes packets for a while yet.
        assert len(wire.client.inbound) == len(wire.server.inbound) == 2
        assert wire.agree()
        wire.wait(40.0)
        assert len(wire.client.inbound) == len(wire.server.inbound) == 1
    assert pair_of(wire.client) != old
    assert pair_of(wire.client).inbound.suite == old.inbound.suite
    assert len(wire.client.of(AssociationUp)) == len(wire.server.of(AssociationUp)) == 1


@pytest.mark.parametrize("heard", [False, True])
def test_the_responder_has_time_to_put_the_new_pair_in_place(heard: bool) -> None:
    """Else what is sent under it at once after message 3 would be lost."""
    wire = Wire()
    wire.open()
    old = pair_of(wire.client)
    wire.wait(1.0)
    rekey(wire.client, wire.now)
    wire.settle()
    new = wire.client.of(SasAdded)[-1]
    assert pair_of(wire.client) == old
    assert pair_of(wire.server).outbound.spi == new.inbound.spi
    if heard:
        assert wire.client.sas.used_by_peer(new.association, new.inbound.spi, wire.now)
        wire.settle()
    else:
        wire.wait(1.5)
    assert pair_of(wire.client) == new
    assert wire.agree()


def test_both_rekey_at_once() -> None:
    wire = Wire()
    wire.open()
    rekey(wire.client, wire.now)
    rekey(wire.server, wire.now)
    wire.settle()
    assert wire.agree()
    wire.wait(60.0)
    assert wire.agree()
    assert len(wire.client.inbound) == len(wire.server.inbound) == 2
    rekey(wire.client, wire.now)
    wire.wait(60.0)
    assert len(wire.client.inbound) == len(wire.server.inbound) == 1
    assert wire.agree()


def test_expiring_is_said_twice_and_of_what_is_gone() -> None:
    wire = Wire()
    wire.open()
    old = pair_of(wire.client)
    rekey(wire.client, wire.now)
    rekey(wire.client, wire.now)
    wire.settle()
    assert len(wire.client.of(SasAdded)) == 2
    args = (old.association, old.inbound.spi, old.outbound.spi, wire.now)
    assert wire.client.sas.expiring(*args)
    wire.wait(60.0)
    assert wire.client.sas.expiring(*args)
    assert not wire.client.sas.expiring(99, 1, 2, wire.now)
    assert len(wire.client.of(SasAdded)) == 2


def test_message_3_lost_is_made_good_by_a_packet() -> None:
    wire = Wire()
    wire.change = lambda to, data: [] if len(wire.log) == 9 else [data]
    wire.open()
    assert not wire.server.sending
    pair = pair_of(wire.client)
    assert wire.server.sas.used_by_peer(1, pair.outbound.spi, wire.now)
    wire.server.take()
    assert wire.agree()
    assert wire.server.sending


def test_message_3_lost_is_made_good_by_message_2_again() -> None:
    wire = Wire()
    wire.change = lambda to, data: [] if len(wire.log) == 9 else [data]
    wire.open()
    wire.wait(3.0)
    assert wire.server.sending
    assert wire.agree()


@pytest.mark.parametrize("number", range(1, 10))
def test_any_message_lost_once(number: int) -> None:
    wire = Wire()
    wire.change = lambda to, data: [] if len(wire.log) == number else [data]
    wire.open()
    wire.wait(10.0)
    assert wire.agree()
    assert len(wire.server.associations) == 1
    assert wire.server.sending
    assert wire.server.settled()


@pytest.mark.parametrize("number", range(1, 7))
def test_any_message_of_aggressive_mode_lost_once(number: int) -> None:
    wire = Wire(server=config(aggressive=True))
    wire.change = lambda to, data: [] if len(wire.log) == number else [data]
    wire.open(connection(aggressive=True))
    wire.wait(20.0)
    assert wire.agree()
    assert wire.server.sending


def test_phase_1_is_renewed_and_the_association_does_not_notice() -> None:
    wire = Wire(nat=behind_nat)
    ike = wire.open()
    wire.wait(2.5 * 28_800.0)
    for end in (wire.client, wire.server):
        assert len(end.of(IkeRekeyed)) == 2
        assert not end.of(IkeDown)
        assert not end.of(AssociationDown)
    assert wire.client.of(IkeRekeyed)[0].ike == ike
    assert len(wire.server.room().by_uid) == 1
    assert not any(parse_header(data).exchange == Exchange.INFORMATIONAL for _, data in wire.log), (
        "no delete of a phase 1 whose association lives"
    )
    rekey(wire.server, wire.now)
    wire.settle()
    assert wire.agree()


def test_an_association_outlives_phase_1_and_gets_another_when_it_must() -> None:
    """The client does not renew; the server needs phase 2, and calls it back."""
    wire = Wire(server=config(lifetimes=Lifetimes(ike=86_400.0)))
    wire.open()
    (sa,) = wire.client.room().by_uid.values()
    sa.renew_at = None
    for end in (wire.client, wire.server):
        for each in list(end.room().by_uid.values()):
            end.room().forget(each)
    assert wire.server.sas.describe()[0].state == "between phases 1"
    rekey(wire.server, wire.now)
    wire.settle()
    assert wire.agree()
    assert len(wire.server.of(IkeRekeyed)) == len(wire.client.of(IkeRekeyed)) == 1
    assert len(wire.client.of(AssociationUp)) == 1


def test_the_peer_has_forgotten_phase_1() -> None:
    wire = Wire()
    wire.open()
    for each in list(wire.server.room().by_uid.values()):
        wire.server.room().forget(each)
    rekey(wire.client, wire.now)
    wire.wait(120.0)
    assert wire.agree()
    assert len(wire.client.of(AssociationUp)) == len(wire.server.of(AssociationUp)) == 1
    assert wire.client.of(IkeRekeyed)


def test_close_tells_the_peer() -> None:
    wire = Wire()
    ike = wire.open()
    assert wire.client.sas.close(ike, "enough", wire.now)
    wire.settle()
    for end in (wire.client, wire.server):
        assert not end.associations
        assert not end.up
        assert not end.room().by_uid
        assert not end.room().by_identity
        assert not end.room().children
        assert not end.shared.associations._by_inbound
        assert end.shared.deadlines.next() is None
    assert wire.server.of(IkeDown)[0].by_peer
    assert not wire.client.sas.close(ike, "enough", wire.now)


def test_a_deleted_pair_ends_its_association_unless_another_comes() -> None:
    wire = Wire()
    wire.open()
    association = wire.client.shared.associations.get(1)
    assert association is not None
    room = wire.client.room()
    room.delete_pair(association.pairs[0], room.peerings[1].current)
    wire.settle()
    assert wire.server.associations
    wire.wait(3.0)
    assert wire.server.of(AssociationDown)[0].by_peer
    wire.wait(30.0)
    assert not wire.server.up


def test_delete_right_after_rekeying() -> None:
    """Windows and strongSwan delete the old pair at once; the delete may even come before message
    3."""
    wire = Wire()
    wire.open()
    old = pair_of(wire.client)
    held: list[bytes] = []

    def hold(to: str, data: bytes) -> list[bytes]:
        if to == "server" and len(data) == 76 and not held:
            held.append(data)
            return []
        return [data]

    wire.change = hold
    rekey(wire.client, wire.now)
    wire.settle()
    room = wire.client.room()
    (gone,) = [
        p
        for p in wire.client.shared.associations.get(1).pairs  # type: ignore[union-attr]
        if p.inbound_spi == old.inbound.spi
    ]
    pairs.settled(room, wire.client.of(SasAdded)[-1].inbound.spi)
    room.delete_pair(gone, room.peerings[1].current)
    wire.settle()
    assert len(wire.server.inbound) == 1
    assert wire.agree()
    assert wire.server.sending
    wire.wait(60.0)
    assert len(wire.server.associations) == 1


def test_dead_peers_are_found_by_silence_only() -> None:
    wire = Wire(server=config(dpd=30.0))
    wire.open()
    wire.wait(300.0)
    assert wire.server.associations
    asked = len(wire.log)
    for _ in range(20):
        wire.server.heard[1] = wire.now
        wire.wait(10.0)
    assert len(wire.log) == asked, "ESP is life enough"
    wire.change = lambda _to, _data: []
    wire.wait(29.0)
    assert wire.server.associations
    wire.wait(120.0)
    assert not wire.server.associations
    assert not wire.server.of(IkeDown)[0].by_peer


def test_a_peer_without_dpd_is_never_asked() -> None:
    wire = Wire(server=config(dpd=30.0), client=config(dpd=30.0))
    wire.open(connection(habits=Habits(dpd=False)))
    before = len(wire.log)
    wire.wait(3_000.0)
    assert len(wire.log) == before


def test_initial_contact_ends_what_was_before() -> None:
    wire = Wire()
    wire.open()
    wire.client = Peer(CLIENT, config(), 77)
    wire.open()
    assert len(wire.server.associations) == 1
    assert len(wire.server.up) == 1
    assert wire.server.of(AssociationDown)[0].by_peer
    assert wire.agree()


def test_initial_contact_of_another_behind_the_same_nat_ends_nothing() -> None:
    wire = Wire()
    for i in range(3):
        wire.client = Peer(CLIENT, config(), 77 + i)
        wire.nat = behind_the_same_nat(i)
        wire.open(connection(local_identity=from_text("192.168.1.2")))
    assert len(wire.server.associations) == 3


def test_initial_contact_sent_afterwards_as_racoon_does() -> None:
    wire = Wire()
    wire.open(connection(habits=Habits(initial_contact=False)))
    wire.client = Peer(CLIENT, config(), 77)
    wire.now += 100.0
    wire.change = lambda to, data: [data] if len(wire.log) < 16 else []
    wire.open(connection(habits=Habits(initial_contact=False)))
    (sa,) = wire.client.room().by_uid.values()
    wire.change = lambda _to, data: [data]
    wire.client.room().notify(sa, Notify.INITIAL_CONTACT, sa.cookies)
    wire.settle()
    assert wire.server.of(AssociationDown)
    wire.wait(10.0)
    assert wire.agree()
    assert len(wire.server.associations) == 1


def test_a_binding_that_changes_is_followed() -> None:
    wire = Wire(nat=behind_nat)
    wire.open()
    wire.nat = lambda a: Address("198.18.9.10", 50_000 + a.port % 1_000)
    rekey(wire.client, wire.now)
    wire.settle()
    assert wire.agree()
    assert wire.server.of(AssociationMoved)[-1].path.remote == Address("198.18.9.10", 50_500)
    assert wire.server.sas.describe()[0].path.remote == Address("198.18.9.10", 50_500)
    moved = Path(Address(SERVER, 4500), Address("198.18.9.11", 1234), 1)
    assert wire.server.sas.heard_from(1, moved, wire.now)
    wire.server.take()
    assert wire.server.of(AssociationMoved)[-1].path == moved._replace(association=0)
    assert len(wire.server.of(AssociationUp)) == 1


def test_our_own_address_changes() -> None:
    wire = Wire(nat=behind_nat)
    ike = wire.open()
    new = "198.18.0.77"
    wire.nat = lambda a: Address("198.18.9.12", 60_000 + a.port % 1_000)
    path, natt = (
        Path(Address(new, 500), Address(SERVER, 500)),
        Path(Address(new, 4500), Address(SERVER, 4500)),
    )
    assert wire.client.sas.move(ike, path, natt, wire.now)
    wire.settle()
    assert wire.client.of(AssociationMoved)[-1].path == natt
    assert wire.server.of(AssociationMoved)[-1].path.remote.host == "198.18.9.12"


def test_a_client_that_asks_for_nothing_is_let_go() -> None:
    wire = Wire()
    wire.change = lambda to, data: [data] if len(wire.log) <= 6 else []
    wire.open()
    assert wire.server.up
    wire.wait(70.0)
    assert not wire.server.up
    assert not wire.server.room().by_uid


def test_xauth_and_mode_configuration_are_refused_cleanly() -> None:
    wire = Wire()
    wire.open()
    (sa,) = wire.client.room().by_uid.values()
    for number, (kind, attribute) in enumerate(
        ((ConfigKind.REQUEST, 16_521), (ConfigKind.REQUEST, 1), (ConfigKind.SET, 1)), 1
    ):
        body = ATTRIBUTES.encode(Attributes(kind, 7, ((attribute, b""),)))
        prefix = messages.mid(number)
        chain = messages.hashed(sa.keys, prefix, [(PayloadType.ATTRIBUTES.value, body)])
        datagram = messages.seal(
            sa.keys, sa.keys.phase_2_iv(prefix), sa.cookies, Exchange.TRANSACTION, chain, number
        )
        wire.client.room().send(sa, datagram)
        (out,) = wire.client.take()
        wire.to_server(*out)
        (reply,) = wire.server.take()
        header = parse_header(reply[1])
        opened, _ = messages.unseal(sa.keys, datagram[-sa.keys.block :], header, reply[1])
        said = ATTRIBUTES.decode(opened[1][1])
        assert said.identifier == 7
        assert said.kind == (ConfigKind.ACK if kind == ConfigKind.SET else ConfigKind.REPLY)
        assert [as_number(v) for _, v in said.attributes] == ([0] if attribute == 16_521 else [])
    assert wire.server.failed[0].stage == "XAUTH"
    assert wire.server.associations


def test_the_commit_bit_and_connected_do_no_harm() -> None:
    wire = Wire()
    wire.open()
    (sa,) = wire.client.room().by_uid.values()
    body = NOTIFY.encode(Notification(3, Notify.CONNECTED, bytes(4)))
    wire.client.room().inform(sa, [(PayloadType.NOTIFY.value, body)])
    wire.settle()
    wire.change = lambda _to, data: [data[:19] + bytes([data[19] | 2]) + data[20:]]
    rekey(wire.client, wire.now)
    wire.settle()
    assert wire.agree()
    assert len(wire.server.of(SasRemoved)) == 0


def test_mismatches_are_told_with_both_lists() -> None:
    wire = Wire(server=config(psks=lambda _: ()))
    wire.open()
    wire.wait(100.0)
    assert "no pre-shared key" in wire.server.failed[0].reason
    said = wire.client.failed[0]
    assert said.by_peer
    assert any("ECP-256" in line for line in said.offered)
    assert said.allowed == ("the peer says NO-PROPOSAL-CHOSEN, unprotected",)
    assert said.allowed[0].replace("the", "The", 1) in said.reason
    assert wire.client.sas.describe() == []


def test_silence_is_told_as_what_it_is() -> None:
    wire = Wire()
    wire.change = lambda _to, _data: []
    wire.open()
    wire.wait(200.0)
    (failed,) = wire.client.failed
    assert "does not answer" in failed.reason
    assert len(wire.log) == 6
    assert not wire.client.room().peerings


def test_what_comes_unprotected_ends_nothing() -> None:
    wire = Wire()
    wire.open()
    (sa,) = wire.client.room().by_uid.values()
    for kind in (Notify.NO_PROPOSAL_CHOSEN, Notify.INVALID_COOKIE, Notify.INITIAL_CONTACT):
        wire.client.room().notify_in_clear(sa, kind)
    wire.settle()
    assert wire.server.associations
    assert wire.server.shared.drops["unprotected informational message"] == 3


def test_several_associations_under_one_phase_1() -> None:
    wire = Wire()
    ike = wire.open()
    peering = wire.client.room().peerings[ike]
    (sa,) = wire.client.room().by_uid.values()
    for port in (40_000, 40_001):
        sa.connection = connection(l2tp_port=port)
        peering.wanted.append(None)
        calling.go_on(wire.client.room(), sa, wire.now)
        wire.settle()
    assert len(wire.server.associations) == 3
    assert wire.agree()
    wire.client.sas.close_association(wire.client.associations[1], "done", wire.now)
    wire.settle()
    wire.wait(5.0)
    assert len(wire.server.associations) == 2
    assert wire.server.up


def test_phase_2_begun_over_and_over_does_not_push_out_what_lives() -> None:
    wire = Wire()
    wire.open()
    live = pair_of(wire.server)
    for _ in range(30):
        wire.wait(1.0)
        wire.change = lambda to, data: [data] if to == "server" else []
        rekey(wire.client, wire.now)
        wire.settle()
        for sa in wire.client.room().by_uid.values():
            for quick in list(sa.quicks.values()):
                quick_mode.give_up(wire.client.room(), sa, quick)
    assert len(wire.server.inbound) <= 8
    assert pair_of(wire.server) == live
    wire.wait(200.0)
    assert list(wire.server.inbound) == [live.inbound.spi]
