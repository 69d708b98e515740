"""What is kept of a peer that has sent IKE_SA_INIT and nothing else yet (RFC 7296 2.6): octets, and
little beside them. Everything else is read out of them again once the peer goes on."""

from talpa.ike.suites import IkeSuite
from talpa.sansio import Path

OpeningKey = tuple[Path, bytes]


class Opening:
    """One half-open IKE SA of a peer's."""

    __slots__ = (
        "local_spi",
        "message_i",
        "message_r",
        "natt",
        "path",
        "shared",
        "since",
        "suite",
        "weak",
    )

    def __init__(self, path: Path, local_spi: bytes, now: float, *, natt: bool) -> None:
        self.path = path
        """The way its IKE_SA_INIT came."""
        self.natt = natt
        self.local_spi = local_spi
        self.since = now
        self.message_i = b""
        """IKE_SA_INIT as the peer sent it,"""
        self.message_r = b""
        """and as we answered."""
        self.shared = b""
        """Of the key exchange."""
        self.suite: IkeSuite | None = None
        self.weak: tuple[str, ...] = ()

    @property
    def key(self) -> OpeningKey:
        """What an IKE_SA_INIT that comes again is known by: the way it comes and the peer's SPI."""
        return self.path, self.message_i[:8]
