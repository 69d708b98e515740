"""`talpa connect`: one connection to one server, kept up until told to stop."""

import asyncio
import contextlib
import errno
import secrets
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Interface, IPv6Network, ip_address
from itertools import pairwise
from typing import Any

from talpa.dataplane import interface as plane
from talpa.dataplane.reference.plane import ReferencePlane
from talpa.roles.client import Network, Stage
from talpa.roles.notices import Notice
from talpa.sansio import Address
from talpa.server.client_roles import Dialler, plane_config
from talpa.server.config.client import ClientSettings
from talpa.server.driver import Driver
from talpa.server.failures import sentence, with_holder
from talpa.server.host import Host, HostError
from talpa.server.key_log import KeyLog
from talpa.server.log import Log
from talpa.server.resolve import resolve, source_address

GOODBYE_SECONDS = 3.0
MOST_REDIRECTS = 5
"""In a row, after which the server that the user named is called again."""
ROAMING_SECONDS = 5.0
"""How often it is looked whether the way to the server begins at another address of ours."""
IPV4_SECONDS = 2.0
"""How long a connection with IPv6 alone waits for IPv4 before it is told of."""

_PROGRESS = {
    Stage.IKE: "calling the server: keys first",
    Stage.L2TP: "calling the server",
    Stage.CALL: "tunnel is up, placing the call",
    Stage.LCP: "call is up, negotiating the link",
    Stage.AUTHENTICATION: "link is open, authenticating",
    Stage.ADDRESS: "authenticated, waiting for an address",
}

_NOT_BY_THE_SERVER = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),
    IPv4Network("224.0.0.0/3"),
    IPv6Network("::/127"),
    IPv6Network("fe80::/10"),
    IPv6Network("ff00::/8"),
)
"""This machine itself, its link, multicast, broadcast, and whatever holds one of them, as the
default route does: with --default-route it is there anyway."""

_NO_NETWORK = frozenset(
    (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN)
)


class ClientProcess:
    """The process: connects, follows the connection, connects again."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self.log = Log(settings.log_level, settings.log_format)
        self.host = Host(settings.state_dir, "client")
        self._stopping = asyncio.Event()
        self._ever_up = False
        self._began = False
        """The socket and the device could be had once."""
        self._turn = 0
        """Which of the server's addresses is next."""
        self._redirect = ""
        """Whom the server told us to call instead, for the next call alone."""
        self._redirects = 0
        """How often in a row."""

    async def run(self) -> int:
        """Stay connected until SIGTERM or SIGINT; the exit status: 0 when it was ever up.

        Raises `OSError` and `HostError` for what this machine refuses at the first try.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._fault)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        # The terminal was closed. Under nohup that is ignored, and stays so.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, self._stopping.set)
        try:
            for change in self.host.recover():
                self._tell("recovered", f"left by a crash, now undone: {change}", "warning")
            return await self._stay_connected()
        finally:
            self.host.teardown()
            self.log.sum_up(everything=True)

    async def _stay_connected(self) -> int:
        settings = self.settings
        wait = settings.reconnect_first
        while True:
            up, again = await self._once()
            self._ever_up = self._ever_up or up
            if self._stopping.is_set():
                break
            if self._redirect:
                continue
            if not settings.reconnect or not again:
                return 1
            wait = settings.reconnect_first if up else wait
            pause = wait * (0.75 + secrets.randbelow(500) / 1000)
            self._tell("waiting", f"connecting again in {pause:.0f} s (Ctrl-C ends it)")
            if await self._stopped_within(pause):
                break
            wait = min(wait * 2, settings.reconnect_cap)
        return 0 if self._ever_up else 1

    async def _once(self) -> tuple[bool, bool]:
        """One connection from call to end: whether it was up, and whether trying again helps."""
        remote = await self._remote()
        if remote is None:
            return False, True
        connection = Connection(self.settings, self.host, self.log)
        try:
            connection.begin(remote)
            self._began = True
            up, again = await connection.run(self._stopping)
            self._follow(connection.redirected)
        except (OSError, HostError) as error:
            # What this machine refuses at the first try it refuses at every other; but a network
            # that is missing now may come.
            if not (self._began or _passes(error)):
                raise
            self._tell("unreachable", f"{remote}: {_why(error)}", "error")
            up, again = False, True
        finally:
            connection.close()
        if not up:
            self._turn += 1
        return up, again

    def _follow(self, elsewhere: str) -> None:
        """A server may send us elsewhere (RFC 5685), a few times in a row. Whoever answers there
        proves itself as the server that the user named."""
        self._redirects = self._redirects + 1 if elsewhere else 0
        self._redirect = elsewhere if self._redirects <= MOST_REDIRECTS else ""

    async def _remote(self) -> Address | None:
        """The server's address, the next one at every failure; None: there is none now, or it is
        not wanted any more."""
        settings = self.settings
        server, self._redirect = self._redirect or settings.server, ""
        finding = asyncio.ensure_future(resolve(server, settings.port))
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((finding, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not finding.done():
            finding.cancel()
            return None
        try:
            addresses = finding.result()
        except OSError as error:
            text = f"{server} has no address: {_why(error)}: is the name right?"
            self._tell("unresolved", text, "error")
            return None
        return addresses[self._turn % len(addresses)]

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something was raised that nobody caught: the log has it, the client goes on."""
        error = context.get("exception")
        trace = "".join(traceback.format_exception(error)) if error is not None else ""
        text = f"a fault in talpa itself: {context['message']}\n{trace}"
        self._tell("fault", text, "error")

    def _tell(self, name: str, message: str, level: str = "info") -> None:
        self.log.tell(Notice(name, message, level))


