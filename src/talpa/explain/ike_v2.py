"""Messages of IKEv2: what is in them, in one sentence."""

from typing import Any, Final

from talpa.explain.dissection import Dissection, Field, Layer
from talpa.explain.ike_keys import SecurityKeys
from talpa.explain.values import shown
from talpa.ike.devices import name_of
from talpa.ike.header import HEADER_OCTETS, Header
from talpa.ike.identities import Identity, IdentityKind
from talpa.ike.policies import describe_offers
from talpa.ike.v2.numbers import Exchange, Flag, Kind, NotifyKind
from talpa.ike.v2.payloads import BODIES
from talpa.ike.v2.proposals import esp_offers_of, ike_offers_of
from talpa.ike.v2.protection import Opened
from talpa.wire import Malformed, Reader, printable

_MOST_PAYLOADS: Final = 64
_MOST_TEXT: Final = 240
_MOST_SUITES: Final = 3
_RFC: Final = "RFC 7296 3"
_ENCRYPTED: Final[dict[int, str]] = {
    Exchange.IKE_AUTH: "says who it is, and proves it; encrypted",
    Exchange.IKE_INTERMEDIATE: "exchanges another key; encrypted",
    Exchange.IKE_FOLLOWUP_KE: "exchanges another key; encrypted",
    Exchange.CREATE_CHILD_SA: "agrees on new keys; encrypted",
    Exchange.INFORMATIONAL: "tells something; encrypted",
}
_NAMES: Final[dict[int, str]] = {
    Kind.SA: "SA",
    Kind.KE: "KE",
    Kind.ID_I: "IDi",
    Kind.ID_R: "IDr",
    Kind.CERT: "CERT",
    Kind.CERTREQ: "CERTREQ",
    Kind.AUTH: "AUTH",
    Kind.NONCE: "Nonce",
    Kind.NOTIFY: "N",
    Kind.DELETE: "D",
    Kind.VENDOR: "V",
    Kind.TS_I: "TSi",
    Kind.TS_R: "TSr",
    Kind.CP: "CP",
    Kind.EAP: "EAP",
}
_LENGTH_ONLY: Final = frozenset((Kind.KE, Kind.NONCE, Kind.AUTH, Kind.CERT, Kind.CERTREQ, Kind.EAP))
"""Proofs, and what no person reads."""
_SECRET_NOTIFIES: Final = frozenset((NotifyKind.COOKIE, NotifyKind.COOKIE2, NotifyKind.NO_PPK_AUTH))

Chain = list[tuple[int, bytes]]


def dissect_v2(header: Header, message: bytes, keys: SecurityKeys) -> Dissection:
    """A message of major version 2. Raises `Malformed`."""
    name = str(Exchange(header.exchange))
    first, data, start = header.next_payload, message, HEADER_OCTETS
    layers: list[Layer] = []
    if first in (Kind.SK, Kind.SKF):
        opened = _open(header, message, keys)
        if opened is None:
            sentence = _ENCRYPTED.get(header.exchange, "says something; encrypted")
            return Dissection("IKEv2", name, sentence)
        first, data, start = opened.first, opened.plaintext, 0
        if opened.fragment:
            layers.append(_fragment(opened))
            whole = _whole(header, opened, keys)
            if whole is None:
                sentence = f"sends piece {opened.number} of {opened.total} of a message"
                return Dissection("IKEv2", name, sentence, layers)
            first, data = whole
    chain = _split(first, data, start)
    problems: list[str] = []
    fields = tuple(_field(kind, body, header, problems) for kind, body in chain)
    layers.append(Layer("payloads", fields))
    sentence = _sentence(header, chain)
    contents = _contents(chain)
    return Dissection(
        "IKEv2", name, f"{sentence} ({contents})" if contents else sentence, layers, problems
    )


def _open(header: Header, message: bytes, keys: SecurityKeys) -> Opened | None:
    from_initiator = bool(header.flags & Flag.INITIATOR)
    spis = header.initiator_spi + header.responder_spi
    for protection in keys.protections(spis, from_initiator=from_initiator):
        opened = protection.open(message)
        if opened is not None:
            return opened
    return None


def _fragment(opened: Opened) -> Layer:
    fields = (
        Field("Fragment Number", str(opened.number), "RFC 7383 2.5"),
        Field("Total Fragments", str(opened.total), "RFC 7383 2.5"),
    )
    return Layer("fragment", fields)


def _whole(header: Header, opened: Opened, keys: SecurityKeys) -> tuple[int, bytes] | None:
    """The kind of the first payload stands in front of the first piece."""
    waiting = keys.pieces(2, header.initiator_spi, header.flags, header.message_id)
    mark = bytes((opened.first,)) if opened.number == 1 else b""
    whole = waiting.add(opened.number, opened.total, mark + opened.plaintext)
    return None if whole is None else (whole[0], whole[1:])


def _split(first: int, data: bytes, start: int) -> Chain:
    chain: Chain = []
    kind, reader = first, Reader(data, start)
    while kind:
        if len(chain) >= _MOST_PAYLOADS:
            raise Malformed("too many payloads")
        following = reader.u8("payload header")
        reader.u8("payload header")
        size = reader.u16("payload length")
        if size < 4:
            raise Malformed("payload length below 4")
        chain.append((kind, reader.take(size - 4, "payload")))
        kind = following
    return chain


