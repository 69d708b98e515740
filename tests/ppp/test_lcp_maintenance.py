"""LCP while it is open: echoes, rejects, identification, and taking leave."""

import pytest

from ppp.link_peers import QUIET, Peer, variant
from talpa.ppp import Habits
from talpa.ppp.events import Ipv4Down, PeerIdentified
from talpa.ppp.frames import Code, Protocol
from talpa.ppp.lcp import ras_error
from talpa.ppp.ras_errors import RAS_ERRORS

LCP = Protocol.LCP
MAGIC = 5
PEER_MAGIC = b"\x12\x34\x56\x78"


def opened(peer: Peer) -> Peer:
    peer.open_lcp([(MAGIC, PEER_MAGIC)])
    return peer


def our_magic(peer: Peer) -> bytes:
    (echo,) = peer.send(LCP, Code.ECHO_REQUEST, 200, PEER_MAGIC)
    return echo.data[:4]


# Echo.


def test_an_echo_is_answered_with_our_magic_and_the_same_data() -> None:
    peer = opened(Peer())
    (reply,) = peer.send(LCP, Code.ECHO_REQUEST, 42, PEER_MAGIC + b"data")
    assert (reply.code, reply.identifier, reply.data[4:]) == (Code.ECHO_REPLY, 42, b"data")
    assert reply.data[:4] not in (PEER_MAGIC, bytes(4))


def test_an_echo_is_answered_before_authentication_is_done() -> None:
    # pppd asks as soon as LCP is open.
    peer = opened(Peer(variant(QUIET, authenticate=("chap",))))
    assert [p.code for p in peer.send(LCP, Code.ECHO_REQUEST, 1, PEER_MAGIC)] == [Code.ECHO_REPLY]


def test_an_echo_is_not_answered_before_lcp_is_open() -> None:
    peer = Peer()
    peer.drain()
    assert peer.send(LCP, Code.ECHO_REQUEST, 1, PEER_MAGIC) == []


def test_an_echo_reply_is_no_longer_than_the_peer_takes() -> None:
    peer = Peer()
    peer.open_lcp([(1, b"\0\x80")])
    (reply,) = peer.send(LCP, Code.ECHO_REQUEST, 1, bytes(1000))
    assert len(reply.data) + 4 == 128


def test_keep_alive_asks_only_after_silence_and_measures_the_way() -> None:
    peer = opened(Peer(variant(QUIET, echo_interval=30.0, setup_timeout=1e6)))
    assert not [p for p in peer.wait(29.9) if p.code == Code.ECHO_REQUEST]
    peer.link.last_heard = peer.now
    assert not [p for p in peer.wait(29.9) if p.code == Code.ECHO_REQUEST]
    (echo,) = [p for p in peer.wait(0.2) if p.code == Code.ECHO_REQUEST]
    sent = peer.now - 0.1
    peer.now += 0.05
    assert peer.link.round_trip is None
    peer.send(LCP, Code.ECHO_REPLY, echo.identifier, PEER_MAGIC)
    assert peer.link.round_trip == pytest.approx(peer.now - sent)


def test_a_peer_that_answers_no_echo_is_given_up() -> None:
    peer = opened(Peer(variant(QUIET, echo_interval=10.0, echo_failures=4, setup_timeout=1e6)))
    packets = peer.wait(49.9)
    assert [p.code for p in packets].count(Code.ECHO_REQUEST) == 4
    assert peer.alive()
    assert [p.code for p in peer.wait(0.2)] == [Code.TERMINATE_REQUEST]
    closed = peer.ended()
    assert (closed.reason, closed.cause) == ("no answer to 4 echoes", 8)
    assert peer.link.next_timeout() is None


def test_anything_received_counts_as_life() -> None:
    peer = opened(Peer(variant(QUIET, echo_interval=10.0, setup_timeout=1e6)))
    for _ in range(20):
        peer.wait(9.0)
        peer.raw(Protocol.IPV4, b"packet")
    assert peer.alive()


def test_a_peer_that_knows_no_echo_is_not_asked_again() -> None:
    peer = opened(Peer(variant(QUIET, echo_interval=10.0, setup_timeout=1e6)))
    (echo,) = peer.wait(10.0)
    rejected = bytes((echo.code, echo.identifier)) + b"\0\x08" + echo.data
    peer.send(LCP, Code.CODE_REJECT, 1, rejected)
    assert peer.wait(1000) == []
    assert peer.alive()


def test_our_own_echo_coming_back_is_no_life_but_a_loop() -> None:
    peer = opened(Peer())
    magic = our_magic(peer)
    for identifier in range(5):
        peer.send(LCP, Code.ECHO_REQUEST, identifier, magic)
    peer.wait(10)
    assert "looped" in peer.ended().reason


