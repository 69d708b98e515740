"""Quick Mode (RFC 2409 5.5), both roles.

    Initiator                                                Responder
    HDR*, HASH(1), SA, Ni [, KE] [, IDci, IDcr] [, NAT-OA]  -->
                       <--  HDR*, HASH(2), SA, Nr [, KE] [, IDci, IDcr] [, NAT-OA]
    HDR*, HASH(3)                                           -->

The responder takes packets under the new SAs from message 2 on, and sends with them once message 3,
or the first packet, shows that the initiator has them, too.
"""

from dataclasses import replace
from hmac import compare_digest

from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import group
from talpa.esp.sa import Mode, Selector
from talpa.ike.associations import Pair
from talpa.ike.choice import choose_esp
from talpa.ike.header import Header
from talpa.ike.suites import esp_suite
from talpa.ike.v1 import lifetimes, messages, offers, pairs, rules, selectors
from talpa.ike.v1 import numbers as n
from talpa.ike.v1.attributes import lives, pack_attributes, parse_attributes
from talpa.ike.v1.children import add, lifetimes_of, matching
from talpa.ike.v1.numbers import Exchange, Notify, PayloadType
from talpa.ike.v1.payloads import (
    NOTIFY,
    SA,
    Notification,
    SecurityAssociation,
)
from talpa.ike.v1.phase_one import Refused, policy_of
from talpa.ike.v1.quick import Child, Quick
from talpa.ike.v1.retransmission import fingerprint
from talpa.ike.v1.room import VERSION, Room
from talpa.ike.v1.rules import Payloads
from talpa.ike.v1.sa import IkeSa
from talpa.ike.v1.wishes import first, original_addresses, same_again, spec_for
from talpa.ike.words import describe_policy
from talpa.sansio import Path
from talpa.wire import Malformed

_MOST_AT_ONCE = 16
"""Exchanges under way in one phase 1."""
_MOST_ASSOCIATIONS = 32
"""Of one peering."""
_NONCE = 32


# what is asked for


def begin(room: Room, sa: IkeSa, replaces: int | None, now: float) -> bool:
    """Send message 1: for a new pair in place of the one of that inbound SPI, or (None) for the
    association of the connection. False when there is nothing to ask for."""
    quick = Quick(0, now, initiated=True)
    wish = same_again(room, quick, replaces) if replaces is not None else first(room, sa, quick)
    if wish is None:
        return False
    if wish.ah and wish.encapsulation is not n.Encapsulation.TRANSPORT:
        _cannot_ask(room, sa)
        return False
    keys, connection = sa.keys, sa.connection
    assert keys is not None
    number = connection.habits.message_id if connection and replaces is None else None
    quick.message_id = room.message_id(sa) if number is None or number in sa.quicks else number
    quick.inbound_spi = room.associations.draw_spi()
    quick.encapsulation = wish.encapsulation
    quick.proposals = offers.child_proposals(wish, quick.inbound_spi.to_bytes(4, "big"))
    quick.nonce_i = room.rng(connection.habits.nonce_octets if connection else _NONCE)
    chain = [
        (PayloadType.SA.value, SA.encode(quick.proposals)),
        (PayloadType.NONCE.value, quick.nonce_i),
    ]
    if wish.group is not None:
        quick.group = wish.group
        quick.exchange_offer = group(wish.group).initiate(room.rng)
        chain.append((PayloadType.KE.value, quick.exchange_offer.public))
    if quick.ids is not None:
        chain += messages.of(PayloadType.ID, quick.ids)
    chain += original_addresses(sa, wish.encapsulation)
    prefix = messages.mid(quick.message_id)
    datagram = messages.seal(
        keys,
        keys.phase_2_iv(prefix),
        sa.cookies,
        Exchange.QUICK,
        messages.hashed(keys, prefix, chain),
        quick.message_id,
    )
    quick.iv = datagram[-keys.block :]
    quick.outgoing = room.outgoing(datagram, now)
    sa.enter(quick)
    room.send(sa, datagram)
    arm(room, sa, quick)
    return True


def _cannot_ask(room: Room, sa: IkeSa) -> None:
    reason = "AH is for transport mode without NAT on the way, and this is not so here: use ESP."
    room.say_failed(sa, "phase 2", reason)
    peering = sa.peering
    if peering is not None and not room.associations_of(peering):
        room.end_peering(peering, reason, by_peer=False, tell=True)


# messages


