"""Phase 1 with a peer that we call, anew where it was up before; and what waits for it."""

from dataclasses import replace

from talpa.ike.config import Call, Connection
from talpa.ike.header import NO_SPI
from talpa.ike.v1 import aggressive, main_mode, quick_mode
from talpa.ike.v1.numbers import Exchange
from talpa.ike.v1.room import Room
from talpa.ike.v1.sa import IkeSa, Peering


def start(room: Room, peering: Peering, call: Call, now: float, *, natt: bool) -> None:
    """Begin with message 1. `natt`: between the ports of NAT-T at once, as the one before ran."""
    connection = call.connection
    exchange = Exchange.AGGRESSIVE if connection.aggressive else Exchange.MAIN
    path = call.natt_path if natt else call.path
    sa = room.new_sa(room.cookie() + NO_SPI, path, exchange, now, initiated=True)
    sa.ike = peering.number
    sa.on_natt = natt
    sa.connection = connection
    peering.starting = sa
    mode = aggressive if connection.aggressive else main_mode
    mode.begin(room, sa, now)


def renew(room: Room, peering: Peering, now: float) -> None:
    """A new phase 1 with a peer that we know."""
    if peering.starting is not None or peering.down:
        return
    call = peering.call or _call_back(room, peering)
    if call is None:
        return
    natt = peering.peer is not None and peering.peer.path.local == call.natt_path.local
    if natt and peering.peer is not None:
        call = replace(call, natt_path=peering.peer.path)
    start(room, peering, call, now, natt=natt)


def _call_back(room: Room, peering: Peering) -> Call | None:
    """How to call a peer that called us."""
    peer = peering.peer
    if peer is None:
        return None
    connection = peering.connection or Connection(
        name="",
        version=1,
        local_identity=room.config.identity,
        remote_identity=peer.identity,
        authentication="psk" if peering.psk else "certificate",
        remote_authentication="psk" if peering.psk else "certificate",
        psk=peering.psk,
    )
    return Call(connection, peer.path, peer.path)


def go_on(room: Room, sa: IkeSa, now: float) -> None:
    """Phase 1 is done: begin what waited for it."""
    peering = sa.peering
    if peering is None or not sa.up:
        return
    wanted, peering.wanted = peering.wanted, []
    for replaces in wanted:
        if peering.down:
            return
        if replaces is not None and room.associations.pair(replaces) is None:
            continue
        quick_mode.begin(room, sa, replaces, now)
