"""Children: their offers, keys and selectors, in IKE_AUTH and in CREATE_CHILD_SA
(RFC 7296 1.2, 1.3.1, 2.9, 2.17)."""

from collections.abc import Sequence

from talpa.crypto.algorithms import GroupId
from talpa.crypto.prf import prf as prf_of
from talpa.esp.sa import Limits, Mode, Protocol, Sa, Suite
from talpa.ike.config import Connection
from talpa.ike.events import AddressOffer, IkeFailed
from talpa.ike.policies import (
    EspChoice,
    EspOffer,
    choose_esp,
    describe_offers,
    describe_policy,
    esp_offers,
)
from talpa.ike.v2.child_record import Child, Sides
from talpa.ike.v2.keymat import child_keymat
from talpa.ike.v2.numbers import Kind, NotifyKind
from talpa.ike.v2.payloads import Contents, notify, show_selector
from talpa.ike.v2.proposals import (
    accepted_esp,
    choose_additional,
    esp_answer,
    esp_offers_of,
    esp_proposal,
)
from talpa.ike.v2.refusals import refusal_of, said_of
from talpa.ike.v2.sa import IkeSa
from talpa.ike.v2.sa_payload import Proposal
from talpa.ike.v2.selectors import (
    L2TP,
    UDP,
    narrowed,
    narrowed_ports,
    of_host,
    of_network,
    pinned,
    whole,
)
from talpa.wire import Secret

Parts = list[tuple[Kind, object]]
_ANY_PORT = (0, 0xFFFF)
_CHILDLESS = 30.0
"""Seconds that an IKE SA may be without a child."""
_MOST_CHILDREN = 64
"""Pairs of one IKE SA."""
_SOFT = 0.9
"""Share of the octets at which re-keying begins."""


