"""New keys for an IKE SA (RFC 7296 1.3.2, 2.8, 2.8.2, 2.18), either end first, or both at once."""

from dataclasses import replace

from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import BadPublicValue, Offer
from talpa.crypto.exchange import group as group_of
from talpa.crypto.prf import prf as prf_of
from talpa.ike.policies import IkeOffer, IkeSuite, choose_ike
from talpa.ike.v2 import rules
from talpa.ike.v2.followup import FollowupTask, link_of, wait
from talpa.ike.v2.informational import DeleteIke
from talpa.ike.v2.keymat import ike_keys, rekeyed_skeyseed
from talpa.ike.v2.lives import adopt
from talpa.ike.v2.numbers import Exchange, Kind, NotifyKind, ProtocolId
from talpa.ike.v2.payloads import Chain, Contents, KeyExchange, ke
from talpa.ike.v2.proposals import (
    accepted_ike,
    ike_answer,
    ike_offers_of,
    ike_proposal,
    own_ike_offers,
)
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.ike.v2.sa_payload import Proposal
from talpa.ike.v2.tasks import Following
from talpa.sansio import Path

_NONCE_OCTETS = 32
_LINGER = 60.0
"""Seconds that a replaced IKE SA waits for the peer's delete."""
_MOST_TRIES = 3


class _New:
    """What both ends know of the IKE SA to be."""

    __slots__ = ("initiator", "local_spi", "nonce_i", "nonce_r", "remote_spi", "suite")

    def __init__(self, *, initiator: bool, local_spi: bytes) -> None:
        self.initiator = initiator
        self.local_spi = local_spi
        self.remote_spi = b""
        self.nonce_i = b""
        self.nonce_r = b""
        self.suite: IkeSuite | None = None

    def finish(self, sa: IkeSa, shared: tuple[bytes, ...], now: float) -> None:
        """All key exchanges are done: here it is."""
        if sa.stage is not Stage.UP or sa.suite is None or sa.keys is None or self.suite is None:
            return
        new = IkeSa(
            sa.room,
            sa.number,
            sa.path,
            self.local_spi,
            self.remote_spi,
            now,
            initiator=self.initiator,
            natt=sa.natt,
        )
        nonces = self.nonce_i + self.nonce_r
        skeyseed = rekeyed_skeyseed(prf_of(sa.suite.prf), sa.keys.d, nonces, shared)
        new.suite, new.stage = self.suite, Stage.UP
        new.take_keys(ike_keys(self.suite, skeyseed, nonces, new.spis))
        for name in ("connection", "fragmentation", "mobike", "we_natted", "peer_natted"):
            setattr(new, name, getattr(sa, name))
        new.local_id, new.given, new.rekeyed = sa.local_id, sa.given, sa.rekeyed + 1
        assert sa.peer is not None
        new.peer = replace(sa.peer, suite=self.suite.name)
        sa.room.enter_spare(new)
        self._settle(sa, new, min(self.nonce_i, self.nonce_r), now)

    def _settle(self, sa: IkeSa, new: IkeSa, low: bytes, now: float) -> None:
        """Which one stays, when both ends began at once: not the one with the lowest nonce
        (RFC 7296 2.8.2). Who made what goes deletes it."""
        if not self.initiator:
            if sa.rekeying:
                sa.rekeyed_by = (low, new)
            else:
                adopt(sa, new)
                sa.arm("end", now + _LINGER)
            return
        sa.rekeying = False
        theirs, sa.rekeyed_by = sa.rekeyed_by, None
        if theirs is not None and low < theirs[0]:
            adopt(sa, theirs[1])
            sa.arm("end", now + _LINGER)
            new.stage, new.closing_reason = Stage.CLOSING, "Another one stays."
            new.ask(DeleteIke(), now)
            return
        adopt(sa, new)
        sa.ask(DeleteIke(), now)
        if theirs is not None:
            theirs[1].stage, theirs[1].closing_reason = Stage.CLOSING, "Another one stays."
            theirs[1].arm("end", now + _LINGER)

    def broken(self, sa: IkeSa, now: float) -> None:
        """It came to nothing."""
        if self.initiator:
            _again(sa, now)

    def dropped(self, _sa: IkeSa) -> None:
        """It holds nothing."""


def used(sa: IkeSa, contents: Contents) -> None:
    """The peer asks something in an IKE SA that it made, while we still wait for the answer to our
    own request: so it is the one that stays."""
    old = sa.room.current(sa.number)
    if old is None or old is sa or old.rekeyed_by is None or old.rekeyed_by[1] is not sa:
        return
    if any(one.protocol == ProtocolId.IKE for one in contents.all(Kind.DELETE)):
        old.rekeyed_by = None
        return
    adopt(old, sa)
    old.arm("end", sa.heard + _LINGER)


def _again(sa: IkeSa, now: float) -> None:
    """Ours failed. What the peer made meanwhile stands; else we begin anew after a while, which is
    not the same for both ends."""
    sa.rekeying = False
    if sa.stage is not Stage.UP:
        return
    if sa.rekeyed_by is not None:
        adopt(sa, sa.rekeyed_by[1])
        sa.arm("end", now + _LINGER)
        return
    share = sa.room.shared.rng(1)[0] / 255
    sa.arm("rekey", now + 2.0 + 8.0 * share)


