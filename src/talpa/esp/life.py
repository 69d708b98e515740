"""How far an SA has been used up."""

from talpa.crypto.algorithms import EncryptionId
from talpa.esp.sa import Sa
from talpa.sansio import earliest

_LAST_NUMBER = (1 << 32) - 1
_LAST_EXTENDED = (1 << 64) - 1
DES3_PACKETS = 1 << 20
DES3_OCTETS = 1 << 30
"""A block of 64 bits repeats by chance long before that many more (Sweet32): 1 GiB."""


class Life:
    """Counts packets and octets against the limits of an SA.

    Packets are counted by their sequence numbers, for a sequence number is never used twice. Half
    of what the protocol and the cipher allow is a soft limit as well.
    """

    __slots__ = (
        "_hard_at",
        "_hard_octets",
        "_hard_packets",
        "_next_octets",
        "_next_packets",
        "_soft_at",
        "expired",
        "expiring",
        "octets",
        "packets",
        "passed",
    )

    def __init__(self, sa: Sa) -> None:
        self._soft_at = sa.soft.seconds
        self._hard_at = sa.hard.seconds
        packets = float(_LAST_EXTENDED if sa.suite.esn else _LAST_NUMBER)
        octets = float("inf")
        if sa.suite.encryption is EncryptionId.DES3:
            packets, octets = DES3_PACKETS, DES3_OCTETS
        self._hard_packets = _least(sa.hard.packets, packets)
        self._hard_octets = _least(sa.hard.octets, octets)
        self._next_packets = min(_least(sa.soft.packets, packets // 2), self._hard_packets)
        self._next_octets = min(_least(sa.soft.octets, octets // 2), self._hard_octets)
        self.packets = 0
        self.octets = 0
        self.expiring = False
        """A soft limit was reached."""
        self.expired = False
        """A hard limit was reached: nothing more goes through."""
        self.passed = False
        """One of the two is news. Its reader sets it back."""

    def use(self, number: int, octets: int) -> None:
        """A packet with that sequence number and of that size went through."""
        self.packets = number
        self.octets += octets
        if number >= self._next_packets or self.octets >= self._next_octets:
            self._pass()

    def begin(self, now: float) -> None:
        """The SA is installed: from here on its seconds count. Once, before the others."""
        if self._soft_at is not None:
            self._soft_at += now
        if self._hard_at is not None:
            self._hard_at += now

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        if self.expired:
            return None
        return self._hard_at if self.expiring else earliest(self._soft_at, self._hard_at)

    def handle_timeout(self, now: float) -> None:
        """See whether the time of the SA has come."""
        if self._hard_at is not None and self._hard_at <= now:
            self._reach(hard=True)
        elif self._soft_at is not None and self._soft_at <= now:
            self._reach(hard=False)

    def _pass(self) -> None:
        hard = self.packets >= self._hard_packets or self.octets >= self._hard_octets
        self._reach(hard=hard)
        self._next_packets, self._next_octets = self._hard_packets, self._hard_octets

    def _reach(self, *, hard: bool) -> None:
        if hard and not self.expired:
            self.expired = self.passed = True
        elif not self.expired and not self.expiring:
            self.expiring = self.passed = True


def _least(wanted: int | None, most: float) -> float:
    return most if wanted is None else min(wanted, most)
