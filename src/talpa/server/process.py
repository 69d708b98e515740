"""The server process: start, reload, stop.

Everything is checked before anything of the host is changed, and what is changed is put back: at
the end, or at the next start after a crash.
"""

import asyncio
import contextlib
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, TypeVar

from talpa import sansio
from talpa.aaa import Directory
from talpa.dataplane.interface import DataPlane
from talpa.dataplane.reference.plane import ReferencePlane
from talpa.ike.config import Config as IkeConfig
from talpa.ike.endpoint import Endpoint as IkeEndpoint
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.roles.access import AccessServer
from talpa.roles.ipsec import Ipsec
from talpa.roles.lns import Lns, LnsConfig
from talpa.roles.notices import Notice
from talpa.roles.session import Session
from talpa.server.api_server import ApiServer
from talpa.server.config import build, ipsec_build
from talpa.server.config.loader import ConfigError, load
from talpa.server.config.problems import Problem
from talpa.server.config.schema import Settings
from talpa.server.driver import Driver
from talpa.server.failures import sentence, with_holder
from talpa.server.host import Host, HostError
from talpa.server.key_log import KeyLog
from talpa.server.log import Log
from talpa.server.management import ServerManagement
from talpa.server.passwords import ChangedPasswords
from talpa.server.router_links import RouterLinks
from talpa.server.waiting import in_force, waiting

GOODBYE_SECONDS = 4.0
"""How long peers have to answer our goodbye; a quarter of it for sessions, the rest for tunnels."""
GOODBYE_BATCH = 50
GOODBYE_PAUSE = 0.002
"""How many goodbyes are said at a time, and the seconds in between."""

T = TypeVar("T")


