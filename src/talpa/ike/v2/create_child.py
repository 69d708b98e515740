"""CREATE_CHILD_SA: more children, and new keys for those there are (RFC 7296 1.3.1, 1.3.3, 2.8)."""

from dataclasses import dataclass

from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import BadPublicValue, Offer
from talpa.crypto.exchange import group as group_of
from talpa.esp.sa import Mode, Suite
from talpa.ike.policies import EspChoice, EspOffer
from talpa.ike.v2 import rekey_ike, rules
from talpa.ike.v2.child import (
    Refusal,
    child_parts,
    choose,
    has_spi,
    install,
    offers_for,
    refused,
    select,
    taken_selectors,
    too_many,
    watch_childless,
)
from talpa.ike.v2.child_record import Child, Sides
from talpa.ike.v2.followup import FollowupTask, link_of, wait
from talpa.ike.v2.informational import DeleteChild
from talpa.ike.v2.numbers import Exchange, Kind, NotifyKind, ProtocolId
from talpa.ike.v2.payloads import Chain, Contents, KeyExchange, Notify, ke, notify
from talpa.ike.v2.proposals import accepted_esp, chosen_additional, esp_proposal
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.ike.v2.sa_payload import Proposal
from talpa.ike.v2.selectors import narrowed, narrowed_ports
from talpa.ike.v2.tasks import Following
from talpa.sansio import Path

_NONCE_OCTETS = 32
_PROTOCOLS = {50: ProtocolId.ESP, 51: ProtocolId.AH}


@dataclass(slots=True)
class _New:
    """What both ends know of the pair to be."""

    old: Child | None
    inbound: int
    outbound: int
    suite: Suite
    mode: Mode
    selectors: Sides
    wire: Sides
    group: GroupId
    nonces: bytes
    low: bytes
    """The lower of both nonces."""
    initiator: bool

    def finish(self, sa: IkeSa, shared: tuple[bytes, ...], now: float) -> None:
        """All key exchanges are done: here it is."""
        holder = sa.room.current(sa.number) or sa
        old = self.old
        known = sa.room.shared.associations.get(old.pair.association.id) if old else None
        gone = holder.stage is not Stage.UP or (old is not None and known is None)
        if gone or has_spi(sa, self.outbound.to_bytes(4, "big")):
            self.broken(sa, now)
            return
        if self.initiator:
            _settle(self, sa, shared, now)
            return
        superseded = old is not None and old.rekeying
        child = install(
            sa,
            self.suite,
            (self.inbound, self.outbound),
            (self.mode, self.selectors, self.wire),
            self.nonces,
            shared,
            self.group,
            now,
            initiator=False,
            old=old,
            use=old is None,
        )
        if old is not None:
            old.answered_with = child
            if superseded:
                old.rekeyed_by = (self.low, child)

    def broken(self, sa: IkeSa, now: float) -> None:
        """It came to nothing."""
        self.dropped(sa)
        if self.initiator and self.old is not None:
            _again(self.old, now)

    def dropped(self, sa: IkeSa) -> None:
        """The SPI is free again."""
        sa.room.shared.associations.free_spi(self.inbound)


def _settle(new: _New, sa: IkeSa, shared: tuple[bytes, ...], now: float) -> None:
    """Ours is made. When the peer re-keyed the same pair at once, the one with the lowest nonce
    goes, and who made it deletes it (RFC 7296 2.8.1)."""
    old = new.old
    assert old is not None
    theirs, old.rekeyed_by, old.rekeying = old.rekeyed_by, None, False
    lost = theirs is not None and new.low < theirs[0]
    child = install(
        sa,
        new.suite,
        (new.inbound, new.outbound),
        (new.mode, new.selectors, new.wire),
        new.nonces,
        shared,
        new.group,
        now,
        initiator=True,
        old=old,
        use=not lost,
    )
    if lost:
        child.pair.replaced = True
        sa.ask(DeleteChild(child), now)
    elif old.pair in old.pair.association.pairs and not old.deleting:
        sa.ask(DeleteChild(old), now)


def _again(old: Child, now: float) -> None:
    """Ours failed. What the peer made meanwhile stands; else we begin anew after a while."""
    old.rekeying = False
    old.rekeyed_by = None
    room = old.sa.room
    if old.pair.inbound_spi not in room.children:
        if not old.pair.association.pairs and old.sa.stage is Stage.UP:
            room.remove_association(old.pair.association, "The peer deleted it.", by_peer=True)
            watch_childless(old.sa, now)
    elif not room.superseded(old):
        room.arm_child(old, now + 2.0 + 8.0 * room.shared.rng(1)[0] / 255)


def due(child: Child, now: float) -> None:
    """The deadline of a pair: it is to be re-keyed, or to be let go."""
    room = child.sa.room
    if child.deleting:
        room.remove_child(child, "It was replaced.", by_peer=False)
    elif room.superseded(child):
        child.sa.ask(DeleteChild(child), now)
    else:
        rekey(child, now)


