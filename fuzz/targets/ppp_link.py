"""A PPP link in each phase and both roles."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from fuzz.octets import Octets, chunk
from ppp.link_peers import CLIENT, QUIET, SERVER, Owner, Peer, client, server, settle
from talpa.ppp.config import Config
from talpa.ppp.events import LinkClosed
from talpa.ppp.frames import Code, Protocol, emit_packet, parse_packet

_NOW = 1000.0
_MOST_STEPS = 40
_PROTOCOLS = tuple(int(protocol) for protocol in Protocol)


def _fresh(make: Callable[[Config], Owner], config: Config) -> Owner:
    owner = make(config)
    owner.link.lower_up(_NOW)
    return owner


def _past_lcp(config: Config, options: tuple[tuple[int, bytes], ...] = ()) -> Owner:
    peer = Peer(config, _NOW)
    peer.open_lcp(options)
    return peer.owner


def _open(which: int) -> Owner:
    pair = server(), client()
    for owner in pair:
        owner.link.lower_up(_NOW)
    settle(*pair, _NOW)
    return pair[which]


def _networking() -> Owner:
    peer = Peer(QUIET, _NOW)
    peer.open_network()
    return peer.owner


def _terminating() -> Owner:
    owner = _open(0)
    owner.link.close(_NOW, "enough")
    return owner


_PHASES: tuple[Callable[[], Owner], ...] = (
    lambda: _fresh(server, SERVER),
    lambda: _fresh(client, CLIENT),
    lambda: _past_lcp(replace(SERVER, authenticate=("mschapv2",))),
    lambda: _past_lcp(replace(SERVER, authenticate=("chap",))),
    lambda: _past_lcp(replace(SERVER, authenticate=("pap",))),
    lambda: _past_lcp(CLIENT, ((3, b"\xc2\x23\x81"),)),
    lambda: _past_lcp(CLIENT, ((3, b"\xc2\x23\x05"),)),
    _networking,
    lambda: _open(0),
    lambda: _open(1),
    _terminating,
    server,
)


def check(data: bytes) -> None:
    """Any frames and any pauses: nothing is raised; what is sent is sound, no larger than the
    smallest link, and at most a few frames for each one received. The link ends at most once."""
    octets = Octets(data)
    owner = octets.pick(_PHASES)()
    owner.transmits()
    now = _NOW
    for _ in range(_MOST_STEPS):
        if not octets:
            break
        what = octets.number()
        if what == 0xFF:
            now += octets.number() / 4
            owner.handle_timeout(now)
        else:
            owner.receive(_frame(octets, what), now)
        sent = owner.transmits()
        assert len(sent) <= 8, len(sent)
        for protocol, payload in sent:
            assert 0 <= protocol <= 0xFFFF
            assert len(payload) <= 1500
            parse_packet(payload)
    for _ in range(200):
        when = owner.next_timeout()
        if when is None:
            break
        now = max(now, when)
        owner.handle_timeout(now)
        owner.transmits()
    owner.link.lower_down(now)
    owner.heed(now)
    assert owner.next_timeout() is None
    assert len(owner.found(LinkClosed)) <= 1


def _frame(octets: Octets, what: int) -> tuple[int, bytes]:
    """A frame: its payload as it stands, or behind a header with the right length."""
    protocol = octets.number(2) if what & 0x80 else octets.pick(_PROTOCOLS)
    if what & 0x40:
        return protocol, octets.chunk()
    code, identifier = what & 0x0F, octets.number()
    return protocol, emit_packet(code, identifier, octets.chunk())


def seeds() -> Iterator[bytes]:
    """What a client sends, in each phase."""
    at = {number: place for place, number in enumerate(_PROTOCOLS)}
    for phase in range(len(_PHASES)):
        yield bytes((phase,)) + b"".join(
            bytes((code, at[protocol], identifier)) + chunk(data)
            for protocol, code, identifier, data in _SAID
        )
        yield bytes((phase, 0xFF, 40, 0xFF, 200))


_SAID: tuple[tuple[Protocol, Code, int, bytes], ...] = (
    (Protocol.LCP, Code.CONFIGURE_REQUEST, 1, bytes.fromhex("010405780506010203040702")),
    (Protocol.LCP, Code.CONFIGURE_ACK, 1, bytes.fromhex("010405780305c22381")),
    (Protocol.LCP, Code.CONFIGURE_NAK, 1, bytes.fromhex("0304c023")),
    (Protocol.LCP, Code.CONFIGURE_REJECT, 1, bytes.fromhex("0305c22381")),
    (Protocol.LCP, Code.IDENTIFICATION, 2, bytes(4) + b"MSRASV5.20"),
    (Protocol.LCP, Code.ECHO_REQUEST, 3, bytes(4)),
    (Protocol.LCP, Code.PROTOCOL_REJECT, 4, bytes.fromhex("80570101")),
    (Protocol.IPCP, Code.CONFIGURE_REQUEST, 1, bytes.fromhex("030600000000810600000000")),
    (Protocol.IPCP, Code.CONFIGURE_ACK, 1, bytes.fromhex("03060a4d0001")),
    (Protocol.IPV6CP, Code.CONFIGURE_REQUEST, 1, bytes.fromhex("010a0000000000000002")),
    (Protocol.CHAP, Code.CONFIGURE_REQUEST, 1, b"\x10" + bytes(16) + b"server"),
    (Protocol.CHAP, Code.CONFIGURE_ACK, 1, b"\x31" + bytes(49) + b"alice"),
    (Protocol.PAP, Code.CONFIGURE_REQUEST, 1, b"\x05alice\x02no"),
    (Protocol.LCP, Code.TERMINATE_REQUEST, 9, b""),
)
