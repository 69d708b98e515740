"""Children that a peer asks for: by SPIs of its own choosing, with an address of ours, with AH."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ike.v2.ends import Nat, Party, World, config, l2tp
from talpa.crypto.algorithms import GroupId
from talpa.esp.sa import Mode, Selector
from talpa.ike.events import IkeDown
from talpa.ike.v2 import informational
from talpa.ike.v2.child import offers_for, wanted_selectors
from talpa.ike.v2.numbers import Exchange, Kind, NotifyKind
from talpa.ike.v2.payloads import Chain, Contents, notify
from talpa.ike.v2.proposals import esp_proposal
from talpa.ike.v2.sa import IkeSa
from talpa.ike.v2.selectors import of_host, whole
from talpa.sansio import Path

Sides = tuple[tuple[Selector, ...], tuple[Selector, ...]]


class Another:
    """A request for one more child."""

    exchange = Exchange.CREATE_CHILD_SA

    def __init__(self, spi: bytes, selectors: Sides | None = None) -> None:
        self.spi = spi
        self.selectors = selectors
        self.error = 0
        self.answered = False

    def build(self, sa: IkeSa, _now: float) -> Chain:
        local, remote = self.selectors or wanted_selectors(sa)
        chain: list[tuple[Kind, object]] = [
            (Kind.SA, tuple(esp_proposal(o, self.spi) for o in offers_for(sa, GroupId.NONE))),
            (Kind.NONCE, sa.room.shared.rng(32)),
            (Kind.TS_I, local),
            (Kind.TS_R, remote),
        ]
        if self.selectors is None:
            chain.append(notify(NotifyKind.USE_TRANSPORT_MODE))
        return chain

    def done(self, _sa: IkeSa, contents: Contents, _path: Path, _now: float) -> None:
        self.answered = True
        self.error = contents.error.kind if contents.error is not None else 0

    def failed(self, _sa: IkeSa, _reason: str, _now: float) -> None:
        raise AssertionError

    def dropped(self, _sa: IkeSa) -> None: ...


def sa_of(party: Party, number: int) -> IkeSa:
    sa = party.sas._room.current(number)
    assert sa is not None
    return sa


def test_an_spi_stands_for_one_child_and_the_ike_sa_takes_all_with_it() -> None:
    world = World()
    number = world.connect()
    asked = [Another(b"\1\2\3\4") for _ in range(3)]
    for one in asked:
        sa_of(world.left, number).ask(one, world.now)
        world.run(1.0)
    assert [one.error for one in asked] == [0, *[NotifyKind.NO_PROPOSAL_CHOSEN] * 2]
    assert world.right.leftovers()["children"] == 2
    world.left.sas.close(number, "bye", world.now)
    world.run(100.0)
    assert not world.right.carried
    assert not any(world.right.leftovers().values())


def test_what_waits_for_new_keys_ends_with_its_ike_sa() -> None:
    world = World()
    number = world.connect()
    (child,) = sa_of(world.left, number).children.values()
    (theirs,) = sa_of(world.right, world.right.up).children.values()
    child.rekeying = True  # as while its request is under way
    sa_of(world.right, world.right.up).ask(informational.DeleteChild(theirs), world.now)
    world.run(2.0)
    assert world.left.carried
    world.left.sas.close(number, "bye", world.now)
    world.run(100.0)
    assert not world.left.carried
    assert not any(world.left.leftovers().values())


@pytest.mark.parametrize("closer", ["left", "right"])
def test_nothing_is_left_of_new_keys_that_the_end_came_before(closer: str) -> None:
    world = World()
    number = world.connect()
    (association,) = world.right.carried
    (spi,) = world.right.carried[association].pairs
    world.right.sas.expiring(association, spi, 0, world.now)
    party, at = (world.left, number) if closer == "left" else (world.right, world.right.up)
    party.sas.close(at, "bye", world.now)
    world.run(100.0)
    for each in (world.left, world.right):
        assert not any(each.leftovers().values())


@pytest.mark.parametrize("wait", [0.0, 1.0], ids=["at once", "a second later"])
def test_without_a_session_its_address_is_nobodys(wait: float) -> None:
    world = World()
    number = world.connect(l2tp(mode=Mode.TUNNEL, ask_address=True))
    sa = sa_of(world.left, number)
    (child,) = sa.children.values()
    again = Another(b"\1\2\3\4", ((of_host("10.9.0.5"),), (whole(4),)))
    sa.ask(informational.DeleteChild(child), world.now)
    if not wait:
        sa.ask(again, world.now)
    world.run(wait)
    if wait:
        sa.ask(again, world.now)
    world.run(20.0)
    assert not world.right.carried
    assert world.right.of(IkeDown)
    assert not again.answered or again.error


def test_new_keys_of_a_user_leave_the_session() -> None:
    world = World()
    number = world.connect(l2tp(mode=Mode.TUNNEL, ask_address=True))
    (association,) = world.left.carried
    (spi,) = world.left.carried[association].pairs
    world.left.sas.expiring(association, spi, 0, world.now)
    world.run(30.0)
    world.agree()
    assert (number, association) == (world.left.up, next(iter(world.left.carried)))
    assert not world.right.of(IkeDown)


def behind_nat() -> World:
    return World(config(), config(ah=True), nat=Nat())


def in_tunnel_mode() -> World:
    return World(config(), config(ah=True))


@pytest.mark.parametrize(
    ("world_of", "mode"),
    [(behind_nat, Mode.TRANSPORT), (in_tunnel_mode, Mode.TUNNEL)],
    ids=["behind NAT", "tunnel mode"],
)
def test_ah_that_cannot_be_is_refused(world_of: Callable[[], World], mode: Mode) -> None:
    world = world_of()
    world.connect(replace(l2tp(mode=mode, ask_address=mode is Mode.TUNNEL), ah=True))
    assert not world.right.carried
    assert not world.left.carried
    assert "protection" in world.right.failure.reason
