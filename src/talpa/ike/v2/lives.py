"""How long an IKE SA lives: what is armed when one is up, and what takes its place."""

from talpa.ike.events import IkeRekeyed
from talpa.ike.v2.sa import IkeSa, Stage


def begin(sa: IkeSa, now: float) -> None:
    """An IKE SA is up: arm what watches over it. Its end is armed when it is to be re-keyed."""
    life = sa.lifetimes
    assert sa.keys is not None
    sa.since, sa.keys = now, sa.keys.of_children()
    sa.arm("rekey", now + sa.room.early(life.ike, life.margin))
    arm_silence(sa, now)


def patience(sa: IkeSa) -> float:
    """Seconds of silence after which the peer is asked; 0: never."""
    connection = sa.connection
    if connection is not None and not connection.habits.dpd:
        return 0.0
    return sa.room.shared.config.dpd


def arm_silence(sa: IkeSa, since: float) -> None:
    """When to look for silence again."""
    wait = patience(sa)
    sa.arm("dpd", since + wait if wait > 0 else None)


def adopt(sa: IkeSa, new: IkeSa) -> None:
    """`new` stands in for `sa` from now on, with its children."""
    room = sa.room
    now = new.since
    assert new.peer is not None
    sa.rekeying, sa.rekeyed_by = False, None
    sa.stage, sa.closing_reason, sa.successor = Stage.CLOSING, "It was re-keyed.", new
    for what in ("rekey", "dpd", "childless", "following"):
        sa.arm(what, None)
    sa.arm("end", None)
    for child in sa.children.values():
        child.sa = new
    new.children, sa.children = sa.children, {}
    new.path, new.natt, new.heard, new.given = sa.path, sa.natt, sa.heard, sa.given
    room.stand_for_number(new)
    begin(new, now)
    room.shared.events.append(IkeRekeyed(new.number, new.peer))
    tasks = list(sa.queue)
    sa.queue.clear()
    for task in tasks:
        new.ask(task, now)
