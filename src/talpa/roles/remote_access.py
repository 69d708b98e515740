"""IKEv2 remote access: users in tunnel mode, with addresses from the same pools as PPP users."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from talpa.aaa import Directory, Lease
from talpa.crypto.attempts import CertificateAttempt
from talpa.crypto.credentials import Refused
from talpa.dataplane import interface as plane
from talpa.dataplane.interface import AssociationCounters
from talpa.ike import events as ike
from talpa.ike.identities import show
from talpa.roles.ipsec import Association, Ipsec
from talpa.roles.notices import Notice, Tell
from talpa.roles.remote_names import user_names
from talpa.sansio import Deadlines, earliest
from talpa.wire import printable

_LOOK = 10.0
"""Seconds between two looks at whether a user is idle."""
_SHOWN = 160


class RemoteUser:
    """A user's IKE SA with its addresses."""

    __slots__ = ("association", "ends_at", "ike", "lease", "packets", "peer", "since", "traffic_at")

    def __init__(self, event: ike.AddressWanted, lease: Lease, now: float) -> None:
        self.ike = event.ike
        self.peer = event.peer
        self.lease = lease
        self.since = now
        self.association: Association | None = None
        self.ends_at = now + lease.session_seconds if lease.session_seconds else None
        self.packets = 0
        self.traffic_at = now

    @property
    def id(self) -> str:
        """The name of the session in commands and logs."""
        return f"ike/{self.ike}"

    @property
    def user(self) -> str:
        """As let in."""
        return self.lease.user


