"""What must hold between options: names known and unique, addresses inside and apart.

The checks take a `Draft`, in which what is broken by itself is missing, so that everything else is
still checked and all that is wrong with a file is said at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from talpa.server.config.checking import clashes, guess, repeated
from talpa.server.config.ipsec_checks import ipsec_doubts, ipsec_faults
from talpa.server.config.ipsec_schema import Ipsec
from talpa.server.config.problems import Finding, KeyPath
from talpa.server.config.schema import Dataplane, L2tp, Pool, Ppp, Server, Settings, User

_SOCKET_PATH_OCTETS = 107
_IPV6_LEAST_MTU = 1280
_CHANGEABLE = ("mschapv2", "mschap")
"""Methods with which a user can change the password."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A configuration as far as its parts are right by themselves."""

    server: Server | None
    l2tp: L2tp | None
    ipsec: Ipsec | None
    ppp: Ppp | None
    dataplane: Dataplane | None
    pools: tuple[Pool | None, ...]
    """In the order of the file; None: broken."""
    users: tuple[User | None, ...]
    broken_pool_names: frozenset[str] = frozenset()
    """Names of pools that are there but broken."""
    pools_unread: bool = False
    """There is something called pool, but it is no list of tables."""

    @classmethod
    def of(cls, settings: Settings) -> "Draft":
        """Of settings that are whole."""
        return cls(
            settings.server,
            settings.l2tp,
            settings.ipsec,
            settings.ppp,
            settings.dataplane,
            settings.pools,
            settings.users,
        )


def faults(draft: Draft) -> Iterator[Finding]:
    """Everything for which the configuration is refused."""
    if draft.server is not None:
        yield from _server_faults(draft.server)
    if draft.l2tp is not None:
        yield from _l2tp_faults(draft.l2tp)
    if draft.ipsec is not None:
        yield from ipsec_faults(draft.ipsec, _networks(draft.pools), datetime.now(UTC))
    if draft.ppp is not None:
        yield from _ppp_faults(draft.ppp)
    if draft.dataplane is not None:
        yield from _dataplane_faults(draft.dataplane)
    yield from _mtu_faults(draft)
    if not draft.pools and not draft.pools_unread:
        yield Finding(("pool",), "there is no pool to take addresses from", "add a [[pool]]")
    yield from _pool_faults(draft.pools)
    yield from _user_faults(draft)


def doubts(settings: Settings) -> Iterator[Finding]:
    """What works, but is likely not meant."""
    yield from ipsec_doubts(settings.ipsec, datetime.now(UTC))
    for position, method in enumerate(settings.ppp.authentication):
        path = ("ppp", "authentication", position)
        if method == "pap":
            yield Finding(
                path,
                "pap sends the password itself, which anybody on the way can read",
                "use it only with clients that know nothing better",
            )
        elif method == "mschap":
            yield Finding(
                path, "mschap is broken: its answers give the password away", "use mschapv2"
            )
    for position, pool in enumerate(settings.pools):
        yield from _dns_doubts(pool, ("pool", position))
    if not settings.users and not settings.ipsec.connections:
        yield Finding(("user",), "there is no user, so nobody can connect", "add a [[user]]")


def _dns_doubts(pool: Pool, path: KeyPath) -> Iterator[Finding]:
    own: list[IPv4Address | IPv6Address] = [pool.gateway or pool.ipv4.network_address + 1]
    if pool.ipv6 is not None:
        own.append(pool.ipv6.network_address + 1)
    for position, server in enumerate(pool.dns):
        if server in own:
            yield Finding(
                (*path, "dns", position),
                f"{server} is this pool's own gateway, and talpa answers no DNS there",
                "make sure that a name server does",
            )


def _server_faults(server: Server) -> Iterator[Finding]:
    if len(str(server.socket).encode()) > _SOCKET_PATH_OCTETS:
        yield Finding(
            ("server", "socket"),
            f"is longer than the {_SOCKET_PATH_OCTETS} octets that a socket's path may have",
            "choose a shorter path",
        )


def _l2tp_faults(l2tp: L2tp) -> Iterator[Finding]:
    yield from clashes(("l2tp", "listen"), l2tp.listen)
    yield from repeated(("l2tp", "peer"), [peer.host_name for peer in l2tp.peers], "host_name")


def _ppp_faults(ppp: Ppp) -> Iterator[Finding]:
    yield from repeated(("ppp", "authentication"), ppp.authentication)


def _dataplane_faults(dataplane: Dataplane) -> Iterator[Finding]:
    if dataplane.backend == "native":
        yield Finding(
            ("dataplane", "backend"),
            "the native data plane is not part of this version",
            'leave the line out, or write backend = "reference"',
        )


def _mtu_faults(draft: Draft) -> Iterator[Finding]:
    """RFC 8200 5: IPv6 needs links of 1280 octets."""
    ppp, dataplane = draft.ppp, draft.dataplane
    if ppp is None or not ppp.ipv6 or not any(pool and pool.ipv6 for pool in draft.pools):
        return
    hint = f"make it {_IPV6_LEAST_MTU} or more, or set ipv6 = false in [ppp]"
    if ppp.mru < _IPV6_LEAST_MTU:
        yield Finding(("ppp", "mru"), f"{ppp.mru} octets are too few for IPv6", hint)
    if dataplane and dataplane.mtu is not None and dataplane.mtu < _IPV6_LEAST_MTU:
        yield Finding(("dataplane", "mtu"), f"{dataplane.mtu} octets are too few for IPv6", hint)


