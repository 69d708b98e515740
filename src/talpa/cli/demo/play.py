"""The demo itself: what happens in the world, in the order in which it is shown."""

import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from talpa.api.client import ApiClient, ApiError
from talpa.api.models import Association, SessionInfo
from talpa.cli.demo.screen import Screen
from talpa.cli.demo.wire import EVERYTHING, KEYS, Wire
from talpa.cli.demo.world import CLIENT_ADDRESS, SERVER_ADDRESS, DemoError, World, stop
from talpa.cli.quantities import octets
from talpa.wire import printable

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

[ipsec]
listen = ["{address}:500"]
listen_nat = ["{address}:4500"]
key_log = "{place}/keys"

[[ipsec.psk]]
secret_file = "psk"

[[pool]]
name = "demo"
ipv4 = "10.77.0.0/24"
ipv6 = "fd77::/56"
dns = ["{gateway}"]

[[user]]
name = "{user}"
password = "{password}"
"""
_LOOK = "the last lines of the logs above say more"
_RTT = re.compile(r"= ([\d.]+)/([\d.]+)/([\d.]+)")
_LOSS = re.compile(r"(\d+) received")


class Play:
    """One run. `place` is a directory for files that is removed behind it."""

    def __init__(self, world: World, wire: Wire, screen: Screen, place: Path) -> None:
        self._world = world
        self._wire = wire
        self._screen = screen
        self._place = place
        self._api = ApiClient(place / "talpa.sock")
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, seconds: float) -> None:
        """All of it, with so many seconds of data in each direction. Raises `DemoError`."""
        try:
            self._acts(seconds)
        except DemoError:
            self._show_logs()
            raise

    def _acts(self, seconds: float) -> None:
        self._screen.line(
            f"A server ({SERVER_ADDRESS}) and a client, each in a network of its own, one wire "
            "between them. What they say is encrypted; it is shown with the server's key log."
        )
        self._start_server()
        self._screen.title("Connecting: what goes over the wire")
        self._screen.posts(self._wire.ladder)
        session = self._connect()
        self._show_agreed(session)
        self._ping(session)
        self._move(seconds)
        self._show_counters()
        self._disconnect()

    def _start_server(self) -> None:
        password = secrets.token_urlsafe(12)
        self._secretly(
            "talpa.toml",
            _CONFIG.format(
                place=self._place,
                address=SERVER_ADDRESS,
                gateway=GATEWAY,
                user=USER,
                password=password,
            ),
        )
        self._secretly("password", password)
        self._secretly("psk", secrets.token_urlsafe(24))
        self._talpa("server", "serve", "--config", str(self._place / "talpa.toml"), client=False)
        self._until("server", "did not answer on its socket", _SERVER_SECONDS, self._answers)

    def _connect(self) -> SessionInfo:
        self._talpa(
            "client",
            *("connect", f"l2tp+ipsec://{USER}@{SERVER_ADDRESS}", "--no-dns"),
            *("--password-file", str(self._place / "password")),
            *("--psk-file", str(self._place / "psk")),
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
        association = self._association()
        self._screen.title("Negotiated, from the outer layer to the inner one")
        say("IKE", f"version {association.version}: {association.ike_suite}, {association.method}")
        say("ESP", f"{association.esp_suite}, {association.mode} mode")
        say("L2TP", f"tunnel and session {session.id}")
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
                raise DemoError(f"ping to {target} came to nothing: {said}", _LOOK)
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
        self._show_layers()

    def _show_layers(self) -> None:
        """The latest ping, taken apart."""
        ping = self._wire.ping
        if ping is None:
            return
        self._screen.title("The last of these packets, layer by layer")
        self._screen.pair("IPv4", f"between {CLIENT_ADDRESS} and {SERVER_ADDRESS}: seen by all")
        for layer in ping.layers:
            fields = ", ".join(f"{field.name} {field.value}" for field in layer.fields[:4])
            self._screen.pair(layer.name, fields)

    def _move(self, seconds: float) -> None:
        self._screen.title(
            f"Moving data through the tunnel, {seconds:g} s each way, one TCP stream"
        )
        self._wire.listen_for(KEYS)
        module = ("-m", "talpa.cli.demo.transfer")
        listener = self._world.start(
            *(sys.executable, *module, "listen", GATEWAY, str(_PORT)),
            client=False,
            log=self._log("transfer"),
        )
        for name, mode in (("client to server", "send"), ("server to client", "fetch")):
            said = self._world.run(
                *(sys.executable, *module, mode, GATEWAY, str(_PORT), str(seconds)),
                client=True,
                seconds=seconds + 30,
            )
            count, spent = said.split()
            rate = int(count) * 8 / float(spent) / 1e6
            self._screen.pair(
                name, f"{rate:,.0f} Mbit/s ({octets(int(count))} in {float(spent):.1f} s)"
            )
        stop(listener)
        self._wire.listen_for(EVERYTHING)

    def _show_counters(self) -> None:
        session = self._session()
        self._screen.title("Counted by the server")
        for name, count, size in (
            ("from the client", session.received_packets, session.received_octets),
            ("to the client", session.sent_packets, session.sent_octets),
        ):
            self._screen.pair(name, f"{count:,} packets, {octets(size)}")
        self._screen.pair("dropped", f"{session.dropped:,} packets")

    def _disconnect(self) -> None:
        self._screen.title("Saying goodbye")
        self._screen.posts(self._wire.ladder)
        stop(self._running.pop("client"))
        self._wire.settle()
        stop(self._running.pop("server"))
        self._wire.settle()

    # --- server and client ----------------------------------------------------------------------

    def _talpa(self, name: str, *arguments: str, client: bool) -> None:
        self._running[name] = self._world.start(
            *(sys.executable, "-m", "talpa.cli.main", *arguments),
            client=client,
            log=self._log(name),
        )

    def _until(self, name: str, what: str, seconds: float, done: Callable[[], bool]) -> None:
        """Wait for something of the server or client. Raises `DemoError` when it does not come."""
        process = self._running[name]
        if self._wait(seconds, lambda: process.poll() is not None or done()):
            if process.poll() is None:
                return
            what = f"ended with status {process.returncode}"
        else:
            what = f"{what} within {seconds:.0f} s"
        raise DemoError(f"the {name} {what}", _LOOK)

    @staticmethod
    def _wait(seconds: float, done: Callable[[], bool]) -> bool:
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def _answers(self) -> bool:
        try:
            self._api.status()
        except ApiError:
            return False
        return True

    def _has_address(self) -> bool:
        return any(a.startswith("10.77.0.") for a in self._world.addresses(client=True))

    def _has_ipv6(self) -> bool:
        return any(":" in a for a in self._world.addresses(client=True))

    def _association(self) -> Association:
        try:
            found = self._api.associations()
        except ApiError as error:
            raise DemoError(str(error), error.hint) from None
        if not found:
            raise DemoError("the server knows of no association", _LOOK)
        return found[0]

    def _session(self) -> SessionInfo:
        try:
            found = [s for s in self._api.sessions() if s.user == USER]
        except ApiError as error:
            raise DemoError(str(error), error.hint) from None
        if not found:
            raise DemoError("the server knows of no session", _LOOK)
        return found[0]

    # --- files ----------------------------------------------------------------------------------

    def _secretly(self, name: str, text: str) -> None:
        """Write a file that nobody else may read."""
        path = self._place / name
        path.touch(0o600)
        path.write_text(text)

    def _log(self, name: str) -> Path:
        return self._place / f"{name}.log"

    def _show_logs(self) -> None:
        for name in self._running:
            lines = self._log(name).read_text(errors="replace").splitlines()
            self._screen.title(f"The last lines of the {name}'s log")
            for line in lines[-_LAST_LINES:] or ["(empty)"]:
                self._screen.line(f"  {printable(line)}")
