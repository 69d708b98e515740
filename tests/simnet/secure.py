"""Server and client whole, with IPsec below, as the ends of a simulated link; NATs if wished."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from simnet.link import Link, Pair
from simnet.plane import SimPlane
from simnet.stack import ALICE, STAFF
from talpa.aaa import Directory, Pool, User
from talpa.ike.config import Call, Config, Connection, Psk
from talpa.ike.endpoint import Endpoint as IkeEndpoint
from talpa.ike.identities import of_address
from talpa.ike.policies import COMPATIBLE
from talpa.l2tp.config import Config as L2tpConfig
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.config import Credentials
from talpa.roles.access import AccessServer
from talpa.roles.client import Client
from talpa.roles.ipsec import Ipsec
from talpa.roles.ipsec_client import L2tpIpsecClient
from talpa.roles.lns import Lns, LnsConfig
from talpa.roles.notices import Notice
from talpa.sansio import Address, Path
from talpa.wire import Secret

SERVER = "198.18.0.1"
KEY = Secret("a key that both ends have been told")
START = datetime(2026, 11, 1, tzinfo=UTC)

Packet = tuple[Path, int, bytes]
"""Path, IP protocol (17 or 50), payload."""


class Nat:
    """Translates the addresses of one host behind it: each inner port gets an outer one.

    `forward`: the host inside whose IKE ports are reached from outside under the same numbers.
    """

    def __init__(self, public: str, first_port: int = 20_000, *, forward: str = "") -> None:
        self.public = public
        self._next = first_port
        self._out: dict[Address, Address] = {}
        self._in: dict[Address, Address] = {}
        for port in (500, 4500) if forward else ():
            self._out[Address(forward, port)] = Address(public, port)
            self._in[Address(public, port)] = Address(forward, port)

    def forget(self) -> None:
        """All bindings are gone, as after a restart: the next packet makes new ones."""
        self._out.clear()
        self._in.clear()

    def outward(self, packet: Packet) -> Packet:
        """A packet of the host's leaves."""
        path, protocol, data = packet
        inner = path.local
        if inner not in self._out:
            self._next += 1
            self._out[inner] = Address(self.public, self._next)
            self._in[self._out[inner]] = inner
        return path._replace(local=self._out[inner]), protocol, data

    def inward(self, packet: Packet) -> Packet | None:
        """A packet comes for the host, whose way in is known only if it sent before."""
        path, protocol, data = packet
        inner = self._in.get(path.local)
        return None if inner is None else (path._replace(local=inner), protocol, data)


class _End:
    """What both ends share."""

    role: AccessServer | L2tpIpsecClient

    def __init__(self, seed: int, host: str, *, nat: Nat | None = None) -> None:
        self.now = 0.0
        self.host = host
        self.nat = nat
        self.rng: Callable[[int], bytes] = random.Random(seed).randbytes
        self.notices: list[Notice] = []
        self.plane = SimPlane(
            lambda: self.now,
            Address(host, 1701),
            ike=(Address(host, 500),),
            natt=(Address(host, 4500),),
            accept_clear=False,
        )

    def receive(self, packet: Packet, now: float) -> None:
        """A packet came in: the path is turned round."""
        self.now = now
        path, protocol, data = packet
        turned: Packet | None = (Path(path.remote, path.local), protocol, data)
        if self.nat is not None:
            turned = self.nat.inward(turned) if turned is not None else None
        if turned is None:
            return
        if protocol == 17:
            self.plane.deliver(turned[0], data)
        else:
            self.plane.deliver_raw(turned[0], protocol, data)

    def transmits(self) -> list[Packet]:
        """Bring everything to rest; the packets to send."""
        for event in self.plane.drain():
            self.role.plane_event(event, self.now)
        self.role.settle(self.now)
        out: list[Packet] = [(path, 17, data) for path, data in self.plane.take_network()]
        out += self.plane.take_raw()
        return [self.nat.outward(p) for p in out] if self.nat is not None else out

    def next_timeout(self) -> float | None:
        return self.role.next_timeout()

    def handle_timeout(self, now: float) -> None:
        self.now = now
        self.role.handle_timeout(now)

    def said(self, name: str) -> list[Notice]:
        """The notices of that name."""
        return [notice for notice in self.notices if notice.name == name]


class SecureServer(_End):
    """An access server with one user, one pool, and a key for all."""

    role: AccessServer

    def __init__(
        self,
        seed: int,
        *,
        ike: Config | None = None,
        users: tuple[User, ...] = (ALICE,),
        pools: tuple[Pool, ...] = (STAFF,),
        nat: Nat | None = None,
        host: str = SERVER,
    ) -> None:
        super().__init__(seed, host, nat=nat)
        self.directory = Directory(users, pools, rng=self.rng)
        lns = Lns(
            Endpoint(
                L2tpConfig("server"),
                self.rng,
                lambda tunnel: self.role.lns.links.tunnel_last_received(tunnel),
                lambda path, now: self.role.lns.admission.let_in(path.remote.host, now),
            ),
            self.plane,
            self.directory,
            LnsConfig(PppConfig(authenticate=("mschapv2",), name="server")),
            self.rng,
            self.notices.append,
        )
        self.role = AccessServer(lns, self.notices.append)
        config = ike or Config(policy=COMPATIBLE, wall=lambda: START)
        if ike is None or config.psks("198.18.0.2") == ():
            config = replace(config, psks=lambda _remote: (Psk(KEY),))
        self.ike = IkeEndpoint(config, self.rng, self._last_heard)
        self.role.secure(Ipsec(self.ike, self.plane, self.role))

    def _last_heard(self, number: int) -> float:
        assert self.role.ipsec is not None
        return self.role.ipsec.last_heard(number)


class SecureClient(_End):
    """A client that calls the server by L2TP over IPsec."""

    role: L2tpIpsecClient

    def __init__(
        self,
        seed: int,
        host: str = "198.18.0.2",
        *,
        version: int = 1,
        nat: Nat | None = None,
        ike: Config | None = None,
        connection: Connection | None = None,
        password: str = "correct horse",
        user: str = "alice",
        key: Secret = KEY,
    ) -> None:
        super().__init__(seed, host, nat=nat)
        self.connection = connection or Connection(
            "server", version, local_identity=of_address(host), psk=Psk(key)
        )
        client = Client(
            Endpoint(
                L2tpConfig("client"),
                self.rng,
                lambda tunnel: self.role.client.links.tunnel_last_received(tunnel),
            ),
            self.plane,
            PppConfig(credentials=Credentials(user, Secret(password)), ask_address=True, name=user),
            self.rng,
            self.notices.append,
        )
        config = ike or Config(policy=COMPATIBLE, wall=lambda: START, l2tp=False)
        self.ike = IkeEndpoint(config, self.rng, lambda n: self.role.ipsec.last_heard(n))
        self.role = L2tpIpsecClient(client, self.ike, self.notices.append)

    def open(self, now: float, server: str = SERVER) -> None:
        """Call the server."""
        self.now = now
        call = Call(
            self.connection,
            Path(Address(self.host, 500), Address(server, 500)),
            Path(Address(self.host, 4500), Address(server, 4500)),
        )
        self.role.open(call, now)

    def close(self, now: float) -> None:
        """Hang up."""
        self.now = now
        self.role.close(now)


def connect(link: Link[Packet], client: SecureClient, server: SecureServer) -> Pair[Packet]:
    """Both ends on the link, the client calling."""
    pair: Pair[Packet] = Pair(link, client, server)
    server.now = pair.now
    client.open(pair.now)
    return pair
