"""Into ESP and AH: what an association carries to its peer."""

from talpa.dataplane.interface import SaExpired, SaExpiring
from talpa.dataplane.packets import UDP
from talpa.dataplane.reference.associations import Association, Associations, Pair
from talpa.dataplane.reference.inner_udp import built
from talpa.dataplane.reference.outputs import Outputs
from talpa.esp.ah import AhOutbound
from talpa.esp.packet import EXPIRED
from talpa.esp.sa import Protocol
from talpa.sansio import Deadlines, Path

GONE = "association is gone"
NO_SA = "no SA to send with"
TOO_LONG = "packet too long to protect"

KEEPALIVE = b"\xff"
"""RFC 3948 2.3."""

_LONGEST = 0xFFFF - 200
"""Octets that still fit into an outer packet with every header and padding."""


class EspOutbound:
    """Protects packets, and says when SAs are used up."""

    __slots__ = ("_associations", "_outputs", "ages", "keepalives")

    def __init__(self, outputs: Outputs, associations: Associations) -> None:
        self._outputs = outputs
        self._associations = associations
        self.keepalives: Deadlines[int] = Deadlines()
        """By association."""
        self.ages: Deadlines[bytes] = Deadlines()
        """By inbound SPI: when to look at the age of a pair. It keeps no pair, and so no key, that
        is gone."""

    def l2tp(self, association: Association, path: Path, datagram: bytes, now: float) -> None:
        """Send an L2TP datagram. Of `path`, which is that of its tunnel, the ports count."""
        ends = association.checksum_ends
        payload = built(path.local.port, path.remote.port, datagram, ends)
        self.protect(association, payload, UDP, now)

    def protect(
        self, association: Association, payload: bytes, next_header: int, now: float
    ) -> bool:
        """Send what stands behind ESP or AH; whether it went."""
        outputs = self._outputs
        pair = association.current
        if pair is None:
            outputs.drops.add(GONE if association.gone else NO_SA)
            return False
        if not 0 < len(payload) <= _LONGEST:
            outputs.drops.add(TOO_LONG)
            return False
        sealer = pair.sealer
        if isinstance(sealer, AhOutbound):
            packet = sealer.seal(payload, next_header, association.local, association.remote)
        else:
            packet = sealer.seal(payload, next_header)
        if packet is None:
            outputs.drops.add(EXPIRED)
            return False
        if association.udp:
            outputs.to_network.append((association.path, packet))
        else:
            protocol = Protocol.AH if isinstance(sealer, AhOutbound) else Protocol.ESP
            outputs.to_raw.append((association.path, protocol, packet))
        association.sent_packets += 1
        association.sent_octets += len(packet)
        association.last_sent = association.quiet_since = now
        if sealer.life.passed:
            self.tell_lives(pair, now)
        return True

    def tell_lives(self, pair: Pair, now: float) -> None:
        """Say which limits of a pair were reached."""
        outputs, association = self._outputs, pair.association
        for end, inbound in ((pair.opener, True), (pair.sealer, False)):
            if end.life.passed:
                end.life.passed = False
                kind = SaExpired if end.life.expired else SaExpiring
                outputs.events.append(kind(association.id, end.spi, inbound))
                outputs.told_at = now

    # Time

    def watch(self, association: Association) -> None:
        """Set the deadline of an association's keepalive."""
        seconds = association.spec.keepalive
        if seconds is not None and association.udp:
            self.keepalives.arm(association.id, association.quiet_since + seconds)

    def begin(self, pair: Pair, now: float) -> None:
        """The SAs are installed."""
        for life in pair.lives:
            life.begin(now)
        self.ages.arm(pair.key, pair.next_timeout())

    def handle_timeout(self, now: float) -> None:
        """Send the keepalives that are due; see which SAs are too old."""
        for number in self.keepalives.due(now):
            association = self._associations.get(number)
            seconds = association.spec.keepalive
            if seconds is not None and association.quiet_since + seconds <= now:
                self._outputs.to_network.append((association.path, KEEPALIVE))
                association.quiet_since = now
            self.watch(association)
        for key in self.ages.due(now):
            pair = self._associations.by_spi[key]
            for life in pair.lives:
                life.handle_timeout(now)
            self.tell_lives(pair, now)
            self.ages.arm(key, pair.next_timeout())
