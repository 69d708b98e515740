"""What all IKE SAs of version 2 share: the tables that find them, their children's lives."""

from collections.abc import Iterable

from talpa.crypto.algorithms import GroupId
from talpa.esp.sa import AssociationSpec, Encapsulation, Mode, Sa
from talpa.ike.associations import Association
from talpa.ike.events import IkeDown, IkeFailed, Peer
from talpa.ike.identities import Identity
from talpa.ike.keylog import esp_keys, ikev2_keys
from talpa.ike.shared import Shared
from talpa.ike.v2.child_record import Child, Sides
from talpa.ike.v2.eap_tls import EapTls
from talpa.ike.v2.opening import Opening, OpeningKey
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.sansio import Path

DRAIN = 5.0
"""Seconds that a replaced inbound SA still takes what is on its way."""
_DEADLINES = ("ask", "half-open", "rekey", "end", "dpd", "childless", "following", "leave")

PeerKey = tuple[Identity, str, str, str, int, str]


class Room:
    """The tables."""

    __slots__ = (
        "_numbers",
        "_peers",
        "_unpaired",
        "children",
        "eap_tls",
        "half_open",
        "openings",
        "sas",
        "shared",
    )

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.sas: dict[bytes, IkeSa] = {}
        """By our SPI."""
        self.openings: dict[OpeningKey, Opening] = {}
        """What peers began a while ago: their IKE_SA_INIT may come again."""
        self.half_open: dict[bytes, Opening] = {}
        """Those of them that have not gone on, by our SPI."""
        self.children: dict[int, Child] = {}
        """By inbound SPI."""
        self.eap_tls = EapTls()
        self._numbers: dict[int, IkeSa] = {}
        self._peers: dict[PeerKey, tuple[int, ...]] = {}
        """Numbers of the IKE SAs with a peer, of which there is one nearly always."""
        self._unpaired: dict[int, Association] = {}
        """By id, those that have no pair while new keys are made."""

    # IKE SAs

    def draw_spi(self) -> bytes:
        """An SPI that none of ours has."""
        while True:
            spi = self.shared.rng(8)
            if spi not in self.sas and spi not in self.half_open and any(spi):
                return spi

    def enter_opening(self, opening: Opening, until: float) -> None:
        """A peer has begun; it is admitted for so long."""
        self.openings[opening.key] = self.half_open[opening.local_spi] = opening
        self.shared.deadlines.arm((2, (opening.local_spi, "half-open")), until)

    def end_opening(self, opening: Opening, reason: str) -> None:
        """The peer did not go on."""
        del self.openings[opening.key]
        del self.half_open[opening.local_spi]
        self.shared.admission.settled(opening.path)
        self.shared.events.append(IkeFailed(opening.path, None, "IKE_AUTH", reason))

    def enter(self, sa: IkeSa) -> None:
        """Put an IKE SA into the tables; it stands for its number from now on."""
        self.half_open.pop(sa.local_spi, None)
        self.sas[sa.local_spi] = sa
        self._numbers[sa.number] = sa

    def enter_spare(self, sa: IkeSa) -> None:
        """Put an IKE SA into the tables that another one stands before."""
        self.sas[sa.local_spi] = sa

    def stand_for_number(self, sa: IkeSa) -> None:
        """It stands for its number from now on."""
        self._numbers[sa.number] = sa

    def current(self, number: int) -> IkeSa | None:
        """The IKE SA that stands for a number."""
        return self._numbers.get(number)

    def currents(self) -> Iterable[IkeSa]:
        """Every IKE SA that stands for a number."""
        return self._numbers.values()

    def forget(self, sa: IkeSa, reason: str, *, by_peer: bool) -> None:
        """Take an IKE SA out of the tables, with its children and deadlines."""
        self.settle(sa)
        self.close_opening(sa)
        self.eap_tls.over(sa.local_spi)
        sa.stage = Stage.GONE
        self.sas.pop(sa.local_spi, None)
        stood = self.current(sa.number) is sa
        self.stand_down(sa)
        self._bereave(sa, reason, by_peer=by_peer, stood=stood)
        for what in _DEADLINES:
            sa.arm(what, None)
        self.drop_handshake(sa)
        sa.drop_fragments()
        sa.drop_queue()
        if sa.asked is not None:
            sa.asked.task.dropped(sa)
        if sa.following is not None:
            sa.following.finish.dropped(sa)
            sa.following = None
        sa.asked = None
        sa.protection = None
        sa.keys = None

    def drop_handshake(self, sa: IkeSa) -> None:
        """What only the initial exchanges need goes, with an SPI that came to nothing."""
        if sa.handshake is not None and sa.handshake.child_spi:
            self.shared.associations.free_spi(sa.handshake.child_spi)
        sa.handshake = None

    def step_down(self, sa: IkeSa, reason: str, *, by_peer: bool) -> None:
        """It is over for the owner; it only tells the peer yet."""
        was = self._numbers.get(sa.number) is sa
        self.stand_down(sa)
        sa.stage, sa.closing_reason = Stage.CLOSING, reason
        self._bereave(sa, reason, by_peer=by_peer, stood=was)
        for what in _DEADLINES:
            if what != "ask":
                sa.arm(what, None)
        if was:
            self.shared.events.append(IkeDown(sa.number, reason, by_peer))

    def _bereave(self, sa: IkeSa, reason: str, *, by_peer: bool, stood: bool) -> None:
        """Its children go with it, and, when it stood for its number, what was to have new keys."""
        for child in list(sa.children.values()):
            self.remove_child(child, reason, by_peer=by_peer)
        for association in list(self._unpaired.values()) if stood else ():
            if association.ike == sa.number:
                self.remove_association(association, reason, by_peer=by_peer)

    def stand_down(self, sa: IkeSa) -> None:
        """It stands for its number no more."""
        if self._numbers.get(sa.number) is not sa:
            return
        del self._numbers[sa.number]
        if sa.peer is not None:
            key = self.peer_key(sa)
            left = tuple(one for one in self._peers.get(key, ()) if one != sa.number)
            if left:
                self._peers[key] = left
            else:
                self._peers.pop(key, None)

    def settle(self, sa: IkeSa) -> None:
        """Of a half-open SA that a peer began: it counts as such no more."""
        if sa.admitted is not None:
            self.shared.admission.settled(sa.admitted)
            sa.admitted = None

    def close_opening(self, sa: IkeSa) -> None:
        """Its IKE_SA_INIT will not come again."""
        if sa.opening is not None:
            self.openings.pop(sa.opening.key, None)
            sa.opening = None

    def send(self, path: Path, datagrams: list[bytes]) -> None:
        """Put datagrams out."""
        self.shared.out.extend((path, one) for one in datagrams)

    # peers

    def peer_key(self, sa: IkeSa) -> PeerKey:
        """Who is at the other end, by what proof, and where, and by which connection of ours: what
        a peer that comes anew is known by. Behind a NAT, and where many have one key, the port
        tells one from another: what a peer says of NATs proves nothing."""
        peer = sa.peer
        assert peer is not None
        remote = peer.path.remote
        alone = peer.method != "PSK" or sa.connection is not None
        port = 0 if alone and not peer.peer_is_behind_nat else remote.port
        who = peer.identity, peer.method, peer.credential
        return *who, remote.host, port, peer.connection

    def know_peer(self, sa: IkeSa) -> None:
        """An authenticated peer."""
        key = self.peer_key(sa)
        known = self._peers.get(key, ())
        if sa.number not in known:
            self._peers[key] = (*known, sa.number)

    def initial_contact(self, sa: IkeSa) -> None:
        """The peer has no other IKE SA than this (RFC 7296 2.4)."""
        for number in tuple(self._peers.get(self.peer_key(sa), ())):
            other = self._numbers.get(number)
            if other is not None and other is not sa:
                other.end("The peer began anew.", by_peer=True)

    # children

    def attach(
        self,
        sa: IkeSa,
        mode: Mode,
        selectors: Sides,
        wire: Sides,
        sas: tuple[Sa, Sa],
        group: GroupId,
        now: float,
    ) -> Child:
        """A new child: a pair in the association of the same peer with the same selectors, or in a
        new one. `selectors`: ours, the peer's; `wire`: as they stood in the exchange. `sas`:
        inbound, outbound."""
        assert sa.peer is not None
        associations = self.shared.associations
        udp = sa.we_natted or sa.peer_natted
        shape = (mode, Encapsulation.UDP if udp else Encapsulation.RAW, *selectors)
        association = self._association_like(sa, shape)
        if association is None:
            spec = AssociationSpec(
                path=sa.path._replace(association=0),
                mode=mode,
                encapsulation=shape[1],
                local=selectors[0],
                remote=selectors[1],
                keepalive=20.0 if sa.we_natted else None,
            )
            association = associations.add(sa.number, spec, sa.peer)
        else:
            associations.take_over(association, sa.number)
            associations.move(association, sa.path._replace(association=0))
        return self.add_child(sa, association, mode, wire, sas, group, now, use=True)

    def _association_like(self, sa: IkeSa, shape: tuple[object, ...]) -> Association | None:
        """Of the same peer, by mode, encapsulation and selectors."""
        for number in self._peers.get(self.peer_key(sa), ()):
            other = self._numbers.get(number)
            for association in self.associations_of(other) if other is not None else ():
                spec = association.spec
                if (spec.mode, spec.encapsulation, spec.local, spec.remote) == shape:
                    return association
        return None

    def add_child(
        self,
        sa: IkeSa,
        association: Association,
        mode: Mode,
        wire: Sides,
        sas: tuple[Sa, Sa],
        group: GroupId,
        now: float,
        *,
        use: bool,
    ) -> Child:
        """Another pair for an association."""
        inbound, outbound = sas
        if use:
            for pair in association.pairs:
                pair.replaced = True
        pair = self.shared.associations.add_pair(association, inbound, outbound, now, use=use)
        self._unpaired.pop(association.id, None)
        child = Child(sa, pair, inbound.suite, mode, wire, group)
        sa.children[child.outbound] = child
        self.children[inbound.spi] = child
        life = sa.lifetimes
        self.arm_child(child, now + self.early(life.child, life.margin))
        sa.arm("childless", None)
        if self.shared.config.key_log:
            path = association.path
            ends = (path.remote.host, path.local.host)
            for said in (esp_keys(inbound, *ends), esp_keys(outbound, *ends[::-1])):
                if said is not None:
                    self.shared.events.append(said)
        return child

    def arm_child(self, child: Child, when: float | None) -> None:
        """When a child is to be re-keyed, or (replaced) to be let go."""
        self.shared.deadlines.arm((2, (b"", child.pair.inbound_spi)), when)

    def use_child(self, child: Child) -> None:
        """Send with it from now on; those before it only drain."""
        if not child.pair.used:
            for pair in child.pair.association.pairs:
                if pair.used:
                    pair.replaced = True
            self.shared.associations.use(child.pair)

    def superseded(self, child: Child) -> bool:
        """Whether a later pair is there in its place."""
        pairs = child.pair.association.pairs
        if child.pair not in pairs:
            return True
        later = pairs[pairs.index(child.pair) + 1 :]
        return child.pair.replaced or any(not one.replaced for one in later)

    def remove_child(self, child: Child, reason: str, *, by_peer: bool) -> None:
        """A pair is gone, and the association with its last, unless a re-keying is under way."""
        association = child.pair.association
        self.arm_child(child, None)
        child.sa.children.pop(child.outbound, None)
        self.children.pop(child.pair.inbound_spi, None)
        self.shared.associations.remove_pair(child.pair)
        if association.pairs:
            return
        if child.rekeying and child.sa.stage is Stage.UP:
            self._unpaired[association.id] = association
        else:
            self.remove_association(association, reason, by_peer=by_peer)

    def remove_association(self, association: Association, reason: str, *, by_peer: bool) -> None:
        """An association is gone."""
        self._unpaired.pop(association.id, None)
        self._end_session(association)
        for pair in list(association.pairs):
            child = self.children.pop(pair.inbound_spi, None)
            if child is not None:
                self.arm_child(child, None)
                child.sa.children.pop(child.outbound, None)
        self.shared.associations.remove(association, reason, by_peer=by_peer)

    def _end_session(self, association: Association) -> None:
        """A user's session ends with the latest of its associations, and the address is another's
        from then on: no child is made with it any more, and the IKE SA goes, too."""
        holder = self._numbers.get(association.ike)
        if holder is None or holder.given is None:
            return
        if all(one.id <= association.id for one in self.associations_of(holder)):
            holder.given = None
            holder.arm("leave", 0.0)

    def associations_of(self, sa: IkeSa) -> list[Association]:
        """Those that its children are in."""
        found = {
            child.pair.association.id: child.pair.association for child in sa.children.values()
        }
        return list(found.values())

    def early(self, life: float, margin: float) -> float:
        """When to begin with re-keying: before the end, varied, so that both ends seldom begin
        together."""
        share = int.from_bytes(self.shared.rng(4), "big") / 2**32
        return life * (1 - margin * (1 + share))

    # said to the owner

    def log_keys(self, sa: IkeSa) -> None:
        """For the key log."""
        suite, keys, spis = sa.suite, sa.keys, sa.spis
        if self.shared.config.key_log and suite is not None and keys is not None:
            self.shared.events.append(
                ikev2_keys(
                    (spis[:8], spis[8:]),
                    (keys.ei, keys.er),
                    suite.encryption,
                    suite.key_bits,
                    (keys.ai, keys.ar),
                    suite.integrity,
                )
            )


def peer_of(sa: IkeSa, identity: Identity, method: str, credential: str) -> Peer:
    """What is told of a peer that has proved itself."""
    handshake, suite = sa.handshake, sa.suite
    assert handshake is not None
    assert suite is not None
    return Peer(
        version=2,
        path=sa.path._replace(association=0),
        identity=identity,
        method=method,
        credential=credential,
        device=handshake.device,
        vendors=handshake.vendor_names(),
        suite=suite.name,
        weak=handshake.weak,
        we_are_behind_nat=sa.we_natted,
        peer_is_behind_nat=sa.peer_natted,
        initiated=sa.initiator,
        connection=sa.connection.name if sa.connection else "",
    )
