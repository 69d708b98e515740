"""Whether a packet is one of those that an association is for (RFC 4301 4.4.1)."""

from collections.abc import Sequence

from talpa.dataplane.packets import upper_layer4, upper_layer6
from talpa.esp.sa import Selector

_PORTED = frozenset({6, 17, 33, 132, 136})
"""TCP, UDP, DCCP, SCTP, UDP-Lite: they begin with source and destination port."""
OUTSIDE = "packet outside the selectors"
NO_PORT = -1
"""Of a later fragment, or a protocol without ports: only a selector for any port fits."""


class Selectors:
    """Those of one end, ready for every packet."""

    __slots__ = ("_each",)

    def __init__(self, selectors: Sequence[Selector]) -> None:
        self._each = tuple(
            (
                each.first.packed,
                each.last.packed,
                each.protocol,
                each.first_port,
                each.last_port,
                each.first_port == 0 and each.last_port == 0xFFFF,
            )
            for each in selectors
        )

    def fit(self, address: bytes, protocol: int, port: int) -> bool:
        """Whether a packet with that address and port at this end is meant."""
        size = len(address)
        for first, last, wanted, low, high, anything in self._each:
            if (
                len(first) == size
                and first <= address <= last
                and wanted in (0, protocol)
                and (anything or low <= port <= high)
            ):
                return True
        return False

    def fit_ports(self, protocol: int, port: int) -> bool:
        """The same, whatever the address: it may have been translated on the way."""
        for _, _, wanted, low, high, anything in self._each:
            if wanted in (0, protocol) and (anything or low <= port <= high):
                return True
        return False


def ends(packet: bytes) -> tuple[bytes, bytes, int, int, int, int]:
    """What selectors look at in a valid IP packet: source, destination, protocol, source port,
    destination port; and where the upper layer begins. The protocol of a later fragment of IPv6
    is -1."""
    if packet[0] >> 4 == 4:
        source, destination = packet[12:16], packet[16:20]
        protocol, at = upper_layer4(packet)
        if protocol < 0:
            return source, destination, packet[9], NO_PORT, NO_PORT, len(packet)
    else:
        source, destination = packet[8:24], packet[24:40]
        protocol, at = upper_layer6(packet)
    if protocol not in _PORTED or at + 4 > len(packet):
        return source, destination, protocol, NO_PORT, NO_PORT, at
    ports = int.from_bytes(packet[at : at + 4], "big")
    return source, destination, protocol, ports >> 16, ports & 0xFFFF, at
