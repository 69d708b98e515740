"""DHCP, DHCPv6 and router advertisements, by the declarations of the `hostconfig` room."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from talpa.explain.dissection import Dissection, Field, Layer
from talpa.explain.values import plain, shown
from talpa.hostconfig import dhcp_message, dhcpv6_message
from talpa.hostconfig.ra import parse_advertisement
from talpa.wire import Codec, Malformed

_DHCP: dict[int, str] = {
    dhcp_message.MessageType.INFORM: "asks for name servers and routes",
    dhcp_message.MessageType.ACK: "tells name servers and routes",
    dhcp_message.MessageType.NAK: "gives nothing",
}
_DHCPV6: dict[int, str] = {
    dhcpv6_message.MessageType.SOLICIT: "looks for a server that gives addresses",
    dhcpv6_message.MessageType.ADVERTISE: "says what it could give",
    dhcpv6_message.MessageType.REQUEST: "asks for an address",
    dhcpv6_message.MessageType.RENEW: "asks to keep its address",
    dhcpv6_message.MessageType.REPLY: "answers",
    dhcpv6_message.MessageType.RELEASE: "gives its address back",
    dhcpv6_message.MessageType.INFORMATION_REQUEST: "asks for name servers",
}


class _Row(Protocol):
    """A row of either option table."""

    @property
    def name(self) -> str: ...
    @property
    def codec(self) -> Codec[Any]: ...
    @property
    def rfc(self) -> str: ...


def dissect_dhcp(data: bytes) -> Dissection:
    """A UDP payload of DHCP. Raises `Malformed`."""
    message = dhcp_message.parse_message(data)
    kind = message.get(dhcp_message.MESSAGE_TYPE)
    name = "BOOTP" if kind is None else str(kind)
    fields = _fields(message.options.items(), dhcp_message.OPTIONS)
    client = Field("ciaddr", str(message.client), "RFC 2131 2")
    sentence = _DHCP.get(kind or 0, "settles addresses, as on a LAN")
    return Dissection("DHCP", name, sentence, [Layer("DHCP", (client, *fields))])


def dissect_dhcpv6(data: bytes) -> Dissection:
    """A UDP payload of DHCPv6. Raises `Malformed`."""
    message = dhcpv6_message.parse_message(data)
    name = plain(dhcpv6_message.MessageType(message.kind))
    fields = _fields(message.options, dhcpv6_message.OPTIONS)
    sentence = _DHCPV6.get(message.kind, "speaks of its configuration")
    return Dissection("DHCPv6", name, sentence, [Layer("DHCPv6", fields)])


def dissect_advertisement(packet: bytes) -> Dissection:
    """An IPv6 packet with a router advertisement. Raises `Malformed`."""
    told = parse_advertisement(packet)
    prefixes = ", ".join(str(p.network) for p in told.prefixes)
    servers = ", ".join(map(str, told.dns))
    fields = [
        Field("Router Lifetime", f"{told.router_lifetime} s", "RFC 4861 4.2"),
        Field("Prefix", prefixes or "none", "RFC 4861 4.6.2"),
        Field("MTU", str(told.mtu or "none"), "RFC 4861 4.6.4"),
        Field("DNS", servers or "none", "RFC 8106 5.1"),
        Field("Search", plain(told.search) or "none", "RFC 8106 5.2"),
    ]
    sentence = f"gives the prefix {prefixes}" if prefixes else "gives no prefix"
    return Dissection("IPv6", "router advertisement", sentence, [Layer("ICMPv6", tuple(fields))])


def _fields(options: Iterable[tuple[int, bytes]], rows: Mapping[int, _Row]) -> tuple[Field, ...]:
    fields = []
    for number, data in options:
        row = rows.get(number)
        if row is None:
            fields.append(Field(f"option {number}", plain(data)))
            continue
        try:
            value = shown(row.codec, data)
        except Malformed as wrong:
            value = f"{plain(data)} ({wrong})"
        fields.append(Field(row.name, value, row.rfc))
    return tuple(fields)
