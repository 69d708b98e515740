"""Associations and their SAs, and the ways to find them."""

from talpa.dataplane.interface import AssociationCounters, StaleId
from talpa.dataplane.reference.addresses import address_octets
from talpa.dataplane.reference.routing import Prefix
from talpa.dataplane.reference.selectors import Selectors
from talpa.esp.ah import AhInbound, AhOutbound
from talpa.esp.life import Life
from talpa.esp.packet import Inbound, Outbound
from talpa.esp.sa import AssociationSpec, Encapsulation, Mode, Protocol, Sa
from talpa.sansio import Address, Path, Rng, earliest

_LEAST_SPI = 256
_PROTOCOLS = (-Protocol.ESP, -Protocol.AH)


class Pair:
    """An inbound and an outbound SA that were installed together."""

    __slots__ = ("association", "heard", "key", "opener", "sealer", "serial")

    def __init__(
        self,
        association: "Association",
        serial: int,
        opener: Inbound | AhInbound,
        sealer: Outbound | AhOutbound,
    ) -> None:
        self.association = association
        self.serial = serial
        """Grows from pair to pair."""
        self.key = spi_octets(opener.spi)
        self.opener = opener
        self.sealer = sealer
        self.heard = False
        """A valid packet has come."""

    @property
    def lives(self) -> tuple[Life, Life]:
        """Of the inbound and the outbound one."""
        return self.opener.life, self.sealer.life

    def next_timeout(self) -> float | None:
        """When one of the two is to be looked at for its age."""
        return earliest(self.opener.life.next_timeout(), self.sealer.life.next_timeout())


class Association:
    """A peer, what may pass to it and from it, and the SAs that carry it."""

    __slots__ = (
        "carriers",
        "checksum_ends",
        "current",
        "dropped",
        "errors_at",
        "errors_sent",
        "forged",
        "gone",
        "id",
        "l2tp_path",
        "l2tp_ports",
        "last_received",
        "last_sent",
        "local",
        "newest",
        "ours",
        "pairs",
        "path",
        "quiet_since",
        "received_octets",
        "received_packets",
        "remote",
        "replayed",
        "routes4",
        "routes6",
        "sent_octets",
        "sent_packets",
        "spec",
        "theirs",
        "told_at",
        "told_path",
        "transport",
        "udp",
    )

    def __init__(self, number: int, spec: AssociationSpec, now: float) -> None:
        self.id = number
        self.spec = spec
        self.transport = spec.mode is Mode.TRANSPORT
        self.udp = spec.encapsulation is Encapsulation.UDP
        self.ours = Selectors(spec.local)
        self.theirs = Selectors(spec.remote)
        self.pairs: list[Pair] = []
        """Oldest first."""
        self.current: Pair | None = None
        """The one to send with."""
        self.gone = False
        self.l2tp_ports = b""
        """Of the last L2TP datagram, as they stood in its UDP header."""
        self.l2tp_path = spec.path
        """And the path of tunnels with these ports."""
        self.newest = 0
        """Serial of the latest pair that a packet came under."""
        self.told_path: Path | None = None
        self.told_at = 0.0
        """Where the peer was last said to be, and when that was said."""
        self.quiet_since = now
        self.routes4: tuple[Prefix, ...] = ()
        self.routes6: tuple[Prefix, ...] = ()
        self.errors_at = 0.0
        self.errors_sent = 0

        self.received_packets = 0
        self.received_octets = 0
        self.sent_packets = 0
        self.sent_octets = 0
        self.replayed = 0
        self.forged = 0
        self.dropped = 0
        self.last_received = 0.0
        self.last_sent = 0.0
        self.move(spec.path)

    def move(self, path: Path) -> None:
        """Take another path."""
        self.path = path
        self.local = address_octets(path.local.host)
        self.remote = address_octets(path.remote.host)
        self.checksum_ends: tuple[bytes, bytes] | None = (self.local, self.remote)
        if self.udp and len(self.local) == 4:
            self.checksum_ends = None
        port = path.local.port
        self.carriers = (port,) if self.udp else _PROTOCOLS
        """What our packets to the peer look like from inside: a UDP port, or a protocol negated."""

    def octets_of(self, path: Path) -> tuple[bytes, bytes]:
        """The addresses of a packet that came by `path`: source, destination."""
        known = self.path
        if (path.local.host, path.remote.host) == (known.local.host, known.remote.host):
            return self.remote, self.local
        return address_octets(path.remote.host), address_octets(path.local.host)

    def tunnel_path(self, ours: int, theirs: int) -> Path:
        """The path of a tunnel with these inner ports; it stays while the peer moves."""
        made = self.spec.path
        return Path(Address(made.local.host, ours), Address(made.remote.host, theirs), self.id)

    def counters(self) -> AssociationCounters:
        """A copy of the counters."""
        return AssociationCounters(
            self.received_packets,
            self.received_octets,
            self.sent_packets,
            self.sent_octets,
            self.replayed,
            self.forged,
            self.dropped,
            self.last_received,
            self.last_sent,
        )


