"""An IKE endpoint: every IKE SA, both versions, behind some addresses.

Drive it as `talpa.sansio.core` says. A command for something that is gone is passed over.
"""

from collections.abc import Callable

from talpa.crypto.credentials import Accepted, PasswordChanged, Refused
from talpa.ike.config import Call, Config
from talpa.ike.events import AddressOffer, Event
from talpa.sansio import Drops, Path, Rng


class Endpoint:
    """`rng` must be beyond guessing. `last_heard` says when an association last brought a valid
    packet, monotonic seconds (0.0: never): proof of life, asked only when DPD is due. `last_sent`
    likewise of what went out. `octets` says what went through it, both ways."""

    def __init__(
        self,
        config: Config,
        rng: Rng,
        last_heard: Callable[[int], float] = lambda _: 0.0,
    ) -> None: ...

    # input
    def receive(self, path: Path, data: bytes, now: float, *, natt: bool) -> None:
        """A datagram with an IKE message, the non-ESP marker taken off. `natt`: it came to a socket
        of ESP in UDP (RFC 3948 2.2)."""

    def handle_timeout(self, now: float) -> None: ...

    # commands
    def open(self, call: Call, now: float) -> int:
        """Call a peer; the number of the IKE SA to be."""

    def close(self, ike: int, reason: str, now: float) -> None:
        """Delete an IKE SA and its associations, telling the peer."""

    def close_association(self, association: int, reason: str, now: float) -> None:
        """Delete the SAs of one association, telling the peer; the IKE SA goes with its last."""

    def verdict(
        self, ike: int, verdict: Accepted | Refused | PasswordChanged, now: float
    ) -> None: ...
    def offer(self, ike: int, offer: AddressOffer, now: float) -> None: ...
    def refuse_address(self, ike: int, reason: str, now: float) -> None: ...
    def expiring(self, association: int, inbound_spi: int, outbound_spi: int, now: float) -> None:
        """The plane says `SaExpiring` (or `SaExpired`): re-key this pair."""

    def used_by_peer(self, association: int, inbound_spi: int, now: float) -> None:
        """The plane says that the first packet came under this SA (`SaFirstInbound`)."""

    def heard_from(self, association: int, path: Path, now: float) -> None:
        """The plane says `PeerMoved`: valid packets come from elsewhere (RFC 3948, RFC 7296 2.23)."""

    def move(self, ike: int, path: Path, natt_path: Path, now: float) -> None:
        """Our own address changed: MOBIKE (RFC 4555), or anew without it."""

    # output
    def transmits(self) -> list[tuple[Path, bytes]]: ...
    def events(self) -> list[Event]: ...
    def next_timeout(self) -> float | None: ...

    @property
    def drops(self) -> Drops: ...
