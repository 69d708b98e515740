"""The tables of RFC 2661 7.2.1, 7.4 and 7.5: against the RFC's own rows, and cell by cell."""

import itertools

import pytest

from l2tp.ends import CLEARED, TO_LAC, Raw, endpoint
from talpa.l2tp.v2 import call_fsm, fsm
from talpa.l2tp.v2.call_fsm import TABLES, Role
from talpa.l2tp.v2.messages import (
    Cdn,
    Hello,
    Iccn,
    Icrp,
    Icrq,
    Message,
    Occn,
    Ocrp,
    Ocrq,
    Scccn,
    Sccrp,
    Sccrq,
    Sli,
    StopCcn,
    Wen,
    encode,
    message_types,
)
from talpa.l2tp.values import Accm, CallErrors, ResultCode

CONNECTION = """
idle            OPEN                SEND_SCCRQ              wait-ctl-reply
idle            SCCRQ               SEND_SCCRP              wait-ctl-conn
idle            SCCRQ_UNACCEPTABLE  SEND_STOPCCN CLEAN_UP   idle
idle            SCCRP               SEND_STOPCCN CLEAN_UP   idle
idle            SCCCN               CLEAN_UP                idle
wait-ctl-reply  SCCRP               SEND_SCCCN TUNNEL_OPEN  established
wait-ctl-reply  SCCRP_UNACCEPTABLE  SEND_STOPCCN CLEAN_UP   idle
wait-ctl-reply  SCCRQ_TIE_LOST      CLEAN_UP REQUEUE_SCCRQ  idle
wait-ctl-reply  SCCCN               SEND_STOPCCN CLEAN_UP   idle
wait-ctl-conn   SCCCN               TUNNEL_OPEN             established
wait-ctl-conn   SCCCN_UNACCEPTABLE  SEND_STOPCCN CLEAN_UP   idle
wait-ctl-conn   SCCRP               SEND_STOPCCN CLEAN_UP   idle
wait-ctl-conn   SCCRQ               SEND_STOPCCN CLEAN_UP   idle
established     OPEN                TUNNEL_OPEN             established
established     CLOSE               SEND_STOPCCN CLEAN_UP   idle
established     SCCRQ               SEND_STOPCCN CLEAN_UP   idle
established     SCCRP               SEND_STOPCCN CLEAN_UP   idle
established     SCCCN               SEND_STOPCCN CLEAN_UP   idle
idle            STOPCCN             CLEAN_UP                idle
wait-ctl-reply  STOPCCN             CLEAN_UP                idle
wait-ctl-conn   STOPCCN             CLEAN_UP                idle
established     STOPCCN             CLEAN_UP                idle
"""
"""RFC 2661 7.2.1, each of its rows with several states or events written out."""

CALLS = {
    Role.LAC_INCOMING: """
idle            OPEN                OPEN_TUNNEL             wait-tunnel
idle            ICCN ICRP CDN       CLEAN_UP                idle
wait-tunnel     CLOSE               CLEAN_UP                idle
wait-tunnel     TUNNEL_OPEN         SEND_ICRQ               wait-reply
wait-reply      ICRP                SEND_ICCN               established
wait-reply      ICRP_UNACCEPTABLE   SEND_CDN CLEAN_UP       idle
wait-reply      ICRQ                SEND_CDN CLEAN_UP       idle
wait-reply      CDN ICCN            CLEAN_UP                idle
wait-reply      CLOSE               SEND_CDN CLEAN_UP       idle
established     CDN                 CLEAN_UP                idle
established     ICRQ ICRP ICCN      SEND_CDN CLEAN_UP       idle
established     CLOSE               SEND_CDN CLEAN_UP       idle
""",
    Role.LNS_INCOMING: """
idle            ICRQ                SEND_ICRP               wait-connect
idle            ICRQ_UNACCEPTABLE   SEND_CDN CLEAN_UP       idle
idle            ICRP                SEND_CDN CLEAN_UP       idle
idle            ICCN                CLEAN_UP                idle
wait-connect    ICCN                PREPARE_FOR_DATA        established
wait-connect    ICCN_UNACCEPTABLE   SEND_CDN CLEAN_UP       idle
wait-connect    ICRQ ICRP           SEND_CDN CLEAN_UP       idle
idle            CDN                 CLEAN_UP                idle
wait-connect    CDN                 CLEAN_UP                idle
established     CDN                 CLEAN_UP                idle
wait-connect    CLOSE               SEND_CDN CLEAN_UP       idle
established     CLOSE               SEND_CDN CLEAN_UP       idle
established     ICRQ ICRP ICCN      SEND_CDN CLEAN_UP       idle
""",
    Role.LAC_OUTGOING: """
idle            OCRQ                SEND_OCRP               wait-cs-answer
idle            OCRQ_UNACCEPTABLE   SEND_CDN CLEAN_UP       idle
idle            OCRP                SEND_CDN CLEAN_UP       idle
idle            OCCN CDN            CLEAN_UP                idle
wait-cs-answer  BEARER_ANSWER       SEND_OCCN               established
wait-cs-answer  BEARER_FAILURE      SEND_CDN CLEAN_UP       idle
wait-cs-answer  OCRQ OCRP OCCN      SEND_CDN CLEAN_UP       idle
established     OCRQ OCRP OCCN      SEND_CDN CLEAN_UP       idle
wait-cs-answer  CDN                 CLEAN_UP                idle
established     CDN                 CLEAN_UP                idle
established     CLOSE               SEND_CDN CLEAN_UP       idle
""",
    Role.LNS_OUTGOING: """
idle            OPEN                OPEN_TUNNEL             wait-tunnel
idle            OCCN OCRP CDN       CLEAN_UP                idle
wait-tunnel     TUNNEL_OPEN         SEND_OCRQ               wait-reply
wait-reply      OCRP                -                       wait-connect
wait-reply      OCRP_UNACCEPTABLE   SEND_CDN CLEAN_UP       idle
wait-reply      OCCN OCRQ           SEND_CDN CLEAN_UP       idle
wait-connect    OCCN                -                       established
wait-connect    OCRQ OCRP           SEND_CDN CLEAN_UP       idle
idle            CDN                 CLEAN_UP                idle
wait-reply      CDN                 CLEAN_UP                idle
wait-connect    CDN                 CLEAN_UP                idle
established     CDN                 CLEAN_UP                idle
established     OCRQ OCRP OCCN      SEND_CDN CLEAN_UP       idle
wait-reply      CLOSE               SEND_CDN CLEAN_UP       idle
wait-connect    CLOSE               SEND_CDN CLEAN_UP       idle
established     CLOSE               SEND_CDN CLEAN_UP       idle
wait-tunnel     CLOSE               CLEAN_UP                idle
""",
}
"""RFC 2661 7.4.1, 7.4.2, 7.5.1, 7.5.2. Where the RFC says "Send CDN" alone it means to clean up
too: the call is idle after it."""


