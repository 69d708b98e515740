"""The state machines of calls: the four tables of RFC 2661 7.4 and 7.5, row by row.

Each table stands in the order of the RFC, so that the two can be laid side by side. Where the RFC
names several states or events in one row, there is a row for each. Rows marked "ours" are not in
the RFC.

What is in no row follows one rule (`step`): in idle nothing happens; a message out of sequence, or
one that is not acceptable, ends the call with CDN (7.1); a local request that makes no sense is
passed over. WEN and SLI are no events of these machines.
"""

from enum import IntEnum
from typing import Final


class State(IntEnum):
    """7.4 and 7.5. In idle a call of the peer waits for our owner's decision."""

    IDLE = 0
    WAIT_TUNNEL = 1
    WAIT_REPLY = 2
    WAIT_CONNECT = 3
    WAIT_CS_ANSWER = 4
    ESTABLISHED = 5

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")


class Event(IntEnum):
    """What happens to a call."""

    OPEN = 0
    """Bearer ring or ready to indicate incoming connection; at the LNS, local open request."""
    CLOSE = 1
    """Local close request, or bearer line drop."""
    TUNNEL_OPEN = 2
    BEARER_ANSWER = 3
    """Bearer answer, framing detected."""
    BEARER_FAILURE = 4
    CDN = 5
    ICRQ = 6
    """Acceptable, where that matters."""
    ICRQ_UNACCEPTABLE = 7
    ICRP = 8
    ICRP_UNACCEPTABLE = 9
    ICCN = 10
    ICCN_UNACCEPTABLE = 11
    OCRQ = 12
    OCRQ_UNACCEPTABLE = 13
    OCRP = 14
    OCRP_UNACCEPTABLE = 15
    OCCN = 16
    OCCN_UNACCEPTABLE = 17


class Action(IntEnum):
    """What is to be done, in the order given."""

    OPEN_TUNNEL = 0
    """Initiate local tunnel open: with us, wait for the tunnel that the call was placed in."""
    SEND_ICRQ = 1
    SEND_ICRP = 2
    SEND_ICCN = 3
    SEND_OCRQ = 4
    SEND_OCRP = 5
    """And open the bearer: the owner does, it accepted the call."""
    SEND_OCCN = 6
    SEND_CDN = 7
    CLEAN_UP = 8
    PREPARE_FOR_DATA = 9
    """Tell the owner that the session is up. The RFC says so at the LNS only; every way into
    established needs it."""


Transition = tuple[tuple[Action, ...], State]
Table = dict[tuple[State, Event], Transition]

_IDLE, _TUNNEL, _REPLY, _CONNECT, _ANSWER, _UP = State
_A = Action
_E = Event
_REFUSE: Final = ((_A.SEND_CDN, _A.CLEAN_UP), _IDLE)
_CLEAN: Final = ((_A.CLEAN_UP,), _IDLE)

LAC_INCOMING: Final[Table] = {
    # 7.4.1
    (_IDLE, _E.OPEN): ((_A.OPEN_TUNNEL,), _TUNNEL),
    (_IDLE, _E.ICCN): _CLEAN,
    (_IDLE, _E.ICRP): _CLEAN,
    (_IDLE, _E.CDN): _CLEAN,
    (_TUNNEL, _E.CLOSE): _CLEAN,
    (_TUNNEL, _E.TUNNEL_OPEN): ((_A.SEND_ICRQ,), _REPLY),
    (_REPLY, _E.ICRP): ((_A.SEND_ICCN, _A.PREPARE_FOR_DATA), _UP),
    (_REPLY, _E.ICRP_UNACCEPTABLE): _REFUSE,
    (_REPLY, _E.ICRQ): _REFUSE,
    (_REPLY, _E.CDN): _CLEAN,
    (_REPLY, _E.ICCN): _CLEAN,
    (_REPLY, _E.CLOSE): _REFUSE,
    (_UP, _E.CDN): _CLEAN,
    (_UP, _E.ICRQ): _REFUSE,
    (_UP, _E.ICRP): _REFUSE,
    (_UP, _E.ICCN): _REFUSE,
    (_UP, _E.CLOSE): _REFUSE,
}

