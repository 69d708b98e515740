"""The process behind `talpa storm`: dials at a given rate, holds, hangs up, reports."""

import asyncio
import itertools
import os
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from talpa.dataplane import interface as plane
from talpa.dataplane.reference.plane import ReferencePlane
from talpa.sansio import Address, Path
from talpa.server.driver import Driver
from talpa.server.resolve import resolve, source_address
from talpa.storm.families import Family
from talpa.storm.report import Report
from talpa.storm.security import SOCKETS_EACH
from talpa.storm.swarm import Plan, Swarm

TICK = 0.01
"""Seconds between two looks at how many calls are due."""
GOODBYES_AT_ONCE = 5
"""Clients that hang up in a tick: a server should be able to hear them out."""
LAST_ANSWERS = 1.0
"""Seconds between the last ping and the first goodbye: what is not answered then is lost."""
SETTLE_SECONDS = 5.0
"""How long the last of them may take to hang up."""

_EACH_BUFFER = 256 << 10
"""Octets of receive buffer of a socket that one client has for itself."""
_OTHER_FILES = 64
"""That a process has open beside its sockets, at most."""


@dataclass(frozen=True, slots=True)
class Storm:
    """One run."""

    server: str
    port: int
    families: tuple[Family, ...]
    """Clients are shared out among them in turn."""
    plan: Plan
    hold: float
    """Seconds that all clients stay, from the last one dialled and settled."""
    setup_patience: float = 30.0
    """Seconds that the last clients may take to come up."""
    sources: tuple[str, ...] = ()
    """Addresses of this host to call from; empty: the one that leads to the server."""
    ports: int = 1
    """UDP ports that each family calls from at each source; with IPsec each client has its own."""

    @property
    def crowds(self) -> int:
        """How many swarms the clients are shared out among."""
        return len(self.families) * self.ports * max(1, len(self.sources))

    @property
    def sockets(self) -> int:
        """How many sockets it opens."""
        if self.plan.security is None:
            return self.crowds
        return SOCKETS_EACH * self.crowds * self.clients_each

    @property
    def clients_each(self) -> int:
        """The most that one swarm has."""
        return -(-self.plan.clients // self.crowds)


class TooManySockets(Exception):
    """More than this process may open."""

    def __init__(self, wanted: int, allowed: int) -> None:
        super().__init__(wanted, allowed)
        self.wanted = wanted
        self.allowed = allowed


def allow_files(wanted: int) -> None:
    """Let this process have so many files open. Raises `TooManySockets`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        return
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise TooManySockets(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class StormProcess:
    """Drives a swarm for each family and each port on one event loop."""

    def __init__(self, storm: Storm, progress: Callable[[int, int], None]) -> None:
        """`progress(dialled, up)` is called now and then."""
        self._storm = storm
        self._progress = progress
        self._stopping = asyncio.Event()
        self.report = Report()
        self._numbers = itertools.count(1)
        self._swarms: list[Swarm] = []
        self._drivers: list[Driver] = []

    async def run(self) -> Report:
        """The whole storm. Raises `OSError` when the server cannot be called at all, and
        `TooManySockets`."""
        storm = self._storm
        allow_files(storm.sockets + _OTHER_FILES)
        remote = (await resolve(storm.server, storm.port))[0]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        try:
            for source in storm.sources or (source_address(remote),):
                for _ in range(storm.ports):
                    for family in storm.families:
                        self._start(family, source, remote)
            await self._dial()
            await self._wait(self._all_settled, storm.setup_patience)
            await self._wait(lambda: False, storm.hold)
            await self._hang_up()
        finally:
            for driver in self._drivers:
                driver.stop()
            for swarm in self._swarms:
                swarm.plane.stop()
        return self.report

    def _start(self, family: Family, source: str, remote: Address) -> None:
        data_plane = ReferencePlane(time.monotonic)
        plan, report = self._storm.plan, self.report
        data_plane.start(self._sockets(source))
        swarm = Swarm(family, plan, data_plane, os.urandom, report, self._numbers)
        ours = (*data_plane.listens, *data_plane.ike_listens)
        swarm.start(Path(ours[0], remote))
        driver = Driver(data_plane, swarm, time.monotonic)
        driver.start()
        self._swarms.append(swarm)
        self._drivers.append(driver)

    def _sockets(self, source: str) -> plane.Config:
        """One for all callers in the clear; two for each that has IPsec."""
        storm = self._storm
        anywhere = Address(source, 0)
        if storm.plan.security is None:
            return plane.Config(listens=(anywhere,), tun=None)
        each = (anywhere,) * storm.clients_each
        return plane.Config(listens=(), tun=None, ike=each, natt=each, receive_buffer=_EACH_BUFFER)

    async def _dial(self) -> None:
        """Begin calls at the given rate, catching up after a late tick."""
        plan, crowd = self._storm.plan, len(self._swarms)
        started = time.monotonic()
        dialled = 0
        while dialled < plan.clients and not self._stopping.is_set():
            due = min(plan.clients, int((time.monotonic() - started) * plan.rate) + 1)
            for number in range(dialled, due):
                self._swarms[number % crowd].dial(time.monotonic())
            for number in range(dialled, min(due, dialled + crowd)):
                self._drivers[number % crowd].turn()
            dialled = due
            self._progress(dialled, self.up)
            await asyncio.sleep(TICK)

    @property
    def up(self) -> int:
        """Clients that have an address now."""
        return sum(swarm.up for swarm in self._swarms)

    def _all_settled(self) -> bool:
        """Whether every client is up or has failed."""
        failed = sum(self.report.failures.values())
        if self._storm.plan.redial:
            return self.up >= self._storm.plan.clients
        return self.report.up + failed >= self._storm.plan.clients

    async def _hang_up(self) -> None:
        self.report.time_to_go()
        for swarm in self._swarms:
            swarm.stop()
        if self._storm.plan.pings:
            await asyncio.sleep(LAST_ANSWERS)
        gone = itertools.count(1)
        for swarm, driver in zip(self._swarms, self._drivers, strict=True):
            while swarm.hang_up(driver.now()):
                if next(gone) % GOODBYES_AT_ONCE == 0:
                    driver.turn()
                    await asyncio.sleep(TICK)
            driver.turn()
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline and not all(swarm.gone for swarm in self._swarms):
            await asyncio.sleep(5 * TICK)

    async def _wait(self, done: Callable[[], bool], seconds: float) -> None:
        """Until done, stopped, or so many seconds are over."""
        deadline = time.monotonic() + seconds
        while not done() and not self._stopping.is_set() and time.monotonic() < deadline:
            self._progress(self.report.calls, self.up)
            await asyncio.sleep(min(0.1, max(0.0, deadline - time.monotonic())))


def run(storm: Storm, progress: Callable[[int, int], None]) -> Report:
    """Run a storm from start to end. Raises `OSError`, `TooManySockets`."""

    async def main() -> Report:
        return await StormProcess(storm, progress).run()

    return asyncio.run(main())
