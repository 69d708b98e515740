"""What comes out of the plane: packets for the network and the kernel, events, counts of drops."""

from talpa.dataplane.interface import Event
from talpa.sansio import Drops, Path


class Outputs:
    """Filled by whatever happens, and emptied by the owner."""

    __slots__ = ("drops", "events", "to_network", "to_raw", "to_tun", "told_at")

    def __init__(self, drops: Drops) -> None:
        self.to_network: list[tuple[Path, bytes]] = []
        """UDP payloads."""
        self.to_raw: list[tuple[Path, int, bytes]] = []
        """Packets of IP protocol 50 or 51. One of AH over IPv4 has its IP header."""
        self.to_tun: list[bytes] = []
        self.events: list[Event] = []
        self.told_at: float | None = None
        """When a command, rather than a packet or a deadline, made events that nobody took yet."""
        self.drops = drops
