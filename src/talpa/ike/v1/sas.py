"""IKEv1 as the endpoint sees it: messages, time and commands find their SA and exchange here."""

from collections.abc import Hashable
from dataclasses import replace

from talpa.crypto.exchange import BadPublicValue
from talpa.esp.sa import Encapsulation
from talpa.ike.associations import Pair
from talpa.ike.config import Call
from talpa.ike.descriptions import IkeDescription
from talpa.ike.fragments import Reassembly
from talpa.ike.header import HEADER_OCTETS, NO_SPI, Header, parse_header
from talpa.ike.shared import Shared
from talpa.ike.v1 import (
    aggressive,
    calling,
    due,
    informational,
    main_mode,
    messages,
    pairs,
    quick_mode,
    xauth,
)
from talpa.ike.v1.numbers import Exchange, Flag, PayloadType
from talpa.ike.v1.payloads import FRAGMENT
from talpa.ike.v1.retransmission import fingerprint
from talpa.ike.v1.room import VERSION, Room
from talpa.ike.v1.sa import IkeSa, Peering
from talpa.sansio import Path
from talpa.wire import Malformed

_AGGRESSIVE_RATE = 10.0
"""Answers in Aggressive Mode each second, for all together: each costs a key exchange."""


_PHASE_2 = {
    int(Exchange.QUICK): quick_mode.receive,
    int(Exchange.INFORMATIONAL): informational.receive,
    int(Exchange.TRANSACTION): xauth.receive,
}


