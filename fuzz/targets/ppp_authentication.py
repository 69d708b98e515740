"""The packets of PAP, CHAP, MS-CHAP and MS-CHAPv2, both sides."""

from collections.abc import Iterator

from fuzz.middle import Middle, edit
from fuzz.octets import Octets, chunk
from fuzz.shapes import repaired_packet
from ppp.auth_pair import PASSWORD, counting_rng, judge
from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused
from talpa.ppp.auth import METHODS, Authenticator, Success, Supplicant
from talpa.ppp.auth.party import Party
from talpa.ppp.config import Config, Credentials
from talpa.sansio import Drops
from talpa.wire import Secret

_MOST_ROUNDS = 40
_METHODS = tuple(METHODS)
_CHANGING = Credentials("alice", PASSWORD, Secret("battery staple"))
_WRONG = Credentials("alice", Secret("wrong"))


def check(data: bytes) -> None:
    """An exchange with somebody in between, then packets that he makes up: nothing is raised, one
    packet is answered with one at most, and who does not know the password is never let in. A
    password is changed to none but the one that the user chose."""
    octets = Octets(data)
    which = octets.number()
    method = _METHODS[which % len(_METHODS)]
    knows = bool(which & 4)
    drops, config = Drops(), Config()
    authenticator = Authenticator(method, config, counting_rng(1), drops)
    supplicant = Supplicant(
        method, _CHANGING if knows else _WRONG, config, counting_rng(2), drops=drops
    )
    own = octets.chunk()
    middle = Middle(octets, repaired_packet, lambda packet: (packet, []))
    expired = bool(which & 8)
    parties: tuple[Party, Party] = (supplicant, authenticator)
    for party in parties:
        party.start(0.0)
    for _ in range(_MOST_ROUNDS):
        carried = 0
        for party, other in (parties, parties[::-1]):
            for protocol, packet in party.transmits():
                carried += 1
                for arriving in middle.carry(packet):
                    other.receive(protocol, arriving, 0.0)
                    _decide(authenticator, expired=expired)
        if not carried:
            break
    made_up = Octets(own)
    while made_up:
        party = made_up.pick(parties)
        party.receive(party.method.protocol, made_up.chunk(), 1.0)
        _decide(authenticator, expired=expired)
        assert len(party.transmits()) <= 1
    if not knows:
        assert not isinstance(authenticator.outcome, Success)


def _decide(authenticator: Authenticator, *, expired: bool) -> None:
    attempt = authenticator.take_attempt()
    if attempt is not None:
        repr(attempt)
        authenticator.verdict(_verdict(attempt, expired=expired), 0.0)


def _verdict(attempt: Attempt, *, expired: bool) -> Accepted | Refused | PasswordChanged:
    verdict = judge(attempt)
    if isinstance(verdict, PasswordChanged):
        assert verdict.password == _CHANGING.new_password
    elif isinstance(verdict, Accepted) and expired:
        return Refused("expired", error=648)
    return verdict


def seeds() -> Iterator[bytes]:
    """Every method, with the right and a wrong password, and with a change of it."""
    for which in range(16):
        yield bytes((which, 0))
        for message in range(3):
            yield bytes((which, 0)) + edit(message, 0, 5, 9)
            yield bytes((which, 0)) + edit(message, 6, 0, 2)
            yield bytes((which, 0)) + edit(message, 4, 6)
    for code in (1, 2, 3, 4, 6, 7):
        packet = bytes((code, 1, 0, 40)) + b"\x10" + bytes(35)
        made_up = b"\0" + chunk(packet) + b"\1" + chunk(packet)
        yield b"\4" + chunk(made_up)