# Codes and protocols that are not known.


def test_an_unknown_code_is_rejected_whole() -> None:
    peer = opened(Peer())
    (reject,) = peer.send(LCP, 99, 7, b"what?")
    assert (reject.code, reject.data) == (Code.CODE_REJECT, b"\x63\x07\0\x09what?")


def test_an_ncp_has_only_the_first_seven_codes() -> None:
    peer = Peer()
    peer.open_network()
    (reject,) = peer.send(Protocol.IPCP, Code.ECHO_REQUEST, 1, bytes(4))
    assert (reject.protocol, reject.code) == (Protocol.IPCP, Code.CODE_REJECT)


def test_a_rejected_code_that_everything_rests_on_ends_the_link() -> None:
    peer = opened(Peer())
    (goodbye,) = peer.send(LCP, Code.CODE_REJECT, 1, b"\1\1\0\4")
    assert goodbye.code == Code.TERMINATE_REQUEST
    peer.wait(10)
    assert not peer.alive()


def test_a_rejected_extension_is_nothing() -> None:
    peer = opened(Peer())
    assert peer.send(LCP, Code.CODE_REJECT, 1, b"\x0c\1\0\4") == []
    assert peer.link.state == "LCP Opened"


def test_unknown_protocols_are_rejected_in_the_network_phase_only() -> None:
    peer = Peer(variant(QUIET, authenticate=("chap",)))
    peer.drain(LCP)
    assert peer.raw(Protocol.CCP, b"\1\1\0\4") == []
    peer = Peer()
    peer.open_network()
    for protocol in (Protocol.CCP, Protocol.ACSPCP, 0x1234):
        (reject,) = peer.raw(protocol, b"\1\1\0\4")
        assert (reject.protocol, reject.code) == (LCP, Code.PROTOCOL_REJECT)
        assert reject.data == protocol.to_bytes(2, "big") + b"\1\1\0\4"


def test_a_protocol_reject_is_cut_to_what_the_peer_takes() -> None:
    peer = Peer()
    peer.open_network([(1, b"\0\x80")])
    (reject,) = peer.raw(Protocol.CCP, bytes(1000))
    assert len(reject.data) + 4 == 128


def test_rejects_are_bounded_in_rate() -> None:
    peer = Peer()
    peer.open_network()
    sent = sum(len(peer.raw(Protocol.CCP, b"\1\1\0\4")) for _ in range(60))
    assert sent <= 10
    peer.wait(5)
    assert len(peer.raw(Protocol.CCP, b"\1\1\0\4")) == 1


def test_a_protocol_reject_closes_that_ncp_and_nothing_of_it_is_sent_again() -> None:
    peer = Peer()
    requests = peer.open_network()
    rejected = requests[Protocol.IPV6CP]
    data = b"\x80\x57" + bytes((rejected.code, rejected.identifier)) + b"\0\x0e" + rejected.data
    assert peer.send(LCP, Code.PROTOCOL_REJECT, 1, data) == []
    assert {p.protocol for p in peer.wait(20)} == {Protocol.IPCP}
    assert peer.alive()


def test_a_rejected_lcp_ends_the_link() -> None:
    peer = opened(Peer())
    peer.send(LCP, Code.PROTOCOL_REJECT, 1, b"\xc0\x21")
    peer.wait(10)
    assert not peer.alive()


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x57"])
def test_a_protocol_reject_before_lcp_is_open_is_dropped(data: bytes) -> None:
    peer = Peer()
    peer.drain()
    assert peer.send(LCP, Code.PROTOCOL_REJECT, 1, data) == []


def test_discard_and_time_remaining_are_taken_in_silence() -> None:
    peer = opened(Peer())
    assert peer.send(LCP, Code.DISCARD_REQUEST, 1, PEER_MAGIC) == []
    assert peer.send(LCP, Code.TIME_REMAINING, 1, PEER_MAGIC + b"\0\0\0\x3csoon over") == []


# Identification.


def test_identification_is_told_of_printable_and_bounded() -> None:
    peer = opened(Peer())
    texts = [b"MSRASV5.20", b"MSRAS-0-DESKTOP", b"a\x1b[31m\n\xff", b"x" * 1000]
    for identifier, text in enumerate(texts):
        assert peer.send(LCP, Code.IDENTIFICATION, identifier, PEER_MAGIC + text) == []
    found = [event.text for event in peer.owner.found(PeerIdentified)]
    assert found[:2] == ["MSRASV5.20", "MSRAS-0-DESKTOP"]
    assert found[2] == r"a\x1b[31m\n\xff"
    assert found[3] == "x" * 253 + "..."
    assert all(text.isprintable() for text in found)


