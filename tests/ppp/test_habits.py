"""Habits of odd clients, where they differ from ours: what the load generator plays."""

from ppp.link_peers import CLIENT, QUIET, SERVER, Peer, client, server, settle, variant
from talpa.ppp import Habits
from talpa.ppp.events import Ipv4Up, LinkClosed
from talpa.ppp.frames import Code, Protocol, emit_packet, parse_packet
from talpa.ppp.lcp.ras import ras_error

ACK, NAK, REJECT = Code.CONFIGURE_ACK, Code.CONFIGURE_NAK, Code.CONFIGURE_REJECT
CCP = bytes.fromhex("120601000000")


def test_one_count_of_identifiers_for_all_protocols() -> None:
    habits = Habits(one_count=True, ipv6_first=True, ccp=CCP, identification=(b"a", b"b"))
    left, right = (
        server(variant(SERVER, authenticate=("chap",))),
        client(variant(CLIENT, habits=habits)),
    )
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    ladder = settle(left, right, 0.0)
    ours = [
        (Protocol(protocol).name, payload[0], payload[1])
        for side, protocol, payload in ladder
        if side == "<" and protocol != Protocol.CHAP and payload[0] in (1, 12)
    ]
    assert ours[:6] == [
        ("LCP", 1, 0),
        ("LCP", 12, 1),
        ("LCP", 12, 2),
        ("IPV6CP", 1, 3),
        ("CCP", 1, 4),
        ("IPCP", 1, 5),
    ]
    assert right.one(Ipv4Up)


def test_ccp_that_is_refused_is_ended() -> None:
    for code in (NAK, REJECT):
        peer = Peer(variant(QUIET, habits=Habits(ccp=CCP)))
        request = peer.open_network()[Protocol.CCP]
        assert request.data == CCP
        (end,) = peer.answer(request, code)
        assert (end.protocol, end.code) == (Protocol.CCP, Code.TERMINATE_REQUEST)
        assert ras_error(end.data) == 732
        assert peer.send(Protocol.CCP, Code.TERMINATE_ACK, end.identifier) == []
        assert peer.alive()


def test_ccp_that_is_granted_or_rejected_as_a_protocol_is_left_alone() -> None:
    peer = Peer(variant(QUIET, habits=Habits(ccp=CCP)))
    request = peer.open_network()[Protocol.CCP]
    assert peer.answer(request, ACK) == []
    packet = emit_packet(request.code, request.identifier, request.data)
    data = Protocol.CCP.to_bytes(2, "big") + packet
    assert peer.send(Protocol.LCP, Code.PROTOCOL_REJECT, 9, data) == []
    assert peer.alive()


def test_a_ras_farewell_names_its_error() -> None:
    peer = Peer(variant(QUIET, habits=Habits(ras_farewell=True)))
    peer.open_lcp()
    peer.link.close(peer.now, "the user hung up")
    (end,) = peer.drain(Protocol.LCP)
    assert end.code == Code.TERMINATE_REQUEST
    assert end.data[4:] == bytes.fromhex("003ccd7400000000")


def test_a_ras_farewell_after_a_refused_login() -> None:
    config = variant(CLIENT, habits=Habits(ras_farewell=True))
    left, right = server(variant(SERVER, authenticate=("chap",))), client(config)
    left.password = "another"
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    ladder = settle(left, right, 0.0)
    farewells = [
        ras_error(parse_packet(payload)[2])
        for side, protocol, payload in ladder
        if side == "<" and protocol == Protocol.LCP and payload[0] == Code.TERMINATE_REQUEST
    ]
    assert farewells == [691]
    assert right.one(LinkClosed).by_peer
