"""From the network to the host: L2TP data messages, PPP frames, IP packets."""

from collections.abc import Callable

from talpa.dataplane.interface import PuntIp, PuntL2tp, PuntPpp
from talpa.dataplane.packets import (
    ICMPV6,
    TCP,
    UDP,
    ipv4_length,
    ipv6_length,
    udp_destination,
    upper_layer4,
    upper_layer6,
)
from talpa.dataplane.reference.associations import Association
from talpa.dataplane.reference.clamp import clamped
from talpa.dataplane.reference.framing import (
    FIRST_CONTROL,
    FIRST_OPTIONAL,
    NO_NUMBER,
    PPP_IPV4,
    PPP_IPV6,
    parse_data_header,
)
from talpa.dataplane.reference.limits import HEADERS4, HEADERS6, SMALLEST_MTU
from talpa.dataplane.reference.sequencing import arrange, gap_deadline
from talpa.dataplane.reference.state import State
from talpa.dataplane.reference.tables import Session
from talpa.l2tp.v2.header import VERSION
from talpa.sansio import Path

DHCP = frozenset({67, 68})
DHCPV6 = frozenset({546, 547})
"""Ports of server and client: either may be at the other end of the link."""
ROUTER_DISCOVERY = frozenset({133, 134})
"""ICMPv6 types: solicitation and advertisement."""
FOREIGN = "data from a foreign address"

Find = Callable[[bytes], Session | Association | None]

_NOWHERE4 = b"\0\0\0\0"
_NOWHERE6 = bytes(16)
_FRAMED4 = b"\xff\x03\x00\x21"
_FRAMED6 = b"\xff\x03\x00\x57"


