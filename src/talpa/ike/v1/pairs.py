"""Pairs of SAs as they come and go in an association: make before break.

A pair is confirmed when the exchange that made it is over. The newest confirmed one, by when it was
made, is sent with: as initiator once the peer has had time to put it in place, for nobody
acknowledges message 3, and some responders take no packet under a pair before that has come. An
older one is replaced then: it takes packets that are still under way, and is deleted after a while.

When both ends re-keyed at the same time there are two new pairs, and each end may take another for
the newest: neither replaces the other, and both are there until the next re-keying. Where one end
alone sees them at the same time, both ends made them in the same order: so both send with the later
one, and it does not matter if the other is deleted.
"""

from talpa.ike.associations import Association, Pair
from talpa.ike.v1.quick import Child
from talpa.ike.v1.room import VERSION, Room

LINGER = 30.0
"""Seconds that a replaced pair takes packets."""
_SETTLING = 1.0
"""Seconds that a responder has to put a new pair in place, if no packet comes under it before."""
_VANISHED = 2.0
"""Seconds that an association without a pair waits for another."""
MOST_PAIRS = 8


def confirmed(room: Room, pair: Pair, now: float) -> None:
    """The exchange is over, or the peer uses the pair: send with it, and let older ones go."""
    child = room.children.get(pair.inbound_spi)
    if child is None:
        return
    if child.done is not None:
        settled(room, pair.inbound_spi)
        return
    child.done = now
    at = pair.association.pairs.index(pair)
    if child.initiated and at:
        room.shared.deadlines.arm((VERSION, ("settled", pair.inbound_spi)), now + _SETTLING)
    else:
        last = newest(room, pair.association)
        if last is not None:
            room.associations.use(last)
    for index, other in enumerate(pair.association.pairs):
        known = room.children.get(other.inbound_spi)
        if other is pair or known is None or known.done is None or _at_once(known, child):
            continue
        replace(room, other if index < at else pair, now)


def settled(room: Room, inbound_spi: int) -> None:
    """The peer has the pair in place, or should have, if that is the newest."""
    room.shared.deadlines.arm((VERSION, ("settled", inbound_spi)), None)
    pair = room.associations.pair(inbound_spi)
    if pair is not None and pair is newest(room, pair.association):
        room.associations.use(pair)


def _at_once(one: Child, other: Child) -> bool:
    """Both ends began, before either was done."""
    assert one.done is not None
    assert other.done is not None
    return one.initiated != other.initiated and one.done >= other.began and other.done >= one.began


def replace(room: Room, pair: Pair, now: float) -> None:
    """Another has taken over."""
    if not pair.replaced:
        pair.replaced = True
        room.shared.deadlines.arm((VERSION, ("pair", pair.inbound_spi)), now + LINGER)


def newest(room: Room, association: Association) -> Pair | None:
    """The pair that is, or should be, sent with."""
    for pair in reversed(association.pairs):
        child = room.children.get(pair.inbound_spi)
        if child is not None and child.done is not None and not pair.replaced:
            return pair
    return None


def deleted(room: Room, pair: Pair, now: float) -> None:
    """The peer has deleted a pair: what is left must do."""
    association = pair.association
    in_use = pair is newest(room, association)
    room.remove_pair(pair)
    if not association.pairs:
        room.shared.deadlines.arm((VERSION, ("association", association.id)), now + _VANISHED)
        return
    left = newest(room, association)
    if left is not None:
        if in_use:
            _use_again(room, left)
        else:
            settled(room, left.inbound_spi)
        return
    last = association.pairs[-1]
    if last.replaced:
        last.replaced = False
        room.shared.deadlines.arm((VERSION, ("pair", last.inbound_spi)), None)
        _use_again(room, last)
    else:
        # The peer deletes the old pair because it uses the new one: that confirms it.
        confirmed(room, last, now)


def _use_again(room: Room, pair: Pair) -> None:
    pair.used = False
    room.associations.use(pair)


def linger_over(room: Room, inbound_spi: int) -> None:
    """A replaced pair has had its time."""
    pair = room.associations.pair(inbound_spi)
    if pair is None or not pair.replaced:
        return
    peering = room.peerings.get(pair.association.ike)
    room.delete_pair(pair, peering.current if peering else None)


def crowd_out(room: Room, association: Association) -> None:
    """No peer gets any number of pairs. Those that nobody needs go first, and never the one that is
    sent with: otherwise old messages sent again would end what lives."""
    while len(association.pairs) >= MOST_PAIRS:
        in_use = newest(room, association)
        spare = [pair for pair in association.pairs if pair is not in_use]
        victim = min(spare, key=lambda pair: (not pair.replaced, _is_confirmed(room, pair)))
        peering = room.peerings.get(association.ike)
        room.delete_pair(victim, peering.current if peering else None)


def _is_confirmed(room: Room, pair: Pair) -> bool:
    child = room.children.get(pair.inbound_spi)
    return child is not None and child.done is not None
