from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostconfig.offers import BARE, FULL
from talpa.hostconfig import LinkServices, dhcpv6, information_request, parse_reply
from talpa.hostconfig import dhcpv6_message as v6
from talpa.hostconfig.dhcpv6_message import (
    Association,
    Lease,
    Message,
    MessageType,
    Status,
    TemporaryAssociation,
)
from talpa.hostconfig.packets import parse_udp6, udp6
from talpa.sansio import Drops
from talpa.wire import Malformed

PEER = IPv6Address("fe80::1234:5678:9abc:def0")
CLIENT = (1, b"\x00\x03\x00\x01\x02\x03\x04\x05\x06\x07")
SERVER = (2, FULL.duid)
ADDRESS = IPv6Address("fd77:0:0:5::1:1")


def ia(iaid: int = 9, *leased: str, code: int = 3) -> tuple[int, bytes]:
    inner = v6.encode_options(
        (5, v6.IA_ADDRESS.codec.encode(Lease(IPv6Address(a), 1, 2, b""))) for a in leased
    )
    return code, v6.IA_NA.codec.encode(Association(iaid, 0, 0, inner))


def packet(kind: int, *options: tuple[int, bytes], to: IPv6Address = v6.ALL_SERVERS) -> bytes:
    return udp6(PEER, to, 546, 547, v6.build_message(Message(kind, 0xABCDEF, options)))


def ask(kind: int, *options: tuple[int, bytes]) -> Message:
    reply = dhcpv6.answer(packet(kind, *options), FULL)
    assert reply is not None
    datagram = parse_udp6(reply)
    assert (datagram.source, datagram.destination) == (FULL.ours, PEER)
    assert (datagram.source_port, datagram.destination_port) == (547, 546)
    message = v6.parse_message(datagram.payload)
    assert message.transaction == 0xABCDEF
    assert message.get(v6.SERVER_ID) == FULL.duid
    return message


def leases(message: Message, which: int = 0) -> list[Lease]:
    found = [data for code, data in message.options if code == 3][which]
    inner = v6.parse_options(v6.IA_NA.codec.decode(found).options)
    return [v6.IA_ADDRESS.codec.decode(data) for code, data in inner if code == 5]


def status(data: bytes) -> int:
    for code, value in v6.parse_options(v6.IA_NA.codec.decode(data).options):
        if code == 13:
            return int(v6.STATUS.codec.decode(value).code)
    return 0


def test_information_request_is_answered_with_names() -> None:
    reply = dhcpv6.answer(information_request(0x123456, PEER), FULL)
    assert reply is not None
    told = parse_reply(reply, 0x123456)
    assert told.dns == FULL.dns6
    assert told.search == FULL.search
    with pytest.raises(Malformed):
        parse_reply(reply, 0x123457)


def test_solicit_is_answered_with_an_address_of_the_lease() -> None:
    advertise = ask(MessageType.SOLICIT, CLIENT, ia())
    assert advertise.kind == MessageType.ADVERTISE
    assert advertise.get(v6.CLIENT_ID) == CLIENT[1]
    (lease,) = leases(advertise)
    assert lease.address == ADDRESS
    assert lease.address in FULL.prefix  # type: ignore[operator]
    assert 0 < lease.preferred <= lease.valid
    association = advertise.get(v6.IA_NA)
    assert association.iaid == 9
    assert 0 < association.t1 <= association.t2 <= lease.preferred


def test_rapid_commit_is_answered_at_once() -> None:
    reply = ask(MessageType.SOLICIT, CLIENT, (14, b""), ia())
    assert reply.kind == MessageType.REPLY
    assert reply.get(v6.RAPID_COMMIT) is not None


def test_request_is_answered_with_the_same_address() -> None:
    reply = ask(MessageType.REQUEST, CLIENT, SERVER, ia(9, str(ADDRESS)))
    assert reply.kind == MessageType.REPLY
    assert [lease.address for lease in leases(reply)] == [ADDRESS]
    assert reply.get(v6.DNS) == FULL.dns6


def test_renew_ends_addresses_of_another_link() -> None:
    reply = ask(MessageType.RENEW, CLIENT, SERVER, ia(9, "fd99::1"))
    assert [(str(x.address), x.valid > 0) for x in leases(reply)] == [
        (str(ADDRESS), True),
        ("fd99::1", False),
    ]


