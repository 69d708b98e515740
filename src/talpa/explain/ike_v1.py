"""Messages of IKEv1: what is in them, in one sentence."""

from typing import Final

from talpa.crypto.encryption import encryption
from talpa.crypto.prf import prf
from talpa.explain.dissection import Dissection, Field, Layer
from talpa.explain.ike_keys import Phase1, SecurityKeys
from talpa.explain.values import shown
from talpa.ike.devices import name_of
from talpa.ike.header import HEADER_OCTETS, NO_SPI, Header
from talpa.ike.v1.attributes import basic
from talpa.ike.v1.messages import Chain, split
from talpa.ike.v1.numbers import (
    IKE_ENCRYPTION,
    IKE_HASH,
    Exchange,
    Flag,
    IkeAttribute,
    PayloadType,
    ProtocolId,
)
from talpa.ike.v1.offers import describe_child, describe_ike
from talpa.ike.v1.payloads import (
    DECLARATIONS,
    DELETE,
    FRAGMENT,
    ID,
    NOTIFY,
    SA,
    Deletion,
    SecurityAssociation,
)
from talpa.wire import Malformed, printable

_P: Final = PayloadType
_NAMES: Final[dict[int, str]] = {
    Exchange.MAIN: "Main Mode",
    Exchange.AGGRESSIVE: "Aggressive Mode",
    Exchange.INFORMATIONAL: "Informational",
    Exchange.TRANSACTION: "Transaction",
    Exchange.QUICK: "Quick Mode",
    Exchange.NEW_GROUP: "New Group Mode",
}
_ENCRYPTED: Final[dict[int, str]] = {
    Exchange.MAIN: "says who it is, and proves it; encrypted",
    Exchange.AGGRESSIVE: "proves who it is; encrypted",
    Exchange.QUICK: "agrees on keys for ESP; encrypted",
    Exchange.INFORMATIONAL: "tells something; encrypted",
}
_LENGTH_ONLY: Final = frozenset(
    (_P.KE, _P.HASH, _P.SIG, _P.NONCE, _P.NAT_D, _P.NAT_D_DRAFT, _P.CERT, _P.CERT_REQ, _P.FRAGMENT)
)
"""Proofs, and what no person reads."""
_MOST_SUITES: Final = 3
_MOST_TEXT: Final = 240
_NO_MORE_THAN: Final = 16_384


def dissect_v1(header: Header, message: bytes, keys: SecurityKeys) -> Dissection:
    """A message of major version 1. Raises `Malformed`."""
    phase = keys.phase_1(header.initiator_spi)
    name = _NAMES.get(header.exchange, f"exchange {header.exchange}")
    if header.flags & Flag.ENCRYPTION:
        clear = phase.open(header.message_id, message[HEADER_OCTETS:])
        if clear is None:
            sentence = _ENCRYPTED.get(header.exchange, "says something; encrypted")
            return Dissection("IKEv1", name, sentence)
        chain, _ = split(header.next_payload, clear, 0, padded=True)
    else:
        chain, _ = split(header.next_payload, message, HEADER_OCTETS)
    if chain and chain[0][0] == _P.FRAGMENT:
        return _fragment(header, chain[0][1], keys)
    if not header.flags & Flag.ENCRYPTION:
        _learn(phase, header, chain)
    problems: list[str] = []
    fields = tuple(_field(kind, body, header, problems) for kind, body in chain)
    sentence = f"{_sentence(header, chain)} ({_contents(chain)})"
    return Dissection("IKEv1", name, sentence, [Layer("payloads", fields)], problems)


def _fragment(header: Header, body: bytes, keys: SecurityKeys) -> Dissection:
    piece = FRAGMENT.decode(body)
    total = piece.number if piece.last else 0
    waiting = keys.pieces(1, header.initiator_spi, header.responder_spi, piece.id)
    whole = waiting.add(piece.number, total, piece.data)
    fields = (
        Field("Fragment ID", str(piece.id), "MS-IKEE 2.2.3"),
        Field("Fragment Number", str(piece.number), "MS-IKEE 2.2.3"),
        Field("Last", str(piece.last), "MS-IKEE 2.2.3"),
    )
    layer = Layer("fragment", fields)
    if whole is None or not HEADER_OCTETS < len(whole) <= _NO_MORE_THAN:
        return Dissection("IKEv1", "fragment", f"sends piece {piece.number} of a message", [layer])
    inner_header = header._replace(
        next_payload=whole[16], exchange=whole[18], flags=whole[19], length=len(whole)
    )
    if whole[:16] != header.initiator_spi + header.responder_spi or whole[16] == _P.FRAGMENT:
        raise Malformed("fragments of another message")
    inner = dissect_v1(inner_header, whole, keys)
    inner.layers.insert(0, layer)
    return inner


def _learn(phase: Phase1, header: Header, chain: Chain) -> None:
    """Keep what is needed to open what comes encrypted."""
    for kind, body in chain:
        if kind == _P.KE and len(phase.publics) < 2 and body not in phase.publics:
            phase.publics.append(body)
        if kind == _P.SA and header.responder_spi != NO_SPI:
            _learn_suite(phase, SA.decode(body))


