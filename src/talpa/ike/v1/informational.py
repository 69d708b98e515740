"""Informational exchanges (RFC 2408 4.8, RFC 2409 5.7): deletes, notifies, dead peer detection."""

from hmac import compare_digest

from talpa.ike.header import HEADER_OCTETS, Header
from talpa.ike.v1 import messages, pairs, quick_mode, rules
from talpa.ike.v1.ends import phase_2_failed
from talpa.ike.v1.establishment import begin_anew
from talpa.ike.v1.numbers import Notify, PayloadType, ProtocolId
from talpa.ike.v1.payloads import DELETE, NOTIFY, Deletion, Notification
from talpa.ike.v1.quick import Quick
from talpa.ike.v1.room import Room
from talpa.ike.v1.sa import IkeSa
from talpa.sansio import Path
from talpa.wire import Malformed

_CONTACT_SECONDS = 60.0
"""How old a phase 1 may be when INITIAL-CONTACT comes beside it: some send it afterwards."""
_PATIENCE_AFTER_ERROR = 3
"""Transmissions of ours in all, once somebody has said that it is no use."""


def receive(room: Room, sa: IkeSa, header: Header, data: bytes, path: Path, now: float) -> None:
    """A protected message. Raises `Malformed`."""
    keys = sa.keys
    assert keys is not None
    prefix = messages.mid(header.message_id)
    chain, rest = messages.unseal(keys, keys.phase_2_iv(prefix), header, data)
    found = rules.check(rules.INFORMATIONAL, chain)
    if not compare_digest(found[PayloadType.HASH][0], keys.hash(prefix, rest)):
        raise Malformed("HASH is wrong")
    read: list[Notification | Deletion] = []
    for kind, body in chain:
        if kind == PayloadType.NOTIFY:
            read.append(NOTIFY.decode(body))
        elif kind == PayloadType.DELETE:
            read.append(DELETE.decode(body))
    sa.over(header.message_id)
    if any(_is_fresh(sa, each) for each in read):
        room.follow(sa, path)
    room.heard(sa, now)
    for each in read:
        if sa.uid not in room.by_uid:
            break
        if isinstance(each, Deletion):
            _delete(room, sa, each, now)
        else:
            _notified(room, sa, each, now)


def _is_fresh(sa: IkeSa, said: Notification | Deletion) -> bool:
    """Nobody can have sent it before: it asks by a number that is above the last one, or answers
    our own last question. Any other message may be a record that is sent again."""
    if not isinstance(said, Notification) or said.spi != sa.cookies or len(said.data) != 4:
        return False
    number = int.from_bytes(said.data, "big")
    if said.kind == Notify.R_U_THERE:
        return number > sa.answered_dpd
    asked = sa.dpd_sent > 0 and number == sa.dpd_sequence & 0xFFFFFFFF
    return said.kind == Notify.R_U_THERE_ACK and asked


def _notified(room: Room, sa: IkeSa, said: Notification, now: float) -> None:
    if said.kind == Notify.R_U_THERE:
        _answer_dpd(room, sa, said)
    elif said.kind == Notify.R_U_THERE_ACK:
        if said.spi != sa.cookies or not 0 < len(said.data) <= 4:
            room.drops.add("R-U-THERE-ACK of no question")
    elif said.kind == Notify.INITIAL_CONTACT:
        if now - sa.since <= _CONTACT_SECONDS:
            begin_anew(room, sa)
    elif said.kind.is_error:
        quick = _meant(sa, said)
        if quick is not None:
            name = str(said.kind).replace("_", "-")
            phase_2_failed(room, sa, quick, name)


def _meant(sa: IkeSa, said: Notification) -> Quick | None:
    """The exchange of ours that an error is about."""
    ours = [quick for quick in sa.quicks.values() if quick.initiated]
    for quick in ours:
        if said.spi[-4:] == quick.inbound_spi.to_bytes(4, "big"):
            return quick
    return ours[0] if len(ours) == 1 else None


def _answer_dpd(room: Room, sa: IkeSa, said: Notification) -> None:
    """RFC 3706 5.3: the sequence number goes back; one that is older than the last is a replay."""
    if said.spi != sa.cookies or len(said.data) != 4:
        room.drops.add("R-U-THERE of another SA")
        return
    sequence = int.from_bytes(said.data, "big")
    if sequence < sa.answered_dpd:
        room.drops.add("R-U-THERE out of sequence")
        return
    sa.answered_dpd = sequence
    room.notify(sa, Notify.R_U_THERE_ACK, sa.cookies, said.data)


def _delete(room: Room, sa: IkeSa, said: Deletion, now: float) -> None:
    peering = sa.peering
    if peering is None:
        return
    if said.protocol == ProtocolId.ISAKMP:
        for spi in said.spis:
            other = room.by_cookies.get(spi)
            if other is None or other.peering is not peering:
                continue
            room.forget(other)
        if not peering.sas and peering.starting is None:
            room.end_peering(peering, "The peer ended the connection.", by_peer=True, tell=False)
        return
    for spi in said.spis:
        outbound = int.from_bytes(spi, "big")
        for association in room.associations_of(peering):
            for pair in [each for each in association.pairs if each.outbound_spi == outbound]:
                _forget_exchange(room, sa, pair.inbound_spi)
                pairs.deleted(room, pair, now)


def _forget_exchange(room: Room, sa: IkeSa, inbound_spi: int) -> None:
    """The exchange that made a pair which is deleted, if it is still under way."""
    for quick in list(sa.quicks.values()):
        if quick.inbound_spi == inbound_spi and not quick.initiated:
            quick_mode.finish(room, sa, quick)


def in_clear(room: Room, sa: IkeSa, header: Header, data: bytes) -> None:
    """An unprotected message: anybody may have sent it. It ends nothing; an error that fits a phase
    1 which waits makes us give up sooner, and is told then. Raises `Malformed`."""
    chain, _ = messages.split(header.next_payload, data, HEADER_OCTETS)
    found = rules.check(rules.INFORMATIONAL_IN_CLEAR, chain)
    room.drops.add("unprotected informational message")
    draft = sa.draft
    if draft is None or not sa.initiated or sa.outgoing is None:
        return
    for body in found.get(PayloadType.NOTIFY, []):
        said = NOTIFY.decode(body)
        if said.kind.is_error:
            draft.hint = f"The peer says {str(said.kind).replace('_', '-')}, unprotected."
            draft.said = said.kind
            sa.outgoing.limit = min(sa.outgoing.limit, max(_PATIENCE_AFTER_ERROR, sa.outgoing.sent))
