"""Out of ESP and AH: what comes from the peers of associations, and IKE beside it."""

from collections.abc import Callable

from talpa.dataplane.interface import PeerMoved, PuntIke, SaFirstInbound
from talpa.dataplane.packets import FRAGMENT, TCP, UDP, UDP_HEADER, ipv4_length, ipv6_length
from talpa.dataplane.reference.associations import Association, Pair
from talpa.dataplane.reference.clamp import clamped
from talpa.dataplane.reference.inner_udp import checksum_wrong, length_of
from talpa.dataplane.reference.limits import HEADERS4, HEADERS6, SMALLEST_MTU
from talpa.dataplane.reference.selectors import OUTSIDE, ends
from talpa.dataplane.reference.state import State
from talpa.esp.ah import FORGED as AH_FORGED
from talpa.esp.ah import REPLAYED as AH_REPLAYED
from talpa.esp.ah import AhInbound, spi_of
from talpa.esp.packet import BAD_PADDING, CUT_SHORT, FORGED, NO_BLOCKS, NO_NEXT_HEADER, REPLAYED
from talpa.esp.sa import Protocol
from talpa.sansio import Path

NO_SA = "packet of no SA"

_MARKER = b"\0\0\0\0"
"""Where an SPI would stand: IKE (RFC 3948 2.2)."""
_KEEPALIVE = b"\xff"
_IPV4, _IPV6 = 4, 41
"""Next headers of tunnel mode."""
_MOVED_AGAIN = 1.0
"""Seconds before the same move is told once more."""

TakeL2tp = Callable[[Path, bytes, float], None]


