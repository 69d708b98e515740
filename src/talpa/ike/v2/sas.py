"""The front of IKEv2: it finds the IKE SA of what comes in, and has it dealt with."""

from collections.abc import Hashable

from talpa.crypto.credentials import Accepted, PasswordChanged, Refused
from talpa.ike.config import Call
from talpa.ike.descriptions import IkeDescription
from talpa.ike.events import AddressOffer
from talpa.ike.header import Header
from talpa.ike.shared import Shared
from talpa.ike.v2 import (
    auth_responder,
    create_child,
    followup,
    informational,
    init_initiator,
    init_responder,
    intermediate,
    liveness,
    mobike,
    rekey_ike,
)
from talpa.ike.v2.child import watch_childless
from talpa.ike.v2.init_common import derive
from talpa.ike.v2.numbers import Exchange, Flag, Kind, NotifyKind
from talpa.ike.v2.payloads import Contents, CriticalUnknown, read_chain
from talpa.ike.v2.protection import Envelope, Opened
from talpa.ike.v2.room import Room
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.sansio import Path
from talpa.wire import Malformed

_BEFORE_AUTH = (Exchange.IKE_INTERMEDIATE, Exchange.IKE_AUTH)
_CONNECTING = (Stage.INIT, Stage.HALF_OPEN)
_MOST_HALF_OPEN_OCTETS = 16_384
"""Of a message from a peer that has not proved itself."""
_NOT_GONE_ON = "The peer did not go on after IKE_SA_INIT."
_NOT_GONE_ON_EAP = (
    "The peer did not go on with EAP: it may not trust our certificate (is our CA installed there, "
    "and is the name that was called in the certificate?), or its user gave up."
)


