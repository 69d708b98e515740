"""From the host to the network: IP packets into PPP frames and L2TP data messages."""

from talpa.dataplane.packets import TCP, ipv4_length, ipv6_length, upper_layer4, upper_layer6
from talpa.dataplane.reference import icmp
from talpa.dataplane.reference.associations import Association
from talpa.dataplane.reference.clamp import clamped
from talpa.dataplane.reference.fragments import fragments
from talpa.dataplane.reference.framing import PPP_IPV4, PPP_IPV6
from talpa.dataplane.reference.limits import HEADERS4, HEADERS6, SMALLEST_MTU
from talpa.dataplane.reference.selectors import OUTSIDE, ends
from talpa.dataplane.reference.state import State
from talpa.dataplane.reference.tables import Session

ERRORS_PER_SESSION = 10
"""ICMP errors in a second about packets to one session, or into one association."""
ERRORS_UNREACHABLE = 100
"""ICMP errors in a second about packets to no session."""

_DONT_FRAGMENT = 0x40
_IPV4, _IPV6 = 4, 41
"""Next headers of tunnel mode."""


class Outbound:
    """Takes packets from the TUN device."""

    __slots__ = ("_errors_at", "_errors_sent", "_routes4", "_routes6", "_state")

    def __init__(self, state: State) -> None:
        self._state = state
        self._routes4 = state.tables.routes4
        self._routes6 = state.tables.routes6
        self._errors_at = 0.0
        self._errors_sent = 0

    def receive(self, packet: bytes, now: float) -> None:
        """One IP packet."""
        version = packet[0] >> 4 if packet else 0
        if version == 4:
            self._ipv4(packet, now)
        elif version == 6:
            self._ipv6(packet, now)
        else:
            self._state.drop("not an IP packet")

    def send_service(self, session: Session, packet: bytes, now: float) -> None:
        """A packet of a service on the link: sent as it is, whatever the session's routes are."""
        version = packet[0] >> 4 if packet else 0
        if version not in (4, 6):
            self._state.drop("not an IP packet", session)
            return
        self._state.send_ppp(session, PPP_IPV4 if version == 4 else PPP_IPV6, packet, now)
        session.sent_packets += 1
        session.sent_octets += len(packet)

    def _ipv4(self, packet: bytes, now: float) -> None:
        state = self._state
        size = ipv4_length(packet)
        if size == 0:
            state.drop("malformed IPv4 packet")
            return
        if size != len(packet):
            packet = packet[:size]
        destination = packet[16:20]
        session = self._routes4.find(destination)
        if session is None:
            self._unreachable(packet, now)
            return
        if isinstance(session, Association):
            self._into(session, packet, _IPV4, now)
            return
        if not self._ready(session, destination, ready=session.open4):
            return
        if packet[9] == TCP and session.mss_clamp:
            protocol, at = upper_layer4(packet)
            if protocol == TCP:
                packet = clamped(packet, at, max(session.mru, SMALLEST_MTU) - HEADERS4)
        if size <= session.mtu:
            self._send(session, session.header4, PPP_IPV4, packet, now)
        elif packet[6] & _DONT_FRAGMENT:
            self._too_big(session, packet, now)
        else:
            pieces = fragments(packet, session.mtu)
            if not pieces:
                state.drop("packet above the MTU", session)
            for piece in pieces:
                self._send(session, session.header4, PPP_IPV4, piece, now)

    def _ipv6(self, packet: bytes, now: float) -> None:
        state = self._state
        size = ipv6_length(packet)
        if size == 0:
            state.drop("malformed IPv6 packet")
            return
        if size != len(packet):
            packet = packet[:size]
        destination = packet[24:40]
        if destination[0] == 0xFF:
            # The kernel's own solicitations and reports on the TUN device.
            state.drop("multicast from the host")
            return
        session = self._routes6.find(destination)
        if session is None:
            self._unreachable(packet, now)
            return
        if isinstance(session, Association):
            self._into(session, packet, _IPV6, now)
            return
        if not self._ready(session, destination, ready=session.open6):
            return
        if session.mss_clamp:
            protocol, at = upper_layer6(packet)
            if protocol == TCP:
                packet = clamped(packet, at, max(session.mru, SMALLEST_MTU) - HEADERS6)
        if size <= session.mtu:
            self._send(session, session.header6, PPP_IPV6, packet, now)
        else:
            self._too_big(session, packet, now)

    def _ready(self, session: Session, destination: bytes, *, ready: bool) -> bool:
        if not ready or session.other is not None:
            self._state.drop("session is not open", session)
            return False
        tunnel = session.tunnel
        assert tunnel is not None
        if tunnel.is_peer(destination):
            # The way to the peer was routed through the tunnel to the peer.
            self._state.drop("tunnel routed into itself", session)
            return False
        return True

    def _send(
        self, session: Session, header: bytes, protocol: int, packet: bytes, now: float
    ) -> None:
        state = self._state
        tunnel = session.tunnel
        assert tunnel is not None
        if session.numbering:
            state.send_ppp(session, protocol, packet, now)
        elif tunnel.association is None:
            state.to_network.append((tunnel.path, header + packet))
        else:
            state.send(tunnel, header + packet, now)
        session.sent_packets += 1
        session.sent_octets += len(packet)
        session.last_traffic = now
        if session.idle_told:
            state.traffic(session, now)

    def _into(self, association: Association, packet: bytes, next_header: int, now: float) -> None:
        """An IP packet into an association in tunnel mode."""
        state = self._state
        source, destination, protocol, port, remote_port, at = ends(packet)
        if not association.ours.fit(source, protocol, port) or not association.theirs.fit(
            destination, protocol, remote_port
        ):
            state.drop(OUTSIDE, association)
            return
        if destination == association.remote:
            state.drop("tunnel routed into itself", association)
            return
        mtu = max(association.spec.mtu, SMALLEST_MTU)
        if protocol == TCP and port >= 0:
            packet = clamped(packet, at, mtu - (HEADERS4 if next_header == _IPV4 else HEADERS6))
        if len(packet) <= mtu:
            state.esp.protect(association, packet, next_header, now)
        elif next_header == _IPV6 or packet[6] & _DONT_FRAGMENT:
            self._too_big(association, packet, now)
        else:
            pieces = fragments(packet, mtu)
            if not pieces:
                state.drop("packet above the MTU", association)
            for piece in pieces:
                state.esp.protect(association, piece, next_header, now)

    def _too_big(self, owner: Session | Association, packet: bytes, now: float) -> None:
        state = self._state
        state.drop("packet above the MTU", owner)
        if now - owner.errors_at >= 1.0:
            owner.errors_at, owner.errors_sent = now, 0
        if owner.errors_sent >= ERRORS_PER_SESSION:
            return
        build = icmp.too_big4 if packet[0] >> 4 == 4 else icmp.too_big6
        mtu = owner.mtu if isinstance(owner, Session) else max(owner.spec.mtu, SMALLEST_MTU)
        error = build(packet, mtu)
        if error is not None:
            owner.errors_sent += 1
            state.to_tun.append(error)

    def _unreachable(self, packet: bytes, now: float) -> None:
        state = self._state
        state.drop("no session for the destination")
        if now - self._errors_at >= 1.0:
            self._errors_at, self._errors_sent = now, 0
        if self._errors_sent >= ERRORS_UNREACHABLE:
            return
        build = icmp.unreachable4 if packet[0] >> 4 == 4 else icmp.unreachable6
        error = build(packet)
        if error is not None:
            self._errors_sent += 1
            state.to_tun.append(error)
