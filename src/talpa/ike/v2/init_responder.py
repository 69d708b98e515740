"""IKE_SA_INIT as responder (RFC 7296 1.2, 2.6, 2.7; RFC 5685 3)."""

from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import BadPublicValue
from talpa.crypto.exchange import group as group_of
from talpa.crypto.prf import prf as prf_of
from talpa.ike.devices import device_of
from talpa.ike.events import IkeFailed
from talpa.ike.header import Header
from talpa.ike.policies import (
    IkeChoice,
    IkeOffer,
    choose_ike,
    describe_offers,
    describe_policy,
)
from talpa.ike.v2 import rules
from talpa.ike.v2.handshake import Handshake
from talpa.ike.v2.init_common import HASH_LIST, NO_SPI, Parts, clear, take_hashes
from talpa.ike.v2.nat_detection import nat_found, nat_notifies
from talpa.ike.v2.numbers import Exchange, Flag, Kind, NotifyKind
from talpa.ike.v2.opening import Opening
from talpa.ike.v2.payloads import (
    Contents,
    CriticalUnknown,
    KeyExchange,
    ke,
    notify,
    read_beginning,
    read_chain,
)
from talpa.ike.v2.proposals import ike_answer, ike_offers_of
from talpa.ike.v2.protection import Envelope
from talpa.ike.v2.redirect import gateway
from talpa.ike.v2.room import Room
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.sansio import Path
from talpa.wire import Malformed


class _CookieFirst(Exception):
    """The answer would be longer than the request, and the peer has not shown where it is."""


_MOST_NONCE = 32
_MOST_VENDORS = 32


def _without_additional(offers: list[IkeOffer]) -> list[IkeOffer]:
    """Those that can be had without IKE_INTERMEDIATE."""
    return [o for o in offers if all(not each or GroupId.NONE in each for each in o.additional)]


def answer(room: Room, path: Path, header: Header, data: bytes, now: float, *, natt: bool) -> None:
    """An IKE_SA_INIT request."""
    shared = room.shared
    drops = shared.drops
    known = room.openings.get((path, header.initiator_spi))
    if known is not None:
        if known.message_i == data:
            drops.add("IKEv2: request again")
            room.send(path, [known.message_r])
        else:
            drops.add("IKEv2: another IKE_SA_INIT of one SPI")
        return
    if header.message_id or any(header.responder_spi) or not any(header.initiator_spi):
        drops.add("IKEv2: IKE_SA_INIT with wrong header")
        return
    bare = Envelope(header.initiator_spi, NO_SPI, Exchange.IKE_SA_INIT, Flag.RESPONSE, 0)
    try:
        beginning = read_beginning(header.next_payload, data, 28)
        if beginning is None:
            drops.add("IKEv2: payloads missing or too many")
            return
        # Under load nothing costly is done for a peer that has not shown where it is.
        proven = shared.admission.cookie_good(
            beginning.cookie, path, header.initiator_spi, beginning.nonce, now
        )
        if not proven and shared.admission.cookie_wanted(path, now):
            _ask_for_cookie(room, path, bare, beginning.nonce, data, now)
            return
        contents = read_chain(header.next_payload, data, 28)
    except Malformed as bad:
        drops.add(f"IKEv2: {bad.reason}")
        return
    except CriticalUnknown as unknown:
        drops.add("IKEv2: critical payload unknown")
        said = notify(NotifyKind.UNSUPPORTED_CRITICAL_PAYLOAD, bytes([unknown.kind]))
        _stateless(room, path, bare, [said], data)
        return
    if not shared.admission.admit(path, now, proven=proven):
        drops.add("IKEv2: too many new exchanges")
        return
    opening = Opening(path, room.draw_spi(), now, natt=natt)
    opening.message_i = data
    try:
        if not _begin_response(room, opening, header, contents, now, proven=proven):
            shared.admission.settled(path)
    except _CookieFirst:
        shared.admission.put_off(path)
        _ask_for_cookie(room, path, bare, beginning.nonce, data, now)


def _ask_for_cookie(
    room: Room, path: Path, bare: Envelope, nonce: bytes, request: bytes, now: float
) -> None:
    """The peer has to show first that it gets what is sent to it (RFC 7296 2.6)."""
    room.shared.drops.add("IKEv2: cookie asked for")
    cookie = room.shared.admission.cookie(path, bare.initiator_spi, nonce, now)
    _stateless(room, path, bare, [notify(NotifyKind.COOKIE, cookie)], request)


def _stateless(room: Room, path: Path, bare: Envelope, chain: Parts, request: bytes) -> None:
    """An answer that leaves nothing behind, never longer than what it answers."""
    said = clear(bare, chain)
    if len(said) <= len(request):
        room.send(path, [said])


