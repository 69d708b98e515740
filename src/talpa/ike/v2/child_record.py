"""One pair of SAs of an IKE SA, and what re-keying it needs to know (RFC 7296 2.8.1)."""

from typing import TYPE_CHECKING

from talpa.esp.sa import Mode, Selector, Suite
from talpa.ike.associations import Pair

if TYPE_CHECKING:
    from talpa.ike.v2.sa import IkeSa

Sides = tuple[tuple[Selector, ...], tuple[Selector, ...]]
"""Selectors of ours, and of the peer."""


class Child:
    """One pair of SAs, and what re-keying it needs."""

    __slots__ = (
        "answered_with",
        "deleting",
        "group",
        "mode",
        "pair",
        "rekeyed_by",
        "rekeying",
        "sa",
        "suite",
        "wire",
    )

    def __init__(
        self, sa: "IkeSa", pair: Pair, suite: Suite, mode: Mode, wire: Sides, group: int
    ) -> None:
        self.sa = sa
        self.pair = pair
        self.suite = suite
        self.mode = mode
        self.wire = wire
        """Its selectors as they stood in the exchange."""
        self.group = group
        """Of PFS, as it was last made with; 0: none."""
        self.rekeying = False
        """Our request to re-key it waits, or is under way."""
        self.rekeyed_by: tuple[bytes, Child] | None = None
        """The peer re-keyed it while our request was under way: the lower of the two nonces of its
        exchange, and what came of it (RFC 7296 2.8.1)."""
        self.answered_with: Child | None = None
        """What we made of the peer's request to re-key it."""
        self.deleting = False

    @property
    def inbound(self) -> bytes:
        """The SPI as it stands on the wire."""
        return self.pair.inbound_spi.to_bytes(4, "big")

    @property
    def outbound(self) -> bytes:
        """The SPI as it stands on the wire."""
        return self.pair.outbound_spi.to_bytes(4, "big")
