"""What the server tells of itself, and does when asked, over the management socket."""

import os
from collections.abc import Callable, Mapping

from talpa import __version__
from talpa.api.models import Association, PoolUsage, ServerStatus, SessionInfo, TunnelInfo
from talpa.roles.access import AccessServer
from talpa.roles.session import Session
from talpa.server.config.schema import Settings
from talpa.server.driver import Driver
from talpa.server.ipsec_management import IpsecManagement, epoch
from talpa.server.router_links import LinkState

_BY_ADMINISTRATOR = "disconnected by the administrator"
_TUNNEL_STATES = {"established": "established", "idle": "closing"}
"""Of those that RFC 2661 7.2.1 names; all others are on the way."""


class ServerManagement:
    """The `Management` of a server process."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        access: AccessServer,
        driver: Driver,
        reload: Callable[[], str],
        links: Mapping[str, LinkState],
    ) -> None:
        """`settings` gives those that are in force at the time; `links` is the present state of
        those that were up or called."""
        self._settings = settings
        self._lns = access.lns
        self._ipsec = IpsecManagement(settings, access, links)
        self._driver = driver
        self._reload = reload
        self._started = driver.now()

    def status(self) -> ServerStatus:
        """The server as a whole."""
        lns, settings = self._lns, self._settings()
        now = self._driver.now()
        drops: dict[str, int] = {}
        for source in (
            lns.plane.drops,
            lns.endpoint.drops,
            lns.services.drops,
            lns.links.ppp_drops,
            *self._ipsec.drops(),
        ):
            for reason, count in source:
                drops[reason] = drops.get(reason, 0) + count
        sessions = self.sessions()
        return ServerStatus(
            name=settings.server.name,
            version=__version__,
            pid=os.getpid(),
            since=epoch(self._started, now),
            uptime_seconds=now - self._started,
            # In the clear nothing is answered then, whatever the plane has bound.
            listens=() if settings.ipsec.require else tuple(str(a) for a in lns.plane.listens),
            plane=lns.plane.name,
            tun=lns.plane.tun,
            tunnels=len(lns.endpoint.tunnels()),
            sessions=len(sessions),
            users=len({s.user for s in sessions if s.user}),
            counters={
                "sessions set up": lns.established + self._ipsec.established,
                "logins refused": lns.refused,
            },
            drops=drops,
            pools=tuple(
                PoolUsage(
                    name=usage.name,
                    ipv4_used=usage.ipv4_used,
                    ipv4_size=usage.ipv4_size,
                    ipv6_used=usage.ipv6_used,
                    ipv6_size=usage.ipv6_size,
                )
                for usage in lns.directory.usage()
            ),
            ipsec=self._ipsec.status(now),
            warnings=self._ipsec.warnings(),
        )

    def sessions(self) -> list[SessionInfo]:
        """Every session, oldest first."""
        now = self._driver.now()
        found = [self._session(session, now) for session in self._lns.sessions()]
        return sorted([*found, *self._ipsec.sessions(now)], key=lambda session: session.since)

    def tunnels(self) -> list[TunnelInfo]:
        """Every control connection, oldest first."""
        now = self._driver.now()
        found = [
            TunnelInfo(
                id=t.tunnel_id,
                peer_id=t.peer_tunnel_id,
                host_name=t.host_name,
                vendor=t.vendor_name,
                local=str(t.path.local),
                remote=str(t.path.remote),
                state=_TUNNEL_STATES.get(t.state, "connecting"),
                sessions=t.sessions,
                since=epoch(t.since, now),
                age_seconds=now - t.since,
                authenticated=t.authenticated,
                association=t.path.association or None,
            )
            for t in self._lns.endpoint.describe()
        ]
        return sorted(found, key=lambda t: t.since)

    def associations(self) -> list[Association]:
        """Every IPsec association, oldest first."""
        return self._ipsec.associations(self._driver.now())

    def disconnect(self, target: str) -> list[str]:
        """End the sessions of a user, one session ("12/34", or "ike/7" without L2TP), a tunnel
        ("12") with all of its sessions, an IPsec association ("sa/5"), or those of a link by its
        name; what was ended. A user of that name comes before a tunnel. Empty when nothing answers
        to the name."""
        now = self._driver.now()
        ended = self._ipsec.disconnect(target, _BY_ADMINISTRATOR, now)
        meant = [s for s in self._lns.sessions() if target and target in (s.id, s.user)]
        a_tunnel = target.isdecimal() and not meant and not ended
        if a_tunnel:
            meant = [s for s in self._lns.sessions() if target == str(s.tunnel_id)]
        for session in meant:
            self._lns.disconnect(session, _BY_ADMINISTRATOR, now)
            ended.append(f"{session.user or 'session'} {session.id}")
        self._driver.turn()  # LCP says goodbye before the tunnel goes
        if a_tunnel and self._lns.close_tunnel(int(target), _BY_ADMINISTRATOR, now):
            ended.append(f"tunnel {target}")
            self._driver.turn()
        return ended

    def reload(self) -> str:
        """Read the configuration again. Raises `ConfigError`, `HostError`, `OSError`."""
        return self._reload()

    def _session(self, session: Session, now: float) -> SessionInfo:
        counters = self._lns.plane.session_counters(session.handle)
        lease = session.lease
        heard = counters.last_received
        return SessionInfo(
            id=session.id,
            user=session.user,
            device=session.device,
            client=str(session.path.remote),
            ipv4=str(lease.ipv4) if lease and lease.ipv4 else None,
            ipv6=str(lease.ipv6_prefix) if lease and lease.ipv6_prefix else None,
            method=session.method,
            pool=lease.pool if lease else "",
            since=epoch(session.since, now),
            age_seconds=now - session.since,
            idle_seconds=now - heard if heard else None,
            received_packets=counters.received_packets,
            received_octets=counters.received_octets,
            sent_packets=counters.sent_packets,
            sent_octets=counters.sent_octets,
            dropped=counters.dropped,
            mtu=session.mtu,
            association=session.path.association or None,
            state=session.state(),
        )
