"""What a host on the link gets, and that tshark finds no fault with it."""

import json
import struct
import subprocess
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hostconfig.offers import BARE, FULL, MACOS_NEW_ASKS, request
from talpa.hostconfig import (
    LinkServices,
    inform_request,
    information_request,
    is_router_solicitation,
    parse_advertisement,
    router_solicitation,
)
from talpa.hostconfig import dhcpv6_message as v6
from talpa.hostconfig.dhcpv6_message import Association, Message
from talpa.hostconfig.packets import udp6

CHECKSUMS = ("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
PEER = IPv6Address("fe80::1234:5678:9abc:def0")


def dhcpv6_packet(kind: int, *options: tuple[int, bytes]) -> bytes:
    message = Message(kind, 7, ((1, b"\0\3\0\1\2\3\4\5\6\7"), *options))
    return udp6(PEER, v6.ALL_SERVERS, 546, 547, v6.build_message(message))


IA = v6.IA_NA.codec.encode(Association(1, 0, 0, b""))


def test_each_service_answers_its_own() -> None:
    services = LinkServices()
    assert len(services.respond(request(), FULL)) == 1
    assert len(services.respond(information_request(1, PEER), FULL)) == 1
    (advertisement,) = services.respond(router_solicitation(PEER), FULL)
    assert parse_advertisement(advertisement).router == FULL.ours
    assert services.drops.total() == 0


def test_an_open_link_is_advertised_to_unasked() -> None:
    assert len(LinkServices().opened(FULL)) == 1
    assert LinkServices().opened(BARE) == []


def test_what_is_for_no_service_is_counted() -> None:
    services = LinkServices()
    assert services.respond(b"", FULL) == []
    assert services.respond(router_solicitation(PEER), BARE) == []
    assert services.respond(bytes((0x60,)) + bytes(39), FULL) == []
    assert dict(services.drops) == {
        "IP packet for no service": 2,
        "router solicitation on a link without IPv6": 1,
    }


@given(st.binary(max_size=200))
def test_nothing_raises_and_all_is_answered_or_counted(data: bytes) -> None:
    services = LinkServices()
    assert len(services.respond(data, FULL)) + services.drops.total() == 1


def test_tshark_finds_no_fault(tmp_path: Path) -> None:
    services = LinkServices()
    many = replace(FULL, routes=tuple(IPv4Network((n << 24, 8)) for n in range(1, 70)))
    asked = [
        inform_request(7, IPv4Address("10.77.0.50")),
        information_request(7, PEER),
        router_solicitation(PEER),
        request(asks=MACOS_NEW_ASKS),
        dhcpv6_packet(1, (3, IA), (25, IA)),
        dhcpv6_packet(3, (2, FULL.duid), (3, IA), (3, IA)),
    ]
    packets = list(asked)
    for packet in asked:
        packets += services.respond(packet, FULL)
    packets += services.respond(request(), many) + services.opened(FULL)
    assert len(packets) == 2 * len(asked) + 2
    capture = tmp_path / "services.pcap"
    raw_ip = struct.pack("!IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    capture.write_bytes(
        raw_ip + b"".join(struct.pack("!IIII", 0, 0, len(p), len(p)) + p for p in packets)
    )
    out = subprocess.run(
        ["tshark", "-r", str(capture), "-T", "json", *CHECKSUMS],
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    frames = json.loads(out)
    assert len(frames) == len(packets)
    for frame in frames:
        text = json.dumps(frame)
        assert "_ws.expert" not in text, text
        assert "_ws.malformed" not in text, text
        protocols = frame["_source"]["layers"]["frame"]["frame.protocols"]
        assert protocols.split(":")[-1] in ("dhcp", "dhcpv6", "icmpv6"), protocols
    assert is_router_solicitation(packets[2])
