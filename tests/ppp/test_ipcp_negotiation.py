"""IPCP: the side that gives addresses, and the side that asks."""

from ipaddress import IPv4Address

import pytest

from ppp.link_peers import CLIENT, OFFER, Packet, Peer, variant
from talpa.ppp import Habits, Ipv4Offer
from talpa.ppp.events import Ipv4Down, Ipv4Up
from talpa.ppp.frames import Code, Protocol

IPCP = Protocol.IPCP
REQUEST, ACK, NAK, REJECT = (
    Code.CONFIGURE_REQUEST,
    Code.CONFIGURE_ACK,
    Code.CONFIGURE_NAK,
    Code.CONFIGURE_REJECT,
)
ADDRESSES, VJ, ADDRESS, DNS1, WINS1, DNS2, WINS2 = 1, 2, 3, 129, 130, 131, 132
ZERO = bytes(4)
OURS, PEERS = OFFER.ours.packed, OFFER.peer.packed


def giver(offer: Ipv4Offer = OFFER) -> tuple[Peer, Packet]:
    """A server with IPCP begun, and its request."""
    peer = Peer()
    peer.owner.offer = offer
    return peer, peer.open_network()[IPCP]


def asker(**changes: object) -> tuple[Peer, Packet]:
    """A client with IPCP begun, and its request."""
    peer = Peer(variant(CLIENT, ipv6=False, insist_on_login=False, **changes))
    (request,) = peer.open_lcp()
    assert request.protocol == IPCP
    return peer, request


def test_a_client_that_knows_nothing_is_told_everything() -> None:
    peer, request = giver()
    assert request.options == [(ADDRESS, OURS)]
    asked = [(kind, ZERO) for kind in (ADDRESS, DNS1, WINS1, DNS2)]
    (nak,) = peer.request(IPCP, asked)
    assert nak.code == NAK
    assert nak.options == [
        (ADDRESS, PEERS),
        (DNS1, OFFER.dns[0].packed),
        (WINS1, OFFER.wins[0].packed),
        (DNS2, OFFER.dns[1].packed),
    ]
    (ack,) = peer.request(IPCP, nak.options, identifier=2)
    assert ack.code == ACK
    peer.answer(request, ACK)
    assert peer.owner.one(Ipv4Up) == Ipv4Up(OFFER.ours, OFFER.peer, (), ())


def test_what_is_not_configured_is_rejected_first() -> None:
    peer, _ = giver(Ipv4Offer(OFFER.ours, OFFER.peer, dns=OFFER.dns[:1]))
    options = [(kind, ZERO) for kind in (ADDRESS, DNS1, WINS1, DNS2, WINS2)]
    (reject,) = peer.request(IPCP, options)
    assert reject.code == REJECT
    assert reject.options == [(kind, ZERO) for kind in (WINS1, DNS2, WINS2)]
    (nak,) = peer.request(IPCP, options[:2], identifier=2)
    assert (nak.code, [kind for kind, _ in nak.options]) == (NAK, [ADDRESS, DNS1])


@pytest.mark.parametrize(
    "option",
    [
        (VJ, b"\0\x2d\x0f\1"),
        (VJ, b"\0\x2d"),
        (ADDRESSES, bytes(8)),
        (4, ZERO),
        (133, ZERO),
        (0, b""),
    ],
)
def test_what_we_do_not_do_is_rejected(option: tuple[int, bytes]) -> None:
    peer, _ = giver()
    (reject,) = peer.request(IPCP, [option, (ADDRESS, PEERS)])
    assert (reject.code, reject.options) == (REJECT, [option])


def test_a_wrong_address_is_naked_and_in_the_end_rejected() -> None:
    peer, _ = giver()
    wrong = [(ADDRESS, b"\xc0\xa8\0\1")]
    codes = [peer.request(IPCP, wrong, identifier=n)[-1].code for n in range(7)]
    assert codes == [NAK] * 5 + [REJECT] * 2


@pytest.mark.parametrize("value", [b"", b"\1", bytes(3), bytes(5), bytes(200)])
def test_an_address_of_wrong_length_is_answered_with_a_right_one(value: bytes) -> None:
    peer, _ = giver()
    (nak,) = peer.request(IPCP, [(ADDRESS, value), (DNS1, value)])
    assert nak.options == [(ADDRESS, PEERS), (DNS1, OFFER.dns[0].packed)]


