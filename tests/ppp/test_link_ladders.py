"""Whole set-ups as real clients do them, packet by packet."""

import hashlib

from ppp.link_peers import CLIENT, OFFER, PASSWORD, SERVER, Peer, client, server, settle, variant
from talpa.crypto import mschap
from talpa.ppp import Habits
from talpa.ppp.events import Authenticated, Ipv4Up, Ipv6Up, PeerIdentified
from talpa.ppp.frames import Code, Protocol
from talpa.ppp.registry import code_name
from talpa.wire import Secret

LCP, CHAP, IPCP, IPV6CP, CCP = (
    Protocol.LCP,
    Protocol.CHAP,
    Protocol.IPCP,
    Protocol.IPV6CP,
    Protocol.CCP,
)
ZERO = bytes(4)


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


def test_pppd() -> None:
    """pppd 2.5 as xl2tpd's client: echo at once, all NCPs in parallel, CCP too."""
    peer = Peer(variant(SERVER, authenticate=("chap",)))
    # It does not hear our first request, for it is not running yet; then both begin.
    peer.drain()
    peer.now += 0.08
    pppd = [(1, hexed("0578")), (2, ZERO), (5, hexed("12345678"))]
    (ack,) = peer.request(LCP, pppd, identifier=1)
    assert (ack.code, ack.options) == (Code.CONFIGURE_ACK, pppd)
    (request,) = peer.wait(1.0)
    assert dict(request.options)[3] == hexed("c22305")
    (challenge,) = peer.answer(request, Code.CONFIGURE_ACK)
    assert (challenge.protocol, challenge.code) == (CHAP, 1)
    (reply,) = peer.send(LCP, Code.ECHO_REQUEST, 0, hexed("12345678"))
    assert reply.code == Code.ECHO_REPLY
    # The right answer to the challenge, as MD5 has it.
    value = challenge.data[1 : 1 + challenge.data[0]]
    secret = PASSWORD.encode()
    response = hashlib.md5(bytes((challenge.identifier,)) + secret + value).digest()
    packets = peer.send(CHAP, 2, challenge.identifier, b"\x10" + response + b"alice")
    assert [(p.protocol, p.code) for p in packets] == [(CHAP, 3), (IPCP, 1), (IPV6CP, 1)]
    assert peer.owner.one(Authenticated) == Authenticated("alice", "CHAP")
    ours = {p.protocol: p for p in packets}
    # pppd: CCP, IPCP and IPV6CP in one breath.
    (reject,) = peer.send(CCP, 1, 1, hexed("1206010000601a0478001804780015032f"))
    assert reject.code == Code.PROTOCOL_REJECT
    (nak,) = peer.request(IPCP, [(3, ZERO), (129, ZERO), (131, ZERO)])
    assert nak.code == Code.CONFIGURE_NAK
    (ack,) = peer.request(IPV6CP, [(1, hexed("d4f5c0ffee001122"))])
    assert ack.code == Code.CONFIGURE_ACK
    peer.answer(ours[IPV6CP], Code.CONFIGURE_ACK)
    peer.answer(ours[IPCP], Code.CONFIGURE_ACK)
    (ack,) = peer.request(IPCP, nak.options, identifier=2)
    assert ack.code == Code.CONFIGURE_ACK
    assert peer.owner.one(Ipv4Up).peer == OFFER.peer
    assert peer.owner.one(Ipv6Up)
    # poff: pppd says why, and goes.
    (ack,) = peer.send(LCP, Code.TERMINATE_REQUEST, 2, b"User request")
    assert ack.code == Code.TERMINATE_ACK