def rows(text: str) -> list[tuple[str, list[str], list[str], str]]:
    found = []
    for line in text.strip().splitlines():
        state, events, actions, new = (
            line[:16].strip(),
            line[16:36].split(),
            line[36:60].split(),
            line[60:].strip(),
        )
        found.append((state, events, [a for a in actions if a != "-"], new))
    return found


def test_the_connection_follows_the_rows_of_the_rfc() -> None:
    for state, (event,), actions, new in rows(CONNECTION):
        made, to = fsm.step(fsm.State[state.upper().replace("-", "_")], fsm.Event[event])
        assert ([a.name for a in made], str(to)) == (actions, new), (state, event)


@pytest.mark.parametrize("role", Role)
def test_calls_follow_the_rows_of_the_rfc(role: Role) -> None:
    for state, events, actions, new in rows(CALLS[role]):
        for event in events:
            made, to = call_fsm.step(
                role, call_fsm.State[state.upper().replace("-", "_")], call_fsm.Event[event]
            )
            # The RFC prepares for data at one end in words; we tell every owner.
            told = [a.name for a in made if a is not call_fsm.Action.PREPARE_FOR_DATA]
            expected = [a for a in actions if a != "PREPARE_FOR_DATA"]
            assert (told, str(to)) == (expected, new), (state, event)
            ready = call_fsm.Action.PREPARE_FOR_DATA in made
            assert ready == (new == "established")


def test_every_cell_of_the_connection_leads_to_a_declared_state() -> None:
    for state, event in itertools.product(fsm.State, fsm.Event):
        actions, to = fsm.step(state, event)
        assert to in fsm.State
        assert all(a in fsm.Action for a in actions)
        if to is fsm.State.IDLE and state is not fsm.State.IDLE:
            assert fsm.Action.CLEAN_UP in actions
        if (state, event) not in fsm.TABLE:
            assert actions in ((), (fsm.Action.SEND_STOPCCN, fsm.Action.CLEAN_UP))


@pytest.mark.parametrize("role", Role)
def test_every_cell_of_a_call_leads_to_a_declared_state(role: Role) -> None:
    for state, event in itertools.product(call_fsm.State, call_fsm.Event):
        actions, to = call_fsm.step(role, state, event)
        assert to in call_fsm.State
        if to is call_fsm.State.IDLE and state is not call_fsm.State.IDLE:
            assert actions[-1] is call_fsm.Action.CLEAN_UP
        if (state, event) not in TABLES[role]:
            assert actions in ((), (call_fsm.Action.SEND_CDN, call_fsm.Action.CLEAN_UP))


def test_the_four_roles() -> None:
    assert [(r.incoming, r.we_are_lac) for r in Role] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]


# --- the same in the flesh: every message in every state of an endpoint ---------------------------

