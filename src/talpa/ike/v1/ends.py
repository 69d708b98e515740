"""How exchanges that came to nothing end, and what goes with them."""

from talpa.ike.v1 import quick_mode
from talpa.ike.v1.numbers import Notify
from talpa.ike.v1.offers import describe_child, describe_ike
from talpa.ike.v1.payloads import SA
from talpa.ike.v1.quick import Quick
from talpa.ike.v1.room import Room
from talpa.ike.v1.sa import IkeSa, Peering


def phase_2_failed(room: Room, sa: IkeSa, quick: Quick, said: str) -> None:
    """A phase 2 of ours that was refused, as the peer said, or (empty) got no answer. What it was
    to replace goes on while it lives."""
    reason = f"The peer refused phase 2: {said}." if said else "The peer does not answer phase 2."
    quick_mode.give_up(room, sa, quick)
    offered = describe_child(quick.proposals) if quick.proposals and said else ()
    allowed = (f"the peer says {said}",) if said else ()
    room.say_failed(sa, "phase 2", reason, offered=offered, allowed=allowed, by_peer=bool(said))
    peering = sa.peering
    if peering is not None and not room.associations_of(peering):
        room.end_peering(peering, reason, by_peer=bool(said), tell=True)


def phase_1_failed(room: Room, sa: IkeSa) -> None:
    """A phase 1 of ours that got no (good) answer."""
    draft, peering = sa.draft, room.peerings.get(sa.ike)
    assert draft is not None
    reason = _why(sa, draft.hint, draft.said)
    offered: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    if draft.said == Notify.NO_PROPOSAL_CHOSEN:
        offered = describe_ike(SA.decode(draft.sa_body))
        allowed = ("the peer says NO-PROPOSAL-CHOSEN, unprotected",)
    room.say_failed(
        sa, draft.stage, reason, offered=offered, allowed=allowed, by_peer=bool(draft.said)
    )
    room.forget(sa)
    if peering is None:
        return
    if not peering.sas:
        room.end_peering(peering, reason, by_peer=False, tell=False)


def _why(sa: IkeSa, hint: str, said: Notify | None) -> str:
    if said == Notify.NO_PROPOSAL_CHOSEN:
        return (
            f"{hint} None of the algorithms that we offer is allowed there: allow one of them at"
            " the peer, or offer another."
        )
    if sa.awaits == 6 and said is not None:
        return (
            f"{hint} Most likely the pre-shared key did not match, or the peer expects another"
            " identity or certificate: compare them at both ends."
        )
    if hint:
        return hint
    if sa.awaits == 2:
        return (
            f"The peer does not answer: see whether {sa.path.remote} is its address, and whether"
            " UDP 500 and 4500 get through."
        )
    if sa.awaits == 6:
        return (
            "The peer does not answer message 5: most likely the pre-shared key did not match, or"
            " UDP 4500 does not get through."
        )
    return "The peer fell silent during phase 1."


def left_alone(room: Room, peering: Peering, reason: str) -> None:
    """An association is gone: with the last of them what nobody needs any more."""
    if peering.down or room.associations_of(peering):
        return
    if not peering.sas and peering.starting is None:
        room.end_peering(peering, reason, by_peer=True, tell=False)
