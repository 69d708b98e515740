"""Where a peer is reached: it is followed by what nobody can have recorded, and by nothing else."""

from talpa.ike.events import AssociationMoved
from talpa.ike.v1.numbers import Notify
from talpa.sansio import Address, Path

from .rig import CLIENT, SERVER, Wire

OUTSIDE = "198.18.0.99"
ELSEWHERE = Path(Address(SERVER, 4500), Address("198.18.77.66", 31_337))


def behind_nat() -> Wire:
    wire = Wire(nat=lambda a: Address(OUTSIDE, a.port + 20_000))
    wire.open()
    return wire


def asked(wire: Wire, number: int) -> bytes:
    """A question of the client whether the server is there, on its way."""
    room = wire.client.room()
    (sa,) = room.by_uid.values()
    room.notify(sa, Notify.R_U_THERE, sa.cookies, number.to_bytes(4, "big"))
    ((_, data),) = wire.client.shared.out
    return bytes(data)


def test_an_old_message_sent_again_moves_nobody() -> None:
    wire = behind_nat()
    old = asked(wire, 1)
    wire.settle()
    # So many that the server does not know the number of the first exchange any more.
    for number in range(2, 80):
        asked(wire, number)
        wire.settle()
    wire.server.receive(ELSEWHERE, old, wire.now)
    wire.server.take()
    assert not wire.server.of(AssociationMoved)


def test_an_old_message_of_quick_mode_sent_again_moves_nobody() -> None:
    wire = Wire(nat=lambda a: Address(OUTSIDE, a.port + 20_000))
    seen: list[bytes] = []

    def note(to: str, data: bytes) -> list[bytes]:
        if to == "server" and data[18] == 32:
            seen.append(data)
        return [data]

    wire.change = note
    wire.open()
    for number in range(1, 80):
        asked(wire, number)
        wire.settle()
    wire.server.receive(ELSEWHERE, seen[0], wire.now)
    wire.server.take()
    assert not wire.server.of(AssociationMoved)


def test_a_new_question_from_a_new_port_moves_the_peer() -> None:
    wire = behind_nat()
    asked(wire, 7)
    wire.nat = lambda a: Address(OUTSIDE, a.port + 30_000)
    wire.settle()
    (moved,) = wire.server.of(AssociationMoved)
    assert moved.path.remote == Address(OUTSIDE, 34_500)


def test_quick_mode_through_a_new_binding_comes_to_its_end_and_moves_the_peer() -> None:
    wire = behind_nat()
    wire.nat = lambda a: Address(OUTSIDE, a.port + 30_000)
    (added,) = wire.client.inbound.values()
    (association,) = wire.client.associations
    wire.client.sas.expiring(association, added.inbound.spi, 0, wire.now)
    wire.settle()
    assert wire.server.of(AssociationMoved)[-1].path.remote == Address(OUTSIDE, 34_500)
    assert len(wire.server.inbound) == 2
    assert wire.agree()


def test_packets_from_elsewhere_move_only_a_peer_that_is_behind_nat() -> None:
    wire = behind_nat()
    (association,) = wire.client.associations
    from_elsewhere = ELSEWHERE._replace(local=Address(CLIENT, 4500))
    assert wire.client.sas.heard_from(association, from_elsewhere, wire.now)
    wire.client.take()
    assert not wire.client.of(AssociationMoved)
    (association,) = wire.server.associations
    assert wire.server.sas.heard_from(association, ELSEWHERE, wire.now)
    wire.server.take()
    assert wire.server.of(AssociationMoved)[0].path == ELSEWHERE
