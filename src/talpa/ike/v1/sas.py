"""IKEv1 as the endpoint sees it: messages, time and commands find their SA and exchange here."""

from collections.abc import Hashable
from dataclasses import replace

from talpa.crypto.exchange import BadPublicValue
from talpa.esp.sa import Encapsulation
from talpa.ike.associations import Pair
from talpa.ike.config import Call, Connection
from talpa.ike.descriptions import IkeDescription
from talpa.ike.fragments import Reassembly
from talpa.ike.header import HEADER_OCTETS, NO_SPI, Header, parse_header
from talpa.ike.shared import Shared
from talpa.ike.v1 import (
    aggressive,
    ends,
    informational,
    main_mode,
    messages,
    pairs,
    quick_mode,
    xauth,
)
from talpa.ike.v1.numbers import Exchange, Flag, Notify, PayloadType
from talpa.ike.v1.payloads import FRAGMENT
from talpa.ike.v1.quick import Quick
from talpa.ike.v1.retransmission import fingerprint
from talpa.ike.v1.room import VERSION, Room
from talpa.ike.v1.sa import IkeSa, Peering
from talpa.sansio import Path
from talpa.wire import Malformed

_IDLE_AFTER = 10.0
"""Seconds that phase 1 outlives the last association."""
_TRY_AGAIN = 30.0
"""Seconds until phase 1 is renewed again, after that failed."""
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
        self._go_on(sa, now)

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

    def _go_on(self, sa: IkeSa, now: float) -> None:
        """Phase 1 is done: begin what waited for it."""
        peering = sa.peering
        if peering is None or not sa.up:
            return
        wanted, peering.wanted = peering.wanted, []
        for replaces in wanted:
            if replaces is not None and self._room.associations.pair(replaces) is None:
                continue
            quick_mode.begin(self._room, sa, replaces, now)

    # time

    def time_out(self, key: Hashable, now: float) -> None:
        """A deadline has passed."""
        room = self._room
        if isinstance(key, int):
            sa = room.by_uid.get(key)
            if sa is not None:
                self._shared.current = sa.ike
                self._sa_due(sa, now)
                room.arm(sa)
            return
        assert isinstance(key, tuple)
        if key[0] == "quick":
            sa = room.by_uid.get(key[1])
            quick = quick_mode.time_out(room, sa, key[2], now) if sa is not None else None
            if sa is not None and quick is not None:
                self._unanswered(sa, quick.replaces, quick, now)
        elif key[0] == "pair":
            pairs.linger_over(room, key[1])
        elif key[0] == "association":
            self._vanished(key[1], now)

    def _sa_due(self, sa: IkeSa, now: float) -> None:
        room = self._room
        if sa.outgoing is not None and sa.outgoing.next_at <= now:
            if not sa.outgoing.again(now, room.config.retransmit_cap):
                ends.phase_1_failed(room, sa)
                self._without_renewal(sa, now)
                return
            room.send(sa, sa.outgoing.data)
        if sa.draft is not None:
            if sa.draft.deadline is not None and sa.draft.deadline <= now:
                self._half_open_over(sa)
            return
        if sa.expires is not None and sa.expires <= now:
            self._expire(sa, now)
            return
        if sa.renew_at is not None and sa.renew_at <= now:
            sa.renew_at = None
            if sa.peering is not None and sa.peering.current is sa:
                self._renew(sa.peering, now)
        if sa.idle_at is not None and sa.idle_at <= now:
            self._idle(sa)
        if sa.dpd_at is not None and sa.dpd_at <= now:
            self._ask_whether_alive(sa, now)

    def _without_renewal(self, failed: IkeSa, now: float) -> None:
        """No new phase 1 came up: the old one does what waited, and a new one is tried later."""
        peering = self._room.peerings.get(failed.ike)
        sa = peering.current if peering is not None else None
        if sa is None:
            return
        if sa.expires is not None and sa.initiated:
            sa.renew_at = now + _TRY_AGAIN
            self._room.arm(sa)
        self._go_on(sa, now)

    def _half_open_over(self, sa: IkeSa) -> None:
        draft = sa.draft
        assert draft is not None
        if sa.awaits == 5 and not draft.bad:
            self._room.say_failed(
                sa,
                draft.stage,
                "Message 5 never came: UDP 4500 may not get through, or the peer gave up.",
            )
        self._room.forget(sa)

    def _expire(self, sa: IkeSa, now: float) -> None:
        """Without a word: associations outlive their phase 1, and some devices hang up when it is
        deleted."""
        room, peering = self._room, sa.peering
        room.forget(sa)
        if peering is None or peering.sas or peering.down:
            return
        if not room.associations_of(peering):
            room.end_peering(peering, "Phase 1 has ended.", by_peer=False, tell=False)
        elif peering.call is not None:
            self._renew(peering, now)

    def _idle(self, sa: IkeSa) -> None:
        """Nobody needs it: it goes, and the peer is told."""
        room, peering = self._room, sa.peering
        sa.idle_at = None
        if peering is None or sa.quicks or room.associations_of(peering):
            return
        room.end_peering(peering, "Nothing came over the connection.", by_peer=False, tell=True)

    def _ask_whether_alive(self, sa: IkeSa, now: float) -> None:
        """Dead peer detection (RFC 3706): only after silence, of IKE and of ESP."""
        room, peering = self._room, sa.peering
        sa.dpd_at = None
        if peering is None or peering.current is not sa:
            return
        patience = room.config.dpd
        heard = max(
            (room.shared.last_heard(each.id) for each in room.associations_of(peering)),
            default=0.0,
        )
        silent_at = max(heard, sa.heard) + patience
        if silent_at > now:
            sa.dpd_sent = 0
            sa.dpd_at = silent_at
            return
        if sa.dpd_sent >= room.config.retransmit_limit:
            room.end_peering(
                peering, "The peer does not answer any more.", by_peer=False, tell=False
            )
            return
        if not sa.dpd_sequence:
            # RFC 3706 5.4: it begins anywhere in the lower half.
            sa.dpd_sequence = int.from_bytes(room.rng(4), "big") >> 1
        sa.dpd_sequence += 1
        sa.dpd_sent += 1
        number = (sa.dpd_sequence & 0xFFFFFFFF).to_bytes(4, "big")
        room.notify(sa, Notify.R_U_THERE, sa.cookies, number)
        wait = room.config.retransmit_first * 2.0 ** (sa.dpd_sent - 1)
        sa.dpd_at = now + min(wait, room.config.retransmit_cap)

    def _vanished(self, number: int, now: float) -> None:
        """An association whose last pair the peer deleted, and nothing has come instead."""
        room = self._room
        association = room.associations.get(number)
        if association is None or association.pairs:
            return
        peering = room.peerings.get(association.ike)
        if peering is not None and any(
            quick.association == number for sa in peering.sas for quick in sa.quicks.values()
        ):
            return
        reason = "The peer ended the connection."
        room.end_association(association, reason, by_peer=True, tell=False)
        if peering is not None:
            self._after_association(peering, reason, now)

    def _after_association(self, peering: Peering, reason: str, now: float) -> None:
        room = self._room
        ends.left_alone(room, peering, reason)
        if not peering.down and not room.associations_of(peering):
            for sa in peering.sas:
                sa.idle_at = now + _IDLE_AFTER
                room.arm(sa)

    def _unanswered(self, sa: IkeSa, replaces: int | None, quick: Quick, now: float) -> None:
        """Phase 2 of ours got no answer: the peer may have lost phase 1. A new one is made."""
        room, peering = self._room, sa.peering
        if peering is None or peering.down:
            return
        pair = room.associations.pair(replaces) if replaces is not None else None
        if peering.current is not sa and peering.current is not None:
            quick_mode.begin(room, peering.current, replaces, now)
            return
        if pair is not None:
            room.forget(sa)
            peering.wanted.append(replaces)
            self._renew(peering, now)
            return
        ends.phase_2_failed(room, sa, quick, "")

    # commands

    def open(self, ike: int, call: Call, now: float) -> None:
        """Call a peer."""
        peering = Peering(ike, now)
        peering.call = call
        peering.connection = call.connection
        peering.wanted.append(None)
        self._room.peerings[ike] = peering
        self._start(peering, call, now, natt=False)

    def _start(self, peering: Peering, call: Call, now: float, *, natt: bool) -> None:
        room, connection = self._room, call.connection
        exchange = Exchange.AGGRESSIVE if connection.aggressive else Exchange.MAIN
        path = call.natt_path if natt else call.path
        sa = room.new_sa(room.cookie() + NO_SPI, path, exchange, now, initiated=True)
        sa.ike = peering.number
        sa.on_natt = natt
        sa.connection = connection
        peering.starting = sa
        mode = aggressive if connection.aggressive else main_mode
        mode.begin(room, sa, now)

    def _renew(self, peering: Peering, now: float) -> None:
        """A new phase 1 with a peer that we know."""
        if peering.starting is not None or peering.down:
            return
        call = peering.call or self._call_back(peering)
        if call is None:
            return
        natt = peering.peer is not None and peering.peer.path.local == call.natt_path.local
        if natt and peering.peer is not None:
            call = replace(call, natt_path=peering.peer.path)
        self._start(peering, call, now, natt=natt)

    def _call_back(self, peering: Peering) -> Call | None:
        """How to call a peer that called us."""
        peer = peering.peer
        if peer is None:
            return None
        connection = peering.connection or Connection(
            name="",
            version=1,
            local_identity=self._room.config.identity,
            remote_identity=peer.identity,
            authentication="psk" if peering.psk else "certificate",
            remote_authentication="psk" if peering.psk else "certificate",
            psk=peering.psk,
        )
        return Call(connection, peer.path, peer.path)

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
            self._renew(peering, now)
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
            self._ask_whether_alive(sa, now)
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
