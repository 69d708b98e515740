"""DHCP, DHCPv6 and router advertisements, both sides."""

from collections.abc import Callable, Iterator
from ipaddress import IPv6Address

from fuzz.octets import Octets
from hostconfig.offers import FULL, MACOS_NEW_ASKS, WINDOWS_ASKS, request
from talpa.explain.ppp import dissect_frame
from talpa.hostconfig import (
    LinkServices,
    inform_request,
    information_request,
    parse_ack,
    parse_advertisement,
    parse_reply,
    router_advertisement,
    router_solicitation,
)
from talpa.hostconfig import packets as ip
from talpa.wire import Malformed, internet_checksum

_XID = 0x1234ABCD
_HOST = FULL.peer or IPv6Address("::1")
_CLIENT: tuple[Callable[[bytes], object], ...] = (
    lambda packet: parse_ack(packet, _XID),
    lambda packet: parse_reply(packet, _XID),
    parse_advertisement,
)


def check(data: bytes) -> None:
    """Any packet, most with right checksums: the server answers with one packet of the link's size
    at most, or none; the client reads it or it is `Malformed`; the dissection raises nothing."""
    octets = Octets(data)
    whole = octets.number() % 4 != 3
    packet = octets.rest()
    if whole:
        packet = _repaired(packet)
    services = LinkServices()
    answers = services.respond(packet, FULL)
    assert len(answers) <= 1
    assert bool(answers) != bool(services.drops.total())
    for answer in answers:
        assert len(answer) <= FULL.mtu
        _dissect(answer)
    for parse in _CLIENT:
        try:
            repr(parse(packet))
        except Malformed:
            continue
    _dissect(packet)


def _dissect(packet: bytes) -> None:
    for protocol in (b"\x00\x21", b"\x00\x57"):
        dissect_frame(b"\xff\x03" + protocol + packet)


def _repaired(packet: bytes) -> bytes:
    """With right lengths and checksums, so that what is inside is looked at."""
    made = bytearray(packet)
    if len(made) >= 28 and made[0] >> 4 == 4:
        made[0] = 0x45
        made[2:4] = len(made).to_bytes(2, "big")
        made[10:12] = bytes(2)
        made[10:12] = internet_checksum(bytes(made[:20])).to_bytes(2, "big")
        made[24:28] = (len(made) - 20).to_bytes(2, "big") + bytes(2)
    elif len(made) >= 48 and made[0] >> 4 == 6:
        made[4:6] = (len(made) - 40).to_bytes(2, "big")
        if made[6] == ip.UDP:
            made[44:46] = made[4:6]
        at = 46 if made[6] == ip.UDP else 42
        made[at : at + 2] = bytes(2)
        pseudo = bytes(made[8:40]) + bytes((0, 0)) + bytes(made[4:6]) + bytes((0, 0, 0, made[6]))
        made[at : at + 2] = internet_checksum(pseudo, bytes(made[40:])).to_bytes(2, "big")
    return bytes(made)


def seeds() -> Iterator[bytes]:
    """Questions and answers of each kind."""
    services = LinkServices()
    asked = [
        request(asks=WINDOWS_ASKS),
        request(asks=MACOS_NEW_ASKS),
        inform_request(_XID, FULL.client) if FULL.client else b"",
        information_request(_XID, _HOST),
        router_solicitation(_HOST),
        _dhcpv6(1, bytes.fromhex("0001000a000300010200000000010003000c000000010000000000000000")),
        _dhcpv6(3, bytes.fromhex("0001000a000300010200000000010019000c000000010000000000000000")),
        router_advertisement(FULL),
    ]
    for packet in asked:
        yield b"\0" + packet
        for answer in services.respond(packet, FULL):
            yield b"\0" + answer
    # Names that point at names: the work must not grow with the square of the length.
    names = b"\0" + b"".join((0xC000 | max(0, 2 * at - 1)).to_bytes(2, "big") for at in range(250))
    parts = b"".join(
        bytes((119, len(part))) + part for part in (names[:250], names[250:500], names[500:])
    )
    ack = services.respond(asked[1], FULL)[0]
    options = b"\x35\x01\x05" + parts + b"\xff"
    yield b"\0" + ack[: 28 + 240] + options


def _dhcpv6(kind: int, options: bytes) -> bytes:
    payload = bytes((kind, 0x34, 0xAB, 0xCD)) + options
    if kind != 1 and FULL.duid:
        payload += b"\x00\x02" + len(FULL.duid).to_bytes(2, "big") + FULL.duid
    return ip.udp6(_HOST, IPv6Address("ff02::1:2"), 546, 547, payload)
