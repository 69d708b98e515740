"""The reference data plane without its sockets: packets and commands in, packets and events out.

It is the executable specification: another implementation, given the same calls with the same
times, has the same outputs, octet for octet and in the same order.
"""

import os
from collections.abc import Sequence

from talpa.dataplane.interface import (
    AssociationCounters,
    Counters,
    Event,
    Network,
    SessionIdle,
    SessionSpec,
    TunnelSpec,
)
from talpa.dataplane.reference.esp_inbound import EspInbound
from talpa.dataplane.reference.esp_outbound import GONE
from talpa.dataplane.reference.inbound import Inbound
from talpa.dataplane.reference.outbound import Outbound
from talpa.dataplane.reference.sequencing import gap_deadline, overdue
from talpa.dataplane.reference.state import State
from talpa.dataplane.reference.tables import Session
from talpa.esp.sa import AssociationSpec, Sa
from talpa.sansio import Drops, Path, Rng, earliest


class Pipeline:
    """Commands as in `DataPlane`; `now` is in monotonic seconds and never goes back."""

    __slots__ = (
        "_inbound",
        "_outbound",
        "_state",
        "_tables",
        "from_ike",
        "from_natt",
        "from_network",
        "from_raw",
        "from_tun",
    )

    def __init__(
        self,
        *,
        forward_between_sessions: bool = True,
        accept_clear: bool = True,
        drops: Drops | None = None,
        rng: Rng = os.urandom,
    ) -> None:
        self._state = State(
            forward_between_sessions=forward_between_sessions,
            drops=Drops() if drops is None else drops,
            rng=rng,
        )
        self._tables = self._state.tables
        self._inbound = Inbound(self._state)
        self._outbound = Outbound(self._state)
        protected = EspInbound(self._state, self._inbound.receive)
        self.from_network = self._inbound.receive if accept_clear else self._in_the_clear
        """(path, datagram, now): a UDP payload came to a socket for L2TP in the clear."""
        self.from_ike = protected.from_ike
        """(path, datagram, now): to a socket of IKE alone."""
        self.from_natt = protected.from_natt
        """(path, datagram, now): to a socket of IKE and ESP together."""
        self.from_raw = protected.from_raw
        """(protocol, path, packet, now): a packet of IP protocol 50 or 51, without its IP header
        but for AH over IPv4. The ports of the path are 0."""
        self.from_tun = self._outbound.receive
        """(packet, now): the kernel hands over an IP packet."""

    # What comes of it

    @property
    def drops(self) -> Drops:
        """What was dropped, by reason."""
        return self._state.drops

    def take_network(self) -> list[tuple[Path, bytes]]:
        """The datagrams to send since the last call."""
        taken, self._state.to_network = self._state.to_network, []
        return taken

    def take_raw(self) -> list[tuple[Path, int, bytes]]:
        """The packets of IP protocols 50 and 51 to send since the last call; of those of AH over
        IPv4 the IP header is there."""
        taken, self._state.to_raw = self._state.to_raw, []
        return taken

    def take_tun(self) -> list[bytes]:
        """The IP packets for the kernel since the last call."""
        taken, self._state.to_tun = self._state.to_tun, []
        return taken

    def drain(self) -> list[Event]:
        """The events since the last call."""
        taken, self._state.events = self._state.events, []
        self._state.told_at = None
        return taken

    # Time

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        state = self._state
        return earliest(
            state.told_at,
            state.gaps.next(),
            state.idle.next(),
            state.early.next_timeout(),
            state.esp.keepalives.next(),
            state.esp.ages.next(),
        )

    def handle_timeout(self, now: float) -> None:
        """Let go of what waited for reordering, find idle sessions and old SAs, drop what waited in
        vain, keep NAT bindings alive."""
        state = self._state
        for number in state.gaps.due(now):
            session = self._tables.session(number)
            for frame in overdue(session, now):
                self._inbound.frame(session, frame, now)
            state.gaps.arm(number, gap_deadline(session))
        for number in state.idle.due(now):
            session = self._tables.session(number)
            seconds = session.idle_seconds
            if seconds is not None and session.last_traffic + seconds <= now:
                session.idle_told = True
                state.events.append(SessionIdle(number))
            else:
                state.watch_idle(session)
        state.early.handle_timeout(now)
        state.esp.handle_timeout(now)

    # Associations

    def association_add(self, spec: AssociationSpec, now: float) -> int:
        """Make an association without SAs; its id."""
        association = self._tables.associations.add(spec, now)
        self._state.esp.watch(association)
        return association.id

    def association_move(self, association: int, path: Path) -> None:
        """Send another way. What tunnels in it know as their path stays."""
        self._tables.associations.get(association).move(path)

    def association_routes(self, association: int, networks: Sequence[Network]) -> None:
        """Replace what goes into it. Raises `ValueError` for one in transport mode."""
        found = self._tables.associations.get(association)
        if found.transport:
            raise ValueError(f"association {association} is in transport mode")
        self._tables.route(found, networks)

    def association_remove(self, association: int) -> AssociationCounters:
        """Forget an association, its routes, SAs and keys; its final counters."""
        found = self._tables.associations.get(association)
        self._tables.route(found, ())
        for pair in found.pairs:
            self._state.esp.ages.arm(pair.key, None)
        self._tables.associations.remove(found)
        self._state.esp.keepalives.arm(association, None)
        return found.counters()

    def association_counters(self, association: int) -> AssociationCounters:
        """The counters as they stand."""
        return self._tables.associations.get(association).counters()

    def sa_add(self, association: int, inbound: Sa, outbound: Sa, now: float, *, use: bool) -> None:
        """Install a pair of SAs."""
        associations = self._tables.associations
        pair = associations.add_pair(associations.get(association), inbound, outbound, use=use)
        self._state.esp.begin(pair, now)

    def sa_use(self, association: int, outbound_spi: int) -> None:
        """Send with this outbound SA from now on."""
        associations = self._tables.associations
        associations.use(associations.get(association), outbound_spi)

    def sa_remove(self, association: int, inbound_spi: int, outbound_spi: int) -> None:
        """Forget a pair of SAs and their keys."""
        associations = self._tables.associations
        found = associations.get(association)
        pair = associations.remove_pair(found, inbound_spi, outbound_spi)
        self._state.esp.ages.arm(pair.key, None)

    # Tunnels

    def tunnel_add(self, spec: TunnelSpec) -> int:
        """Make a tunnel; its id."""
        return self._tables.add_tunnel(spec).id

    def tunnel_move(self, tunnel: int, path: Path) -> None:
        """Send to, and take from, another path."""
        self._tables.tunnel(tunnel).move(path, self._tables.association_of(path))

    def tunnel_remove(self, tunnel: int) -> None:
        """Forget a tunnel and its sessions."""
        found = self._tables.tunnel(tunnel)
        while found.sessions:
            self._forget(found.sessions[-1])
        self._tables.remove_tunnel(found)

    def tunnel_last_received(self, tunnel: int) -> float:
        """When the last valid data message of any of its sessions came."""
        return self._tables.tunnel(tunnel).last_received

    # Sessions

    def session_add(self, spec: SessionSpec, now: float) -> int:
        """Make a session, closed; its id. Takes what came for it before."""
        session = self._tables.add_session(spec)
        for path, datagram in self._state.early.take(session.key):
            self._inbound.receive(path, datagram, now)
            self._state.told_at = now
        return session.id

    def session_open(self, session: int, ipv4: bool, ipv6: bool, now: float) -> None:
        """Forward user traffic of these network protocols. Idle time counts from the first one."""
        found = self._tables.session(session)
        was_open = found.open4 or found.open6
        found.open4, found.open6 = ipv4, ipv6
        if not was_open:
            self._start_idle(found, now)
        self._state.watch_idle(found)

    def session_routes(self, session: int, networks: Sequence[Network]) -> None:
        """Replace the routes. A prefix that two sessions claim belongs to the later one."""
        self._tables.route(self._tables.session(session), networks)

    def session_set(
        self,
        session: int,
        *,
        mtu: int | None = None,
        mru: int | None = None,
        idle_seconds: float | None = None,
    ) -> None:
        """Change what is not None."""
        found = self._tables.session(session)
        if mtu is not None:
            found.mtu = mtu
        if mru is not None:
            found.mru = mru
        if idle_seconds is not None:
            found.idle_seconds = idle_seconds
            found.idle_told = False
            self._state.watch_idle(found)

    def session_connect(self, a: int, b: int, now: float) -> None:
        """Cross-connect two sessions. What either was connected with before is left alone.

        Raises `ValueError` for a session and itself."""
        one, two = self._tables.session(a), self._tables.session(b)
        if one is two:
            raise ValueError("a session cannot be connected with itself")
        for session in (one, two):
            if session.other is not None and session.other.other is session:
                session.other.other = None
                self._state.watch_idle(session.other)
        one.other, two.other = two, one
        for session in (one, two):
            self._start_idle(session, now)
            self._state.watch_idle(session)

    def session_remove(self, session: int) -> Counters:
        """Forget a session; its final counters."""
        found = self._tables.session(session)
        self._forget(found)
        return found.counters()

    def session_counters(self, session: int) -> Counters:
        """The counters as they stand."""
        return self._tables.session(session).counters()

    # Sending

    def send_l2tp(self, path: Path, data: bytes, now: float) -> None:
        """Send a control message, in the clear or through the association that the path names."""
        state = self._state
        if path.association == 0:
            state.to_network.append((path, data))
            return
        association = self._tables.associations.find(path.association)
        if association is None or not association.transport:
            state.drop(GONE)
        else:
            state.esp.l2tp(association, path, data, now)

    def send_ppp(self, session: int, protocol: int, payload: bytes, now: float) -> None:
        """Send a PPP frame that is no user traffic."""
        self._state.send_ppp(self._tables.session(session), protocol, payload, now)

    def send_ip(self, session: int, packet: bytes, now: float) -> None:
        """Send an IP packet of a service on the link."""
        self._outbound.send_service(self._tables.session(session), packet, now)

    def _in_the_clear(self, path: Path, datagram: bytes, now: float) -> None:
        del path, datagram, now
        self._state.drop("L2TP in the clear")

    def _forget(self, session: Session) -> None:
        self._state.gaps.arm(session.id, None)
        self._state.idle.arm(session.id, None)
        self._tables.remove_session(session)

    def _start_idle(self, session: Session, now: float) -> None:
        session.last_traffic = now
        session.idle_told = False
