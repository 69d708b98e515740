"""The access server: L2TP users, IKEv2 users, and the associations that both ride on."""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, summarize_address_range

from talpa.crypto.credentials import Refused
from talpa.dataplane import interface as plane
from talpa.dataplane.interface import AssociationCounters
from talpa.ike import events as ike
from talpa.l2tp import events as l2tp
from talpa.l2tp.values import StopCcnResult
from talpa.roles import ipsec_notices as say
from talpa.roles.ipsec import Association, Ipsec
from talpa.roles.lns import Lns
from talpa.roles.notices import Notice, Tell
from talpa.roles.remote_access import RemoteAccess
from talpa.sansio import Deadlines, earliest

UNUSED_SECONDS = 90.0
"""An association for L2TP without a tunnel in it is ended after so long: its client has gone, and
said so to L2TP alone."""
STALE_SECONDS = 0.5
"""The same of one whose device has another now: room for a last goodbye."""


class AccessServer:
    """Drives an `Lns`, and with IPsec an `Ipsec` and a `RemoteAccess`, as one role."""

    def __init__(self, lns: Lns, tell: Tell) -> None:
        self.lns = lns
        self.plane = lns.plane
        self.ipsec: Ipsec | None = None
        self.remote = RemoteAccess(lns.plane, lns.directory, tell)
        self.ike_failures = 0
        self.key_log: Callable[[ike.KeysMade], None] | None = None
        self.on_link: Callable[..., None] | None = None
        """(name, up=): a link from router to router came up, or has no association any more, or
        could not be set up."""
        self._tell = tell
        self._tunnels: dict[int, tuple[int, ...]] = {}
        """By association: the tunnels in it."""
        self._stale: set[int] = set()
        """Associations whose device has another now."""
        self._linked: dict[int, str] = {}
        """By association: the name of its link."""
        self._unused: Deadlines[int] = Deadlines()
        self._peers: dict[int, ike.Peer] = {}
        """By number of the IKE SA."""
        lns.on_tunnel = self._tunnel_changed
        lns.on_stale = self._stale.add

    def secure(self, ipsec: Ipsec) -> None:
        """Use this IPsec."""
        self.ipsec = self.remote.ipsec = ipsec
        self.lns.association_of = ipsec.find

    # Role

    def plane_event(self, event: plane.Event, now: float) -> None:
        """Take an event of the data plane; `settle` must follow."""
        if self.ipsec is None or not self.ipsec.plane_event(event, now):
            self.lns.plane_event(event, now)

    def settle(self, now: float) -> None:
        """Bring everything to rest and send what is to be sent."""
        if self.ipsec is not None:
            # What IKE ends, L2TP must know of; what L2TP ends, IKE hears of at the next turn.
            self.ipsec.settle(now)
        self.lns.settle(now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        if self.ipsec is None:
            return self.lns.next_timeout()
        return earliest(
            self.lns.next_timeout(),
            self.ipsec.next_timeout(),
            self.remote.next_timeout(),
            self._unused.next(),
        )

    def handle_timeout(self, now: float) -> None:
        """See to every deadline that has passed; `settle` must follow."""
        self.lns.handle_timeout(now)
        if self.ipsec is None:
            return
        self.ipsec.handle_timeout(now)
        self.remote.handle_timeout(now)
        for handle in self._unused.due(now):
            association = self.ipsec.find(handle)
            if association is not None and not self._tunnels.get(handle):
                self.ipsec.close(association, "no L2TP tunnel in it any more", now)

    def stop_accepting(self) -> None:
        """The server is going down: take nobody any more."""
        self.lns.stop_accepting()
        self.remote.accepting = False

    # Owner of Ipsec

    def association_up(self, association: Association, now: float) -> None:
        """L2TP may come through it, or IP packets."""
        self._tell(say.association_up(association))
        link = association.peer.connection
        if link:
            self._linked[association.handle] = link
            self._link_changed(link, up=True)
        if association.l2tp:
            self._tunnels[association.handle] = ()
            self._watch_unused(association, now)
        elif link:
            self.plane.association_routes(association.handle, _behind(association))
        else:
            self.remote.association_up(association, now)

    def association_down(
        self,
        association: Association,
        reason: str,
        counters: AssociationCounters,
        now: float,
        *,
        by_peer: bool,
    ) -> None:
        """Nothing of what was in it can be reached any more."""
        self._tell(say.association_down(association, reason, counters, by_peer=by_peer))
        self._unused.arm(association.handle, None)
        self._stale.discard(association.handle)
        result = l2tp.Result(StopCcnResult.GENERAL_ERROR, 0, f"its IPsec ended: {reason}"[:200])
        for tunnel_id in self._tunnels.pop(association.handle, ()):
            self.lns.endpoint.abandon(tunnel_id, result, now)
        self.remote.association_down(association, reason, counters, now)
        link = self._linked.pop(association.handle, "")
        self._link_changed(link, up=False, reason=reason)

    def ike_event(self, event: ike.Event, now: float) -> None:
        """Logins, addresses; words for the rest."""
        assert self.ipsec is not None
        match event:
            case ike.IkeUp():
                self._peers[event.ike] = event.peer
                self._tell(say.ike_up(event))
            case ike.IkeRekeyed():
                self._peers[event.ike] = event.peer
                self._tell(say.ike_rekeyed(event))
            case ike.IkeDown():
                peer = self._peers.pop(event.ike, None)
                self._tell(say.ike_down(event, peer))
                link = peer.connection if peer is not None else ""
                self._link_changed(link, up=False, reason=event.reason)
                self.remote.ike_down(event.ike, event.reason, now)
            case ike.IkeFailed():
                self.ike_failures += 1
                self._tell(say.ike_failed(event))
                self._link_changed(event.connection, up=False, reason=event.reason)
            case ike.PeerAttempted():
                self._attempted(event, now)
            case ike.AddressWanted():
                self.remote.address_wanted(event, now)
            case ike.KeysMade() if self.key_log is not None:
                self.key_log(event)

    def _attempted(self, event: ike.PeerAttempted, now: float) -> None:
        assert self.ipsec is not None
        attempt, source = event.attempt, event.path.remote.host
        verdict = self.lns.directory.authenticate(attempt, source, now)
        if isinstance(verdict, Refused):
            self.lns.refused += 1
            self._tell(
                Notice(
                    "login-failed",
                    f"{verdict.reason} (from {source})",
                    "warning",
                    {
                        "user": attempt.name,
                        "client": source,
                        "method": attempt.method,
                        "reason": verdict.reason,
                        "session": f"ike/{event.ike}",
                    },
                )
            )
        self.ipsec.endpoint.verdict(event.ike, verdict, now)

    def _link_changed(self, name: str, *, up: bool, reason: str = "") -> None:
        """Only a link without any association is down: new keys may fail while the old are good,
        and another IKE SA may have it."""
        if name and self.on_link is not None and (up or name not in self._linked.values()):
            self.on_link(name, up=up, reason=reason)

    def _tunnel_changed(self, handle: int, tunnel_id: int, now: float, *, up: bool) -> None:
        """An L2TP tunnel came up in an association, or ended."""
        tunnels = self._tunnels.get(handle)
        if tunnels is None:
            return
        tunnels = (*tunnels, tunnel_id) if up else tuple(t for t in tunnels if t != tunnel_id)
        self._tunnels[handle] = tunnels
        association = self.ipsec.find(handle) if self.ipsec is not None else None
        if association is not None:
            self._watch_unused(association, now)

    def _watch_unused(self, association: Association, now: float) -> None:
        """A client that has no tunnel in its association has gone; a link is there to stay."""
        used = self._tunnels[association.handle] or association.handle in self._linked
        patience = STALE_SECONDS if association.handle in self._stale else UNUSED_SECONDS
        self._unused.arm(association.handle, None if used else now + patience)


def _behind(association: Association) -> list[IPv4Network | IPv6Network]:
    """The networks that a router to router association leads to."""
    networks: list[IPv4Network | IPv6Network] = []
    for selector in association.spec.remote:
        networks += summarize_address_range(selector.first, selector.last)
    return networks
