"""Traffic through a tunnel, both ways, between this machine's namespace and the guest."""

import json
from collections.abc import Callable
from pathlib import Path

from interop.lab import Guest, Namespace
from interop.program import until

TCP_LEAST = 500_000
"""Octets that must arrive of the two million that are sent within a second: on a machine with much
else to do, hardly half of them come through."""
TUNNEL_MTU = 1400


def ping_both_ways(net: Namespace, guest: Guest, ours: str, theirs: str) -> None:
    """Every ping is answered: small ones, and such as fill the tunnel's MTU."""
    headers = 48 if ":" in ours else 28
    for size in (56, TUNNEL_MTU - headers):
        guest.run(f"ping -q -c 3 -i 0.1 -W 2 -s {size} {ours}", timeout=15)
        net.run(f"ping -q -c 3 -i 0.1 -W 2 -s {size} {theirs}", timeout=15)


def tcp_from_guest(net: Namespace, guest: Guest, ours: str, folder: Path) -> None:
    """A connection that the guest opens to `ours`: megabytes up, then down."""

    def listen() -> None:
        net.start("iperf3", "-s", "-1", "-B", ours, log=folder / "iperf3.log")
        until("iperf3 listens", lambda: net.succeeds(f"ss -ltn src {ours} | grep -q :5201"), 10)

    _transfer(listen, guest.run, ours)


def tcp_from_here(net: Namespace, guest: Guest, theirs: str) -> None:
    """A connection that the namespace opens to `theirs`: megabytes up, then down."""

    def listen() -> None:
        guest.run(f"iperf3 -s -1 -D -B {theirs}; until ss -ltn | grep -q :5201; do sleep 0.1; done")

    _transfer(listen, net.run, theirs)


def _transfer(listen: Callable[[], None], run: Callable[[str], str], to: str) -> None:
    for direction in ("", "-R"):
        listen()
        # Ended by time: ended by octets, iperf3 may wait for ever for the rest of a block.
        report = json.loads(
            run(f"timeout 20 iperf3 -J -c {to} -t 1 -b 16M -l 16K {direction} || true")
        )
        assert "error" not in report, report["error"]
        received = report["end"]["sum_received"]["bytes"]
        assert received >= TCP_LEAST, f"{received} octets arrived ({direction or 'up'})"
