"""What follows when phase 1 is done: the peer is known, and may be one that was here before."""

from talpa.ike.events import IkeRekeyed, IkeUp, Peer
from talpa.ike.identities import Identity
from talpa.ike.keylog import ikev1_keys
from talpa.ike.v1.phase_one import chance, draft_of, life_of
from talpa.ike.v1.proofs import Proven
from talpa.ike.v1.room import Room
from talpa.ike.v1.sa import Draft, IkeSa, Peering

_LONGEST_LIFE = 86_400
IDLE = 60.0
"""Seconds that a peer which called us may go without an association."""


def established(room: Room, sa: IkeSa, identity: Identity, proven: Proven, now: float) -> None:
    """Phase 1 is done: the peer is who it says."""
    draft, connection = draft_of(sa), sa.connection
    assert draft.suite is not None
    assert sa.keys is not None
    room.settle(sa)
    sa.stands()
    sa.keys.proven()
    sa.outgoing = None
    sa.since = sa.heard = now
    sa.peer = Peer(
        version=1,
        path=sa.path,
        identity=identity,
        method=proven.method,
        credential=proven.credential,
        device=sa.device,
        vendors=sa.vendors,
        suite=draft.suite.name,
        weak=draft.weak,
        we_are_behind_nat=sa.local_nat,
        peer_is_behind_nat=sa.remote_nat,
        initiated=sa.initiated,
        connection=connection.name if connection else "",
    )
    _set_life(room, sa, now)
    if room.config.key_log:
        room.shared.events.append(ikev1_keys(sa.spi_i, sa.keys.key))
    _join_peering(room, sa, draft, now)
    if sa.dpd and room.config.dpd and (connection is None or connection.habits.dpd):
        sa.dpd_at = now + room.config.dpd
    if sa.reassembly is not None:
        sa.reassembly.proven()
    if not sa.initiated:
        sa.idle_at = now + IDLE
    sa.draft = None
    room.arm(sa)


def _set_life(room: Room, sa: IkeSa, now: float) -> None:
    """The initiator renews in time; the responder keeps the SA for as long as the peer asked, for a
    peer that does not heed RESPONDER-LIFETIME would speak to nobody."""
    draft = draft_of(sa)
    ours = life_of(room, sa.connection)
    if not sa.initiated:
        sa.expires = now + min(max(draft.life, ours), _LONGEST_LIFE)
        return
    seconds = min(draft.life or ours, ours)
    sa.expires = now + seconds
    own = sa.connection.lifetimes if sa.connection else None
    margin = (own or room.config.lifetimes).margin
    sa.renew_at = now + seconds * (1 - margin * (1 + chance(room)))


def _join_peering(room: Room, sa: IkeSa, draft: Draft, now: float) -> None:
    peering = room.peerings.get(sa.ike) if sa.initiated else None
    assert sa.peer is not None
    if not sa.initiated:
        peering = _found_again(room, sa)
        if peering is not None and draft.initial_contact:
            begin_anew(room, sa)
            peering = None
    if peering is None:
        peering = Peering(sa.ike or room.shared.new_ike(), now)
        room.peerings[peering.number] = peering
    again = peering.peer is not None
    if peering.starting is sa:
        peering.starting = None
    sa.ike = peering.number
    sa.peering = peering
    peering.sas.append(sa)
    peering.peer = sa.peer
    peering.psk = draft.psk
    peering.connection = sa.connection or peering.connection
    room.set_key(peering, sa.peer.identity, sa.path.remote.host)
    if again:
        peering.rekeyed += 1
        room.shared.events.append(IkeRekeyed(peering.number, sa.peer))
    else:
        room.shared.events.append(IkeUp(peering.number, sa.peer))


def _same_peer(room: Room, sa: IkeSa) -> list[Peering]:
    """Peerings with the same identity from the same place: behind NAT, the same port as well."""
    assert sa.peer is not None
    remote = sa.path.remote
    return [
        each
        for each in room.by_identity.get((sa.peer.identity, remote.host), [])
        if each.peer is not None
        and (not sa.remote_nat or each.peer.path.remote.port == remote.port)
    ]


def _found_again(room: Room, sa: IkeSa) -> Peering | None:
    found = _same_peer(room, sa)
    return found[-1] if found else None


def begin_anew(room: Room, sa: IkeSa) -> None:
    """INITIAL-CONTACT: the peer has forgotten all that was before (RFC 2407 4.6.3.3)."""
    for old in _same_peer(room, sa):
        if old is not sa.peering:
            room.end_peering(old, "The peer began anew.", by_peer=True, tell=False)
    peering = sa.peering
    if peering is None:
        return
    for association in room.associations_of(peering):
        if all(pair.since < sa.since for pair in association.pairs):
            room.end_association(association, "The peer began anew.", by_peer=True, tell=False)
    for other in [each for each in peering.sas if each is not sa]:
        room.forget(other)
