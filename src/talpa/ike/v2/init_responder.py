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
from talpa.ike.v2.payloads import (
    Contents,
    CriticalUnknown,
    KeyExchange,
    ke,
    notify,
    read_chain,
)
from talpa.ike.v2.proposals import ike_answer, ike_offers_of
from talpa.ike.v2.protection import Envelope
from talpa.ike.v2.redirect import gateway
from talpa.ike.v2.room import Room
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.sansio import Path
from talpa.wire import Malformed

_MOST_NONCE = 32


def _without_additional(offers: list[IkeOffer]) -> list[IkeOffer]:
    """Those that can be had without IKE_INTERMEDIATE."""
    return [o for o in offers if all(not each or GroupId.NONE in each for each in o.additional)]


def answer(room: Room, path: Path, header: Header, data: bytes, now: float, *, natt: bool) -> None:
    """An IKE_SA_INIT request."""
    shared = room.shared
    drops = shared.drops
    opening = (path, header.initiator_spi)
    known = room.openings.get(opening)
    if known is not None:
        if known.handshake is not None and known.handshake.message_i == data:
            drops.add("IKEv2: request again")
            room.send(path, [known.handshake.message_r])
        else:
            drops.add("IKEv2: another IKE_SA_INIT of one SPI")
        return
    if header.message_id or any(header.responder_spi) or not any(header.initiator_spi):
        drops.add("IKEv2: IKE_SA_INIT with wrong header")
        return
    bare = Envelope(header.initiator_spi, NO_SPI, Exchange.IKE_SA_INIT, Flag.RESPONSE, 0)
    try:
        contents = read_chain(header.next_payload, data, 28)
    except Malformed as bad:
        drops.add(f"IKEv2: {bad.reason}")
        return
    except CriticalUnknown as unknown:
        drops.add("IKEv2: critical payload unknown")
        said = notify(NotifyKind.UNSUPPORTED_CRITICAL_PAYLOAD, bytes([unknown.kind]))
        _stateless(room, path, bare, [said], data, now)
        return
    if not rules.hold(contents, rules.INIT_REQUEST):
        drops.add("IKEv2: payloads missing or too many")
        return
    nonce: bytes = contents.one(Kind.NONCE)
    proven = shared.admission.cookie_good(
        _cookie_of(contents), path, header.initiator_spi, nonce, now
    )
    if not proven and shared.admission.cookie_wanted(path, now):
        _ask_for_cookie(room, path, bare, nonce, data, now)
        return
    if not shared.admission.admit(path, now, proven=proven):
        drops.add("IKEv2: too many new exchanges")
        return
    if not _begin_response(room, path, header, data, contents, now, natt=natt, proven=proven):
        shared.admission.settled(path)


def _cookie_of(contents: Contents) -> bytes:
    """The cookie that the peer gives back; empty: none."""
    first = contents.first
    if first is not None and first[0] == Kind.NOTIFY and first[1].kind == NotifyKind.COOKIE:
        return bytes(first[1].data)
    return b""


def _ask_for_cookie(
    room: Room, path: Path, bare: Envelope, nonce: bytes, request: bytes, now: float
) -> None:
    """The peer has to show first that it gets what is sent to it (RFC 7296 2.6)."""
    room.shared.drops.add("IKEv2: cookie asked for")
    cookie = room.shared.admission.cookie(path, bare.initiator_spi, nonce, now)
    _stateless(room, path, bare, [notify(NotifyKind.COOKIE, cookie)], request, now)


def _stateless(
    room: Room, path: Path, bare: Envelope, chain: Parts, request: bytes, _now: float
) -> None:
    """An answer that leaves nothing behind, never longer than what it answers."""
    said = clear(bare, chain)
    if len(said) <= len(request):
        room.send(path, [said])