def _begin_response(
    room: Room, opening: Opening, header: Header, contents: Contents, now: float, *, proven: bool
) -> bool:
    """Choose and answer; whether a half-open SA came of it. `proven`: the peer has shown that it
    gets what is sent there. Raises `_CookieFirst`."""
    config, path, data = room.shared.config, opening.path, opening.message_i
    bare = Envelope(header.initiator_spi, NO_SPI, Exchange.IKE_SA_INIT, Flag.RESPONSE, 0)
    nonce: bytes = contents.one(Kind.NONCE)
    redirectable = contents.notify(NotifyKind.REDIRECT_SUPPORTED) or contents.notify(
        NotifyKind.REDIRECTED_FROM
    )
    if config.redirect and redirectable:
        said = notify(NotifyKind.REDIRECT, gateway(config.redirect) + nonce)
        _stateless(room, path, bare, [said], data)
        return False
    device = device_of(contents.all(Kind.VENDOR)[:_MOST_VENDORS], 2)
    offers = ike_offers_of(contents.one(Kind.SA), 0)
    intermediate = contents.notify(NotifyKind.INTERMEDIATE_EXCHANGE_SUPPORTED) is not None
    usable = offers if intermediate else _without_additional(offers)
    choice = choose_ike(config.policy, usable, device, config.wall().date())
    if choice is None:
        room.shared.events.append(
            IkeFailed(
                path,
                None,
                "IKE_SA_INIT",
                "The peer offers no algorithms that our policy takes: "
                "allow what it can do, or configure it to offer more.",
                describe_offers(offers),
                describe_policy(config.policy),
            )
        )
        _stateless(room, path, bare, [notify(NotifyKind.NO_PROPOSAL_CHOSEN)], data)
        return False
    suite = choice.suite
    offered: KeyExchange = contents.one(Kind.KE)
    if offered.method != suite.group:
        said = notify(NotifyKind.INVALID_KE_PAYLOAD, suite.group.to_bytes(2, "big"))
        _stateless(room, path, bare, [said], data)
        return False
    group, spis = group_of(suite.group), (header.initiator_spi, opening.local_spi)
    envelope = Envelope(*spis, Exchange.IKE_SA_INIT, Flag.RESPONSE, 0)
    chain = _response(room, path, spis, contents, choice, bytes(group.reply_octets))
    if len(clear(envelope, chain)) > len(data) and not proven:
        # Such as when we ask for a certificate, which many send to nobody who does not. That is
        # found out before the key exchange, which costs most.
        raise _CookieFirst
    try:
        public, opening.shared = group.respond(room.shared.rng, offered.data)
    except BadPublicValue:
        room.shared.drops.add("IKEv2: bad public value")
        _stateless(room, path, bare, [notify(NotifyKind.INVALID_SYNTAX)], data)
        return False
    opening.suite, opening.weak = suite, choice.weak
    chain[1] = ke(suite.group, public)
    opening.message_r = clear(envelope, chain)
    room.enter_opening(opening, now + config.half_open_seconds)
    room.send(path, [opening.message_r])
    return True


def _response(
    room: Room,
    path: Path,
    spis: tuple[bytes, bytes],
    contents: Contents,
    choice: IkeChoice,
    public: bytes,
) -> Parts:
    """Our half of IKE_SA_INIT, and what we take of the extensions that the peer named."""
    config, suite = room.shared.config, choice.suite
    least = max(16, prf_of(suite.prf).octets // 2)
    nonce = room.shared.rng(max(least, min(_MOST_NONCE, len(contents.one(Kind.NONCE)))))
    proposal = choice.offer.token
    chain: Parts = [
        (Kind.SA, (ike_answer(proposal, suite, b""),)),  # type: ignore[arg-type]
        ke(suite.group, public),
        (Kind.NONCE, nonce),
    ]
    if nat_found(contents, (spis[0], NO_SPI), path) is not None:
        chain += nat_notifies(spis, path.local, path.remote, hide=config.force_udp)
    if contents.notify(NotifyKind.FRAGMENTATION_SUPPORTED):
        chain.append(notify(NotifyKind.FRAGMENTATION_SUPPORTED))
    if contents.notify(NotifyKind.SIGNATURE_HASH_ALGORITHMS):
        chain.append(notify(NotifyKind.SIGNATURE_HASH_ALGORITHMS, HASH_LIST))
    if any(suite.additional):
        chain.append(notify(NotifyKind.INTERMEDIATE_EXCHANGE_SUPPORTED))
    if config.post_quantum_keys and contents.notify(NotifyKind.USE_PPK):
        chain.append(notify(NotifyKind.USE_PPK))
    if config.trust is not None and config.trust.ca_hashes():
        chain.append((Kind.CERTREQ, rules.certreq(b"".join(config.trust.ca_hashes()))))
    return chain


def go_on(room: Room, opening: Opening) -> IkeSa:
    """The peer has gone on: make the IKE SA of what both said in IKE_SA_INIT."""
    theirs, ours = (
        read_chain(message[16], message, 28, without=(Kind.SA, Kind.KE, Kind.CERTREQ))
        for message in (opening.message_i, opening.message_r)
    )
    suite = opening.suite
    assert suite is not None
    sa = IkeSa(
        room,
        room.shared.new_ike(),
        opening.path,
        opening.local_spi,
        opening.message_i[:8],
        opening.since,
        initiator=False,
        natt=opening.natt,
    )
    made = sa.handshake = Handshake()
    sa.suite, sa.stage, sa.next_answer = suite, Stage.HALF_OPEN, 1
    sa.opening, sa.admitted = opening, opening.path
    made.stage = "IKE_AUTH"
    made.shared, opening.shared = opening.shared, b""
    made.message_i, made.message_r = opening.message_i, opening.message_r
    made.nonce_i, made.nonce_r = theirs.one(Kind.NONCE), ours.one(Kind.NONCE)
    made.vendors = tuple(theirs.all(Kind.VENDOR)[:_MOST_VENDORS])
    made.device, made.weak = device_of(made.vendors, 2), opening.weak
    made.additional = tuple(one for one in suite.additional if one)
    made.ppk = ours.notify(NotifyKind.USE_PPK) is not None
    sa.fragmentation = ours.notify(NotifyKind.FRAGMENTATION_SUPPORTED) is not None
    found = nat_found(theirs, (sa.remote_spi, NO_SPI), sa.path)
    if found is not None:
        sa.we_natted, sa.peer_natted = found
        sa.we_natted = sa.we_natted or room.shared.config.force_udp
    take_hashes(sa, theirs)
    room.enter(sa)
    return sa