class EspInbound:
    """Takes what comes to the sockets of IKE and NAT-T, and by IP protocols 50 and 51."""

    __slots__ = ("_by_spi", "_l2tp", "_state")

    def __init__(self, state: State, l2tp: TakeL2tp) -> None:
        """`l2tp` takes the datagrams of transport mode, with the path of their tunnel."""
        self._state = state
        self._by_spi = state.tables.associations.by_spi
        self._l2tp = l2tp

    def from_ike(self, path: Path, datagram: bytes, now: float) -> None:
        """A datagram to a socket of IKE alone."""
        del now
        if datagram:
            self._state.events.append(PuntIke(path, datagram, natt=False))
        else:
            self._state.drop("IKE message cut short")

    def from_natt(self, path: Path, datagram: bytes, now: float) -> None:
        """A datagram to a socket of IKE and ESP together (RFC 3948 2)."""
        if datagram[:4] == _MARKER:
            if len(datagram) > len(_MARKER):
                self._state.events.append(PuntIke(path, datagram[4:], natt=True))
            else:
                self._state.drop("IKE message cut short")
        elif datagram != _KEEPALIVE:
            self._esp(path, datagram, now, udp=True)

    def from_raw(self, protocol: int, path: Path, packet: bytes, now: float) -> None:
        """A packet of IP protocol 50, or 51: with its IP header when that is AH over IPv4. The
        ports of `path` mean nothing."""
        if protocol == Protocol.ESP:
            self._esp(path, packet, now, udp=False)
        else:
            self._ah(path, packet, now)

    def _esp(self, path: Path, packet: bytes, now: float, *, udp: bool) -> None:
        pair = self._by_spi.get(packet[:4])
        if pair is None or isinstance(pair.opener, AhInbound):
            self._state.drop(NO_SA if len(packet) >= 8 else CUT_SHORT)
            return
        before = pair.opener.window.highest
        opened = pair.opener.open(packet)
        if isinstance(opened, str):
            self._refused(pair, opened, now)
            return
        self._valid(pair, path, before, len(packet), now, udp=udp)
        self._inner(pair.association, path, opened, now, udp=udp)

    def _ah(self, path: Path, packet: bytes, now: float) -> None:
        spi = spi_of(packet, inet6=":" in path.remote.host)
        pair = self._by_spi.get(spi.to_bytes(4, "big"))
        if pair is None or not isinstance(pair.opener, AhInbound):
            self._state.drop(NO_SA)
            return
        before = pair.opener.window.highest
        opened = pair.opener.open(packet, *pair.association.octets_of(path))
        if isinstance(opened, str):
            self._refused(pair, opened, now)
            return
        self._valid(pair, path, before, len(packet), now, udp=False)
        self._inner(pair.association, path, opened, now, udp=False)

    def _refused(self, pair: Pair, reason: str, now: float) -> None:
        association = pair.association
        self._state.drop(reason)
        if reason in (REPLAYED, AH_REPLAYED):
            association.replayed += 1
        elif reason in (FORGED, AH_FORGED):
            association.forged += 1
        elif reason in (BAD_PADDING, NO_BLOCKS):
            association.dropped += 1
        if pair.opener.life.passed:
            self._state.esp.tell_lives(pair, now)

    def _valid(
        self, pair: Pair, path: Path, before: int, size: int, now: float, *, udp: bool
    ) -> None:
        """The integrity check was passed."""
        association, opener = pair.association, pair.opener
        association.received_packets += 1
        association.received_octets += size
        association.last_received = now
        if not pair.heard:
            pair.heard = True
            self._state.events.append(SaFirstInbound(association.id, opener.spi))
        if opener.life.passed:
            self._state.esp.tell_lives(pair, now)
        if opener.window.highest > before and pair.serial >= association.newest:
            association.newest = pair.serial
            if path is not association.path and path != association.path:
                self._elsewhere(association, path, now, udp=udp)

    def _elsewhere(self, association: Association, path: Path, now: float, *, udp: bool) -> None:
        known = association.path
        if udp != association.udp:
            # A peer may well use either (RFC 7296 2.23): no way for our answers is seen in it.
            return
        if not udp and (path.local.host, path.remote.host) == (known.local.host, known.remote.host):
            return
        if path == association.told_path and now - association.told_at < _MOVED_AGAIN:
            return
        association.told_path, association.told_at = path, now
        self._state.events.append(PeerMoved(association.id, path))

    def _inner(
        self,
        association: Association,
        path: Path,
        opened: tuple[int, bytes],
        now: float,
        *,
        udp: bool,
    ) -> None:
        next_header, payload = opened
        if association.transport:
            if next_header == UDP:
                self._transport(association, path, payload, now, udp=udp)
            elif next_header == FRAGMENT:
                self._state.drop("fragment inside ESP", association)
            elif next_header != NO_NEXT_HEADER:
                self._state.drop(OUTSIDE, association)
        elif next_header == _IPV4:
            self._tunnel(association, payload, ipv4_length(payload))
        elif next_header == _IPV6:
            self._tunnel(association, payload, ipv6_length(payload))
        elif next_header != NO_NEXT_HEADER:
            self._state.drop(OUTSIDE, association)

    def _transport(
        self, association: Association, path: Path, datagram: bytes, now: float, *, udp: bool
    ) -> None:
        length = length_of(datagram)
        if length == 0:
            self._state.drop("malformed UDP header inside ESP", association)
            return
        if length != len(datagram):
            datagram = datagram[:length]
        ports = datagram[:4]
        if ports != association.l2tp_ports:
            theirs, ours = datagram[0] << 8 | datagram[1], datagram[2] << 8 | datagram[3]
            if not association.ours.fit_ports(UDP, ours) or not association.theirs.fit_ports(
                UDP, theirs
            ):
                self._state.drop(OUTSIDE, association)
                return
            association.l2tp_ports = ports
            association.l2tp_path = association.tunnel_path(ours, theirs)
        # Behind UDP encapsulation the addresses may have been translated: the integrity check has
        # done what the checksum would (RFC 3948 3.1.2).
        if not udp and checksum_wrong(datagram, association.octets_of(path)):
            self._state.drop("UDP checksum is wrong", association)
            return
        self._l2tp(association.l2tp_path, datagram[UDP_HEADER:], now)

    def _tunnel(self, association: Association, packet: bytes, size: int) -> None:
        state = self._state
        if size == 0:
            self._state.drop("malformed IP packet inside ESP", association)
            return
        if size != len(packet):
            packet = packet[:size]
        source, destination, protocol, source_port, port, at = ends(packet)
        if not association.theirs.fit(source, protocol, source_port) or not association.ours.fit(
            destination, protocol, port
        ):
            self._state.drop(OUTSIDE, association)
            return
        if no_unicast(destination):
            self._state.drop("multicast, broadcast or no destination", association)
            return
        if destination == association.local and (
            (port if protocol == UDP else -protocol) in association.carriers
        ):
            self._state.drop("tunnel routed into itself", association)
            return
        if not state.forward_between_sessions:
            routes = state.tables.routes4 if len(destination) == 4 else state.tables.routes6
            owner = routes.find(destination)
            if owner is not None and owner is not association:
                self._state.drop("packet to another session", association)
                return
        if protocol == TCP and port >= 0:
            headers = HEADERS4 if len(source) == 4 else HEADERS6
            packet = clamped(packet, at, max(association.spec.mtu, SMALLEST_MTU) - headers)
        state.to_tun.append(packet)


def no_unicast(address: bytes) -> bool:
    """Whether nothing from a tunnel may go there: groups, this host, this link."""
    lead = address[0]
    if len(address) == 4:
        return lead >= 224 or lead == 0 or lead == 127
    if lead == 0xFE and address[1] & 0xC0 == 0x80:
        return True
    return lead == 0xFF or (lead == 0 and not any(address[:15]))
