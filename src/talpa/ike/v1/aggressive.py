"""Aggressive Mode (RFC 2409 5), both roles: only where it was allowed by name.

    Initiator                                 Responder
    HDR, SA, KE, Ni, IDii, VIDs          -->
                       <--  HDR, SA, KE, Nr, IDir, HASH_R or CERT, SIG_R, NAT-D, NAT-D, VIDs
    HDR*, HASH_I or CERT, SIG_I, NAT-D, NAT-D  -->

With a pre-shared key HASH_R goes to anybody who asks, and can be guessed at offline (RFC 2409 5.4).
Message 3 is sent encrypted; it is taken in the clear as well, as the RFC has it.
"""

from talpa.crypto.exchange import group
from talpa.ike.header import HEADER_OCTETS, Header
from talpa.ike.v1 import messages, nat_detection, proofs, rules, vendors
from talpa.ike.v1.establishment import established
from talpa.ike.v1.numbers import AuthMethod, Exchange, Flag, Notify, PayloadType
from talpa.ike.v1.payloads import SA
from talpa.ike.v1.phase_one import (
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
    request,
    shorter_life,
    take_key,
)
from talpa.ike.v1.proofs import Unproven
from talpa.ike.v1.room import Room
from talpa.ike.v1.rules import Payloads
from talpa.ike.v1.sa import IkeSa, NatVersion
from talpa.sansio import Path
from talpa.wire import Malformed

_MOST_BAD = 5
_NONCE = 32


def begin(room: Room, sa: IkeSa, now: float) -> None:
    """Send message 1. The key exchange comes with it, so all that we offer has the first group."""
    draft, connection = draft_of(sa), sa.connection
    assert connection is not None
    proposals, draft.group = own_proposals(room, sa, one_group=True)
    draft.sa_body = SA.encode(proposals)
    draft.exchange_offer = group(draft.group).initiate(room.rng)
    draft.public = draft.exchange_offer.public
    draft.nonce_i = room.rng(connection.habits.nonce_octets)
    method = proofs.methods(room, sa.path.remote.host, connection)[0]
    draft.own_identity = proofs.own_identity(room, sa, method)
    chain = [
        (PayloadType.SA.value, draft.sa_body),
        (PayloadType.KE.value, draft.public),
        (PayloadType.NONCE.value, draft.nonce_i),
        (PayloadType.ID.value, draft.own_identity),
        *proofs.ask_for_certificates(room, method),
        *messages.of(PayloadType.VENDOR_ID, vendors.as_initiator(connection.habits)),
    ]
    sa.awaits = 2
    draft.stage = "phase 1 (Aggressive Mode), message 1"
    request(room, sa, messages.clear(sa.cookies, Exchange.AGGRESSIVE, chain), now)


def _take_2(room: Room, sa: IkeSa, found: Payloads, data: bytes, now: float) -> None:
    draft, connection = draft_of(sa), sa.connection
    assert connection is not None
    assert draft.exchange_offer is not None
    note_choice(sa, found[PayloadType.SA][0])
    assert draft.suite is not None
    if draft.suite.group != draft.group:
        raise Malformed("answer is none of our offers")
    draft.nonce_r = found[PayloadType.NONCE][0]
    draft.peer_public = found[PayloadType.KE][0]
    draft.shared = draft.exchange_offer.finish(draft.peer_public)
    draft.psk = connection.psk if draft.auth_method is AuthMethod.PSK else None
    keys = keys_for(sa, draft.psk)
    proven = check_peer(room, sa, keys, found, found[PayloadType.ID][0])
    notifies = read_notifies(sa, found)
    note_life(sa, notifies)
    vendors.note(sa, found.get(PayloadType.VENDOR_ID, []))
    nat_detection.detect(sa, prf_of(draft), found, sa.path)
    float_ports(room, sa)
    # Of the ports that message 3 is sent between.
    nat_d = nat_detection.own_payloads(sa, prf_of(draft), b"", room.rng)
    proof = hash_of(sa, keys, draft.own_identity, initiator=True)
    chain = [
        *proofs.prove(room, draft.auth_method, proof),
        *nat_d,
        *initial_contact(room, sa),
    ]
    reply = messages.seal(keys, keys.last_block, sa.cookies, Exchange.AGGRESSIVE, chain)
    keys.last_block = reply[-keys.block :]
    sa.keys = keys
    identity = draft.peer_identity
    assert identity is not None
    established(room, sa, identity, proven, now)
    answer(room, sa, data, reply)


# responder


def answer_1(
    room: Room, header: Header, data: bytes, path: Path, now: float, *, natt: bool
) -> None:
    """Message 1 of a peer, with everything in it. Raises `Malformed`, `BadPublicValue`."""
    chain, _ = messages.split(header.next_payload, data, HEADER_OCTETS)
    found = rules.check(rules.AM_1, chain)
    vids = found.get(PayloadType.VENDOR_ID, [])
    if not room.admit(path, now):
        return
    cookies = header.initiator_spi + room.cookie()
    sa = room.new_sa(cookies, path, Exchange.AGGRESSIVE, now, initiated=False)
    draft = draft_of(sa)
    draft.stage = "phase 1 (Aggressive Mode), message 1"
    sa.on_natt = natt
    try:
        chosen = choose(room, sa, found[PayloadType.SA][0], vids)
        reply = _reply_1(room, sa, found, chosen, vids)
    except Refused as refused:
        refuse(room, sa, refused)
        return
    except (Malformed, ValueError):
        room.forget(sa)
        raise
    sa.awaits = 3
    answer(room, sa, data, reply)


