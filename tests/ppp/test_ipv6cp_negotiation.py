"""IPV6CP: two interface identifiers that are neither zero nor equal (RFC 5072 4.1)."""

from ipaddress import IPv6Address, IPv6Network

import pytest

from ppp.link_peers import Packet, Peer
from talpa.ppp.events import Ipv6Up
from talpa.ppp.frames import Code, Protocol

IPV6CP = Protocol.IPV6CP
ACK, NAK, REJECT = Code.CONFIGURE_ACK, Code.CONFIGURE_NAK, Code.CONFIGURE_REJECT
IDENTIFIER, COMPRESSION = 1, 2
PEERS = bytes.fromhex("0211223344556677")


def begun() -> tuple[Peer, Packet]:
    peer = Peer()
    return peer, peer.open_network()[IPV6CP]


def test_both_identifiers_make_link_local_addresses() -> None:
    peer, request = begun()
    ((kind, ours),) = request.options
    assert (kind, len(ours)) == (IDENTIFIER, 8)
    # Drawn at random, hence not universal.
    assert ours[0] & 2 == 0
    assert ours != bytes(8)
    peer.answer(request, ACK)
    assert peer.request(IPV6CP, [(IDENTIFIER, PEERS)])[-1].code == ACK
    up = peer.owner.one(Ipv6Up)
    assert up.ours == IPv6Address(b"\xfe\x80" + bytes(6) + ours)
    assert up.peer == IPv6Address("fe80::211:2233:4455:6677")
    assert up.ours in IPv6Network("fe80::/64")


@pytest.mark.parametrize("value", [bytes(8), b"", bytes(7), bytes(9)])
def test_zero_and_nonsense_are_naked_with_an_identifier_to_take(value: bytes) -> None:
    peer, request = begun()
    (nak,) = peer.request(IPV6CP, [(IDENTIFIER, value)])
    ((_, suggested),) = nak.options
    assert nak.code == NAK
    assert len(suggested) == 8
    assert suggested not in (bytes(8), request.options[0][1])
    assert peer.request(IPV6CP, [(IDENTIFIER, suggested)], identifier=2)[-1].code == ACK


def test_our_own_identifier_is_not_the_peers() -> None:
    peer, request = begun()
    (nak,) = peer.request(IPV6CP, request.options)
    assert nak.code == NAK
    assert nak.options != request.options


def test_a_suggested_identifier_is_taken() -> None:
    peer, request = begun()
    (again,) = peer.answer(request, NAK, [(IDENTIFIER, PEERS)])
    assert again.options == [(IDENTIFIER, PEERS)]


def test_a_suggestion_of_ours_that_comes_back_is_not_taken() -> None:
    peer, request = begun()
    (nak,) = peer.request(IPV6CP, [(IDENTIFIER, bytes(8))])
    (again,) = peer.answer(request, NAK, nak.options)
    assert again.options not in (nak.options, request.options)


@pytest.mark.parametrize("value", [bytes(8), b"", bytes(7)])
def test_a_useless_suggestion_is_answered_with_another_identifier(value: bytes) -> None:
    peer, request = begun()
    (again,) = peer.answer(request, NAK, [(IDENTIFIER, value)])
    assert len(again.options[0][1]) == 8
    assert again.options != request.options


def test_compression_is_rejected() -> None:
    peer, _ = begun()
    option = (COMPRESSION, b"\0\3")
    assert peer.request(IPV6CP, [option, (IDENTIFIER, PEERS)])[-1].options == [option]


def test_a_peer_without_identifier_is_prompted_once_and_then_does_without_ipv6() -> None:
    peer, request = begun()
    assert peer.request(IPV6CP, [])[-1].code == NAK
    assert peer.request(IPV6CP, [], identifier=2)[-1].code == ACK
    peer.answer(request, ACK)
    assert peer.owner.found(Ipv6Up) == []
    # IPv4 goes on alone.
    assert peer.alive()
    assert "IPCP Req-Sent" in peer.link.state