class ServerProcess:
    """One running server."""

    def __init__(self, config_path: Path, settings: Settings) -> None:
        self.config_path = config_path
        self.settings = settings
        self.log = Log(settings.server.log_level, settings.server.log_format)
        self.plane: DataPlane = ReferencePlane(time.monotonic)
        self.host = Host(Path(settings.server.state_dir), "server")
        self._passwords = ChangedPasswords(Path(settings.server.state_dir))
        self.directory = Directory(
            self._passwords.apply(build.users(settings)),
            build.pools(settings),
            rng=os.urandom,
            password_changed=self._passwords.changed,
        )
        self.lns = Lns(
            Endpoint(build.l2tp_config(settings), os.urandom, self._last_data, self._admit),
            self.plane,
            self.directory,
            _lns_config(settings, settings),
            os.urandom,
            self.log.tell,
        )
        self.access = AccessServer(self.lns, self.log.tell)
        self._secure()
        self.driver: Driver | None = None
        self._key_log: KeyLog | None = None
        self._started_with = settings
        self._stopping = asyncio.Event()
        self.lns.links.on_fault = self._link_fault
        self.lns.tracing = settings.server.log_level == "debug"

    def _secure(self) -> None:
        """IPsec, where it is configured."""
        config = ipsec_build.ike_config(self.settings, _wall)
        if config is None:
            return
        endpoint = IkeEndpoint(config, os.urandom, self._last_heard)
        endpoint.on_fault = self._link_fault
        self.access.secure(Ipsec(endpoint, self.plane, self.access))
        self._limit_remote_users()

    def _configure_ipsec(self, config: IkeConfig | None) -> None:
        """Have IKE go on by this configuration. Where we cannot take raw ESP, nobody is to send
        it."""
        if self.access.ipsec is not None and config is not None:
            force_udp = not self.plane.takes_raw
            self.access.ipsec.endpoint.configure(replace(config, force_udp=force_udp))

    def _limit_remote_users(self) -> None:
        self.access.remote.idle_seconds = self.settings.ppp.idle_timeout
        self.access.remote.session_seconds = self.settings.ppp.session_timeout

    def _last_heard(self, association: int) -> float:
        assert self.access.ipsec is not None
        return self.access.ipsec.last_heard(association)

    def _last_data(self, tunnel_id: int) -> float:
        return self.lns.links.tunnel_last_received(tunnel_id)

    def _admit(self, path: sansio.Path, now: float) -> bool:
        return self.lns.admission.let_in(path.remote.host, now)

    async def run(self) -> int:
        """Serve until told to stop; the exit status."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._fault)
        # From here on: a signal during the set-up must not leave half of it behind.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        try:
            for change in self.host.recover():
                text = f"left by a crash, now undone: {change}"
                self.log.tell(Notice("recovered", text, "warning"))
            self._open_key_log()
            self._start_plane()
            self._configure_ipsec(ipsec_build.ike_config(self.settings, _wall))
            self._set_up_host()
            await self._serve()
        finally:
            self.plane.stop()
            if self._key_log is not None:
                self._key_log.close()
            self.host.teardown()
            self.log.sum_up(everything=True)
        return 0

    def _open_key_log(self) -> None:
        directory = self.settings.ipsec.key_log
        if directory is None or self.access.ipsec is None:
            return
        self._key_log = KeyLog(Path(directory), self.log.tell)
        self.access.key_log = self._key_log.write
        text = f"the keys of every IPsec connection go to {directory}: whoever reads it reads all"
        self.log.tell(Notice("key-log", text, "warning"))

    def _start_plane(self) -> None:
        config = build.plane_config(self.settings)
        try:
            self.plane.start(config)
        except OSError as error:
            raise with_holder(error, (*config.listens, *config.ike, *config.natt)) from error

    def reload(self) -> str:
        """Read the configuration again; what it says in one sentence.

        Users, pools and PPP settings are taken over at once, running sessions go on. What is bound
        or made at the start stays until the next one. Raises `ConfigError`, `HostError` and
        `OSError`; then no user sees a change.
        """
        settings = load(self.config_path, self.warn)
        ike_config = ipsec_build.ike_config(settings, _wall)
        started_with = self._started_with
        waits = list(waiting(settings, started_with))
        users = self._passwords.apply(build.users(settings))
        self.host.add_addresses(build.gateways(settings))
        networks = [*build.pool_networks(settings), *self._networks_in_use()]
        links = ipsec_build.link_networks(started_with)
        self.host.reload_pools(networks, started_with.server.masquerade, links)
        self.directory.reload(users, build.pools(settings))
        self.lns.config = _lns_config(settings, started_with)
        kept = len(self.lns.links)
        self._configure_ipsec(ike_config)
        self.settings = settings
        self._limit_remote_users()
        users_read = _counted(len(settings.users), "user")
        text = f"configuration read again: {users_read}, {_counted(len(settings.pools), 'pool')}"
        text += f"; {_counted(kept, 'session')} {'goes' if kept == 1 else 'go'} on"
        if waits:
            text += f"; for the next start wait: {', '.join(waits)}"
        return text

    def _in_force(self) -> Settings:
        return in_force(self.settings, self._started_with)

    def warn(self, problem: Problem) -> None:
        """Log what is questionable about the configuration."""
        self.log.tell(Notice("configuration-warning", str(problem), "warning"))

    def _networks_in_use(self) -> Iterator[IPv4Network | IPv6Network]:
        """Of pools that sessions have addresses from, even if the pool is no more."""
        for session in self.lns.sessions():
            if session.lease is not None:
                spec = session.lease.spec
                yield spec.ipv4
                if spec.ipv6 is not None:
                    yield spec.ipv6
        for user in self.access.remote.users():
            yield user.lease.spec.ipv4
            if user.lease.spec.ipv6 is not None:
                yield user.lease.spec.ipv6

    def _link_fault(self, culprit: str, error: Exception) -> None:
        """Something was raised in the handling of a session or tunnel, which now ends."""
        trace = "".join(traceback.format_exception(error))
        text = f"a fault in talpa itself, in {culprit}, which is ended\n{trace}"
        self.log.tell(Notice("fault", text, "error"))

    def _fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something was raised that nobody caught: the log has it, the server goes on."""
        error = context.get("exception")
        trace = "".join(traceback.format_exception(error)) if error is not None else ""
        self.log.tell(
            Notice("fault", f"a fault in talpa itself: {context['message']}\n{trace}", "error")
        )

    def _set_up_host(self) -> None:
        settings = self.settings
        tun = self.plane.tun
        assert tun is not None
        self.host.setup_server(
            tun,
            mtu=build.plane_config(settings).tun_mtu,
            addresses=build.gateways(settings),
            pool_networks=build.pool_networks(settings),
            link_networks=ipsec_build.link_networks(settings),
            forward=settings.server.forward,
            masquerade=settings.server.masquerade,
        )

    async def _serve(self) -> None:
        self.driver = Driver(self.plane, self.access, time.monotonic)
        links = RouterLinks(self.access, self.plane, self.driver, self.log.tell)
        management = ServerManagement(
            self._in_force, self.access, self.driver, self.reload_aloud, links.states
        )
        api = ApiServer(Path(self.settings.server.socket), management)
        await api.start()
        self.driver.start()
        links.start(ipsec_build.calls(self.settings))
        self._look_after_log()
        self.log.tell(
            Notice(
                "ready",
                f"{self.settings.server.name} answers {self._what_is_answered()} "
                f"({self.plane.name} data plane, {self.plane.tun})",
            )
        )
        try:
            await self._stopping.wait()
            links.stop()
            await self._say_goodbye(self.driver)
        finally:
            links.stop()
            await api.stop()
            self.driver.stop()

    def _what_is_answered(self) -> str:
        parts = []
        if self.access.ipsec is not None:
            addresses = (*self.plane.ike_listens, *self.plane.natt_listens)
            parts.append(f"IPsec on {', '.join(map(str, addresses))}")
        if not self.settings.ipsec.require:
            parts.append(f"L2TP on {', '.join(map(str, self.plane.listens))} in the clear")
        return " and ".join(parts)

    def _look_after_log(self) -> None:
        """Have it say what it left out, also when nothing else happens."""
        self.log.sum_up()
        asyncio.get_running_loop().call_later(self.log.WINDOW, self._look_after_log)

    def reload_aloud(self) -> str:
        """`reload`, with what comes of it in the log."""
        try:
            text = self.reload()
        except (ConfigError, HostError, OSError) as error:
            why = sentence(error) if isinstance(error, OSError) else str(error)
            self.log.tell(Notice("reload-refused", f"the old configuration stays: {why}", "error"))
            raise
        self.log.tell(Notice("reloaded", text))
        return text

    def _hang_up(self) -> None:
        # Whoever sent the signal reads the log.
        with contextlib.suppress(ConfigError, HostError, OSError):
            self.reload_aloud()

    async def _say_goodbye(self, driver: Driver) -> None:
        """LCP Terminate and CDN to every session, then StopCCN to every peer.

        A few at a time: thousands of goodbyes at once would be lost in the sockets of whoever has
        many of the clients, a carrier's LAC or a NAT.
        """
        lns = self.lns
        count = len(lns.links) + len(self.access.remote.users())
        self.log.tell(Notice("stopping", f"saying goodbye to {count} session{'s' * (count != 1)}"))
        started = time.monotonic()
        self.access.stop_accepting()
        sessions_until = started + GOODBYE_SECONDS / 4

        def end_session(session: Session) -> None:
            lns.disconnect(session, "the server is going down", driver.now())

        def end_tunnel(tunnel_id: int) -> None:
            lns.close_tunnel(tunnel_id, "the server is going down", driver.now())

        left = await _paced(driver, lns.sessions(), end_session, sessions_until)
        if not left:
            await _until(lambda: not len(lns.links), sessions_until)
        # StopCCN ends the sessions of its tunnel, too: nobody goes without.
        for tunnel_id in await _paced(
            driver, lns.endpoint.tunnels(), end_tunnel, started + GOODBYE_SECONDS * 3 / 4
        ):
            end_tunnel(tunnel_id)
        driver.turn()
        await _until(lambda: not lns.endpoint.busy, started + GOODBYE_SECONDS)
        await self._end_ipsec(driver, started + GOODBYE_SECONDS * 5 / 4)

    async def _end_ipsec(self, driver: Driver, deadline: float) -> None:
        """Delete every IKE SA: a client that keeps dead ones would not call again for minutes."""
        ipsec = self.access.ipsec
        if ipsec is None:
            return

        def end(number: int) -> None:
            ipsec.endpoint.close(number, "the server is going down", driver.now())

        await _paced(driver, ipsec.endpoint.numbers(), end, deadline)
        driver.turn()


