"""PPP frames, taken apart by the declarations of the `ppp` room."""

from collections.abc import Callable

from talpa.explain.authentication import dissect_chap, dissect_pap
from talpa.explain.dissection import Dissection, Field, Layer, malformed
from talpa.explain.ip import dissect_ipv4, dissect_ipv6
from talpa.explain.negotiation import dissect_negotiation
from talpa.ppp.frames import PROTOCOLS, Protocol, protocol_name
from talpa.ppp.registry import NEGOTIATED
from talpa.wire import Malformed

_PAYLOADS: dict[int, Callable[[bytes], Dissection]] = {
    Protocol.PAP: dissect_pap,
    Protocol.CHAP: dissect_chap,
    Protocol.IPV4: dissect_ipv4,
    Protocol.IPV6: dissect_ipv6,
}


def dissect_frame(frame: bytes) -> Dissection:
    """A PPP frame, with or without address and control field. Never raises; shows no secret."""
    at = 2 if frame[:2] == b"\xff\x03" else 0
    size = 1 if frame[at : at + 1] and frame[at] & 1 else 2
    if len(frame) < at + size:
        return malformed("PPP", "frame cut short")
    protocol = int.from_bytes(frame[at : at + size], "big")
    payload = frame[at + size :]
    name = protocol_name(protocol).partition(" (")[0]
    try:
        if protocol in NEGOTIATED:
            inner = dissect_negotiation(Protocol(protocol), name, payload)
        elif protocol in _PAYLOADS:
            inner = _PAYLOADS[protocol](payload)
        else:
            inner = Dissection(name, "frame", f"sends {len(payload)} octets")
    except Malformed as wrong:
        inner = malformed(name, wrong)
    row = PROTOCOLS.get(protocol)
    fields = (
        Field("Protocol", f"{protocol:#06x} {name}", "RFC 1661 2"),
        Field("Information", f"{len(payload)} octets", row.rfc if row else "RFC 1661 2"),
    )
    inner.layers.insert(0, Layer("PPP", fields))
    return inner
