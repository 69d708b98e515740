from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostconfig.offers import BARE, FULL
from talpa.hostconfig import (
    is_router_solicitation,
    parse_advertisement,
    router_advertisement,
    router_solicitation,
    slaac_address,
)
from talpa.hostconfig.packets import icmp6, parse_icmp6
from talpa.hostconfig.ra import ALL_NODES
from talpa.wire import Malformed

PEER = IPv6Address("fe80::1234:5678:9abc:def0")
OURS = IPv6Address("fe80::1")


def test_a_client_forms_its_address_from_what_the_server_advertises() -> None:
    told = parse_advertisement(router_advertisement(FULL))
    assert told.router == OURS
    assert told.router_lifetime > 0
    assert told.mtu == 1400
    assert told.dns == FULL.dns6
    assert told.search == FULL.search
    assert (told.managed, told.other) == (False, True)
    assert told.addresses(PEER) == (IPv6Address("fd77:0:0:5:1234:5678:9abc:def0"),)


def test_it_goes_to_the_peer_or_to_all_nodes_with_hop_limit_255() -> None:
    assert parse_icmp6(router_advertisement(FULL)).destination == PEER
    multicast = parse_icmp6(router_advertisement(FULL, ALL_NODES))
    assert multicast.destination == ALL_NODES
    assert multicast.hop_limit == 255


def test_without_a_prefix_we_are_no_default_router() -> None:
    told = parse_advertisement(router_advertisement(replace(FULL, prefix=None)))
    assert told.router_lifetime == 0
    assert told.addresses(PEER) == ()


def test_a_link_below_the_least_mtu_of_ipv6_does_not_advertise_it() -> None:
    assert parse_advertisement(router_advertisement(replace(FULL, mtu=1000))).mtu is None


def test_an_offer_without_ipv6_cannot_be_advertised() -> None:
    with pytest.raises(ValueError):
        router_advertisement(BARE)
    with pytest.raises(ValueError):
        replace(FULL, prefix=IPv6Network("fd77::/56"))


def test_our_solicitation_is_one() -> None:
    assert is_router_solicitation(router_solicitation(PEER))
    assert not is_router_solicitation(router_advertisement(FULL))
    far = bytearray(router_solicitation(PEER))
    far[7] = 64
    assert not is_router_solicitation(bytes(far))
    assert not is_router_solicitation(icmp6(PEER, OURS, 133, bytes(4) + b"\x01\x00" + bytes(6)))


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**64 - 1))
def test_the_address_has_prefix_and_identifier(prefix: int, identifier: int) -> None:
    network = IPv6Network((prefix, 64), strict=False)
    address = slaac_address(network, IPv6Address(0xFE80 << 112 | identifier))
    assert address in network
    assert int(address) & (2**64 - 1) == identifier


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p[:7] + b"\x40" + p[8:],  # hop limit
        lambda p: p[:60],
        lambda p: p[:-1] + b"\x99",
        lambda p: b"",
    ],
)
def test_a_bad_advertisement_is_malformed(change: object) -> None:
    assert callable(change)
    with pytest.raises(Malformed):
        parse_advertisement(change(router_advertisement(FULL)))


def test_an_advertisement_from_a_global_address_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse_advertisement(router_advertisement(replace(FULL, ours=IPv6Address("fd00::1"))))


@given(st.binary(max_size=200))
def test_any_octets_are_an_advertisement_or_malformed(data: bytes) -> None:
    for packet in (data, icmp6(OURS, PEER, 134, data), icmp6(OURS, PEER, 134, bytes(12) + data)):
        try:
            told = parse_advertisement(packet)
        except Malformed:
            continue
        assert len(told.prefixes) <= 16
    is_router_solicitation(icmp6(OURS, PEER, 133, data))
