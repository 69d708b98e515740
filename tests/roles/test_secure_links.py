"""A link from router to router: when it counts as up and as down, in virtual time."""

from functools import partial
from ipaddress import IPv4Address

import pytest

from simnet.link import Link, Pair
from simnet.secure import KEY, SERVER, START, Packet, SecureServer
from talpa.esp.sa import Mode, Selector
from talpa.ike import events as ike
from talpa.ike.config import Call, Config, Connection, Psk
from talpa.ike.identities import of_address
from talpa.ike.policies import COMPATIBLE
from talpa.roles.access import UNUSED_SECONDS
from talpa.sansio import Address, Path

BRANCH = "198.18.0.2"
HERE = Selector(IPv4Address("10.20.0.0"), IPv4Address("10.20.255.255"))
THERE = Selector(IPv4Address("10.30.0.0"), IPv4Address("10.30.255.255"))


def link_to(name: str, host: str, own: str, mode: Mode, version: int) -> Connection:
    """As the end at `own` has it."""
    tunnel, office = mode is Mode.TUNNEL, own == SERVER
    return Connection(
        name,
        version,
        local_identity=of_address(own),
        remote_identity=of_address(host),
        psk=Psk(KEY, name, identity=of_address(host)),
        mode=mode,
        local=((HERE if office else THERE),) if tunnel else (),
        remote=((THERE if office else HERE),) if tunnel else (),
    )


def _keys(connection: Connection, _remote: str) -> tuple[Psk, ...]:
    return () if connection.psk is None else (connection.psk,)


class Routers:
    """An office that calls a branch, and what it hears of the link."""

    def __init__(self, mode: Mode, version: int) -> None:
        self.connection = link_to("branch", BRANCH, SERVER, mode, version)
        ends = [
            SecureServer(
                seed,
                host=host,
                ike=Config(
                    COMPATIBLE,
                    lambda: START,
                    psks=partial(_keys, connection),
                    connections=(connection,),
                ),
            )
            for seed, host, connection in (
                (1, SERVER, self.connection),
                (2, BRANCH, link_to("office", SERVER, BRANCH, mode, version)),
            )
        ]
        self.office, self.branch = ends
        self.pair: Pair[Packet] = Pair(Link(3), self.office, self.branch)
        self.office.now = self.branch.now = self.pair.now
        self.heard: list[tuple[str, bool]] = []
        self.office.role.on_link = lambda name, *, up, reason: self.heard.append((name, up))
        self.paths = (
            Path(Address(SERVER, 500), Address(BRANCH, 500)),
            Path(Address(SERVER, 4500), Address(BRANCH, 4500)),
        )
        self.number = self.office.ike.open(Call(self.connection, *self.paths), self.pair.now)
        self.pair.run(5)

    def fail(self) -> None:
        """Something of the link fails, while it may be up."""
        event = ike.IkeFailed(
            self.paths[0], None, "CREATE_CHILD_SA", "refused", connection="branch"
        )
        self.office.role.ike_event(event, self.pair.now)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("mode", [Mode.TUNNEL, Mode.TRANSPORT])
def test_a_link_is_down_when_it_has_no_association(mode: Mode, version: int) -> None:
    routers = Routers(mode, version)
    assert routers.heard == [("branch", True)], routers.office.notices
    routers.fail()
    assert routers.heard == [("branch", True)], "new keys may fail while the old are good"
    routers.pair.run(UNUSED_SECONDS * 2)
    assert routers.heard == [("branch", True)], "a link is there to stay, also unused"
    routers.office.ike.close(routers.number, "enough", routers.pair.now)
    routers.pair.run(5)
    assert set(routers.heard[1:]) == {("branch", False)}


def test_a_link_that_never_came_up_is_down() -> None:
    routers = Routers(Mode.TUNNEL, 2)
    routers.heard.clear()
    routers.office.ike.close(routers.number, "enough", routers.pair.now)
    routers.pair.run(5)
    routers.heard.clear()
    routers.fail()
    assert routers.heard == [("branch", False)]
