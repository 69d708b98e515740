"""Main Mode (RFC 2409 5), both roles.

    Initiator                          Responder
    HDR, SA, VIDs                 -->
                                  <--  HDR, SA, VIDs
    HDR, KE, Ni, NAT-D, NAT-D     -->
                                  <--  HDR, KE, Nr, [CERT_REQ], NAT-D, NAT-D
    HDR*, IDii, HASH_I            -->
    or HDR*, IDii, CERT, SIG_I
                                  <--  HDR*, IDir, HASH_R or CERT, SIG_R

Nothing costly is done before message 3, which proves that its sender has our cookie.
"""

from talpa.crypto.exchange import group
from talpa.ike.config import Psk
from talpa.ike.header import HEADER_OCTETS, Header
from talpa.ike.v1 import messages, nat_detection, proofs, rules, vendors
from talpa.ike.v1.establishment import established
from talpa.ike.v1.keymat import Keys
from talpa.ike.v1.numbers import AuthMethod, Exchange, Flag, Notify, PayloadType
from talpa.ike.v1.payloads import SA
from talpa.ike.v1.phase_one import (
    WRONG_KEY,
    Refused,
    answer,
    bind,
    check_peer,
    check_policy,
    choose,
    draft_of,
    float_ports,
    hash_of,
    initial_contact,
    keys_for,
    note_choice,
    note_life,
    own_proposals,
    prf_of,
    read_notifies,
    refuse,
    refuse_responder,
    request,
    shorter_life,
    take_key,
)
from talpa.ike.v1.proofs import Proven, Unproven
from talpa.ike.v1.room import Room
from talpa.ike.v1.rules import Payloads
from talpa.ike.v1.sa import IkeSa, NatVersion
from talpa.sansio import Path
from talpa.wire import Malformed

_MOST_BAD = 5
_NONCE = 32


# initiator


def begin(room: Room, sa: IkeSa, now: float) -> None:
    """Send message 1."""
    draft, connection = draft_of(sa), sa.connection
    assert connection is not None
    draft.sa_body = SA.encode(own_proposals(room, sa)[0])
    chain = [
        (PayloadType.SA.value, draft.sa_body),
        *messages.of(PayloadType.VENDOR_ID, vendors.as_initiator(connection.habits)),
    ]
    sa.awaits = 2
    draft.stage = "phase 1, message 1"
    request(room, sa, messages.clear(sa.cookies, Exchange.MAIN, chain), now)


def _take_2(room: Room, sa: IkeSa, found: Payloads, now: float) -> None:
    draft, connection = draft_of(sa), sa.connection
    assert connection is not None
    note_choice(sa, found[PayloadType.SA][0])
    vendors.note(sa, found.get(PayloadType.VENDOR_ID, []))
    assert draft.suite is not None
    draft.exchange_offer = group(draft.suite.group).initiate(room.rng)
    draft.public = draft.exchange_offer.public
    draft.nonce_i = room.rng(connection.habits.nonce_octets)
    chain = [
        (PayloadType.KE.value, draft.public),
        (PayloadType.NONCE.value, draft.nonce_i),
        *nat_detection.own_payloads(sa, prf_of(draft), draft.parrot, room.rng),
    ]
    sa.awaits = 4
    draft.stage = "phase 1, message 3"
    request(room, sa, messages.clear(sa.cookies, Exchange.MAIN, chain), now)


def _take_4(room: Room, sa: IkeSa, found: Payloads, now: float) -> None:
    draft, connection = draft_of(sa), sa.connection
    assert connection is not None
    assert draft.exchange_offer is not None
    draft.peer_public = found[PayloadType.KE][0]
    draft.nonce_r = found[PayloadType.NONCE][0]
    draft.shared = draft.exchange_offer.finish(draft.peer_public)
    draft.exchange_offer = None
    nat_detection.detect(sa, prf_of(draft), found, sa.path)
    float_ports(room, sa)
    draft.psk = connection.psk if draft.auth_method is AuthMethod.PSK else None
    keys = keys_for(sa, draft.psk)
    draft.own_identity = proofs.own_identity(room, sa, draft.auth_method)
    proof = hash_of(sa, keys, draft.own_identity, initiator=True)
    chain = [
        (PayloadType.ID.value, draft.own_identity),
        *proofs.prove(room, draft.auth_method, proof),
        *proofs.ask_for_certificates(room, draft.auth_method),
        *initial_contact(room, sa),
    ]
    datagram = messages.seal(keys, keys.last_block, sa.cookies, Exchange.MAIN, chain)
    keys.last_block = datagram[-keys.block :]
    sa.keys = keys
    sa.awaits = 6
    draft.stage = "phase 1, message 5"
    request(room, sa, datagram, now)


