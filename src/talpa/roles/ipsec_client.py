"""The VPN client over IPsec: L2TP in an association, or IKEv2 in tunnel mode alone.

Each has the same face as `Client`, so that one process serves all three.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from talpa.dataplane import interface as plane
from talpa.dataplane.interface import AssociationCounters
from talpa.hostconfig import Route
from talpa.ike import events as ike
from talpa.ike.config import Call
from talpa.ike.endpoint import Endpoint
from talpa.roles import ipsec_notices as say
from talpa.roles.client import Client, Network, Stage
from talpa.roles.ipsec import Association, Ipsec
from talpa.roles.notices import Notice, Tell
from talpa.sansio import Address, Path, earliest

L2TP_PORT = 1701
_SETTLING = 0.1
"""Seconds that an IKEv1 responder is given to put its SAs in place, once our last message of phase
2 has gone, which nobody acknowledges: a packet under SAs that it does not have yet is lost, and
L2TP takes a second to try again."""


class _Secured(ABC):
    """What both have in common: one IKE SA, opened once."""

    def __init__(self, endpoint: Endpoint, data_plane: plane.DataPlane, tell: Tell) -> None:
        self.ipsec = Ipsec(endpoint, data_plane, self)
        self.plane = data_plane
        self.association: Association | None = None
        self.key_log: Callable[[ike.KeysMade], None] | None = None
        self.number = 0
        """Of the IKE SA."""
        self.redirected = ""
        """Whom to call instead: the server said so."""
        self._tell = tell
        self._failure = ""
        self._refused = False
        self._proven = False
        """Each end has proved to the other who it is."""
        self._over = False

    def association_up(self, association: Association, now: float) -> None:
        """Packets may go."""
        self.association = association
        self._tell(say.association_up(association))
        self._secured(association, now)

    def association_down(
        self,
        association: Association,
        reason: str,
        counters: AssociationCounters,
        now: float,
        *,
        by_peer: bool,
    ) -> None:
        """The connection is over."""
        self._tell(say.association_down(association, reason, counters, by_peer=by_peer))
        if association is self.association:
            self.association = None
            who = "the server ended IPsec" if by_peer else "IPsec ended"
            self._lost(f"{association.path.remote}: {who}: {reason}", now)

    def ike_event(self, event: ike.Event, now: float) -> None:
        """Follow our IKE SA."""
        match event:
            case ike.IkeUp():
                self._proven = True
                self._tell(say.ike_up(event))
            case ike.IkeRekeyed():
                self._tell(say.ike_rekeyed(event))
            case ike.IkeFailed() if self.association is not None:
                # New keys that did not come about: the old ones are good until their end.
                self._tell(say.ike_failed(event))
            case ike.IkeFailed():
                text = event.reason
                if event.offered or event.allowed:
                    text += f" | offered: {'; '.join(event.offered)}"
                    text += f" | allowed: {'; '.join(event.allowed)}"
                self._refused = self._of_no_use(event)
                self._lost(f"{event.path.remote}: IPsec failed in {event.stage}: {text}", now)
            case ike.IkeDown() if event.ike == self.number:
                who = "the server ended IKE" if event.by_peer else "IKE ended"
                self._lost(f"{who}: {event.reason}", now)
            case ike.Redirected():
                self.redirected = event.to
                self._lost(f"the server says to call {event.to}", now)
            case ike.KeysMade() if self.key_log is not None:
                self.key_log(event)

    def _of_no_use(self, event: ike.IkeFailed) -> bool:
        """Whether the same call would fail again: the server refuses us or all that we offer, or it
        has told who it is, and we refuse it. Silence passes, and so may a want of addresses."""
        if event.offered:
            return True
        told = event.identity is not None and "EAP" not in event.stage
        return not self._proven and (event.by_peer or told)

    @abstractmethod
    def _secured(self, association: Association, now: float) -> None:
        """The association is there."""

    @abstractmethod
    def _lost(self, reason: str, now: float) -> None:
        """It is gone, or never comes."""


class L2tpIpsecClient(_Secured):
    """IKE first, then the L2TP client inside."""

    def __init__(
        self, client: Client, endpoint: Endpoint, tell: Tell, l2tp_port: int = L2TP_PORT
    ) -> None:
        """`l2tp_port`: ours, inside the association."""
        super().__init__(endpoint, client.plane, tell)
        self.client = client
        self._port = l2tp_port
        self._began: list[tuple[Stage, float]] = []
        self._settled_at: float | None = None
        """When L2TP begins."""
        self._closing = False

    @property
    def stage(self) -> Stage:
        """How far the connection has come."""
        if self._over:
            return Stage.CLOSED
        return self.client.stage if self.client.stages else Stage.IKE

    @property
    def stages(self) -> list[tuple[Stage, float]]:
        """When each stage was entered."""
        return [*self._began, *self.client.stages]

    @property
    def network(self) -> Network:
        """What the server gave us."""
        return self.client.network

    @property
    def failure(self) -> str:
        """Why the connection ended or never came up: a sentence."""
        return self._failure or self.client.failure

    @property
    def refused(self) -> bool:
        """Trying again as before is of no use."""
        return self._refused or self.client.refused

    @property
    def busy(self) -> bool:
        """A goodbye is not acknowledged yet."""
        return bool(self.client.stages) and not self._over and self.client.busy

    @property
    def changed(self) -> bool:
        """The network is to be looked at."""
        return self.client.changed

    @changed.setter
    def changed(self, value: bool) -> None:
        self.client.changed = value

    @property
    def on_fault(self) -> Callable[[str, Exception], None] | None:
        """Told of exceptions in the handling of one link, tunnel or association."""
        return self.client.on_fault

    @on_fault.setter
    def on_fault(self, told: Callable[[str, Exception], None] | None) -> None:
        self.client.on_fault = told
        self.ipsec.endpoint.on_fault = told

    def open(self, call: Call, now: float) -> None:
        """Call the server."""
        self._began.append((Stage.IKE, now))
        self._tell(Notice("stage", Stage.IKE.value, "debug", {"stage": Stage.IKE.value}))
        self.number = self.ipsec.endpoint.open(call, now)

    def close(self, now: float) -> None:
        """Hang up in good order: PPP, L2TP, then the SAs."""
        self._closing = True
        if self.client.stages and self.client.stage is not Stage.CLOSED:
            self.client.close(now)
        else:
            self._end(now)

    def plane_event(self, event: plane.Event, now: float) -> None:
        """Take an event of the data plane; `settle` must follow."""
        if not self.ipsec.plane_event(event, now):
            self.client.plane_event(event, now)

    def settle(self, now: float) -> None:
        """Bring everything to rest and send what is to be sent."""
        self.ipsec.settle(now)
        self.client.settle(now)
        if self.client.stage is Stage.CLOSED and not self._over and not self.client.busy:
            self._end(now)
            self.ipsec.settle(now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return earliest(self.client.next_timeout(), self.ipsec.next_timeout(), self._settled_at)

    def handle_timeout(self, now: float) -> None:
        """See to every deadline that has passed; `settle` must follow."""
        self.ipsec.handle_timeout(now)
        if self._settled_at is not None and self._settled_at <= now:
            self._settled_at = None
            self._call(now)
        self.client.handle_timeout(now)

    def _secured(self, association: Association, now: float) -> None:
        if association.peer.version == 1:
            self._settled_at = now + _SETTLING
        else:
            self._call(now)

    def _call(self, now: float) -> None:
        association = self.association
        if association is not None and not self.client.stages and not self._closing:
            outer = association.path
            local = Address(outer.local.host, self._port)
            remote = Address(outer.remote.host, L2TP_PORT)
            self.client.open(Path(local, remote, association.handle), now)

    def _end(self, now: float) -> None:
        self._over = True
        reason = self.client.failure or "the user disconnected"
        self.ipsec.endpoint.close(self.number, reason, now)

    def _lost(self, reason: str, now: float) -> None:  # noqa: ARG002
        if not self._over and not self.client.failure:
            self._failure = self._failure or reason
        self._over = True


class IkeClient(_Secured):
    """IKEv2 in tunnel mode: the address comes with the association."""

    def __init__(
        self,
        endpoint: Endpoint,
        data_plane: plane.DataPlane,
        tell: Tell,
        mtu: int,
        *,
        ipv6: bool = True,
    ) -> None:
        """`ipv6`: use an IPv6 address that is given."""
        super().__init__(endpoint, data_plane, tell)
        self._ipv6 = ipv6
        self.network = Network(mtu=mtu)
        self.stages: list[tuple[Stage, float]] = []
        self.changed = False
        self.stage = Stage.IKE

    @property
    def failure(self) -> str:
        """Why the connection ended or never came up: a sentence."""
        return self._failure

    @property
    def refused(self) -> bool:
        """Trying again as before is of no use."""
        return self._refused

    @property
    def busy(self) -> bool:
        """Nothing outlives the goodbye."""
        return False

    @property
    def on_fault(self) -> Callable[[str, Exception], None] | None:
        """Told of exceptions in the handling of an IKE SA."""
        return self.ipsec.endpoint.on_fault

    @on_fault.setter
    def on_fault(self, told: Callable[[str, Exception], None] | None) -> None:
        self.ipsec.endpoint.on_fault = told

    def open(self, call: Call, now: float) -> None:
        """Call the server."""
        self._enter(Stage.IKE, now)
        self.number = self.ipsec.endpoint.open(call, now)

    def close(self, now: float) -> None:
        """Hang up in good order."""
        self.ipsec.endpoint.close(self.number, "the user disconnected", now)
        self.ipsec.settle(now)
        self._enter(Stage.CLOSED, now)

    def plane_event(self, event: plane.Event, now: float) -> None:
        """Take an event of the data plane; `settle` must follow."""
        self.ipsec.plane_event(event, now)

    def settle(self, now: float) -> None:
        """Bring everything to rest and send what is to be sent."""
        self.ipsec.settle(now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return earliest(self.ipsec.next_timeout(), self.plane.next_timeout())

    def handle_timeout(self, now: float) -> None:
        """See to every deadline that has passed; `settle` must follow."""
        self.ipsec.handle_timeout(now)
        when = self.plane.next_timeout()
        if when is not None and when <= now:
            self.plane.handle_timeout(now)

    def ike_event(self, event: ike.Event, now: float) -> None:
        """Take the address; see `_Secured`."""
        if isinstance(event, ike.AddressGiven):
            offer = event.offer
            # A name server may be reached, whatever else goes another way.
            behind = (*offer.routes, *(ip_network(address) for address in offer.dns))
            ipv6 = (offer.ipv6,) if self._ipv6 and offer.ipv6 is not None else ()
            self.network = replace(
                self.network,
                ipv4=offer.ipv4,
                dns=offer.dns,
                search=offer.search,
                ipv6=ipv6,
                routes=tuple(
                    Route(net, IPv4Address(0)) for net in behind if isinstance(net, IPv4Network)
                ),
                routes6=tuple(net for net in behind if ipv6 and isinstance(net, IPv6Network)),
            )
            self.changed = True
        else:
            super().ike_event(event, now)

    def _secured(self, association: Association, now: float) -> None:
        everything: list[plane.Network] = [IPv4Network("0.0.0.0/0"), IPv6Network("::/0")]
        self.plane.association_routes(association.handle, everything)
        self.changed = True
        self._enter(Stage.READY, now)

    def _lost(self, reason: str, now: float) -> None:
        self._failure = self._failure or reason
        self._enter(Stage.CLOSED, now)

    def _enter(self, stage: Stage, now: float) -> None:
        if self.stages and stage is self.stage:
            return
        self.stage = stage
        self.stages.append((stage, now))
        self._tell(Notice("stage", stage.value, "debug", {"stage": stage.value}))
