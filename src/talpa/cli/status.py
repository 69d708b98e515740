"""`talpa status`: the server as a whole."""

from collections.abc import Iterator

from talpa.api.client import ApiClient
from talpa.api.models import IpsecStatus, LinkStatus, PoolUsage, ServerStatus
from talpa.cli.errors import count_of
from talpa.cli.options import DEFAULT_SOCKET, JsonOption, SocketOption
from talpa.cli.quantities import duration
from talpa.cli.tables import print_json, print_pairs


def status(socket: SocketOption = DEFAULT_SOCKET, as_json: JsonOption = False) -> None:
    """Show sessions, pools, counters and drops."""
    found = ApiClient(socket).status()
    if as_json:
        print_json(found)
    else:
        print_pairs(_pairs(found))


def _pairs(status: ServerStatus) -> Iterator[tuple[str, str]]:
    yield "server", f"{status.name} (talpa {status.version}, process {status.pid})"
    yield "up for", duration(status.uptime_seconds)
    for address in status.listens:
        yield "L2TP on", address
    yield "data plane", f"{status.plane}, {status.tun}" if status.tun else status.plane
    sessions = count_of(status.sessions, "session")
    users = count_of(status.users, "user")
    yield "connected", f"{sessions} of {users} in {count_of(status.tunnels, 'tunnel')}"
    if status.ipsec is not None:
        yield from _ipsec(status.ipsec)
    for pool in status.pools:
        yield f"pool {pool.name}", _usage(pool)
    for name, count in status.counters.items():
        yield name, str(count)
    for reason, count in sorted(status.drops.items(), key=lambda drop: -drop[1]):
        yield "dropped", f"{count}: {reason}"
    for warning in status.warnings:
        yield "warning", warning


def _ipsec(ipsec: IpsecStatus) -> Iterator[tuple[str, str]]:
    for address in ipsec.listens:
        yield "IKE on", address
    associations = count_of(ipsec.associations, "association")
    weak = f", {ipsec.weak} WEAK" if ipsec.weak else ""
    half_open = f", {ipsec.half_open} half open" if ipsec.half_open else ""
    yield "IPsec", f"{associations} in {count_of(ipsec.ikes, 'IKE SA')}{half_open}{weak}"
    required = "required" if ipsec.required else "not required"
    yield "IPsec policy", f"{ipsec.policy}, {required}"
    yield "IPsec failures", str(ipsec.failures)
    for link in ipsec.links:
        yield f"link {link.name}", _link(link)


def _link(link: LinkStatus) -> str:
    state = {"listening": "waits to be called", "waiting": "down, to be called again"}.get(
        link.state, link.state
    )
    if link.state == "calling" and link.peer:
        state = f"calling {link.peer}"
    since = "" if link.age_seconds is None else f" for {duration(link.age_seconds)}"
    return f"{state}{since}" + (f"; last: {link.reason}" if link.reason else "")


def _usage(pool: PoolUsage) -> str:
    parts = [
        f"{used} of {size} {kind} in use"
        for kind, used, size in (
            ("IPv4 addresses", pool.ipv4_used, pool.ipv4_size),
            ("IPv6 prefixes", pool.ipv6_used, pool.ipv6_size),
        )
        if size
    ]
    return ", ".join(parts) or "no addresses"