def _pool_faults(pools: Sequence[Pool | None]) -> Iterator[Finding]:
    yield from repeated(("pool",), [pool.name if pool else None for pool in pools], "name")
    for position, pool in enumerate(pools):
        if pool is None:
            continue
        path: KeyPath = ("pool", position)
        if pool.ipv4.prefixlen > 30:
            yield Finding(
                (*path, "ipv4"),
                f"{pool.ipv4} has no room for the gateway and a client",
                "take a /30 or larger",
            )
        if pool.ipv6 is not None and pool.ipv6.prefixlen > 63:
            yield Finding(
                (*path, "ipv6"),
                f"{pool.ipv6} has no room for the server's /64 and one of a session",
                "take a /63 or larger; a /56 is enough for 255 sessions",
            )
        yield from _gateway_faults(pool, path)
        for earlier in pools[:position]:
            if earlier is not None:
                yield from _overlaps(pool, earlier, path)


def _gateway_faults(pool: Pool, path: KeyPath) -> Iterator[Finding]:
    if pool.gateway is None:
        return
    wrong = _no_host(pool.gateway, pool.ipv4, pool.name)
    if wrong is not None:
        yield Finding((*path, "gateway"), wrong, "choose one inside, or leave it out")


def _overlaps(pool: Pool, earlier: Pool, path: KeyPath) -> Iterator[Finding]:
    for key, network, other in (
        ("ipv4", pool.ipv4, earlier.ipv4),
        ("ipv6", pool.ipv6, earlier.ipv6),
    ):
        if network is not None and other is not None and _share(network, other):
            yield Finding(
                (*path, key),
                f"{network} overlaps pool {earlier.name} ({other})",
                "give each pool addresses of its own",
            )


def _networks(pools: Sequence[Pool | None]) -> list[IPv4Network | IPv6Network]:
    """Those that clients have their addresses from."""
    found = [network for pool in pools if pool for network in (pool.ipv4, pool.ipv6)]
    return [network for network in found if network is not None]


def _share(a: IPv4Network | IPv6Network, b: IPv4Network | IPv6Network) -> bool:
    return a.version == b.version and a.overlaps(b)


def _user_faults(draft: Draft) -> Iterator[Finding]:
    users = draft.users
    yield from repeated(("user",), [user.name if user else None for user in users], "name")
    taken: dict[IPv4Address, str] = {}
    for position, user in enumerate(users):
        if user is None:
            continue
        path: KeyPath = ("user", position)
        if "\\" in user.name:
            yield Finding(
                (*path, "name"),
                f'"{user.name}" has a domain in front, which is cut off before names are compared',
                f'write "{user.name.rpartition(chr(92))[2]}"',
            )
        yield from _password_faults(user, path, draft.ppp)
        pool = _pool_of(user, draft.pools)
        if pool is None:
            yield from _pool_unknown(user, path, draft)
        if user.address is None:
            continue
        if user.address in taken:
            yield Finding(
                (*path, "address"),
                f"{user.address} belongs to {taken[user.address]} already",
                "choose another, or leave it out",
            )
        taken.setdefault(user.address, user.name)
        if pool is not None:
            yield from _address_faults(user.address, pool, path)
        yield from _server_address_faults(user.address, draft.pools, path)


def _password_faults(user: User, path: KeyPath, ppp: Ppp | None) -> Iterator[Finding]:
    if user.password_expired and not user.change_password:
        yield Finding(
            (*path, "password_expired"),
            "the password can never be changed",
            "set change_password = true too",
        )
    elif user.change_password and ppp and not set(_CHANGEABLE) & set(ppp.authentication):
        yield Finding(
            (*path, "change_password"),
            "no method in [ppp] authentication can change a password",
            "add mschapv2 there",
        )


def _pool_of(user: User, pools: Sequence[Pool | None]) -> Pool | None:
    """The pool of a user; None: unknown, or broken."""
    if user.pool is None:
        return pools[0] if pools else None
    return next((pool for pool in pools if pool and pool.name == user.pool), None)


def _pool_unknown(user: User, path: KeyPath, draft: Draft) -> Iterator[Finding]:
    if user.pool is None or user.pool in draft.broken_pool_names:
        return
    names = [pool.name for pool in draft.pools if pool]
    yield Finding(
        (*path, "pool"),
        f'there is no pool "{user.pool}"',
        guess(user.pool, names) or "add a [[pool]] of that name",
    )


def _address_faults(address: IPv4Address, pool: Pool, path: KeyPath) -> Iterator[Finding]:
    path = (*path, "address")
    wrong = _no_host(address, pool.ipv4, pool.name)
    if wrong is not None:
        yield Finding(path, wrong, "choose one inside, or leave it out")
    elif address == (pool.gateway or pool.ipv4.network_address + 1):
        yield Finding(
            path,
            f"{address} is the gateway of pool {pool.name}",
            "choose another, or leave it out",
        )


def _server_address_faults(
    address: IPv4Address, pools: Sequence[Pool | None], path: KeyPath
) -> Iterator[Finding]:
    for pool in pools:
        if pool is None:
            continue
        for kind, servers in (("name server", pool.dns), ("WINS server", pool.wins)):
            if address in servers:
                yield Finding(
                    (*path, "address"),
                    f"{address} is a {kind} of pool {pool.name}",
                    "choose another, or leave it out",
                )


def _no_host(address: IPv4Address, network: IPv4Network, pool: str) -> str | None:
    """Why a host of the network cannot have the address; None: it can."""
    if address not in network:
        return f"{address} is not in pool {pool} ({network})"
    if address == network.network_address:
        return f"{address} is the address of the network {network} itself"
    if address == network.broadcast_address:
        return f"{address} is the broadcast address of {network}"
    return None
