"""L2TPv2 datagrams, taken apart by the declarations of the `l2tp` room."""

import zlib

from talpa.explain.dissection import Dissection, Field, Layer, malformed
from talpa.explain.negotiation import option_list
from talpa.explain.ppp import dissect_frame
from talpa.explain.values import MOST_SHOWN, plain, shown
from talpa.l2tp import avps
from talpa.l2tp.v2 import header, messages
from talpa.l2tp.v2.declaration import message_class
from talpa.l2tp.values import CdnResult, GeneralError, ResultCode, StopCcnResult
from talpa.ppp.frames import Protocol
from talpa.wire import Malformed, printable

_SENTENCES: dict[int, str] = {
    messages.Sccrq.TYPE: "asks for a tunnel",
    messages.Sccrp.TYPE: "agrees to a tunnel",
    messages.Scccn.TYPE: "confirms that the tunnel is up",
    messages.StopCcn.TYPE: "ends the tunnel",
    messages.Hello.TYPE: "asks whether the other end is still there",
    messages.Icrq.TYPE: "announces a call",
    messages.Icrp.TYPE: "takes the call",
    messages.Iccn.TYPE: "confirms that the call is up",
    messages.Ocrq.TYPE: "asks for an outgoing call",
    messages.Ocrp.TYPE: "will place the outgoing call",
    messages.Occn.TYPE: "confirms that the outgoing call is up",
    messages.Cdn.TYPE: "ends the call",
    messages.Wen.TYPE: "reports errors on the line",
    messages.Sli.TYPE: "tells the character maps of the line",
    messages.Csun.TYPE: "tells the new speed of the line",
    messages.Csurq.TYPE: "asks for the speed of the line",
}
_LCP_OPTIONS = frozenset(
    row.key
    for row in (
        avps.INITIAL_RECEIVED_LCP_CONFREQ,
        avps.LAST_SENT_LCP_CONFREQ,
        avps.LAST_RECEIVED_LCP_CONFREQ,
        avps.LCP_WANT_OPTIONS,
        avps.LCP_ALLOW_OPTIONS,
        avps.LNS_LAST_SENT_LCP_CONFREQ,
        avps.LNS_LAST_RECEIVED_LCP_CONFREQ,
    )
)
"""AVPs whose octets are LCP options."""


def dissect_l2tp(datagram: bytes) -> Dissection:
    """A UDP payload of port 1701. Never raises; no password and no proof of one is in the result,
    only its length."""
    try:
        if header.is_control(datagram):
            return _control(datagram)
        return _data(datagram)
    except Malformed as wrong:
        return malformed("L2TP", wrong)


def _control(datagram: bytes) -> Dissection:
    head, body = header.parse_control(datagram)
    top = Layer(
        "L2TP",
        (
            *_ids(head.tunnel_id, head.session_id),
            Field("Ns", str(head.ns), "RFC 2661 5.8"),
            Field("Nr", str(head.nr), "RFC 2661 5.8"),
        ),
    )
    if not body:
        return Dissection("L2TP", "ZLB", f"has everything before Ns {head.nr}", [top])
    fields: list[Field] = []
    problems: list[str] = []
    values: dict[int, object] = {}
    for seen in messages.iter_avps(body):
        if seen.problem and not _merely_hidden(seen):
            problems.append(printable(seen.problem, MOST_SHOWN))
        if seen.raw is None:
            break
        if seen.row is not None:
            values.setdefault(seen.row.key, seen.value)
        fields.append(_field(seen))
    kind = values.get(avps.MESSAGE_TYPE.key)
    known = message_class(kind) if isinstance(kind, int) else None
    return Dissection(
        "L2TP",
        known.NAME if known else "no message" if kind is None else f"message type {kind}",
        _sentence(known.TYPE if known else -1, values),
        [top, Layer("AVPs", tuple(fields))],
        problems,
        identity=(head.tunnel_id, head.ns, zlib.crc32(body)),
    )


def _ids(tunnel_id: int, session_id: int) -> tuple[Field, Field]:
    return (
        Field("Tunnel ID", str(tunnel_id), "RFC 2661 3.1"),
        Field("Session ID", str(session_id), "RFC 2661 3.1"),
    )


def _merely_hidden(seen: messages.SeenAvp) -> bool:
    """What cannot be read for want of the secret is not wrong for that."""
    return seen.raw is not None and seen.raw.hidden and seen.value is None


def _field(seen: messages.SeenAvp) -> Field:
    assert seen.raw is not None
    size = len(seen.raw.value)
    if seen.row is None:
        name = f"attribute {seen.raw.number} of vendor {seen.raw.vendor}"
        return Field(name, f"hidden, {size} octets" if seen.raw.hidden else f"{size} octets")
    return Field(seen.row.name, _value(seen, seen.row, seen.raw.value), seen.row.rfc)


def _value(seen: messages.SeenAvp, row: avps.Avp[object], data: bytes) -> str:
    if _merely_hidden(seen):
        return f"hidden, {len(data)} octets"
    if row.secret:
        return f"{len(data)} octets"
    if seen.problem:
        return plain(data)
    if row is avps.MESSAGE_TYPE and isinstance(seen.value, int):
        known = message_class(seen.value)
        return f"{seen.value} {known.NAME}" if known else str(seen.value)
    if row.key in _LCP_OPTIONS:
        try:
            return option_list(Protocol.LCP, data)
        except Malformed:
            return plain(data)
    return shown(row.codec, data)


def _sentence(kind: int, values: dict[int, object]) -> str:
    """What the message does, and the values that a reader looks for first."""
    text = _SENTENCES.get(kind, "sends what this program does not know")
    match kind:
        case messages.Sccrq.TYPE | messages.Sccrp.TYPE:
            name = values.get(avps.HOST_NAME.key) or "no name"
            text += f": {values.get(avps.ASSIGNED_TUNNEL_ID.key, 'no number')} at {plain(name)}"
        case messages.Icrq.TYPE | messages.Icrp.TYPE | messages.Ocrq.TYPE | messages.Ocrp.TYPE:
            text += f": session {values.get(avps.ASSIGNED_SESSION_ID.key, 'no number')}"
    if avps.CHALLENGE_RESPONSE.key in values:
        text += "; proves the secret"
    if avps.CHALLENGE.key in values:
        text += "; wants the secret proven"
    result = values.get(avps.RESULT_CODE.key)
    if isinstance(result, ResultCode):
        text += f": {_reason(kind, result)}"
    return text


def _reason(kind: int, result: ResultCode) -> str:
    if result.message:
        return plain(result.message)
    if result.code == StopCcnResult.GENERAL_ERROR and result.error:
        return GeneralError(result.error).text
    if kind == messages.StopCcn.TYPE:
        return StopCcnResult(result.code).text
    return CdnResult(result.code).text


def _data(datagram: bytes) -> Dissection:
    head = header.parse_data(datagram)
    fields = [*_ids(head.tunnel_id, head.session_id)]
    if head.ns is not None:
        fields.append(Field("Ns", str(head.ns), "RFC 2661 5.4"))
    inner = dissect_frame(datagram[head.start : head.end])
    inner.layers.insert(0, Layer("L2TP", tuple(fields)))
    return inner
