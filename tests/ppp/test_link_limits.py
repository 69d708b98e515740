"""What one link may cost: rates, sizes, memory."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from ppp.link_peers import CLIENT, OFFER, QUIET, SERVER, Owner, Peer, seeded, settle
from talpa.ppp import PppLink
from talpa.ppp.frames import Code, Protocol
from talpa.ppp.options import emit_options
from talpa.sansio import Drops

LCP, IPCP = Protocol.LCP, Protocol.IPCP
SHARED = seeded(1)


def test_echo_replies_are_bounded_in_rate() -> None:
    peer = Peer()
    peer.open_network()
    replies = sum(len(peer.send(LCP, Code.ECHO_REQUEST, n, bytes(4))) for n in range(60))
    assert replies <= 20
    assert peer.link.drops["LCP: Echo-Requests, too many"] >= 40
    peer.wait(5)
    assert len(peer.send(LCP, Code.ECHO_REQUEST, 1, bytes(4))) == 1


def test_a_flood_is_dropped_and_in_the_end_ends_the_link() -> None:
    peer = Peer(QUIET)
    requests = peer.open_network()
    peer.answer(requests[IPCP], Code.CONFIGURE_ACK)
    peer.request(IPCP, [(3, OFFER.peer.packed)])
    start = peer.now
    sent = 0
    while peer.alive():
        for _ in range(150):
            peer.owner.receive((LCP, b"\x0b\1\0\x08\0\0\0\0"), peer.now)
            sent += 1
        peer.wait(2.0)
        assert peer.now < start + 120
    assert peer.now - start >= 30
    assert "floods" in peer.ended().reason
    assert peer.link.drops["control packets, too many"] >= sent / 4


def test_a_short_burst_is_forgiven() -> None:
    peer = Peer()
    peer.open_network()
    for _ in range(5):
        for _ in range(500):
            peer.owner.receive((LCP, b"\x0b\1\0\x08\0\0\0\0"), peer.now)
        peer.wait(4.0)
    assert peer.alive()


@pytest.mark.parametrize("mru", [128, 300, 1500, 65535])
@pytest.mark.parametrize(
    "options",
    [
        [(13, bytes(20))] * 60,
        [(3, b"")] * 60,
        [(200 + n % 50, bytes(n)) for n in range(40)],
        [(n, b"") for n in range(64)],
    ],
)
def test_an_answer_is_never_longer_than_the_peer_takes(
    mru: int, options: list[tuple[int, bytes]]
) -> None:
    peer = Peer()
    peer.open_network([(1, mru.to_bytes(2, "big"))])
    answers = peer.request(IPCP, options, identifier=1)
    answers += peer.request(Protocol.IPV6CP, options, identifier=2)
    answers += peer.send(IPCP, 99, 3, emit_options(options)[:1400])
    assert len(answers) == 3
    assert all(4 + len(a.data) <= mru for a in answers)


def test_too_many_options_are_nobodys_negotiation() -> None:
    peer = Peer()
    peer.drain()
    assert peer.request(LCP, [(200, b"")] * 65) == []
    assert peer.link.drops.total() == 1


def test_early_requests_do_not_pile_up() -> None:
    peer = Peer()
    peer.open_lcp()
    for identifier in range(20):
        assert peer.request(IPCP, [(3, bytes(4))], identifier) == []
    peer.link.offer_ipv4(OFFER, peer.now)
    assert [p.identifier for p in peer.drain() if p.code == Code.CONFIGURE_NAK] == [19]


def grown(make: Callable[[], object], count: int) -> float:
    """Octets that each of `count` objects keeps."""
    kept = [make()]
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept += [make() for _ in range(count)]
    gc.collect()
    size = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return size / count


def established() -> Owner:
    # One source of chance for all, as in a server.
    left, right = Owner(PppLink(SERVER, SHARED)), Owner(PppLink(CLIENT, SHARED))
    left.link.lower_up(0.0)
    right.link.lower_up(0.0)
    settle(left, right, 0.0)
    return left


def test_an_established_link_keeps_less_than_4_kib() -> None:
    def make() -> PppLink:
        return established().link

    assert established().link.state == "LCP Opened, IPCP Opened, IPV6CP Opened"
    assert grown(make, 50) < 4096


def test_drops_may_be_shared() -> None:
    drops = Drops()
    links = [PppLink(QUIET, seeded(n), drops) for n in range(3)]
    for link in links:
        link.receive(LCP, b"", 0.0)
    assert drops.total() == 3
