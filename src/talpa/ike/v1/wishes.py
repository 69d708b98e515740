"""What is asked for in Quick Mode: by a connection, or for a pair that is to be replaced."""

from dataclasses import replace

from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.esp.sa import AssociationSpec, Encapsulation, Mode, Protocol, Selector
from talpa.ike.own_offers import esp_offers
from talpa.ike.v1 import messages, nat_detection, offers, selectors
from talpa.ike.v1 import numbers as n
from talpa.ike.v1.payloads import (
    NAT_OA,
    OriginalAddress,
)
from talpa.ike.v1.phase_one import policy_of
from talpa.ike.v1.quick import Quick
from talpa.ike.v1.room import Room
from talpa.ike.v1.sa import IkeSa, NatVersion

_KEEPALIVE = 20.0
"""RFC 3948 4."""


def first(room: Room, sa: IkeSa, quick: Quick) -> offers.ChildWish | None:
    """What the connection asks for; None: it has no peer to ask."""
    connection = sa.connection
    if connection is None:
        return None
    quick.selectors = local, remote = selectors.wanted(connection, sa.path)
    own = local[0]
    private = connection.habits.local_address
    if private is not None and not connection.local:
        host = selectors.address(private)
        own = replace(own, first=host, last=host)
    quick.ids = selectors.pack(own), selectors.pack(remote[0])
    suites = connection.habits.esp_transforms
    if suites is None:
        own_offers = esp_offers(
            policy_of(room, connection),
            room.config.wall().date(),
            version=1,
            ah=connection.ah,
        )
        suites = tuple(
            (
                *(each.encryption[0] if each.encryption else (EncryptionId.NULL, 0)),
                each.integrity[0] if each.integrity else IntegrityId.NONE,
            )
            for each in own_offers
        )
    ours = connection.lifetimes or room.config.lifetimes
    kilobytes = connection.habits.kilobytes
    if kilobytes is None and ours.child_octets is not None:
        kilobytes = max(1, ours.child_octets // 1_024)
    quick.spec = spec_for(sa, connection.mode, udp=sa.on_natt, sides=quick.selectors)
    return offers.ChildWish(
        suites=suites,
        encapsulation=encapsulation_for(sa, connection.mode),
        group=connection.pfs if connection.pfs else None,
        seconds=max(1, int(ours.child)),
        kilobytes=kilobytes,
        ah=connection.ah,
    )


def same_again(room: Room, quick: Quick, replaces: int) -> offers.ChildWish | None:
    """What a pair was made with, to be had again; None: it is gone."""
    pair, child = room.associations.pair(replaces), room.children.get(replaces)
    if pair is None or child is None:
        return None
    association = pair.association
    quick.association, quick.replaces = association.id, replaces
    quick.spec = association.spec
    quick.ids = child.ids
    suite = child.suite
    return offers.ChildWish(
        suites=((suite.encryption, suite.key_bits, suite.integrity),),
        encapsulation=child.encapsulation,
        group=child.group or None,
        seconds=child.seconds,
        kilobytes=child.kilobytes,
        ah=suite.protocol is Protocol.AH,
        esn=suite.esn,
    )


def encapsulation_for(sa: IkeSa, mode: Mode) -> n.Encapsulation:
    """How we ask for a mode on this path, in the numbers of the version of NAT-T agreed."""
    kinds = n.Encapsulation
    if not sa.on_natt:
        return kinds.TRANSPORT if mode is Mode.TRANSPORT else kinds.TUNNEL
    if sa.nat.draft:
        return kinds.UDP_TRANSPORT_DRAFT if mode is Mode.TRANSPORT else kinds.UDP_TUNNEL_DRAFT
    return kinds.UDP_TRANSPORT if mode is Mode.TRANSPORT else kinds.UDP_TUNNEL


def spec_for(
    sa: IkeSa,
    mode: Mode,
    *,
    udp: bool,
    sides: tuple[tuple[Selector, ...], tuple[Selector, ...]],
) -> AssociationSpec:
    """An association on the path of this SA. `sides`: local, remote."""
    return AssociationSpec(
        path=sa.path,
        mode=mode,
        encapsulation=Encapsulation.UDP if udp else Encapsulation.RAW,
        local=sides[0],
        remote=sides[1],
        keepalive=_KEEPALIVE if udp and sa.local_nat else None,
    )


def original_addresses(sa: IkeSa, encapsulation: n.Encapsulation) -> messages.Chain:
    """NAT-OA of the initiator, then of the responder, as we see them (RFC 3947 5.2). The drafts up
    to 02 have one only: our own."""
    if encapsulation not in (
        n.Encapsulation.UDP_TRANSPORT,
        n.Encapsulation.UDP_TRANSPORT_DRAFT,
    ):
        return []
    path = nat_detection.seen_by_us(sa, sa.path)
    own, other = selectors.address(path.local.host), selectors.address(path.remote.host)
    both = [own, other] if sa.initiated else [other, own]
    if sa.nat in (NatVersion.DRAFT_02, NatVersion.DRAFT_02_BARE):
        both = [own]
    return messages.of(
        nat_detection.original_address_type(sa),
        (
            NAT_OA.encode(OriginalAddress(1 if each.version == 4 else 5, bytes(3), each.packed))
            for each in both
        ),
    )
