"""INFORMATIONAL: deletes, signs of life, and what else is told (RFC 7296 1.4, 1.4.1)."""

from talpa.esp.sa import Protocol
from talpa.ike.events import Redirected
from talpa.ike.v2 import mobike, rules
from talpa.ike.v2.child import watch_childless
from talpa.ike.v2.child_record import Child
from talpa.ike.v2.lives import adopt
from talpa.ike.v2.numbers import Exchange, Kind, NotifyKind, ProtocolId
from talpa.ike.v2.payloads import Chain, Contents, Delete
from talpa.ike.v2.redirect import read_gateway
from talpa.ike.v2.refusals import refusal_of
from talpa.ike.v2.room import DRAIN
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.sansio import Path

Parts = list[tuple[Kind, object]]
_LINGER = 10.0
_PROTOCOLS = {Protocol.ESP: ProtocolId.ESP, Protocol.AH: ProtocolId.AH}


class InformationalTask:
    """An empty request: a sign of life is wanted."""

    __slots__ = ()
    exchange = Exchange.INFORMATIONAL

    def build(self, sa: IkeSa, _now: float) -> Chain | None:
        """Nothing in it, but where MOBIKE may find that a NAT has changed its mind."""
        return mobike.probe(sa) if sa.stage is Stage.UP else None

    def done(self, sa: IkeSa, contents: Contents, path: Path, now: float) -> None:
        """The peer is there."""
        mobike.probed(sa, contents, path, now)

    def failed(self, _sa: IkeSa, _reason: str, _now: float) -> None:
        """Even so it is there."""

    def dropped(self, _sa: IkeSa) -> None:
        """It holds nothing."""


class DeleteIke(InformationalTask):
    """The end of an IKE SA, which is over for us already."""

    __slots__ = ()

    def build(self, _sa: IkeSa, _now: float) -> Chain | None:
        """Delete."""
        return [(Kind.DELETE, Delete(ProtocolId.IKE))]

    def done(self, sa: IkeSa, _contents: Contents, _path: Path, now: float) -> None:
        """It is over for the peer, too. What the peer asks once more is still answered."""
        sa.arm("end", now + _LINGER)

    def failed(self, sa: IkeSa, reason: str, _now: float) -> None:
        """It is over all the same."""
        sa.end(reason)


class DeleteChild(InformationalTask):
    """The end of a pair of SAs."""

    __slots__ = ("_protocol", "_spi")

    def __init__(self, child: Child) -> None:
        child.deleting = True
        self._protocol = _PROTOCOLS[child.suite.protocol]
        self._spi = child.pair.inbound_spi

    def build(self, sa: IkeSa, _now: float) -> Chain | None:
        """Delete, with the SPI that the peer sends to."""
        if sa.stage is not Stage.UP:
            return None
        return [(Kind.DELETE, Delete(self._protocol, (self._spi.to_bytes(4, "big"),)))]

    def done(self, sa: IkeSa, _contents: Contents, _path: Path, now: float) -> None:
        """What is on its way is still taken."""
        child = sa.room.children.get(self._spi)
        if child is not None:
            sa.room.arm_child(child, now + DRAIN)

    def failed(self, sa: IkeSa, _reason: str, now: float) -> None:
        """It is gone all the same."""
        child = sa.room.children.get(self._spi)
        if child is not None:
            sa.room.arm_child(child, now + DRAIN)


def answer(sa: IkeSa, contents: Contents, path: Path, now: float) -> None:
    """An INFORMATIONAL request."""
    if not rules.hold(contents, rules.INFORMATIONAL):
        sa.refuse(NotifyKind.INVALID_SYNTAX, now)
        return
    deletes: list[Delete] = contents.all(Kind.DELETE)
    if any(one.protocol == ProtocolId.IKE for one in deletes):
        sa.respond([], now)
        ended_by_peer(sa, "The peer ended it.", now)
        return
    failed = contents.notify(NotifyKind.AUTHENTICATION_FAILED)
    if failed is not None:
        sa.respond([], now)
        ended_by_peer(sa, refusal_of(failed), now)
        return
    chain: Parts = []
    for one in deletes:
        gone = _deleted(sa, one, now)
        if gone:
            chain.append((Kind.DELETE, Delete(one.protocol, gone)))
    if sa.stage is Stage.UP:
        chain += mobike.answer(sa, contents, path, now)
    sa.respond(chain, now)
    redirect = contents.notify(NotifyKind.REDIRECT)
    if redirect is not None and sa.initiator and sa.stage is Stage.UP:
        to, _ = read_gateway(redirect.data)
        if to:
            sa.room.shared.events.append(Redirected(sa.number, to))


def ended_by_peer(sa: IkeSa, reason: str, now: float) -> None:
    """The peer deleted it. It lingers, to answer should the delete come again."""
    rekeyed = sa.rekeyed_by
    if sa.stage is Stage.UP and rekeyed is not None:
        # The peer re-keyed it, and never saw that we were about to do so, too.
        adopt(sa, rekeyed[1])
    elif sa.stage is Stage.UP:
        sa.room.step_down(sa, reason, by_peer=True)
    sa.stage = Stage.CLOSING
    asked, successor = sa.asked, sa.successor
    if asked is not None and successor is not None and not isinstance(asked.task, DeleteIke):
        # Whether the peer took it nobody knows: it is asked again, in the new one.
        successor.ask(asked.task, now)
    elif asked is not None:
        asked.task.dropped(sa)
    sa.drop_queue()
    sa.answered()
    sa.arm("end", now + _LINGER)


def _deleted(sa: IkeSa, delete: Delete, now: float) -> tuple[bytes, ...]:
    """Pairs that the peer deletes, by the SPIs that we send to; ours of the same pairs."""
    holder = sa.room.current(sa.number) or sa
    ours = []
    for spi in dict.fromkeys(delete.spis):
        child = holder.children.get(spi)
        if child is None or _PROTOCOLS[child.suite.protocol] != delete.protocol:
            sa.room.shared.drops.add("IKEv2: delete of what is not there")
            continue
        if child.deleting:
            continue  # both at once: ours is on its way (RFC 7296 1.4.1)
        ours.append(child.inbound)
        let_go(child, now)
    watch_childless(holder, now)
    return tuple(ours)


def let_go(child: Child, now: float) -> None:
    """The peer sends with it no more. Where another pair is there, we change to that one, and take
    for a while what is on its way."""
    room, association = child.sa.room, child.pair.association
    child.deleting = True
    later = [
        room.children[one.inbound_spi]
        for one in association.pairs
        if one is not child.pair and not one.replaced and one.inbound_spi in room.children
    ]
    if not later:
        room.remove_child(child, "The peer deleted it.", by_peer=True)
        return
    room.use_child(later[-1])
    child.pair.replaced = True
    room.arm_child(child, now + DRAIN)
