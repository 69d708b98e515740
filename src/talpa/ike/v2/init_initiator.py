"""IKE_SA_INIT as initiator (RFC 7296 1.2, 2.6, 2.7, 2.23; RFC 5685 3)."""

from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import BadPublicValue
from talpa.crypto.exchange import group as group_of
from talpa.ike.config import Call
from talpa.ike.devices import device_of
from talpa.ike.header import Header
from talpa.ike.policies import describe_offers
from talpa.ike.v2 import rules
from talpa.ike.v2.handshake import Handshake
from talpa.ike.v2.init_common import HASH_LIST, NO_SPI, Parts, clear, derive, take_hashes
from talpa.ike.v2.intermediate import go_on
from talpa.ike.v2.nat_detection import nat_found, nat_notifies
from talpa.ike.v2.numbers import Exchange, Kind, NotifyKind
from talpa.ike.v2.payloads import (
    Contents,
    CriticalUnknown,
    KeyExchange,
    ke,
    notify,
    read_chain,
)
from talpa.ike.v2.proposals import accepted_ike, ike_offers_of, ike_proposal, own_ike_offers
from talpa.ike.v2.redirect import read_gateway, redirected
from talpa.ike.v2.refusals import refusal_of, said_of
from talpa.ike.v2.room import Room
from talpa.ike.v2.sa import IkeSa, Stage
from talpa.ike.v2.tasks import Asked
from talpa.sansio import Address, Path
from talpa.wire import Malformed

_MOST_TRIES = 6
"""IKE_SA_INIT of ours, anew for cookies and groups."""


def begin(room: Room, number: int, call: Call, now: float) -> None:
    """Call a peer."""
    connection = call.connection
    sa = IkeSa(room, number, call.path, room.draw_spi(), NO_SPI, now, initiator=True, natt=False)
    made = sa.handshake = Handshake()
    sa.connection = connection
    made.call = call
    made.offers = own_ike_offers(sa.policy, room.shared.config.wall().date())
    made.nonce_i = room.shared.rng(max(16, min(256, connection.habits.nonce_octets)))
    room.enter(sa)
    _propose(sa, made.offers[0].groups[0], now)


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
            (sa.local_spi, NO_SPI),
            Address(habits.local_address or sa.path.local.host, sa.path.local.port),
            sa.path.remote,
            hide=connection.force_udp,
        ),
        notify(NotifyKind.FRAGMENTATION_SUPPORTED),
        notify(NotifyKind.SIGNATURE_HASH_ALGORITHMS, HASH_LIST),
        notify(NotifyKind.REDIRECT_SUPPORTED),
    ]
    if any(any(one.additional) for one in made.offers):
        chain.append(notify(NotifyKind.INTERMEDIATE_EXCHANGE_SUPPORTED))
    if connection.post_quantum_key is not None:
        chain.append(notify(NotifyKind.USE_PPK))
    chain += [(Kind.VENDOR, one) for one in habits.vendor_ids or ()]
    made.message_i = clear(sa.envelope(Exchange.IKE_SA_INIT, 0, response=False), chain)
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
        chosen = describe_offers(ike_offers_of(contents.one(Kind.SA), 0))
        made.mismatch = describe_offers(made.offers), tuple(f"chosen: {one}" for one in chosen)
        return
    assert made.offer is not None
    try:
        made.shared = made.offer.finish(offered.data)
    except BadPublicValue:
        drops.add("IKEv2: bad public value")
        return
    sa.answered()
    made.offer = None
    made.refusal, made.mismatch = "", ((), ())
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
    take_hashes(sa, contents)
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
    said = said_of(error)
    made.mismatch = (describe_offers(made.offers), (f"{said}, unprotected",)) if said else ((), ())