def _wall() -> datetime:
    return datetime.now(UTC)


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' * (count != 1)}"


def _lns_config(settings: Settings, started_with: Settings) -> LnsConfig:
    return LnsConfig(
        build.ppp_config(settings),
        idle_seconds=settings.ppp.idle_timeout,
        session_seconds=settings.ppp.session_timeout,
        duid=build.duid(settings),
        mtu=build.plane_config(started_with).tun_mtu,
    )


async def _paced(
    driver: Driver, items: Sequence[T], act: Callable[[T], None], deadline: float
) -> Sequence[T]:
    """Do something to each, a batch at a time with room for the answers in between; those that
    were left when time was up."""
    for start in range(0, len(items), GOODBYE_BATCH):
        if time.monotonic() > deadline:
            return items[start:]
        for item in items[start : start + GOODBYE_BATCH]:
            act(item)
        driver.turn()
        await asyncio.sleep(GOODBYE_PAUSE)
    return ()


async def _until(done: Callable[[], bool], deadline: float) -> None:
    while not done() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)


def serve(config_path: Path) -> int:
    """Run the server of a configuration file until SIGTERM or SIGINT.

    Raises `ConfigError` before anything is changed, `OSError` or `HostError` with everything put
    back.
    """
    warnings: list[Problem] = []
    settings = load(config_path, warnings.append)

    async def main() -> int:
        process = ServerProcess(config_path, settings)
        for warning in warnings:
            process.warn(warning)
        return await process.run()

    return asyncio.run(main())
