"""A link's phases: what is taken, answered or dropped when (RFC 1661 3)."""

from dataclasses import replace

import pytest

from ppp.link_peers import CLIENT, OFFER, QUIET, SERVER, Peer, client, server, settle, variant
from talpa.crypto.credentials import Refused
from talpa.ppp import Config, Phase
from talpa.ppp.events import (
    Authenticated,
    Ipv4Down,
    Ipv4Up,
    Ipv6Down,
    Ipv6Up,
    LinkClosed,
    LinkOpened,
    PeerAttempted,
)
from talpa.ppp.frames import Code, Protocol

IPCP_REQUEST = b"\1\1\0\x0a\3\6\0\0\0\0"
IPV6CP_REQUEST = b"\1\1\0\x0e\1\x0a\0\0\0\0\0\0\0\1"


def test_a_link_that_authenticates_nobody_says_so() -> None:
    peer = Peer()
    peer.open_lcp()
    assert peer.owner.one(Authenticated) == Authenticated("", "none")
    assert peer.link.phase is Phase.NETWORK


@pytest.mark.parametrize("method", ["mschapv2", "mschap", "chap", "pap"])
def test_a_client_authenticates_and_gets_both_networks(method: str) -> None:
    left = server(variant(SERVER, authenticate=(method,)))
    right = client(variant(CLIENT, accept=(method,)))
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    settle(left, right, 0.0)
    assert left.one(Authenticated).name == "alice"
    assert right.one(Authenticated).method == left.one(Authenticated).method
    up = right.one(Ipv4Up)
    assert (up.ours, up.peer, up.dns) == (OFFER.peer, OFFER.ours, OFFER.dns)
    assert left.one(Ipv6Up).ours == right.one(Ipv6Up).peer
    assert left.link.state == right.link.state == "LCP Opened, IPCP Opened, IPV6CP Opened"
    assert left.link.drops.total() == right.link.drops.total() == 0


def test_both_sides_may_authenticate_each_other() -> None:
    left = server(variant(SERVER, credentials=CLIENT.credentials))
    right = client(variant(CLIENT, authenticate=("chap",)))
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    settle(left, right, 0.0)
    assert left.one(Authenticated).method == "MS-CHAPv2"
    assert right.one(Authenticated) == Authenticated("alice", "CHAP")
    assert right.found(Ipv4Up)


def test_a_wrong_password_ends_the_link_with_its_reason() -> None:
    left, right = server(variant(SERVER, auth_tries=1)), client()
    left.password = "another"
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    settle(left, right, 0.0)
    # Whoever ends it waits for the other's Terminate-Ack.
    for owner in (left, right):
        owner.handle_timeout(3.0)
    settle(left, right, 3.0)
    for owner in (left, right):
        owner.handle_timeout(10.0)
        closed = owner.one(LinkClosed)
        assert closed.cause == 16, closed
        assert not owner.found(Authenticated)
        assert not owner.found(Ipv4Up)


def test_why_somebody_was_refused_is_not_told_to_the_peer() -> None:
    left, right = server(variant(SERVER, authenticate=("pap",), auth_tries=1)), client()
    right.link = client(variant(CLIENT, accept=("pap",))).link
    left.password = "another"
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    ladder = settle(left, right, 0.0)
    left.handle_timeout(10.0)
    left.handle_timeout(20.0)
    assert "wrong password" in left.one(LinkClosed).reason
    assert not any(b"wrong password" in payload for _, _, payload in ladder)
    assert any(b"authentication failed" in payload for _, _, payload in ladder)


def test_authentication_that_takes_too_long_ends_the_link() -> None:
    peer = Peer(variant(SERVER, auth_timeout=5.0))
    peer.open_lcp()
    peer.wait(20)
    closed = peer.ended()
    assert closed.cause == 13
    assert "5 s" in closed.reason


def test_whoever_types_the_password_again_has_the_time_again() -> None:
    peer = Peer(variant(SERVER, authenticate=("mschapv2",), auth_timeout=10.0, auth_tries=3))
    asked = [packet for packet in peer.open_lcp() if packet.protocol == Protocol.CHAP][-1]
    identifier = asked.identifier
    for _ in range(2):
        peer.wait(8)
        answer = peer.send(Protocol.CHAP, 2, identifier, b"\x31" + bytes(49) + b"alice")
        assert answer[0].code == 4
        assert b"R=1" in answer[0].data
        identifier = answer[0].identifier + 1 & 0xFF
    assert peer.alive()
    peer.wait(30)
    assert peer.ended().cause == 16