def receive(room: Room, sa: IkeSa, header: Header, data: bytes, path: Path, now: float) -> None:
    """A message of Quick Mode. Raises `Malformed`, `BadPublicValue`."""
    quick = sa.quicks.get(header.message_id)
    if quick is None:
        if header.message_id in sa.message_ids:
            room.drops.add("message of an exchange that is over")
        elif len(sa.quicks) >= _MOST_AT_ONCE:
            room.drops.add("too many exchanges at once")
        else:
            _take_1(room, sa, header, data, path, now)
    elif quick.seen and quick.seen == fingerprint(data):
        room.drops.add("duplicate")
        if quick.reply is not None:
            room.send(sa, quick.reply, path)
    elif quick.initiated:
        _take_2(room, sa, quick, header, data, path, now)
    else:
        _take_3(room, sa, quick, header, data, path, now)


def _open(
    sa: IkeSa, rule: rules.Rule, iv: bytes, prefix: bytes, header: Header, data: bytes
) -> Payloads:
    """The payloads of a message whose HASH is right. Raises `Malformed`."""
    keys = sa.keys
    assert keys is not None
    chain, rest = messages.unseal(keys, iv, header, data)
    found = rules.check(rule, chain)
    if not compare_digest(found[PayloadType.HASH][0], keys.hash(prefix, rest)):
        raise Malformed("HASH is wrong")
    return found


def _take_1(room: Room, sa: IkeSa, header: Header, data: bytes, path: Path, now: float) -> None:
    keys = sa.keys
    assert keys is not None
    prefix = messages.mid(header.message_id)
    found = _open(sa, rules.QM_1, keys.phase_2_iv(prefix), prefix, header, data)
    room.heard(sa, now)
    proposals = SA.decode(found[PayloadType.SA][0])
    quick = Quick(header.message_id, now, initiated=False)
    quick.iv = data[-keys.block :]
    quick.seen = fingerprint(data)
    quick.nonce_i = found[PayloadType.NONCE][0]
    try:
        chain = _answer_1(room, sa, quick, proposals, found, now)
    except Refused as refused:
        spi = proposals.proposals[0].spi
        room.notify(sa, refused.notify, spi, protocol=proposals.proposals[0].protocol)
        room.say_failed(
            sa, "phase 2", refused.reason, offered=refused.offered, allowed=refused.allowed
        )
        sa.over(header.message_id)
        return
    hashed = messages.hashed(keys, prefix + quick.nonce_i, chain)
    reply = messages.seal(keys, quick.iv, sa.cookies, Exchange.QUICK, hashed, header.message_id)
    quick.iv = reply[-keys.block :]
    quick.reply = reply
    quick.outgoing = room.outgoing(reply, now)
    sa.enter(quick)
    room.send(sa, reply, path)
    arm(room, sa, quick)


def _answer_1(
    room: Room,
    sa: IkeSa,
    quick: Quick,
    proposals: SecurityAssociation,
    found: Payloads,
    now: float,
) -> messages.Chain:
    """What message 2 says beside its HASH. Raises `Refused`, `Malformed`, `BadPublicValue`."""
    connection, peering = sa.connection, sa.peering
    assert peering is not None
    ids = found.get(PayloadType.ID, [])
    if len(ids) == 1:
        raise Malformed("one selector alone")
    modes = _modes(sa)
    policy = policy_of(room, connection)
    ah = connection.ah if connection else room.config.ah
    choice = choose_esp(
        policy,
        offers.child_offers(proposals, modes, ah=ah),
        sa.device,
        room.config.wall().date(),
        ah=ah,
    )
    if choice is None:
        raise Refused(
            Notify.NO_PROPOSAL_CHOSEN,
            "None of the ways to protect packets that the peer offers is allowed here: allow one of"
            " them by name, or let the peer offer another.",
            offers.describe_child(proposals),
            describe_policy(policy, esp=True),
        )
    token = choice.offer.token
    assert isinstance(token, offers.ChildToken)
    udp = token.encapsulation in offers.UDP
    sides = _sides(room, sa, token.mode, ids)
    if sides is None:
        raise Refused(
            Notify.INVALID_ID_INFORMATION,
            "The peer asks for packets to be protected that nobody expects here: UDP to port 1701,"
            " or the selectors of a connection, are taken.",
            tuple(str(selectors.read(body)) for body in ids),
        )
    public, shared = _peer_key(room, choice.group, found)
    quick.group = choice.group
    quick.nonce_r = room.rng(_NONCE)
    quick.ids = (ids[1], ids[0]) if ids else None
    quick.encapsulation = token.encapsulation
    quick.spec = spec_for(sa, token.mode, udp=udp, sides=sides)
    association = matching(room, sa, quick.spec)
    if association is None and len(room.associations_of(peering)) >= _MOST_ASSOCIATIONS:
        raise Refused(Notify.NO_PROPOSAL_CHOSEN, "The peer has too many associations already.")
    seconds, kilobytes, shorter = lifetimes.agreed(
        lifetimes_of(room, sa), token.seconds, token.kilobytes
    )
    quick.inbound_spi = room.associations.draw_spi()
    child = Child(
        choice.suite,
        choice.group,
        token.encapsulation,
        quick.ids,
        seconds,
        kilobytes,
        initiated=False,
        began=now,
    )
    add(room, sa, quick, child, association, choice.offer.spi, shared, now)
    spi = quick.inbound_spi.to_bytes(4, "big")
    answer = replace(token.answer, spi=spi)
    chain = [
        (PayloadType.SA.value, SA.encode(SecurityAssociation((answer,)))),
        (PayloadType.NONCE.value, quick.nonce_r),
        *messages.of(PayloadType.KE, [public] if public else []),
        *messages.of(PayloadType.ID, ids),
        *original_addresses(sa, token.encapsulation),
    ]
    if shorter:
        notification = Notification(
            token.proposal.protocol, Notify.RESPONDER_LIFETIME, spi, pack_attributes(shorter)
        )
        chain.append((PayloadType.NOTIFY.value, NOTIFY.encode(notification)))
    return chain


