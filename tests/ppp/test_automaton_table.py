"""The automaton's table against RFC 1661 4.1, written down a second time: state by state."""

import pytest

from talpa.ppp.automaton import TIMED, TRANSITIONS, Event, State

# What each state does with each event, read column by column out of the RFC's two tables.
# Events that are not listed cannot occur.
COLUMNS: dict[State, str] = {
    State.INITIAL: "Up:2 Open:tls/1 Close:0",
    State.STARTING: "Up:irc,scr/6 Open:1 Close:tlf/0",
    State.CLOSED: """Down:0 Open:irc,scr/6 Close:2
        RCR+:sta/2 RCR-:sta/2 RCA:sta/2 RCN:sta/2 RTR:sta/2 RTA:2
        RUC:scj/2 RXJ+:2 RXJ-:tlf/2 RXR:2""",
    State.STOPPED: """Down:tls/1 Open:3r Close:2
        RCR+:irc,scr,sca/8 RCR-:irc,scr,scn/6 RCA:sta/3 RCN:sta/3 RTR:sta/3 RTA:3
        RUC:scj/3 RXJ+:3 RXJ-:tlf/3 RXR:3""",
    State.CLOSING: """Down:0 Open:5r Close:4 TO+:str/4 TO-:tlf/2
        RCR+:4 RCR-:4 RCA:4 RCN:4 RTR:sta/4 RTA:tlf/2
        RUC:scj/4 RXJ+:4 RXJ-:tlf/2 RXR:4""",
    State.STOPPING: """Down:1 Open:5r Close:4 TO+:str/5 TO-:tlf/3
        RCR+:5 RCR-:5 RCA:5 RCN:5 RTR:sta/5 RTA:tlf/3
        RUC:scj/5 RXJ+:5 RXJ-:tlf/3 RXR:5""",
    State.REQ_SENT: """Down:1 Open:6 Close:irc,str/4 TO+:scr/6 TO-:tlf/3p
        RCR+:sca/8 RCR-:scn/6 RCA:irc/7 RCN:irc,scr/6 RTR:sta/6 RTA:6
        RUC:scj/6 RXJ+:6 RXJ-:tlf/3 RXR:6""",
    State.ACK_RCVD: """Down:1 Open:7 Close:irc,str/4 TO+:scr/6 TO-:tlf/3p
        RCR+:sca,tlu/9 RCR-:scn/7 RCA:scr/6x RCN:scr/6x RTR:sta/6 RTA:6
        RUC:scj/7 RXJ+:6 RXJ-:tlf/3 RXR:7""",
    State.ACK_SENT: """Down:1 Open:8 Close:irc,str/4 TO+:scr/8 TO-:tlf/3p
        RCR+:sca/8 RCR-:scn/6 RCA:irc,tlu/9 RCN:irc,scr/8 RTR:sta/6 RTA:8
        RUC:scj/8 RXJ+:8 RXJ-:tlf/3 RXR:8""",
    State.OPENED: """Down:tld/1 Open:9r Close:tld,irc,str/4
        RCR+:tld,scr,sca/8 RCR-:tld,scr,scn/6 RCA:tld,scr/6x RCN:tld,scr/6x
        RTR:tld,zrc,sta/5 RTA:tld,scr/6
        RUC:scj/9 RXJ+:9 RXJ-:tld,irc,str/5 RXR:ser/9""",
}
ROWS = "Up Down Open Close TO+ TO- RCR+ RCR- RCA RCN RTR RTA RUC RXJ+ RXJ- RXR"
EVENTS = dict(zip(ROWS.split(), Event, strict=True))


def printed(event: Event, state: State) -> str:
    """A cell of the table as the RFC prints it."""
    cell = TRANSITIONS[event][state]
    if cell is None:
        return "-"
    return "/".join(filter(None, (",".join(cell.actions), f"{cell.state:d}{cell.footnote}")))


@pytest.mark.parametrize("state", State)
def test_every_cell_is_the_rfcs(state: State) -> None:
    listed = dict(item.split(":") for item in COLUMNS[state].split())
    assert set(listed) <= set(EVENTS)
    assert {name: printed(event, state) for name, event in EVENTS.items()} == {
        name: listed.get(name, "-") for name in EVENTS
    }


def test_there_are_sixteen_events_and_ten_states() -> None:
    assert len(TRANSITIONS) == 16
    assert {len(row) for row in TRANSITIONS} == {10}


def test_the_restart_timer_runs_in_the_states_that_have_timeouts() -> None:
    # RFC 1661 4.1: "identifiable by the presence of TO events".
    assert [s for s in State if TIMED[s]] == [
        State.CLOSING,
        State.STOPPING,
        State.REQ_SENT,
        State.ACK_RCVD,
        State.ACK_SENT,
    ]


def test_no_transition_signals_two_things() -> None:
    layer = {"tlu", "tld", "tls", "tlf"}
    cells = [cell for row in TRANSITIONS for cell in row if cell is not None]
    assert all(len(layer.intersection(cell.actions)) <= 1 for cell in cells)


def test_states_and_events_are_named_as_in_the_rfc() -> None:
    assert [str(s) for s in (State.REQ_SENT, State.OPENED)] == ["Req-Sent", "Opened"]
    assert [str(e) for e in (Event.RCR_PLUS, Event.RXJ_MINUS)] == ["RCR+", "RXJ-"]
