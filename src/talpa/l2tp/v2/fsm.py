"""The state machine of a control connection: RFC 2661 7.2.1, row by row.

`TABLE` stands in the order of the RFC, so that the two can be laid side by side. What the RFC calls
"Receive SCCRQ" without a word on whether it is acceptable is written out for both cases. The rows
marked "ours" are not in the RFC.

What is in no row follows one rule (`step`): in idle nothing happens; a message out of sequence ends
the connection with StopCCN (7.1); a local request that makes no sense is passed over. HELLO, calls'
messages and acknowledgements are no events of this machine.
"""

from enum import IntEnum
from typing import Final


class State(IntEnum):
    """7.2.1. An established connection that ends goes back to idle, where it still acknowledges
    what the peer repeats (5.7)."""

    IDLE = 0
    WAIT_CTL_REPLY = 1
    WAIT_CTL_CONN = 2
    ESTABLISHED = 3

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")


class Event(IntEnum):
    """What happens to a control connection."""

    OPEN = 0
    """Local open request, of a tunnel or of a call in it."""
    CLOSE = 1
    """Admin tunnel close: by the owner, by a time-out, for a fault of the peer."""
    SCCRQ = 2
    """Acceptable."""
    SCCRQ_UNACCEPTABLE = 3
    SCCRQ_TIE_LOST = 4
    """Receive SCCRQ while ours is under way, and the tie breaker is against us (4.4.3)."""
    SCCRP = 5
    SCCRP_UNACCEPTABLE = 6
    SCCCN = 7
    SCCCN_UNACCEPTABLE = 8
    STOPCCN = 9


class Action(IntEnum):
    """What is to be done, in the order given."""

    SEND_SCCRQ = 0
    SEND_SCCRP = 1
    SEND_SCCCN = 2
    SEND_STOPCCN = 3
    TUNNEL_OPEN = 4
    """Send tunnel-open event to waiting sessions."""
    CLEAN_UP = 5
    REQUEUE_SCCRQ = 6
    """Handle the peer's SCCRQ as one for a connection in idle state."""


Transition = tuple[tuple[Action, ...], State]

_IDLE, _REPLY, _CONN, _UP = State
_SEND_SCCRQ = Action.SEND_SCCRQ
_SEND_SCCRP = Action.SEND_SCCRP
_SEND_SCCCN = Action.SEND_SCCCN
_SEND_STOPCCN = Action.SEND_STOPCCN
_TUNNEL_OPEN = Action.TUNNEL_OPEN
_CLEAN_UP = Action.CLEAN_UP
_REQUEUE = Action.REQUEUE_SCCRQ
_E = Event

TABLE: Final[dict[tuple[State, Event], Transition]] = {
    (_IDLE, _E.OPEN): ((_SEND_SCCRQ,), _REPLY),
    (_IDLE, _E.SCCRQ): ((_SEND_SCCRP,), _CONN),
    (_IDLE, _E.SCCRQ_UNACCEPTABLE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_IDLE, _E.SCCRP): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_IDLE, _E.SCCRP_UNACCEPTABLE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_IDLE, _E.SCCCN): ((_CLEAN_UP,), _IDLE),
    (_IDLE, _E.SCCCN_UNACCEPTABLE): ((_CLEAN_UP,), _IDLE),
    #
    (_REPLY, _E.SCCRP): ((_SEND_SCCCN, _TUNNEL_OPEN), _UP),
    (_REPLY, _E.SCCRP_UNACCEPTABLE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_REPLY, _E.SCCRQ_TIE_LOST): ((_CLEAN_UP, _REQUEUE), _IDLE),
    (_REPLY, _E.SCCCN): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_REPLY, _E.SCCCN_UNACCEPTABLE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_REPLY, _E.OPEN): ((), _REPLY),  # ours: a new call waits with the others
    (_REPLY, _E.CLOSE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),  # ours
    #
    (_CONN, _E.SCCCN): ((_TUNNEL_OPEN,), _UP),
    (_CONN, _E.SCCCN_UNACCEPTABLE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_CONN, _E.SCCRP): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_CONN, _E.SCCRP_UNACCEPTABLE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_CONN, _E.SCCRQ): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_CONN, _E.SCCRQ_UNACCEPTABLE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_CONN, _E.CLOSE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),  # ours
    #
    (_UP, _E.OPEN): ((_TUNNEL_OPEN,), _UP),
    (_UP, _E.CLOSE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_UP, _E.SCCRQ): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_UP, _E.SCCRQ_UNACCEPTABLE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_UP, _E.SCCRP): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_UP, _E.SCCRP_UNACCEPTABLE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_UP, _E.SCCCN): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    (_UP, _E.SCCCN_UNACCEPTABLE): ((_SEND_STOPCCN, _CLEAN_UP), _IDLE),
    #
    (_IDLE, _E.STOPCCN): ((_CLEAN_UP,), _IDLE),
    (_REPLY, _E.STOPCCN): ((_CLEAN_UP,), _IDLE),
    (_CONN, _E.STOPCCN): ((_CLEAN_UP,), _IDLE),
    (_UP, _E.STOPCCN): ((_CLEAN_UP,), _IDLE),
}

_OUT_OF_SEQUENCE: Final[Transition] = ((_SEND_STOPCCN, _CLEAN_UP), _IDLE)
_LOCAL: Final = frozenset((Event.OPEN, Event.CLOSE, Event.SCCRQ_TIE_LOST))


def step(state: State, event: Event) -> Transition:
    """What to do, and the next state. Total: see the rule in the module's docstring."""
    transition = TABLE.get((state, event))
    if transition is not None:
        return transition
    if state is State.IDLE or event in _LOCAL:
        return (), state
    return _OUT_OF_SEQUENCE
