"""ESP packets, and what comes to the port of ESP in UDP."""

from collections.abc import Sequence
from typing import Final

from talpa.esp.packet import FORGED, Inbound, Opened
from talpa.explain.dissection import Dissection, Field, Layer, malformed
from talpa.explain.ike import dissect_ike
from talpa.explain.ike_keys import SecurityKeys
from talpa.explain.ip import UDP, dissect_ipv4, dissect_ipv6
from talpa.explain.l2tp import dissect_l2tp
from talpa.wire import Malformed

_IPV4, _IPV6, _DUMMY = 4, 41, 59
_L2TP_PORT: Final = 1701
_MARKER: Final = bytes(4)
_KEEPALIVE: Final = b"\xff"
_RFC: Final = "RFC 4303 2"


def dissect_natt(datagram: bytes, keys: SecurityKeys | None = None) -> Dissection:
    """A UDP payload of port 4500: IKE behind the non-ESP marker, ESP, or a keep-alive (RFC 3948 2).
    Never raises."""
    if datagram == _KEEPALIVE:
        return Dissection("NAT-T", "keep-alive", "keeps the NAT's binding open")
    if datagram[:4] == _MARKER:
        return dissect_ike(datagram[4:], keys)
    return dissect_esp(datagram, keys)


def dissect_esp(packet: bytes, keys: SecurityKeys | None = None) -> Dissection:
    """An ESP packet; with its key, what is inside. Never raises."""
    if len(packet) < 8:
        return malformed("ESP", f"ESP header cut short: {len(packet)} octets")
    spi = int.from_bytes(packet[:4], "big")
    fields = [
        Field("SPI", f"{spi:#010x}", _RFC),
        Field("Sequence Number", str(int.from_bytes(packet[4:8], "big")), _RFC),
    ]
    known = keys.esp(spi) if keys is not None else ()
    if not known:
        sentence = f"sends {len(packet)} octets under SPI {spi:#010x}"
        layer = Layer("ESP", tuple(fields))
        return Dissection("ESP", "packet", sentence, [layer], traffic=len(packet))
    return _opened(packet, known, fields)


def _opened(packet: bytes, known: Sequence[Inbound], fields: list[Field]) -> Dissection:
    opened: Opened = FORGED
    for inbound in known:
        opened = inbound.open(packet)
        if not isinstance(opened, str):
            break
    if isinstance(opened, str):
        found = malformed("ESP", opened)
        found.layers.append(Layer("ESP", tuple(fields)))
        return found
    next_header, payload = opened
    fields.append(Field("Next Header", str(next_header), _RFC))
    inner = _inside(next_header, payload)
    inner.layers.insert(0, Layer("ESP", tuple(fields)))
    return inner


def _inside(next_header: int, payload: bytes) -> Dissection:
    try:
        if next_header == _IPV4:
            return dissect_ipv4(payload)
        if next_header == _IPV6:
            return dissect_ipv6(payload)
    except Malformed as wrong:
        return malformed("IP", wrong)
    if next_header == UDP and len(payload) >= 8:
        ports = int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")
        if _L2TP_PORT in ports:
            found = dissect_l2tp(payload[8:])
            named = zip(("Source Port", "Destination Port"), map(str, ports), strict=True)
            found.layers.insert(0, Layer("UDP", tuple(Field(*each) for each in named)))
            return found
    sentence = f"sends {len(payload)} octets of protocol {next_header}"
    if next_header == _DUMMY:
        sentence = "sends nothing, to hide when it does"
    return Dissection("ESP", f"protocol {next_header}", sentence, traffic=max(1, len(payload)))