MESSAGES: list[Message] = [
    Sccrq(framing_capabilities=3, host_name="x", assigned_tunnel_id=77),
    Sccrp(framing_capabilities=3, host_name="x", assigned_tunnel_id=77),
    Scccn(),
    StopCcn(assigned_tunnel_id=77, result_code=ResultCode(1)),
    Hello(),
    Ocrq(
        assigned_session_id=5,
        call_serial_number=1,
        minimum_bps=1,
        maximum_bps=2,
        bearer_type=1,
        framing_type=1,
        called_number="1",
    ),
    Ocrp(assigned_session_id=5),
    Occn(tx_connect_speed=1, framing_type=1),
    Icrq(assigned_session_id=5, call_serial_number=1),
    Icrp(assigned_session_id=5),
    Iccn(tx_connect_speed=1, framing_type=1),
    Cdn(result_code=ResultCode(3), assigned_session_id=5),
    Wen(call_errors=CallErrors(1, 2, 3, 4, 5, 6)),
    Sli(accm=Accm(1, 2)),
]


def _bare(cls: type[Message]) -> bytes:
    """A message with nothing but its type: whatever it must have is missing."""
    return cls.LAYOUT.first


INPUTS: list[bytes] = [encode(m) for m in MESSAGES] + [_bare(cls) for cls in message_types()]


def stranger() -> tuple[Raw, int]:
    raw = Raw(endpoint())
    raw.send(raw.sccrq())
    return raw, 0


def calling() -> tuple[Raw, int]:
    raw = Raw(endpoint())
    raw.their_tunnel_id = raw.endpoint.open(TO_LAC, raw.now)
    session_id = raw.endpoint.place_call(raw.their_tunnel_id, raw.now)
    raw.read()
    raw.nr = 1
    return raw, session_id


def established() -> tuple[Raw, int]:
    return Raw(endpoint()).up(), 0


def resting() -> tuple[Raw, int]:
    raw = Raw(endpoint()).up()
    raw.endpoint.close(raw.their_tunnel_id, CLEARED, raw.now)
    return raw, 0


def offered() -> tuple[Raw, int]:
    raw = Raw(endpoint()).up()
    raw.send(MESSAGES[8])
    return raw, next(iter(raw.endpoint._calls._sessions)) & 0xFFFF


def requested() -> tuple[Raw, int]:
    raw = Raw(endpoint()).up()
    raw.send(MESSAGES[5])
    return raw, next(iter(raw.endpoint._calls._sessions)) & 0xFFFF


def accepted_offer() -> tuple[Raw, int]:
    raw, session_id = offered()
    raw.endpoint.accept_call(raw.their_tunnel_id, session_id, raw.now)
    raw.read()
    return raw, session_id


def accepted_request() -> tuple[Raw, int]:
    raw, session_id = requested()
    raw.endpoint.accept_call(raw.their_tunnel_id, session_id, raw.now)
    raw.read()
    return raw, session_id


def placed() -> tuple[Raw, int]:
    raw = Raw(endpoint()).up()
    session_id = raw.endpoint.place_call(raw.their_tunnel_id, raw.now)
    raw.read()
    return raw, session_id


def asked() -> tuple[Raw, int]:
    raw = Raw(endpoint()).up()
    session_id = raw.endpoint.request_call(raw.their_tunnel_id, raw.now)
    raw.read()
    return raw, session_id


def asked_and_replied() -> tuple[Raw, int]:
    raw, session_id = asked()
    raw.send(MESSAGES[6], session_id)
    return raw, session_id


def talking() -> tuple[Raw, int]:
    raw, session_id = accepted_offer()
    raw.send(MESSAGES[10], session_id)
    return raw, session_id


def talking_as_lac() -> tuple[Raw, int]:
    raw, session_id = placed()
    raw.send(MESSAGES[9], session_id)
    return raw, session_id


SITUATIONS = [
    stranger,
    calling,
    established,
    resting,
    offered,
    requested,
    accepted_offer,
    accepted_request,
    placed,
    asked,
    asked_and_replied,
    talking,
    talking_as_lac,
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: s.__name__)
def test_every_message_in_every_situation(situation: object) -> None:
    assert callable(situation)
    for body, in_session in itertools.product(INPUTS, (True, False)):
        raw, session_id = situation()
        core = raw.endpoint
        raw.send(body, session_id if in_session else 0)
        # Whatever it was, what is left is whole: it times out, or closes, and leaves nothing.
        for tunnel in core._shared.connections.values():
            assert tunnel.state in fsm.State
        for session in core._calls._sessions.values():
            assert session.state in call_fsm.State
            assert session.connection.state is not fsm.State.IDLE
        core.close_all(CLEARED, raw.now)
        raw.wait(100)
        assert len(core._calls) == len(core._shared.connections) == len(core._reception) == 0
        downs = [e for e in core.events() if type(e).__name__ == "ControlConnectionDown"]
        assert len(downs) == 1 or (situation is stranger and not downs)