class Refusal(Exception):
    """A child that is not to be: what the peer is told, and what a person is."""

    def __init__(
        self,
        kind: NotifyKind,
        reason: str,
        data: bytes = b"",
        offered: tuple[str, ...] = (),
        allowed: tuple[str, ...] = (),
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.data = data
        self.offered = offered
        self.allowed = allowed


# keys


def make_sas(
    sa: IkeSa,
    suite: Suite,
    spis: tuple[int, int],
    nonces: bytes,
    shared: Sequence[bytes],
    *,
    initiator: bool,
) -> tuple[Sa, Sa]:
    """Inbound and outbound, of SPIs in that order. `initiator`: we began the exchange."""
    assert sa.suite is not None
    assert sa.keys is not None
    prf = prf_of(sa.suite.prf)
    from_initiator, to_initiator = child_keymat(prf, sa.keys.d, nonces, shared, suite.key_octets)
    ours, theirs = (from_initiator, to_initiator) if initiator else (to_initiator, from_initiator)
    life, window = sa.lifetimes, sa.room.shared.config.window
    octets = life.child_octets
    soft = Limits(octets=None if octets is None else int(octets * _SOFT))
    hard = Limits(seconds=life.child, octets=octets)
    return (
        Sa(spis[0], suite, Secret(theirs), soft, hard, window),
        Sa(spis[1], suite, Secret(ours), soft, hard, window),
    )


# responder: what is allowed


def choose(sa: IkeSa, contents: Contents, mode: Mode) -> EspChoice:
    """The best of what the peer offers, by an SPI that no other child has: all that is known of a
    child is found by it. Raises `Refusal`."""
    config, policy = sa.room.shared.config, sa.policy
    ah = (config.ah or bool(sa.connection and sa.connection.ah)) and carries_ah(sa, mode)
    offers = esp_offers_of(
        contents.one(Kind.SA), ah=ah, additional=policy.additional, first=sa.handshake is not None
    )
    device = sa.peer.device if sa.peer else ""
    choice = choose_esp(policy, offers, device, config.wall().date(), ah=ah)
    if choice is None:
        raise Refusal(
            NotifyKind.NO_PROPOSAL_CHOSEN,
            "The peer offers no protection of packets that our policy takes: "
            "allow what it can do, or configure it to offer more.",
            b"",
            describe_offers(offers),
            describe_policy(policy, esp=True),
        )
    if has_spi(sa, choice.offer.spi):
        raise Refusal(NotifyKind.NO_PROPOSAL_CHOSEN, "The peer has this SPI already.")
    return choice


def has_spi(sa: IkeSa, outbound: bytes) -> bool:
    """Whether the peer has a child with that SPI of its own."""
    holder = sa.room.current(sa.number) or sa
    return outbound in holder.children


def carries_ah(sa: IkeSa, mode: Mode) -> bool:
    """AH goes through no NAT, and here only in transport mode."""
    return mode is Mode.TRANSPORT and not (sa.we_natted or sa.peer_natted)


def select(sa: IkeSa, contents: Contents, given: AddressOffer | None) -> tuple[Mode, Sides, Sides]:
    """Mode, selectors, and the same as the peer is to be told. Raises `Refusal`."""
    theirs, ours = contents.one(Kind.TS_I), contents.one(Kind.TS_R)
    config, connection = sa.room.shared.config, sa.connection
    transport = contents.notify(NotifyKind.USE_TRANSPORT_MODE) is not None
    if connection is not None and connection.mode is Mode.TUNNEL and not given:
        transport = False
    if transport and (config.l2tp or connection is not None):
        ports = _ANY_PORT if connection is None else _ports(connection)
        here = pinned(ours, sa.path.local.host, (L2TP, L2TP), natted=sa.we_natted)
        there = pinned(theirs, sa.path.remote.host, ports, natted=sa.peer_natted)
        if here is not None and there is not None:
            return (
                Mode.TRANSPORT,
                ((here.here,), (there.here,)),
                ((here.wire,), (there.wire,)),
            )
    elif given is not None:
        addresses = [of_host(str(a)) for a in (given.ipv4, given.ipv6) if a is not None]
        reach = [of_network(one) for one in given.routes] or [whole(4), whole(6)]
        sides = narrowed(ours, reach), narrowed(theirs, addresses)
        if all(sides):
            return Mode.TUNNEL, sides, sides
    elif connection is not None and connection.mode is Mode.TUNNEL:
        sides = (
            narrowed(ours, connection.local or [of_host(sa.path.local.host)]),
            narrowed(theirs, connection.remote or [of_host(sa.path.remote.host)]),
        )
        if all(sides):
            return Mode.TUNNEL, sides, sides
    asked = ", ".join(show_selector(one) for one in (*theirs[:4], *ours[:4]))
    raise Refusal(
        NotifyKind.TS_UNACCEPTABLE,
        f"The peer asks for traffic that is not for it ({asked or 'nothing we know'}): it needs "
        "transport mode for L2TP, an address from us, or a connection configured here.",
    )


def _ports(connection: Connection) -> tuple[int, int]:
    if connection.remote:
        return connection.remote[0].first_port, connection.remote[0].last_port
    return _ANY_PORT


def answer_first(sa: IkeSa, contents: Contents, given: AddressOffer | None, now: float) -> Parts:
    """The child of IKE_AUTH: what goes into the response. A refusal is told, too, and leaves the
    IKE SA standing (RFC 7296 1.2)."""
    made = sa.handshake
    assert made is not None
    try:
        chosen = select(sa, contents, given)
        choice = choose(sa, contents, chosen[0])
    except Refusal as refusal:
        return refused(sa, refusal, now)
    nonces = made.nonce_i + made.nonce_r
    spi = sa.room.shared.associations.draw_spi()
    spis = spi, int.from_bytes(choice.offer.spi, "big")
    install(sa, choice.suite, spis, chosen, nonces, (), GroupId.NONE, now, initiator=False)
    chain, _ = child_parts(sa, choice, GroupId.NONE, spi, chosen[0], chosen[2])
    return chain


def install(
    sa: IkeSa,
    suite: Suite,
    spis: tuple[int, int],
    chosen: tuple[Mode, Sides, Sides],
    nonces: bytes,
    shared: Sequence[bytes],
    group: GroupId,
    now: float,
    *,
    initiator: bool,
    old: Child | None = None,
    use: bool = True,
) -> Child:
    """Make a child (`old`: in place of that one) of SPIs, inbound first."""
    mode, selectors, wire = chosen
    holder = sa.room.current(sa.number) or sa
    sas = make_sas(sa, suite, spis, nonces, shared, initiator=initiator)
    if old is None:
        return holder.room.attach(holder, mode, selectors, wire, sas, group, now)
    return holder.room.add_child(holder, old.pair.association, mode, wire, sas, group, now, use=use)


def child_parts(
    sa: IkeSa, choice: EspChoice, group: GroupId, spi: int, mode: Mode, wire: Sides
) -> tuple[Parts, tuple[GroupId, ...]]:
    """SA, selectors and mode in a response, and the additional key exchanges that are to follow."""
    proposal = choice.offer.token
    assert isinstance(proposal, Proposal)
    additional: tuple[GroupId, ...] = ()
    if sa.handshake is None:
        additional = choose_additional(proposal, sa.policy.additional) or ()
    answer = esp_answer(proposal, choice.suite, group, additional, spi.to_bytes(4, "big"))
    chain: Parts = [(Kind.SA, (answer,)), (Kind.TS_I, wire[1]), (Kind.TS_R, wire[0])]
    if mode is Mode.TRANSPORT:
        chain.append(notify(NotifyKind.USE_TRANSPORT_MODE))
    return chain, tuple(one for one in additional if one)


def refused(sa: IkeSa, refusal: Refusal, now: float) -> Parts:
    """Tell the owner, and the peer."""
    stage = "IKE_AUTH" if sa.handshake is not None else "CREATE_CHILD_SA"
    sa.room.shared.events.append(
        IkeFailed(
            sa.path,
            sa.peer.identity if sa.peer else None,
            stage,
            refusal.reason,
            refusal.offered,
            refusal.allowed,
            connection=sa.connection.name if sa.connection else "",
            initiated=sa.initiator,
        )
    )
    watch_childless(sa, now)
    return [notify(refusal.kind, refusal.data)]


def watch_childless(sa: IkeSa, now: float) -> None:
    """Without a child an IKE SA is not kept for long."""
    if not sa.children:
        sa.arm("childless", now + _CHILDLESS)


# initiator: what is asked for


def offers_for(sa: IkeSa, group: GroupId, suite: Suite | None = None) -> tuple[EspOffer, ...]:
    """Ours for a child. `suite`: of the one that is to be re-keyed comes first of all."""
    config, connection = sa.room.shared.config, sa.connection
    ah = bool(connection and connection.ah) if suite is None else suite.protocol.name == "AH"
    offers = esp_offers(sa.policy, config.wall().date(), version=2, pfs=group, ah=ah)
    transforms = connection.habits.esp_transforms if connection is not None else None
    if transforms is None:
        return offers
    esn = (False,)
    return tuple(
        EspOffer(
            at,
            offers[0].protocol,
            b"",
            ((cipher, bits),),
            (mac,) if mac else (),
            offers[0].groups,
            esn,
        )
        for at, (cipher, bits, mac) in enumerate(transforms, 1)
    )


def wanted_selectors(sa: IkeSa) -> Sides:
    """What our connection asks for."""
    connection = sa.connection
    assert connection is not None
    here = connection.habits.local_address or sa.path.local.host
    there = sa.path.remote.host
    if connection.mode is Mode.TRANSPORT:
        port = connection.l2tp_port
        return (
            connection.local or (of_host(here, UDP, port, port or 0xFFFF),),
            connection.remote or (of_host(there, UDP, L2TP, L2TP),),
        )
    if connection.ask_address:
        versions = {one.first.version for one in connection.remote} or {4, 6}
        local = connection.local or tuple(whole(v) for v in sorted(versions))
        return local, connection.remote or (whole(4), whole(6))
    return connection.local or (of_host(here),), connection.remote or (of_host(there),)


def ask_first(sa: IkeSa) -> Parts:
    """The child of our IKE_AUTH."""
    made, connection = sa.handshake, sa.connection
    assert made is not None
    assert connection is not None
    if not made.child_spi:
        made.child_spi = sa.room.shared.associations.draw_spi()
    spi = made.child_spi.to_bytes(4, "big")
    local, remote = wanted_selectors(sa)
    chain: Parts = [
        (Kind.SA, tuple(esp_proposal(one, spi) for one in offers_for(sa, GroupId.NONE))),
        (Kind.TS_I, local),
        (Kind.TS_R, remote),
    ]
    if connection.mode is Mode.TRANSPORT:
        chain.append(notify(NotifyKind.USE_TRANSPORT_MODE))
    return chain


def mismatch(sa: IkeSa, contents: Contents) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """When there is no first child: what we asked for, and what the peer said of it."""
    offers = describe_offers(offers_for(sa, GroupId.NONE))
    error = contents.error
    if error is None:
        chosen = describe_offers(esp_offers_of(contents.one(Kind.SA) or (), ah=True))
        return offers, tuple(f"chosen: {one}" for one in chosen)
    said = said_of(error)
    if error.kind == NotifyKind.TS_UNACCEPTABLE:
        sides = wanted_selectors(sa)
        offers = tuple(show_selector(one) for side in sides for one in side)
    return (offers, (said,)) if said else ((), ())


def take_first(sa: IkeSa, contents: Contents, given: AddressOffer | None, now: float) -> str:
    """The peer's answer to it: "" when the child is there, or what is wrong, in a sentence."""
    made = sa.handshake
    assert made is not None
    error = contents.error
    if error is not None:
        return refusal_of(error)
    accepted = accepted_esp(offers_for(sa, GroupId.NONE), contents.one(Kind.SA) or ())
    taken = taken_selectors(sa, contents, wanted_selectors(sa))
    if accepted is None or taken is None:
        return "The peer answered with a child that was not asked for."
    suite, _, spi = accepted
    mode, selectors, wire = taken
    if has_spi(sa, spi):
        return "The peer answered with an SPI that it has already."
    if suite.protocol is Protocol.AH and not carries_ah(sa, mode):
        return "There is a NAT on the way, and AH goes through none: use ESP."
    if given is not None:
        mine = [of_host(str(a)) for a in (given.ipv4, given.ipv6) if a is not None]
        selectors = narrowed(selectors[0], mine), selectors[1]
        wire = selectors
        if not selectors[0]:
            return "The peer gave an address, and selectors without it."
    nonces = made.nonce_i + made.nonce_r
    outbound = int.from_bytes(spi, "big")
    sas = make_sas(sa, suite, (made.child_spi, outbound), nonces, (), initiator=True)
    made.child_spi = 0
    sa.room.attach(sa, mode, selectors, wire, sas, GroupId.NONE, now)
    return ""


def taken_selectors(
    sa: IkeSa, contents: Contents, asked: Sides
) -> tuple[Mode, Sides, Sides] | None:
    """Mode and selectors that a response grants; None: not what was asked for."""
    ours, theirs = contents.one(Kind.TS_I), contents.one(Kind.TS_R)
    if not ours or not theirs:
        return None
    transport = contents.notify(NotifyKind.USE_TRANSPORT_MODE) is not None
    narrow = narrowed_ports if transport else narrowed
    wire = narrow(ours, asked[0]), narrow(theirs, asked[1])
    if not all(wire):
        return None
    wanted = sa.connection.mode if sa.connection is not None else None
    if wanted is not None and transport != (wanted is Mode.TRANSPORT):
        return None
    if not transport:
        return Mode.TUNNEL, wire, wire
    local, remote = sa.path.local.host, sa.path.remote.host
    selectors = (
        tuple(of_host(local, o.protocol, o.first_port, o.last_port) for o in wire[0]),
        tuple(of_host(remote, o.protocol, o.first_port, o.last_port) for o in wire[1]),
    )
    return Mode.TRANSPORT, selectors, wire


def too_many(sa: IkeSa) -> bool:
    """Whether the peer has all the children that it may have."""
    return len(sa.children) >= _MOST_CHILDREN
