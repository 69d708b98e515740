"""A management that says what a test wants, behind a real socket."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from talpa.api import Association, IpsecStatus, PoolUsage, ServerStatus, SessionInfo, TunnelInfo
from talpa.server.api_server import ApiServer, Management
from talpa.server.config.problems import ConfigError, Problem

SESSION = SessionInfo(
    id="12/34",
    user="alice",
    device="LAPTOP-7",
    client="203.0.113.7:50123",
    ipv4="10.77.0.50",
    ipv6="fd77:0:0:1::/64",
    method="MS-CHAPv2",
    pool="staff",
    since=1_800_000_000.0,
    age_seconds=93_784.2,
    idle_seconds=3.4,
    received_packets=1200,
    received_octets=1_234_567,
    sent_packets=3400,
    sent_octets=98_765_432_100,
    dropped=2,
    mtu=1400,
    state="up",
)
TUNNEL = TunnelInfo(
    id=12,
    peer_id=1,
    host_name="laptop-7",
    vendor="xelerance.com",
    local="198.18.0.1:1701",
    remote="203.0.113.7:50123",
    state="established",
    sessions=1,
    since=1_800_000_000.0,
    age_seconds=93_785.0,
    authenticated=True,
    association=5,
)
ASSOCIATION = Association(
    id=5,
    ike=3,
    peer="203.0.113.7:4500",
    local="198.18.0.1:4500",
    identity="192.168.1.20",
    users=("alice",),
    version=1,
    method="PSK",
    credential="",
    device="windows",
    vendors=("MS NT5 ISAKMPOAKLEY", "RFC 3947"),
    mode="transport",
    encapsulation="udp",
    nat="peer",
    ike_suite="AES-CBC-256/SHA-1/ECP-384",
    esp_suite="AES-CBC-256/HMAC-SHA1-96",
    weak=("3des",),
    since=1_800_000_000.0,
    age_seconds=93_786.0,
    idle_seconds=3.4,
    rekeys=26,
    received_packets=1300,
    received_octets=1_334_567,
    sent_packets=3500,
    sent_octets=99_765_432_100,
    replayed=1,
    forged=2,
)
STATUS = ServerStatus(
    name="vpn.example.com",
    version="0.1.0",
    pid=4711,
    since=1_800_000_000.0,
    uptime_seconds=100_000.0,
    listens=("198.18.0.1:1701", "[fd00::1]:1701"),
    plane="reference",
    tun="talpa0",
    tunnels=1,
    sessions=1,
    users=1,
    counters={"sessions set up": 17, "logins refused": 4},
    drops={"AVP length below 6": 3, "unknown tunnel": 250},
    pools=(PoolUsage(name="staff", ipv4_used=1, ipv4_size=253, ipv6_used=1, ipv6_size=255),),
    ipsec=IpsecStatus(
        listens=("198.18.0.1:500", "198.18.0.1:4500"),
        policy="compatible",
        required=True,
        ikes=1,
        half_open=2,
        associations=1,
        weak=1,
        failures=6,
    ),
    warnings=("every key is written to /root/keys",),
)


class CannedManagement:
    """Answers from what a test puts in."""

    def __init__(self) -> None:
        self.found = [SESSION]
        self.associated = [ASSOCIATION]
        self.fault: Exception | None = None
        self.config_broken = False
        self.targets: list[str] = []

    def status(self) -> ServerStatus:
        if self.fault is not None:
            raise self.fault
        return STATUS

    def sessions(self) -> list[SessionInfo]:
        return self.found

    def tunnels(self) -> list[TunnelInfo]:
        return [TUNNEL]

    def associations(self) -> list[Association]:
        return self.associated

    def disconnect(self, target: str) -> list[str]:
        self.targets.append(target)
        return [f"{s.user} {s.id}" for s in self.found if target in (s.user, s.id, "12")]

    def reload(self) -> str:
        if self.config_broken:
            problem = Problem("talpa.toml", 3, "user[1].name", "is missing")
            raise ConfigError((problem,))
        return "configuration read again"


@contextmanager
def running_server(path: Path, management: Management) -> Iterator[None]:
    """A management socket served from a thread of its own."""
    loop = asyncio.new_event_loop()
    # A fault that a test provokes is no reason to write to standard error.
    loop.set_exception_handler(lambda _loop, _context: None)
    server = ApiServer(path, management)
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