def rekey(child: Child, now: float) -> None:
    """Ask for new keys, unless that is done already."""
    if child.rekeying or child.deleting or child.sa.stage is not Stage.UP:
        return
    if child.sa.room.superseded(child):
        return
    child.rekeying = True
    child.sa.ask(RekeyChild(child), now)


class RekeyChild:
    """Our request for new keys of a pair."""

    __slots__ = ("_child", "_group", "_inbound", "_nonce", "_offer", "_offers", "_tried")
    exchange = Exchange.CREATE_CHILD_SA

    def __init__(self, child: Child) -> None:
        connection = child.sa.connection
        group = GroupId(child.group)
        if not group and connection is not None and connection.pfs is not None:
            group = connection.pfs
        self._child = child
        self._group = group
        self._inbound = 0
        self._nonce = b""
        self._offer: Offer | None = None
        self._offers: tuple[EspOffer, ...] = ()
        self._tried = {group}

    def build(self, sa: IkeSa, now: float) -> Chain | None:
        """REKEY_SA, SA, Ni, [KEi], TSi, TSr."""
        child, rng = self._child, sa.room.shared.rng
        if sa.stage is not Stage.UP or child.deleting or sa.room.superseded(child):
            self.dropped(sa)
            _again(child, now)
            return None
        self.dropped(sa)
        self._inbound = sa.room.shared.associations.draw_spi()
        self._nonce = rng(_NONCE_OCTETS)
        self._offers = offers_for(sa, self._group, child.suite)
        spi = self._inbound.to_bytes(4, "big")
        chain: list[tuple[Kind, object]] = [
            notify(
                NotifyKind.REKEY_SA,
                b"",
                _PROTOCOLS[child.suite.protocol],
                child.inbound,
            ),
            (Kind.SA, tuple(esp_proposal(one, spi) for one in self._offers)),
            (Kind.NONCE, self._nonce),
        ]
        if self._group:
            self._offer = group_of(self._group).initiate(rng)
            chain.append(ke(self._group, self._offer.public))
        chain += [(Kind.TS_I, child.wire[0]), (Kind.TS_R, child.wire[1])]
        if child.mode is Mode.TRANSPORT:
            chain.append(notify(NotifyKind.USE_TRANSPORT_MODE))
        return chain

    def done(self, sa: IkeSa, contents: Contents, _path: Path, now: float) -> None:
        """SA, Nr, [KEr], TSi, TSr; or an error."""
        error = contents.error
        if error is not None:
            self.dropped(sa)
            self._told(sa, error, now)
            return
        made = self._taken(sa, contents)
        if made is None:
            self.dropped(sa)
            _again(self._child, now)
            return
        new, shared = made
        proposal: Proposal = contents.one(Kind.SA)[0]
        additional = chosen_additional(proposal)
        if not additional:
            new.finish(sa, shared, now)
            return
        link = link_of(contents)
        if link:
            sa.ask(FollowupTask(additional, shared, link, new), now, soon=True)
        else:
            new.broken(sa, now)

    def _taken(self, sa: IkeSa, contents: Contents) -> tuple[_New, tuple[bytes, ...]] | None:
        child = self._child
        if not rules.hold(contents, rules.CHILD):
            return None
        accepted = accepted_esp(self._offers, contents.one(Kind.SA))
        taken = taken_selectors(sa, contents, child.wire)
        if accepted is None or taken is None or taken[0] is not child.mode:
            return None
        suite, group, spi = accepted
        shared: tuple[bytes, ...] = ()
        if group:
            theirs: KeyExchange | None = contents.one(Kind.KE)
            if theirs is None or theirs.method != group or self._offer is None:
                return None
            try:
                shared = (self._offer.finish(theirs.data),)
            except BadPublicValue:
                return None
        nonce = contents.one(Kind.NONCE)
        mode, selectors, wire = taken
        new = _New(
            child,
            self._inbound,
            int.from_bytes(spi, "big"),
            suite,
            mode,
            selectors,
            wire,
            group,
            self._nonce + nonce,
            min(self._nonce, nonce),
            initiator=True,
        )
        return new, shared

    def _told(self, sa: IkeSa, error: Notify, now: float) -> None:
        child = self._child
        group: GroupId | None = None
        if error.kind == NotifyKind.INVALID_KE_PAYLOAD and len(error.data) == 2:
            group = GroupId(int.from_bytes(error.data, "big"))
        elif error.kind == NotifyKind.NO_PROPOSAL_CHOSEN and sa.suite is not None:
            # Whether the peer wants PFS was never said: try the other way (RFC 7296 1.3.3).
            group = GroupId.NONE if self._group else sa.suite.group
        known = sa.policy.pfs_groups
        if group is not None and group not in self._tried and (not group or group in known):
            self._tried.add(group)
            self._group = group
            sa.ask(self, now, soon=True)
            return
        if error.kind == NotifyKind.CHILD_SA_NOT_FOUND and child.rekeyed_by is None:
            child.rekeying = False
            if child.pair.inbound_spi in sa.room.children and not sa.room.superseded(child):
                sa.room.remove_child(child, "The peer does not have it any more.", by_peer=True)
                watch_childless(sa, now)
                return
        _again(child, now)

    def failed(self, sa: IkeSa, _reason: str, now: float) -> None:
        """The response could not be read."""
        self.dropped(sa)
        _again(self._child, now)

    def dropped(self, sa: IkeSa) -> None:
        """The SPI is free again."""
        sa.room.shared.associations.free_spi(self._inbound)
        self._inbound = 0


