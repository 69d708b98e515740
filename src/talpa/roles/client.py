"""The VPN client: one voluntary tunnel with one call, the LAC end (RFC 2661 2).

Opens the tunnel, places a call, proves who the user is, takes the address that the server gives.
What that means for the host (addresses, routes, name servers) is its owner's to do.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeVar

from talpa.dataplane import interface as plane
from talpa.hostconfig import (
    Route,
    inform_request,
    parse_ack,
    parse_advertisement,
    router_solicitation,
    slaac_address,
)
from talpa.l2tp import events as l2tp
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.l2tp.v2.results import SILENT
from talpa.l2tp.values import CdnResult, DisconnectCode, StopCcnResult
from talpa.ppp import events as ppp
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.link import PppLink
from talpa.roles.links import Link, Links
from talpa.roles.notices import Notice, Tell, said
from talpa.sansio import Drops, Path, Rng, earliest
from talpa.wire import Malformed, Secret

_CREDENTIALS = frozenset(
    (DisconnectCode.AUTHENTICATION_PROTOCOL_UNACCEPTABLE, DisconnectCode.AUTHENTICATION_FAILED)
)
"""Ends that calling again with the same credentials will meet again."""

T = TypeVar("T")

_MOST_EACH = 16
"""Addresses, name servers, search domains that are kept."""

ASK_TIMES = 4
ASK_SECONDS = 3.0
"""How often and how far apart the server's DHCP and router are asked; many never answer."""


class Stage(Enum):
    """How far the connection has come, in the words that the user sees."""

    IKE = "IKE"
    L2TP = "L2TP"
    CALL = "call"
    LCP = "LCP"
    AUTHENTICATION = "authentication"
    ADDRESS = "address"
    READY = "ready"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Network:
    """What the server gave us."""

    ipv4: IPv4Address | None = None
    peer: IPv4Address | None = None
    dns: tuple[IPv4Address | IPv6Address, ...] = ()
    wins: tuple[IPv4Address, ...] = ()
    link_local: IPv6Address | None = None
    ipv6: tuple[IPv6Address, ...] = ()
    """Addresses out of the advertised prefixes."""
    mtu: int = 1400
    routes: tuple[Route, ...] = ()
    """Networks that the server says lie behind it (DHCP options 121 and 249)."""
    routes6: tuple[IPv6Network, ...] = ()
    """The same of IPv6 (IKEv2)."""
    search: tuple[str, ...] = ()


