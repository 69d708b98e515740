"""The option negotiation automaton of RFC 1661 section 4, shared by LCP and every NCP.

The table below is the one of section 4.1, cell by cell. A transition takes the new state first and
then runs its actions in the order written. An automaton never calls its owner: what its This-Layer
actions say is left in `signal`, and no transition has more than one of them.

Two footnotes of the table are options that we do not take: "r" (an Open in Opened restarts the
negotiation) and "p" (wait passively after a time-out). "x" marks crossed connections: an Ack or Nak
that answers nothing outstanding is discarded before it becomes an event, so those cells are there
to be complete.
"""

from abc import ABC, abstractmethod
from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """RFC 1661 4.2."""

    INITIAL = 0
    STARTING = 1
    CLOSED = 2
    STOPPED = 3
    CLOSING = 4
    STOPPING = 5
    REQ_SENT = 6
    ACK_RCVD = 7
    ACK_SENT = 8
    OPENED = 9

    def __str__(self) -> str:
        return self.name.replace("_", "-").title()


class Event(IntEnum):
    """RFC 1661 4.3, in the order of the table's rows."""

    UP = 0
    DOWN = 1
    OPEN = 2
    CLOSE = 3
    TO_PLUS = 4
    """Timeout with counter > 0."""
    TO_MINUS = 5
    """Timeout with counter expired."""
    RCR_PLUS = 6
    """Receive-Configure-Request (good)."""
    RCR_MINUS = 7
    """Receive-Configure-Request (bad)."""
    RCA = 8
    """Receive-Configure-Ack."""
    RCN = 9
    """Receive-Configure-Nak/Rej."""
    RTR = 10
    """Receive-Terminate-Request."""
    RTA = 11
    """Receive-Terminate-Ack."""
    RUC = 12
    """Receive-Unknown-Code."""
    RXJ_PLUS = 13
    """Receive-Code-Reject (permitted) or Receive-Protocol-Reject."""
    RXJ_MINUS = 14
    """Receive-Code-Reject (catastrophic) or Receive-Protocol-Reject."""
    RXR = 15
    """Receive-Echo-Request, -Echo-Reply or -Discard-Request."""

    def __str__(self) -> str:
        return self.name.replace("_PLUS", "+").replace("_MINUS", "-")


_TABLE_0_TO_5 = """
Events|    0         1         2         3         4         5
 Up   |    2     irc,scr/6     -         -         -         -
 Down |    -         -         0       tls/1       0         1
 Open |  tls/1       1     irc,scr/6     3r        5r        5r
 Close|    0       tlf/0       2         2         4         4
  TO+ |    -         -         -         -       str/4     str/5
  TO- |    -         -         -         -       tlf/2     tlf/3
 RCR+ |    -         -       sta/2 irc,scr,sca/8   4         5
 RCR- |    -         -       sta/2 irc,scr,scn/6   4         5
 RCA  |    -         -       sta/2     sta/3       4         5
 RCN  |    -         -       sta/2     sta/3       4         5
 RTR  |    -         -       sta/2     sta/3     sta/4     sta/5
 RTA  |    -         -         2         3       tlf/2     tlf/3
 RUC  |    -         -       scj/2     scj/3     scj/4     scj/5
 RXJ+ |    -         -         2         3         4         5
 RXJ- |    -         -       tlf/2     tlf/3     tlf/2     tlf/3
 RXR  |    -         -         2         3         4         5
"""

_TABLE_6_TO_9 = """
Events|    6         7         8           9
 Up   |    -         -         -           -
 Down |    1         1         1         tld/1
 Open |    6         7         8           9r
 Close|irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4
  TO+ |  scr/6     scr/6     scr/8         -
  TO- |  tlf/3p    tlf/3p    tlf/3p        -
 RCR+ |  sca/8   sca,tlu/9   sca/8   tld,scr,sca/8
 RCR- |  scn/6     scn/7     scn/6   tld,scr,scn/6
 RCA  |  irc/7     scr/6x  irc,tlu/9   tld,scr/6x
 RCN  |irc,scr/6   scr/6x  irc,scr/8   tld,scr/6x
 RTR  |  sta/6     sta/6     sta/6   tld,zrc,sta/5
 RTA  |    6         6         8       tld,scr/6
 RUC  |  scj/6     scj/7     scj/8       scj/9
 RXJ+ |    6         6         8           9
 RXJ- |  tlf/3     tlf/3     tlf/3   tld,irc,str/5
 RXR  |    6         7         8         ser/9
"""


class Transition(NamedTuple):
    """One cell of the table."""

    actions: tuple[str, ...]
    """Three letters each: "tlu", "scr"."""
    state: State
    footnote: str
    """"r", "p", "x" or empty."""


def _cell(text: str) -> Transition | None:
    if text == "-":
        return None
    actions, _, state = text.rpartition("/")
    return Transition(tuple(filter(None, actions.split(","))), State(int(state[0])), state[1:])


