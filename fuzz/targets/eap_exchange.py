"""The packets of EAP and of its methods, both sides."""

from collections.abc import Iterator

from eap.eap_certificates import alice, stranger
from eap.eap_pair import PASSWORD, WALL, Pair, judge
from eap.test_eap_tls import tls_pair
from fuzz.middle import Middle, edit
from fuzz.octets import Octets, chunk
from fuzz.shapes import repaired_packet
from ppp.auth_pair import counting_rng
from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused
from talpa.eap.authenticator import Authenticator
from talpa.eap.outcomes import Success
from talpa.eap.packets import parse
from talpa.eap.peer import Peer
from talpa.wire import Malformed, Secret

_MOST_ROUNDS = 40
_WRONG = Secret("wrong")
_NEW = Secret("battery staple")
_TLS = 2


def check(data: bytes) -> None:
    """An exchange with somebody in between, then packets that he makes up: nothing is raised, and
    who knows neither password nor key is never let in. Where both are let in, both have one key. A
    password is changed to none but the one that the user chose."""
    octets = Octets(data)
    which = octets.number()
    method, knows, expired = which % 3, bool(which & 4), bool(which & 8)
    pair = _pair(method, knows=knows, expired=expired)
    own = octets.chunk()
    middle = Middle(octets, repaired_packet, lambda packet: (packet, []))
    requests = [pair.authenticator.begin()]
    for _ in range(_MOST_ROUNDS):
        if not requests:
            break
        requests = _round(pair, middle, requests)
    made_up = Octets(own)
    while made_up:
        to_peer = bool(made_up.number() & 1)
        packet = made_up.chunk()
        if to_peer:
            pair.peer.receive(packet)
        else:
            pair.decided(pair.authenticator.receive(packet))
        try:
            repr(parse(packet))
        except Malformed:
            continue
    ours, theirs = pair.authenticator.outcome, pair.peer.outcome
    if not knows:
        assert not isinstance(ours, Success)
    if isinstance(ours, Success) and isinstance(theirs, Success):
        assert ours.msk == theirs.msk


def _round(pair: Pair, middle: Middle, requests: list[bytes]) -> list[bytes]:
    answers = []
    for request in requests:
        for arriving in middle.carry(request):
            reply = pair.peer.receive(arriving).reply
            answers += [] if reply is None else [reply]
    following = []
    for answer in answers:
        for arriving in middle.carry(answer):
            step = pair.decided(pair.authenticator.receive(arriving))
            following += [] if step.reply is None or step.outcome is not None else [step.reply]
            if step.outcome is not None and step.reply is not None:
                pair.peer.receive(step.reply)
    return following[:4]


def _pair(method: int, *, knows: bool, expired: bool) -> Pair:
    if method == _TLS:
        return tls_pair(credential=alice() if knows else stranger(), tls13=not expired)
    peer = Peer(
        "alice",
        PASSWORD if knows else _WRONG,
        wall=lambda: WALL,
        rng=counting_rng(2),
        new_password=_NEW,
    )
    authenticator = Authenticator((("mschapv2", "md5")[method],), counting_rng(1))
    return Pair(authenticator, peer, _expired if expired else _verdict)


def _verdict(attempt: Attempt) -> Accepted | Refused | PasswordChanged:
    verdict = judge(attempt)
    if isinstance(verdict, PasswordChanged):
        assert verdict.password == _NEW
    return verdict


def _expired(attempt: Attempt) -> Accepted | Refused | PasswordChanged:
    verdict = _verdict(attempt)
    return Refused("expired", error=648) if isinstance(verdict, Accepted) else verdict


def seeds() -> Iterator[bytes]:
    """Every method, with the right and a wrong secret, and with a change of it."""
    for which in range(16):
        yield bytes((which, 0))
        for message in range(4):
            yield bytes((which, 0)) + edit(message, 0, 5, 9)
            yield bytes((which, 0)) + edit(message, 6, 0, 2)
            yield bytes((which, 0)) + edit(message, 4, 6)
    for code, kind in ((1, 4), (1, 26), (1, 13), (2, 3), (2, 26), (3, 1), (4, 1)):
        packet = bytes((code, 1, 0, 20, kind)) + bytes(15)
        yield b"\4" + chunk(b"\0" + chunk(packet) + b"\1" + chunk(packet))
