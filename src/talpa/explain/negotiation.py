"""Packets of LCP and the network control protocols, and their options (RFC 1661 5 and 6)."""

from talpa.explain.dissection import Dissection, Field, Layer
from talpa.explain.values import plain, shown, text
from talpa.ppp.auth.methods import method_of
from talpa.ppp.frames import CODES, Code, Protocol, parse_packet, protocol_name
from talpa.ppp.lcp.options import AUTHENTICATION
from talpa.ppp.lcp.ras import ras_error, ras_text
from talpa.ppp.options import parse_options
from talpa.ppp.registry import code_name, option
from talpa.wire import Malformed

_WITH_OPTIONS = {
    Code.CONFIGURE_REQUEST: "wants",
    Code.CONFIGURE_ACK: "agrees to",
    Code.CONFIGURE_NAK: "suggests",
    Code.CONFIGURE_REJECT: "does not do",
}
_SENTENCES = {
    Code.TERMINATE_REQUEST: "wants to end it",
    Code.TERMINATE_ACK: "agrees to end it",
    Code.CODE_REJECT: "does not know that packet",
    Code.PROTOCOL_REJECT: "does not do",
    Code.ECHO_REQUEST: "asks whether the link is alive",
    Code.ECHO_REPLY: "says that the link is alive",
    Code.DISCARD_REQUEST: "sends something to be thrown away",
    Code.IDENTIFICATION: "says what it is",
    Code.TIME_REMAINING: "says how long the link will last",
}

_SHORT: dict[tuple[int, int], str] = {
    (Protocol.LCP, 1): "MRU {}",
    (Protocol.LCP, 2): "ACCM",
    (Protocol.LCP, 3): "login by {}",
    (Protocol.LCP, 4): "link quality",
    (Protocol.LCP, 5): "magic number",
    (Protocol.LCP, 7): "PFC",
    (Protocol.LCP, 8): "ACFC",
    (Protocol.LCP, 13): "callback",
    (Protocol.LCP, 17): "multilink",
    (Protocol.LCP, 19): "endpoint name",
    (Protocol.IPCP, 2): "header compression",
    (Protocol.IPCP, 3): "address {}",
    (Protocol.IPCP, 129): "DNS {}",
    (Protocol.IPCP, 130): "WINS {}",
    (Protocol.IPCP, 131): "second DNS {}",
    (Protocol.IPCP, 132): "second WINS {}",
    (Protocol.IPV6CP, 1): "interface {}",
    (Protocol.CCP, 17): "Stac LZS",
    (Protocol.CCP, 18): "MPPC/MPPE",
    (Protocol.CCP, 21): "BSD Compress",
    (Protocol.CCP, 26): "Deflate",
}
"""Options in a sentence, with or without their value; others go by their name."""
_ANY = ("0.0.0.0", "0000000000000000")
"""Values that ask the other side for one."""


def dissect_negotiation(protocol: Protocol, name: str, payload: bytes) -> Dissection:
    """A packet of LCP or an NCP. Raises `Malformed`."""
    code, identifier, data = parse_packet(payload)
    row = CODES.get(code)
    fields = [
        Field("Code", f"{code} {code_name(protocol, code)}", row.rfc if row else ""),
        Field("Identifier", str(identifier), "RFC 1661 5"),
    ]
    if code in _WITH_OPTIONS:
        fields += _options(protocol, data)
        listed = option_list(protocol, data, values=code != Code.CONFIGURE_REJECT)
        sentence = f"{_WITH_OPTIONS[Code(code)]} {listed}"
    else:
        said = _said(Code(code), data)
        if said:
            fields.append(Field("Data", said, row.rfc if row else ""))
        base = _SENTENCES.get(Code(code), "sends what this program does not know")
        joint = " " if code == Code.PROTOCOL_REJECT else ": "
        sentence = f"{base}{joint}{said}" if said else base
    return Dissection(name, code_name(protocol, code), sentence, [Layer(name, tuple(fields))])


def option_list(protocol: Protocol, data: bytes, *, values: bool = True) -> str:
    """Configuration options in a few words, with or without their values. Raises `Malformed`."""
    words = [_short(protocol, kind, value, values) for kind, value in parse_options(data)]
    return ", ".join(words) or "nothing in particular"


def _options(protocol: Protocol, data: bytes) -> list[Field]:
    fields = []
    for kind, value in parse_options(data):
        row = option(protocol, kind)
        if row is None:
            name = _SHORT.get((protocol, kind), f"option {kind}")
            fields.append(Field(name, plain(value), "RFC 1661 6"))
        else:
            fields.append(Field(row.name, _value(protocol, kind, value) or "present", row.rfc))
    return fields


def _short(protocol: Protocol, kind: int, value: bytes, with_value: bool) -> str:
    row = option(protocol, kind)
    words = _SHORT.get((protocol, kind)) or (row.name if row else f"option {kind}")
    if "{}" not in words:
        return words
    if not with_value:
        return words[:-3]
    detail = _value(protocol, kind, value)
    return f"any {words[:-3]}" if detail in _ANY else words.format(detail)


def _value(protocol: Protocol, kind: int, value: bytes) -> str:
    row = option(protocol, kind)
    if row is AUTHENTICATION and (method := method_of(value)):
        return method.title
    try:
        return shown(row.codec, value) if row else plain(value)
    except Malformed as wrong:
        return f"{plain(value)} ({wrong})"


def _said(code: Code, data: bytes) -> str:
    """What the packets without options carry."""
    match code:
        case Code.PROTOCOL_REJECT if len(data) >= 2:
            return protocol_name(int.from_bytes(data[:2], "big"))
        case Code.TERMINATE_REQUEST | Code.TERMINATE_ACK:
            error = ras_error(data)
            return ras_text(error) if error else _readable(data)
        case Code.IDENTIFICATION:
            return _readable(data[4:])
    return ""


def _readable(data: bytes) -> str:
    """Text; nothing where it is none."""
    return text(data) if data.isascii() and text(data).isprintable() else ""