def _modes(sa: IkeSa) -> frozenset[n.Encapsulation]:
    """What fits the path: behind NAT only UDP does; and UDP needs the ports of NAT-T."""
    plain = frozenset((n.Encapsulation.TRANSPORT, n.Encapsulation.TUNNEL))
    if not sa.on_natt:
        return plain
    if sa.local_nat or sa.remote_nat:
        return offers.UDP
    return offers.UDP | plain


def _sides(
    room: Room, sa: IkeSa, mode: Mode, ids: list[bytes]
) -> tuple[tuple[Selector, ...], tuple[Selector, ...]] | None:
    """(local, remote) of what the peer, as initiator, asks for; None: not allowed."""
    path, connection = sa.path, sa.connection
    ours, theirs = selectors.address(path.local.host), selectors.address(path.remote.host)
    remote, local = Selector(theirs, theirs), Selector(ours, ours)
    if ids:
        remote, local = selectors.read(ids[0]), selectors.read(ids[1])
    if connection is not None and mode is connection.mode:
        if mode is Mode.TRANSPORT:
            local = replace(local, first=ours, last=ours)
            remote = replace(remote, first=theirs, last=theirs)
        allowed = selectors.wanted(connection, path)
        if selectors.within(local, allowed[0]) and selectors.within(remote, allowed[1]):
            return (local,), (remote,)
    if mode is Mode.TRANSPORT and room.config.l2tp:
        return selectors.for_l2tp(local, remote, path)
    return None


def _peer_key(room: Room, wanted: GroupId, found: Payloads) -> tuple[bytes, bytes]:
    """(our public value, g(qm)^xy) with PFS, else nothing. Raises `Refused`, `BadPublicValue`."""
    said = found.get(PayloadType.KE)
    if (wanted is not GroupId.NONE) != bool(said):
        raise Refused(
            Notify.INVALID_KEY_INFORMATION,
            "The peer's key exchange does not fit the group that it offers for PFS.",
        )
    return group(wanted).respond(room.rng, said[0]) if said else (b"", b"")