class Inbound:
    """Takes L2TP datagrams, from the sockets for L2TP in the clear and out of associations."""

    __slots__ = ("_by_key", "_find4", "_find6", "_state")

    def __init__(self, state: State) -> None:
        self._state = state
        self._by_key = state.tables.by_key
        self._find4: Find = state.tables.routes4.find
        self._find6: Find = state.tables.routes6.find

    def receive(self, path: Path, datagram: bytes, now: float) -> None:
        """One UDP payload. Its path names the association that it came through."""
        state = self._state
        if len(datagram) < 6:
            if datagram and datagram[0] & FIRST_CONTROL:
                state.events.append(PuntL2tp(path, datagram))
            else:
                state.drop("datagram cut short")
            return
        first = datagram[0]
        if first & FIRST_CONTROL or datagram[1] & VERSION != 2:
            state.events.append(PuntL2tp(path, datagram))
            return
        if first & FIRST_OPTIONAL:
            parsed = parse_data_header(datagram)
            if isinstance(parsed, str):
                state.drop(parsed)
                return
            key, number, at, end = parsed
        else:
            key, number, at, end = datagram[2:6], NO_NUMBER, 6, len(datagram)
        session = self._by_key.get(key)
        if session is None:
            self._sessionless(key, path, datagram, now)
            return
        tunnel = session.tunnel
        assert tunnel is not None
        if path is not tunnel.path and path != tunnel.path:
            # Not counted against the session: anybody can send it.
            state.drop(FOREIGN)
            return
        frame = datagram[at:end]
        if number >= 0:
            self._numbered(session, number, frame, now)
            return
        if session.follow:
            session.numbering = False
        if session.require_sequence:
            state.drop("data message without a sequence number", session)
            return
        session.last_received = tunnel.last_received = now
        self.frame(session, frame, now)

    def frame(self, session: Session, frame: bytes, now: float) -> None:
        """A PPP frame, in order."""
        if session.other is not None:
            self._switch(session, session.other, frame, now)
            return
        framing = frame[:4]
        if framing == _FRAMED4 and session.open4:
            self._ipv4(session, frame[4:], now)
            return
        if framing == _FRAMED6 and session.open6:
            self._ipv6(session, frame[4:], now)
            return
        at = 2 if framing[:2] == b"\xff\x03" else 0
        if at < len(frame) and frame[at] & 1:
            protocol = frame[at]
            at += 1
        elif at + 1 < len(frame):
            protocol = frame[at] << 8 | frame[at + 1]
            at += 2
        else:
            self._state.drop("PPP frame cut short", session)
            return
        payload = frame[at:]
        if protocol == PPP_IPV4 and session.open4:
            self._ipv4(session, payload, now)
        elif protocol == PPP_IPV6 and session.open6:
            self._ipv6(session, payload, now)
        else:
            self._state.events.append(PuntPpp(session.id, protocol, payload))

    def _sessionless(self, key: bytes, path: Path, datagram: bytes, now: float) -> None:
        state = self._state
        tunnel = state.tables.tunnel_keys.get(key[:2])
        if tunnel is None:
            state.drop("data for no tunnel")
        elif path != tunnel.path:
            state.drop(FOREIGN)
        else:
            state.early.keep(key, path, datagram, now)

    def _numbered(self, session: Session, number: int, frame: bytes, now: float) -> None:
        state = self._state
        if session.follow:
            session.numbering = True
        frames = arrange(session, number, frame, now)
        if isinstance(frames, str):
            state.drop(frames, session)
            return
        tunnel = session.tunnel
        assert tunnel is not None
        session.last_received = tunnel.last_received = now
        for each in frames:
            self.frame(session, each, now)
        state.gaps.arm(session.id, gap_deadline(session))

    def _switch(self, session: Session, other: Session, frame: bytes, now: float) -> None:
        state = self._state
        if other.tunnel is None:
            state.drop("cross-connected session is gone", session)
            return
        if not frame:
            state.drop("PPP frame cut short", session)
            return
        size = len(frame)
        session.received_packets += 1
        session.received_octets += size
        other.sent_packets += 1
        other.sent_octets += size
        state.traffic(session, now)
        state.traffic(other, now)
        state.send_frame(other, frame, now)

    def _ipv4(self, session: Session, packet: bytes, now: float) -> None:
        state = self._state
        size = ipv4_length(packet)
        if size == 0:
            state.drop("malformed IPv4 packet", session)
            return
        if size > session.mru:
            state.drop("packet above the MRU", session)
            return
        if size != len(packet):
            packet = packet[:size]
        source, destination = packet[12:16], packet[16:20]
        protocol, at = upper_layer4(packet)
        port = udp_destination(packet, at) if protocol == UDP else -protocol
        own = not session.antispoof or self._find4(source) is session
        if port in DHCP and (own or source == _NOWHERE4):
            self._punt(session, packet)
            return
        if not own:
            state.drop("source address is not the session's", session)
            return
        lead = destination[0]
        if lead >= 224 or lead == 0 or lead == 127:
            state.drop("multicast, broadcast or no destination", session)
            return
        if self._refused(session, destination, port, self._find4):
            return
        if protocol == TCP and session.mss_clamp:
            packet = clamped(packet, at, max(session.mtu, SMALLEST_MTU) - HEADERS4)
        self._accept(session, packet, size, now)

    def _ipv6(self, session: Session, packet: bytes, now: float) -> None:
        state = self._state
        size = ipv6_length(packet)
        if size == 0:
            state.drop("malformed IPv6 packet", session)
            return
        if size > session.mru:
            state.drop("packet above the MRU", session)
            return
        if size != len(packet):
            packet = packet[:size]
        source, destination = packet[8:24], packet[24:40]
        protocol, at = upper_layer6(packet)
        port = udp_destination(packet, at) if protocol == UDP else -protocol
        local = source[0] == 0xFE and source[1] & 0xC0 == 0x80
        own = not session.antispoof or self._find6(source) is session
        service = port in DHCPV6 or (
            protocol == ICMPV6 and at < size and packet[at] in ROUTER_DISCOVERY
        )
        if service and (own or local or source == _NOWHERE6):
            self._punt(session, packet)
            return
        if local or (destination[0] == 0xFE and destination[1] & 0xC0 == 0x80):
            # Neighbour solicitation, ping of our end of the link: nothing on it needs an answer.
            state.drop("link-local packet", session)
            return
        if not own:
            state.drop("source address is not the session's", session)
            return
        if destination[0] == 0xFF or (not destination[0] and destination[:15] == _NOWHERE6[:15]):
            state.drop("multicast, broadcast or no destination", session)
            return
        if self._refused(session, destination, port, self._find6):
            return
        if protocol == TCP and session.mss_clamp:
            packet = clamped(packet, at, max(session.mtu, SMALLEST_MTU) - HEADERS6)
        self._accept(session, packet, size, now)

    def _refused(
        self,
        session: Session,
        destination: bytes,
        port: int,
        find: Find,
    ) -> bool:
        state = self._state
        tunnel = session.tunnel
        assert tunnel is not None
        if tunnel.is_carrier(destination, port):
            # The peer routes the way to us through the tunnel to us: it would nest without end.
            state.drop("tunnel routed into itself", session)
            return True
        if not state.forward_between_sessions:
            owner = find(destination)
            if owner is not None and owner is not session:
                state.drop("packet to another session", session)
                return True
        return False

    def _punt(self, session: Session, packet: bytes) -> None:
        session.received_packets += 1
        session.received_octets += len(packet)
        self._state.events.append(PuntIp(session.id, packet))

    def _accept(self, session: Session, packet: bytes, size: int, now: float) -> None:
        session.received_packets += 1
        session.received_octets += size
        session.last_traffic = now
        if session.idle_told:
            self._state.traffic(session, now)
        self._state.to_tun.append(packet)
