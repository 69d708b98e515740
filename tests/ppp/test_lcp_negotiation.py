"""LCP negotiates: our own wishes, and the peer's."""

import pytest

from ppp.link_peers import CLIENT, QUIET, SERVER, Packet, Peer, variant
from talpa.ppp import Habits
from talpa.ppp.events import LinkOpened
from talpa.ppp.frames import Code, Protocol

LCP = Protocol.LCP
REQUEST, ACK, NAK, REJECT = (
    Code.CONFIGURE_REQUEST,
    Code.CONFIGURE_ACK,
    Code.CONFIGURE_NAK,
    Code.CONFIGURE_REJECT,
)
MRU, ACCM, AUTH, QUALITY, MAGIC, PFC, ACFC, CALLBACK, MRRU, ENDPOINT = (
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    13,
    17,
    19,
)
CHAP_MD5, MSCHAPV2, PAP, EAP = b"\xc2\x23\x05", b"\xc2\x23\x81", b"\xc0\x23", b"\xc2\x27"


def first(peer: Peer) -> Packet:
    (packet,) = peer.drain(LCP)
    return packet


def test_our_request_names_mru_accm_method_and_magic() -> None:
    request = first(Peer(SERVER))
    assert request.code == REQUEST
    kinds = dict(request.options)
    assert list(kinds) == [MRU, ACCM, AUTH, MAGIC]
    assert kinds[MRU] == (1400).to_bytes(2, "big")
    assert kinds[ACCM] == bytes(4)
    assert kinds[AUTH] == MSCHAPV2
    assert kinds[MAGIC] != bytes(4)


def test_the_default_mru_is_not_asked_for() -> None:
    # RFC 1661 5.1: options should not be included with default values.
    assert MRU not in dict(first(Peer(variant(QUIET, mru=1500))).options)


@pytest.mark.parametrize("mru", [*range(128, 1600, 97), 0xFFFF])
def test_any_mru_of_the_peer_that_can_carry_a_packet_is_taken(mru: int) -> None:
    peer = Peer()
    request = first(peer)
    peer.answer(request, ACK)
    (ack,) = peer.request(LCP, [(MRU, mru.to_bytes(2, "big"))])
    assert ack.code == ACK
    assert peer.owner.one(LinkOpened).peer_mru == mru


@pytest.mark.parametrize("value", [b"\0\0", b"\0\x7f", b"", b"\1", b"\1\2\3"])
def test_an_impossible_mru_is_naked_and_in_the_end_rejected(value: bytes) -> None:
    peer = Peer()
    codes = [peer.request(LCP, [(MRU, value)], identifier=n)[-1].code for n in range(1, 8)]
    assert codes == [NAK] * 5 + [REJECT] * 2


def test_what_is_not_known_is_rejected_in_one_go_and_nothing_else_is_said() -> None:
    # What Windows and RouterOS offer; Reject goes before Nak (RFC 1661 5.3, 5.4).
    peer = Peer()
    unknown = [(CALLBACK, b"\6"), (MRRU, b"\6\x4e"), (ENDPOINT, b"\1abc"), (0x17, b"\0\1")]
    offered = [(MRU, b"\0\1"), (MAGIC, b"\1\2\3\4"), (PFC, b""), (ACFC, b""), *unknown]
    first(peer)
    (reject,) = peer.request(LCP, offered, identifier=9)
    assert (reject.code, reject.identifier, reject.options) == (REJECT, 9, unknown)
    (nak,) = peer.request(LCP, offered[:4], identifier=10)
    assert (nak.code, [kind for kind, _ in nak.options]) == (NAK, [MRU])
    (ack,) = peer.request(LCP, offered[1:4], identifier=11)
    assert (ack.code, ack.options) == (ACK, offered[1:4])


def test_quality_protocol_is_rejected() -> None:
    option = (QUALITY, b"\xc0\x25\0\0\0\x64")
    assert Peer().request(LCP, [option])[-1].options == [option]


def test_an_option_listed_twice_is_rejected() -> None:
    reject = Peer().request(LCP, [(ACCM, bytes(4)), (ACCM, b"\0\0\0\1")])[-1]
    assert (reject.code, reject.options) == (REJECT, [(ACCM, b"\0\0\0\1")])


def test_rejected_options_are_not_asked_for_again() -> None:
    peer = Peer(variant(QUIET, habits=Habits(extra_lcp=((CALLBACK, b"\6"),), ask_pfc=True)))
    request = first(peer)
    assert [kind for kind, _ in request.options] == [MRU, ACCM, MAGIC, PFC, CALLBACK]
    (again,) = peer.answer(request, REJECT, [(ACCM, bytes(4)), (CALLBACK, b"\6")])
    assert [kind for kind, _ in again.options] == [MRU, MAGIC, PFC]
    assert again.identifier != request.identifier


