"""Many clients of one family in one process: a role like any other, without a host to serve."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from talpa.dataplane import interface as plane
from talpa.l2tp import events as l2tp
from talpa.l2tp.config import Config as L2tpConfig
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.l2tp.v2.fsm import State
from talpa.l2tp.values import CdnResult, GeneralError, StopCcnResult
from talpa.ppp import events as ppp
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.config import Credentials
from talpa.ppp.link import PppLink
from talpa.roles.links import Link, Links
from talpa.sansio import Deadlines, Path, Rng, earliest
from talpa.storm.families import Family
from talpa.storm.ping import echo_request
from talpa.storm.report import STAGES, Report
from talpa.storm.security import Security, SecurityPlan
from talpa.storm.security_families import SECURITY
from talpa.wire import Secret

RETRY_FIRST = 1.0
"""Seconds before a client calls again; doubled after each failure, up to `RETRY_CAP`."""
RETRY_CAP = 30.0
PARTING_TICK = 0.1
"""Seconds between two looks at whether a goodbye has been acknowledged."""
_UNFINISHED = "not finished when the storm ended"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a swarm is to do; seconds where not said otherwise."""

    clients: int
    rate: float
    """Calls begun each second."""
    user: str
    """Name to log in with; "{n}" in it becomes the number of the client."""
    password: Secret
    tunnel_secret: Secret | None = None
    echo_interval: float = 0.0
    """LCP Echo-Request after so much silence; 0: never."""
    pings: float = 0.0
    """Echo requests each second to the server's inner address, from every client."""
    ping_octets: int = 64
    redial: bool = False
    """Clients that lose their session call again, with growing waits, no two of them in step."""
    security: SecurityPlan | None = None
    """IPsec under every client; None: in the clear."""


class Caller:
    """One client, from its first call to the end of the run."""

    __slots__ = (
        "call_id",
        "gateway",
        "ipv4",
        "link",
        "number",
        "pings",
        "retry",
        "seat",
        "stage",
        "started",
        "tunnel_id",
        "up",
    )

    def __init__(self, number: int, seat: int) -> None:
        self.number = number
        self.seat = seat
        """How many of its swarm began before it."""
        self.call_id = 0
        """Tunnel and session id of the present call; 0: none."""
        self.tunnel_id = 0
        """Of the present call or the last one."""
        self.started = 0.0
        self.stage = 0
        """Index into STAGES of what it waits for."""
        self.up = False
        self.pings = 0
        self.retry = RETRY_FIRST
        self.link: Link | None = None
        self.ipv4: IPv4Address | None = None
        self.gateway: IPv4Address | None = None


class SwarmLink(Link):
    """A link that knows its caller."""

    __slots__ = ("caller",)

    caller: Caller