def test_a_peer_that_does_not_ask_us_to_log_in_gets_nothing_from_us() -> None:
    peer = Peer(CLIENT)
    packets = peer.open_lcp()
    assert [(p.protocol, p.code) for p in packets] == [(Protocol.LCP, Code.TERMINATE_REQUEST)]
    assert peer.raw(Protocol.IPCP, IPCP_REQUEST) == []
    peer.wait(10)
    closed = peer.ended()
    assert closed.reason == "the peer does not ask who we are: it may be an impostor"
    assert (closed.cause, closed.direction) == (15, 2)
    assert not peer.owner.found(Authenticated)


def test_nor_does_one_that_stops_asking_when_lcp_is_negotiated_anew() -> None:
    left, right = server(), client()
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    settle(left, right, 0.0)
    assert right.found(Ipv4Up)
    right.receive((Protocol.LCP, b"\x01\x63\x00\x04"), 1.0)
    ((_, request),) = [f for f in right.transmits() if f[1][0] == Code.CONFIGURE_REQUEST]
    right.receive((Protocol.LCP, b"\x02" + request[1:]), 1.0)
    assert right.link.phase is Phase.TERMINATE
    assert len(right.found(Authenticated)) == 1


def test_a_client_may_do_without_the_question() -> None:
    peer = Peer(variant(CLIENT, insist_on_login=False))
    peer.open_lcp()
    assert peer.owner.one(Authenticated) == Authenticated("", "none")


@pytest.mark.parametrize("pause", [1.0, 9.0, 29.0])
def test_negotiating_anew_gives_a_stranger_no_more_time(pause: float) -> None:
    peer = Peer(variant(SERVER, setup_timeout=60.0))
    begun = peer.now
    for turn in range(600):
        agree(peer, turn & 0xFF)
        if not peer.alive():
            break
        peer.wait(pause)
    assert peer.ended()
    assert peer.now - begun <= 60 + 10 + pause


@pytest.mark.parametrize("anew", [False, True])
def test_passwords_may_be_typed_so_often_on_a_link_whatever_lcp_does(anew: bool) -> None:
    peer = Peer(variant(SERVER, authenticate=("mschapv2",), auth_tries=3))
    challenge = agree(peer, 1)
    answers = []
    for turn in range(2, 5):
        answers.append(wrong(peer, challenge))
        challenge = agree(peer, turn) if anew else (challenge + 1) & 0xFF
    assert [b"R=1" in answer for answer in answers] == [True, True, False]
    peer.wait(10)
    assert peer.ended().cause == 16


def test_typing_slowly_and_negotiating_anew_do_not_add_up() -> None:
    peer = Peer(variant(SERVER, authenticate=("mschapv2",), setup_timeout=60.0, auth_timeout=30.0))
    begun = peer.now
    for turn in range(1, 25):
        challenge = agree(peer, turn)
        if peer.link.phase is Phase.AUTHENTICATE:
            wrong(peer, challenge)
        if not peer.alive():
            break
        peer.wait(25)
    assert peer.ended()
    assert peer.now - begun <= 60 + 3 * 30 + 10 + 25


def agree(peer: Peer, identifier: int) -> int:
    """Negotiate LCP, perhaps anew; the identifier of the challenge that follows."""
    seen = peer.drain() + peer.request(Protocol.LCP, [], identifier)
    for packet in seen:
        if packet.protocol == Protocol.LCP and packet.code == Code.CONFIGURE_REQUEST:
            seen += peer.answer(packet, Code.CONFIGURE_ACK)
    challenges = [p.identifier for p in seen if p.protocol == Protocol.CHAP and p.code == 1]
    return challenges[-1] if challenges else 0


def wrong(peer: Peer, identifier: int) -> bytes:
    """Answer a challenge with a wrong password; what is said to that."""
    data = b"\x31" + bytes(49) + b"alice"
    packets = peer.send(Protocol.CHAP, 2, identifier, data)
    (said,) = (p.data for p in packets if p.protocol == Protocol.CHAP and p.code == 4)
    return said


def test_set_up_that_takes_too_long_ends_the_link() -> None:
    peer = Peer(variant(QUIET, setup_timeout=20.0))
    peer.open_lcp()
    peer.wait(30)
    assert "20 s" in peer.ended().reason
    peer = Peer(variant(QUIET, setup_timeout=20.0))
    peer.open_network()
    peer.wait(30)
    assert peer.ended().cause == 18


