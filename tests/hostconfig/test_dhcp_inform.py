from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostconfig.offers import BARE, FULL, MACOS_ASKS, MACOS_NEW_ASKS, WINDOWS_ASKS, request
from talpa.hostconfig import Route, answer_inform, inform_request, parse_ack
from talpa.hostconfig import dhcp_message as dhcp
from talpa.hostconfig.dhcp_message import Message, MessageType, parse_message
from talpa.hostconfig.packets import Udp4, parse_udp4, udp4
from talpa.sansio import Drops
from talpa.wire import Malformed

ROUTES = tuple(Route(n, IPv4Address("10.77.0.1")) for n in FULL.routes)


def answered(packet: bytes | None) -> tuple[Udp4, Message]:
    assert packet is not None
    datagram = parse_udp4(packet)
    return datagram, parse_message(datagram.payload)


def test_the_acknowledgement_is_as_rfc_2131_4_3_5_says() -> None:
    datagram, ack = answered(answer_inform(request(), FULL))
    assert (str(datagram.source), datagram.source_port) == ("10.77.0.1", 67)
    assert (str(datagram.destination), datagram.destination_port) == ("10.77.0.50", 68)
    assert ack.op == 2
    assert ack.xid == 0x1234ABCD
    assert ack.client == IPv4Address("10.77.0.50")
    assert ack.yours == IPv4Address(0)
    assert (ack.hardware_type, ack.hardware_length) == (8, 6)
    assert ack.get(dhcp.MESSAGE_TYPE) == MessageType.ACK
    assert ack.get(dhcp.SERVER_ID) == IPv4Address("10.77.0.1")
    assert dhcp.LEASE_TIME.number not in ack.options


@pytest.mark.parametrize(
    ("asks", "told"),
    [
        (WINDOWS_ASKS, {6, 44, 249, 15, 121}),
        (MACOS_ASKS, {1, 6, 15, 44, 249, 121}),
        (MACOS_NEW_ASKS, {1, 121, 6, 15, 119, 44, 249}),
        ((6,), {6, 121, 249}),
        ((), {1, 6, 15, 44, 119, 121, 249}),
    ],
)
def test_only_what_was_asked_for_and_always_both_kinds_of_routes(
    asks: tuple[int, ...], told: set[int]
) -> None:
    _, ack = answered(answer_inform(request(asks=asks), FULL))
    assert set(ack.options) == told | {53, 54}
    assert ack.get(dhcp.ROUTES_121) == ack.get(dhcp.ROUTES_249) == ROUTES


def test_options_stand_in_the_order_asked_for() -> None:
    _, ack = answered(answer_inform(request(asks=(15, 249, 6)), FULL))
    assert list(ack.options) == [53, 54, 15, 249, 6, 121]


def test_values_are_the_lease_s() -> None:
    _, ack = answered(answer_inform(request(asks=()), FULL))
    assert ack.get(dhcp.SUBNET_MASK) == IPv4Address("255.255.255.255")
    assert ack.get(dhcp.DNS) == FULL.dns
    assert ack.get(dhcp.DOMAIN) == "corp.example.com"
    assert ack.get(dhcp.SEARCH) == FULL.search
    assert ack.get(dhcp.WINS) == FULL.wins


def test_without_routes_nothing_is_said_of_routes() -> None:
    _, ack = answered(answer_inform(request(), replace(FULL, routes=())))
    assert not {121, 249} & set(ack.options)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (request(MessageType.DISCOVER), "DHCPDISCOVER: not answered"),
        (request(MessageType.REQUEST), "DHCPREQUEST: not answered"),
        (request(77), "DHCP: unknown message type"),
        (request(relay="10.77.0.9"), "DHCP: relayed"),
        (request(port=53), "UDP to another port than DHCP's"),
        (request(more={53: b""}), "u8 of wrong length"),
        (request()[:-1], "IPv4 length wrong"),
        (request()[:-1] + b"\x01", "UDP checksum wrong"),
        (b"", "no IPv4 packet"),
        (udp4(IPv4Address(1), IPv4Address(2), 68, 67, b"x" * 100), "DHCP: cut short"),
        (udp4(IPv4Address(1), IPv4Address(2), 68, 67, b"x" * 300), "DHCP: no magic cookie"),
    ],
)
def test_everything_else_is_counted_and_not_answered(packet: bytes, reason: str) -> None:
    drops = Drops()
    assert answer_inform(packet, FULL, drops) is None
    assert list(drops) == [(reason, 1)]


def test_no_answer_on_a_link_without_ipv4() -> None:
    assert answer_inform(request(), BARE) is None