class Swarm:
    """The clients of one family. Drives one endpoint and one data plane without a TUN device."""

    def __init__(
        self,
        family: Family,
        plan: Plan,
        data_plane: plane.DataPlane,
        rng: Rng,
        report: Report,
        numbers: Iterator[int],
    ) -> None:
        """`numbers`: where the numbers of clients come from, shared by the swarms of a storm."""
        self.family = family
        self.plan = plan
        self.report = report
        self.plane = data_plane
        self.endpoint = Endpoint(
            L2tpConfig(
                host_name=family.host_name,
                secret_for=lambda _name: plan.tunnel_secret,
                receive_window=family.receive_window,
                hello_interval=family.hello_interval,
                habits=family.l2tp,
            ),
            rng,
            self._last_data,
        )
        self.links = Links(self.endpoint, data_plane, self, rng, antispoof=False)
        self.up = 0
        self.stopping = False
        self.changed: Callable[[], None] | None = None
        self._path: Path | None = None
        self._numbers = numbers
        self._rng = rng
        self._callers: dict[int, Caller] = {}
        self._redials: Deadlines[Caller] = Deadlines()
        self._pings: Deadlines[Caller] = Deadlines()
        self._shared_config = self._ppp_config(plan.user) if "{n}" not in plan.user else None
        self._tunnel = 0
        """The tunnel that the next call joins, while it has room."""
        self._tunnels: dict[int, set[Caller]] = {}
        self._staying: list[Caller] = []
        """Those that have yet to hang up, once it is time."""
        self._security: Security | None = None
        if plan.security is not None:
            habits = SECURITY[family.name]
            self._security = Security(plan.security, habits, data_plane, rng, report, self)
        self._seats = itertools.count()
        self._secure: dict[int, Caller] = {}
        """By number: those that have an IKE SA, or try to get one; these have no call yet."""
        self._partings: Deadlines[Caller] = Deadlines()
        """When to look whether IPsec may end: not before L2TP's goodbye is acknowledged."""

    def start(self, path: Path) -> None:
        """Where to call."""
        self._path = path

    def dial(self, now: float) -> None:
        """Begin one more client."""
        self._call(Caller(next(self._numbers), next(self._seats)), now)

    def stop(self) -> None:
        """Call and ping nobody any more, and take what ends from now on for no loss."""
        self.stopping = True
        securing = (each for each in self._secure.values() if not each.call_id)
        self._staying = [*self._callers.values(), *securing]
        for caller in self._staying:
            if not caller.up:
                self.report.failed(STAGES[caller.stage], _UNFINISHED)

    def hang_up(self, now: float) -> bool:
        """After `stop`: let one client go, in good order. False: there is none."""
        if not self._staying:
            return False
        caller = self._staying.pop()
        if caller.link is not None:
            family = self.family
            self.links.close(caller.link, family.farewell, family.disconnect_cause, now)
        elif caller.call_id:
            tunnel_id, session_id = divmod(caller.call_id, 0x10000)
            result = l2tp.Result(CdnResult.ADMINISTRATIVE)
            self.endpoint.close_call(tunnel_id, session_id, result, now)
        else:
            self._lost(caller, _UNFINISHED, now)
        return True

    @property
    def gone(self) -> bool:
        """Nobody is on the line any more, and every goodbye has been acknowledged."""
        return not (self._callers or self._secure or self.endpoint.busy)

    def plane_event(self, event: plane.Event, now: float) -> None:
        """Take an event of the data plane; `settle` must follow."""
        if self._security is None or not self._security.ipsec.plane_event(event, now):
            self.links.plane_event(event, now)

    def settle(self, now: float) -> None:
        """Bring everything to rest and send what is to be sent."""
        if self._security is not None:
            self._security.ipsec.settle(now)
        self.links.settle(now)
        if self.changed is not None:
            self.changed()

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        secured = self._security.ipsec.next_timeout() if self._security is not None else None
        ours = (self._redials.next(), self._pings.next(), self._partings.next())
        return earliest(self.links.next_timeout(), secured, *ours)

    def handle_timeout(self, now: float) -> None:
        """See to every deadline that has passed; `settle` must follow."""
        self.links.handle_timeout(now)
        if self._security is not None:
            self._security.ipsec.handle_timeout(now)
        for caller in self._redials.due(now):
            if not self.stopping:
                self._call(caller, now)
        for caller in self._pings.due(now):
            self._ping(caller, now)
        for caller in self._partings.due(now):
            self._part(caller, now)

    def call_event(self, event: l2tp.Event, now: float) -> None:
        """Follow tunnels and calls that come to nothing."""
        match event:
            case l2tp.ControlConnectionUp():
                for caller in self._tunnels.get(event.tunnel_id, ()):
                    self._reach(caller, "tunnel", now)
            case l2tp.ControlConnectionDown():
                if event.tunnel_id == self._tunnel:
                    self._tunnel = 0
                for caller in self._tunnels.pop(event.tunnel_id, ()):
                    if caller.call_id >> 16 == event.tunnel_id:
                        self._lost(caller, _why(event.result, StopCcnResult), now)
            case l2tp.CallDown():
                failed = self._callers.get(event.tunnel_id << 16 | event.session_id)
                if failed is not None and not self._tunnel_ended(event.tunnel_id):
                    self._lost(failed, _why(event.result, CdnResult), now)
                    self._leave_tunnel(failed, event.tunnel_id, now)

    def link_config(self, event: l2tp.CallUp) -> PppConfig:
        """With the credentials of the caller."""
        if self._shared_config is not None:
            return self._shared_config
        caller = self._callers[event.tunnel_id << 16 | event.session_id]
        return self._ppp_config(self.plan.user.replace("{n}", str(caller.number)))

    def make_link(
        self, event: l2tp.CallUp, path: Path, handle: int, link: PppLink, now: float
    ) -> Link:
        """The caller's link."""
        caller = self._callers[event.tunnel_id << 16 | event.session_id]
        made = SwarmLink(event, path, handle, link, now)
        made.caller = caller
        caller.link = made
        self._reach(caller, "call", now)
        return made

    def ppp_event(self, link: Link, event: ppp.Event, now: float) -> None:
        """Take the time of each stage."""
        assert isinstance(link, SwarmLink)
        caller = link.caller
        match event:
            case ppp.LinkOpened():
                self._reach(caller, "lcp", now)
            case ppp.Authenticated():
                self._reach(caller, "authentication", now)
            case ppp.Ipv4Up():
                caller.ipv4, caller.gateway = event.ours, event.peer
                self.plane.session_routes(
                    link.handle, [IPv4Network("0.0.0.0/0"), IPv6Network("::/0")]
                )
                self.plane.session_open(link.handle, ipv4=True, ipv6=False)
                self._reach(caller, "address", now)
                self._established(caller, now)

    def packet_for_host(self, link: Link, packet: bytes, now: float) -> None:
        """Nobody is at home."""

    def link_idle(self, link: Link, now: float) -> None:
        """A caller stays on the line."""

    def link_gone(
        self, link: Link, closed: ppp.LinkClosed, counters: plane.Counters, now: float
    ) -> None:
        """The caller is off the line."""
        assert isinstance(link, SwarmLink)
        self.report.traffic(counters)
        self._lost(link.caller, closed.reason, now)
        self._leave_tunnel(link.caller, link.tunnel_id, now)

    def _last_data(self, tunnel_id: int) -> float:
        return self.links.tunnel_last_received(tunnel_id)

    def _ppp_config(self, user: str) -> PppConfig:
        family = self.family
        return PppConfig(
            mru=family.mru,
            accept=family.methods,
            credentials=Credentials(user, self.plan.password),
            name=user,
            ipv6=family.ipv6,
            ask_address=True,
            ask_dns=family.ask_dns,
            ask_wins=family.ask_wins,
            echo_interval=self.plan.echo_interval,
            habits=family.ppp,
        )

    def secured(self, caller: int, path: Path, now: float) -> None:
        """IPsec is up: place the call in it."""
        waiting = self._secure[caller]
        if not waiting.call_id:
            self._reach(waiting, "ipsec", now)
            self._place(waiting, path, now)

    def security_lost(self, caller: int, why: str, now: float) -> None:
        """Nothing of the caller's is reached any more."""
        lost = self._secure.pop(caller)
        if lost.call_id:
            result = l2tp.Result(StopCcnResult.GENERAL_ERROR, 0, why)
            self.endpoint.abandon(lost.call_id >> 16, result, now)
        else:
            self._lost(lost, why, now)

    def _part(self, caller: Caller, now: float) -> None:
        """End the caller's IPsec, unless its last tunnel still waits for the server."""
        tunnel = self.endpoint.description(caller.tunnel_id)
        if tunnel is not None and (tunnel.state != str(State.IDLE) or tunnel.unacknowledged):
            self._partings.arm(caller, now + PARTING_TICK)
        else:
            self._end_security(caller, now)

    def _end_security(self, caller: Caller, now: float) -> None:
        if self._security is not None and self._secure.pop(caller.number, None) is not None:
            self._partings.arm(caller, None)
            self._security.end(caller.number, now)

    def _call(self, caller: Caller, now: float) -> None:
        assert self._path is not None
        self._end_security(caller, now)
        caller.started = now
        caller.stage = 0 if self._security is not None else 1
        self.report.dialled(now)
        if self._security is not None:
            self._secure[caller.number] = caller
            self._security.call(caller.number, caller.seat, self._path.remote.host, now)
        else:
            self._place(caller, self._path, now)

    def _place(self, caller: Caller, path: Path, now: float) -> None:
        sharing = self._tunnels.get(self._tunnel)
        share = 1 if self._security is not None else self.family.calls_per_tunnel
        if sharing is None or len(sharing) >= share:
            self._tunnel = self.endpoint.open(path, now)
            sharing = self._tunnels[self._tunnel] = set()
        sharing.add(caller)
        session_id = self.endpoint.place_call(self._tunnel, now, **self.family.call)
        caller.tunnel_id = self._tunnel
        caller.call_id = self._tunnel << 16 | session_id
        self._callers[caller.call_id] = caller

    def _reach(self, caller: Caller, stage: str, now: float) -> None:
        index = STAGES.index(stage)
        if index >= caller.stage:
            caller.stage = index + 1
            self.report.reached(stage, now - caller.started)

    def _established(self, caller: Caller, now: float) -> None:
        if caller.up:
            return
        caller.up = True
        caller.retry = RETRY_FIRST
        self.up += 1
        self.report.established(now)
        if self.plan.pings:
            self._pings.arm(caller, now + 1 / self.plan.pings)

    def _lost(self, caller: Caller, why: str, now: float) -> None:
        """The present call is over, whatever it had come to."""
        self._callers.pop(caller.call_id, None)
        caller.call_id = 0
        caller.link = None
        if self._security is not None:
            self._partings.arm(caller, now + PARTING_TICK)
        self._pings.arm(caller, None)
        if caller.up:
            caller.up = False
            self.up -= 1
            if not self.stopping:
                self.report.lost(why, now)
        elif not self.stopping:
            stage = STAGES[min(caller.stage, len(STAGES) - 1)]
            self.report.failed(stage, why)
        if self.plan.redial and not self.stopping:
            share = 0.5 + int.from_bytes(self._rng(2), "big") / 0xFFFF
            self._redials.arm(caller, now + caller.retry * share)
            caller.retry = min(caller.retry * 2, RETRY_CAP)

    def _tunnel_ended(self, tunnel_id: int) -> bool:
        """Whether the end of a call is that of its tunnel, which is yet to be told, with why."""
        if tunnel_id not in self._tunnels:
            return False
        tunnel = self.endpoint.description(tunnel_id)
        return tunnel is None or tunnel.state == str(State.IDLE)

    def _leave_tunnel(self, caller: Caller, tunnel_id: int, now: float) -> None:
        """A tunnel whose last call is over is closed."""
        callers = self._tunnels.get(tunnel_id)
        if callers is None:
            return
        callers.discard(caller)
        if not callers:
            del self._tunnels[tunnel_id]
            if tunnel_id == self._tunnel:
                self._tunnel = 0
            self.endpoint.close(tunnel_id, l2tp.Result(self.family.stop_result), now)

    def _ping(self, caller: Caller, now: float) -> None:
        if self.stopping or caller.link is None or caller.ipv4 is None or caller.gateway is None:
            return
        caller.pings += 1
        packet = echo_request(
            caller.ipv4, caller.gateway, caller.number, caller.pings, self.plan.ping_octets
        )
        self.plane.send_ip(caller.link.handle, packet)
        self._pings.arm(caller, now + 1 / self.plan.pings)


def _why(result: l2tp.Result, kind: type[StopCcnResult | CdnResult]) -> str:
    if result.message:
        return result.message
    if result.code == StopCcnResult.GENERAL_ERROR:  # as CDN has it
        return GeneralError(result.error).text
    return kind(result.code).text