def test_a_second_association_and_prefixes_are_refused_by_status() -> None:
    temporary = (4, v6.IA_TA.codec.encode(TemporaryAssociation(7, b"")))
    reply = ask(MessageType.SOLICIT, CLIENT, ia(1), ia(2), temporary, ia(3, code=25))
    by_code = [(code, data) for code, data in reply.options if code in (3, 4, 25)]
    assert [code for code, _ in by_code] == [3, 3, 4, 25]
    assert status(by_code[0][1]) == Status.SUCCESS
    assert status(by_code[1][1]) == Status.NO_ADDRS_AVAIL
    assert status(by_code[3][1]) == Status.NO_PREFIX_AVAIL


def test_without_a_prefix_there_are_no_addresses() -> None:
    reply = dhcpv6.answer(packet(MessageType.SOLICIT, CLIENT, ia()), replace(FULL, prefix=None))
    assert reply is not None
    (data,) = [d for c, d in v6.parse_message(parse_udp6(reply).payload).options if c == 3]
    assert status(data) == Status.NO_ADDRS_AVAIL


@pytest.mark.parametrize(
    ("address", "code"),
    [("fd77:0:0:5::77", Status.SUCCESS), ("fd99::1", Status.NOT_ON_LINK)],
)
def test_confirm_says_whether_an_address_belongs_here(address: str, code: Status) -> None:
    reply = ask(MessageType.CONFIRM, CLIENT, ia(9, address))
    assert reply.get(v6.STATUS).code == code


@pytest.mark.parametrize("kind", [MessageType.RELEASE, MessageType.DECLINE])
def test_giving_back_is_noted(kind: MessageType) -> None:
    assert ask(kind, CLIENT, SERVER, ia(9, str(ADDRESS))).get(v6.STATUS).code == Status.SUCCESS


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        (MessageType.SOLICIT, (ia(),), "DHCPv6: no client identifier"),
        (MessageType.SOLICIT, (CLIENT, SERVER), "DHCPv6: server identifier where none may be"),
        (MessageType.REQUEST, (CLIENT, ia()), "DHCPv6: no server identifier"),
        (MessageType.REQUEST, (CLIENT, (2, b"other")), "DHCPv6: for another server"),
        (MessageType.CONFIRM, (CLIENT, ia()), "DHCPv6: nothing to confirm"),
        (
            MessageType.INFORMATION_REQUEST,
            (ia(),),
            "DHCPv6: information request for an address",
        ),
        (MessageType.RELAY_FORW, (), "DHCPv6: message type not for a server on the link"),
        (MessageType.SOLICIT, (CLIENT, *[ia()] * 9), "DHCPv6: too many identity associations"),
        (MessageType.SOLICIT, ((1, b"x" * 131),), "DUID of wrong length"),
        (MessageType.SOLICIT, [(8, b"")] * 65, "DHCPv6: too many options"),
    ],
)
def test_what_rfc_8415_16_discards_is_counted(
    kind: int, options: tuple[tuple[int, bytes], ...], reason: str
) -> None:
    drops = Drops()
    assert dhcpv6.answer(packet(kind, *options), FULL, drops) is None
    assert list(drops) == [(reason, 1)]


def test_no_answer_on_a_link_without_ipv6() -> None:
    assert dhcpv6.answer(information_request(1, PEER), BARE) is None


@given(st.integers(0, 15), st.binary(max_size=300))
def test_no_octets_make_it_raise(kind: int, data: bytes) -> None:
    dhcpv6.answer(data, FULL)
    whole = bytes((kind, 1, 2, 3)) + v6.encode_options([CLIENT]) + data
    dhcpv6.answer(udp6(PEER, v6.ALL_SERVERS, 546, 547, whole), FULL)


@given(
    st.sampled_from(sorted(MessageType)),
    st.lists(st.tuples(st.sampled_from(sorted(v6.OPTIONS)), st.binary(max_size=60)), max_size=8),
)
def test_no_options_make_it_raise(kind: int, options: list[tuple[int, bytes]]) -> None:
    services = LinkServices()
    answers = services.respond(packet(kind, CLIENT, *options), FULL)
    assert len(answers) + services.drops.total() == 1


@given(st.binary(max_size=300))
def test_the_client_raises_malformed_only(data: bytes) -> None:
    whole = b"\x07\x00\x00\x05" + data
    with suppress(Malformed):
        parse_reply(udp6(FULL.ours or PEER, PEER, 547, 546, whole), 5)
