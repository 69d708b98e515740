"""An IKE endpoint: every IKE SA, both versions, behind some addresses.

Drive it as `talpa.sansio.core` says. A command for something that is gone is passed over.
"""

from collections.abc import Callable, Hashable
from typing import Final, Protocol

from talpa.crypto.credentials import Accepted, PasswordChanged, Refused
from talpa.ike import invalid_version
from talpa.ike.config import Call, Config
from talpa.ike.descriptions import IkeDescription
from talpa.ike.events import AddressOffer, Event
from talpa.ike.header import Header, parse_header
from talpa.ike.shared import Shared
from talpa.ike.v1.sas import Sas as SasV1
from talpa.ike.v2.sas import Sas as SasV2
from talpa.sansio import Drops, Path, Rng
from talpa.wire import Malformed

__all__ = ["Endpoint", "IkeDescription"]

_FAULT: Final = "a fault in Talpa"


class Sas(Protocol):
    """All IKE SAs of one version. For what is another version's, or gone, they give False."""

    def receive(
        self, path: Path, header: Header, data: bytes, now: float, *, natt: bool
    ) -> None: ...
    def time_out(self, key: Hashable, now: float) -> None: ...
    def open(self, ike: int, call: Call, now: float) -> None: ...
    def close(self, ike: int, reason: str, now: float) -> bool: ...
    def close_association(self, association: int, reason: str, now: float) -> bool: ...
    def expiring(
        self, association: int, inbound_spi: int, outbound_spi: int, now: float
    ) -> bool: ...
    def used_by_peer(self, association: int, inbound_spi: int, now: float) -> bool: ...
    def heard_from(self, association: int, path: Path, now: float) -> bool: ...
    def move(self, ike: int, path: Path, natt_path: Path, now: float) -> bool: ...
    def describe(self) -> list[IkeDescription]: ...


