"""IKE_SA_INIT, both roles (RFC 7296 1.2, 2.6, 2.7, 2.23; RFC 5685 3)."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import BadPublicValue
from talpa.crypto.exchange import group as group_of
from talpa.crypto.prf import prf as prf_of
from talpa.crypto.signing import HASHES
from talpa.ike.config import Call, Policy
from talpa.ike.devices import device_of
from talpa.ike.events import IkeFailed, Redirected
from talpa.ike.header import Header
from talpa.ike.natt import nat_hash_v2
from talpa.ike.policies import (
    IkeChoice,
    IkeOffer,
    choose_ike,
    describe_offers,
    describe_policy,
    ike_offers,
)
from talpa.ike.v2 import rules
from talpa.ike.v2.handshake import Handshake
from talpa.ike.v2.intermediate import go_on
from talpa.ike.v2.keymat import first_skeyseed, ike_keys
from talpa.ike.v2.numbers import Exchange, Flag, Kind, NotifyKind
from talpa.ike.v2.payloads import (
    Contents,
    CriticalUnknown,
    KeyExchange,
    Notify,
    ke,
    notify,
    read_chain,
    write_chain,
)
from talpa.ike.v2.proposals import accepted_ike, ike_answer, ike_offers_of, ike_proposal
from talpa.ike.v2.protection import Envelope
from talpa.ike.v2.room import Room
from talpa.ike.v2.sa import Asked, IkeSa, Stage
from talpa.sansio import Address, Path
from talpa.wire import Malformed, printable

_NO_SPI = bytes(8)
_MOST_TRIES = 6
"""IKE_SA_INIT of ours, anew for cookies and groups."""
_MOST_NONCE = 32
_HASH_LIST = b"".join(one.to_bytes(2, "big") for one in sorted(HASHES))

Parts = list[tuple[Kind, object]]


def _clear(envelope: Envelope, chain: Sequence[tuple[Kind, object]]) -> bytes:
    """A message without protection."""
    first, body = write_chain(chain)
    return envelope.header(first, 28 + len(body)) + body


# NAT detection (RFC 7296 2.23)


def nat_notifies(
    spis: tuple[bytes, bytes], local: Address, remote: Address, *, hide: bool = False
) -> Parts:
    """NAT_DETECTION_*_IP of a message from `local` to `remote`. `hide`: say of our own address what
    cannot be right, so that the peer takes us for one behind a NAT and encapsulates in UDP."""
    source = Address("0.0.0.0", 0) if hide else local
    return [
        notify(NotifyKind.NAT_DETECTION_SOURCE_IP, nat_hash_v2(*spis, source)),
        notify(NotifyKind.NAT_DETECTION_DESTINATION_IP, nat_hash_v2(*spis, remote)),
    ]


def nat_found(
    contents: Contents, spis: tuple[bytes, bytes], path: Path
) -> tuple[bool, bool] | None:
    """Whether we are, and whether the peer is, behind a NAT; None: the message does not tell."""
    sources = contents.notifies.get(NotifyKind.NAT_DETECTION_SOURCE_IP, [])
    wanted = contents.notify(NotifyKind.NAT_DETECTION_DESTINATION_IP)
    if not sources or wanted is None:
        return None
    seen = nat_hash_v2(*spis, path.remote)
    return (
        wanted.data != nat_hash_v2(*spis, path.local),
        all(one.data != seen for one in sources),
    )


# keys


def derive(sa: IkeSa) -> None:
    """The keys of IKE_SA_INIT, when they are first needed."""
    made, suite = sa.handshake, sa.suite
    if sa.protection is not None or made is None or suite is None or not made.shared:
        return
    nonces = made.nonce_i + made.nonce_r
    skeyseed = first_skeyseed(prf_of(suite.prf), nonces, made.shared)
    made.shared = b""
    sa.take_keys(ike_keys(suite, skeyseed, nonces, sa.spis))


# responder


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
    bare = Envelope(header.initiator_spi, _NO_SPI, Exchange.IKE_SA_INIT, Flag.RESPONSE, 0)
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
    said = _clear(bare, chain)
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
    bare = Envelope(header.initiator_spi, _NO_SPI, Exchange.IKE_SA_INIT, Flag.RESPONSE, 0)
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
    made.message_r = _clear(
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
    found = nat_found(contents, (sa.remote_spi, _NO_SPI), sa.path)
    if found is not None:
        sa.we_natted, sa.peer_natted = found
        chain += nat_notifies((sa.remote_spi, sa.local_spi), sa.path.local, sa.path.remote)
    if contents.notify(NotifyKind.FRAGMENTATION_SUPPORTED):
        sa.fragmentation = True
        chain.append(notify(NotifyKind.FRAGMENTATION_SUPPORTED))
    _take_hashes(sa, contents)
    if made.hashes:
        chain.append(notify(NotifyKind.SIGNATURE_HASH_ALGORITHMS, _HASH_LIST))
    if made.additional:
        chain.append(notify(NotifyKind.INTERMEDIATE_EXCHANGE_SUPPORTED))
    if config.post_quantum_keys and contents.notify(NotifyKind.USE_PPK):
        made.ppk = True
        chain.append(notify(NotifyKind.USE_PPK))
    if config.trust is not None and config.trust.ca_hashes():
        chain.append((Kind.CERTREQ, rules.certreq(b"".join(config.trust.ca_hashes()))))
    return chain


def _take_hashes(sa: IkeSa, contents: Contents) -> None:
    said = contents.notify(NotifyKind.SIGNATURE_HASH_ALGORITHMS)
    if said is not None and sa.handshake is not None:
        data = said.data[:64]
        sa.handshake.hashes = tuple(
            int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2)
        )


# initiator


def begin(room: Room, number: int, call: Call, now: float) -> None:
    """Call a peer."""
    connection = call.connection
    sa = IkeSa(room, number, call.path, room.draw_spi(), _NO_SPI, now, initiator=True, natt=False)
    made = sa.handshake = Handshake()
    sa.connection = connection
    made.call = call
    made.offers = our_offers(sa)
    made.nonce_i = room.shared.rng(max(16, min(256, connection.habits.nonce_octets)))
    room.enter(sa)
    _propose(sa, made.offers[0].groups[0], now)


def our_offers(sa: IkeSa) -> tuple[IkeOffer, ...]:
    """By the policy. Who does not know additional key exchanges passes over a whole proposal that
    has one (RFC 9370 2.2.2): so the same stands there without, too."""
    policy = policy_of(sa)
    offers = ike_offers(policy, sa.room.shared.config.wall().date(), version=2)
    if not policy.require_additional:
        plain = [one for one in offers if one.additional]
        offers += tuple(
            replace(one, number=len(offers) + at, additional=()) for at, one in enumerate(plain, 1)
        )
    return offers


def policy_of(sa: IkeSa) -> Policy:
    """What we take and offer."""
    return (sa.connection and sa.connection.policy) or sa.room.shared.config.policy


def _propose(sa: IkeSa, group: GroupId, now: float) -> None:
    """Make a key for `group`, and ask with it."""
    assert sa.handshake is not None
    sa.handshake.offer = group_of(group).initiate(sa.room.shared.rng)
    _ask(sa, group, now)


class InitTask:
    """IKE_SA_INIT, as one that awaits its response."""

    exchange = Exchange.IKE_SA_INIT

    def __init__(self, group: GroupId) -> None:
        self.group = group

    def build(self, _sa: IkeSa, _now: float) -> None:
        """It is never queued."""

    def done(self, _sa: IkeSa, _contents: Contents, _path: Path, _now: float) -> None:
        """Its response has no protection: see `response`."""

    def failed(self, _sa: IkeSa, _reason: str, _now: float) -> None:
        """Nor has it this."""

    def dropped(self, _sa: IkeSa) -> None:
        """It holds nothing."""


def _ask(sa: IkeSa, group: GroupId, now: float) -> None:
    made, connection = sa.handshake, sa.connection
    assert made is not None
    assert connection is not None
    assert made.offer is not None
    habits = connection.habits
    chain: Parts = []
    if made.cookie:
        chain.append(notify(NotifyKind.COOKIE, made.cookie))
    chain += [
        (Kind.SA, tuple(ike_proposal(one, b"") for one in made.offers)),
        ke(group, made.offer.public),
        (Kind.NONCE, made.nonce_i),
        *nat_notifies(
            (sa.local_spi, _NO_SPI),
            Address(habits.local_address or sa.path.local.host, sa.path.local.port),
            sa.path.remote,
            hide=connection.force_udp,
        ),
        notify(NotifyKind.FRAGMENTATION_SUPPORTED),
        notify(NotifyKind.SIGNATURE_HASH_ALGORITHMS, _HASH_LIST),
        notify(NotifyKind.REDIRECT_SUPPORTED),
    ]
    if any(any(one.additional) for one in made.offers):
        chain.append(notify(NotifyKind.INTERMEDIATE_EXCHANGE_SUPPORTED))
    if connection.post_quantum_key is not None:
        chain.append(notify(NotifyKind.USE_PPK))
    chain += [(Kind.VENDOR, one) for one in habits.vendor_ids or ()]
    made.message_i = _clear(sa.envelope(Exchange.IKE_SA_INIT, 0, response=False), chain)
    sa.asked = Asked(0, InitTask(group), [made.message_i])
    sa.transmit(now)


def response(sa: IkeSa, path: Path, header: Header, data: bytes, now: float) -> None:
    """The response to our IKE_SA_INIT. Whatever can be forged changes nothing for good."""
    drops = sa.room.shared.drops
    made = sa.handshake
    if sa.stage is not Stage.INIT or made is None or sa.asked is None or header.message_id:
        drops.add("IKEv2: response to nothing")
        return
    if path.remote.host != sa.path.remote.host:
        drops.add("IKEv2: response from elsewhere")
        return
    try:
        contents = read_chain(header.next_payload, data, 28)
    except Malformed as bad:
        drops.add(f"IKEv2: {bad.reason}")
        return
    except CriticalUnknown:
        drops.add("IKEv2: critical payload unknown")
        return
    if contents.one(Kind.SA) is None:
        _told(sa, contents, now)
        return
    if not rules.hold(contents, rules.INIT_RESPONSE) or not any(header.responder_spi):
        drops.add("IKEv2: payloads missing or too many")
        return
    offered: KeyExchange = contents.one(Kind.KE)
    task = sa.asked.task
    assert isinstance(task, InitTask)
    suite = accepted_ike(made.offers, contents.one(Kind.SA), 0)
    if suite is None or suite.group != task.group or offered.method != task.group:
        drops.add("IKEv2: chosen what was not offered")
        made.refusal = "The peer chose algorithms that were not offered to it."
        return
    assert made.offer is not None
    try:
        made.shared = made.offer.finish(offered.data)
    except BadPublicValue:
        drops.add("IKEv2: bad public value")
        return
    sa.answered()
    made.offer = None
    made.refusal = ""
    sa.next_ask = 1
    sa.remote_spi = header.responder_spi
    sa.suite = suite
    sa.stage = Stage.HALF_OPEN
    made.nonce_r, made.message_r = contents.one(Kind.NONCE), data
    made.additional = tuple(one for one in suite.additional if one)
    made.vendors = tuple(contents.all(Kind.VENDOR)[:32])
    made.device = device_of(made.vendors, 2)
    made.stage = "IKE_AUTH"
    sa.fragmentation = contents.notify(NotifyKind.FRAGMENTATION_SUPPORTED) is not None
    _take_hashes(sa, contents)
    asked = contents.one(Kind.CERTREQ)
    made.ca_hashes = asked.data if asked is not None else b""
    _look_for_nat(sa, contents, path)
    derive(sa)
    if made.additional and not contents.notify(NotifyKind.INTERMEDIATE_EXCHANGE_SUPPORTED):
        sa.end("The peer chose additional key exchanges, and does not support them.")
        return
    ours = sa.connection.post_quantum_key if sa.connection else None
    made.ppk = ours is not None and contents.notify(NotifyKind.USE_PPK) is not None
    if sa.room.shared.config.require_post_quantum_key and not made.ppk:
        sa.end("The peer has no post-quantum pre-shared key, and one is required.")
        return
    go_on(sa, now)


def _look_for_nat(sa: IkeSa, contents: Contents, path: Path) -> None:
    """Whether to float to the ports of ESP in UDP."""
    made, connection = sa.handshake, sa.connection
    assert made is not None
    assert connection is not None
    address = connection.habits.local_address
    seen = path if address is None else path._replace(local=Address(address, path.local.port))
    found = nat_found(contents, (sa.local_spi, sa.remote_spi), seen)
    if found is None:
        return
    sa.we_natted, sa.peer_natted = found
    sa.we_natted = sa.we_natted or connection.force_udp
    if made.call is not None and (sa.we_natted or sa.peer_natted):
        sa.path, sa.natt = made.call.natt_path, True


def _told(sa: IkeSa, contents: Contents, now: float) -> None:
    """A response without an SA: it says why."""
    made = sa.handshake
    assert made is not None
    assert sa.asked is not None
    task = sa.asked.task
    assert isinstance(task, InitTask)
    cookie = contents.notify(NotifyKind.COOKIE)
    group = contents.notify(NotifyKind.INVALID_KE_PAYLOAD)
    redirect = contents.notify(NotifyKind.REDIRECT)
    if redirect is not None:
        to, nonce = read_gateway(redirect.data)
        if to and nonce == made.nonce_i:
            redirected(sa, to)
        else:
            sa.room.shared.drops.add("IKEv2: redirect that is not for us")
        return
    if made.tries < _MOST_TRIES:
        if cookie is not None and 1 <= len(cookie.data) <= 64 and cookie.data != made.cookie:
            made.tries += 1
            made.cookie = cookie.data
            _ask(sa, task.group, now)
            return
        if group is not None and len(group.data) == 2:
            wanted = GroupId(int.from_bytes(group.data, "big"))
            offered = {one for offer in made.offers for one in offer.groups}
            if wanted in offered and wanted != task.group:
                made.tries += 1
                _propose(sa, wanted, now)
                return
    error = contents.error
    if error is None:
        sa.room.shared.drops.add("IKEv2: payloads missing or too many")
        return
    made.refusal = refusal_of(error)


def redirected(sa: IkeSa, to: str) -> None:
    """The peer wants us to call somebody else."""
    sa.room.shared.events.append(Redirected(sa.number, to))
    if sa.handshake is not None:
        sa.handshake.quiet = True
    sa.end(f"The peer sent us on to {to}.", by_peer=True)


_REFUSALS = {
    NotifyKind.NO_PROPOSAL_CHOSEN: "The peer takes none of the algorithms we offer: "
    "choose a policy that both have.",
    NotifyKind.AUTHENTICATION_FAILED: "The peer does not believe who we are: "
    "compare the pre-shared key, the certificate or the password, and the identities.",
    NotifyKind.TS_UNACCEPTABLE: "The peer refuses the addresses and ports we ask for.",
    NotifyKind.INTERNAL_ADDRESS_FAILURE: "The peer has no address for us.",
    NotifyKind.FAILED_CP_REQUIRED: "The peer wants us to ask it for an address.",
    NotifyKind.SINGLE_PAIR_REQUIRED: "The peer wants one pair of addresses for each child.",
    NotifyKind.NO_ADDITIONAL_SAS: "The peer takes no more children.",
    NotifyKind.INVALID_SYNTAX: "The peer cannot read our message.",
}


def refusal_of(error: Notify) -> str:
    """What an error that the peer sent means, in a sentence."""
    return _REFUSALS.get(error.kind, f"The peer refuses: {error.kind}.")


# redirect (RFC 5685 9.2)


def gateway(to: str) -> bytes:
    """Type, length and identity of the gateway `to`."""
    try:
        address = ip_address(to)
    except ValueError:
        name = to.encode()[:255]
        return bytes([3, len(name)]) + name
    return bytes([1 if address.version == 4 else 2, len(address.packed)]) + address.packed


def read_gateway(data: bytes) -> tuple[str, bytes]:
    """The gateway ("": nothing that we know) and what stands behind it."""
    if len(data) < 2 or len(data) < 2 + data[1]:
        return "", b""
    value, rest = data[2 : 2 + data[1]], data[2 + data[1] :]
    if (data[0], len(value)) in ((1, 4), (2, 16)):
        return str(ip_address(value)), rest
    if data[0] == 3 and value:
        return printable(value, 255), rest
    return "", b""