LNS_INCOMING: Final[Table] = {
    # 7.4.2
    (_IDLE, _E.ICRQ): ((_A.SEND_ICRP,), _CONNECT),
    (_IDLE, _E.ICRQ_UNACCEPTABLE): _REFUSE,
    (_IDLE, _E.ICRP): _REFUSE,
    (_IDLE, _E.ICCN): _CLEAN,
    (_CONNECT, _E.ICCN): ((_A.PREPARE_FOR_DATA,), _UP),
    (_CONNECT, _E.ICCN_UNACCEPTABLE): _REFUSE,
    (_CONNECT, _E.ICRQ): _REFUSE,
    (_CONNECT, _E.ICRP): _REFUSE,
    (_IDLE, _E.CDN): _CLEAN,
    (_CONNECT, _E.CDN): _CLEAN,
    (_UP, _E.CDN): _CLEAN,
    (_CONNECT, _E.CLOSE): _REFUSE,
    (_UP, _E.CLOSE): _REFUSE,
    (_UP, _E.ICRQ): _REFUSE,
    (_UP, _E.ICRP): _REFUSE,
    (_UP, _E.ICCN): _REFUSE,
}

LAC_OUTGOING: Final[Table] = {
    # 7.5.1
    (_IDLE, _E.OCRQ): ((_A.SEND_OCRP,), _ANSWER),
    (_IDLE, _E.OCRQ_UNACCEPTABLE): _REFUSE,
    (_IDLE, _E.OCRP): _REFUSE,
    (_IDLE, _E.OCCN): _CLEAN,
    (_IDLE, _E.CDN): _CLEAN,
    (_ANSWER, _E.BEARER_ANSWER): ((_A.SEND_OCCN, _A.PREPARE_FOR_DATA), _UP),
    (_ANSWER, _E.BEARER_FAILURE): _REFUSE,
    (_ANSWER, _E.CLOSE): _REFUSE,  # ours: like a failure of the bearer
    (_ANSWER, _E.OCRQ): _REFUSE,
    (_ANSWER, _E.OCRP): _REFUSE,
    (_ANSWER, _E.OCCN): _REFUSE,
    (_UP, _E.OCRQ): _REFUSE,
    (_UP, _E.OCRP): _REFUSE,
    (_UP, _E.OCCN): _REFUSE,
    (_ANSWER, _E.CDN): _CLEAN,
    (_UP, _E.CDN): _CLEAN,
    (_UP, _E.CLOSE): _REFUSE,
}

LNS_OUTGOING: Final[Table] = {
    # 7.5.2
    (_IDLE, _E.OPEN): ((_A.OPEN_TUNNEL,), _TUNNEL),
    (_IDLE, _E.OCCN): _CLEAN,
    (_IDLE, _E.OCRP): _CLEAN,
    (_TUNNEL, _E.TUNNEL_OPEN): ((_A.SEND_OCRQ,), _REPLY),
    (_REPLY, _E.OCRP): ((), _CONNECT),
    (_REPLY, _E.OCRP_UNACCEPTABLE): _REFUSE,
    (_REPLY, _E.OCCN): _REFUSE,
    (_REPLY, _E.OCRQ): _REFUSE,
    (_CONNECT, _E.OCCN): ((_A.PREPARE_FOR_DATA,), _UP),
    (_CONNECT, _E.OCRQ): _REFUSE,
    (_CONNECT, _E.OCRP): _REFUSE,
    (_IDLE, _E.CDN): _CLEAN,
    (_REPLY, _E.CDN): _CLEAN,
    (_CONNECT, _E.CDN): _CLEAN,
    (_UP, _E.CDN): _CLEAN,
    (_UP, _E.OCRQ): _REFUSE,
    (_UP, _E.OCRP): _REFUSE,
    (_UP, _E.OCCN): _REFUSE,
    (_REPLY, _E.CLOSE): _REFUSE,
    (_CONNECT, _E.CLOSE): _REFUSE,
    (_UP, _E.CLOSE): _REFUSE,
    (_TUNNEL, _E.CLOSE): _CLEAN,
}

_LOCAL: Final = frozenset(
    (Event.OPEN, Event.CLOSE, Event.TUNNEL_OPEN, Event.BEARER_ANSWER, Event.BEARER_FAILURE)
)


class Role(IntEnum):
    """Which of the four tables a call follows."""

    LAC_INCOMING = 0
    LNS_INCOMING = 1
    LAC_OUTGOING = 2
    LNS_OUTGOING = 3

    @property
    def incoming(self) -> bool:
        """An incoming call (ICRQ) rather than an outgoing one (OCRQ)."""
        return self < 2

    @property
    def we_are_lac(self) -> bool:
        """We are the LAC of the call."""
        return not self & 1


TABLES: Final[tuple[Table, ...]] = (LAC_INCOMING, LNS_INCOMING, LAC_OUTGOING, LNS_OUTGOING)
"""By `Role`."""


def step(role: Role, state: State, event: Event) -> Transition:
    """What to do, and the next state. Total: see the rule in the module's docstring."""
    transition = TABLES[role].get((state, event))
    if transition is not None:
        return transition
    if state is State.IDLE or event in _LOCAL:
        return (), state
    return _REFUSE
