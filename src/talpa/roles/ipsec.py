"""IKE and the data plane, tied together: keys go down, what the plane notices goes up.

An association has two names: the number that IKE gave it, and the id (handle) that the data plane
gave it, which stands in the paths of L2TP. Outside this file only the handle is used.
"""

from collections.abc import Callable
from typing import Protocol

from talpa.dataplane import interface as plane
from talpa.dataplane.interface import AssociationCounters
from talpa.esp.sa import AssociationSpec, Mode, Sa
from talpa.ike import events as ike
from talpa.ike.endpoint import Endpoint
from talpa.sansio import Path


class Association:
    """One association, from its first SAs to its end."""

    __slots__ = (
        "handle",
        "ike",
        "keys_since",
        "number",
        "path",
        "peer",
        "rekeys",
        "since",
        "spec",
        "suite",
    )

    def __init__(self, event: ike.AssociationUp, handle: int, now: float) -> None:
        self.number = event.association
        self.handle = handle
        self.ike = event.ike
        self.peer = event.peer
        self.spec: AssociationSpec = event.spec
        self.path = event.spec.path
        self.since = self.keys_since = now
        self.rekeys = -1
        """How often its SAs were replaced; -1 until it has any."""
        self.suite = ""

    @property
    def l2tp(self) -> bool:
        """It carries L2TP rather than IP packets."""
        return self.spec.mode is Mode.TRANSPORT


class Owner(Protocol):
    """What a role makes of associations."""

    def association_up(self, association: Association, now: float) -> None:
        """It has its first SAs: packets may go."""

    def association_down(
        self,
        association: Association,
        reason: str,
        counters: AssociationCounters,
        now: float,
        *,
        by_peer: bool,
    ) -> None:
        """It is gone from the plane."""

    def ike_event(self, event: ike.Event, now: float) -> None:
        """Anything else that IKE has to say."""


class Ipsec:
    """Owns the associations of one IKE endpoint and one data plane."""

    def __init__(self, endpoint: Endpoint, data_plane: plane.DataPlane, owner: Owner) -> None:
        self.endpoint = endpoint
        self.plane = data_plane
        self._owner = owner
        self._by_number: dict[int, Association] = {}
        self._by_handle: dict[int, Association] = {}
        self._waiting: dict[int, Association] = {}
        """By number: those that have no SAs yet."""

    def __len__(self) -> int:
        return len(self._by_handle)

    def associations(self) -> list[Association]:
        """All of them, oldest first."""
        return list(self._by_handle.values())

    def find(self, handle: int) -> Association | None:
        """The association that the plane gave this id."""
        return self._by_handle.get(handle)

    def of_ike(self, number: int) -> list[Association]:
        """Those of an IKE SA."""
        return [each for each in self._by_handle.values() if each.ike == number]

    def plane_event(self, event: plane.Event, now: float) -> bool:
        """Take an event of the data plane if it is about IPsec; `settle` must follow."""
        match event:
            case plane.PuntIke(path, data, natt):
                self.endpoint.receive(path, data, now, natt=natt)
            case plane.SaExpiring(handle, spi, inbound) | plane.SaExpired(handle, spi, inbound):
                spis = (spi, 0) if inbound else (0, spi)
                self._tell(handle, self.endpoint.expiring, *spis, now)
            case plane.SaFirstInbound(handle, spi):
                self._tell(handle, self.endpoint.used_by_peer, spi, now)
            case plane.PeerMoved(handle, path):
                self._tell(handle, self.endpoint.heard_from, path, now)
            case _:
                return False
        return True

    def settle(self, now: float) -> None:
        """Let the plane and the owner follow what IKE did, then send what it has to send."""
        while events := self.endpoint.events():
            for event in events:
                try:
                    self._event(event, now)
                except Exception as error:
                    self._contain(error, event, now)
        for path, data in self.endpoint.transmits():
            self.plane.send_ike(path, data)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return self.endpoint.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """See to what is due; `settle` must follow."""
        when = self.endpoint.next_timeout()
        if when is not None and when <= now:
            self.endpoint.handle_timeout(now)

    def last_heard(self, number: int) -> float:
        """When an association, by the number of IKE, last brought a valid packet."""
        association = self._by_number.get(number)
        if association is None:
            return 0.0
        return self.plane.association_counters(association.handle).last_received

    def close(self, association: Association, reason: str, now: float) -> None:
        """End an association, telling the peer; `settle` must follow."""
        self.endpoint.close_association(association.number, reason, now)

    def _contain(self, error: Exception, event: ike.Event, now: float) -> None:
        """What goes wrong with one peer is no other's loss: its IKE SA is ended, the rest goes on.
        Raises where nobody is there to be told."""
        told = self.endpoint.on_fault
        if told is None:
            raise error
        association = self._by_number.get(getattr(event, "association", 0))
        number = association.ike if association is not None else getattr(event, "ike", 0)
        told(f"IKE SA {number}", error)
        self.endpoint.close(number, "internal error", now)

    def _tell(self, handle: int, command: Callable[..., None], *args: object) -> None:
        association = self._by_handle.get(handle)
        if association is not None:
            command(association.number, *args)

    def _event(self, event: ike.Event, now: float) -> None:
        match event:
            case ike.AssociationUp():
                handle = self.plane.association_add(event.spec)
                association = Association(event, handle, now)
                self._by_number[event.association] = association
                self._by_handle[handle] = association
                self._waiting[event.association] = association
            case ike.SasAdded(number, inbound, outbound, use):
                self._add_pair(self._by_number[number], inbound, outbound, now, use=use)
            case ike.SaUsed(number, outbound_spi):
                self.plane.sa_use(self._by_number[number].handle, outbound_spi)
            case ike.SasRemoved(number, inbound_spi, outbound_spi):
                self.plane.sa_remove(self._by_number[number].handle, inbound_spi, outbound_spi)
            case ike.AssociationMoved(number, path):
                self._move(self._by_number[number], path)
            case ike.AssociationDown(number, reason, by_peer):
                self._down(self._by_number[number], reason, now, by_peer=by_peer)
            case _:
                if isinstance(event, ike.IkeRekeyed):
                    for association in self.of_ike(event.ike):
                        association.peer = event.peer
                self._owner.ike_event(event, now)

    def _add_pair(
        self, association: Association, inbound: Sa, outbound: Sa, now: float, *, use: bool
    ) -> None:
        self.plane.sa_add(association.handle, inbound, outbound, use=use)
        association.rekeys += 1
        association.keys_since = now
        association.suite = outbound.suite.name
        if self._waiting.pop(association.number, None) is not None:
            self._owner.association_up(association, now)

    def _move(self, association: Association, path: Path) -> None:
        association.path = path
        self.plane.association_move(association.handle, path)

    def _down(self, association: Association, reason: str, now: float, *, by_peer: bool) -> None:
        del self._by_number[association.number]
        del self._by_handle[association.handle]
        never_up = self._waiting.pop(association.number, None) is not None
        counters = self.plane.association_remove(association.handle)
        if not never_up:
            self._owner.association_down(association, reason, counters, now, by_peer=by_peer)