def _take_2(
    room: Room, sa: IkeSa, quick: Quick, header: Header, data: bytes, path: Path, now: float
) -> None:
    keys = sa.keys
    assert keys is not None
    assert quick.proposals is not None
    prefix = messages.mid(quick.message_id)
    found = _open(sa, rules.QM_2, quick.iv, prefix + quick.nonce_i, header, data)
    room.heard(sa, now)
    room.follow(sa, path)
    answer = SA.decode(found[PayloadType.SA][0])
    offers.answered(quick.proposals, answer, n.ChildAttribute.LIFE_TYPE)
    chosen = offers.child_offers(answer, (quick.encapsulation,), ah=True)
    said = found.get(PayloadType.KE)
    if len(chosen) != 1 or bool(said) != (quick.exchange_offer is not None):
        raise Malformed("answer is none of our offers")
    shared = quick.exchange_offer.finish(said[0]) if said and quick.exchange_offer else b""
    token = chosen[0].token
    assert isinstance(token, offers.ChildToken)
    seconds, kilobytes = _heeded(token, found)
    seconds, kilobytes, _ = lifetimes.agreed(lifetimes_of(room, sa), seconds, kilobytes)
    quick.nonce_r = found[PayloadType.NONCE][0]
    offer = chosen[0]
    child = Child(
        esp_suite(offer.protocol, *offer.encryption[0], offer.integrity[0], offer.esn[0]),
        quick.group,
        quick.encapsulation,
        quick.ids,
        seconds,
        kilobytes,
        initiated=True,
        began=quick.began,
    )
    association = room.associations.get(quick.association)
    if association is None:
        assert quick.spec is not None
        association = matching(room, sa, quick.spec)
    add(room, sa, quick, child, association, offer.spi, shared, now)
    proof = keys.hash(b"\x00", prefix, quick.nonce_i, quick.nonce_r)
    iv = data[-keys.block :]
    reply = messages.seal(
        keys, iv, sa.cookies, Exchange.QUICK, [(PayloadType.HASH, proof)], quick.message_id
    )
    sa.remember(data, reply)
    finish(room, sa, quick)
    room.send(sa, reply)
    assert quick.pair is not None
    pairs.confirmed(room, quick.pair, now)


def _heeded(token: offers.ChildToken, found: Payloads) -> tuple[int | None, int | None]:
    """The lives in the answer, or shorter ones by RESPONDER-LIFETIME. Raises `Malformed`."""
    seconds, kilobytes = token.seconds, token.kilobytes
    for body in found.get(PayloadType.NOTIFY, []):
        notification = NOTIFY.decode(body)
        if notification.kind != Notify.RESPONDER_LIFETIME:
            continue
        attributes = parse_attributes(notification.data, 0, len(notification.data))
        said = lives(attributes, n.ChildAttribute.LIFE_TYPE)
        seconds = min((each for each in (seconds, said[0]) if each), default=None)
        kilobytes = min((each for each in (kilobytes, said[1]) if each), default=None)
    return seconds, kilobytes


def _take_3(
    room: Room, sa: IkeSa, quick: Quick, header: Header, data: bytes, path: Path, now: float
) -> None:
    keys = sa.keys
    assert keys is not None
    chain, _ = messages.unseal(keys, quick.iv, header, data)
    found = rules.check(rules.QM_3, chain)
    prefix = messages.mid(quick.message_id)
    proof = keys.hash(b"\x00", prefix, quick.nonce_i, quick.nonce_r)
    if not compare_digest(found[PayloadType.HASH][0], proof):
        raise Malformed("HASH is wrong")
    room.heard(sa, now)
    room.follow(sa, path)
    confirm(room, sa, quick, now)


def confirm(room: Room, sa: IkeSa, quick: Quick, now: float) -> None:
    """As responder: the initiator has the pair as well, by message 3 or by a packet under it."""
    finish(room, sa, quick)
    if quick.pair is not None:
        pairs.confirmed(room, quick.pair, now)


# time, and ends


def arm(room: Room, sa: IkeSa, quick: Quick) -> None:
    """Wake for the next transmission."""
    when = quick.outgoing.next_at if quick.outgoing else None
    room.shared.deadlines.arm((VERSION, ("quick", sa.uid, quick.message_id)), when)


def finish(room: Room, sa: IkeSa, quick: Quick) -> None:
    """The exchange is over, well or not."""
    sa.over(quick.message_id)
    quick.outgoing = None
    arm(room, sa, quick)


def time_out(room: Room, sa: IkeSa, message_id: int, now: float) -> Quick | None:
    """No answer yet: send again, or give up. What was given up as initiator."""
    quick = sa.quicks.get(message_id)
    if quick is None or quick.outgoing is None:
        return None
    if quick.outgoing.again(now, room.config.retransmit_cap):
        room.send(sa, quick.outgoing.data)
        arm(room, sa, quick)
        return None
    give_up(room, sa, quick)
    return quick if quick.initiated else None


def give_up(room: Room, sa: IkeSa, quick: Quick) -> None:
    """The exchange came to nothing: so do its SAs."""
    finish(room, sa, quick)
    if quick.initiated:
        room.associations.free_spi(quick.inbound_spi)
    elif quick.pair is not None:
        drop_unconfirmed(room, quick.pair)


def drop_unconfirmed(room: Room, pair: Pair) -> None:
    """Message 3 never came."""
    if room.associations.pair(pair.inbound_spi) is not pair:
        return
    association = pair.association
    room.remove_pair(pair)
    if not association.pairs:
        room.end_association(
            association, "The peer never finished phase 2.", by_peer=True, tell=False
        )