def many(count: int) -> tuple[IPv4Network, ...]:
    return tuple(IPv4Network((0x0A000000 + (n << 8), 24)) for n in range(count))


def test_many_routes_are_split_over_options_and_come_back() -> None:
    offer = replace(FULL, routes=many(60))
    packet = answer_inform(request(), offer)
    _, ack = answered(packet)
    assert packet is not None
    assert len(packet) <= 1400
    assert len(ack.get(dhcp.ROUTES_249)) == len(ack.get(dhcp.ROUTES_121)) == 60


@pytest.mark.parametrize(("asked", "left_out"), [(249, 121), (121, 249)])
def test_when_both_do_not_fit_the_one_asked_for_is_said(asked: int, left_out: int) -> None:
    packet = answer_inform(request(asks=(asked, 6, 15)), replace(FULL, routes=many(110)))
    _, ack = answered(packet)
    assert packet is not None
    assert len(packet) <= 1400
    assert asked in ack.options
    assert left_out not in ack.options
    assert {6, 15} <= set(ack.options)


@given(
    st.integers(0, 200), st.integers(576, 1500), st.none() | st.integers(0, 0xFFFF), st.booleans()
)
def test_the_answer_never_exceeds_link_or_client(
    routes: int, mtu: int, size: int | None, windows: bool
) -> None:
    offer = replace(FULL, routes=many(routes), mtu=mtu)
    more = {} if size is None else {57: size.to_bytes(2, "big")}
    packet = answer_inform(request(asks=WINDOWS_ASKS if windows else (), more=more), offer)
    _, ack = answered(packet)
    assert packet is not None
    assert len(packet) <= mtu
    if size is not None:
        assert len(packet) <= max(size, 576)
    for row in (dhcp.ROUTES_121, dhcp.ROUTES_249):
        assert ack.get(row) is None or len(ack.get(row)) == routes


@given(st.binary(max_size=600))
def test_no_octets_make_it_raise(data: bytes) -> None:
    answer_inform(data, FULL)
    answer_inform(udp4(IPv4Address(1), IPv4Address(2), 68, 67, data), FULL)


@given(st.binary(max_size=200), st.integers(0, 3))
def test_no_options_make_it_raise(options: bytes, overload: int) -> None:
    whole = parse_udp4(request(asks=(), more={52: bytes((overload,))})).payload[:-1] + options
    answer_inform(udp4(IPv4Address(1), IPv4Address(2), 68, 67, whole), FULL)


def test_options_in_the_fields_of_an_overloaded_message_are_read() -> None:
    payload = bytearray(parse_udp4(request(asks=(), more={52: b"\x03"})).payload)
    payload[108:112] = b"\x37\x01\x06\xff"  # file: asks for 6
    payload[44:48] = b"\x37\x01\x0f\xff"  # sname: and for 15
    message = parse_message(bytes(payload))
    assert message.get(dhcp.WANTED) == (6, 15)


def test_our_own_client_is_answered_and_understands() -> None:
    ack = answer_inform(inform_request(0xCAFE, IPv4Address("10.77.0.50")), FULL)
    assert ack is not None
    told = parse_ack(ack, 0xCAFE)
    assert told.server == FULL.server
    assert told.dns == FULL.dns
    assert told.wins == FULL.wins
    assert told.search == FULL.search
    assert told.routes == ROUTES
    with pytest.raises(Malformed):
        parse_ack(ack, 0xCAFF)


def ack_with(options: dict[int, bytes]) -> bytes:
    nobody = IPv4Address(0)
    options = {53: b"\x05"} | options
    message = Message(2, 1, 0, 7, 0, nobody, nobody, nobody, b"", options)
    return udp4(IPv4Address(1), IPv4Address(2), 67, 68, dhcp.build_message(message))


def test_a_server_of_the_microsoft_kind_is_understood() -> None:
    told = parse_ack(ack_with({249: b"\x08\x0a\0\0\0\0", 15: b"corp.example\0"}), 7)
    assert told.routes == (Route(IPv4Network("10.0.0.0/8"), IPv4Address(0)),)
    assert told.search == ("corp.example",)


def test_a_hostile_domain_is_not_taken() -> None:
    assert parse_ack(ack_with({15: b"x\nnameserver 192.0.2.66"}), 7).search == ()


@given(st.binary(max_size=400))
def test_the_client_raises_malformed_only(options: bytes) -> None:
    whole = parse_udp4(ack_with({})).payload[:-1] + options
    with suppress(Malformed):
        parse_ack(udp4(IPv4Address(1), IPv4Address(2), 67, 68, whole), 7)
