"""The demo itself: what happens in the world, in the order in which it is shown."""

import re
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from talpa.api.client import ApiClient, ApiError
from talpa.api.models import SessionInfo
from talpa.cli.demo.screen import Screen
from talpa.cli.demo.wire import L2TP, SIGNALLING, Wire
from talpa.cli.demo.world import SERVER_ADDRESS, World, stop
from talpa.cli.quantities import octets

GATEWAY = "10.77.0.1"
USER = "alice"
_PORT = 5001
_PINGS = 5
_SERVER_SECONDS = 15.0
_CLIENT_SECONDS = 20.0
_IPV6_SECONDS = 4.0
_LAST_LINES = 12
_CONFIG = """\
[server]
name = "vpn.example.com"
state_dir = "{place}/server"
socket = "{place}/talpa.sock"
forward = false

[l2tp]
listen = ["{address}:1701"]
require_ipsec = false

[[pool]]
name = "demo"
ipv4 = "10.77.0.0/24"
ipv6 = "fd77::/56"
dns = ["{gateway}"]

[[user]]
name = "{user}"
password = "{password}"
"""
_RTT = re.compile(r"= ([\d.]+)/([\d.]+)/([\d.]+)")
_LOSS = re.compile(r"(\d+) received")


class DemoFailed(Exception):
    """Server or client did not do what they should; the screen has their last words."""


class Play:
    """One run. `place` is an empty directory that is removed behind it."""

    def __init__(self, world: World, wire: Wire, screen: Screen, place: Path) -> None:
        self._world = world
        self._wire = wire
        self._screen = screen
        self._place = place
        self._api = ApiClient(place / "talpa.sock")
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, seconds: float) -> None:
        """All of it, with so many seconds of data in each direction. Raises `DemoFailed`."""
        self._screen.line(
            f"A server ({SERVER_ADDRESS}) and a client, each in a network of its own, one wire "
            "between them."
        )
        self._start_server()
        self._screen.title("Connecting: what goes over the wire")
        self._screen.posts(self._wire.ladder)
        session = self._connect()
        self._show_agreed(session)
        self._ping(session)
        self._move(session, seconds)
        self._show_counters()
        self._disconnect()

    def _start_server(self) -> None:
        password = secrets.token_urlsafe(12)
        self._secretly("talpa.toml", _CONFIG.format(
            place=self._place, address=SERVER_ADDRESS, gateway=GATEWAY, user=USER, password=password
        ))
        self._secretly("password", password)
        self._talpa("server", "serve", "--config", str(self._place / "talpa.toml"), client=False)
        self._until("server", "did not answer on its socket", _SERVER_SECONDS, self._answers)

    def _connect(self) -> SessionInfo:
        self._talpa(
            "client",
            *("connect", f"l2tp://{USER}@{SERVER_ADDRESS}"),
            *("--password-file", str(self._place / "password"), "--no-dns"),
            *("--state-dir", str(self._place / "client")),
            client=True,
        )
        self._until("client", "did not come up", _CLIENT_SECONDS, self._has_address)
        # IPv6 comes by a router advertisement, a little later. A host may do without.
        self._wait(_IPV6_SECONDS, self._has_ipv6)
        self._wire.settle()
        return self._session()

    def _show_agreed(self, session: SessionInfo) -> None:
        say = self._screen.pair
        ours = self._world.addresses(client=True)
        self._screen.title("Negotiated")
        say("user", f"{session.user}, by {session.method}")
        say("IPv4 address", session.ipv4 or "none")
        say("IPv6 address", ", ".join(a for a in ours if ":" in a) or "none")
        say("IPv6 prefix", session.ipv6 or "none")
        say("name server", self._wire.agreed.get("Primary-DNS-Address", "none"))
        say("MTU", f"{session.mtu} octets")

    def _ping(self, session: SessionInfo) -> None:
        self._screen.title("Pinging through the tunnel")
        targets = [("client to server", GATEWAY, True)]
        if session.ipv4:
            targets.append(("server to client", session.ipv4, False))
        for name, target, client in targets:
            said = self._world.run(
                *("ping", "-n", "-q", "-c", str(_PINGS), "-i", "0.2", "-W", "2", target),
                client=client,
            )
            times, answers = _RTT.search(said), _LOSS.search(said)
            if times is None or answers is None:
                self._fail(f"no answer from {target} to ping")
            least, mean, most = times.groups()
            self._screen.pair(
                name,
                f"{answers[1]} of {_PINGS} answered, round trip min/avg/max "
                f"{least}/{mean}/{most} ms",
            )
        self._wire.settle()
        traffic = self._wire.ladder.traffic()
        if traffic is not None:
            self._screen.rung(traffic)

    def _move(self, session: SessionInfo, seconds: float) -> None:
        self._screen.title(f"Moving data through the tunnel, {seconds:g} s each way, one TCP stream")
        self._wire.listen_for(SIGNALLING)
        module = ("-m", "talpa.cli.demo.transfer")
        self._running["transfer"] = self._world.start_python(
            *(*module, "listen", GATEWAY, str(_PORT)), client=False, log=self._log("transfer")
        )
        for name, mode in (("client to server", "send"), ("server to client", "fetch")):
            said = self._world.run(
                *(sys.executable, *module, mode, GATEWAY, str(_PORT), str(seconds)),
                client=True,
                seconds=seconds + 30,
            )
            count, spent = said.split()
            rate = int(count) * 8 / float(spent) / 1e6
            self._screen.pair(name, f"{rate:,.0f} Mbit/s ({octets(int(count))} in {float(spent):.1f} s)")
        stop(self._running.pop("transfer"))
        self._wire.listen_for(L2TP)
'''
'''
