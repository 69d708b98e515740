"""Whether the peer is still there, and how long an IKE SA lives (RFC 7296 2.4, 2.8)."""

from talpa.ike.v2.informational import DeleteIke, InformationalTask
from talpa.ike.v2.lives import arm_silence, patience
from talpa.ike.v2.rekey_ike import RekeyIke
from talpa.ike.v2.sa import IkeSa, Stage


def silence(sa: IkeSa, now: float) -> None:
    """It may be time to ask: not when anything valid came of late, and not when something is asked
    already."""
    wait = patience(sa)
    if sa.stage is not Stage.UP or wait <= 0:
        return
    heard = sa.heard
    for association in sa.room.associations_of(sa):
        heard = max(heard, sa.room.shared.last_heard(association.id))
    if now < heard + wait:
        arm_silence(sa, heard)
        return
    if sa.asked is None:
        sa.ask(InformationalTask(), now)
    arm_silence(sa, now)


def rekey(sa: IkeSa, now: float) -> None:
    """It is time for new keys; without them it ends soon."""
    sa.arm("end", sa.since + sa.lifetimes.ike)
    if sa.stage is Stage.UP and not sa.rekeying:
        sa.rekeying = True
        sa.ask(RekeyIke(sa), now)


def ended(sa: IkeSa, now: float) -> None:
    """Its life is over, or it has lingered long enough."""
    if sa.stage is Stage.UP:
        close(sa, "Its life is over, and it was not re-keyed.", now)
    else:
        sa.end(sa.closing_reason)


def close(sa: IkeSa, reason: str, now: float, *, by_peer: bool = False) -> None:
    """Delete it and its children, and tell the peer. For us it is over at once."""
    if sa.stage is not Stage.UP:
        sa.end(reason, by_peer=by_peer)
        return
    sa.room.step_down(sa, reason, by_peer=by_peer)
    sa.drop_queue()
    sa.ask(DeleteIke(), now)
