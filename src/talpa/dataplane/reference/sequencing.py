"""Putting data messages back in order (RFC 2661 5.4).

The next expected Ns is delivered at once. A later one is held, for `reorder_seconds` at most, for
what is missing before it; then the gap is given up. An earlier one is late, and dropped: it was
delivered, or given up. Comparisons are modulo 2**16, half the space each way.
"""

from talpa.dataplane.reference.tables import Session

HOLD_AT_MOST = 32
"""Messages held for one session; when one more comes, the first gap is given up."""
LATE_RUN = 5
"""So many late messages with consecutive numbers, and nothing else between, are a peer that counts
from another number: it restarted, or one stray number took us far ahead. We follow it."""

TWICE = "data message twice"
LATE = "late data message"


def arrange(session: Session, number: int, frame: bytes, now: float) -> list[bytes] | str:
    """Take a frame with Ns `number`; the frames that are in order now, or why it was dropped."""
    ahead = (number - session.expected) & 0xFFFF
    if ahead >= 0x8000:
        return _late(session, number, frame)
    session.late_run = 0
    if ahead == 0 or session.reorder_seconds <= 0:
        session.expected = (number + 1) & 0xFFFF
        return [frame, *_run(session)] if session.held else [frame]
    if session.held is None:
        session.held = {}
    elif number in session.held:
        return TWICE
    session.held[number] = (now, frame)
    if len(session.held) > HOLD_AT_MOST:
        return _up_to(session, min(session.held, key=lambda n: (n - session.expected) & 0xFFFF))
    return []


def gap_deadline(session: Session) -> float | None:
    """When the message held longest has waited long enough; None when none is held."""
    if not session.held:
        return None
    return min(when for when, _ in session.held.values()) + session.reorder_seconds


def overdue(session: Session, now: float) -> list[bytes]:
    """The frames to let go of at `now`: everything up to the last one whose time is over, and what
    follows it without a gap."""
    if not session.held:
        return []
    wait = session.reorder_seconds
    over = [n for n, (when, _) in session.held.items() if when + wait <= now]
    if not over:
        return []
    return _up_to(session, max(over, key=lambda n: (n - session.expected) & 0xFFFF))


def _late(session: Session, number: int, frame: bytes) -> list[bytes] | str:
    follows = session.late_run and number == (session.late + 1) & 0xFFFF
    session.late = number
    session.late_run = session.late_run + 1 if follows else 1
    if session.late_run < LATE_RUN:
        return LATE
    session.late_run = 0
    released = _up_to(session, None) if session.held else []
    session.expected = (number + 1) & 0xFFFF
    return [*released, frame]


def _up_to(session: Session, last: int | None) -> list[bytes]:
    """Release what is held up to `last` (None: all), in order, and the run behind it."""
    held = session.held
    assert held
    expected = session.expected
    bound = 0xFFFF if last is None else (last - expected) & 0xFFFF
    released = []
    for number in sorted(held, key=lambda n: (n - expected) & 0xFFFF):
        if (number - expected) & 0xFFFF > bound:
            break
        released.append(held.pop(number)[1])
        session.expected = (number + 1) & 0xFFFF
    return released + _run(session)


def _run(session: Session) -> list[bytes]:
    """Release what is held from the expected number on, without a gap."""
    released: list[bytes] = []
    held = session.held
    while held and session.expected in held:
        released.append(held.pop(session.expected)[1])
        session.expected = (session.expected + 1) & 0xFFFF
    if not held:
        session.held = None
    return released