class Connection:
    """One connection: data plane, endpoint, role, and what it changed of the host."""

    def __init__(self, settings: ClientSettings, host: Host, log: Log) -> None:
        self._settings = settings
        self._host = host
        self._log = log
        self._plane: plane.DataPlane = ReferencePlane(time.monotonic)
        self._dialler = Dialler(settings, self._plane, self._tell)
        self._client = self._dialler.role
        self._key_log: KeyLog | None = None
        self._client.on_fault = self._link_fault
        self._applied = Network()
        self._refused_routes: set[IPv4Network | IPv6Network] = set()
        """By this machine."""
        self._unwanted_routes: set[IPv4Network | IPv6Network] = set()
        """Sent by the server, and not used."""
        self._was_up = False
        self._said_up = False
        self._saying: asyncio.TimerHandle | None = None
        self._over = asyncio.Event()
        self._failure = ""
        """What this machine refused."""
        self._started = time.monotonic()
        self._remote: Address | None = None
        self._source = ""
        """Our address towards the server."""

    def begin(self, remote: Address) -> None:
        """Open the socket and make the device. Raises `OSError` and `HostError`."""
        settings = self._settings
        self._remote = remote
        self._source = source_address(remote)
        config = plane_config(settings, self._source)
        try:
            self._plane.start(config)
        except OSError as error:
            raise with_holder(error, config.listens) from error
        if settings.ipsec is not None and settings.ipsec.key_log is not None:
            self._key_log = KeyLog(settings.ipsec.key_log, self._log.tell)
            self._dialler.log_keys(self._key_log.write)
            text = f"the keys go to {settings.ipsec.key_log}: whoever reads it reads everything"
            self._say("key-log", text, "warning")
        self._host.pin_peer(ip_address(remote.host))

    @property
    def redirected(self) -> str:
        """Whom the server told us to call instead; empty: nobody."""
        return self._dialler.redirected

    async def run(self, stopping: asyncio.Event) -> tuple[bool, bool]:
        """Until it ends: whether it was up, and whether trying again may help."""
        assert self._remote is not None
        driver = Driver(self._plane, self._client, time.monotonic)
        driver.after_turn = self._follow
        self._dialler.open(self._remote, self._source, driver.now())
        driver.start()
        stopped = False
        roaming = asyncio.ensure_future(self._roam(driver))
        try:
            await _either(self._over, stopping)
            if self._client.stage is not Stage.CLOSED:
                stopped = stopping.is_set() and not self._was_up
                if stopping.is_set():
                    self._say("disconnecting", "disconnecting")
                self._client.close(driver.now())
                driver.turn()
                await _wait(lambda: self._client.stage is Stage.CLOSED, GOODBYE_SECONDS)
            await _wait(lambda: not self._client.busy, 1.0)
        finally:
            roaming.cancel()
            driver.stop()
            if self._saying is not None:
                self._saying.cancel()
        reason = self._failure or self._client.failure or "the connection ended"
        if stopped:
            reason = "stopped before there was a connection"
        self._say("disconnected", reason, "info" if stopping.is_set() else "warning")
        return self._was_up, not self._client.refused

    async def _roam(self, driver: Driver) -> None:
        """Have IPsec follow when this machine goes to another network."""
        assert self._remote is not None
        while True:
            await asyncio.sleep(ROAMING_SECONDS)
            with contextlib.suppress(OSError, HostError):
                source = source_address(self._remote)
                ours = (self._applied.ipv4, *self._applied.ipv6)
                if source != self._source:
                    # The route past the tunnel may have gone with the old address.
                    self._host.pin_peer(ip_address(self._remote.host))
                    source = source_address(self._remote)
                if ip_address(source) not in ours and self._dialler.moved(source, driver.now()):
                    self._source = source
                    self._say("moved", f"this machine is {source} now: the server is told")
                    driver.turn()

    def close(self) -> None:
        """Give back what was changed of the host, then the device."""
        self._host.recover()
        self._plane.stop()
        if self._key_log is not None:
            self._key_log.close()

    def _follow(self) -> None:
        """After each turn: apply what is new."""
        client = self._client
        if client.changed and not self._over.is_set():
            client.changed = False
            try:
                self._apply(client.network)
            except HostError as error:
                self._failure = str(error)
                self._over.set()
        if client.stage is Stage.CLOSED:
            self._over.set()

    def _apply(self, network: Network) -> None:
        """Make the host look like what the server gave us."""
        settings, before = self._settings, self._applied
        tun = self._plane.tun
        assert tun is not None
        self._applied = network
        if (before.ipv4 or network.ipv4) != network.ipv4:
            self._start_afresh()
            before = Network()
        addresses6: list[IPv6Interface | IPv6Address] = list(network.ipv6)
        if network.link_local is not None:
            addresses6.append(IPv6Interface((network.link_local, 64)))
        routes = [*settings.routes, *self._server_routes(network)]
        if settings.default_route:
            routes += _everywhere(network)
        self._host.setup_client(tun, network.mtu, network.ipv4, network.peer, addresses6)
        for route in routes:
            self._add_route(route)
        names = network.dns, network.search
        if settings.use_dns and network.dns and names != (before.dns, before.search):
            self._use_name_servers(network)
        self._was_up = self._was_up or network.ipv4 is not None or network.link_local is not None
        if network.ipv4 is not None and not self._said_up:
            self._say_up()
        elif self._said_up and network.ipv6 and network.ipv6 != before.ipv6:
            self._say_ipv6(network)
        elif self._was_up and not self._said_up and self._saying is None:
            loop = asyncio.get_running_loop()
            self._saying = loop.call_later(IPV4_SECONDS, self._say_up)

    def _server_routes(self, network: Network) -> Iterator[IPv4Network | IPv6Network]:
        """Those that the server sends, without what it has no business with."""
        if not self._settings.server_routes:
            return
        assert self._remote is not None
        server = ip_address(self._remote.host)
        sent: list[IPv4Network | IPv6Network] = [*network.routes6]
        sent += [route.network for route in network.routes]
        for route in sent:
            if server in route or any(route.overlaps(own) for own in _NOT_BY_THE_SERVER):
                if route not in self._unwanted_routes:
                    self._unwanted_routes.add(route)
                    self._say_unreached(route, "the server may not send this route")
            else:
                yield route

    def _use_name_servers(self, network: Network) -> None:
        """A connection by which names are not resolved is better than none."""
        everything = self._settings.default_route
        try:
            self._host.set_dns(network.dns, network.search, everything=everything)
        except (HostError, ValueError) as error:
            self._say("name-servers", f"the server's name servers are not used: {error}", "warning")

    def _add_route(self, route: IPv4Network | IPv6Network) -> None:
        """One that this machine has already, such as its own network at home, is done without."""
        if route in self._refused_routes:
            return
        try:
            self._host.add_routes([route])
        except HostError as error:
            self._refused_routes.add(route)
            self._say_unreached(route, str(error))

    def _say_unreached(self, route: IPv4Network | IPv6Network, why: str) -> None:
        text = f"{route} is not reached through the tunnel: {why}"
        self._say("route-refused", text, "warning")

    def _start_afresh(self) -> None:
        """Another address than before: what belonged to the old one goes."""
        assert self._remote is not None
        self._host.recover()
        self._host.pin_peer(ip_address(self._remote.host))

    def _say_up(self) -> None:
        if self._said_up:
            return
        self._said_up = True
        network = self._applied
        stages = self._client.stages
        spent = ", ".join(
            f"{stage.value} {(later - at) * 1000:.0f} ms"
            for (stage, at), (_, later) in pairwise(stages)
        )
        self._say(
            "connected",
            f"connected to {self._settings.server} as {network.ipv4 or network.link_local} on "
            f"{self._plane.tun} in {stages[-1][1] - self._started:.2f} s ({spent})",
        )
        if network.ipv6:
            self._say_ipv6(network)
        servers = ", ".join(map(str, network.dns))
        if servers and self._settings.use_dns:
            self._say("name-servers", f"name servers: {servers}")
        elif servers:
            text = f"name servers offered: {servers}; left alone (--no-dns)"
            self._say("name-servers", text)

    def _say_ipv6(self, network: Network) -> None:
        self._say("ipv6", f"IPv6: {', '.join(str(a) for a in network.ipv6)}")

    def _link_fault(self, culprit: str, error: Exception) -> None:
        trace = "".join(traceback.format_exception(error))
        self._say("fault", f"a fault in talpa itself, in {culprit}\n{trace}", "error")

    def _tell(self, notice: Notice) -> None:
        """Stages become sentences, too; everything goes to the log as it is."""
        if notice.name == "stage":
            text = _PROGRESS.get(self._client.stage)
            if text:
                self._say("progress", f"{self._settings.server}: {text}")
        self._log.tell(notice)

    def _say(self, name: str, message: str, level: str = "info") -> None:
        self._log.tell(Notice(name, message, level))


def _passes(error: Exception) -> bool:
    """Whether an error may be over at the next try, although nothing was changed here."""
    return isinstance(error, OSError) and error.errno in _NO_NETWORK


def _why(error: OSError | HostError) -> str:
    return sentence(error) if isinstance(error, OSError) else str(error)


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