class Sas:
    """All IKE SAs of version 1."""

    def __init__(self, shared: Shared) -> None:
        self._room = Room(shared)
        self._shared = shared
        self._aggressive_left = _AGGRESSIVE_RATE
        self._aggressive_since = 0.0

    # messages

    def receive(self, path: Path, header: Header, data: bytes, now: float, *, natt: bool) -> None:
        """A datagram whose header says version 1."""
        try:
            self._receive(path, header, data, now, natt=natt)
        except Malformed as wrong:
            self._room.drops.add(wrong.reason)
        except BadPublicValue:
            self._room.drops.add("public value of a key exchange is none")

    def _receive(self, path: Path, header: Header, data: bytes, now: float, *, natt: bool) -> None:
        room = self._room
        sa = self._find(header, path)
        if sa is None:
            if header.responder_spi == NO_SPI:
                self._begin(path, header, data, now, natt=natt)
            else:
                room.drops.add("unknown cookies")
            return
        if header.next_payload == PayloadType.FRAGMENT:
            whole = self._collect(sa, header, data)
            if whole is None:
                return
            header, data = parse_header(whole), whole
            if header.next_payload == PayloadType.FRAGMENT or self._find(header, path) is not sa:
                raise Malformed("fragments of no message of this SA")
        self._shared.current = sa.ike
        known = fingerprint(data)
        for seen, reply in sa.replies:
            if seen == known:
                room.drops.add("duplicate")
                if reply is not None:
                    room.send(sa, reply)
                return
        if header.exchange in (Exchange.MAIN, Exchange.AGGRESSIVE):
            self._phase_1(sa, header, data, path, now, natt=natt)
            return
        if header.exchange == Exchange.INFORMATIONAL and not header.flags & Flag.ENCRYPTION:
            informational.in_clear(room, sa, header, data)
            return
        if not sa.up or sa.peering is None:
            self._too_early(sa, header)
            return
        self._phase_2(sa, header, data, path, now)

    def _find(self, header: Header, path: Path) -> IkeSa | None:
        room = self._room
        if header.responder_spi != NO_SPI:
            sa = room.by_cookies.get(header.initiator_spi + header.responder_spi)
            if sa is not None:
                return sa
            return room.by_start.get((header.initiator_spi, None))
        # Some refuse message 1 without a cookie of their own.
        asked = path.remote if header.exchange != Exchange.INFORMATIONAL else None
        return room.by_start.get((header.initiator_spi, asked))

    def _begin(self, path: Path, header: Header, data: bytes, now: float, *, natt: bool) -> None:
        """Message 1 of a peer."""
        room = self._room
        if header.flags & Flag.ENCRYPTION or header.message_id:
            raise Malformed("first message is encrypted or has a message id")
        if header.exchange == Exchange.AGGRESSIVE:
            if not room.config.aggressive:
                room.drops.add("Aggressive Mode is not allowed")
                return
            if not self._aggressive_allowed(now):
                room.drops.add("too much Aggressive Mode")
                return
        elif header.exchange != Exchange.MAIN:
            room.drops.add("exchange without a phase 1")
            return
        answer = main_mode.answer_1 if header.exchange == Exchange.MAIN else aggressive.answer_1
        answer(room, header, data, path, now, natt=natt)

    def _aggressive_allowed(self, now: float) -> bool:
        left = self._aggressive_left + (now - self._aggressive_since) * _AGGRESSIVE_RATE
        self._aggressive_left = min(_AGGRESSIVE_RATE, left)
        self._aggressive_since = now
        if self._aggressive_left < 1:
            return False
        self._aggressive_left -= 1
        return True

    def _collect(self, sa: IkeSa, header: Header, data: bytes) -> bytes | None:
        """One fragment; the message when it is whole. Raises `Malformed`."""
        chain, _ = messages.split(header.next_payload, data, HEADER_OCTETS)
        if len(chain) != 1:
            raise Malformed("something beside a fragment")
        if len(chain[0][1]) < FRAGMENT.least:
            raise Malformed("payload of wrong length", "fragment")
        fragment = FRAGMENT.decode(chain[0][1])
        if sa.reassembly is None:
            sa.reassembly = Reassembly(None if sa.up else self._shared.fragment_budget)
        total = fragment.number if fragment.last else 0
        whole = sa.reassembly.add(fragment.number, total, fragment.data)
        if whole is not None:
            sa.reassembly = None
        return whole

    def _phase_1(
        self, sa: IkeSa, header: Header, data: bytes, path: Path, now: float, *, natt: bool
    ) -> None:
        if sa.up or header.exchange != sa.exchange:
            self._room.drops.add("message of phase 1 that nobody waits for")
            return
        mode = main_mode if sa.exchange == Exchange.MAIN else aggressive
        mode.receive(self._room, sa, header, data, path, now, natt=natt)
        calling.go_on(self._room, sa, now)

    def _too_early(self, sa: IkeSa, header: Header) -> None:
        """The peer is further than we are: what it sent last is lost. In Aggressive Mode it sends
        that again when it gets ours again."""
        self._room.drops.add("phase 2 before phase 1 is done")
        waiting = sa.exchange == Exchange.AGGRESSIVE and sa.awaits == 3
        if waiting and header.exchange == Exchange.QUICK:
            for _, reply in sa.replies:
                if reply is not None:
                    self._room.send(sa, reply)

    def _phase_2(self, sa: IkeSa, header: Header, data: bytes, path: Path, now: float) -> None:
        if not header.flags & Flag.ENCRYPTION or not header.message_id:
            raise Malformed("phase 2 without encryption or message id")
        receive = _PHASE_2.get(header.exchange)
        if receive is None:
            self._room.drops.add("exchange that we do not know")
        elif header.exchange != Exchange.QUICK and header.message_id in sa.message_ids:
            self._room.drops.add("message of an exchange that is over")
        else:
            receive(self._room, sa, header, data, path, now)

    # time

    def time_out(self, key: Hashable, now: float) -> None:
        """A deadline has passed."""
        due.time_out(self._room, key, now)

    # commands

    def open(self, ike: int, call: Call, now: float) -> None:
        """Call a peer."""
        peering = Peering(ike, now)
        peering.call = call
        peering.connection = call.connection
        peering.wanted.append(None)
        self._room.peerings[ike] = peering
        calling.start(self._room, peering, call, now, natt=False)

    def close(self, ike: int, reason: str, now: float) -> bool:
        """Delete a peering and its associations, telling the peer."""
        del now
        peering = self._room.peerings.get(ike)
        if peering is None:
            return False
        self._room.end_peering(peering, reason, by_peer=False, tell=True)
        return True

    def close_association(self, association: int, reason: str, now: float) -> bool:
        """Delete the SAs of one association, telling the peer."""
        del now
        room = self._room
        found = room.associations.get(association)
        peering = room.peerings.get(found.ike) if found else None
        if found is None or peering is None:
            return False
        room.end_association(found, reason, by_peer=False, tell=True)
        if not room.associations_of(peering):
            room.end_peering(peering, reason, by_peer=False, tell=True)
        return True

    def expiring(self, association: int, inbound_spi: int, outbound_spi: int, now: float) -> bool:
        """The plane says that a pair nears its end."""
        room = self._room
        pair = self._pair(association, inbound_spi, outbound_spi)
        if pair is None:
            return self._mine(association)
        peering = room.peerings[pair.association.ike]
        child = room.children.get(pair.inbound_spi)
        if pair.replaced or child is None or child.done is None:
            return True
        under_way = any(
            quick.initiated and quick.association == association
            for sa in peering.sas
            for quick in sa.quicks.values()
        )
        if under_way or peering.wanted:
            return True
        if peering.current is not None:
            quick_mode.begin(room, peering.current, pair.inbound_spi, now)
        else:
            peering.wanted.append(pair.inbound_spi)
            calling.renew(room, peering, now)
        return True

    def _mine(self, association: int) -> bool:
        found = self._room.associations.get(association)
        return found is not None and found.ike in self._room.peerings

    def _pair(self, association: int, inbound_spi: int, outbound_spi: int) -> Pair | None:
        if not self._mine(association):
            return None
        found = self._room.associations.get(association)
        assert found is not None
        for pair in found.pairs:
            if inbound_spi == pair.inbound_spi or outbound_spi == pair.outbound_spi:
                return pair
        return None

    def used_by_peer(self, association: int, inbound_spi: int, now: float) -> bool:
        """The first packet came under an SA: the peer has it, whatever became of message 3."""
        room = self._room
        pair = self._pair(association, inbound_spi, -1)
        if pair is None:
            return self._mine(association)
        peering = room.peerings[pair.association.ike]
        for sa in peering.sas:
            for quick in list(sa.quicks.values()):
                if quick.pair is pair and not quick.initiated:
                    quick_mode.confirm(room, sa, quick, now)
        pairs.confirmed(room, pair, now)
        return True

    def heard_from(self, association: int, path: Path, now: float) -> bool:
        """Valid packets come from elsewhere: the binding of a NAT has changed."""
        room = self._room
        if not self._mine(association):
            return False
        found = room.associations.get(association)
        assert found is not None
        if found.spec.encapsulation is not Encapsulation.UDP:
            return True
        path = path._replace(association=0)
        peering = room.peerings[found.ike]
        sa = peering.current
        if peering.peer is None or not peering.peer.peer_is_behind_nat:
            # Its address does not change by itself, and it says so when it moves.
            return True
        if sa is not None and sa.on_natt:
            room.moved(sa, path)
            sa.heard = now
        room.associations.move(found, path)
        return True

    def move(self, ike: int, path: Path, natt_path: Path, now: float) -> bool:
        """Our own address changed. In UDP the peer follows the first message that comes from the
        new one; without NAT-T there is no such thing, and the connection ends."""
        room = self._room
        peering = room.peerings.get(ike)
        if peering is None:
            return False
        if peering.call is not None:
            peering.call = replace(peering.call, path=path, natt_path=natt_path)
        sa = peering.current
        if sa is None or not sa.on_natt:
            room.end_peering(peering, "Our address changed.", by_peer=False, tell=False)
            return True
        room.moved(sa, natt_path)
        if sa.dpd:
            sa.dpd_sent = 0
            sa.heard = now - room.config.dpd
            due.ask_whether_alive(room, sa, now)
            room.arm(sa)
        return True

    # what an operator sees

    def describe(self) -> list[IkeDescription]:
        """Every peering."""
        room, out = self._room, []
        for peering in room.peerings.values():
            sa = peering.current or peering.starting
            path = sa.path if sa is not None else peering.peer.path if peering.peer else None
            if path is None:
                continue
            state = "connecting" if peering.peer is None else "up"
            if peering.peer is not None and peering.current is None:
                state = "between phases 1"
            out.append(
                IkeDescription(
                    ike=peering.number,
                    version=VERSION,
                    state=state,
                    path=path,
                    peer=peering.peer,
                    since=peering.since,
                    rekeyed=peering.rekeyed,
                    associations=tuple(each.id for each in room.associations_of(peering)),
                )
            )
        return out