class Client:
    """The role. `network` grows as the server hands things out; `changed` says when to look."""

    def __init__(
        self,
        endpoint: Endpoint,
        data_plane: plane.DataPlane,
        config: PppConfig,
        rng: Rng,
        tell: Tell,
    ) -> None:
        self.endpoint = endpoint
        endpoint.accepting = False  # a client is called by nobody
        self.plane = data_plane
        self.config = config
        self.links = Links(endpoint, data_plane, self, rng, antispoof=False)
        self.drops = Drops()
        self.stage = Stage.L2TP
        self.stages: list[tuple[Stage, float]] = []
        """When each stage was entered."""
        self.network = Network()
        self.changed = False
        self.failure = ""
        """Why the connection ended or never came up: a sentence."""
        self.refused = False
        """The server does not want these credentials: trying again as before is of no use."""
        self.link: Link | None = None
        self.tunnel_id = 0
        self.session_id = 0
        self._tell = tell
        self._xid = int.from_bytes(rng(4), "big")
        self._asks = 0
        self._ask_at: float | None = None
        self._told_ipv4 = False

    @property
    def busy(self) -> bool:
        """A goodbye is not acknowledged yet."""
        return self.endpoint.busy

    @property
    def on_fault(self) -> Callable[[str, Exception], None] | None:
        """See `Links.on_fault`."""
        return self.links.on_fault

    @on_fault.setter
    def on_fault(self, told: Callable[[str, Exception], None] | None) -> None:
        self.links.on_fault = told

    def open(self, path: Path, now: float) -> None:
        """Call the server."""
        self._enter(Stage.L2TP, now)
        self.tunnel_id = self.endpoint.open(path, now)
        self.session_id = self.endpoint.place_call(self.tunnel_id, now)

    def close(self, now: float) -> None:
        """Hang up in good order."""
        if self.link is not None:
            self.links.close(self.link, "the user disconnected", DisconnectCode.NORMAL, now)
        else:
            self._stop_tunnel(now)

    def plane_event(self, event: plane.Event, now: float) -> None:
        """Take an event of the data plane; `settle` must follow."""
        self.links.plane_event(event, now)

    def settle(self, now: float) -> None:
        """Bring everything to rest and send what is to be sent."""
        self.links.settle(now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return earliest(self.links.next_timeout(), self._ask_at)

    def handle_timeout(self, now: float) -> None:
        """See to every deadline that has passed; `settle` must follow."""
        self.links.handle_timeout(now)
        if self._ask_at is not None and self._ask_at <= now:
            self._ask(now)

    def call_event(self, event: l2tp.Event, now: float) -> None:
        """Follow our tunnel and call; refuse what a client is not for."""
        if getattr(event, "tunnel_id", None) != self.tunnel_id:
            return
        match event:
            case l2tp.ControlConnectionUp():
                self._enter(Stage.CALL, now)
            case l2tp.ControlConnectionDown():
                ours = event.result.code == StopCcnResult.CLEAR and not event.by_peer
                if self.stage is Stage.L2TP and not ours:
                    self.refused = event.result.code == StopCcnResult.NOT_AUTHORIZED
                    # Says more than the end of the call in it, which was told before.
                    secret = self.endpoint.config.secret_for("")
                    self.failure = _not_opened(event, secret)
                self._fail(_tunnel_reason(event), now)
                self._enter(Stage.CLOSED, now)
            case l2tp.CallDown() if event.session_id == self.session_id:
                who = "the server refused the call" if event.by_peer else "the call failed"
                text = event.result.cause or CdnResult(event.result.code).text
                self._fail(who + said(event.result.message, text, by_peer=event.by_peer), now)
                self._stop_tunnel(now)
            case l2tp.CallOffered() | l2tp.CallRequested():
                refusal = l2tp.Result(
                    CdnResult.NO_FACILITIES, 0, "this is a client: it takes no calls"
                )
                self.endpoint.close_call(event.tunnel_id, event.session_id, refusal, now)

    def link_config(self, event: l2tp.CallUp) -> PppConfig:  # noqa: ARG002
        """As configured."""
        return self.config

    def make_link(
        self, event: l2tp.CallUp, path: Path, handle: int, link: PppLink, now: float
    ) -> Link:
        """The one link."""
        self.link = Link(event, path, handle, link, now)
        self._enter(Stage.LCP, now)
        return self.link

    def ppp_event(self, link: Link, event: ppp.Event, now: float) -> None:
        """Note what the server gives."""
        match event:
            case ppp.LinkOpened():
                # Our TUN device carries as much as we asked for.
                mtu = min(event.peer_mru, self.config.mru)
                self.plane.session_set(link.handle, mtu=mtu, mru=event.our_mru)
                self.network = replace(self.network, mtu=min(mtu, event.our_mru))
                self._enter(Stage.AUTHENTICATION, now)
            case ppp.Authenticated():
                self._enter(Stage.ADDRESS, now)
            case ppp.Ipv4Up():
                self.network = replace(
                    self.network,
                    ipv4=event.ours,
                    peer=event.peer,
                    dns=tuple(dict.fromkeys((*event.dns, *_of_ipv6(self.network.dns)))),
                    wins=event.wins,
                )
                self._ready(link, now)
                self._begin_asking(now)
            case ppp.Ipv6Up():
                self.network = replace(self.network, link_local=event.ours)
                self._ready(link, now)
                self._begin_asking(now)
            case ppp.Ipv4Down():
                dns = _of_ipv6(self.network.dns)
                self.network = replace(
                    self.network, ipv4=None, peer=None, dns=dns, wins=(), routes=()
                )
                self._told_ipv4 = False
                self._ready(link, now)
            case ppp.Ipv6Down():
                self.network = replace(self.network, link_local=None, ipv6=())
                self._ready(link, now)

    def packet_for_host(self, link: Link, packet: bytes, now: float) -> None:  # noqa: ARG002
        """What the server tells us of routes, names and prefixes."""
        try:
            if packet[0] >> 4 == 4:
                self._learn_ipv4(packet)
            else:
                self._learn_ipv6(packet)
        except Malformed as wrong:
            self.drops.add(wrong.reason)

    def link_idle(self, link: Link, now: float) -> None:
        """A client does not hang up for want of traffic."""

    def link_gone(
        self,
        link: Link,
        closed: ppp.LinkClosed,
        counters: plane.Counters,  # noqa: ARG002
        now: float,
    ) -> None:
        """The call is over: so is the tunnel."""
        self.link = None
        self.refused = self.stage is Stage.AUTHENTICATION and closed.cause in _CREDENTIALS
        self._fail(self._login_refused(link, closed) if self.refused else closed.reason, now)
        self._stop_tunnel(now)

    def _login_refused(self, link: Link, closed: ppp.LinkClosed) -> str:
        """Who was refused by whom, and what to do where that is known."""
        server, user = link.path.remote.host, self.config.name
        if not closed.by_peer or closed.cause != DisconnectCode.AUTHENTICATION_FAILED:
            return f"{server} and {user} cannot agree on a login: {closed.reason}"
        _, colon, text = closed.reason.partition(": ")
        reason = f"{server} refused the name or password of {user}{colon}{text}"
        if "expired" in text:
            reason += ": change it with a client that can, or ask the administrator"
        return reason

    def _begin_asking(self, now: float) -> None:
        self._asks = 0
        self._ask(now)

    def _ask(self, now: float) -> None:
        """Ask the server's host services for what has not been told yet, a few times."""
        self._ask_at = None
        network, link = self.network, self.link
        if link is None or self._asks >= ASK_TIMES:
            return
        waiting = False
        if network.ipv4 is not None and not self._told_ipv4:
            self.plane.send_ip(link.handle, inform_request(self._xid, network.ipv4, network.mtu))
            waiting = True
        if network.link_local is not None and not network.ipv6:
            self.plane.send_ip(link.handle, router_solicitation(network.link_local))
            waiting = True
        if waiting:
            self._asks += 1
            self._ask_at = now + ASK_SECONDS

    def _learn_ipv4(self, packet: bytes) -> None:
        told = parse_ack(packet, self._xid)
        self._told_ipv4 = True
        self.network = replace(
            self.network,
            routes=told.routes,
            search=_both(told.search, self.network.search),
            dns=self.network.dns or told.dns,
        )
        self.changed = True

    def _learn_ipv6(self, packet: bytes) -> None:
        told = parse_advertisement(packet)
        ours = self.network.link_local
        if ours is None:
            return
        # What is not advertised this time stays, until it is taken back with a lifetime of 0.
        withdrawn = {slaac_address(p.network, ours) for p in told.prefixes if not p.valid}
        kept = tuple(a for a in self.network.ipv6 if a not in withdrawn)
        network = replace(
            self.network,
            ipv6=_both(told.addresses(ours), kept),
            dns=_both(self.network.dns, told.dns),
            search=_both(self.network.search, told.search),
        )
        if network != self.network:
            self.network = network
            self.changed = True

    def _stop_tunnel(self, now: float) -> None:
        if self.stage is not Stage.CLOSED:
            self.endpoint.close(
                self.tunnel_id, l2tp.Result(StopCcnResult.CLEAR, 0, self.failure[:200]), now
            )

    def _ready(self, link: Link, now: float) -> None:
        ipv4, ipv6 = self.network.ipv4 is not None, self.network.link_local is not None
        self.plane.session_routes(
            link.handle, [IPv4Network("0.0.0.0/0"), IPv6Network("::/0")] if ipv4 or ipv6 else []
        )
        self.plane.session_open(link.handle, ipv4, ipv6)
        self.changed = True
        if (ipv4 or ipv6) and self.stage is not Stage.READY:
            self._enter(Stage.READY, now)

    def _enter(self, stage: Stage, now: float) -> None:
        if stage is self.stage and self.stages:
            return
        self.stage = stage
        self.stages.append((stage, now))
        self._tell(Notice("stage", stage.value, "debug", {"stage": stage.value}))

    def _fail(self, reason: str, now: float) -> None:  # noqa: ARG002
        if not self.failure:
            self.failure = reason


def _both(first: tuple[T, ...], more: tuple[T, ...]) -> tuple[T, ...]:
    """Each of them once, and not without end."""
    return tuple(dict.fromkeys((*first, *more)))[:_MOST_EACH]


def _of_ipv6(servers: tuple[IPv4Address | IPv6Address, ...]) -> tuple[IPv6Address, ...]:
    return tuple(s for s in servers if isinstance(s, IPv6Address))


def _tunnel_reason(event: l2tp.ControlConnectionDown) -> str:
    result = event.result
    text = StopCcnResult(result.code).text
    if event.by_peer:
        text = "the server ended the tunnel" + said(result.message, text, by_peer=True)
        return f"{event.path.remote}: {text}"
    return f"{event.path.remote}: {result.message or text}"


def _not_opened(event: l2tp.ControlConnectionDown, secret: Secret | None) -> str:
    """Why a tunnel never came up, and what to do about it where that can be guessed."""
    server, result = event.path.remote, event.result
    if result == SILENT and not event.by_peer:
        return (
            f"{server}: the server does not answer: is a Talpa or L2TP server there, does a "
            f"firewall stop UDP {server.port}, does the server want IPsec (l2tp+ipsec://)?"
        )
    if result.code == StopCcnResult.NOT_AUTHORIZED:
        if event.by_peer:
            text = said(result.message, StopCcnResult(result.code).text, by_peer=True)
            return f"{server}: the server refused the tunnel{text} (see --tunnel-secret-file)"
        if secret is None:
            return (
                f"{server}: the server asks for a tunnel secret: give it with --tunnel-secret-file"
            )
        return f"{server}: the tunnel secret is not the one of the server, which may have none"
    return _tunnel_reason(event)