class Endpoint:
    """`rng` must be beyond guessing. `last_heard` says when an association last brought a valid
    packet, monotonic seconds (0.0: never): proof of life, asked only when DPD is due."""

    def __init__(
        self,
        config: Config,
        rng: Rng,
        last_heard: Callable[[int], float] = lambda _: 0.0,
    ) -> None:
        self.on_fault: Callable[[str, Exception], None] | None = None
        """Told of an exception that is our own fault, and in what; the IKE SA that it was raised
        for is ended, and the others live on. None: it is raised."""
        self._shared = Shared(config, rng, last_heard)
        self._v2 = SasV2(self._shared)
        self._versions: dict[int, Sas] = {1: SasV1(self._shared), 2: self._v2}
        self._answers = invalid_version.Answers()

    # input

    def receive(self, path: Path, data: bytes, now: float, *, natt: bool) -> None:
        """A datagram with an IKE message, the non-ESP marker taken off. `natt`: it came to a socket
        of ESP in UDP (RFC 3948 2.2)."""
        shared = self._shared
        try:
            header = parse_header(data)
        except Malformed as error:
            shared.drops.add(error.reason)
            return
        sas = self._versions.get(header.major)
        if sas is None:
            self._refuse_version(path, header, now)
        elif not (shared.config.v1 if header.major == 1 else shared.config.v2):
            shared.drops.add(f"IKEv{header.major} is off")
        else:
            shared.current = 0
            half_open = shared.admission.half_open
            try:
                sas.receive(path, header, data, now, natt=natt)
            except Exception as error:
                if not shared.current and shared.admission.half_open > half_open:
                    # It was admitted, and nobody has it who would give its place back.
                    shared.admission.settled(path)
                self._contain(error, f"an IKEv{header.major} message from {path.remote}", now)

    def handle_timeout(self, now: float) -> None:
        """Act on every deadline that has passed."""
        for version, key in self._shared.deadlines.due(now):
            self._shared.current = 0
            try:
                self._versions[version].time_out(key, now)
            except Exception as error:
                self._contain(error, f"a deadline of IKEv{version}", now)

    # commands

    def configure(self, config: Config) -> None:
        """Another configuration, for what begins from now on."""
        self._shared.configure(config)

    def open(self, call: Call, now: float) -> int:
        """Call a peer; the number of the IKE SA to be."""
        ike = self._shared.new_ike()
        self._versions[call.connection.version].open(ike, call, now)
        return ike

    def close(self, ike: int, reason: str, now: float) -> None:
        """Delete an IKE SA and its associations, telling the peer."""
        for sas in self._versions.values():
            if sas.close(ike, reason, now):
                return

    def close_association(self, association: int, reason: str, now: float) -> None:
        """Delete the SAs of one association, telling the peer; the IKE SA goes with its last."""
        for sas in self._versions.values():
            if sas.close_association(association, reason, now):
                return

    def verdict(self, ike: int, verdict: Accepted | Refused | PasswordChanged, now: float) -> None:
        """The answer to `PeerAttempted`."""
        self._v2.verdict(ike, verdict, now)

    def offer(self, ike: int, offer: AddressOffer, now: float) -> None:
        """An answer to `AddressWanted`."""
        self._v2.offer(ike, offer, now)

    def refuse_address(self, ike: int, reason: str, now: float) -> None:
        """The other answer to `AddressWanted`."""
        self._v2.refuse_address(ike, reason, now)

    def expiring(self, association: int, inbound_spi: int, outbound_spi: int, now: float) -> None:
        """The plane says `SaExpiring` (or `SaExpired`): re-key this pair."""
        for sas in self._versions.values():
            if sas.expiring(association, inbound_spi, outbound_spi, now):
                return

    def used_by_peer(self, association: int, inbound_spi: int, now: float) -> None:
        """The plane says that the first packet came under this SA (`SaFirstInbound`)."""
        for sas in self._versions.values():
            if sas.used_by_peer(association, inbound_spi, now):
                return

    def heard_from(self, association: int, path: Path, now: float) -> None:
        """The plane says `PeerMoved`: valid packets come from elsewhere (RFC 3948, RFC 7296
        2.23)."""
        for sas in self._versions.values():
            if sas.heard_from(association, path, now):
                return

    def move(self, ike: int, path: Path, natt_path: Path, now: float) -> None:
        """Our own address changed: MOBIKE (RFC 4555), or anew without it."""
        for sas in self._versions.values():
            if sas.move(ike, path, natt_path, now):
                return

    # output

    def transmits(self) -> list[tuple[Path, bytes]]:
        """What is to be sent, in order."""
        shared = self._shared
        out = shared.out[:]
        shared.out.clear()
        return out

    def events(self) -> list[Event]:
        """What happened, in order. To be drained before `transmits`."""
        shared = self._shared
        events = shared.events[:]
        shared.events.clear()
        return events

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due at the latest."""
        return self._shared.deadlines.next()

    # what an operator sees

    @property
    def drops(self) -> Drops:
        """What was dropped, and why."""
        return self._shared.drops

    @property
    def half_open(self) -> int:
        """IKE SAs whose peer has proved nothing yet."""
        return self._shared.admission.half_open

    def describe(self) -> list[IkeDescription]:
        """Every IKE SA, oldest first."""
        found = [one for sas in self._versions.values() for one in sas.describe()]
        return sorted(found, key=lambda one: one.ike)

    def numbers(self) -> list[int]:
        """Of every IKE SA, oldest first."""
        return [one.ike for one in self.describe()]

    def _refuse_version(self, path: Path, header: Header, now: float) -> None:
        self._shared.drops.add("IKE version unknown")
        answer = self._answers.to(header, now)
        if answer is not None:
            self._shared.out.append((path, answer))

    def _contain(self, error: Exception, what: str, now: float) -> None:
        if self.on_fault is None:
            raise error
        ike, self._shared.current = self._shared.current, 0
        culprit = f"IKE SA {ike}, {what}" if ike else what
        self.on_fault(culprit, error)
        if ike:
            try:
                self.close(ike, _FAULT, now)
            except Exception as another:
                self.on_fault(f"ending {culprit}", another)
