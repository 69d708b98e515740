"""IKE_FOLLOWUP_KE: additional key exchanges after CREATE_CHILD_SA (RFC 9370 2.2.4)."""

from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import BadPublicValue, Offer
from talpa.crypto.exchange import group as group_of
from talpa.ike.v2 import rules
from talpa.ike.v2.numbers import Exchange, Kind, NotifyKind
from talpa.ike.v2.payloads import Chain, Contents, KeyExchange, ke, notify
from talpa.ike.v2.sa import IkeSa
from talpa.ike.v2.tasks import LINK_OCTETS, Finish, Following
from talpa.sansio import Path

_MOST_LINK = 256
_WAIT = 20.0
"""Seconds that the next exchange is waited for."""


def wait(sa: IkeSa, following: Following, now: float) -> None:
    """Until the peer goes on, or for too long."""
    if sa.following is not None and sa.following is not following:
        sa.following.finish.broken(sa, now)
    sa.following = following
    sa.arm("following", now + _WAIT)


def given_up(sa: IkeSa, now: float) -> None:
    """The peer did not go on."""
    following, sa.following = sa.following, None
    sa.arm("following", None)
    if following is not None:
        following.finish.broken(sa, now)


def answer(sa: IkeSa, contents: Contents, now: float) -> None:
    """An IKE_FOLLOWUP_KE request."""
    following = sa.following
    said = contents.notify(NotifyKind.ADDITIONAL_KEY_EXCHANGE)
    if following is None or said is None or said.data != following.link:
        sa.refuse(NotifyKind.STATE_NOT_FOUND, now)
        return
    theirs: KeyExchange | None = contents.one(Kind.KE)
    method = following.methods[0]
    if not rules.hold(contents, rules.FOLLOWUP) or theirs is None or theirs.method != method:
        sa.refuse(NotifyKind.INVALID_SYNTAX, now)
        given_up(sa, now)
        return
    try:
        public, shared = group_of(method).respond(sa.room.shared.rng, theirs.data)
    except BadPublicValue:
        sa.refuse(NotifyKind.INVALID_SYNTAX, now)
        given_up(sa, now)
        return
    chain: list[tuple[Kind, object]] = [ke(method, public)]
    following.shared += (shared,)
    following.methods = following.methods[1:]
    if following.methods:
        following.link = sa.room.shared.rng(LINK_OCTETS)
        chain.append(following.notice())
        sa.respond(chain, now)
        wait(sa, following, now)
        return
    sa.following = None
    sa.arm("following", None)
    sa.respond(chain, now)
    following.finish.finish(sa, following.shared, now)


class FollowupTask:
    """Initiator: one additional key exchange."""

    __slots__ = ("_finish", "_link", "_methods", "_offer", "_shared")
    exchange = Exchange.IKE_FOLLOWUP_KE

    def __init__(
        self, methods: tuple[GroupId, ...], shared: tuple[bytes, ...], link: bytes, finish: Finish
    ) -> None:
        self._methods = methods
        self._shared = shared
        self._link = link
        self._finish = finish
        self._offer: Offer | None = None

    def build(self, sa: IkeSa, _now: float) -> Chain | None:
        """KEi(n)."""
        self._offer = group_of(self._methods[0]).initiate(sa.room.shared.rng)
        return [
            ke(self._methods[0], self._offer.public),
            notify(NotifyKind.ADDITIONAL_KEY_EXCHANGE, self._link),
        ]

    def done(self, sa: IkeSa, contents: Contents, _path: Path, now: float) -> None:
        """KEr(n)."""
        theirs: KeyExchange | None = contents.one(Kind.KE)
        if theirs is None or theirs.method != self._methods[0] or self._offer is None:
            self._finish.broken(sa, now)
            return
        try:
            shared = (*self._shared, self._offer.finish(theirs.data))
        except BadPublicValue:
            self._finish.broken(sa, now)
            return
        methods = self._methods[1:]
        if not methods:
            self._finish.finish(sa, shared, now)
            return
        link = link_of(contents)
        if not link:
            self._finish.broken(sa, now)
            return
        sa.ask(FollowupTask(methods, shared, link, self._finish), now, soon=True)

    def failed(self, sa: IkeSa, _reason: str, now: float) -> None:
        """The response could not be read."""
        self._finish.broken(sa, now)

    def dropped(self, sa: IkeSa) -> None:
        """The IKE SA is gone."""
        self._finish.dropped(sa)


def link_of(contents: Contents) -> bytes:
    """How the peer calls what is to follow; empty: nothing, or something odd."""
    said = contents.notify(NotifyKind.ADDITIONAL_KEY_EXCHANGE)
    return said.data if said is not None and len(said.data) <= _MOST_LINK else b""