def _rows(table: str) -> list[list[Transition | None]]:
    lines = table.strip().splitlines()[1:]
    return [[_cell(text) for text in line.partition("|")[2].split()] for line in lines]


TRANSITIONS: tuple[tuple[Transition | None, ...], ...] = tuple(
    (*left, *right) for left, right in zip(_rows(_TABLE_0_TO_5), _rows(_TABLE_6_TO_9), strict=True)
)
"""By event, then by state. None: an event that cannot occur in that state."""

TIMED = tuple(cell is not None for cell in TRANSITIONS[Event.TO_PLUS])
"""By state: whether the Restart timer runs. "Identifiable by the presence of TO events"."""


class Signal(IntEnum):
    """What an automaton has to say to the layers above and below; 0 when nothing."""

    NONE = 0
    UP = 1
    """This-Layer-Up."""
    DOWN = 2
    """This-Layer-Down."""
    STARTED = 3
    """This-Layer-Started."""
    FINISHED = 4
    """This-Layer-Finished."""
    FAILED = 5
    """Not of the RFC: the protocol cannot be agreed on, and its owner should close it."""


class Automaton(ABC):
    """State, Restart timer, Restart counter. What is sent, and what it means, is the subclass's."""

    __slots__ = ("_left", "deadline", "signal", "state")

    def __init__(self) -> None:
        self.state = State.INITIAL
        self.deadline: float | None = None
        """When the Restart timer expires."""
        self.signal = Signal.NONE
        """What the last event signalled; the owner sets it back."""
        self._left = 0

    def happen(self, event: Event, now: float, packet: bytes = b"", answer: bytes = b"") -> bool:
        """Make the transition for `event`; False, with nothing done, when it cannot occur here.

        `packet` is the packet that caused it, `answer` the reply that sca, scn and ser send.
        """
        cell = TRANSITIONS[event][self.state]
        if cell is None:
            return False
        self.state = cell.state
        if not TIMED[self.state]:
            self.deadline = None
        for action in cell.actions:
            self._act(action, now, packet, answer)
        return True

    def handle_timeout(self, now: float) -> None:
        """Act when the Restart timer has expired."""
        if self.deadline is not None and self.deadline <= now:
            self.happen(Event.TO_PLUS if self._left > 0 else Event.TO_MINUS, now)

    # What the subclass says and does.

    @abstractmethod
    def restart_seconds(self) -> float:
        """The Restart timer."""

    @abstractmethod
    def pause_seconds(self) -> float:
        """How long the peer has to settle after it terminated (Zero-Restart-Count)."""

    @abstractmethod
    def max_configure(self) -> int:
        """Configure-Requests before the peer is taken for dead."""

    @abstractmethod
    def max_terminate(self) -> int:
        """Terminate-Requests before the peer is taken for dead."""

    @abstractmethod
    def send_configure_request(self) -> None:
        """Send-Configure-Request: the same again, unless it was answered."""

    @abstractmethod
    def send_terminate_request(self) -> None:
        """Send-Terminate-Request."""

    @abstractmethod
    def send_terminate_ack(self, packet: bytes) -> None:
        """Send-Terminate-Ack, with the identifier of `packet`."""

    @abstractmethod
    def send_code_reject(self, packet: bytes) -> None:
        """Send-Code-Reject."""

    @abstractmethod
    def send(self, packet: bytes) -> None:
        """Send a packet that is ready."""

    @abstractmethod
    def acknowledged_peer(self, packet: bytes) -> None:
        """The Configure-Request `packet` has been acknowledged."""

    @abstractmethod
    def opened(self, now: float) -> None:
        """Opened is entered."""

    @abstractmethod
    def left_opened(self, now: float) -> None:
        """Opened is left."""

    def _act(self, action: str, now: float, packet: bytes, answer: bytes) -> None:
        """RFC 1661 4.4."""
        match action:
            case "scr":
                self._left -= 1
                self.deadline = now + self.restart_seconds()
                self.send_configure_request()
            case "sca":
                self.acknowledged_peer(packet)
                self.send(answer)
            case "scn":
                self.send(answer)
            case "irc":
                terminating = self.state in (State.CLOSING, State.STOPPING)
                self._left = self.max_terminate() if terminating else self.max_configure()
            case "tlu":
                self.signal = Signal.UP
                self.opened(now)
            case "tld":
                self.signal = Signal.DOWN
                self.left_opened(now)
            case "tls":
                self.signal = Signal.STARTED
            case "tlf":
                self.signal = Signal.FINISHED
            case "sta":
                self.send_terminate_ack(packet)
            case "str":
                self._left -= 1
                self.deadline = now + self.restart_seconds()
                self.send_terminate_request()
            case "zrc":
                self._left = 0
                self.deadline = now + self.pause_seconds()
            case "scj":
                self.send_code_reject(packet)
            case "ser" if answer:
                # The event also stands for Echo-Reply and Discard-Request, which have no answer.
                self.send(answer)
