"""Packets of PAP, CHAP and its Microsoft dialects: of what proves a password, only the length."""

import re

from talpa.explain.dissection import Dissection, Field, Layer
from talpa.explain.values import name, text
from talpa.ppp.auth.formats import (
    TITLES,
    ChapCode,
    PapCode,
    parse,
    parse_pap_message,
    parse_pap_request,
    parse_value_name,
)
from talpa.ppp.frames import Protocol
from talpa.ppp.ras_errors import RAS_ERRORS

_PAP_RFC, _CHAP_RFC = "RFC 1334 2.2", "RFC 1994 4"
_PAP: dict[int, str] = {
    PapCode.REQUEST: "logs in",
    PapCode.ACK: "lets the user in",
    PapCode.NAK: "turns the user away",
}
_CHAP: dict[int, str] = {
    ChapCode.CHALLENGE: "wants proof of the password",
    ChapCode.RESPONSE: "proves the password",
    ChapCode.SUCCESS: "lets the user in",
    ChapCode.FAILURE: "turns the user away",
    ChapCode.CHANGE_V1: "changes the password",
    ChapCode.CHANGE_V2: "changes the password",
}
_UNKNOWN = "sends what this program does not know"
_PROOF = re.compile(r"\bS=\S*\s*")
_CHALLENGE = re.compile(r"\bC=\S*\s*")
_ERROR = re.compile(r"\bE=(\d{1,6})\b")
_MESSAGE = re.compile(r"\bM=(.*)", re.DOTALL)


def dissect_pap(payload: bytes) -> Dissection:
    """A PAP packet. Raises `Malformed`."""
    code, identifier, data = parse(payload)
    fields = _head(Protocol.PAP, code, identifier, _PAP_RFC)
    sentence = _PAP.get(code, _UNKNOWN)
    if code == PapCode.REQUEST:
        peer, password = parse_pap_request(data)
        fields.append(Field("Peer-ID", name(peer), "RFC 1334 2.2.1"))
        fields.append(Field("Password", f"{len(password)} octets", "RFC 1334 2.2.1"))
        sentence += f" as {name(peer)}, password in clear"
    elif code in _PAP:
        said = text(parse_pap_message(data))
        fields.append(Field("Message", said or "empty", "RFC 1334 2.2.2"))
        sentence += f": {said}" if said else ""
    return _packet("PAP", Protocol.PAP, code, sentence, fields)


def dissect_chap(payload: bytes) -> Dissection:
    """A CHAP packet. Raises `Malformed`."""
    code, identifier, data = parse(payload)
    fields = _head(Protocol.CHAP, code, identifier, _CHAP_RFC)
    sentence = _CHAP.get(code, _UNKNOWN)
    if code in (ChapCode.CHALLENGE, ChapCode.RESPONSE):
        value, peer = parse_value_name(data)
        fields.append(Field("Value", f"{len(value)} octets", "RFC 1994 4.1"))
        fields.append(Field("Name", name(peer), "RFC 1994 4.1"))
        who = "is" if code == ChapCode.CHALLENGE else "for"
        sentence += f", {who} {name(peer)}" if peer else ""
    elif code in (ChapCode.SUCCESS, ChapCode.FAILURE):
        said = _verdict(data)
        fields.append(Field("Message", said or "empty", "RFC 1994 4.2"))
        sentence += f": {said}" if said else ""
    elif code in _CHAP:
        rfc = "RFC 2433 9" if code == ChapCode.CHANGE_V1 else "RFC 2759 7"
        fields.append(Field("Data", f"{len(data)} octets", rfc))
    return _packet("CHAP", Protocol.CHAP, code, sentence, fields)


def _head(protocol: int, code: int, identifier: int, rfc: str) -> list[Field]:
    title = TITLES[protocol].get(code, "unknown")
    return [Field("Code", f"{code} {title}", rfc), Field("Identifier", str(identifier), rfc)]


def _packet(title: str, protocol: int, code: int, sentence: str, fields: list[Field]) -> Dissection:
    message = TITLES[protocol].get(code, f"code {code}")
    return Dissection(title, message, sentence, [Layer(title, tuple(fields))])


def _verdict(data: bytes) -> str:
    """The message in a Success or Failure; Microsoft's dialects put proof and error before it."""
    said = _CHALLENGE.sub("", _PROOF.sub("", data[:512].decode("utf-8", "replace")))
    error = _ERROR.search(said)
    message = _MESSAGE.search(said)
    if message:
        said = message[1]
    if error is None:
        return text(said.encode())
    words = RAS_ERRORS.get(int(error[1]), "no reason known here")
    return text((said if message and said.strip() else words).encode()) + f" (error {error[1]})"
