"""What a client learns from router advertisements, and when it forgets it."""

import struct
from ipaddress import IPv6Address

from simnet.link import Link
from simnet.stack import ClientEnd, ServerEnd, connect
from talpa.hostconfig.names import encode_names
from talpa.hostconfig.packets import icmp6
from talpa.roles.client import Stage

HEAD = struct.pack("!BBHII", 64, 0, 1800, 0, 0)


def prefix(text: str, valid: int) -> bytes:
    address = IPv6Address(text).packed
    return struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, valid, valid, 0, address)


def test_prefixes_come_and_go_and_search_domains_are_taken() -> None:
    server, client = ServerEnd(1), ClientEnd(2)
    pair = connect(Link(5), client, server)
    assert pair.run(60, until=lambda: client.role.stage is Stage.READY)
    pair.run(5)
    role = client.role
    before = role.network.ipv6
    link_local = role.network.link_local
    assert before
    assert link_local is not None

    def hear(*options: bytes) -> None:
        body = HEAD + b"".join(options)
        assert role.link is not None
        packet = icmp6(IPv6Address("fe80::1"), link_local, 134, body)
        role.packet_for_host(role.link, packet, pair.now)

    hear()
    assert role.network.ipv6 == before
    hear(prefix("fd99::", 0))
    assert role.network.ipv6 == before, "a prefix without a lifetime gives no address"
    hear(prefix("fd99::", 100))
    assert len(role.network.ipv6) == 2
    hear(prefix("fd99::", 0))
    assert role.network.ipv6 == before
    names = encode_names(("corp.example",))
    names += bytes(-len(names) % 8)
    hear(struct.pack("!BBHI", 31, 1 + len(names) // 8, 0, 600) + names)
    assert role.network.search == ("corp.example",)
