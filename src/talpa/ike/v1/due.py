"""What happens to IKE SAs and their peerings when time goes by: nothing came, or a life is over."""

from collections.abc import Hashable

from talpa.ike.v1 import calling, ends, pairs, quick_mode
from talpa.ike.v1.numbers import Notify
from talpa.ike.v1.quick import Quick
from talpa.ike.v1.room import Room
from talpa.ike.v1.sa import IkeSa, Peering

_IDLE_AFTER = 10.0
"""Seconds that phase 1 outlives the last association."""
_TRY_AGAIN = 30.0
"""Seconds until phase 1 is renewed again, after that failed."""


def time_out(room: Room, key: Hashable, now: float) -> None:
    """A deadline has passed."""
    if isinstance(key, int):
        sa = room.by_uid.get(key)
        if sa is not None:
            room.shared.current = sa.ike
            _sa_due(room, sa, now)
            room.arm(sa)
        return
    assert isinstance(key, tuple)
    if key[0] == "quick":
        sa = room.by_uid.get(key[1])
        quick = quick_mode.time_out(room, sa, key[2], now) if sa is not None else None
        if sa is not None and quick is not None:
            _unanswered(room, sa, quick.replaces, quick, now)
    elif key[0] == "pair":
        pairs.linger_over(room, key[1])
    elif key[0] == "settled":
        pairs.settled(room, key[1])
    elif key[0] == "association":
        _vanished(room, key[1], now)


def _sa_due(room: Room, sa: IkeSa, now: float) -> None:
    if sa.outgoing is not None and sa.outgoing.next_at <= now:
        if not sa.outgoing.again(now, room.config.retransmit_cap):
            ends.phase_1_failed(room, sa)
            _without_renewal(room, sa, now)
            return
        room.send(sa, sa.outgoing.data)
    if sa.draft is not None:
        if sa.draft.deadline is not None and sa.draft.deadline <= now:
            _half_open_over(room, sa)
        return
    if sa.expires is not None and sa.expires <= now:
        _expire(room, sa, now)
        return
    if sa.renew_at is not None and sa.renew_at <= now:
        sa.renew_at = None
        if sa.peering is not None and sa.peering.current is sa:
            calling.renew(room, sa.peering, now)
    if sa.idle_at is not None and sa.idle_at <= now:
        _idle(room, sa)
    if sa.dpd_at is not None and sa.dpd_at <= now:
        ask_whether_alive(room, sa, now)


def _without_renewal(room: Room, failed: IkeSa, now: float) -> None:
    """No new phase 1 came up: the old one does what waited, and a new one is tried later."""
    peering = room.peerings.get(failed.ike)
    sa = peering.current if peering is not None else None
    if sa is None:
        return
    if sa.expires is not None and sa.initiated:
        sa.renew_at = now + _TRY_AGAIN
        room.arm(sa)
    calling.go_on(room, sa, now)


def _half_open_over(room: Room, sa: IkeSa) -> None:
    draft = sa.draft
    assert draft is not None
    if sa.awaits == 5 and not draft.bad:
        room.say_failed(
            sa,
            draft.stage,
            "Message 5 never came: UDP 4500 may not get through, or the peer gave up.",
        )
    room.forget(sa)


def _expire(room: Room, sa: IkeSa, now: float) -> None:
    """Without a word: associations outlive their phase 1, and some devices hang up when it is
    deleted."""
    peering = sa.peering
    room.forget(sa)
    if peering is None or peering.sas or peering.down:
        return
    if not room.associations_of(peering):
        room.end_peering(peering, "Phase 1 has ended.", by_peer=False, tell=False)
    elif peering.call is not None:
        calling.renew(room, peering, now)


def _idle(room: Room, sa: IkeSa) -> None:
    """Nobody needs it: it goes, and the peer is told."""
    peering = sa.peering
    sa.idle_at = None
    if peering is None or sa.quicks or room.associations_of(peering):
        return
    room.end_peering(peering, "Nothing came over the connection.", by_peer=False, tell=True)


def ask_whether_alive(room: Room, sa: IkeSa, now: float) -> None:
    """Dead peer detection (RFC 3706): only after silence, of IKE and of ESP."""
    peering = sa.peering
    sa.dpd_at = None
    if peering is None or peering.current is not sa:
        return
    patience = room.config.dpd
    heard = max(
        (room.shared.last_heard(each.id) for each in room.associations_of(peering)),
        default=0.0,
    )
    silent_at = max(heard, sa.heard) + patience
    if silent_at > now:
        sa.dpd_sent = 0
        sa.dpd_at = silent_at
        return
    if sa.dpd_sent >= room.config.retransmit_limit:
        room.end_peering(peering, "The peer does not answer any more.", by_peer=False, tell=False)
        return
    if not sa.dpd_sequence:
        # RFC 3706 5.4: it begins anywhere in the lower half.
        sa.dpd_sequence = int.from_bytes(room.rng(4), "big") >> 1
    sa.dpd_sequence += 1
    sa.dpd_sent += 1
    number = (sa.dpd_sequence & 0xFFFFFFFF).to_bytes(4, "big")
    room.notify(sa, Notify.R_U_THERE, sa.cookies, number)
    wait = room.config.retransmit_first * 2.0 ** (sa.dpd_sent - 1)
    sa.dpd_at = now + min(wait, room.config.retransmit_cap)


def _vanished(room: Room, number: int, now: float) -> None:
    """An association whose last pair the peer deleted, and nothing has come instead."""
    association = room.associations.get(number)
    if association is None or association.pairs:
        return
    peering = room.peerings.get(association.ike)
    if peering is not None and any(
        quick.association == number for sa in peering.sas for quick in sa.quicks.values()
    ):
        return
    reason = "The peer ended the connection."
    room.end_association(association, reason, by_peer=True, tell=False)
    if peering is not None:
        _after_association(room, peering, reason, now)


def _after_association(room: Room, peering: Peering, reason: str, now: float) -> None:
    ends.left_alone(room, peering, reason)
    if not peering.down and not room.associations_of(peering):
        for sa in peering.sas:
            sa.idle_at = now + _IDLE_AFTER
            room.arm(sa)


def _unanswered(room: Room, sa: IkeSa, replaces: int | None, quick: Quick, now: float) -> None:
    """Phase 2 of ours got no answer: the peer may have lost phase 1. A new one is made."""
    peering = sa.peering
    if peering is None or peering.down:
        return
    pair = room.associations.pair(replaces) if replaces is not None else None
    if peering.current is not sa and peering.current is not None:
        quick_mode.begin(room, peering.current, replaces, now)
        return
    if pair is not None:
        room.forget(sa)
        peering.wanted.append(replaces)
        calling.renew(room, peering, now)
        return
    ends.phase_2_failed(room, sa, quick, "")
