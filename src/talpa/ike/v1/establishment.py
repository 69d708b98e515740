"""What follows when phase 1 is done: the peer is known, and may be one that was here before."""

from talpa.esp.sa import Encapsulation
from talpa.ike.config import Psk
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
_MOST_SAS = 4
"""Phases 1 of one peer that stand: it may make as many as it likes, and speaks with the newest."""


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
    if sa.connection is None and sa.peering is not None:
        # The peer that we called renews phase 1 itself: it is the same connection.
        sa.connection = sa.peering.connection
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
        peering = _found_again(room, sa, draft.psk)
        if peering is not None and draft.initial_contact:
            _end_others(room, sa, draft.psk)
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
    for old in peering.sas[:-_MOST_SAS]:
        room.forget(old)
    peering.peer = sa.peer
    peering.psk = draft.psk
    peering.connection = sa.connection or peering.connection
    room.set_key(peering, sa.peer.identity, sa.path.remote.host)
    if again:
        peering.rekeyed += 1
        room.shared.events.append(IkeRekeyed(peering.number, sa.peer))
    else:
        room.shared.events.append(IkeUp(peering.number, sa.peer))


def _same_peer(room: Room, sa: IkeSa, psk: Psk | None) -> list[Peering]:
    """Peerings with the same identity, proven in the same way, from the same place."""
    assert sa.peer is not None
    found = room.by_identity.get((sa.peer.identity, sa.path.remote.host), [])
    return [
        each
        for each in found
        if _same_proof(each, sa, psk)
        and (_same_port(each, sa) or not _port_matters(room, each, sa, psk))
    ]


def _same_proof(peering: Peering, sa: IkeSa, psk: Psk | None) -> bool:
    """Who has one key, or one certificate, is nobody who has another. What we called by a name and
    has no such name here (it calls back) is known by its proof alone."""
    known, peer = peering.peer, sa.peer
    if known is None or peer is None:
        return False
    called_back = peering.call is not None and not peer.connection
    if known.connection != peer.connection and not called_back:
        return False
    if psk is None or peering.psk is None:
        same = psk is None and peering.psk is None
        return same and (known.method, known.credential) == (peer.method, peer.credential)
    return psk.secret == peering.psk.secret


def _same_port(peering: Peering, sa: IkeSa) -> bool:
    return peering.peer is not None and peering.peer.path.remote.port == sa.path.remote.port


def _port_matters(room: Room, peering: Peering, sa: IkeSa, psk: Psk | None) -> bool:
    """Many may be at one address, behind its NAT; whether one of them says that there is a NAT is
    up to him. By a key that is not for one peer alone nobody proves which of them he is."""
    if psk is not None and psk.identity is None and sa.connection is None:
        return True
    natted = sa.remote_nat or (peering.peer is not None and peering.peer.peer_is_behind_nat)
    return natted or any(
        association.spec.encapsulation is Encapsulation.UDP
        for association in room.associations_of(peering)
    )


def _found_again(room: Room, sa: IkeSa, psk: Psk | None) -> Peering | None:
    found = _same_peer(room, sa, psk)
    return found[-1] if found else None


def _end_others(room: Room, sa: IkeSa, psk: Psk | None) -> None:
    for old in _same_peer(room, sa, psk):
        if old is not sa.peering:
            room.end_peering(old, "The peer began anew.", by_peer=True, tell=False)


def begin_anew(room: Room, sa: IkeSa) -> None:
    """INITIAL-CONTACT: the peer has forgotten all that was before (RFC 2407 4.6.3.3)."""
    peering = sa.peering
    if peering is None:
        return
    _end_others(room, sa, peering.psk)
    for association in room.associations_of(peering):
        if all(pair.since < sa.since for pair in association.pairs):
            room.end_association(association, "The peer began anew.", by_peer=True, tell=False)
    for other in [each for each in peering.sas if each is not sa]:
        room.forget(other)
