"""PPP links over L2TP calls: what every L2TP role shares.

`Links` stands between an L2TP endpoint, the data plane and the PPP links of the calls. It moves
frames and events between them and owns all their deadlines in one heap. What a link is for, its
`Owner` (a role) decides.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from talpa.dataplane import interface as plane
from talpa.l2tp import events as l2tp
from talpa.l2tp.v2.endpoint import Endpoint
from talpa.l2tp.values import CdnResult, DisconnectCode, PppDisconnectCause, StopCcnResult
from talpa.ppp import events as ppp
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.link import PppLink
from talpa.roles.notices import said
from talpa.sansio import Deadlines, Drops, Path, Rng, earliest

_FAULT = "internal error"


class Link:
    """A PPP link over an L2TP call, from CallUp to its end. Roles derive from it."""

    __slots__ = ("call", "closing", "handle", "path", "ppp", "session_id", "since", "tunnel_id")

    def __init__(self, event: l2tp.CallUp, path: Path, handle: int, link: PppLink, now: float):
        self.tunnel_id = event.tunnel_id
        self.session_id = event.session_id
        self.call = event.call
        self.path = path
        self.handle = handle
        """The data plane's id of the session."""
        self.ppp = link
        self.since = now
        self.closing: ppp.LinkClosed | None = None

    @property
    def id(self) -> str:
        """The name of the session in commands and logs."""
        return f"{self.tunnel_id}/{self.session_id}"


class Owner(Protocol):
    """What a role decides about its links."""

    def call_event(self, event: l2tp.Event, now: float) -> None:
        """Anything of L2TP that `Links` does not take care of: offers, tunnels up and down, calls
        that ended before they were up."""

    def link_config(self, event: l2tp.CallUp) -> PppConfig:
        """How PPP behaves on this call."""

    def make_link(
        self, event: l2tp.CallUp, path: Path, handle: int, link: PppLink, now: float
    ) -> Link:
        """The role's own object for the link."""

    def ppp_event(self, link: Link, event: ppp.Event, now: float) -> None:
        """PPP on a link said something."""

    def packet_for_host(self, link: Link, packet: bytes, now: float) -> None:
        """An IP packet to a service on the link."""

    def link_idle(self, link: Link, now: float) -> None:
        """No user traffic for the idle time."""

    def link_gone(
        self, link: Link, closed: ppp.LinkClosed, counters: plane.Counters, now: float
    ) -> None:
        """The link has ended and is forgotten."""


