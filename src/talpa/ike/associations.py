"""The associations of an endpoint: what the peers' packets ride on, while SAs come and go in them.

Both versions of IKE keep theirs here. Every change says its own event.
"""

from dataclasses import dataclass

from talpa.esp.sa import AssociationSpec, Sa
from talpa.ike.events import (
    AssociationDown,
    AssociationMoved,
    AssociationUp,
    Event,
    Peer,
    SasAdded,
    SasRemoved,
    SaUsed,
)
from talpa.sansio import Path, Rng

_LEAST_SPI = 256
"""RFC 4303 2.1: below is reserved."""


@dataclass(slots=True)
class Pair:
    """An inbound and an outbound SA that were negotiated together."""

    association: "Association"
    inbound_spi: int
    outbound_spi: int
    since: float
    used: bool
    """It is, or was, the one that we send with."""
    replaced: bool = False
    """Another pair has taken over: this one only drains."""


@dataclass(slots=True)
class Association:
    """One association and its pairs of SAs, oldest first."""

    id: int
    ike: int
    """The number of the IKE SA that has it."""
    spec: AssociationSpec
    path: Path
    peer: Peer
    pairs: list[Pair]


class Associations:
    """All associations, and every inbound SPI."""

    def __init__(self, events: list[Event], rng: Rng) -> None:
        self._events = events
        self._rng = rng
        self._last = 0
        self._all: dict[int, Association] = {}
        self._by_inbound: dict[int, Pair | None] = {}
        """None: drawn, and not yet in use."""

    def __len__(self) -> int:
        return len(self._all)

    def get(self, association: int) -> Association | None:
        """The association of that id."""
        return self._all.get(association)

    def of(self, ike: int) -> list[Association]:
        """Those of an IKE SA."""
        return [each for each in self._all.values() if each.ike == ike]

    def draw_spi(self) -> int:
        """An inbound SPI that nobody has; to be given back by `free_spi` or used in `add_pair`."""
        while True:
            spi = int.from_bytes(self._rng(4), "big")
            if spi >= _LEAST_SPI and spi not in self._by_inbound:
                self._by_inbound[spi] = None
                return spi

    def free_spi(self, spi: int) -> None:
        """Drawn in vain."""
        if self._by_inbound.get(spi, self) is None:
            del self._by_inbound[spi]

    def add(self, ike: int, spec: AssociationSpec, peer: Peer) -> Association:
        """A new association."""
        self._last += 1
        made = Association(self._last, ike, spec, spec.path, peer, [])
        self._all[made.id] = made
        self._events.append(AssociationUp(made.id, ike, spec, peer))
        return made

    def add_pair(
        self, association: Association, inbound: Sa, outbound: Sa, now: float, *, use: bool
    ) -> Pair:
        """A pair of SAs whose inbound SPI came from `draw_spi`."""
        pair = Pair(association, inbound.spi, outbound.spi, now, use)
        association.pairs.append(pair)
        self._by_inbound[inbound.spi] = pair
        self._events.append(SasAdded(association.id, inbound, outbound, use))
        return pair

    def use(self, pair: Pair) -> None:
        """Send with this pair from now on."""
        if not pair.used:
            pair.used = True
            self._events.append(SaUsed(pair.association.id, pair.outbound_spi))

    def pair(self, inbound_spi: int) -> Pair | None:
        """The pair of an inbound SPI."""
        return self._by_inbound.get(inbound_spi)

    def remove_pair(self, pair: Pair) -> None:
        """A pair of SAs is gone; the association stays, even without any."""
        pair.association.pairs.remove(pair)
        del self._by_inbound[pair.inbound_spi]
        self._events.append(SasRemoved(pair.association.id, pair.inbound_spi, pair.outbound_spi))

    def take_over(self, association: Association, ike: int) -> None:
        """Another IKE SA looks after it now."""
        association.ike = ike

    def move(self, association: Association, path: Path) -> None:
        """The peer is reached another way."""
        if path != association.path:
            association.path = path
            self._events.append(AssociationMoved(association.id, path))

    def remove(self, association: Association, reason: str, *, by_peer: bool) -> None:
        """An association is gone, and its SAs with it."""
        for pair in association.pairs:
            del self._by_inbound[pair.inbound_spi]
        association.pairs.clear()
        del self._all[association.id]
        self._events.append(AssociationDown(association.id, reason, by_peer))
