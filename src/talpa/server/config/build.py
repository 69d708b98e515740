"""From settings to what the rooms are started with: each room sees its own frozen values only."""

import secrets
import uuid
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from talpa import aaa
from talpa.dataplane import interface
from talpa.l2tp import config as l2tp
from talpa.ppp import config as ppp
from talpa.server.config.schema import Pool, Settings, User
from talpa.wire import Secret

_DUID_UUID = b"\x00\x04"
"""RFC 8415 11.5."""


def l2tp_config(settings: Settings) -> l2tp.Config:
    """How tunnels are answered."""
    own = {peer.host_name: peer.secret for peer in settings.l2tp.peers}
    shared = settings.l2tp.secret
    if own and shared is None:
        # Who has no secret is not let in under another name than those that have one.
        shared = Secret(secrets.token_bytes(32))

    def secret_for(host_name: str) -> Secret | None:
        return own.get(host_name, shared)

    return l2tp.Config(
        host_name=settings.l2tp.tunnel_host_name or settings.server.name,
        secret_for=secret_for,
        receive_window=settings.l2tp.receive_window,
        hello_interval=settings.l2tp.hello_interval,
        retransmit_cap=settings.l2tp.retransmit_cap,
        retransmit_limit=settings.l2tp.retransmit_limit,
        setup_timeout=settings.l2tp.setup_timeout,
        tunnels_per_address=settings.l2tp.tunnels_per_address,
        sessions_per_tunnel=settings.l2tp.sessions_per_tunnel,
    )


def ppp_config(settings: Settings) -> ppp.Config:
    """How PPP is spoken in the sessions of clients."""
    return ppp.Config(
        mru=settings.ppp.mru,
        authenticate=settings.ppp.authentication,
        accept=(),
        name=settings.server.name,
        ipv6=settings.ppp.ipv6 and any(pool.ipv6 for pool in settings.pools),
        echo_interval=settings.ppp.echo_interval,
        echo_failures=settings.ppp.echo_failures,
        auth_tries=settings.ppp.auth_tries,
    )


def plane_config(settings: Settings) -> interface.Config:
    """What the data plane is started with. What is not to be answered is listened to all the same:
    a port that nobody has is answered by the kernel."""
    ipsec = settings.ipsec
    return interface.Config(
        listens=settings.l2tp.listen,
        tun=settings.dataplane.tun,
        tun_mtu=settings.dataplane.mtu or settings.ppp.mru,
        receive_buffer=settings.dataplane.receive_buffer,
        forward_between_sessions=settings.server.client_to_client,
        accept_clear=not ipsec.require,
        ike=ipsec.listen if ipsec.active() else (),
        natt=ipsec.listen_nat if ipsec.active() else (),
        raw_esp=tuple(address.host for address in ipsec.listen) if ipsec.active() else (),
    )


def users(settings: Settings) -> tuple[aaa.User, ...]:
    """Who may connect."""
    return tuple(_user(user) for user in settings.users)


def pools(settings: Settings) -> tuple[aaa.Pool, ...]:
    """What addresses come from."""
    return tuple(_pool(pool, ipv6=settings.ppp.ipv6) for pool in settings.pools)


def pool_networks(settings: Settings) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks that are reached through the TUN device."""
    networks: list[IPv4Network | IPv6Network] = []
    for pool in pools(settings):
        networks.append(pool.ipv4)
        if pool.ipv6 is not None:
            networks.append(pool.ipv6)
    return tuple(networks)


def gateways(settings: Settings) -> tuple[IPv4Address | IPv6Address, ...]:
    """Our own addresses inside the sessions. The first /64 of a pool is ours, and of it the first
    address."""
    addresses: list[IPv4Address | IPv6Address] = []
    for pool in pools(settings):
        addresses.append(pool.ours)
        if pool.ipv6 is not None:
            addresses.append(pool.ipv6[1])
    return tuple(addresses)


def duid(settings: Settings) -> bytes:
    """The server's DHCP unique identifier (RFC 8415 11.5): the same after every restart."""
    return _DUID_UUID + uuid.uuid5(uuid.NAMESPACE_DNS, settings.server.name).bytes


def _user(user: User) -> aaa.User:
    return aaa.User(
        name=user.name,
        password=user.password,
        pool=user.pool,
        address=user.address,
        ipv6=user.ipv6,
        sessions=user.sessions,
        disabled=user.disabled,
        expired=user.password_expired,
        may_change_password=user.change_password,
        idle_seconds=user.idle_timeout,
        session_seconds=user.session_timeout,
    )


def _pool(pool: Pool, *, ipv6: bool) -> aaa.Pool:
    return aaa.Pool(
        name=pool.name,
        ipv4=pool.ipv4,
        ipv6=pool.ipv6 if ipv6 else None,
        gateway=pool.gateway,
        dns=pool.dns,
        wins=pool.wins,
        routes=pool.routes,
        search=pool.search,
        idle_seconds=pool.idle_timeout,
        session_seconds=pool.session_timeout,
    )