def _field(kind: int, body: bytes, header: Header, problems: list[str]) -> Field:
    name = _NAMES.get(kind, f"payload {kind}")
    try:
        return Field(name, _value(kind, body, header), _RFC)
    except Malformed as wrong:
        problems.append(printable(str(wrong), _MOST_TEXT))
        return Field(name, f"{len(body)} octets", _RFC)


def _value(kind: int, body: bytes, header: Header) -> str:
    codec = BODIES.get(kind)
    if codec is None or kind in _LENGTH_ONLY:
        return f"{len(body)} octets"
    value: Any = codec.decode(body)
    if kind == Kind.VENDOR:
        return printable(name_of(body), _MOST_TEXT)
    if kind in (Kind.ID_I, Kind.ID_R):
        return Identity(IdentityKind(value.kind), value.data).show()
    if kind == Kind.SA:
        return "; ".join(_suites(body, header))
    if kind == Kind.NOTIFY:
        return _notify(value.kind, value.data)
    return printable(shown(codec, body), _MOST_TEXT)


def _notify(kind: NotifyKind, data: bytes) -> str:
    if not data:
        return str(kind)
    if kind in _SECRET_NOTIFIES or len(data) > 8:
        return f"{kind}, {len(data)} octets"
    return f"{kind} {data.hex()}"


def _suites(body: bytes, header: Header) -> list[str]:
    proposals = BODIES[Kind.SA].decode(body)
    ike = ike_offers_of(proposals, 0) or ike_offers_of(proposals, 8)
    if header.exchange == Exchange.IKE_AUTH:
        ike = []
    lines = describe_offers(ike or esp_offers_of(proposals, ah=True))
    more = [f"{len(lines) - _MOST_SUITES} more"] if len(lines) > _MOST_SUITES else []
    return [printable(line, _MOST_TEXT) for line in lines[:_MOST_SUITES]] + more


def _contents(chain: Chain) -> str:
    """The payloads by their short names, notifications by their own; the same in a row once."""
    names: list[str] = []
    counts: list[int] = []
    for kind, _ in chain:
        name = _NAMES.get(kind, str(kind))
        if names and names[-1] == name:
            counts[-1] += 1
        else:
            names.append(name)
            counts.append(1)
    return ", ".join(
        f"{count} {name}" if count > 1 else name for name, count in zip(names, counts, strict=True)
    )


def _sentence(header: Header, chain: Chain) -> str:
    response = bool(header.flags & Flag.RESPONSE)
    bodies = dict(reversed(chain))
    refused = _error(chain)
    if refused:
        return f"refuses: {refused}"
    match header.exchange:
        case Exchange.IKE_SA_INIT:
            return _init(header, bodies, chain, response=response)
        case Exchange.IKE_AUTH:
            return _auth(bodies, response=response)
        case Exchange.CREATE_CHILD_SA:
            return _create(header, bodies, chain, response=response)
        case Exchange.IKE_INTERMEDIATE | Exchange.IKE_FOLLOWUP_KE:
            return "exchanges another key"
    if Kind.DELETE in bodies:
        return "agrees to the end" if response else "ends an SA"
    if not chain:
        return "is there" if response else "asks whether the other end is there"
    return "answers" if response else "tells something"


def _error(chain: Chain) -> str:
    for kind, body in chain:
        if kind == Kind.NOTIFY:
            said = BODIES[Kind.NOTIFY].decode(body).kind
            if said.error:
                return str(said).replace("_", "-")
    return ""


def _told(chain: Chain, kind: NotifyKind) -> bool:
    return any(
        one == Kind.NOTIFY and BODIES[Kind.NOTIFY].decode(body).kind == kind for one, body in chain
    )


def _init(header: Header, bodies: dict[int, bytes], chain: Chain, *, response: bool) -> str:
    if Kind.SA not in bodies:
        if _told(chain, NotifyKind.COOKIE):
            return "wants a cookie back first"
        return "sends the other end elsewhere" if _told(chain, NotifyKind.REDIRECT) else "answers"
    lines = _suites(bodies[Kind.SA], header)
    if response:
        return f"chooses {lines[0].partition(': ')[2]}, exchanges keys" if lines else "chooses"
    return f"offers {len(BODIES[Kind.SA].decode(bodies[Kind.SA]))} proposals, exchanges keys"


def _auth(bodies: dict[int, bytes], *, response: bool) -> str:
    if Kind.EAP in bodies and Kind.AUTH not in bodies:
        return "asks by EAP" if response else "answers by EAP"
    who = bodies.get(Kind.ID_R if response else Kind.ID_I)
    text = "proves who it is" if Kind.AUTH in bodies else "says who it is"
    if who is not None:
        said = BODIES[Kind.ID_I].decode(who)
        text += f": {Identity(IdentityKind(said.kind), said.data).show()}"
    return text


def _create(header: Header, bodies: dict[int, bytes], chain: Chain, *, response: bool) -> str:
    if Kind.TS_I not in bodies:
        return "agrees to new keys for IKE" if response else "wants new keys for IKE"
    again = _told(chain, NotifyKind.REKEY_SA)
    if response:
        lines = _suites(bodies[Kind.SA], header) if Kind.SA in bodies else []
        return f"agrees to {lines[0].partition(': ')[2]}" if lines else "agrees"
    return "wants new keys for ESP" if again else "wants another SA"