class Associations:
    """All associations, and the SAs by inbound SPI, which alone says whose a packet is."""

    __slots__ = ("_all", "_last", "_rng", "_serial", "by_spi")

    def __init__(self, rng: Rng) -> None:
        self._all: dict[int, Association] = {}
        self._last = 0
        self._serial = 0
        self._rng = rng
        self.by_spi: dict[bytes, Pair] = {}
        """By the SPI as it stands in a packet."""

    def add(self, spec: AssociationSpec, now: float) -> Association:
        """Make an association without SAs."""
        self._last += 1
        made = self._all[self._last] = Association(self._last, spec, now)
        return made

    def find(self, number: int) -> Association | None:
        """The association of that id, if it is there."""
        return self._all.get(number)

    def get(self, number: int) -> Association:
        """Raises `StaleId`."""
        found = self._all.get(number)
        if found is None:
            raise StaleId(f"association {number} is gone")
        return found

    def remove(self, association: Association) -> None:
        """Forget an association, its SAs and, with them, the keys."""
        for pair in association.pairs:
            del self.by_spi[pair.key]
        association.pairs.clear()
        association.current = None
        association.gone = True
        del self._all[association.id]

    def add_pair(self, association: Association, inbound: Sa, outbound: Sa, *, use: bool) -> Pair:
        """Install a pair of SAs. Raises `ValueError`."""
        if spi_octets(inbound.spi) in self.by_spi:
            raise ValueError(f"inbound SPI {inbound.spi:#010x} is taken")
        if inbound.suite.protocol is not outbound.suite.protocol:
            raise ValueError("ESP one way and AH the other")
        opener: Inbound | AhInbound
        sealer: Outbound | AhOutbound
        if inbound.suite.protocol is Protocol.AH:
            if association.udp or not association.transport:
                raise ValueError("AH is for transport mode without UDP encapsulation")
            opener, sealer = AhInbound(inbound), AhOutbound(outbound)
        else:
            opener, sealer = Inbound(inbound), Outbound(outbound, self._rng)
        self._serial += 1
        pair = Pair(association, self._serial, opener, sealer)
        self.by_spi[pair.key] = pair
        association.pairs.append(pair)
        if use or association.current is None:
            association.current = pair
        return pair

    def use(self, association: Association, outbound_spi: int) -> None:
        """Send with another pair. Raises `StaleId`."""
        for pair in association.pairs:
            if pair.sealer.spi == outbound_spi:
                association.current = pair
                return
        raise StaleId(f"outbound SA {outbound_spi:#010x} is gone")

    def remove_pair(self, association: Association, inbound_spi: int, outbound_spi: int) -> Pair:
        """Forget a pair and its keys. Raises `StaleId`."""
        for pair in association.pairs:
            if pair.opener.spi == inbound_spi and pair.sealer.spi == outbound_spi:
                break
        else:
            raise StaleId(f"SAs {inbound_spi:#010x} and {outbound_spi:#010x} are gone")
        association.pairs.remove(pair)
        del self.by_spi[pair.key]
        if association.current is pair:
            association.current = association.pairs[-1] if association.pairs else None
        return pair


def spi_octets(spi: int) -> bytes:
    """As it stands in a packet. Raises `ValueError` for a reserved one (RFC 4303 2.1)."""
    if not _LEAST_SPI <= spi <= 0xFFFFFFFF:
        raise ValueError(f"SPI {spi:#x} is not within 0x100 to 0xffffffff")
    return spi.to_bytes(4, "big")
