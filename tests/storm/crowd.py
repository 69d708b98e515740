"""A swarm and a real server on a simulated link."""

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from simnet.link import Link, Pair
from simnet.stack import Datagram, ServerEnd, SwarmEnd
from talpa.aaa import Pool, User
from talpa.ppp.config import Config as PppConfig
from talpa.storm.families import FAMILIES
from talpa.storm.swarm import Plan
from talpa.wire import Secret

CROWD = User("crowd", Secret("correct horse"))
POOL = Pool("crowd", IPv4Network("10.64.0.0/16"), IPv6Network("fd64::/48"))
PPP = PppConfig(authenticate=("mschapv2", "chap"), name="server")
PLAN = Plan(clients=1, rate=1.0, user="crowd", password=CROWD.password)


class Crowd:
    """Clients of one family, and what they call."""

    def __init__(
        self,
        family: str,
        *,
        server: ServerEnd | None = None,
        link: Link[Datagram] | None = None,
        **plan: object,
    ) -> None:
        self.server = server or ServerEnd(1, ppp=PPP, users=(CROWD,), pools=(POOL,))
        self.swarm = SwarmEnd(2, FAMILIES[family], replace(PLAN, **plan))  # type: ignore[arg-type]
        self.link = link or Link(3, delay=(0.01, 0.01))
        self.pair: Pair[Datagram] = Pair(self.link, self.swarm, self.server)
        self.server.now = self.pair.now
        self.report = self.swarm.report

    def call(self, clients: int = 1) -> "Crowd":
        """So many begin to call."""
        self.swarm.dial(clients, self.pair.now)
        return self

    def run(self, seconds: float) -> "Crowd":
        """Let time pass."""
        self.pair.run(seconds, most_steps=500_000)
        return self

    def all_up(self, clients: int, seconds: float = 60) -> bool:
        """Whether so many are up within that time."""
        return self.pair.run(
            seconds, until=lambda: self.swarm.role.up == clients, most_steps=500_000
        )

    def hang_up(self, seconds: float = 5) -> "Crowd":
        """All of them go."""
        self.swarm.hang_up(self.pair.now)
        return self.run(seconds)

    def replace_server(self) -> None:
        """The server is gone without a word, and a new one stands in its place."""
        self.server = ServerEnd(9, ppp=PPP, users=(CROWD,), pools=(POOL,))
        self.server.now = self.pair.now
        self.pair.ends = (self.swarm, self.server)

    def addresses(self) -> set[str]:
        """The IPv4 addresses that the server has given out."""
        sessions = self.server.role.sessions()
        return {str(session.lease.ipv4) for session in sessions if session.lease is not None}