@pytest.mark.parametrize(
    ("suggested", "asked"), [(1000, b"\x03\xe8"), (1500, None), (100, None), (1400, None)]
)
def test_a_smaller_mru_is_taken_over_a_larger_leaves_the_default(
    suggested: int, asked: bytes | None
) -> None:
    peer = Peer()
    (again,) = peer.answer(first(peer), NAK, [(MRU, suggested.to_bytes(2, "big"))])
    assert dict(again.options).get(MRU) == asked
    peer.answer(again, ACK)
    peer.request(LCP)
    assert peer.owner.one(LinkOpened).our_mru == (suggested if asked else 1500)


def test_a_prompt_for_an_option_of_the_peers_own_is_not_followed() -> None:
    peer = Peer()
    request = first(peer)
    (again,) = peer.answer(request, NAK, [(QUALITY, b"\xc0\x25\0\0\0\1")])
    assert again.options == request.options


@pytest.mark.parametrize("code", [ACK, NAK, REJECT])
def test_answers_to_nothing_outstanding_are_dropped(code: Code) -> None:
    peer = Peer()
    request = first(peer)
    state = peer.link.state
    assert peer.send(LCP, code, request.identifier + 1, request.data) == []
    assert peer.link.state == state
    assert peer.link.drops.total() == 1


def test_an_ack_must_repeat_the_options_exactly() -> None:
    peer = Peer()
    request = first(peer)
    peer.answer(request, ACK, request.options[1:])
    peer.answer(request, ACK, request.options[::-1])
    assert "Req-Sent" in peer.link.state
    peer.answer(request, ACK)
    assert "Ack-Rcvd" in peer.link.state
    peer.answer(request, ACK)
    assert "Ack-Rcvd" in peer.link.state


def test_a_reject_of_what_was_not_asked_is_dropped() -> None:
    peer = Peer()
    request = first(peer)
    assert peer.answer(request, REJECT, [(PFC, b"")]) == []
    assert peer.answer(request, REJECT, []) == []
    assert peer.answer(request, REJECT, [(MRU, b"\0\0")]) == []


def test_requests_are_repeated_with_their_identifier_until_the_peer_is_given_up() -> None:
    peer = Peer()
    request = first(peer)
    repeated = peer.wait(100)
    assert repeated == [request] * 9
    closed = peer.ended()
    assert (closed.cause, closed.by_peer) == (6, False)


def test_what_the_peer_was_not_there_to_hear_is_said_again_soon() -> None:
    peer = Peer()
    request = first(peer)
    peer.now += 0.1
    assert [p.code for p in peer.request(LCP)] == [ACK]
    assert peer.wait(1.0) == [request]


def test_a_passive_link_answers_the_peers_request_with_its_own() -> None:
    peer = Peer(variant(QUIET, passive=True))
    assert peer.drain() == []
    assert [p.code for p in peer.request(LCP)] == [REQUEST, ACK]


def test_a_passive_link_does_not_wait_for_ever() -> None:
    peer = Peer(variant(QUIET, passive=True))
    assert [p.code for p in peer.wait(1.1)] == [REQUEST]


def test_our_magic_number_is_changed_when_the_peer_has_the_same() -> None:
    peer = Peer()
    request = first(peer)
    magic = dict(request.options)[MAGIC]
    (nak,) = peer.request(LCP, [(MAGIC, magic)])
    assert nak.code == NAK
    assert dict(nak.options)[MAGIC] not in (magic, bytes(4))
    (again,) = peer.answer(request, NAK, [(MAGIC, b"\1\2\3\4")])
    assert dict(again.options)[MAGIC] != magic


@pytest.mark.parametrize("value", [bytes(4), b"", b"\1\2\3"])
def test_zero_is_no_magic_number(value: bytes) -> None:
    nak = Peer().request(LCP, [(MAGIC, value)])[-1]
    assert nak.code == NAK
    assert len(dict(nak.options)[MAGIC]) == 4
    assert dict(nak.options)[MAGIC] != bytes(4)


def test_a_looped_line_is_noticed() -> None:
    peer = Peer()
    while peer.alive():
        for frame in peer.link.transmits():
            peer.owner.receive(frame, peer.now)
        peer.now += 1.0
        peer.owner.handle_timeout(peer.now)
    closed = peer.ended()
    assert "looped" in closed.reason
    assert closed.cause == 7


def test_a_rejected_magic_number_is_zero_from_then_on() -> None:
    peer = Peer(variant(QUIET, habits=Habits(echo_when_open=True)))
    request = first(peer)
    (again,) = peer.answer(request, REJECT, [o for o in request.options if o[0] == MAGIC])
    peer.answer(again, ACK)
    packets = peer.request(LCP)
    echo = next(p for p in packets if p.code == Code.ECHO_REQUEST)
    assert echo.data == bytes(4)