def _reply_1(room: Room, sa: IkeSa, found: Payloads, chosen: bytes, vids: list[bytes]) -> bytes:
    draft = draft_of(sa)
    body = found[PayloadType.ID][0]
    identity = draft.peer_identity = proofs.read_identity(body)
    draft.peer_body = body
    draft.nonce_i = found[PayloadType.NONCE][0]
    draft.nonce_r = room.rng(_NONCE)
    if draft.auth_method is AuthMethod.PSK:
        usable = proofs.usable(proofs.candidates(room, sa.path.remote.host, None), identity)
        if not usable:
            raise Refused(
                Notify.AUTHENTICATION_FAILED,
                f"There is no pre-shared key for {identity.show()}: set one.",
            )
        draft.psk = usable[0]
    sa.connection = proofs.connection_of(room, identity, sa.path.remote.host, draft.psk, None)
    check_policy(room, sa, sa.connection)
    take_key(room, sa, found)
    keys = keys_for(sa, draft.psk)
    draft.own_identity = proofs.own_identity(room, sa, draft.auth_method)
    proof = hash_of(sa, keys, draft.own_identity, initiator=False)
    sa.keys = keys
    return messages.clear(
        sa.cookies,
        Exchange.AGGRESSIVE,
        [
            (PayloadType.SA, chosen),
            (PayloadType.KE, draft.public),
            (PayloadType.NONCE, draft.nonce_r),
            (PayloadType.ID, draft.own_identity),
            *proofs.prove(room, draft.auth_method, proof),
            *proofs.ask_for_certificates(room, draft.auth_method),
            *shorter_life(room, sa),
            *nat_detection.own_payloads(
                sa, prf_of(draft), b"", room.rng, force_udp=room.config.force_udp
            ),
            *messages.of(PayloadType.VENDOR_ID, vendors.as_responder(vids)),
        ],
    )


def _take_3(
    room: Room, sa: IkeSa, header: Header, data: bytes, path: Path, now: float, *, natt: bool
) -> None:
    draft, keys = draft_of(sa), sa.keys
    assert keys is not None
    draft.stage = "phase 1 (Aggressive Mode), message 3"
    if draft.bad >= _MOST_BAD:
        room.drops.add("too many wrong proofs for one phase 1")
        return
    encrypted = bool(header.flags & Flag.ENCRYPTION)
    try:
        if encrypted:
            chain, _ = messages.unseal(keys, keys.last_block, header, data)
        else:
            chain, _ = messages.split(header.next_payload, data, HEADER_OCTETS)
        found = rules.check(rules.AM_3, chain)
        notifies = read_notifies(sa, found)
        proven = check_peer(room, sa, keys, found, draft.peer_body)
        identity = draft.peer_identity
        assert identity is not None
        if sa.connection is None:
            # By its certificate alone the peer may be a link.
            host, certificate = path.remote.host, proven.certificate
            sa.connection = proofs.connection_of(room, identity, host, draft.psk, certificate)
        check_policy(room, sa, sa.connection)
    except Refused as refused:
        refuse(room, sa, refused)
        return
    except Unproven as unproven:
        draft.bad += 1
        if draft.bad == 1:
            sa.remember(data, room.notify_in_clear(sa, Notify.AUTHENTICATION_FAILED))
            room.say_failed(sa, draft.stage, str(unproven))
        room.drops.add("phase 1 not proven")
        return
    nat_detection.detect(sa, prf_of(draft), found, path)
    if natt:
        nat_detection.detect_before_floating(sa, prf_of(draft), found, path)
    sa.local_nat = sa.local_nat or (room.config.force_udp and sa.nat is not NatVersion.NONE)
    sa.path, sa.on_natt = path, natt
    draft.initial_contact = any(each.kind == Notify.INITIAL_CONTACT for each in notifies)
    if encrypted:
        keys.last_block = data[-keys.block :]
    established(room, sa, identity, proven, now)
    answer(room, sa, data, None)


def receive(
    room: Room, sa: IkeSa, header: Header, data: bytes, path: Path, now: float, *, natt: bool
) -> None:
    """A message of a phase 1 that is under way. Raises `Malformed`, `BadPublicValue`."""
    if header.message_id:
        raise Malformed("message id in phase 1")
    if sa.awaits == 3:
        _take_3(room, sa, header, data, path, now, natt=natt)
        return
    if header.flags & Flag.ENCRYPTION or sa.awaits != 2:
        raise Malformed("encryption where there must be none, or none where it must be")
    chain, _ = messages.split(header.next_payload, data, HEADER_OCTETS)
    found = rules.check(rules.AM_2, chain)
    bound = sa.cookies
    bind(room, sa, header)
    try:
        _take_2(room, sa, found, data, now)
    except Unproven as unproven:
        room.unbind(sa, bound)
        # Anybody may have said it who heard message 1: the right answer is waited for, a while.
        draft_of(sa).hint = str(unproven)
        room.drops.add("phase 1 not proven")
    except (Malformed, ValueError):
        room.unbind(sa, bound)
        raise