def _begin_response(
    room: Room,
    path: Path,
    header: Header,
    data: bytes,
    contents: Contents,
    now: float,
    *,
    natt: bool,
    proven: bool,
) -> bool:
    """Choose and answer; whether a half-open SA came of it. `proven`: the peer has shown that it
    gets what is sent there."""
    config = room.shared.config
    bare = Envelope(header.initiator_spi, NO_SPI, Exchange.IKE_SA_INIT, Flag.RESPONSE, 0)
    nonce: bytes = contents.one(Kind.NONCE)
    redirectable = contents.notify(NotifyKind.REDIRECT_SUPPORTED) or contents.notify(
        NotifyKind.REDIRECTED_FROM
    )
    if config.redirect and redirectable:
        said = notify(NotifyKind.REDIRECT, gateway(config.redirect) + nonce)
        _stateless(room, path, bare, [said], data, now)
        return False
    vendors = tuple(contents.all(Kind.VENDOR)[:32])
    device = device_of(vendors, 2)
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
        _stateless(room, path, bare, [notify(NotifyKind.NO_PROPOSAL_CHOSEN)], data, now)
        return False
    suite = choice.suite
    offered: KeyExchange = contents.one(Kind.KE)
    if offered.method != suite.group:
        said = notify(NotifyKind.INVALID_KE_PAYLOAD, suite.group.to_bytes(2, "big"))
        _stateless(room, path, bare, [said], data, now)
        return False
    try:
        public, shared_secret = group_of(suite.group).respond(room.shared.rng, offered.data)
    except BadPublicValue:
        room.shared.drops.add("IKEv2: bad public value")
        _stateless(room, path, bare, [notify(NotifyKind.INVALID_SYNTAX)], data, now)
        return False
    sa = IkeSa(
        room,
        room.shared.new_ike(),
        path,
        room.draw_spi(),
        header.initiator_spi,
        now,
        initiator=False,
        natt=natt,
    )
    made = Handshake()
    sa.handshake, sa.suite, sa.stage, sa.next_answer = made, suite, Stage.HALF_OPEN, 1
    made.shared, made.message_i, made.nonce_i = shared_secret, data, nonce
    made.vendors, made.device, made.weak = vendors, device, choice.weak
    made.additional = tuple(one for one in suite.additional if one)
    made.stage = "IKE_AUTH"
    made.message_r = clear(
        sa.envelope(Exchange.IKE_SA_INIT, 0, response=True),
        _response(sa, contents, choice, public),
    )
    if len(made.message_r) > len(data) and not proven:
        # Such as when we ask for a certificate, which many send to nobody who does not.
        _ask_for_cookie(room, path, bare, nonce, data, now)
        return False
    sa.opening, sa.admitted = (path, header.initiator_spi), True
    room.openings[sa.opening] = sa
    room.enter(sa)
    sa.arm("half-open", now + config.half_open_seconds)
    room.send(path, [made.message_r])
    return True


def _response(sa: IkeSa, contents: Contents, choice: IkeChoice, public: bytes) -> Parts:
    """Our half of IKE_SA_INIT, and what we take of the extensions that the peer named."""
    config, made, suite = sa.room.shared.config, sa.handshake, choice.suite
    assert made is not None
    least = max(16, prf_of(suite.prf).octets // 2)
    made.nonce_r = sa.room.shared.rng(max(least, min(_MOST_NONCE, len(made.nonce_i))))
    proposal = choice.offer.token
    chain: Parts = [
        (Kind.SA, (ike_answer(proposal, suite, b""),)),  # type: ignore[arg-type]
        ke(suite.group, public),
        (Kind.NONCE, made.nonce_r),
    ]
    found = nat_found(contents, (sa.remote_spi, NO_SPI), sa.path)
    if found is not None:
        sa.we_natted, sa.peer_natted = found
        chain += nat_notifies((sa.remote_spi, sa.local_spi), sa.path.local, sa.path.remote)
    if contents.notify(NotifyKind.FRAGMENTATION_SUPPORTED):
        sa.fragmentation = True
        chain.append(notify(NotifyKind.FRAGMENTATION_SUPPORTED))
    take_hashes(sa, contents)
    if made.hashes:
        chain.append(notify(NotifyKind.SIGNATURE_HASH_ALGORITHMS, HASH_LIST))
    if made.additional:
        chain.append(notify(NotifyKind.INTERMEDIATE_EXCHANGE_SUPPORTED))
    if config.post_quantum_keys and contents.notify(NotifyKind.USE_PPK):
        made.ppk = True
        chain.append(notify(NotifyKind.USE_PPK))
    if config.trust is not None and config.trust.ca_hashes():
        chain.append((Kind.CERTREQ, rules.certreq(b"".join(config.trust.ca_hashes()))))
    return chain