def test_windows() -> None:
    """Windows 10: callback and multilink, three identifications, IPV6CP first, CCP, then IPCP."""
    peer = Peer(variant(SERVER, authenticate=("mschapv2",)))
    (request,) = peer.drain()
    assert peer.answer(request, Code.CONFIGURE_ACK) == []
    magic = hexed("4d4e0f9c")
    wishes = [(1, hexed("0578")), (5, magic), (7, b""), (8, b"")]
    extra = [(13, b"\6"), (17, hexed("064e")), (19, b"\1" + bytes(20)), (0x17, hexed("0001"))]
    (reject,) = peer.request(LCP, wishes + extra, identifier=0)
    assert (reject.code, reject.options) == (Code.CONFIGURE_REJECT, extra)
    (ack, challenge) = peer.request(LCP, wishes, identifier=1)
    assert (ack.code, ack.options) == (Code.CONFIGURE_ACK, wishes)
    for identifier, text in enumerate((b"MSRASV5.20", b"MSRAS-0-DESKTOP-1", bytes(range(16))), 2):
        assert peer.send(LCP, Code.IDENTIFICATION, identifier, magic + text) == []
    assert [e.text for e in peer.owner.found(PeerIdentified)][:2] == [
        "MSRASV5.20",
        "MSRAS-0-DESKTOP-1",
    ]
    value = challenge.data[1:17]
    ours = bytes(range(16))
    nt = mschap.generate_nt_response(value, ours, b"alice", Secret(PASSWORD))
    response = b"\x31" + ours + bytes(8) + nt + b"\0" + b"DESKTOP-1\\alice"
    packets = peer.send(CHAP, 2, challenge.identifier, response)
    assert (packets[0].protocol, packets[0].code) == (CHAP, 3)
    assert packets[0].data.startswith(b"S=")
    requests = {p.protocol: p for p in packets[1:]}
    (ack,) = peer.request(IPV6CP, [(1, hexed("b1a2c3d4e5f60718"))], identifier=6)
    assert ack.code == Code.CONFIGURE_ACK
    (reject,) = peer.send(CCP, 1, 7, hexed("120600000000"))
    assert reject.code == Code.PROTOCOL_REJECT
    asked = [(3, ZERO), (129, ZERO), (130, ZERO), (131, ZERO), (132, ZERO)]
    (reject,) = peer.request(IPCP, asked, identifier=8)
    assert (reject.code, reject.options) == (Code.CONFIGURE_REJECT, [(132, ZERO)])
    (nak,) = peer.request(IPCP, asked[:4], identifier=9)
    assert nak.code == Code.CONFIGURE_NAK
    peer.answer(requests[IPCP], Code.CONFIGURE_ACK)
    (ack,) = peer.request(IPCP, nak.options, identifier=10)
    assert ack.code == Code.CONFIGURE_ACK
    assert peer.owner.one(Ipv4Up).peer == OFFER.peer
    assert peer.owner.one(Authenticated) == Authenticated("alice", "MS-CHAPv2")
    peer.send(LCP, Code.TERMINATE_REQUEST, 11, magic + hexed("003ccd7400000277"))
    peer.wait(2)
    assert peer.ended().ras_error == 631


def named(ladder: list[tuple[str, int, bytes]], arrow: str) -> list[str]:
    """The packets of one side, in words."""
    return [
        f"{Protocol(protocol).name} {code_name(protocol, payload[0])}"
        for side, protocol, payload in ladder
        if side == arrow
    ]


def test_our_own_windows_like_client() -> None:
    """The load generator's Windows gets through our server with all its habits."""
    habits = Habits(
        extra_lcp=((13, b"\6"), (17, hexed("064e"))),
        ask_pfc=True,
        ask_acfc=True,
        ask_accm=False,
        identification=(b"MSRASV5.20", b"MSRAS-0-STORM"),
        ccp=hexed("120601000001"),
        ipv6_first=True,
        ask_vj=True,
        echo_when_open=True,
    )
    config = variant(CLIENT, habits=habits, ask_wins=True)
    left, right = server(variant(SERVER, authenticate=("chap",))), client(config)
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    ladder = settle(left, right, 0.0)
    sent = named(ladder, "<")
    assert sent.count("LCP Identification") == 2
    assert sent.count("LCP Echo-Request") == 1
    assert sent.index("IPV6CP Configure-Request") < sent.index("IPCP Configure-Request")
    assert "CCP Configure-Request" in sent
    assert named(ladder, ">").count("LCP Protocol-Reject") == 1
    assert right.one(Ipv4Up).dns == OFFER.dns
    assert right.one(Ipv4Up).wins == OFFER.wins
    assert left.found(PeerIdentified)[1].text == "MSRAS-0-STORM"
    assert right.link.round_trip == 0.0


def test_a_set_up_takes_few_packets() -> None:
    left, right = server(variant(SERVER, authenticate=("chap",))), client()
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    ladder = settle(left, right, 0.0)
    assert len(named(ladder, ">")) <= 9
    assert len(named(ladder, "<")) <= 9
