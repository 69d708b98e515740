"""An end of IKEv1 on a simulated link, with the little of a data plane that IKE depends on: every
pair in use carries a packet now and then, and ends by its soft life."""

import itertools
from collections.abc import Iterable

from talpa.ike.config import Config
from talpa.ike.events import SasAdded
from talpa.sansio import Address, Path, earliest

from .rig import Peer

Item = tuple[str, Path, bytes]
"""("ike", path, message), or ("esp", path, SPI)."""


class SimEnd:
    """`life`: seconds after which a pair is said to expire; None: never. `talk`: seconds between
    packets."""

    def __init__(
        self, host: str, settings: Config, seed: int, *, life: float | None, talk: float = 1.0
    ) -> None:
        self.peer = Peer(host, settings, seed)
        self.life = life
        self.talk = talk
        self.next_talk: float | None = None
        self.expiry: dict[int, tuple[float, int, int]] = {}
        self.used: set[int] = set()
        self.lost_esp = 0
        self._out: list[Item] = []
        self.now = 0.0

    def receive(self, item: Item, now: float) -> None:
        kind, path, data = item
        back = Path(path.remote, path.local)
        self.now = now
        if kind == "ike":
            self.peer.receive(back, data, now)
        else:
            spi = int.from_bytes(data, "big")
            known = self.peer.inbound.get(spi)
            if known is None:
                self.lost_esp += 1
            else:
                self.peer.heard[known.association] = now
                if spi not in self.used:
                    self.used.add(spi)
                    self.peer.sas.used_by_peer(known.association, spi, now)
        self._pump(now)

    def _pump(self, now: float) -> None:
        before = set(self.peer.inbound)
        for path, data in self.peer.take():
            self._out.append(("ike", path, data))
        if self.life is not None:
            for spi in set(self.peer.inbound) - before:
                added = self.peer.inbound[spi]
                jitter = 0.9 + int.from_bytes(self.peer.rng(1), "big") / 1280
                self.expiry[spi] = (now + self.life * jitter, added.association, spi)
        for spi in set(self.expiry) - set(self.peer.inbound):
            del self.expiry[spi]
        if self.peer.sending and self.next_talk is None:
            self.next_talk = now + self.talk
        if not self.peer.sending:
            self.next_talk = None

    def transmits(self) -> Iterable[Item]:
        self._pump(self.now)
        out, self._out = self._out, []
        return out

    def next_timeout(self) -> float | None:
        return earliest(
            self.peer.shared.deadlines.next(),
            self.next_talk,
            *(when for when, _, _ in self.expiry.values()),
        )

    def handle_timeout(self, now: float) -> None:
        self.now = now
        self.peer.time_out(now)
        for when, association, spi in list(self.expiry.values()):
            if when <= now:
                del self.expiry[spi]
                pair = self.peer.inbound.get(spi)
                if pair is not None:
                    self.peer.sas.expiring(association, spi, pair.outbound.spi, now)
                    # As the plane does at the hard end: once more, a while later.
                    self.expiry[spi] = (now + 90.0, association, spi)
        if self.next_talk is not None and self.next_talk <= now:
            self.next_talk = now + self.talk
            for association, spi in self.peer.sending.items():
                found = self.peer.shared.associations.get(association)
                if found is not None:
                    self._out.append(("esp", found.path, spi.to_bytes(4, "big")))
        self._pump(now)

    @property
    def pairs(self) -> set[tuple[int, int]]:
        """(inbound, outbound) of every pair."""
        return {(e.inbound.spi, e.outbound.spi) for e in self.peer.inbound.values()}


def path(local: str, remote: str, port: int = 500) -> Path:
    return Path(Address(local, port), Address(remote, port))


def swapped(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    return {(b, a) for a, b in pairs}


def added(end: SimEnd) -> list[SasAdded]:
    return list(itertools.chain(end.peer.of(SasAdded)))