def test_identifications_without_end_are_not_told_of() -> None:
    peer = opened(Peer())
    for identifier in range(50):
        peer.send(LCP, Code.IDENTIFICATION, identifier, PEER_MAGIC + b"me")
    assert len(peer.owner.found(PeerIdentified)) == 8


def test_we_identify_ourselves_when_told_to() -> None:
    peer = Peer()
    peer.link.identify("too early")
    opened(peer)
    peer.drain()
    peer.link.identify("talpa")
    (packet,) = peer.drain()
    assert (packet.code, packet.data[4:]) == (Code.IDENTIFICATION, b"talpa")


# The end.


def test_closing_says_why_and_waits_for_the_peer() -> None:
    peer = Peer()
    peer.open_network()
    peer.link.close(peer.now, "session time is over", 1)
    (goodbye,) = peer.drain()
    assert (goodbye.code, goodbye.data) == (Code.TERMINATE_REQUEST, b"session time is over")
    peer.owner.heed(peer.now)
    assert peer.alive()
    peer.send(LCP, Code.TERMINATE_ACK, goodbye.identifier)
    closed = peer.ended()
    assert (closed.reason, closed.cause, closed.by_peer) == ("session time is over", 1, False)


def test_closing_does_not_wait_for_ever() -> None:
    peer = opened(Peer())
    peer.link.close(peer.now, "enough")
    assert [p.code for p in peer.wait(10)] == [Code.TERMINATE_REQUEST] * 2
    assert not peer.alive()
    assert peer.link.next_timeout() is None


def test_the_first_reason_stays() -> None:
    peer = opened(Peer())
    peer.link.close(peer.now, "first")
    peer.link.close(peer.now, "second")
    peer.link.lower_down(peer.now)
    peer.owner.heed(peer.now)
    assert peer.ended().reason == "first"


def test_the_peers_leave_is_acknowledged_and_then_the_link_is_over() -> None:
    peer = Peer()
    requests = peer.open_network()
    peer.answer(requests[Protocol.IPCP], Code.CONFIGURE_ACK)
    peer.request(Protocol.IPCP, [(3, bytes((10, 77, 0, 50)))])
    (ack,) = peer.send(LCP, Code.TERMINATE_REQUEST, 33, b"User request")
    assert (ack.code, ack.identifier) == (Code.TERMINATE_ACK, 33)
    assert peer.owner.found(Ipv4Down)
    assert peer.alive()
    # A repeated one is still answered.
    assert [p.code for p in peer.send(LCP, Code.TERMINATE_REQUEST, 34)] == [Code.TERMINATE_ACK]
    assert peer.wait(2) == []
    closed = peer.ended()
    assert closed.reason == 'the peer ended the link, saying "User request"'
    assert (closed.cause, closed.direction, closed.by_peer) == (3, 1, True)


def test_the_error_of_a_windows_client_is_decoded() -> None:
    peer = opened(Peer())
    peer.send(LCP, Code.TERMINATE_REQUEST, 1, PEER_MAGIC + bytes.fromhex("003ccd74000002dc"))
    peer.link.lower_down(peer.now)
    peer.owner.heed(peer.now)
    closed = peer.ended()
    assert closed.ras_error == 732
    assert RAS_ERRORS[732] in closed.reason
    assert "(error 732)" in closed.reason


@pytest.mark.parametrize(
    "data", [b"", b"User request", PEER_MAGIC + bytes.fromhex("003ccd75000002dc"), bytes(11)]
)
def test_other_data_is_no_windows_error(data: bytes) -> None:
    assert ras_error(data) == 0


def test_a_peer_that_leaves_before_lcp_is_open_is_asked_once_more() -> None:
    peer = Peer()
    peer.drain()
    peer.send(LCP, Code.TERMINATE_REQUEST, 1, b"no")
    assert [p.code for p in peer.wait(10)] == [Code.CONFIGURE_REQUEST]
    closed = peer.ended()
    assert closed.reason == 'the peer ended the link, saying "no"'


def test_nothing_comes_of_a_link_that_is_over() -> None:
    peer = opened(Peer(variant(QUIET, habits=Habits(echo_when_open=True))))
    peer.link.lower_down(peer.now)
    peer.owner.heed(peer.now)
    peer.link.lower_down(peer.now)
    peer.link.lower_up(peer.now)
    peer.link.close(peer.now, "again")
    assert peer.request(LCP) == []
    assert peer.wait(1000) == []
    assert peer.ended().reason == "the line under PPP went down"
