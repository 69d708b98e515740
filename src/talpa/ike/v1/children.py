"""Pairs of SAs as Quick Mode makes them: their keys, and the association that they belong to."""

from talpa.esp.sa import AssociationSpec, Encapsulation, Mode, Sa
from talpa.ike.associations import Association
from talpa.ike.config import Lifetimes
from talpa.ike.keylog import esp_keys
from talpa.ike.v1 import lifetimes, offers, pairs
from talpa.ike.v1.phase_one import chance
from talpa.ike.v1.quick import Child, Quick
from talpa.ike.v1.room import VERSION, Room
from talpa.ike.v1.sa import IkeSa
from talpa.wire import Malformed, Secret


def lifetimes_of(room: Room, sa: IkeSa) -> Lifetimes:
    """Of the connection, or of the endpoint."""
    own = sa.connection.lifetimes if sa.connection else None
    return own or room.config.lifetimes


def matching(room: Room, sa: IkeSa, spec: AssociationSpec) -> Association | None:
    """The association of this peer that the new pair belongs to."""
    assert sa.peering is not None
    wanted = _shape(spec)
    for association in room.associations_of(sa.peering):
        if _shape(association.spec) == wanted:
            return association
    return None


def _shape(spec: AssociationSpec) -> tuple[object, ...]:
    """What tells one association of a peer from another: in transport mode not the addresses, which
    change with the binding of a NAT."""
    sides = spec.local, spec.remote
    if spec.mode is Mode.TUNNEL:
        return spec.mode, spec.encapsulation, sides
    ports = tuple((e.protocol, e.first_port, e.last_port) for side in sides for e in side)
    return spec.mode, spec.encapsulation, ports


def add(
    room: Room,
    sa: IkeSa,
    quick: Quick,
    child: Child,
    association: Association | None,
    outbound_spi: bytes,
    shared: bytes,
    now: float,
) -> None:
    """Make the keys, and hand the pair over. Raises `Malformed` for an SPI that cannot be."""
    peering = sa.peering
    assert peering is not None
    assert peering.peer is not None
    assert quick.spec is not None
    if int.from_bytes(outbound_spi, "big") < 256:
        room.associations.free_spi(quick.inbound_spi)
        raise Malformed("SPI is reserved")
    inbound, outbound = _sas(room, sa, quick, child, outbound_spi, shared)
    if association is None:
        association = room.associations.add(peering.number, quick.spec, peering.peer)
        peering.associations.append(association.id)
    else:
        pairs.crowd_out(room, association)
        if quick.spec.encapsulation is Encapsulation.UDP:
            room.associations.move(association, sa.path)
    room.shared.deadlines.arm((VERSION, ("association", association.id)), None)
    room.children[inbound.spi] = child
    first = not association.pairs
    quick.pair = room.associations.add_pair(
        association, inbound, outbound, now, use=quick.initiated and first
    )
    sa.idle_at = None
    if room.config.key_log:
        path = sa.path
        for each, source, target in (
            (inbound, path.remote.host, path.local.host),
            (outbound, path.local.host, path.remote.host),
        ):
            line = esp_keys(each, source, target)
            if line is not None:
                room.shared.events.append(line)


def _sas(
    room: Room, sa: IkeSa, quick: Quick, child: Child, outbound_spi: bytes, shared: bytes
) -> tuple[Sa, Sa]:
    keys = sa.keys
    assert keys is not None
    octets, protocol = child.suite.key_octets, offers.protocol_id(child.suite)
    nonces = quick.nonce_i + quick.nonce_r
    soft, hard = lifetimes.limits(
        child.seconds,
        child.kilobytes,
        lifetimes_of(room, sa).margin,
        chance(room),
        initiated=quick.initiated,
    )
    inbound, outbound = (
        Sa(
            int.from_bytes(spi, "big"),
            child.suite,
            Secret(keys.keymat(octets, protocol, spi, nonces, shared)),
            soft,
            hard,
            room.config.window,
        )
        for spi in (quick.inbound_spi.to_bytes(4, "big"), outbound_spi)
    )
    return inbound, outbound
