"""A swarm with IPsec and a real server on a simulated link, each caller on ports of its own."""

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime

from simnet.link import Link, Pair
from simnet.plane import SimPlane
from simnet.secure import KEY, SERVER, Packet, SecureServer, _End
from storm.crowd import CROWD, PLAN, POOL
from talpa.ike.config import Config, Lifetimes, Policy, Psk, Weakness
from talpa.ike.events import KeysMade
from talpa.ike.policies import COMPATIBLE
from talpa.sansio import Address, Path
from talpa.storm.families import FAMILIES
from talpa.storm.report import Report
from talpa.storm.security import SecurityPlan
from talpa.storm.swarm import Swarm

NAT = "198.18.7.7"
NATT_FROM = 40_000
"""The first of the outer ports for port 4500; those for port 500 are below."""
START = datetime(2026, 11, 1, tzinfo=UTC)
NEEDS = {
    "android": (Weakness("modp1024", "android", date(2027, 1, 1)),),
    "routeros": (Weakness("pfs-modp1024", "routeros"),),
}
"""What a family needs beyond the policy `compatible`."""


def policy_for(family: str) -> Policy:
    """The strictest that takes the family."""
    return replace(COMPATIBLE, weak=NEEDS.get(family, ()))


class SecureSwarmEnd(_End):
    """Many clients as one end: all are seen at one address, that of their NAT."""

    role: Swarm  # type: ignore[assignment]

    def __init__(
        self, seed: int, family: str, clients: int, security: SecurityPlan, **plan: object
    ) -> None:
        super().__init__(seed, NAT)
        ports = range(20_000, 20_000 + clients)
        self.plane = SimPlane(
            lambda: self.now,
            Address(NAT, 1701),
            ike=tuple(Address(NAT, port) for port in ports),
            natt=tuple(Address(NAT, port + NATT_FROM - 20_000) for port in ports),
            accept_clear=False,
        )
        self.report = Report()
        wish = replace(PLAN, security=security, **plan)  # type: ignore[arg-type]
        numbers = itertools.count(1)
        self.role = Swarm(FAMILIES[family], wish, self.plane, self.rng, self.report, numbers)
        self.role.start(Path(self.plane.ike_listens[0], Address(SERVER, 1701)))


class Tape(Link[Packet]):
    """A link that remembers what was sent on it."""

    def __init__(self) -> None:
        super().__init__(3, delay=(0.01, 0.01))
        self.taped: list[Packet] = []

    def send(self, direction: int, payload: Packet, now: float) -> None:
        """See `Link`."""
        self.taped.append(payload)
        super().send(direction, payload, now)


class EchoServer(SecureServer):
    """With a kernel that answers pings."""

    def transmits(self) -> list[Packet]:
        """See `_End`."""
        out = super().transmits()
        for packet in self.plane.take_tun():
            self.plane.pipeline.from_tun(_echo(packet), self.now)
        return out + super().transmits()


def _echo(request: bytes) -> bytes:
    """The reply to an ICMP echo request; what changes in the checksum is the type alone."""
    checksum = (int.from_bytes(request[22:24], "big") + 0x0800) % 0xFFFF
    head = request[:12] + request[16:20] + request[12:16]
    return head + b"\0\0" + checksum.to_bytes(2, "big") + request[24:]


class SecureCrowd:
    """Clients of one family, and what they call. Waits, calls and hangs up as `Crowd` does."""

    def __init__(
        self,
        family: str,
        clients: int,
        *,
        seed: int = 2,
        version: int = 1,
        lifetimes: Lifetimes | None = None,
        server: EchoServer | None = None,
        policy: Policy | None = None,
        key_log: bool = False,
        **plan: object,
    ) -> None:
        ike = Config(
            policy=policy or policy_for(family),
            wall=lambda: START,
            psks=lambda _remote: (Psk(KEY),),
            key_log=key_log,
        )
        self.clients = clients
        self.keys: list[tuple[str, str]] = []
        """Table and line of what the server logged of keys."""
        self.server = server or EchoServer(1, ike=ike, users=(CROWD,), pools=(POOL,))
        self.server.role.key_log = self._key
        security = SecurityPlan(KEY, version, lifetimes)
        self.swarm = SecureSwarmEnd(seed, family, clients, security, **plan)
        self.link = Tape()
        self.pair: Pair[Packet] = Pair(self.link, self.swarm, self.server)
        self.server.now = self.pair.now
        self.report = self.swarm.report

    def call(self, start: float | None = None) -> "SecureCrowd":
        """All of them begin to call."""
        self.pair.now = start or self.pair.now
        self.swarm.now = self.pair.now
        for _ in range(self.clients):
            self.swarm.role.dial(self.pair.now)
        return self

    def run(self, seconds: float) -> "SecureCrowd":
        """Let time pass."""
        self.pair.run(seconds, most_steps=500_000)
        return self

    def all_up(self, seconds: float = 30) -> bool:
        """Whether all are up within that time."""
        return self.pair.run(
            seconds, until=lambda: self.swarm.role.up == self.clients, most_steps=500_000
        )

    def hang_up(self, seconds: float = 5) -> "SecureCrowd":
        """All of them go."""
        self.swarm.now = self.pair.now
        self.report.time_to_go()
        self.swarm.role.stop()
        while self.swarm.role.hang_up(self.pair.now):
            pass
        return self.run(seconds)

    def _key(self, made: KeysMade) -> None:
        self.keys.append((made.table, made.line))

    def said(self) -> list[bytes]:
        """What the clients sent, in order."""
        return [data for path, _, data in self.link.taped if path.local.host == NAT]
