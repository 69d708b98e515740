"""Server and client whole, from role to data plane, as the two ends of a simulated link."""

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from simnet.link import Link, Pair
from simnet.plane import SimPlane
from talpa.aaa import Directory, Pool, User
from talpa.l2tp.config import Config as L2tpConfig
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.config import Credentials
from talpa.roles.client import Client
from talpa.roles.lns import Lns, LnsConfig
from talpa.roles.notices import Notice
from talpa.sansio import Address, Path
from talpa.storm.families import Family
from talpa.storm.report import Report
from talpa.storm.swarm import Plan, Swarm
from talpa.wire import Secret

SERVER = Address("198.18.0.1", 1701)
CLIENT = Address("198.18.0.2", 40_000)

ALICE = User("alice", Secret("correct horse"))
STAFF = Pool("staff", IPv4Network("10.77.0.0/24"), IPv6Network("fd77::/56"))

Datagram = tuple[Path, bytes]


class _End:
    """What both ends share: events from the data plane to the role, datagrams to the link."""

    role: Lns | Client | Swarm
    plane: SimPlane

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.rng: Callable[[int], bytes] = random.Random(seed).randbytes
        self.notices: list[Notice] = []

    def receive(self, datagram: Datagram, now: float) -> None:
        """A datagram came in: the path is turned round."""
        path, data = datagram
        self.now = now
        self.plane.pipeline.from_network(Path(path.remote, path.local), data, now)

    def transmits(self) -> list[Datagram]:
        """Bring everything to rest; the datagrams to send."""
        for event in self.plane.drain():
            self.role.plane_event(event, self.now)
        self.role.settle(self.now)
        return self.plane.pipeline.take_network()

    def next_timeout(self) -> float | None:
        return self.role.next_timeout()

    def handle_timeout(self, now: float) -> None:
        self.now = now
        self.role.handle_timeout(now)


class ServerEnd(_End):
    """An LNS with one user and one pool."""

    role: Lns

    def __init__(
        self,
        seed: int,
        *,
        l2tp: L2tpConfig | None = None,
        ppp: PppConfig | None = None,
        users: tuple[User, ...] = (ALICE,),
        pools: tuple[Pool, ...] = (STAFF,),
        config: LnsConfig | None = None,
    ) -> None:
        super().__init__(seed)
        self.plane = SimPlane(lambda: self.now, SERVER)
        self.directory = Directory(users, pools, rng=self.rng)
        base = config or LnsConfig(PppConfig())
        ppp = ppp or PppConfig(authenticate=("mschapv2", "chap"), name="server")
        endpoint = Endpoint(
            l2tp or L2tpConfig("server"),
            self.rng,
            lambda tunnel: self.role.links.tunnel_last_received(tunnel),
            lambda path, now: self.role.admission.let_in(path.remote.host, now),
        )
        self.role = Lns(
            endpoint,
            self.plane,
            self.directory,
            replace(base, ppp=ppp),
            self.rng,
            self.notices.append,
        )


class ClientEnd(_End):
    """A client that calls the server."""

    role: Client

    def __init__(
        self,
        seed: int,
        *,
        l2tp: L2tpConfig | None = None,
        ppp: PppConfig | None = None,
        password: str = "correct horse",
    ) -> None:
        super().__init__(seed)
        self.plane = SimPlane(lambda: self.now, CLIENT)
        ppp = ppp or PppConfig(
            credentials=Credentials("alice", Secret(password)), ask_address=True, name="alice"
        )
        endpoint = Endpoint(
            l2tp or L2tpConfig("client"),
            self.rng,
            lambda tunnel: self.role.links.tunnel_last_received(tunnel),
        )
        self.role = Client(endpoint, self.plane, ppp, self.rng, self.notices.append)

    def open(self, now: float) -> None:
        """Call the server."""
        self.now = now
        self.role.open(Path(CLIENT, SERVER), now)

    def close(self, now: float) -> None:
        """Hang up."""
        self.now = now
        self.role.close(now)


class SwarmEnd(_End):
    """Many clients of one family, as one end. `said` keeps every datagram they sent."""

    role: Swarm

    def __init__(self, seed: int, family: Family, plan: Plan, report: Report | None = None) -> None:
        super().__init__(seed)
        self.plane = SimPlane(lambda: self.now, CLIENT)
        self.report = report or Report()
        numbers = itertools.count(1)
        self.role = Swarm(family, plan, self.plane, self.rng, self.report, numbers)
        self.role.start(Path(CLIENT, SERVER))
        self.said: list[bytes] = []

    def transmits(self) -> list[Datagram]:
        """See `_End`."""
        out = super().transmits()
        self.said += [data for _, data in out]
        return out

    def dial(self, clients: int, now: float) -> None:
        """Begin so many calls at once."""
        self.now = now
        for _ in range(clients):
            self.role.dial(now)

    def hang_up(self, now: float) -> None:
        """All of them go."""
        self.now = now
        self.report.time_to_go()
        self.role.stop()
        while self.role.hang_up(now):
            pass


def connect(link: Link[Datagram], client: ClientEnd, server: ServerEnd) -> Pair[Datagram]:
    """Both ends on the link, the client calling."""
    pair: Pair[Datagram] = Pair(link, client, server)
    server.now = pair.now
    client.open(pair.now)
    return pair