def _learn_suite(phase: Phase1, chosen: SecurityAssociation) -> None:
    transforms = [one for proposal in chosen.proposals for one in proposal.transforms]
    said = basic(transforms[0].attributes, IkeAttribute.LIFE_TYPE) if transforms else None
    if said is None:
        return
    cipher = IKE_ENCRYPTION.get(said.get(IkeAttribute.ENCRYPTION, 0))
    hash_ = IKE_HASH.get(said.get(IkeAttribute.HASH, 0))
    if cipher is None or hash_ is None:
        return
    try:
        phase.cipher = encryption(cipher, said.get(IkeAttribute.KEY_LENGTH, 0))
        phase.hash = prf(hash_)
    except LookupError:
        return


def _field(kind: int, body: bytes, header: Header, problems: list[str]) -> Field:
    row = DECLARATIONS.get(kind)
    if row is None:
        return Field(f"payload {kind}", f"{len(body)} octets")
    try:
        return Field(row.name, _value(kind, body, header), row.rfc)
    except Malformed as wrong:
        problems.append(printable(str(wrong), _MOST_TEXT))
        return Field(row.name, f"{len(body)} octets", row.rfc)


def _value(kind: int, body: bytes, header: Header) -> str:
    row = DECLARATIONS[kind]
    if kind in _LENGTH_ONLY:
        return f"{len(body)} octets"
    if kind == _P.VENDOR_ID:
        return printable(name_of(body), _MOST_TEXT)
    if kind == _P.ID:
        said = ID.decode(body)
        ports = f"[{said.protocol}/{said.port}]" if said.protocol or said.port else ""
        return f"{said.identity.show()}{ports}"
    if kind == _P.SA:
        return "; ".join(_suites(SA.decode(body), header))
    return printable(shown(row.codec, body), _MOST_TEXT)


def _suites(sa: SecurityAssociation, header: Header) -> list[str]:
    lines = describe_child(sa) if header.exchange == Exchange.QUICK else describe_ike(sa)
    more = [f"{len(lines) - _MOST_SUITES} more"] if len(lines) > _MOST_SUITES else []
    return [printable(line, _MOST_TEXT) for line in lines[:_MOST_SUITES]] + more


def _contents(chain: Chain) -> str:
    """The payloads by their short names; the same in a row once."""
    names: list[str] = []
    counts: list[int] = []
    for kind, _ in chain:
        name = DECLARATIONS[kind].name if kind in DECLARATIONS else str(kind)
        if names and names[-1] == name:
            counts[-1] += 1
        else:
            names.append(name)
            counts.append(1)
    return ", ".join(
        f"{count} {name}" if count > 1 else name for name, count in zip(names, counts, strict=True)
    )


def _sentence(header: Header, chain: Chain) -> str:
    bodies = dict(reversed(chain))
    encrypted = bool(header.flags & Flag.ENCRYPTION)
    if header.exchange == Exchange.INFORMATIONAL:
        return _told(chain)
    if header.exchange == Exchange.TRANSACTION:
        return "asks for a user's name, or settings"
    if header.exchange == Exchange.QUICK:
        return _quick(bodies)
    if _P.SA in bodies:
        offered = SA.decode(bodies[_P.SA])
        if header.responder_spi == NO_SPI:
            count = sum(len(one.transforms) for one in offered.proposals)
            text = f"offers {count} suites"
        else:
            chosen = _suites(offered, header)
            text = f"chooses {chosen[0]}" if chosen else "chooses nothing"
    elif encrypted:
        text = "proves who it is"
    else:
        text = "exchanges keys"
        if _P.NAT_D in bodies or _P.NAT_D_DRAFT in bodies:
            text += ", looks for NAT"
    if _P.ID in bodies:
        text += f": {ID.decode(bodies[_P.ID]).identity.show()}"
    return text


def _quick(bodies: dict[int, bytes]) -> str:
    if _P.SA not in bodies:
        return "confirms that it has the keys for ESP"
    sa = SA.decode(bodies[_P.SA])
    count = sum(len(one.transforms) for one in sa.proposals)
    lines = describe_child(sa)
    if count == 1 and lines:
        return f"agrees on keys for {printable(lines[0], _MOST_TEXT)}"
    return f"offers {count} suites for ESP"


def _told(chain: Chain) -> str:
    told = []
    for kind, body in chain:
        if kind == _P.NOTIFY:
            told.append(str(NOTIFY.decode(body).kind).replace("_", "-"))
        elif kind == _P.DELETE:
            told.append(_deleted(DELETE.decode(body)))
    return "tells: " + ", ".join(told) if told else "tells nothing"


def _deleted(deletion: Deletion) -> str:
    if deletion.protocol == ProtocolId.ISAKMP:
        return "this phase 1 is over"
    spis = ", ".join(spi.hex() for spi in deletion.spis[:4])
    return f"{ProtocolId(deletion.protocol)} with SPI {spis or 'none'} is over"