@pytest.mark.parametrize("protocol", [p for p in Protocol if p is not Protocol.LCP])
@pytest.mark.parametrize("config", [SERVER, CLIENT, QUIET])
def test_nothing_but_lcp_is_taken_before_lcp_is_open(protocol: Protocol, config: Config) -> None:
    peer = Peer(config)
    assert peer.link.phase is Phase.ESTABLISH
    peer.drain()
    state = peer.link.state
    assert peer.raw(protocol, IPCP_REQUEST) == []
    assert peer.link.state == state
    assert peer.link.drops.total() == 1


@pytest.mark.parametrize(
    "protocol", [p for p in Protocol if p not in (Protocol.LCP, Protocol.CHAP)]
)
def test_only_what_was_agreed_is_taken_while_authenticating(protocol: Protocol) -> None:
    # RFC 1661 3.5, and no handler of a protocol that was not negotiated is ever entered.
    peer = Peer(variant(SERVER, authenticate=("chap",)))
    peer.open_lcp()
    state = peer.link.state
    assert peer.raw(protocol, IPCP_REQUEST) == []
    assert peer.link.state == state
    assert not peer.owner.found(PeerAttempted)


@pytest.mark.parametrize("protocol", [Protocol.PAP, Protocol.EAP, Protocol.CHAP])
def test_authentication_that_was_not_agreed_on_is_rejected_later(protocol: Protocol) -> None:
    peer = Peer()
    peer.open_network()
    (reject,) = peer.raw(protocol, b"\1\1\0\6\0\0")
    assert (reject.protocol, reject.code) == (Protocol.LCP, Code.PROTOCOL_REJECT)
    assert not peer.owner.found(PeerAttempted)


def test_a_late_repetition_of_authentication_is_not_rejected() -> None:
    left, right = server(), client()
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    settle(left, right, 0.0)
    left.receive((Protocol.CHAP, b"\2\1\0\4"), 1.0)
    assert left.transmits() == []


def test_a_request_that_comes_before_the_offer_waits_for_it() -> None:
    peer = Peer()
    peer.open_lcp()
    assert peer.raw(Protocol.IPCP, IPCP_REQUEST) == []
    peer.link.offer_ipv4(OFFER, peer.now)
    packets = peer.drain()
    assert [(p.protocol, p.code) for p in packets] == [
        (Protocol.IPCP, Code.CONFIGURE_REQUEST),
        (Protocol.IPCP, Code.CONFIGURE_NAK),
    ]


def test_an_early_offer_waits_for_authentication() -> None:
    left = server(variant(SERVER, credentials=CLIENT.credentials))
    left.link.lower_up(0.0)
    left.link.offer_ipv4(OFFER, 0.0)
    assert {protocol for protocol, _ in left.transmits()} == {Protocol.LCP}


def test_a_refused_network_is_rejected_and_the_other_goes_on() -> None:
    peer = Peer()
    peer.owner.ipv6 = False
    assert list(peer.open_network()) == [Protocol.IPCP]
    (reject,) = peer.raw(Protocol.IPV6CP, IPV6CP_REQUEST)
    assert (reject.protocol, reject.code) == (Protocol.LCP, Code.PROTOCOL_REJECT)
    assert peer.alive()


def test_a_network_that_is_not_configured_is_rejected() -> None:
    peer = Peer(variant(QUIET, ipv6=False))
    peer.open_network()
    (reject,) = peer.raw(Protocol.IPV6CP, IPV6CP_REQUEST)
    assert reject.code == Code.PROTOCOL_REJECT


def test_a_network_that_nobody_offers_is_rejected_once_the_other_is_up() -> None:
    # Windows begins with IPV6CP.
    peer = Peer()
    peer.open_lcp()
    assert peer.raw(Protocol.IPV6CP, IPV6CP_REQUEST) == []
    peer.link.offer_ipv4(OFFER, peer.now)
    (request,) = peer.drain()
    peer.answer(request, Code.CONFIGURE_ACK)
    packets = peer.request(Protocol.IPCP, [(3, OFFER.peer.packed)])
    assert [p.code for p in packets] == [Code.CONFIGURE_ACK, Code.PROTOCOL_REJECT]


def test_with_everything_refused_the_link_ends() -> None:
    peer = Peer()
    peer.open_lcp()
    peer.link.refuse_ipv4(peer.now)
    assert "LCP Opened" in peer.link.state
    peer.link.refuse_ipv6(peer.now)
    assert [p.code for p in peer.drain()] == [Code.TERMINATE_REQUEST]
    peer.wait(10)
    assert peer.ended().cause == 18