def _take_6(room: Room, sa: IkeSa, header: Header, data: bytes, now: float) -> None:
    draft, keys = draft_of(sa), sa.keys
    assert keys is not None
    chain, _ = messages.unseal(keys, keys.last_block, header, data)
    found = rules.check(rules.MM_6, chain)
    notifies = read_notifies(sa, found)
    proven = check_peer(room, sa, keys, found, found[PayloadType.ID][0])
    identity = draft.peer_identity
    assert identity is not None
    note_life(sa, notifies)
    keys.last_block = data[-keys.block :]
    sa.remember(data, None)
    established(room, sa, identity, proven, now)


# responder


def answer_1(
    room: Room, header: Header, data: bytes, path: Path, now: float, *, natt: bool
) -> None:
    """Message 1 of a peer: what it offers. Raises `Malformed`."""
    chain, _ = messages.split(header.next_payload, data, HEADER_OCTETS)
    found = rules.check(rules.MM_1, chain)
    vids = found.get(PayloadType.VENDOR_ID, [])
    if not room.admit(path, now):
        return
    cookies = header.initiator_spi + room.cookie()
    sa = room.new_sa(cookies, path, Exchange.MAIN, now, initiated=False)
    draft = draft_of(sa)
    draft.stage = "phase 1, message 1"
    sa.on_natt = natt
    try:
        chosen = choose(room, sa, found[PayloadType.SA][0], vids)
    except Refused as refused:
        refuse(room, sa, refused)
        return
    except Malformed:
        room.forget(sa)
        raise
    reply = messages.clear(
        cookies,
        Exchange.MAIN,
        [
            (PayloadType.SA.value, chosen),
            *messages.of(PayloadType.VENDOR_ID, vendors.as_responder(vids)),
        ],
    )
    sa.awaits = 3
    answer(room, sa, data, reply)


def _take_3(room: Room, sa: IkeSa, found: Payloads, path: Path, *, natt: bool) -> bytes:
    draft = draft_of(sa)
    take_key(room, sa, found)
    sa.path = path
    sa.on_natt = natt
    draft.nonce_i = found[PayloadType.NONCE][0]
    draft.nonce_r = room.rng(_NONCE)
    draft.parrot = nat_detection.detect(sa, prf_of(draft), found, path)
    if sa.microsoft and draft.parrot:
        sa.remote_nat = True
    force_udp = room.config.force_udp
    sa.local_nat = sa.local_nat or (force_udp and sa.nat is not NatVersion.NONE)
    sa.awaits = 5
    draft.stage = "phase 1, message 3"
    return messages.clear(
        sa.cookies,
        Exchange.MAIN,
        [
            (PayloadType.KE, draft.public),
            (PayloadType.NONCE, draft.nonce_r),
            *proofs.ask_for_certificates(room, draft.auth_method),
            *nat_detection.own_payloads(
                sa, prf_of(draft), draft.parrot, room.rng, force_udp=force_udp
            ),
        ],
    )