def test_a_client_that_asks_for_no_address_is_prompted_once() -> None:
    peer, _ = giver()
    (nak,) = peer.request(IPCP, [])
    assert (nak.code, nak.options) == (NAK, [(ADDRESS, PEERS)])
    assert peer.request(IPCP, [], identifier=2)[-1].code == ACK


def test_a_peer_may_bring_its_own_address_where_none_is_set() -> None:
    peer, request = giver(Ipv4Offer(OFFER.ours, IPv4Address(0)))
    assert peer.request(IPCP, [(ADDRESS, ZERO)])[-1].code == REJECT
    assert peer.request(IPCP, [(ADDRESS, b"\xc0\xa8\0\1")], identifier=2)[-1].code == ACK
    peer.answer(request, ACK)
    assert peer.owner.one(Ipv4Up).peer == IPv4Address("192.168.0.1")


def test_a_client_asks_and_takes_what_it_is_given() -> None:
    peer, request = asker(ask_wins=True)
    assert request.options == [(k, ZERO) for k in (ADDRESS, DNS1, WINS1, DNS2, WINS2)]
    (again,) = peer.answer(request, REJECT, [(WINS1, ZERO), (WINS2, ZERO)])
    assert again.options == [(k, ZERO) for k in (ADDRESS, DNS1, DNS2)]
    given = [(ADDRESS, PEERS), (DNS1, b"\x09\x09\x09\x09"), (DNS2, b"\1\1\1\1")]
    (last,) = peer.answer(again, NAK, given)
    assert last.options == given
    peer.answer(last, ACK)
    assert peer.request(IPCP, [(ADDRESS, OURS)])[-1].code == ACK
    assert peer.owner.one(Ipv4Up) == Ipv4Up(
        OFFER.peer, OFFER.ours, (IPv4Address("9.9.9.9"), IPv4Address("1.1.1.1")), ()
    )


def test_a_client_gives_no_addresses() -> None:
    peer, _ = asker()
    options = [(ADDRESS, ZERO), (DNS1, ZERO)]
    assert peer.request(IPCP, options)[-1].options == options


def test_a_client_takes_a_server_without_an_address() -> None:
    peer, request = asker(ask_dns=False)
    (again,) = peer.answer(request, NAK, [(ADDRESS, PEERS)])
    peer.answer(again, ACK)
    assert peer.request(IPCP, [])[-1].code == ACK
    assert peer.owner.one(Ipv4Up).peer == IPv4Address(0)


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_server_without_an_address_for_us_ends_it(acknowledged: bool) -> None:
    peer, request = asker(ask_dns=False)
    if acknowledged:
        peer.request(IPCP, [(ADDRESS, OURS)])
        peer.answer(request, ACK)
    else:
        peer.answer(request, REJECT, [(ADDRESS, ZERO)])
    peer.wait(20)
    assert peer.owner.found(Ipv4Up) == []
    closed = peer.ended()
    assert closed.reason == ("no network protocol is left (IPCP: the peer gives no IPv4 address)")
    assert closed.cause == 18


def test_a_server_keeps_its_own_address_whatever_the_peer_says() -> None:
    peer, request = giver()
    (again,) = peer.answer(request, NAK, [(ADDRESS, b"\1\2\3\4")])
    assert again.options == [(ADDRESS, OURS)]


def test_header_compression_is_asked_for_only_by_habit() -> None:
    peer, request = asker(habits=Habits(ask_vj=True), ask_dns=False)
    assert request.options == [(VJ, b"\0\x2d\x0f\1"), (ADDRESS, ZERO)]
    (again,) = peer.answer(request, REJECT, [(VJ, b"\0\x2d\x0f\1")])
    assert again.options == [(ADDRESS, ZERO)]


def test_ipcp_can_go_down_and_come_up_again() -> None:
    peer, request = giver()
    peer.answer(request, ACK)
    peer.request(IPCP, [(ADDRESS, PEERS)])
    (request, ack) = peer.request(IPCP, [(ADDRESS, PEERS)], identifier=2)
    assert ack.code == ACK
    assert len(peer.owner.found(Ipv4Down)) == 1
    peer.answer(request, ACK)
    assert len(peer.owner.found(Ipv4Up)) == 2
