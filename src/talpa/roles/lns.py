"""The L2TP network server: takes calls, lets users in, gives them addresses, carries their traffic.

Ties L2TP calls to PPP links that end here, with AAA in between (RFC 2661 2, LNS).
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from talpa.aaa import Directory, Lease
from talpa.crypto.credentials import Attempt, Refused
from talpa.dataplane import interface as plane
from talpa.hostconfig import HostOffer, LinkServices
from talpa.hostconfig.offer import LEAST_MTU
from talpa.hostconfig.ra import REPEAT_SECONDS
from talpa.l2tp import events as l2tp
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.l2tp.values import CdnResult, DisconnectCode, StopCcnResult
from talpa.ppp import events as ppp
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.config import Ipv4Offer
from talpa.ppp.link import PppLink
from talpa.roles import lns_notices as say
from talpa.roles.admission import Admission
from talpa.roles.ipsec import Association
from talpa.roles.links import Link, Links
from talpa.roles.notices import Notice, Tell
from talpa.roles.session import Session
from talpa.sansio import Deadlines, Path, Rng, earliest

_SILENT = 10.0
"""Seconds without a packet after which a session behind NAT may be one that its device has lost."""
_SOMEBODY_ELSE = "logged in as somebody else on the same link"


@dataclass(frozen=True, slots=True)
class LnsConfig:
    """What the role needs besides the configurations of its cores."""

    ppp: PppConfig
    idle_seconds: float | None = None
    session_seconds: float | None = None
    """Longest time a session may last."""
    duid: bytes = b""
    """Our DHCPv6 identifier; empty: DHCPv6 is not answered."""
    mtu: int | None = None
    """Octets that the TUN device carries; None: as much as PPP."""


class Lns:
    """The role. Owns the links of one endpoint and one data plane."""

    def __init__(
        self,
        endpoint: Endpoint,
        data_plane: plane.DataPlane,
        directory: Directory,
        config: LnsConfig,
        rng: Rng,
        tell: Tell,
    ) -> None:
        self.endpoint = endpoint
        self.plane = data_plane
        self.directory = directory
        self.config = config
        self.links = Links(endpoint, data_plane, self, rng, antispoof=True)
        self.services = LinkServices()
        self.established = 0
        """Sessions that ever got an address."""
        self.refused = 0
        """Attempts to log in that were refused."""
        self.admission = Admission()
        self._closing = False
        self._tell = tell
        self.on_tunnel: Callable[..., None] | None = None
        """(association, tunnel id, now, up=): a tunnel came up in an association, or ended."""
        self._by_device: dict[int, Session] = {}
        """By `Session.device_key`: the latest session of each."""
        self.on_stale: Callable[[int], None] = lambda _: None
        """(association): its device has another now."""
        self.association_of: Callable[[int], Association | None] = lambda _: None
        """The IPsec association of that id, if there is one."""
        self.tracing = False
        """Whether every step of every session is told, for the log level "debug"."""
        self._deadlines: Deadlines[Session] = Deadlines()

    def sessions(self) -> list[Session]:
        """Every session from CallUp on, also those not yet let in."""
        return [link for link in self.links if isinstance(link, Session)]

    def plane_event(self, event: plane.Event, now: float) -> None:
        """Take an event of the data plane; `settle` must follow."""
        self.links.plane_event(event, now)
        if isinstance(event, plane.Degraded):
            self._tell(
                Notice(
                    "data-plane-degraded",
                    f"the kernel refused {event.what}: {event.reason}; going on without it",
                    "warning",
                )
            )

    def settle(self, now: float) -> None:
        """Bring everything to rest and send what is to be sent."""
        self.links.settle(now)
        self.admission.turn_over()

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return earliest(self.links.next_timeout(), self._deadlines.next())

    def handle_timeout(self, now: float) -> None:
        """See to every deadline that has passed; `settle` must follow."""
        self.links.handle_timeout(now)
        for session in self._deadlines.due(now):
            try:
                self._session_due(session, now)
            except Exception as error:
                self.links.contain(error, now, session)

    def _session_due(self, session: Session, now: float) -> None:
        if session.ends_at is not None and session.ends_at <= now:
            self.disconnect(
                session,
                "the session has lasted as long as it may",
                now,
                DisconnectCode.ADMINISTRATIVE,
            )
            session.ends_at = None
        if session.next_advertisement is not None and session.next_advertisement <= now:
            session.next_advertisement = None
            self._advertise(session, now)
        self._arm(session)

    def disconnect(
        self, session: Session, reason: str, now: float, cause: int = DisconnectCode.ADMINISTRATIVE
    ) -> None:
        """End a session in good order: LCP Terminate, then CDN."""
        self.links.close(session, reason, cause, now)

    def close_tunnel(self, tunnel_id: int, reason: str, now: float) -> bool:
        """End a control connection and all in it; whether there is one of that id."""
        tunnel = self.endpoint.description(tunnel_id)
        if tunnel is None or tunnel.state == "idle":
            return False
        self.endpoint.close(tunnel_id, l2tp.Result(StopCcnResult.SHUTTING_DOWN, 0, reason), now)
        return True

    def stop_accepting(self) -> None:
        """The server is going down: take neither tunnels nor calls any more."""
        self._closing = True
        self.endpoint.accepting = False

    def call_event(self, event: l2tp.Event, now: float) -> None:
        """Answer calls; say what becomes of tunnels."""
        match event:
            case l2tp.CallOffered():
                self._answer(event, now)
            case l2tp.CallRequested():
                refusal = l2tp.Result(CdnResult.NO_FACILITIES, 0, "no outgoing calls here")
                self.endpoint.close_call(event.tunnel_id, event.session_id, refusal, now)
            case l2tp.CallDown():
                self.admission.call_settled(event.tunnel_id, event.session_id)
                self._tell(say.call_failed(event, self.endpoint.path(event.tunnel_id)))
            case l2tp.ControlConnectionUp():
                self.admission.tunnel_up(event.tunnel_id, event.path.remote.host, now)
                self._association_used(event.path, event.tunnel_id, now, up=True)
                self._tell(say.tunnel_up(event))
            case l2tp.ControlConnectionRefused():
                self._tell(say.tunnel_refused(event))
            case l2tp.ControlConnectionDown():
                self.admission.tunnel_down(event.tunnel_id)
                self._association_used(event.path, event.tunnel_id, now, up=False)
                self._tell(say.tunnel_down(event))

    def _association_used(self, path: Path, tunnel_id: int, now: float, *, up: bool) -> None:
        if path.association and self.on_tunnel is not None:
            self.on_tunnel(path.association, tunnel_id, now, up=up)

    def _answer(self, event: l2tp.CallOffered, now: float) -> None:
        """Take a call, or say why not now."""
        tunnel_id, session_id = event.tunnel_id, event.session_id
        busy = "the server is going down"
        if not self._closing:
            source = self.endpoint.path(tunnel_id).remote.host
            busy = self.admission.call_begun(tunnel_id, session_id, source)
        if busy:
            result = l2tp.Result(CdnResult.NO_FACILITIES_NOW, 0, busy)
            self.endpoint.close_call(tunnel_id, session_id, result, now)
        else:
            self.endpoint.accept_call(tunnel_id, session_id, now)

    def link_config(self, event: l2tp.CallUp) -> PppConfig:  # noqa: ARG002
        """Every caller is met in the same way."""
        return self.config.ppp

    def make_link(
        self, event: l2tp.CallUp, path: Path, handle: int, link: PppLink, now: float
    ) -> Session:
        """A session that nobody has been let into yet."""
        session = Session(event, path, handle, link, now)
        if self.tracing:
            self._tell(say.call_up(session))
        return session

    def ppp_event(self, link: Link, event: ppp.Event, now: float) -> None:
        """Let the user in; open the way for traffic."""
        assert isinstance(link, Session)
        if self.tracing:
            self._tell(say.ppp_step(link, event))
        match event:
            case ppp.LinkOpened():
                # A segment has to fit our TUN device, too.
                link.mtu = min(event.peer_mru, self.config.mtu or self.config.ppp.mru)
                self.plane.session_set(link.handle, mtu=link.mtu, mru=event.our_mru)
            case ppp.PeerAttempted():
                self._check(link, event.attempt, now)
            case ppp.Authenticated():
                self._admit(link, event, now)
            case ppp.Ipv4Up() | ppp.Ipv4Down():
                link.ipv4 = isinstance(event, ppp.Ipv4Up)
                self._open(link, now)
            case ppp.Ipv6Up():
                link.ipv6 = event
                self._open(link, now)
                self._advertise(link, now)
            case ppp.Ipv6Down():
                link.ipv6 = None
                self._open(link, now)
            case ppp.PeerIdentified():
                link.device = _device(event.text) or link.device

    def packet_for_host(self, link: Link, packet: bytes, now: float) -> None:  # noqa: ARG002
        """Tell the client's system its routes, names and prefix."""
        assert isinstance(link, Session)
        if link.lease is not None:
            for answer in self.services.respond(packet, self._offer(link, link.lease)):
                self.plane.send_ip(link.handle, answer)

    def link_idle(self, link: Link, now: float) -> None:
        """Nothing went through for as long as allowed."""
        assert isinstance(link, Session)
        self.disconnect(link, "no traffic for the idle time", now, DisconnectCode.NORMAL)

    def link_gone(
        self, link: Link, closed: ppp.LinkClosed, counters: plane.Counters, now: float
    ) -> None:
        """The session has ended."""
        assert isinstance(link, Session)
        self.admission.call_settled(link.tunnel_id, link.session_id)
        self._deadlines.arm(link, None)
        if self._by_device.get(link.device_key) is link:
            del self._by_device[link.device_key]
        if link.lease is not None:
            self.directory.release(link.lease, now)
            link.lease = None
        self._tell(say.session_down(link, closed, counters, now))

    def _check(self, session: Session, attempt: Attempt, now: float) -> None:
        verdict = self.directory.authenticate(attempt, session.path.remote.host, now)
        if isinstance(verdict, Refused):
            self.refused += 1
            self._tell(say.login_failed(session, attempt, verdict))
        session.ppp.verdict(verdict, now)

    def _admit(self, session: Session, event: ppp.Authenticated, now: float) -> None:
        """Authenticated: find the user an address and open the network phase."""
        if session.user not in ("", event.name):
            self._tell(say.session_refused(session, Refused(f"{event.name}: {_SOMEBODY_ELSE}")))
            self.plane.session_routes(session.handle, [])
            self.disconnect(session, _SOMEBODY_ELSE, now, DisconnectCode.NO_NCP)
            return
        if session.lease is not None:  # LCP was negotiated anew
            self.directory.release(session.lease, now)
            session.lease = None
        session.user = event.name
        session.method = event.method
        if self.directory.full(event.name) or session.path.association:
            self._replace(session, now)
        lease = self.directory.admit(event.name, now, source=session.path.remote.host)
        if isinstance(lease, Refused):
            self._tell(say.session_refused(session, lease))
            self.plane.session_routes(session.handle, [])
            self.disconnect(session, lease.message.lower(), now, DisconnectCode.NO_NCP)
            return
        session.lease = lease
        dns = tuple(a for a in lease.dns if isinstance(a, IPv4Address))
        offer = Ipv4Offer(lease.gateway, lease.ipv4, dns, lease.wins)
        session.ppp.offer_ipv4(offer, now)
        if lease.ipv6_prefix is not None:
            session.ppp.offer_ipv6(now)
        else:
            session.ppp.refuse_ipv6(now)
        self.plane.session_routes(session.handle, _networks(lease))
        idle = lease.idle_seconds or self.config.idle_seconds
        if idle:
            self.plane.session_set(session.handle, idle_seconds=idle)
        limit = lease.session_seconds or self.config.session_seconds
        session.ends_at = session.since + limit if limit else None
        self._arm(session)

    def _replace(self, session: Session, now: float) -> None:
        """End an earlier session of the same device.

        When its user may have no more of them; and with IPsec whenever it is lost.

        A device that crashed or lost its network calls again long before it is missed. The same
        device: the same user, address and L2TP host name. A tunnel with other sessions is that of
        a LAC, where all devices look the same.
        """
        device = self._seen_from(session)
        if device is None:
            return
        # A user who may have no more has few: nobody else's login is to look at every session.
        others = (
            self.sessions() if self.directory.full(session.user) else self._known(session, device)
        )
        stale = [
            other
            for other in others
            if other.user == session.user
            and other.lease is not None
            and other.tunnel_id != session.tunnel_id
            and self._seen_from(other) == device
        ]
        if not stale:
            return
        old = min(stale, key=self._heard)
        if not self.directory.full(session.user) and not self._is_lost(old, session, now):
            return
        assert old.lease is not None
        self.directory.release(old.lease, now)
        old.lease = None
        self.plane.session_routes(old.handle, [])
        reason = f"replaced by a new login of {session.user} from the same device"
        self._tell(say.session_replaced(old, session, reason))
        if old.path.association != session.path.association:
            self.on_stale(old.path.association)
        self.close_tunnel(old.tunnel_id, reason, now)

    def _known(self, session: Session, device: tuple[str, bytes, str]) -> list[Session]:
        """The session that was the latest of this device until now; from now on it is this one."""
        session.device_key = hash((session.user, device))
        old = self._by_device.get(session.device_key)
        self._by_device[session.device_key] = session
        return [] if old is None else [old]

    def _is_lost(self, old: Session, session: Session, now: float) -> bool:
        """Whether the device of `session` has forgotten its session `old`, as far as IPsec shows:
        it has one association, and makes new keys when it begins anew, while who has two tunnels
        goes on with both. Behind NAT others may look the same: there the old one has to be
        silent."""
        association = self.association_of(session.path.association)
        if association is None:
            return False
        if old.path.association == session.path.association:
            return self._heard(old) < association.keys_since
        return not association.peer.peer_is_behind_nat or now - self._heard(old) >= _SILENT

    def _heard(self, session: Session) -> float:
        return self.plane.session_counters(session.handle).last_received

    def _seen_from(self, session: Session) -> tuple[str, bytes, str] | None:
        """Address, IKE identity and L2TP host name of a session that has its tunnel for itself."""
        tunnel = self.endpoint.description(session.tunnel_id)
        if tunnel is None or tunnel.sessions != 1:
            return None
        association = self.association_of(session.path.association)
        identity = association.peer.identity.value if association is not None else b""
        return session.path.remote.host, identity, tunnel.host_name

    def _open(self, session: Session, now: float) -> None:
        """Let through what is negotiated, and say so the first time."""
        self.plane.session_open(session.handle, session.ipv4, session.ipv6 is not None)
        if not session.up and session.lease is not None:
            session.up = True
            self.admission.call_settled(session.tunnel_id, session.session_id)
            self.established += 1
            self._tell(say.session_up(session, session.lease, now))

    def _advertise(self, session: Session, now: float) -> None:
        """Send a router advertisement, and plan the next."""
        if session.lease is None or session.lease.ipv6_prefix is None or session.ipv6 is None:
            return
        for packet in self.services.opened(self._offer(session, session.lease)):
            self.plane.send_ip(session.handle, packet)
        session.next_advertisement = now + REPEAT_SECONDS
        self._arm(session)

    def _offer(self, session: Session, lease: Lease) -> HostOffer:
        link = session.ipv6
        return HostOffer(
            server=lease.gateway,
            client=lease.ipv4,
            dns=tuple(a for a in lease.dns if isinstance(a, IPv4Address)),
            dns6=lease.dns6,
            search=lease.search,
            routes=tuple(r for r in lease.routes if isinstance(r, IPv4Network)),
            wins=lease.wins,
            ours=link.ours if link else None,
            peer=link.peer if link else None,
            prefix=_autoconfigured(lease.ipv6_prefix),
            mtu=max(session.mtu, LEAST_MTU),
            duid=self.config.duid,
        )

    def _arm(self, session: Session) -> None:
        self._deadlines.arm(session, earliest(session.ends_at, session.next_advertisement))


def _networks(lease: Lease) -> list[plane.Network]:
    networks: list[plane.Network] = [IPv4Network(lease.ipv4)]
    if lease.ipv6_prefix is not None:
        networks.append(lease.ipv6_prefix)
    return networks


def _autoconfigured(prefix: IPv6Network | None) -> IPv6Network | None:
    """The prefix where a host can make itself an address in it: a /64 (RFC 4862 5.5.3)."""
    return prefix if prefix is not None and prefix.prefixlen == 64 else None


def _device(text: str) -> str:
    """The computer's name out of what Windows says of itself; other texts as they are.

    Windows sends "MSRASV5.20", "MSRAS-0-NAME" and a binary identifier, one message each; octets
    that are no text come escaped.
    """
    if text.startswith("MSRAS-0-"):
        return text.removeprefix("MSRAS-0-")
    return "" if text.startswith("MSRAS") or "\\" in text else text
