"""What the server tells of IPsec: associations, IKEv2 users, totals."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from talpa.api.models import Association, IpsecStatus, LinkStatus, SessionInfo
from talpa.ike.events import Peer
from talpa.ike.identities import show
from talpa.roles.access import AccessServer
from talpa.roles.ipsec import Association as Carried
from talpa.roles.remote_access import RemoteUser
from talpa.sansio import Drops
from talpa.server.config.ipsec_schema import Ipsec
from talpa.server.config.schema import Settings
from talpa.server.router_links import LinkState


class IpsecManagement:
    """The part of the management that is about IPsec; all of it is empty where there is none."""

    def __init__(
        self, settings: Callable[[], Settings], access: AccessServer, links: Mapping[str, LinkState]
    ) -> None:
        """`settings` gives those that are in force at the time; `links` is the present state of
        those that were up or called."""
        self._settings = settings
        self._links = links
        self._access = access

    @property
    def established(self) -> int:
        """Sessions of IKEv2 without L2TP that came up since the start."""
        return self._access.remote.established

    def status(self, now: float) -> IpsecStatus | None:
        """The totals."""
        ipsec, plane = self._access.ipsec, self._access.plane
        if ipsec is None:
            return None
        settings = self._settings().ipsec
        associations = ipsec.associations()
        proved = sum(1 for each in ipsec.endpoint.describe() if each.peer is not None)
        return IpsecStatus(
            listens=tuple(str(a) for a in (*plane.ike_listens, *plane.natt_listens)),
            policy=settings.policy,
            required=settings.require,
            ikes=proved,
            half_open=ipsec.endpoint.half_open,
            associations=len(associations),
            weak=sum(1 for each in associations if each.peer.weak),
            failures=self._access.ike_failures,
            links=tuple(self._link_states(settings, now)),
        )

    def _link_states(self, settings: Ipsec, now: float) -> Iterator[LinkStatus]:
        for link in settings.connections:
            found = self._links.get(link.name)
            info = LinkStatus(name=link.name, peer=link.peer or "", state="listening")
            if found is None:
                yield info
                continue
            yield replace(
                info,
                state=found.state,
                since=epoch(found.since, now),
                age_seconds=now - found.since,
                reason=found.reason,
            )

    def warnings(self) -> tuple[str, ...]:
        """What does not protect as it should."""
        settings, ipsec = self._settings().ipsec, self._access.ipsec
        found = []
        if ipsec is None:
            found.append("no IPsec: whoever sees the packets can read them")
        elif not settings.require:
            found.append(
                "L2TP in the clear is answered too: whoever sees its packets can read them"
            )
        if settings.key_log is not None and ipsec is not None:
            found.append(f"every key is written to {settings.key_log}")
        return tuple(found)

    def drops(self) -> Iterable[Drops]:
        """Where what was dropped is counted."""
        ipsec = self._access.ipsec
        return () if ipsec is None else (ipsec.endpoint.drops,)

    def associations(self, now: float) -> list[Association]:
        """Every association, oldest first."""
        ipsec = self._access.ipsec
        if ipsec is None:
            return []
        users = self._users()
        found = sorted(ipsec.associations(), key=lambda each: each.since)
        return [self._association(each, users.get(each.handle, ()), now) for each in found]

    def sessions(self, now: float) -> list[SessionInfo]:
        """Users of IKEv2 without L2TP."""
        return [self._session(user, now) for user in self._access.remote.users()]

    def disconnect(self, target: str, reason: str, now: float) -> list[str]:
        """End what a user of IKEv2 has, one session ("ike/7"), one association ("sa/12") or those
        of a link by its name; what was ended."""
        ended = []
        ipsec = self._access.ipsec
        if ipsec is None or not target:
            return []
        for user in self._access.remote.users():
            if target in (user.id, user.user):
                self._access.remote.disconnect(user, reason, now)
                ended.append(f"{user.user} {user.id}")
        for association in ipsec.associations():
            link = association.peer.connection
            if target in (f"sa/{association.handle}", link):
                ipsec.close(association, reason, now)
                of_link = f" of link {link}" if link else ""
                ended.append(f"association {association.handle}{of_link}")
        return ended

    def _users(self) -> dict[int, tuple[str, ...]]:
        """By association: who is logged in through it."""
        users: dict[int, tuple[str, ...]] = {}
        for session in self._access.lns.sessions():
            if session.user and session.path.association:
                handle = session.path.association
                users[handle] = (*users.get(handle, ()), session.user)
        for user in self._access.remote.users():
            if user.association is not None:
                users[user.association.handle] = (user.user,)
        return users

    def _association(self, carried: Carried, users: tuple[str, ...], now: float) -> Association:
        counters = self._access.plane.association_counters(carried.handle)
        peer, spec = carried.peer, carried.spec
        heard = counters.last_received
        return Association(
            id=carried.handle,
            ike=carried.ike,
            peer=str(carried.path.remote),
            local=str(carried.path.local),
            identity=show(peer.identity),
            users=users,
            version=peer.version,
            method=peer.method,
            credential=peer.credential,
            device=peer.device,
            vendors=peer.vendors,
            connection=peer.connection,
            initiated=peer.initiated,
            mode=spec.mode.value,
            encapsulation=spec.encapsulation.value,
            nat=_nat(peer),
            ike_suite=peer.suite,
            esp_suite=carried.suite,
            weak=peer.weak,
            since=epoch(carried.since, now),
            age_seconds=now - carried.since,
            idle_seconds=now - heard if heard else None,
            rekeys=max(carried.rekeys, 0),
            received_packets=counters.received_packets,
            received_octets=counters.received_octets,
            sent_packets=counters.sent_packets,
            sent_octets=counters.sent_octets,
            replayed=counters.replayed,
            forged=counters.forged,
            dropped=counters.dropped,
        )

    def _session(self, user: RemoteUser, now: float) -> SessionInfo:
        lease, carried = user.lease, user.association
        info = SessionInfo(
            id=user.id,
            user=user.user,
            device=user.peer.device,
            client=str(user.peer.path.remote),
            ipv4=str(lease.ipv4) if lease.ipv4 else None,
            ipv6=str(lease.ipv6_prefix) if lease.ipv6_prefix else None,
            method=user.peer.method,
            pool=lease.pool,
            since=epoch(user.since, now),
            age_seconds=now - user.since,
            state="negotiating",
        )
        if carried is None:
            return info
        counters = self._access.plane.association_counters(carried.handle)
        heard = counters.last_received
        return replace(
            info,
            idle_seconds=now - heard if heard else None,
            received_packets=counters.received_packets,
            received_octets=counters.received_octets,
            sent_packets=counters.sent_packets,
            sent_octets=counters.sent_octets,
            dropped=counters.dropped + counters.forged + counters.replayed,
            client=str(carried.path.remote),
            mtu=carried.spec.mtu,
            association=carried.handle,
            state="up",
        )


def epoch(monotonic: float, now: float) -> float:
    """Seconds since 1970 of a moment on the clock of the cores."""
    return time.time() - (now - monotonic)


def _nat(peer: Peer) -> str:
    if peer.peer_is_behind_nat:
        return "both" if peer.we_are_behind_nat else "peer"
    return "us" if peer.we_are_behind_nat else ""
