"""IKE_INTERMEDIATE (RFC 9242), which carries the additional key exchanges of RFC 9370."""

from talpa.crypto.exchange import BadPublicValue
from talpa.crypto.exchange import group as group_of
from talpa.crypto.prf import prf as prf_of
from talpa.ike.v2 import rules
from talpa.ike.v2.auth_initiator import AuthTask
from talpa.ike.v2.keymat import further_skeyseed, ike_keys
from talpa.ike.v2.numbers import Exchange, Kind, NotifyKind
from talpa.ike.v2.payloads import Chain, Contents, KeyExchange, ke
from talpa.ike.v2.sa import IkeSa
from talpa.sansio import Path


def go_on(sa: IkeSa, now: float) -> None:
    """Initiator: the next additional key exchange; IKE_AUTH when all are done."""
    made = sa.handshake
    assert made is not None
    if made.additional:
        sa.ask(IntermediateTask(), now)
    else:
        made.first_auth = sa.next_ask
        sa.ask(AuthTask(), now)


def _mix(sa: IkeSa, shared: bytes) -> None:
    """The keys after an additional key exchange."""
    made, suite, keys = sa.handshake, sa.suite, sa.keys
    assert made is not None
    assert suite is not None
    assert keys is not None
    nonces = made.nonce_i + made.nonce_r
    skeyseed = further_skeyseed(prf_of(suite.prf), keys.d, nonces, shared)
    made.additional = made.additional[1:]
    sa.take_keys(ike_keys(suite, skeyseed, nonces, sa.spis))


class IntermediateTask:
    """One additional key exchange."""

    __slots__ = ()
    exchange = Exchange.IKE_INTERMEDIATE

    def build(self, sa: IkeSa, _now: float) -> Chain | None:
        """KEi(n)."""
        made = sa.handshake
        if made is None:
            return None
        method = made.additional[0]
        made.offer = group_of(method).initiate(sa.room.shared.rng)
        return [ke(method, made.offer.public)]

    def done(self, sa: IkeSa, contents: Contents, _path: Path, now: float) -> None:
        """KEr(n)."""
        made = sa.handshake
        if made is None or made.offer is None:
            return
        theirs: KeyExchange | None = contents.one(Kind.KE)
        if theirs is None or theirs.method != made.additional[0]:
            sa.end("The peer broke off the additional key exchange.", by_peer=True)
            return
        try:
            shared = made.offer.finish(theirs.data)
        except BadPublicValue:
            sa.end("The peer's half of the additional key exchange is not valid.")
            return
        made.offer = None
        _mix(sa, shared)
        go_on(sa, now)

    def failed(self, sa: IkeSa, reason: str, _now: float) -> None:
        """The response could not be read."""
        sa.end(reason)

    def dropped(self, _sa: IkeSa) -> None:
        """It holds nothing."""


def answer(sa: IkeSa, contents: Contents, now: float) -> None:
    """Responder: an IKE_INTERMEDIATE request."""
    made = sa.handshake
    assert made is not None
    theirs: KeyExchange | None = contents.one(Kind.KE)
    begun = made.request is not None  # IKE_AUTH: nothing comes in between any more
    if (
        begun
        or not rules.hold(contents, rules.INTERMEDIATE)
        or (theirs is not None and (not made.additional or theirs.method != made.additional[0]))
    ):
        sa.refuse(NotifyKind.INVALID_SYNTAX, now)
        sa.end("The peer's additional key exchange is not the one agreed on.")
        return
    if theirs is None:
        sa.respond([], now)
        return
    try:
        public, shared = group_of(made.additional[0]).respond(sa.room.shared.rng, theirs.data)
    except BadPublicValue:
        sa.refuse(NotifyKind.INVALID_SYNTAX, now)
        sa.end("The peer's half of the additional key exchange is not valid.")
        return
    method = made.additional[0]
    # The response goes out under the old keys (RFC 9242 3.3.1).
    sa.respond([ke(method, public)], now)
    _mix(sa, shared)
