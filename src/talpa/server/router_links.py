"""Links from router to router that this end sets up: called at the start, and when they end."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from talpa.dataplane import interface as plane
from talpa.ike.config import Call, Connection
from talpa.roles.access import AccessServer
from talpa.roles.notices import Notice, Tell
from talpa.sansio import Address, Path
from talpa.server.driver import Driver
from talpa.server.resolve import resolve, source_address

IKE_PORT = 500
NATT_PORT = 4500
RETRY_FIRST = 2.0
RETRY_CAP = 60.0
"""Seconds: the waits between two calls double from the first to the cap."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """How it stands with one link."""

    state: str
    """"up", "calling", "waiting" or "listening", as in `LinkStatus`."""
    since: float
    """Monotonic seconds."""
    reason: str = ""
    """Why it is not up, as far as was said the last time."""


class RouterLinks:
    """Keeps each of a few configured links up, by one task for each."""

    def __init__(
        self, access: AccessServer, data_plane: plane.DataPlane, driver: Driver, tell: Tell
    ) -> None:
        self._access = access
        self._plane = data_plane
        self._driver = driver
        self._tell = tell
        self._down: dict[str, asyncio.Event] = {}
        self._came_up: set[str] = set()
        """Links that were up since they were last called."""
        self.states: dict[str, LinkState] = {}
        """Of links that were called or came up since the start."""
        self._tasks: list[asyncio.Task[None]] = []
        access.on_link = self._changed

    def start(self, calls: Sequence[tuple[str, Connection]]) -> None:
        """Keep these up: the name or address to call, and what to say there."""
        for host, connection in calls:
            self._down[connection.name] = asyncio.Event()
            self._tasks.append(asyncio.ensure_future(self._keep(host, connection)))

    def stop(self) -> None:
        """Call nobody any more."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    async def _keep(self, host: str, connection: Connection) -> None:
        name, wait = connection.name, RETRY_FIRST
        while True:
            down = self._down[name]
            down.clear()
            # The other end may have called meanwhile.
            if self._is_up(name) or await self._call(host, connection):
                await down.wait()
            wait = RETRY_FIRST if name in self._came_up else min(wait * 2, RETRY_CAP)
            self._came_up.discard(name)
            await asyncio.sleep(wait * (0.75 + secrets.randbelow(500) / 1000))

    async def _call(self, host: str, connection: Connection) -> bool:
        name = connection.name
        self._set(name, "calling", self._reason(name))
        fields: dict[str, object] = {"connection": name}
        self._tell(Notice("link-calling", f"link {name}: calling {host}", "info", fields))
        endpoint = self._access.ipsec.endpoint if self._access.ipsec is not None else None
        try:
            remote = (await resolve(host, IKE_PORT))[0]
            source = source_address(remote)
        except OSError as error:
            text = f"link {name}: {host} cannot be called: {error}"
            self._tell(Notice("link-unreachable", text, "warning", fields))
            self._set(name, "waiting", f"{host} cannot be called: {error}")
            return False
        if endpoint is None:
            return False
        six = ":" in remote.host
        local = _port(self._plane.ike_listens, IKE_PORT, six=six)
        natt = _port(self._plane.natt_listens, NATT_PORT, six=six)
        call = Call(
            connection,
            Path(Address(source, local), remote),
            Path(Address(source, natt), Address(remote.host, NATT_PORT)),
        )
        endpoint.open(call, self._driver.now())
        self._driver.turn()
        return True

    def _changed(self, name: str, *, up: bool, reason: str = "") -> None:
        """A link came up, or ended."""
        if up:
            self._came_up.add(name)
            if not self._is_up(name):
                self._set(name, "up")
            return
        self._set(name, "waiting" if name in self._down else "listening", reason)
        if name in self._down:
            self._down[name].set()

    def _is_up(self, name: str) -> bool:
        return name in self.states and self.states[name].state == "up"

    def _reason(self, name: str) -> str:
        return self.states[name].reason if name in self.states else ""

    def _set(self, name: str, state: str, reason: str = "") -> None:
        self.states[name] = LinkState(state, self._driver.now(), reason)


def _port(listens: Sequence[Address], otherwise: int, *, six: bool) -> int:
    """The port that we listen on with addresses of that family."""
    return next((a.port for a in listens if (":" in a.host) is six), otherwise)
