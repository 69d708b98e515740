"""IP packets inside of a call: named in a few words; what sets a host up is taken further apart."""

import struct
from ipaddress import IPv4Address, IPv6Address

from talpa.explain.dissection import Dissection, Field, Layer
from talpa.explain.hostconfig import dissect_advertisement, dissect_dhcp, dissect_dhcpv6
from talpa.hostconfig import dhcp_message, dhcpv6_message
from talpa.hostconfig.ra import ADVERTISEMENT, SOLICITATION
from talpa.wire import Malformed

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
_PROTOCOLS = {0: "hop-by-hop", ICMP: "ICMP", TCP: "TCP", UDP: "UDP", 44: "fragment"} | {
    50: "ESP",
    ICMPV6: "ICMPv6",
}
_ICMP = {
    0: "echo reply",
    3: "destination unreachable",
    5: "redirect",
    8: "echo request",
    11: "time exceeded",
    12: "parameter problem",
}
_ICMPV6 = {
    1: "destination unreachable",
    2: "packet too big",
    3: "time exceeded",
    4: "parameter problem",
    128: "echo request",
    129: "echo reply",
    SOLICITATION: "router solicitation",
    ADVERTISEMENT: "router advertisement",
    135: "neighbour solicitation",
    136: "neighbour advertisement",
    143: "multicast listener report",
}
_FRAGMENT_OFFSET = 0x1FFF
_PORTS = struct.Struct("!HH")


def dissect_ipv4(packet: bytes) -> Dissection:
    """Raises `Malformed`."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        raise Malformed("IPv4 packet without a whole header")
    header = (packet[0] & 0x0F) * 4
    total = int.from_bytes(packet[2:4], "big")
    if not 20 <= header <= total <= len(packet):
        raise Malformed("IPv4 packet of wrong length", f"{total} of {len(packet)} octets")
    later = int.from_bytes(packet[6:8], "big") & _FRAGMENT_OFFSET
    layer = _layer(
        "IPv4", IPv4Address(packet[12:16]), IPv4Address(packet[16:20]), packet[9], "RFC 791 3.1"
    )
    payload = b"" if later else packet[header:total]
    return _carried("IPv4", layer, packet[9], payload, total)


def dissect_ipv6(packet: bytes) -> Dissection:
    """Raises `Malformed`."""
    if len(packet) < 40 or packet[0] >> 4 != 6:
        raise Malformed("IPv6 packet without a whole header")
    total = 40 + int.from_bytes(packet[4:6], "big")
    if total > len(packet):
        raise Malformed("IPv6 packet of wrong length", f"{total} of {len(packet)} octets")
    layer = _layer(
        "IPv6", IPv6Address(packet[8:24]), IPv6Address(packet[24:40]), packet[6], "RFC 8200 3"
    )
    if packet[6] == ICMPV6 and packet[40:41] == bytes((ADVERTISEMENT,)):
        return _under(layer, dissect_advertisement(packet[:total]))
    return _carried("IPv6", layer, packet[6], packet[40:total], total)


def _layer(
    name: str,
    source: IPv4Address | IPv6Address,
    destination: IPv4Address | IPv6Address,
    protocol: int,
    rfc: str,
) -> Layer:
    return Layer(
        name,
        (
            Field("Source", str(source), rfc),
            Field("Destination", str(destination), rfc),
            Field("Protocol", _PROTOCOLS.get(protocol, str(protocol)), rfc),
        ),
    )


def _carried(name: str, layer: Layer, protocol: int, payload: bytes, total: int) -> Dissection:
    message = _PROTOCOLS.get(protocol, f"protocol {protocol}")
    if protocol == UDP and len(payload) >= 8:
        ports = set(_PORTS.unpack_from(payload))
        if name == "IPv4" and ports & {dhcp_message.SERVER_PORT, dhcp_message.CLIENT_PORT}:
            return _under(layer, dissect_dhcp(payload[8:]))
        if name == "IPv6" and ports & {dhcpv6_message.SERVER_PORT, dhcpv6_message.CLIENT_PORT}:
            return _under(layer, dissect_dhcpv6(payload[8:]))
    if protocol in (UDP, TCP) and len(payload) >= 4:
        message += " {} to {}".format(*_PORTS.unpack_from(payload))
    elif protocol == ICMP and payload:
        message += f" {_ICMP.get(payload[0], f'type {payload[0]}')}"
    elif protocol == ICMPV6 and payload:
        message += f" {_ICMPV6.get(payload[0], f'type {payload[0]}')}"
        if payload[0] == SOLICITATION:
            sentence = "asks routers for a prefix"
            return Dissection("IPv6", "router solicitation", sentence, [layer])
    source, destination = layer.fields[0].value, layer.fields[1].value
    sentence = f"sends {total} octets from {source} to {destination}"
    return Dissection(name, message, sentence, [layer], traffic=total)


def _under(layer: Layer, inner: Dissection) -> Dissection:
    inner.layers.insert(0, layer)
    return inner