def test_naking_for_ever_ends_the_link() -> None:
    peer = Peer()
    request = first(peer)
    for _ in range(100):
        packets = peer.answer(request, NAK, [(ACCM, bytes(4))])
        requests = [p for p in packets if p.code == REQUEST]
        if not requests:
            break
        request = requests[0]
    else:
        pytest.fail("no end of it")
    peer.wait(10)
    assert "agreement" in peer.ended().reason


# Authentication: what is demanded of the peer.


def test_a_method_the_peer_prefers_is_taken_if_it_is_allowed() -> None:
    peer = Peer(SERVER)
    (again,) = peer.answer(first(peer), NAK, [(AUTH, CHAP_MD5)])
    assert dict(again.options)[AUTH] == CHAP_MD5


def test_each_allowed_method_is_tried_before_the_peer_is_sent_away() -> None:
    peer = Peer(SERVER)
    (again,) = peer.answer(first(peer), NAK, [(AUTH, PAP)])
    assert dict(again.options)[AUTH] == CHAP_MD5
    (goodbye,) = peer.answer(again, NAK, [(AUTH, PAP)])
    assert goodbye.code == Code.TERMINATE_REQUEST
    peer.send(LCP, Code.TERMINATE_ACK, goodbye.identifier)
    closed = peer.ended()
    assert closed.reason == (
        "the peer offers only PAP to authenticate itself; allowed here: MS-CHAPv2, CHAP"
    )
    assert (closed.cause, closed.direction, closed.protocol) == (15, 1, LCP)


def test_a_peer_that_will_not_authenticate_is_sent_away() -> None:
    peer = Peer(SERVER)
    (goodbye,) = peer.answer(first(peer), REJECT, [(AUTH, MSCHAPV2)])
    assert goodbye.code == Code.TERMINATE_REQUEST
    assert b"does not authenticate" in goodbye.data


# Authentication: what is demanded of us.


def test_an_allowed_method_is_agreed_to() -> None:
    peer = Peer(CLIENT)
    assert peer.request(LCP, [(AUTH, CHAP_MD5)])[-1].code == ACK


def test_a_downgrade_is_answered_with_our_best_and_then_refused() -> None:
    peer = Peer(CLIENT)
    suggestions = []
    for identifier in range(10):
        packet = peer.request(LCP, [(AUTH, PAP)], identifier)[-1]
        if packet.code != NAK:
            break
        suggestions += packet.options
    assert suggestions[:2] == [(AUTH, MSCHAPV2), (AUTH, CHAP_MD5)]
    assert packet.code == Code.TERMINATE_REQUEST
    peer.wait(10)
    closed = peer.ended()
    assert closed.reason == (
        "the peer wants us to authenticate with PAP; allowed here: MS-CHAPv2, CHAP"
    )
    assert (closed.cause, closed.direction) == (15, 2)


def test_a_method_of_another_kind_is_named_in_the_reason() -> None:
    peer = Peer(CLIENT)
    for identifier in range(10):
        peer.request(LCP, [(AUTH, EAP)], identifier)
    peer.wait(10)
    assert "EAP" in peer.ended().reason


def test_without_credentials_authentication_is_rejected() -> None:
    option = (AUTH, CHAP_MD5)
    reject = Peer(variant(CLIENT, credentials=None)).request(LCP, [option])[-1]
    assert (reject.code, reject.options) == (REJECT, [option])


# A peer that begins again.


def test_a_new_request_in_opened_negotiates_anew() -> None:
    peer = Peer()
    peer.open_network()
    peer.drain()
    packets = peer.request(LCP, [(MAGIC, b"\1\2\3\4")], identifier=90)
    assert [p.code for p in packets] == [REQUEST, ACK]
    assert peer.link.state == "LCP Ack-Sent"
    peer.answer(packets[0], ACK)
    assert "LCP Opened" in peer.link.state
    assert len(peer.owner.found(LinkOpened)) == 2


def test_the_same_request_again_is_acknowledged_without_leaving_opened() -> None:
    # Doubled by the network, or our Ack was lost.
    peer = Peer()
    peer.open_lcp()
    assert [p.code for p in peer.request(LCP, identifier=77)] == [ACK]
    assert peer.link.state.startswith("LCP Opened")
    assert [p.code for p in peer.request(LCP, identifier=77)] == [ACK]
    # Once more, and it is a peer that lost its state: the table rules.
    assert [p.code for p in peer.request(LCP, identifier=77)] == [REQUEST, ACK]
    assert peer.link.state == "LCP Ack-Sent"


def test_a_peer_that_begins_again_all_the_time_is_sent_away() -> None:
    peer = Peer()
    peer.open_lcp()
    for identifier in range(100, 140):
        packets = peer.request(LCP, identifier=identifier)
        if not packets or packets[0].code != REQUEST:
            break
        peer.answer(packets[0], ACK)
    peer.wait(10)
    assert "renegotiated" in peer.ended().reason
