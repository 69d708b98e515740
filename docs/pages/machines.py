"""The state machines, drawn and as tables, from the data that the program runs on."""

from enum import IntEnum

from pages.drawing import drawing
from pages.markdown import table

from talpa.l2tp.v2 import call_fsm, fsm
from talpa.ppp import automaton

_CALLS = (
    ("7.4.1", "Incoming call, at the LAC (the client)", call_fsm.LAC_INCOMING),
    ("7.4.2", "Incoming call, at the LNS (the server)", call_fsm.LNS_INCOMING),
    ("7.5.1", "Outgoing call, at the LAC", call_fsm.LAC_OUTGOING),
    ("7.5.2", "Outgoing call, at the LNS", call_fsm.LNS_OUTGOING),
)


def state_machines() -> str:
    """Control connection, calls, PPP automaton."""
    return (
        "# State machines\n\n"
        "Made from the tables that the program runs on. The sections are those of RFC 2661 and "
        "RFC 1661, so that the two can be laid side by side. The drawings show the ways that a "
        "call takes when all goes well, and the ways out of them; the tables below them show "
        "every cell.\n\n"
        "## Control connection (RFC 2661 7.2.1)\n\n"
        "<!-- --8<-- [start:connection] -->\n\n"
        + _drawing(fsm.TABLE)
        + "<!-- --8<-- [end:connection] -->\n\n"
        + _l2tp_table(fsm.TABLE)
        + "What is in no row follows one rule: in idle nothing happens; a message out of sequence "
        "ends the connection with StopCCN; a local request that makes no sense is passed over.\n\n"
        + "".join(
            f"## {title} (RFC 2661 {section})\n\n{_drawing(rows)}{_l2tp_table(rows)}"
            for section, title, rows in _CALLS
        )
        + "What is in no row of these four follows the same rule, with CDN in place of StopCCN.\n\n"
        + _ppp()
        + "## An association of IPsec\n\n"
        "It outlives its keys, its IKE SA and its peer's address. Drawn by hand; the words are "
        "those of the log.\n\n"
        "<!-- --8<-- [start:association] -->\n\n"
        + drawing(_ASSOCIATION, _ASSOCIATION_WAYS)
        + "<!-- --8<-- [end:association] -->\n\n"
    )


_ASSOCIATION = ("nothing", "peers unproven", "IKE is up", "association is up", "new keys, old keys")
_ASSOCIATION_WAYS = (
    (0, 1, ["first message of IKE"]),
    (1, 2, ["both ends prove", "themselves: ike-up"]),
    (2, 3, ["SAs agreed on:", "association-up"]),
    (3, 4, ["lifetime nearly over:", "new SAs beside"]),
    (4, 3, ["old SAs deleted"]),
    (1, 0, ["ike-failed, 30 s"]),
    (2, 0, ["ike-down"]),
    (3, 0, ["delete, no answer:", "association-down"]),
)


def _drawing(rows: dict) -> str:
    """One arrow for each pair of states; the ways of ending put together."""
    states = list(dict.fromkeys((*(s for s, _ in rows), *(after for _, after in rows.values()))))
    states.sort()
    arrows: dict[tuple[int, int], list[str]] = {}
    for (state, event), (actions, after) in rows.items():
        if state is after:
            continue
        names = {a.name for a in actions}
        if names & {"SEND_STOPCCN", "SEND_CDN"}:
            goodbye = "StopCCN" if "SEND_STOPCCN" in names else "CDN"
            label = f"fault, close: {goodbye}"
        else:
            sends = [_action(a) for a in actions if a.name.startswith("SEND")]
            label = ": ".join(filter(None, (_event(event), ", ".join(sends))))
        labels = arrows.setdefault((states.index(state), states.index(after)), [])
        if label not in labels:
            labels.append(label)
    return drawing([str(s) for s in states], [(a, b, labels) for (a, b), labels in arrows.items()])


def _l2tp_table(rows: dict) -> str:
    return table(
        ("State", "Event", "Actions", "New state"),
        (
            (str(state), _event(event), ", ".join(map(_action, actions)) or "-", str(after))
            for (state, event), (actions, after) in rows.items()
        ),
    )


def _event(event: IntEnum) -> str:
    name = event.name
    if name.endswith("_UNACCEPTABLE"):
        return f"{name.removesuffix('_UNACCEPTABLE')}, not acceptable"
    special = {"STOPCCN": "StopCCN", "SCCRQ_TIE_LOST": "SCCRQ, tie lost"}
    if name in special or (name.isupper() and "_" not in name and name[:4] not in ("OPEN", "CLOS")):
        return special.get(name, name)
    return name.lower().replace("_", " ")


def _action(action: IntEnum) -> str:
    words = action.name.split("_")
    if words[0] == "SEND":
        return f"send {'StopCCN' if words[1] == 'STOPCCN' else words[1]}"
    return " ".join(words).lower().replace("sccrq", "SCCRQ")


_ACTIONS = (
    ("tlu", "this layer up"),
    ("tld", "this layer down"),
    ("tls", "this layer started"),
    ("tlf", "this layer finished"),
    ("irc", "initialise the restart counter"),
    ("zrc", "zero the restart counter"),
    ("scr", "send Configure-Request"),
    ("sca", "send Configure-Ack"),
    ("scn", "send Configure-Nak or -Reject"),
    ("str", "send Terminate-Request"),
    ("sta", "send Terminate-Ack"),
    ("scj", "send Code-Reject"),
    ("ser", "send Echo-Reply"),
)


def _ppp() -> str:
    events = list(automaton.Event)
    halves = (list(automaton.State)[:6], list(automaton.State)[6:])
    text = (
        "## PPP automaton (RFC 1661 4.1)\n\n"
        "LCP, IPCP and IPV6CP each run one. A cell says what is done and the state that "
        "follows; an empty one cannot occur.\n\n"
    )
    for states in halves:
        text += table(
            ("Event", *(f"{int(s)} {s}" for s in states)),
            (
                (str(event), *(_cell(automaton.TRANSITIONS[event][s]) for s in states))
                for event in events
            ),
        )
    return text + table(("Action", "Meaning"), ((f"`{a}`", meaning) for a, meaning in _ACTIONS))


def _cell(cell: automaton.Transition | None) -> str:
    if cell is None:
        return ""
    after = f"{int(cell.state)}{cell.footnote}"
    return f"{', '.join(cell.actions)} / {after}" if cell.actions else after