def answer(sa: IkeSa, contents: Contents, now: float) -> None:
    """A CREATE_CHILD_SA request, of whatever kind."""
    proposals: tuple[Proposal, ...] = contents.one(Kind.SA) or ()
    if any(one.protocol == ProtocolId.IKE for one in proposals):
        rekey_ike.answer(sa, contents, now)
        return
    if not rules.hold(contents, rules.CHILD):
        sa.refuse(NotifyKind.INVALID_SYNTAX, now)
        return
    if sa.stage is not Stage.UP or sa.rekeying:
        sa.refuse(NotifyKind.TEMPORARY_FAILURE, now)
        return
    try:
        _answer_child(sa, contents, now)
    except Refusal as refusal:
        if refusal.offered or refusal.kind == NotifyKind.TS_UNACCEPTABLE:
            sa.respond(refused(sa, refusal, now), now)
        else:
            sa.refuse(refusal.kind, now, refusal.data)


def _old(sa: IkeSa, contents: Contents) -> Child | None:
    said = contents.notify(NotifyKind.REKEY_SA)
    if said is None:
        return None
    child = sa.children.get(said.spi)
    if child is None or _PROTOCOLS[child.suite.protocol] != said.protocol:
        raise Refusal(NotifyKind.CHILD_SA_NOT_FOUND, "The peer re-keys what is not there.")
    before, child.answered_with = child.answered_with, None
    if before is not None and before.pair.inbound_spi in sa.room.children and not before.pair.used:
        # It asks again: so it never heard of what came of it the first time.
        child.rekeyed_by = None
        sa.room.remove_child(before, "The peer asked again.", by_peer=True)
    if child.deleting or child.rekeyed_by is not None or sa.room.superseded(child):
        raise Refusal(NotifyKind.TEMPORARY_FAILURE, "It is being deleted, or re-keyed already.")
    return child


def _selected(sa: IkeSa, contents: Contents, old: Child | None) -> tuple[Mode, Sides, Sides]:
    if old is None:
        return select(sa, contents, sa.given)
    narrow = narrowed_ports if old.mode is Mode.TRANSPORT else narrowed
    wire = (
        narrow(contents.one(Kind.TS_R), old.wire[0]),
        narrow(contents.one(Kind.TS_I), old.wire[1]),
    )
    transport = contents.notify(NotifyKind.USE_TRANSPORT_MODE) is not None
    if not all(wire) or transport != (old.mode is Mode.TRANSPORT):
        raise Refusal(NotifyKind.TS_UNACCEPTABLE, "The peer re-keys a child with other selectors.")
    return old.mode, wire, wire


def _chosen(
    sa: IkeSa, contents: Contents, mode: Mode
) -> tuple[EspChoice, bytes, tuple[bytes, ...]]:
    """The choice; our half of the key exchange, and what came of it, where there is one."""
    choice = choose(sa, contents, mode)
    group = choice.group
    if not group:
        return choice, b"", ()
    theirs: KeyExchange | None = contents.one(Kind.KE)
    if theirs is None or theirs.method != group:
        wanted = group.to_bytes(2, "big")
        raise Refusal(NotifyKind.INVALID_KE_PAYLOAD, "Another group is wanted.", wanted)
    try:
        public, shared = group_of(group).respond(sa.room.shared.rng, theirs.data)
    except BadPublicValue as bad:
        raise Refusal(NotifyKind.INVALID_SYNTAX, "Bad public value.") from bad
    return choice, public, (shared,)


def _answer_child(sa: IkeSa, contents: Contents, now: float) -> None:
    old = _old(sa, contents)
    if old is None and too_many(sa):
        raise Refusal(NotifyKind.NO_ADDITIONAL_SAS, "The peer has all the children it may have.")
    mode, selectors, wire = _selected(sa, contents, old)
    choice, public, shared = _chosen(sa, contents, mode)
    rng = sa.room.shared.rng
    theirs, ours = contents.one(Kind.NONCE), rng(_NONCE_OCTETS)
    new = _New(
        old,
        sa.room.shared.associations.draw_spi(),
        int.from_bytes(choice.offer.spi, "big"),
        choice.suite,
        mode,
        selectors,
        wire,
        choice.group,
        theirs + ours,
        min(theirs, ours),
        initiator=False,
    )
    parts, additional = child_parts(sa, choice, choice.group, new.inbound, mode, wire)
    chain: list[tuple[Kind, object]] = [parts[0], (Kind.NONCE, ours)]
    if public:
        chain.append(ke(choice.group, public))
    chain += parts[1:]
    if additional:
        following = Following(sa, additional, shared, new)
        chain.append(following.notice())
        sa.respond(chain, now)
        wait(sa, following, now)
        return
    # Installed before the response leaves: the peer may send with it at once.
    new.finish(sa, shared, now)
    sa.respond(chain, now)
