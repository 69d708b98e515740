"""What all exchanges share: the tables of SAs and peerings, sending, deadlines, ends."""

from collections import deque
from dataclasses import replace

from talpa.esp.sa import Encapsulation, Protocol
from talpa.ike.associations import Association, Pair
from talpa.ike.config import Config
from talpa.ike.events import IkeDown, IkeFailed
from talpa.ike.header import NO_SPI
from talpa.ike.identities import Identity
from talpa.ike.shared import Shared
from talpa.ike.v1 import messages
from talpa.ike.v1.numbers import Exchange, Notify, PayloadType, ProtocolId
from talpa.ike.v1.payloads import DELETE, NOTIFY, Deletion, Fragment, Notification
from talpa.ike.v1.payloads import FRAGMENT as FRAGMENT_CODEC
from talpa.ike.v1.quick import Child
from talpa.ike.v1.retransmission import Outgoing
from talpa.ike.v1.sa import Draft, IkeSa, Peering
from talpa.sansio import Address, Path, earliest

VERSION = 1
"""Of IKE, in the keys of the deadlines."""
_FRAGMENT_HEADER = 36
"""ISAKMP header, payload header, fragment header."""
_MOST_FRAGMENTS = 64
_REFUSED = 64


class Room:
    """The IKE SAs of version 1 and their peerings."""

    __slots__ = (
        "_last_uid",
        "associations",
        "by_cookies",
        "by_identity",
        "by_start",
        "by_uid",
        "children",
        "drops",
        "peerings",
        "refused",
        "shared",
    )

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.drops = shared.drops
        self.associations = shared.associations
        self.by_cookies: dict[bytes, IkeSa] = {}
        self.by_start: dict[tuple[bytes, Address | None], IkeSa] = {}
        """Before both cookies are known to both: by the initiator's, and where its message 1 came
        from (None: we are the initiator)."""
        self.by_uid: dict[int, IkeSa] = {}
        self.peerings: dict[int, Peering] = {}
        self.by_identity: dict[tuple[Identity, str], list[Peering]] = {}
        self.children: dict[int, Child] = {}
        """By inbound SPI: how each pair of SAs came to be."""
        self.refused: deque[bytes] = deque(maxlen=_REFUSED)
        """The initiators' cookies of what was refused last."""
        self._last_uid = 0

    @property
    def config(self) -> Config:
        """As it is now: it may change."""
        return self.shared.config

    def rng(self, octets: int) -> bytes:
        """Octets beyond guessing."""
        return self.shared.rng(octets)

    # IKE SAs

    def new_sa(
        self, cookies: bytes, path: Path, exchange: Exchange, now: float, *, initiated: bool
    ) -> IkeSa:
        """A record for a phase 1 that begins."""
        self._last_uid += 1
        sa = IkeSa(self._last_uid, cookies, path, exchange, now, initiated=initiated)
        sa.draft = Draft(now + self.config.half_open_seconds)
        sa.draft.admitted = None if initiated else path
        self.by_uid[sa.uid] = sa
        self.by_start[cookies[:8], None if initiated else path.remote] = sa
        if not initiated:
            self.by_cookies[cookies] = sa
        return sa

    def forget(self, sa: IkeSa) -> None:
        """Out of all tables; says nothing to anybody."""
        self.settle(sa)
        self.by_uid.pop(sa.uid, None)
        if self.by_cookies.get(sa.cookies) is sa:
            del self.by_cookies[sa.cookies]
        for key in [k for k in self._starts(sa) if self.by_start.get(k) is sa]:
            del self.by_start[key]
        self.shared.deadlines.arm((VERSION, sa.uid), None)
        for quick in list(sa.quicks.values()):
            self.shared.deadlines.arm((VERSION, ("quick", sa.uid, quick.message_id)), None)
            if quick.initiated:
                self.associations.free_spi(quick.inbound_spi)
        sa.quicks = {}
        if sa.reassembly is not None:
            sa.reassembly.clear()
        peering = sa.peering or self.peerings.get(sa.ike)
        if peering is not None:
            if sa in peering.sas:
                peering.sas.remove(sa)
            if peering.starting is sa:
                peering.starting = None

    def _starts(self, sa: IkeSa) -> list[tuple[bytes, Address | None]]:
        if sa.initiated:
            return [(sa.spi_i, None)]
        admitted = sa.draft.admitted if sa.draft else None
        return [(sa.spi_i, path.remote) for path in (sa.path, admitted) if path is not None]

    def admit(self, path: Path, now: float) -> bool:
        """Whether a peer there may begin a phase 1."""
        if self.shared.admission.admit(path, now):
            return True
        self.drops.add("too many half-open SAs, or new ones too fast")
        return False

    def cookie(self) -> bytes:
        """A cookie of ours: drawn, so that nobody guesses it."""
        while True:
            drawn = self.rng(8)
            if drawn != NO_SPI:
                return drawn

    def bind(self, sa: IkeSa, cookies: bytes) -> None:
        """As initiator: both cookies are known now."""
        self.by_start.pop((sa.spi_i, None), None)
        sa.cookies = cookies
        self.by_cookies[cookies] = sa

    def unbind(self, sa: IkeSa, cookies: bytes) -> None:
        """The answer that brought the responder's cookie was no good: another may come."""
        self.by_cookies.pop(sa.cookies, None)
        sa.cookies = cookies
        self.by_start[sa.spi_i, None] = sa

    def settle(self, sa: IkeSa) -> None:
        """It is half open no more."""
        if sa.initiated:
            self.by_start.pop((sa.spi_i, None), None)
        draft = sa.draft
        if draft is not None and draft.admitted is not None:
            self.shared.admission.settled(draft.admitted)
            self.by_start.pop((sa.spi_i, draft.admitted.remote), None)
            draft.admitted = None

    def arm(self, sa: IkeSa) -> None:
        """Wake for whatever of this SA comes first."""
        if sa.uid not in self.by_uid:
            return
        when = earliest(
            sa.outgoing.next_at if sa.outgoing else None,
            sa.draft.deadline if sa.draft else None,
            sa.expires,
            sa.renew_at,
            sa.dpd_at,
            sa.idle_at,
        )
        self.shared.deadlines.arm((VERSION, sa.uid), when)

    # sending

    def send(self, sa: IkeSa, datagram: bytes, path: Path | None = None) -> None:
        """To the peer of an SA, or back where its question came from (`path`); in fragments where
        it takes them and it is needed."""
        path = path or sa.path
        room = self.config.fragment_octets
        if len(datagram) <= room or not sa.fragments:
            self.shared.out.append((path, datagram))
            return
        room -= _FRAGMENT_HEADER
        pieces = [datagram[at : at + room] for at in range(0, len(datagram), room)]
        if len(pieces) > _MOST_FRAGMENTS:
            self.drops.add("message too long to be sent in fragments")
            return
        sa.fragment_id = sa.fragment_id % 0xFFFF + 1
        exchange = datagram[18]
        message_id = int.from_bytes(datagram[20:24], "big")
        for index, piece in enumerate(pieces, 1):
            body = FRAGMENT_CODEC.encode(
                Fragment(sa.fragment_id, index, int(index == len(pieces)), piece)
            )
            chain = [(PayloadType.FRAGMENT.value, body)]
            self.shared.out.append((path, messages.clear(sa.cookies, exchange, chain, message_id)))

    def outgoing(self, datagram: bytes, now: float) -> Outgoing:
        """A message to be sent until it is answered."""
        config = self.config
        return Outgoing(datagram, now, config.retransmit_first, config.retransmit_limit)

    def inform(self, sa: IkeSa, payloads: list[tuple[int, bytes]]) -> None:
        """A protected informational message (RFC 2409 5.7)."""
        if sa.keys is None:
            return
        message_id = self.message_id(sa)
        prefix = messages.mid(message_id)
        self.send(
            sa,
            messages.seal(
                sa.keys,
                sa.keys.phase_2_iv(prefix),
                sa.cookies,
                Exchange.INFORMATIONAL,
                messages.hashed(sa.keys, prefix, payloads),
                message_id,
            ),
        )

    def notify(
        self, sa: IkeSa, kind: Notify, spi: bytes, data: bytes = b"", protocol: int = 1
    ) -> None:
        """A protected notification."""
        body = NOTIFY.encode(Notification(protocol, kind, spi, data))
        self.inform(sa, [(PayloadType.NOTIFY, body)])

    def notify_in_clear(self, sa: IkeSa, kind: Notify) -> bytes:
        """An error before there are keys: one message for one, and never larger than it."""
        body = NOTIFY.encode(Notification(ProtocolId.ISAKMP, kind, sa.cookies))
        message_id = self.message_id(sa)
        chain = [(PayloadType.NOTIFY.value, body)]
        datagram = messages.clear(sa.cookies, Exchange.INFORMATIONAL, chain, message_id)
        self.shared.out.append((sa.path, datagram))
        return datagram

    def message_id(self, sa: IkeSa) -> int:
        """A message id that is not in use."""
        while True:
            drawn = int.from_bytes(self.rng(4), "big")
            if drawn and drawn not in sa.quicks and drawn not in sa.message_ids:
                return drawn

    # ends

    def say_failed(
        self,
        sa: IkeSa,
        stage: str,
        reason: str,
        *,
        identity: Identity | None = None,
        offered: tuple[str, ...] = (),
        allowed: tuple[str, ...] = (),
        by_peer: bool = False,
    ) -> None:
        """Tell the owner what did not come up, and why."""
        if identity is None and sa.peer is not None:
            identity = sa.peer.identity
        if identity is None and sa.draft is not None:
            identity = sa.draft.peer_identity
        self.shared.events.append(
            IkeFailed(
                path=sa.path,
                identity=identity,
                stage=stage,
                reason=reason,
                offered=offered,
                allowed=allowed,
                connection=sa.connection.name if sa.connection else "",
                initiated=sa.initiated,
                by_peer=by_peer,
            )
        )

    def delete_pair(self, pair: Pair, sa: IkeSa | None) -> None:
        """Take away a pair of SAs and tell the peer."""
        if sa is not None:
            self._tell_deleted(sa, [pair])
        self.remove_pair(pair)

    def remove_pair(self, pair: Pair) -> None:
        """Take away a pair of SAs."""
        self.children.pop(pair.inbound_spi, None)
        self.shared.deadlines.arm((VERSION, ("pair", pair.inbound_spi)), None)
        self.associations.remove_pair(pair)

    def _tell_deleted(self, sa: IkeSa, pairs: list[Pair]) -> None:
        for protocol in (ProtocolId.ESP, ProtocolId.AH):
            spis = tuple(
                pair.inbound_spi.to_bytes(4, "big")
                for pair in pairs
                if self._protocol(pair) is protocol
            )
            if spis:
                body = DELETE.encode(Deletion(protocol, spis))
                self.inform(sa, [(PayloadType.DELETE, body)])

    def _protocol(self, pair: Pair) -> ProtocolId:
        child = self.children.get(pair.inbound_spi)
        ah = child is not None and child.suite.protocol is Protocol.AH
        return ProtocolId.AH if ah else ProtocolId.ESP

    def associations_of(self, peering: Peering) -> list[Association]:
        """Those of a peering, oldest first."""
        found = map(self.associations.get, peering.associations)
        return [association for association in found if association is not None]

    def end_association(
        self, association: Association, reason: str, *, by_peer: bool, tell: bool
    ) -> None:
        """An association with all its SAs."""
        peering = self.peerings.get(association.ike)
        sa = peering.current if peering else None
        if tell and sa is not None:
            self._tell_deleted(sa, association.pairs)
        for pair in association.pairs:
            self.children.pop(pair.inbound_spi, None)
            self.shared.deadlines.arm((VERSION, ("pair", pair.inbound_spi)), None)
        self.shared.deadlines.arm((VERSION, ("association", association.id)), None)
        if peering is not None:
            peering.associations.remove(association.id)
        self.associations.remove(association, reason, by_peer=by_peer)

    def end_peering(self, peering: Peering, reason: str, *, by_peer: bool, tell: bool) -> None:
        """A peering with all its associations and IKE SAs."""
        if peering.down:
            return
        peering.down = True
        for association in self.associations_of(peering):
            self.end_association(association, reason, by_peer=by_peer, tell=tell)
        for sa in list(peering.sas):
            if tell:
                body = DELETE.encode(Deletion(ProtocolId.ISAKMP, (sa.cookies,)))
                self.inform(sa, [(PayloadType.DELETE, body)])
            self.forget(sa)
        if peering.starting is not None:
            self.forget(peering.starting)
        self.drop_key(peering)
        del self.peerings[peering.number]
        if peering.peer is not None:
            self.shared.events.append(IkeDown(peering.number, reason, by_peer))

    def drop_key(self, peering: Peering) -> None:
        """It is found by its identity no more."""
        if peering.key is not None:
            found = self.by_identity.get(peering.key, [])
            if peering in found:
                found.remove(peering)
            if not found:
                self.by_identity.pop(peering.key, None)
            peering.key = None

    def set_key(self, peering: Peering, identity: Identity, host: str) -> None:
        """It is found by this identity at this host."""
        if peering.key != (identity, host):
            self.drop_key(peering)
            peering.key = (identity, host)
            self.by_identity.setdefault(peering.key, []).append(peering)

    def heard(self, sa: IkeSa, now: float) -> None:
        """A proven message came: the peer lives. It may be an old one that somebody sends again, so
        it does not tell where the peer is."""
        sa.heard = now
        sa.dpd_sent = 0

    def follow(self, sa: IkeSa, path: Path) -> None:
        """A proven message came that cannot be an old one: the peer is where it came from."""
        if path == sa.path or sa.peer is None:
            return
        if path.local.port != sa.path.local.port and not sa.on_natt:
            return
        self.moved(sa, path)

    def moved(self, sa: IkeSa, path: Path) -> None:
        """The peer is reached another way now, and so are its associations in UDP."""
        sa.path = path
        if sa.peer is not None:
            sa.peer = replace(sa.peer, path=path)
        peering = sa.peering
        if peering is None or peering.current is not sa:
            return
        if peering.peer is not None and sa.peer is not None:
            peering.peer = sa.peer
            self.set_key(peering, sa.peer.identity, path.remote.host)
        for association in self.associations_of(peering):
            if association.spec.encapsulation is Encapsulation.UDP:
                self.associations.move(association, path)