def test_one_network_that_fails_does_not_end_the_link_but_the_last_does() -> None:
    peer = Peer()
    requests = peer.open_network()
    peer.send(Protocol.LCP, Code.PROTOCOL_REJECT, 1, b"\x80\x57")
    assert peer.alive()
    peer.answer(requests[Protocol.IPCP], Code.CONFIGURE_ACK)
    peer.request(Protocol.IPCP, [(3, OFFER.peer.packed)])
    assert peer.owner.found(Ipv4Up)
    peer.send(Protocol.IPCP, Code.TERMINATE_REQUEST, 9)
    peer.wait(10)
    assert peer.owner.found(Ipv4Down)
    closed = peer.ended()
    assert closed.reason == (
        "no network protocol is left (IPCP: the peer ended IPv4; IPV6CP: the peer rejects it)"
    )


def test_a_network_that_the_peer_ended_may_come_back() -> None:
    peer = Peer()
    requests = peer.open_network()
    for protocol, options in (
        (Protocol.IPCP, [(3, OFFER.peer.packed)]),
        (Protocol.IPV6CP, [(1, b"\0\0\0\0\0\0\0\1")]),
    ):
        peer.answer(requests[protocol], Code.CONFIGURE_ACK)
        peer.request(protocol, options)
    peer.send(Protocol.IPV6CP, Code.TERMINATE_REQUEST, 9)
    peer.wait(5)
    assert peer.owner.found(Ipv6Down)
    (request, ack) = peer.request(Protocol.IPV6CP, [(1, b"\0\0\0\0\0\0\0\1")], identifier=3)
    assert ack.code == Code.CONFIGURE_ACK
    peer.answer(request, Code.CONFIGURE_ACK)
    assert len(peer.owner.found(Ipv6Up)) == 2


def test_when_lcp_begins_again_everything_does() -> None:
    left, right = server(), client()
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    settle(left, right, 0.0)
    # A request that right's LCP never sent, as from a peer that was restarted.
    left.receive((Protocol.LCP, b"\1\xf0\0\4"), 1.0)
    assert left.found(Ipv4Down)
    assert left.found(Ipv6Down)
    assert left.link.phase is Phase.ESTABLISH
    settle(left, right, 1.0)
    for owner in (left, right):
        owner.handle_timeout(5.0)
    settle(left, right, 5.0)
    assert len(left.found(LinkOpened)) >= 2
    assert len(left.found(PeerAttempted)) >= 2
    assert left.link.state == right.link.state == "LCP Opened, IPCP Opened, IPV6CP Opened"


def test_a_challenge_in_between_that_fails_ends_the_link() -> None:
    left = server(variant(SERVER, rechallenge_interval=60.0, auth_tries=1))
    right = client(variant(CLIENT, echo_interval=0.0))
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    settle(left, right, 0.0)
    assert left.found(Ipv4Up)
    left.password = "changed meanwhile"
    for now in range(1, 70):
        for owner in (left, right):
            owner.handle_timeout(float(now))
        settle(left, right, float(now))
    assert left.found(Ipv4Down)
    assert left.one(LinkClosed).cause == 16


def test_a_link_that_never_came_up_can_be_closed() -> None:
    owner = server()
    owner.link.close(0.0, "changed my mind")
    owner.heed(0.0)
    assert owner.one(LinkClosed).reason == "changed my mind"
    assert owner.transmits() == []


def test_a_lost_line_ends_the_link_and_its_networks() -> None:
    left, right = server(), client()
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    settle(left, right, 0.0)
    left.link.lower_down(1.0)
    left.heed(1.0)
    assert [type(e) for e in left.events[-3:]] == [Ipv4Down, Ipv6Down, LinkClosed]
    assert left.link.next_timeout() is None


def test_a_verdict_that_nobody_asked_for_is_nothing() -> None:
    peer = Peer()
    peer.link.verdict(Refused("why?"), peer.now)
    peer.open_lcp()
    peer.link.verdict(Refused("why?"), peer.now)
    assert peer.alive()


def test_extra_polls_do_nothing() -> None:
    peer = Peer(replace(SERVER))
    sent = len(peer.drain())
    for _ in range(10):
        peer.link.handle_timeout(peer.now)
    assert sent == 1
    assert peer.drain() == []
    assert peer.link.events() == []
