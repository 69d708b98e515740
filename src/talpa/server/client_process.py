"""`talpa connect`: one connection to one server, kept up until told to stop."""

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Address, IPv6Interface, IPv6Network, ip_address
from itertools import pairwise

from talpa.dataplane import interface as plane
from talpa.dataplane.reference.plane import ReferencePlane
from talpa.l2tp.config import Config as L2tpConfig
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.config import Credentials
from talpa.roles.client import Client, Network, Stage
from talpa.roles.notices import Notice
from talpa.sansio import Address, Path
from talpa.server.config.client import ClientSettings
from talpa.server.driver import Driver
from talpa.server.host import Host
from talpa.server.log import Log
from talpa.server.resolve import resolve, source_address

GOODBYE_SECONDS = 4.0

_PROGRESS = {
    Stage.L2TP: "calling the server",
    Stage.CALL: "tunnel is up, placing the call",
    Stage.LCP: "call is up, negotiating the link",
    Stage.AUTHENTICATION: "link is open, authenticating",
    Stage.ADDRESS: "authenticated, waiting for an address",
}


class ClientProcess:
    """The process: connects, follows the connection, connects again."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self.log = Log(settings.log_level, settings.log_format)
        self.host = Host(settings.state_dir, "client")
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        """Stay connected until SIGTERM or SIGINT; the exit status: 0 when it was ever up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        self.host.recover()
        wait = self.settings.reconnect_first
        ever_up = False
        try:
            while True:
                up, again = await self._once()
                ever_up = ever_up or up
                if self._stopping.is_set():
                    break
                if not self.settings.reconnect or not again:
                    return 1
                wait = self.settings.reconnect_first if up else wait
                pause = wait * (0.75 + secrets.randbelow(500) / 1000)
                self._tell("waiting", f"connecting again in {pause:.0f} s")
                await self._sleep(pause)
                if self._stopping.is_set():
                    break
                wait = min(wait * 2, self.settings.reconnect_cap)
            return 0 if ever_up else 1
        finally:
            self.host.teardown()

    async def _once(self) -> tuple[bool, bool]:
        """One connection from call to end: whether it was up, and whether trying again helps."""
        try:
            remote = await resolve(self.settings.server, self.settings.port)
        except OSError as error:
            self._tell(
                "unresolved", f"{self.settings.server}: {error}: is the name right?", "error"
            )
            return False, True
        connection = Connection(self.settings, self.host, self.log)
        try:
            return await connection.run(remote, self._stopping)
        except OSError as error:
            self._tell("unreachable", f"{remote}: {error}", "error")
            return False, True
        finally:
            connection.close()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _tell(self, name: str, message: str, level: str = "info") -> None:
        self.log.tell(Notice(name, message, level))


