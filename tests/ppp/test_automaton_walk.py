"""The automaton at work: every event in every state, its timer and its counter."""

import itertools

import pytest

from talpa.ppp.automaton import TIMED, TRANSITIONS, Automaton, Event, Signal, State

NOW = 100.0


class Recorder(Automaton):
    """An automaton that notes what it is told to do."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []

    def restart_seconds(self) -> float:
        return 3.0

    def pause_seconds(self) -> float:
        return 1.0

    def max_configure(self) -> int:
        return 10

    def max_terminate(self) -> int:
        return 2

    def send_configure_request(self) -> None:
        self.done.append("scr")

    def send_terminate_request(self) -> None:
        self.done.append("str")

    def send_terminate_ack(self, packet: bytes) -> None:
        self.done.append("sta")

    def send_code_reject(self, packet: bytes) -> None:
        self.done.append("scj")

    def send(self, packet: bytes) -> None:
        self.done.append(packet.decode())

    def acknowledged_peer(self, packet: bytes) -> None:
        self.done.append("acknowledged")

    def opened(self, now: float) -> None:
        self.done.append("tlu")

    def left_opened(self, now: float) -> None:
        self.done.append("tld")


def reach(state: State) -> Recorder:
    """An automaton brought to `state` by events alone."""
    ways = {
        State.INITIAL: [],
        State.STARTING: [Event.OPEN],
        State.CLOSED: [Event.UP],
        State.REQ_SENT: [Event.OPEN, Event.UP],
        State.ACK_RCVD: [Event.OPEN, Event.UP, Event.RCA],
        State.ACK_SENT: [Event.OPEN, Event.UP, Event.RCR_PLUS],
        State.OPENED: [Event.OPEN, Event.UP, Event.RCA, Event.RCR_PLUS],
        State.CLOSING: [Event.OPEN, Event.UP, Event.CLOSE],
        State.STOPPING: [Event.OPEN, Event.UP, Event.RCA, Event.RCR_PLUS, Event.RTR],
        State.STOPPED: [Event.OPEN, Event.UP, Event.TO_MINUS],
    }
    automaton = Recorder()
    for event in ways[state]:
        assert automaton.happen(event, NOW)
    assert automaton.state is state
    automaton.done.clear()
    automaton.signal = Signal.NONE
    return automaton


@pytest.mark.parametrize(("event", "state"), list(itertools.product(Event, State)))
def test_every_event_in_every_state(event: Event, state: State) -> None:
    automaton = reach(state)
    cell = TRANSITIONS[event][state]
    before = automaton.deadline
    assert automaton.happen(event, NOW, b"packet", b"answer") is (cell is not None)
    if cell is None:
        # RFC 1661 4.4, Illegal-Event: no transition is taken.
        assert (automaton.state, automaton.deadline, automaton.done) == (state, before, [])
        return
    assert automaton.state is cell.state
    expected: list[str] = []
    for action in cell.actions:
        match action:
            case "sca":
                expected += ["acknowledged", "answer"]
            case "scn" | "ser":
                expected.append("answer")
            case "irc" | "zrc" | "tls" | "tlf":
                pass
            case _:
                expected.append(action)
    assert automaton.done == expected
    signal = {"tlu": Signal.UP, "tld": Signal.DOWN, "tls": Signal.STARTED, "tlf": Signal.FINISHED}
    assert automaton.signal is next((signal[a] for a in cell.actions if a in signal), Signal.NONE)
    # The timer runs exactly where it can expire.
    assert (automaton.deadline is not None) is TIMED[automaton.state]


def test_configure_requests_are_sent_max_configure_times() -> None:
    automaton = reach(State.STARTING)
    automaton.happen(Event.UP, NOW)
    now = NOW
    while automaton.deadline is not None:
        assert automaton.deadline == now + 3.0
        now = automaton.deadline
        automaton.handle_timeout(now)
    assert automaton.done == ["scr"] * 10
    assert (automaton.state, automaton.signal) == (State.STOPPED, Signal.FINISHED)


def test_terminate_requests_are_sent_max_terminate_times() -> None:
    automaton = reach(State.OPENED)
    automaton.happen(Event.CLOSE, NOW)
    now = NOW
    while automaton.deadline is not None:
        now = automaton.deadline
        automaton.handle_timeout(now)
    assert automaton.done == ["tld", "str", "str"]
    assert (automaton.state, automaton.signal) == (State.CLOSED, Signal.FINISHED)


def test_an_answer_gives_the_full_count_back() -> None:
    automaton = reach(State.REQ_SENT)
    for _ in range(8):
        assert automaton.deadline is not None
        automaton.handle_timeout(automaton.deadline)
    automaton.happen(Event.RCN, NOW)
    automaton.done.clear()
    while automaton.deadline is not None:
        automaton.handle_timeout(automaton.deadline)
    assert automaton.done == ["scr"] * 9


def test_a_peer_that_terminates_gets_a_pause_and_no_request() -> None:
    automaton = reach(State.OPENED)
    automaton.happen(Event.RTR, NOW)
    assert automaton.deadline == NOW + 1.0
    automaton.handle_timeout(NOW + 1.0)
    assert automaton.done == ["tld", "sta"]
    assert automaton.state is State.STOPPED


def test_a_timeout_before_its_time_does_nothing() -> None:
    automaton = reach(State.REQ_SENT)
    automaton.handle_timeout(NOW + 2.9)
    assert automaton.done == []
    reach(State.OPENED).handle_timeout(NOW + 1000)