class Sas:
    """All IKE SAs of version 2."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._room = Room(shared)

    # input

    def receive(self, path: Path, header: Header, data: bytes, now: float, *, natt: bool) -> None:
        """A message of major version 2."""
        drops = self._shared.drops
        response = bool(header.flags & Flag.RESPONSE)
        from_initiator = bool(header.flags & Flag.INITIATOR)
        if header.exchange == Exchange.IKE_SA_INIT:
            if from_initiator and not response:
                init_responder.answer(self._room, path, header, data, now, natt=natt)
                return
            sa = self._room.sas.get(header.initiator_spi)
            if response and not from_initiator and sa is not None and sa.initiator:
                self._shared.current = sa.number
                init_initiator.response(sa, path, header, data, now)
                return
            drops.add("IKEv2: IKE_SA_INIT with wrong header")
            return
        spis = header.initiator_spi, header.responder_spi
        if header.next_payload not in (Kind.SK, Kind.SKF):
            drops.add("IKEv2: not encrypted")
            return
        sa = self._room.sas.get(spis[1] if from_initiator else spis[0])
        if sa is None and from_initiator:
            opening = self._room.half_open.get(spis[1])
            if opening is not None and opening.message_i[:8] == spis[0]:
                sa = init_responder.go_on(self._room, opening)
        if sa is None or sa.spis != spis[0] + spis[1]:
            drops.add("IKEv2: unknown SPI")
            return
        if sa.stage is Stage.HALF_OPEN:
            if len(data) > _MOST_HALF_OPEN_OCTETS:
                drops.add("IKEv2: too long")
                return
            derive(sa)
        self._shared.current = sa.number
        opened = sa.open(path, header, data, now)
        if opened is not None:
            self._opened(sa, path, header, opened, now, natt=natt)

    def _opened(
        self, sa: IkeSa, path: Path, header: Header, opened: Opened, now: float, *, natt: bool
    ) -> None:
        response = bool(header.flags & Flag.RESPONSE)
        try:
            contents = read_chain(opened.first, opened.plaintext, encrypted=True)
        except (Malformed, CriticalUnknown) as bad:
            self._unreadable(sa, bad, now, response=response)
            return
        if header.exchange == Exchange.IKE_INTERMEDIATE and sa.stage is Stage.HALF_OPEN:
            sa.authenticate_intermediate(
                Envelope(*header[:2], header.exchange, header.flags, header.message_id),
                opened.first,
                opened.plaintext,
                ours=False,
            )
        if response:
            asked = sa.asked
            if asked is None or header.exchange != asked.task.exchange:
                self._shared.drops.add("IKEv2: response of another exchange")
                return
            sa.answered()
            asked.task.done(sa, contents, path, now)
            sa.pump(now)
            return
        if sa.stage is Stage.HALF_OPEN and (header.exchange not in _BEFORE_AUTH or sa.initiator):
            self._shared.drops.add("IKEv2: before authentication")
            sa.answering = None
            return
        if sa.stage is Stage.HALF_OPEN:
            # The peer floats to the ports of ESP in UDP when it finds a NAT (RFC 7296 2.23).
            self._float(sa, path, natt=natt)
        else:
            rekey_ike.used(sa, contents)
            mobike.followed(sa, path, natt=natt)
        self._request(sa, header.exchange, path, contents, now)

    def _float(self, sa: IkeSa, path: Path, *, natt: bool) -> None:
        if path != sa.path:
            sa.path, sa.natt = path, natt

    def _request(
        self, sa: IkeSa, exchange: int, path: Path, contents: Contents, now: float
    ) -> None:
        if exchange == Exchange.INFORMATIONAL:
            informational.answer(sa, contents, path, now)
        elif exchange == Exchange.IKE_AUTH and sa.stage is Stage.HALF_OPEN:
            auth_responder.answer(sa, contents, now)
        elif exchange == Exchange.IKE_INTERMEDIATE and sa.stage is Stage.HALF_OPEN:
            intermediate.answer(sa, contents, now)
        elif exchange == Exchange.CREATE_CHILD_SA:
            create_child.answer(sa, contents, now)
        elif exchange == Exchange.IKE_FOLLOWUP_KE:
            followup.answer(sa, contents, now)
        else:
            self._shared.drops.add("IKEv2: exchange out of place")
            sa.refuse(NotifyKind.INVALID_SYNTAX, now)

    def _unreadable(
        self, sa: IkeSa, bad: Malformed | CriticalUnknown, now: float, *, response: bool
    ) -> None:
        """The peer itself sent what cannot be read (RFC 7296 2.5, 2.21)."""
        if isinstance(bad, CriticalUnknown):
            self._shared.drops.add("IKEv2: critical payload unknown")
        else:
            self._shared.drops.add(f"IKEv2: {bad.reason}")
        asked = sa.asked
        if response:
            if asked is not None:
                sa.answered()
                asked.task.failed(sa, "The peer's answer cannot be read.", now)
                sa.pump(now)
            return
        if isinstance(bad, CriticalUnknown):
            sa.refuse(NotifyKind.UNSUPPORTED_CRITICAL_PAYLOAD, now, bytes([bad.kind]))
        else:
            sa.refuse(NotifyKind.INVALID_SYNTAX, now)
        if sa.stage is Stage.HALF_OPEN:
            sa.refused("The peer's message cannot be read.", now)

    def time_out(self, key: Hashable, now: float) -> None:
        """A deadline: of an IKE SA by its SPI, or of a child."""
        assert isinstance(key, tuple)
        spi, what = key
        if not spi:
            child = self._room.children.get(what)
            if child is not None:
                create_child.due(child, now)
            return
        opening = self._room.half_open.get(spi)
        if opening is not None:
            self._room.end_opening(opening, _NOT_GONE_ON)
            return
        sa = self._room.sas.get(spi)
        if sa is None:
            return
        self._shared.current = sa.number
        if what == "ask":
            if sa.stage is Stage.INIT and sa.handshake is not None and sa.handshake.refusal:
                sa.silent()
            else:
                sa.transmit(now)
        elif what == "half-open":
            if sa.stage is Stage.HALF_OPEN:
                eap = sa.handshake is not None and sa.handshake.eap is not None
                sa.end(_NOT_GONE_ON_EAP if eap else _NOT_GONE_ON)
            else:
                self._room.close_opening(sa)
        elif what == "dpd":
            liveness.silence(sa, now)
        elif what == "rekey":
            liveness.rekey(sa, now)
        elif what == "end":
            liveness.ended(sa, now)
        elif what == "childless":
            if not sa.children and not sa.queue and sa.asked is None:
                liveness.close(sa, "It has no children.", now)
        elif what == "leave":
            holder = self._room.current(sa.number)
            if holder is not None:
                liveness.close(holder, "Its user's session is over.", now)
        elif what == "following":
            followup.given_up(sa, now)

    # commands

    def open(self, ike: int, call: Call, now: float) -> None:
        """Call a peer."""
        init_initiator.begin(self._room, ike, call, now)

    def close(self, ike: int, reason: str, now: float) -> bool:
        """Delete an IKE SA with its children; whether there is such a one."""
        sa = self._room.current(ike)
        if sa is None:
            return False
        if sa.stage is not Stage.UP and sa.handshake is not None:
            sa.handshake.quiet = True
        liveness.close(sa, reason, now)
        return True

    def close_association(self, association: int, reason: str, now: float) -> bool:
        """Delete the children of an association, and the IKE SA with its last one."""
        found = self._shared.associations.get(association)
        sa = None if found is None else self._room.current(found.ike)
        if found is None or sa is None:
            return False
        theirs = [child for child in sa.children.values() if child.pair.association is found]
        if len(theirs) == len(sa.children):
            liveness.close(sa, reason, now)
            return True
        for child in theirs:
            sa.ask(informational.DeleteChild(child), now)
        self._room.remove_association(found, reason, by_peer=False)
        watch_childless(sa, now)
        return True

    def verdict(self, ike: int, verdict: Accepted | Refused | PasswordChanged, now: float) -> bool:
        """What the owner decided about an attempt (EAP)."""
        sa = self._room.current(ike)
        if sa is None:
            return False
        auth_responder.verdict(sa, verdict, now)
        return True

    def offer(self, ike: int, offer: AddressOffer, now: float) -> bool:
        """Addresses for a client."""
        sa = self._room.current(ike)
        if sa is None:
            return False
        auth_responder.offer(sa, offer, now)
        return True

    def refuse_address(self, ike: int, reason: str, now: float) -> bool:
        """There are none."""
        sa = self._room.current(ike)
        if sa is None:
            return False
        auth_responder.refuse_address(sa, reason, now)
        return True

    def expiring(self, association: int, inbound_spi: int, outbound_spi: int, now: float) -> bool:
        """A pair is to be re-keyed; either SPI may be 0 when only one is known."""
        found = self._shared.associations.get(association)
        if found is None:
            return False
        for pair in found.pairs:
            child = self._room.children.get(pair.inbound_spi)
            if child is not None and (
                pair.inbound_spi == inbound_spi or pair.outbound_spi == outbound_spi
            ):
                create_child.rekey(child, now)
                return True
        return False

    def used_by_peer(self, association: int, inbound_spi: int, now: float) -> bool:  # noqa: ARG002
        """The peer sends with a pair: so do we."""
        child = self._room.children.get(inbound_spi)
        if child is None or child.pair.association.id != association:
            return False
        if not child.pair.replaced:
            self._room.use_child(child)
        return True

    def heard_from(self, association: int, path: Path, now: float) -> bool:  # noqa: ARG002
        """Valid packets of an association come from elsewhere."""
        found = self._shared.associations.get(association)
        sa = None if found is None else self._room.current(found.ike)
        if sa is None:
            return False
        mobike.heard_from(sa, path)
        return True

    def move(self, ike: int, path: Path, natt_path: Path, now: float) -> bool:
        """Our own address changed."""
        sa = self._room.current(ike)
        if sa is None:
            return False
        if sa.stage is Stage.UP:
            mobike.move(sa, path, natt_path, now)
        return True

    # what an operator sees

    def describe(self) -> list[IkeDescription]:
        """Every IKE SA that stands for a number."""
        return [
            IkeDescription(
                ike=sa.number,
                version=2,
                state="connecting" if sa.stage in _CONNECTING else sa.stage.value,
                path=sa.path,
                peer=sa.peer,
                since=sa.since,
                rekeyed=sa.rekeyed,
                associations=tuple(one.id for one in self._room.associations_of(sa)),
            )
            for sa in self._room.currents()
        ]