class Connection:
    """One connection: data plane, endpoint, role, and what it changed of the host."""

    def __init__(self, settings: ClientSettings, host: Host, log: Log) -> None:
        self._settings = settings
        self._host = host
        self._log = log
        self._plane: plane.DataPlane = ReferencePlane(time.monotonic)
        secret = settings.tunnel_secret
        self._client = Client(
            Endpoint(
                L2tpConfig(
                    host_name=settings.name or socket.gethostname(),
                    secret_for=lambda _name: secret,
                ),
                os.urandom,
                self._last_data,
            ),
            self._plane,
            PppConfig(
                mru=settings.mru,
                accept=settings.methods,
                credentials=Credentials(settings.user, settings.password),
                name=settings.user,
                ipv6=settings.ipv6,
                ask_address=True,
                echo_interval=settings.echo_interval,
            ),
            os.urandom,
            self._tell,
        )
        self._applied = Network()
        self._was_up = False
        self._over = asyncio.Event()
        self._started = time.monotonic()

    async def run(self, remote: Address, stopping: asyncio.Event) -> tuple[bool, bool]:
        """Until it ends: whether it was up, and whether trying again may help."""
        settings = self._settings
        local = source_address(remote)
        self._plane.start(
            plane.Config(
                listens=(Address(local, settings.local_port),),
                tun=settings.tun,
                tun_mtu=settings.mru,
            )
        )
        self._host.pin_peer(ip_address(remote.host))
        driver = Driver(self._plane, self._client, time.monotonic)
        driver.after_turn = self._follow
        path = Path(self._plane.listens[0], remote)
        self._client.open(path, driver.now())
        driver.start()
        try:
            await _either(self._over, stopping)
            if not self._over.is_set():
                self._say("disconnecting", "disconnecting")
                self._client.close(driver.now())
                driver.turn()
                await _wait(self._over.is_set, GOODBYE_SECONDS)
            await _wait(lambda: not self._client.endpoint.busy, 1.0)
        finally:
            driver.stop()
        reason = self._client.failure or "the connection ended"
        self._say("disconnected", reason, "info" if stopping.is_set() else "warning")
        return self._was_up, not self._client.refused

    def close(self) -> None:
        """Give back what was changed of the host, then the device."""
        self._host.recover()
        self._plane.stop()

    def _last_data(self, tunnel_id: int) -> float:
        return self._client.links.tunnel_last_received(tunnel_id)

    def _follow(self) -> None:
        """After each turn: apply what is new."""
        client = self._client
        if client.changed:
            client.changed = False
            self._apply(client.network)
        if client.stage is Stage.CLOSED:
            self._over.set()

    def _apply(self, network: Network) -> None:
        """Make the host look like what the server gave us."""
        settings, before = self._settings, self._applied
        tun = self._plane.tun
        assert tun is not None
        self._applied = network
        addresses6: list[IPv6Interface | IPv6Address] = list(network.ipv6)
        if network.link_local is not None:
            addresses6.append(IPv6Interface((network.link_local, 64)))
        routes = [*settings.routes, *(r.network for r in network.routes)]
        if settings.default_route:
            routes += _everywhere(network)
        self._host.setup_client(tun, network.mtu, network.ipv4, network.peer, addresses6, routes)
        if settings.use_dns and network.dns and network.dns != before.dns:
            self._host.set_dns(network.dns, network.search, everything=settings.default_route)
        if network.ipv4 is not None and not self._was_up:
            self._was_up = True
            self._say_up(network)
        elif network.ipv6 and network.ipv6 != before.ipv6:
            self._say("ipv6", f"IPv6: {', '.join(str(a) for a in network.ipv6)}")

    def _say_up(self, network: Network) -> None:
        stages = self._client.stages
        spent = ", ".join(
            f"{stage.value} {(later - at) * 1000:.0f} ms"
            for (stage, at), (_, later) in pairwise(stages)
        )
        self._say(
            "connected",
            f"connected to {self._settings.server} as {network.ipv4} on "
            f"{self._plane.tun} in {time.monotonic() - self._started:.2f} s ({spent})",
        )
        if network.dns:
            self._say("name-servers", f"name servers: {', '.join(str(d) for d in network.dns)}")

    def _tell(self, notice: Notice) -> None:
        """Stages become sentences; anything else goes to the log as it is."""
        if notice.name == "stage":
            text = _PROGRESS.get(self._client.stage)
            if text:
                self._say("progress", f"{self._settings.server}: {text}")
            return
        self._log.tell(notice)

    def _say(self, name: str, message: str, level: str = "info") -> None:
        self._log.tell(Notice(name, message, level))


def _everywhere(network: Network) -> list[IPv4Network | IPv6Network]:
    """The default routes of the protocols that are up."""
    routes: list[IPv4Network | IPv6Network] = []
    if network.ipv4 is not None:
        routes.append(IPv4Network("0.0.0.0/0"))
    if network.ipv6:
        routes.append(IPv6Network("::/0"))
    return routes


def connect(settings: ClientSettings) -> int:
    """Connect and stay connected; the exit status. Raises `OSError` and `HostError`."""

    async def main() -> int:
        return await ClientProcess(settings).run()

    return asyncio.run(main())


async def _either(*events: asyncio.Event) -> None:
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _wait(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