class Links:
    """All links of one role."""

    def __init__(
        self,
        endpoint: Endpoint,
        data_plane: plane.DataPlane,
        owner: Owner,
        rng: Rng,
        *,
        antispoof: bool,
    ) -> None:
        """`antispoof`: whether a peer may send only from its own addresses: a server's view."""
        self.endpoint = endpoint
        self.plane = data_plane
        self._owner = owner
        self._rng = rng
        self._antispoof = antispoof
        self.on_fault: Callable[[str, Exception], None] | None = None
        """Told of an exception in the handling of one link or tunnel, which then is ended, so that
        all others go on. None: it is raised."""
        self.ppp_drops = Drops()
        """What all links together dropped."""
        self._tunnels: dict[int, int] = {}
        self._by_handle: dict[int, Link] = {}
        self._by_call: dict[int, Link] = {}
        self._deadlines: Deadlines[Link] = Deadlines()
        self._touched: set[Link] = set()

    def __len__(self) -> int:
        return len(self._by_handle)

    def __iter__(self) -> Iterator[Link]:
        return iter(list(self._by_handle.values()))

    def find(self, tunnel_id: int, session_id: int) -> Link | None:
        """The link of a call."""
        return self._by_call.get(tunnel_id << 16 | session_id)

    def tunnel_last_received(self, tunnel_id: int) -> float:
        """When data last came through a tunnel: what the endpoint asks before it says HELLO."""
        handle = self._tunnels.get(tunnel_id)
        return self.plane.tunnel_last_received(handle) if handle is not None else 0.0

    def plane_event(self, event: plane.Event, now: float) -> None:
        """Take an event of the data plane. `settle` must follow, once for many events."""
        try:
            self._plane_event(event, now)
        except Exception as error:
            match event:
                case plane.PuntL2tp(_, data):
                    self.contain(error, now, tunnel_id=int.from_bytes(data[4:6], "big"))
                case plane.PuntPpp() | plane.PuntIp() | plane.SessionIdle():
                    self.contain(error, now, self._by_handle.get(event.session))
                case _:
                    self.contain(error, now)

    def _plane_event(self, event: plane.Event, now: float) -> None:
        match event:
            case plane.PuntPpp(handle, protocol, payload):
                link = self._by_handle.get(handle)
                if link is not None:
                    link.ppp.receive(protocol, payload, now)
                    self._touched.add(link)
            case plane.PuntL2tp(path, data):
                self.endpoint.receive(path, data, now)
            case plane.PuntIp(handle, packet):
                link = self._by_handle.get(handle)
                if link is not None:
                    self._owner.packet_for_host(link, packet, now)
            case plane.SessionIdle(handle):
                link = self._by_handle.get(handle)
                if link is not None:
                    self._owner.link_idle(link, now)
            case plane.Degraded():
                pass

    def settle(self, now: float) -> None:
        """Let all events and everything to be sent go where they belong, until all is quiet."""
        self.endpoint.proceed(now)
        while True:
            events = self.endpoint.events()
            for event in events:
                try:
                    self._l2tp_event(event, now)
                except Exception as error:
                    tunnel_id = getattr(event, "tunnel_id", 0)
                    link = self.find(tunnel_id, getattr(event, "session_id", 0))
                    self.contain(error, now, link, tunnel_id)
            touched, self._touched = self._touched, set()
            for link in touched:
                try:
                    self._pump(link, now)
                except Exception as error:
                    self.contain(error, now, link)
            if not events and not touched:
                break
        self._send_control()

    def touch(self, link: Link) -> None:
        """The owner has done something to the link's PPP: `settle` will see to it."""
        self._touched.add(link)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return earliest(
            self._deadlines.next(), self.endpoint.next_timeout(), self.plane.next_timeout()
        )

    def handle_timeout(self, now: float) -> None:
        """Let every core see to its deadlines. `settle` must follow."""
        for link in self._deadlines.due(now):
            try:
                heard = self.plane.session_counters(link.handle).last_received
                link.ppp.last_heard = max(link.ppp.last_heard, heard)
                link.ppp.handle_timeout(now)
                self._touched.add(link)
            except Exception as error:
                self.contain(error, now, link)
        when = self.endpoint.next_timeout()
        if when is not None and when <= now:
            try:
                self.endpoint.handle_timeout(now)
            except Exception as error:
                self.contain(error, now)
        when = self.plane.next_timeout()
        if when is not None and when <= now:
            self.plane.handle_timeout(now)

    def close(self, link: Link, reason: str, cause: int, now: float) -> None:
        """End a link by LCP Terminate, then the call."""
        link.ppp.close(now, reason, cause)
        self._touched.add(link)

    def contain(
        self, error: Exception, now: float, link: Link | None = None, tunnel_id: int = 0
    ) -> None:
        """Say that an exception was raised and end the link or, without one, the tunnel that it
        was raised for. Raises it where nobody is there to be told."""
        if self.on_fault is None:
            raise error
        culprit = f"session {link.id}" if link else f"tunnel {tunnel_id}" if tunnel_id else "talpa"
        self.on_fault(culprit, error)
        try:
            if link is not None:
                link.closing = link.closing or ppp.LinkClosed(_FAULT, 0, by_peer=False)
                result = l2tp.Result(CdnResult.GENERAL_ERROR, 0, _FAULT)
                self.endpoint.close_call(link.tunnel_id, link.session_id, result, now)
            elif tunnel_id:
                result = l2tp.Result(StopCcnResult.GENERAL_ERROR, 0, _FAULT)
                self.endpoint.close(tunnel_id, result, now)
        except Exception as another:
            self.on_fault(f"ending {culprit}", another)

    def _l2tp_event(self, event: l2tp.Event, now: float) -> None:
        match event:
            case l2tp.CallUp():
                self._call_up(event, now)
            case l2tp.CallDown():
                link = self.find(event.tunnel_id, event.session_id)
                if link is None:
                    self._owner.call_event(event, now)
                else:
                    self._call_down(link, event, now)
            case l2tp.ControlConnectionUp():
                self._tunnels[event.tunnel_id] = self.plane.tunnel_add(
                    plane.TunnelSpec(event.path, event.tunnel_id, event.peer.tunnel_id)
                )
                self._owner.call_event(event, now)
            case l2tp.ControlConnectionDown():
                handle = self._tunnels.pop(event.tunnel_id, None)
                if handle is not None:
                    self.plane.tunnel_remove(handle)
                self._owner.call_event(event, now)
            case l2tp.PathMoved():
                handle = self._tunnels.get(event.tunnel_id)
                if handle is not None:
                    self.plane.tunnel_move(handle, event.path)
            case _:
                self._owner.call_event(event, now)

    def _call_up(self, event: l2tp.CallUp, now: float) -> None:
        path = self.endpoint.path(event.tunnel_id)
        config = self._owner.link_config(event)
        handle = self.plane.session_add(
            plane.SessionSpec(
                self._tunnels[event.tunnel_id],
                event.session_id,
                event.call.peer_session_id,
                mtu=config.mru,
                mru=config.mru,
                follow_sequence=event.we_are_lac,
                require_sequence=event.call.sequencing_required and not event.we_are_lac,
                send_sequence=event.call.sequencing_required,
                antispoof=self._antispoof,
            )
        )
        link = self._owner.make_link(
            event, path, handle, PppLink(config, self._rng, self.ppp_drops), now
        )
        self._by_handle[handle] = link
        self._by_call[event.tunnel_id << 16 | event.session_id] = link
        if event.we_are_lac:
            # ICCN goes first: before it, the other end may have no session for what PPP says.
            self._send_control()
        link.ppp.lower_up(now)
        self._touched.add(link)

    def _send_control(self) -> None:
        for path, data in self.endpoint.transmits():
            self.plane.send_l2tp(path, data)

    def _call_down(self, link: Link, event: l2tp.CallDown, now: float) -> None:
        """The call is gone, by the peer's wish or ours: so is the link."""
        # A peer that refuses us may end the call before PPP has said its last word.
        closed = link.closing or link.ppp.ending
        if closed is None:
            who = "the peer" if event.by_peer else "L2TP"
            text = event.result.cause or CdnResult(event.result.code).text
            text = said(event.result.message, text, by_peer=event.by_peer)
            closed = ppp.LinkClosed(f"{who} ended the call{text}", 0, by_peer=event.by_peer)
        self._forget(link, closed, now)

    def _pump(self, link: Link, now: float) -> None:
        """Send what PPP has to send, and tell the owner what it has to say."""
        if link.handle not in self._by_handle:
            return
        core = link.ppp
        for protocol, payload in core.transmits():
            self.plane.send_ppp(link.handle, protocol, payload)
        for event in core.events():
            if isinstance(event, ppp.LinkClosed):
                self._link_closed(link, event, now)
                return
            self._owner.ppp_event(link, event, now)
            self._touched.add(link)
        self._deadlines.arm(link, core.next_timeout())

    def _link_closed(self, link: Link, closed: ppp.LinkClosed, now: float) -> None:
        """PPP is done: end the call that carried it; its CallDown ends the link."""
        self._deadlines.arm(link, None)
        if link.closing is None:
            link.closing = closed
            result = l2tp.Result(CdnResult.ADMINISTRATIVE, 0, closed.reason[:200])
            cause = None
            if closed.cause:
                code = DisconnectCode(closed.cause)
                cause = PppDisconnectCause(code, closed.protocol, closed.direction)
            self.endpoint.close_call(link.tunnel_id, link.session_id, result, now, cause=cause)

    def _forget(self, link: Link, closed: ppp.LinkClosed, now: float) -> None:
        self._deadlines.arm(link, None)
        self._touched.discard(link)
        del self._by_handle[link.handle]
        del self._by_call[link.tunnel_id << 16 | link.session_id]
        counters = self.plane.session_remove(link.handle)
        self._owner.link_gone(link, closed, counters, now)