class RemoteAccess:
    """The users of one server. `ipsec` is set once it is made."""

    ipsec: Ipsec

    def __init__(self, data_plane: plane.DataPlane, directory: Directory, tell: Tell) -> None:
        self.plane = data_plane
        self.directory = directory
        self.idle_seconds: float | None = None
        self.session_seconds: float | None = None
        self.established = 0
        self.accepting = True
        self._tell = tell
        self._users: dict[int, RemoteUser] = {}
        self._deadlines: Deadlines[int] = Deadlines()

    def users(self) -> list[RemoteUser]:
        """Everybody who has an address."""
        return list(self._users.values())

    def address_wanted(self, event: ike.AddressWanted, now: float) -> None:
        """Give an authenticated user addresses, or say why not."""
        endpoint = self.ipsec.endpoint
        lease = self._admitted(event, now)
        if isinstance(lease, Refused):
            self._say_refused(event, lease.reason)
            endpoint.refuse_address(event.ike, lease.reason, now)
            return
        user = self._users[event.ike] = RemoteUser(event, lease, now)
        if user.ends_at is None and self.session_seconds:
            user.ends_at = now + self.session_seconds
        self._arm(user, now)
        prefix = lease.ipv6_prefix if event.ipv6 else None
        offer = ike.AddressOffer(
            lease.ipv4 if event.ipv4 else None,
            prefix[1] if prefix is not None and prefix.num_addresses > 1 else None,
            tuple(a for a in lease.dns if a.version == 4 or prefix is not None),
            lease.search,
            _routes(lease),
        )
        endpoint.offer(event.ike, offer, now)

    def association_up(self, association: Association, now: float) -> None:
        """Let the user's packets go."""
        user = self._users.get(association.ike)
        if user is None:
            return
        first = user.association is None
        user.association = association
        self.plane.association_routes(association.handle, _networks(user.lease))
        if first:
            self.established += 1
            self._say_up(user, now)

    def association_down(
        self, association: Association, reason: str, counters: AssociationCounters, now: float
    ) -> None:
        """Without an association a user has nothing: the addresses go back."""
        user = self._users.get(association.ike)
        if user is not None and user.association is association:
            self._gone(user, reason, counters, now)

    def ike_down(self, number: int, reason: str, now: float) -> None:
        """The IKE SA of a user is gone."""
        user = self._users.get(number)
        if user is not None:
            self._gone(user, reason, AssociationCounters(), now)

    def disconnect(self, user: RemoteUser, reason: str, now: float) -> None:
        """End a user's IKE SA, telling the peer."""
        self.ipsec.endpoint.close(user.ike, reason, now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return self._deadlines.next()

    def handle_timeout(self, now: float) -> None:
        """End who has been here long enough, or does nothing."""
        for number in self._deadlines.due(now):
            user = self._users[number]
            if user.ends_at is not None and user.ends_at <= now:
                self.disconnect(user, "the session has lasted as long as it may", now)
            elif self._idle(user, now):
                self.disconnect(user, "no traffic for the idle time", now)
            else:
                self._arm(user, now)

    def _not_entitled(self, event: ike.AddressWanted) -> str:
        """Why nobody can be given an address, whoever it is; empty when one can."""
        if not self.accepting:
            return "the server is going down"
        if event.peer.method == "PSK" and not event.peer.credential:
            return (
                "a pre-shared key that everybody has proves no user: log in with EAP or a "
                "certificate, or give the user a key of its own (identity in [[ipsec.psk]])"
            )
        return ""

    def _admitted(self, event: ike.AddressWanted, now: float) -> Lease | Refused:
        refused = self._not_entitled(event)
        if refused:
            return Refused(refused)
        names = user_names(event)
        name = next((each for each in names if self.directory.knows(each)), None)
        if name is None:
            wanted = " or ".join(printable(each, _SHOWN) for each in dict.fromkeys(names))
            return Refused(f"no such user: {wanted}: add a [[user]] of that name")
        if not event.peer.method.startswith("EAP"):
            # EAP asked whether the user may log in; nobody did for a key or a certificate alone.
            attempt = CertificateAttempt(name, event.peer.credential)
            verdict = self.directory.authenticate(attempt, event.peer.path.remote.host, now)
            if isinstance(verdict, Refused):
                return verdict
        return self._lease(name, event.peer, now)

    def _lease(self, name: str, peer: ike.Peer, now: float) -> Lease | Refused:
        """The lease of the same device, which has come back, or a new one."""
        for old in self.users():
            if old.user == name and _device(old.peer) == _device(peer):
                lease = old.lease
                self._forget(old)
                self.ipsec.endpoint.close(old.ike, "replaced by a new login of the device", now)
                return lease
        return self.directory.admit(name, now, source=peer.path.remote.host)

    def _gone(
        self, user: RemoteUser, reason: str, counters: AssociationCounters, now: float
    ) -> None:
        self._forget(user)
        self.directory.release(user.lease, now)
        self._say_down(user, reason, counters, now)

    def _forget(self, user: RemoteUser) -> None:
        del self._users[user.ike]
        self._deadlines.arm(user.ike, None)
        if user.association is not None and self.ipsec.find(user.association.handle):
            self.plane.association_routes(user.association.handle, [])

    def _idle(self, user: RemoteUser, now: float) -> bool:
        limit = user.lease.idle_seconds or self.idle_seconds
        if not limit or user.association is None:
            return False
        counters = self.plane.association_counters(user.association.handle)
        packets = counters.received_packets + counters.sent_packets
        if packets != user.packets:
            user.packets, user.traffic_at = packets, now
        return now - user.traffic_at >= limit

    def _arm(self, user: RemoteUser, now: float) -> None:
        look = now + _LOOK if user.lease.idle_seconds or self.idle_seconds else None
        self._deadlines.arm(user.ike, earliest(user.ends_at, look))

    def _say_up(self, user: RemoteUser, now: float) -> None:
        peer, lease = user.peer, user.lease
        self._tell(
            Notice(
                "session-up",
                f"{user.user} ({peer.path.remote.host}{_named(peer)}): connected as {lease.ipv4} "
                f"with IKEv2, {peer.method} (session {user.id})",
                "info",
                {
                    "session": user.id,
                    "user": user.user,
                    "client": peer.path.remote.host,
                    "ipv4": str(lease.ipv4),
                    "ipv6": str(lease.ipv6_prefix or ""),
                    "method": peer.method,
                    "device": peer.device,
                    "seconds": round(now - user.since, 3),
                },
            )
        )

    def _say_down(
        self, user: RemoteUser, reason: str, counters: AssociationCounters, now: float
    ) -> None:
        self._tell(
            Notice(
                "session-down",
                f"{user.user} ({user.peer.path.remote.host}): session {user.id} ended: {reason}",
                "info",
                {
                    "session": user.id,
                    "user": user.user,
                    "client": user.peer.path.remote.host,
                    "reason": reason,
                    "seconds": round(now - user.since, 1),
                    "received_octets": counters.received_octets,
                    "sent_octets": counters.sent_octets,
                },
            )
        )

    def _say_refused(self, event: ike.AddressWanted, reason: str) -> None:
        client = event.peer.path.remote.host
        self._tell(
            Notice(
                "session-refused",
                f"{reason} (asked for by {event.user or show(event.peer.identity)} from {client})",
                "warning",
                {"user": event.user, "client": client, "reason": reason},
            )
        )


def _device(peer: ike.Peer) -> tuple[str, bytes, str]:
    return peer.path.remote.host, peer.identity.value, peer.credential


def _named(peer: ike.Peer) -> str:
    return f", {peer.device}" if peer.device else ""


def _routes(lease: Lease) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks for split tunnelling: nothing else gets through, so that the name servers and our
    own address have to be among them."""
    if not lease.routes:
        return ()
    found = list(lease.routes)
    for address in (lease.gateway, *lease.dns):
        if not any(address in network for network in found):
            found.append(ip_network(address))
    return tuple(found)


def _networks(lease: Lease) -> Sequence[IPv4Network | IPv6Network]:
    networks: list[IPv4Network | IPv6Network] = [IPv4Network(lease.ipv4)]
    if lease.ipv6_prefix is not None:
        networks.append(lease.ipv6_prefix)
    return networks
