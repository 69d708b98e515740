"""What the server says of its tunnels and sessions: the sentences and fields of its log."""

from talpa.aaa import Lease
from talpa.crypto.credentials import Attempt, Refused
from talpa.dataplane.interface import Counters
from talpa.l2tp import events as l2tp
from talpa.l2tp.values import CdnResult, StopCcnResult
from talpa.ppp import events as ppp
from talpa.roles.notices import Notice, said
from talpa.roles.session import Session
from talpa.sansio import Path

_GOOD_ENDS = frozenset((StopCcnResult.CLEAR, StopCcnResult.SHUTTING_DOWN))


def tunnel_up(event: l2tp.ControlConnectionUp) -> Notice:
    """A control connection is established."""
    return Notice(
        "tunnel-up",
        f"{event.path.remote}{_named(event.peer)}: tunnel {event.tunnel_id} is up",
        "info",
        {"tunnel": event.tunnel_id, "peer": str(event.path.remote)},
    )


def tunnel_refused(event: l2tp.ControlConnectionRefused) -> Notice:
    """A caller's SCCRQ was not acceptable."""
    name = f" ({event.host_name})" if event.host_name else ""
    reason = _with_advice(event.result)
    return Notice(
        "tunnel-refused",
        f"{event.path.remote}{name}: tunnel refused: {reason}",
        "warning",
        {"client": event.path.remote.host, "reason": reason},
    )


def tunnel_down(event: l2tp.ControlConnectionDown) -> Notice:
    """A control connection ended, or never came up."""
    text = _with_advice(event.result)
    ended = "was ended by the peer" if event.by_peer else "ended"
    why = said(event.result.message, text, by_peer=event.by_peer)
    if event.result.message:
        why += _advice(event.result)
    wrong = not event.by_peer and event.result.code not in _GOOD_ENDS
    return Notice(
        "tunnel-down",
        f"{event.path.remote}{_named(event.peer)}: tunnel {event.tunnel_id} {ended}{why}",
        "warning" if wrong else "info",
        {"tunnel": event.tunnel_id, "peer": str(event.path.remote), "reason": text},
    )


def call_failed(event: l2tp.CallDown, path: Path) -> Notice:
    """A call ended before it was up."""
    text = event.result.message or CdnResult(event.result.code).text
    why = said(event.result.message, text, by_peer=True) if event.by_peer else f": {text}"
    ended = ": the peer ended it" if event.by_peer else ""
    return Notice(
        "call-failed",
        f"call {event.tunnel_id}/{event.session_id} from {path.remote} came to nothing{ended}{why}",
        "info",
        {
            "session": f"{event.tunnel_id}/{event.session_id}",
            "client": path.remote.host,
            "reason": text,
        },
    )


def call_up(session: Session) -> Notice:
    """PPP may begin on a call."""
    call = session.call
    numbers = f", from {call.calling_number}" if call.calling_number else ""
    return Notice(
        "call-up",
        f"{session.who()}: call {session.id} is up (serial {call.serial}{numbers})",
        "debug",
        {"session": session.id, "client": session.path.remote.host},
    )


def ppp_step(session: Session, event: ppp.Event) -> Notice:
    """PPP on a session came one step further, or fell back one."""
    match event:
        case ppp.LinkOpened():
            text = f"LCP is open: the peer takes {event.peer_mru} octets, we take {event.our_mru}"
        case ppp.PeerAttempted():
            text = f"{event.attempt.name} tries to log in with {event.attempt.method}"
        case ppp.Authenticated():
            text = f"{event.name} is logged in with {event.method}"
        case ppp.Ipv4Up():
            text = f"IPv4 is up: {event.peer}"
        case ppp.Ipv6Up():
            text = f"IPv6 is up: {event.peer}"
        case ppp.Ipv4Down():
            text = "IPv4 is down"
        case ppp.Ipv6Down():
            text = "IPv6 is down"
        case ppp.PeerIdentified():
            text = f"the peer says that it is {event.text}"
        case ppp.LinkClosed():
            text = f"LCP is closed: {event.reason}"
    return Notice(
        "ppp-step",
        f"session {session.id}: {text}",
        "debug",
        {"session": session.id, "client": session.path.remote.host},
    )


def login_failed(session: Session, attempt: Attempt, refused: Refused) -> Notice:
    """Somebody is not who he says he is."""
    client = session.path.remote.host
    return Notice(
        "login-failed",
        f"{refused.reason} (from {client})",
        "warning",
        {
            "user": attempt.name,
            "client": client,
            "method": attempt.method,
            "reason": refused.reason,
            "session": session.id,
        },
    )


def session_refused(session: Session, refused: Refused) -> Notice:
    """A user who is who he says he is gets no session."""
    return Notice(
        "session-refused",
        f"{refused.reason} (asked for by {session.who()})",
        "warning",
        {
            "user": session.user,
            "client": session.path.remote.host,
            "reason": refused.reason,
            "session": session.id,
        },
    )


def session_replaced(old: Session, new: Session, reason: str) -> Notice:
    """A new login took the place of a stale session."""
    return Notice(
        "session-replaced",
        f"{old.who()}: session {old.id} ends: {reason} (session {new.id})",
        "info",
        {
            "session": old.id,
            "user": old.user,
            "client": old.path.remote.host,
            "by": new.id,
        },
    )


def session_up(session: Session, lease: Lease, now: float) -> Notice:
    """Traffic may flow."""
    return Notice(
        "session-up",
        f"{session.who()}: connected as {lease.ipv4} with {session.method} in "
        f"{now - session.since:.2f} s (session {session.id})",
        "info",
        {
            "session": session.id,
            "user": session.user,
            "client": session.path.remote.host,
            "ipv4": str(lease.ipv4),
            "ipv6": str(lease.ipv6_prefix or ""),
            "method": session.method,
            "device": session.device,
            "seconds": round(now - session.since, 3),
        },
    )


def session_down(
    session: Session, closed: ppp.LinkClosed, counters: Counters, now: float
) -> Notice:
    """A session ended."""
    seconds = now - session.since
    fields: dict[str, object] = {
        "session": session.id,
        "user": session.user,
        "client": session.path.remote.host,
        "reason": closed.reason,
        "seconds": round(seconds, 1),
        "received_octets": counters.received_octets,
        "sent_octets": counters.sent_octets,
    }
    if closed.ras_error:
        fields["windows_error"] = closed.ras_error
    return Notice(
        "session-down",
        f"{session.who()}: session {session.id} ended after {_duration(seconds)}: {closed.reason}",
        "info",
        fields,
    )


def _named(peer: l2tp.Peer | None) -> str:
    return f" ({peer.host_name})" if peer is not None and peer.host_name else ""


def _with_advice(result: l2tp.Result) -> str:
    """Why a tunnel ended, and where a person can mend it, what to look at."""
    return (result.message or StopCcnResult(result.code).text) + _advice(result)


def _advice(result: l2tp.Result) -> str:
    if result.code == StopCcnResult.NOT_AUTHORIZED:
        return " (compare the tunnel secret of both ends)"
    return ""


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