class RekeyIke:
    """Our request."""

    __slots__ = ("_group", "_new", "_offer", "_offers", "_tries")
    exchange = Exchange.CREATE_CHILD_SA

    def __init__(self, sa: IkeSa) -> None:
        assert sa.suite is not None
        self._new = _New(initiator=True, local_spi=sa.room.draw_spi())
        self._group = sa.suite.group
        self._offers = _offers(sa)
        self._offer: Offer | None = None
        self._tries = 0

    def build(self, sa: IkeSa, _now: float) -> Chain | None:
        """SA, Ni, KEi."""
        if sa.stage is not Stage.UP:
            return None
        rng = sa.room.shared.rng
        self._offer = group_of(self._group).initiate(rng)
        self._new.nonce_i = rng(_NONCE_OCTETS)
        return [
            (Kind.SA, tuple(ike_proposal(one, self._new.local_spi) for one in self._offers)),
            (Kind.NONCE, self._new.nonce_i),
            ke(self._group, self._offer.public),
        ]

    def done(self, sa: IkeSa, contents: Contents, _path: Path, now: float) -> None:
        """SA, Nr, KEr; or an error."""
        if sa.stage is not Stage.UP:
            return
        if contents.error is not None:
            self._told(sa, contents, now)
            return
        new = self._new
        if self._offer is None or not rules.hold(contents, rules.REKEY_IKE):
            _again(sa, now)
            return
        proposals: tuple[Proposal, ...] = contents.one(Kind.SA)
        theirs: KeyExchange = contents.one(Kind.KE)
        suite = accepted_ike(self._offers, proposals, 8)
        if suite is None or suite.group != self._group or theirs.method != self._group:
            _again(sa, now)
            return
        try:
            shared = self._offer.finish(theirs.data)
        except BadPublicValue:
            _again(sa, now)
            return
        new.suite, new.remote_spi = suite, proposals[0].spi
        new.nonce_r = contents.one(Kind.NONCE)
        additional = tuple(one for one in suite.additional if one)
        if not additional:
            new.finish(sa, (shared,), now)
            return
        link = link_of(contents)
        if not link:
            _again(sa, now)
            return
        sa.ask(FollowupTask(additional, (shared,), link, new), now, soon=True)

    def _told(self, sa: IkeSa, contents: Contents, now: float) -> None:
        wanted = contents.notify(NotifyKind.INVALID_KE_PAYLOAD)
        if wanted is not None and len(wanted.data) == 2 and self._tries < _MOST_TRIES:
            group = GroupId(int.from_bytes(wanted.data, "big"))
            if any(group in offer.groups for offer in self._offers) and group != self._group:
                self._tries += 1
                self._group = group
                sa.ask(self, now, soon=True)
                return
        _again(sa, now)

    def failed(self, sa: IkeSa, _reason: str, now: float) -> None:
        """The response could not be read."""
        _again(sa, now)

    def dropped(self, _sa: IkeSa) -> None:
        """It holds nothing."""


def _offers(sa: IkeSa) -> tuple[IkeOffer, ...]:
    """As in IKE_SA_INIT, but additional key exchanges only, and then surely, where this one was
    made with some: what was safe stays safe."""
    assert sa.suite is not None
    offers = own_ike_offers(sa.policy, sa.room.shared.config.wall().date())
    if any(sa.suite.additional):
        return tuple(one for one in offers if one.additional)
    return tuple(one for one in offers if not one.additional) or offers


def answer(sa: IkeSa, contents: Contents, now: float) -> None:
    """The peer's request."""
    if not rules.hold(contents, rules.REKEY_IKE):
        sa.refuse(NotifyKind.INVALID_SYNTAX, now)
        return
    asked = sa.asked
    busy = asked is not None and asked.task.exchange == Exchange.CREATE_CHILD_SA
    if sa.stage is not Stage.UP or sa.rekeyed_by is not None or (busy and not sa.rekeying):
        sa.refuse(NotifyKind.TEMPORARY_FAILURE, now)
        return
    shared_ = sa.room.shared
    offers = ike_offers_of(contents.one(Kind.SA), 8)
    device = sa.peer.device if sa.peer else ""
    choice = choose_ike(sa.policy, offers, device, shared_.config.wall().date())
    if choice is None:
        sa.refuse(NotifyKind.NO_PROPOSAL_CHOSEN, now)
        return
    suite = choice.suite
    theirs: KeyExchange = contents.one(Kind.KE)
    if theirs.method != suite.group:
        sa.refuse(NotifyKind.INVALID_KE_PAYLOAD, now, suite.group.to_bytes(2, "big"))
        return
    try:
        public, shared = group_of(suite.group).respond(shared_.rng, theirs.data)
    except BadPublicValue:
        sa.refuse(NotifyKind.INVALID_SYNTAX, now)
        return
    proposal = choice.offer.token
    assert isinstance(proposal, Proposal)
    new = _New(initiator=False, local_spi=sa.room.draw_spi())
    new.suite, new.remote_spi = suite, proposal.spi
    new.nonce_i, new.nonce_r = contents.one(Kind.NONCE), shared_.rng(_NONCE_OCTETS)
    chain: list[tuple[Kind, object]] = [
        (Kind.SA, (ike_answer(proposal, suite, new.local_spi),)),
        (Kind.NONCE, new.nonce_r),
        ke(suite.group, public),
    ]
    additional = tuple(one for one in suite.additional if one)
    if additional:
        following = Following(sa, additional, (shared,), new)
        chain.append(following.notice())
        sa.respond(chain, now)
        wait(sa, following, now)
        return
    sa.respond(chain, now)
    new.finish(sa, (shared,), now)