def _take_5(
    room: Room, sa: IkeSa, header: Header, data: bytes, path: Path, now: float, *, natt: bool
) -> None:
    """Who the peer is. With pre-shared keys, each that it may have is tried: the right one makes
    sense of the message, and its HASH_I is right."""
    draft = draft_of(sa)
    draft.stage = "phase 1, message 5"
    if draft.bad >= _MOST_BAD:
        room.drops.add("too many wrong proofs for one phase 1")
        return
    try:
        keys, found, proven = _read_5(room, sa, header, data)
        identity = draft.peer_identity
        assert identity is not None
        host, certificate = path.remote.host, proven.certificate
        connection = proofs.connection_of(room, identity, host, draft.psk, certificate)
        check_policy(room, sa, connection)
    except Unproven as unproven:
        draft.bad += 1
        if draft.bad == 1:
            sa.remember(data, room.notify_in_clear(sa, Notify.AUTHENTICATION_FAILED))
            room.say_failed(sa, draft.stage, str(unproven))
        room.drops.add("phase 1 not proven")
        return
    except Refused as refused:
        refuse(room, sa, refused)
        return
    sa.keys = keys
    sa.path = path
    sa.on_natt = natt
    sa.connection = connection
    draft.initial_contact = any(
        each.kind == Notify.INITIAL_CONTACT for each in read_notifies(sa, found)
    )
    draft.own_identity = proofs.own_identity(room, sa, draft.auth_method)
    proof = hash_of(sa, keys, draft.own_identity, initiator=False)
    chain = [
        (PayloadType.ID.value, draft.own_identity),
        *proofs.prove(room, draft.auth_method, proof),
        *shorter_life(room, sa),
    ]
    reply = messages.seal(keys, data[-keys.block :], sa.cookies, Exchange.MAIN, chain)
    keys.last_block = reply[-keys.block :]
    established(room, sa, identity, proven, now)
    answer(room, sa, data, reply)


def _read_5(room: Room, sa: IkeSa, header: Header, data: bytes) -> tuple[Keys, Payloads, Proven]:
    draft = draft_of(sa)
    keys_to_try: list[Psk | None] = [None]
    known: list[Psk] = []
    if draft.auth_method is AuthMethod.PSK:
        known = proofs.candidates(room, sa.path.remote.host, None)
        keys_to_try = list(known)
    for psk in keys_to_try:
        keys = keys_for(sa, psk)
        draft.psk = psk
        try:
            chain, _ = messages.unseal(keys, keys.last_block, header, data)
            found = rules.check(rules.MM_5, chain)
            read_notifies(sa, found)
            proven = check_peer(room, sa, keys, found, found[PayloadType.ID][0])
        except Malformed:
            if psk is None:
                raise
            continue
        except Unproven:
            if psk is None:
                raise
            continue
        identity = draft.peer_identity
        if psk is not None and (identity is None or psk not in proofs.usable(known, identity)):
            continue
        return keys, found, proven
    draft.psk = None
    draft.peer_identity = None
    raise Unproven(WRONG_KEY)


def receive(
    room: Room, sa: IkeSa, header: Header, data: bytes, path: Path, now: float, *, natt: bool
) -> None:
    """A message of a phase 1 that is under way. Raises `Malformed`, `BadPublicValue`."""
    encrypted = bool(header.flags & Flag.ENCRYPTION)
    if encrypted != (sa.awaits in (5, 6)):
        raise Malformed("encryption where there must be none, or none where it must be")
    if header.message_id:
        raise Malformed("message id in phase 1")
    if sa.awaits == 5:
        _take_5(room, sa, header, data, path, now, natt=natt)
        return
    if sa.awaits == 6:
        try:
            _take_6(room, sa, header, data, now)
        except Unproven as unproven:
            refuse_responder(room, sa, str(unproven), now)
        return
    chain, _ = messages.split(header.next_payload, data, HEADER_OCTETS)
    found = rules.check(rules.RULES[Exchange.MAIN, sa.awaits], chain)
    if sa.awaits == 3:
        answer(room, sa, data, _take_3(room, sa, found, path, natt=natt))
    elif sa.awaits == 2:
        before = sa.cookies
        bind(room, sa, header)
        try:
            _take_2(room, sa, found, now)
        except (Malformed, ValueError):
            room.unbind(sa, before)
            raise
        sa.remember(data, None)
    elif sa.awaits == 4:
        _take_4(room, sa, found, now)
        sa.remember(data, None)
