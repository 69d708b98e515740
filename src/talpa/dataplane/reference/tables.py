"""Tunnels and sessions, and the ways to find them."""

from collections.abc import Sequence

from talpa.dataplane.interface import (
    Counters,
    Network,
    SessionSpec,
    StaleId,
    TunnelSpec,
)
from talpa.dataplane.reference.addresses import address_octets
from talpa.dataplane.reference.associations import Association, Associations
from talpa.dataplane.reference.framing import PPP_IPV4, PPP_IPV6, data_header, ppp_header
from talpa.dataplane.reference.routing import Prefix, RouteTable, prefix_of
from talpa.sansio import Path, Rng

_PPP4 = ppp_header(PPP_IPV4)
_PPP6 = ppp_header(PPP_IPV6)


class Tunnel:
    """An L2TP tunnel."""

    __slots__ = (
        "association",
        "id",
        "last_received",
        "local",
        "path",
        "remote",
        "sessions",
        "spec",
    )

    def __init__(
        self, number: int, spec: TunnelSpec, association: Association | None = None
    ) -> None:
        self.id = number
        self.spec = spec
        self.last_received = 0.0
        self.sessions: list[Session] = []
        self.move(spec.path, association)

    def move(self, path: Path, association: Association | None) -> None:
        """Take another path."""
        self.path = path
        self.association = association
        """What its path names; None in the clear."""
        self.local = address_octets(path.local.host)
        self.remote = address_octets(path.remote.host)

    def is_carrier(self, address: bytes, port: int) -> bool:
        """Whether a packet to that address of ours and that UDP port (or IP protocol, negated) is
        of those that carry the tunnel itself."""
        association = self.association
        if (
            association is not None
            and address == association.local
            and port in association.carriers
        ):
            return True
        return port == self.path.local.port and address == self.local

    def is_peer(self, address: bytes) -> bool:
        """Whether the packets that carry the tunnel go to that address."""
        association = self.association
        return address == (self.remote if association is None else association.remote)


class Session:
    """An L2TP session: its state, and the headers of what it sends, which never change."""

    __slots__ = (
        "antispoof",
        "dropped",
        "errors_at",
        "errors_sent",
        "expected",
        "follow",
        "header",
        "header4",
        "header6",
        "held",
        "id",
        "idle_seconds",
        "idle_told",
        "key",
        "last_received",
        "last_traffic",
        "late",
        "late_run",
        "mru",
        "mss_clamp",
        "mtu",
        "numbering",
        "offset",
        "open4",
        "open6",
        "other",
        "position",
        "received_octets",
        "received_packets",
        "remote_id",
        "reorder_seconds",
        "require_sequence",
        "routes4",
        "routes6",
        "send_number",
        "sent_octets",
        "sent_packets",
        "tunnel",
    )

    def __init__(self, number: int, tunnel: Tunnel, spec: SessionSpec) -> None:
        self.id = number
        self.tunnel: Tunnel | None = tunnel
        """None once the session is removed."""
        self.key = wire_key(tunnel.spec.local_id, spec.local_id)
        self.position = 0
        """Where it stands in the tunnel's list of sessions."""
        self.remote_id = spec.remote_id
        self.offset = spec.offset
        self.header = data_header(tunnel.spec.remote_id, spec.remote_id, spec.offset)
        self.header4 = self.header + _PPP4
        self.header6 = self.header + _PPP6
        self.mtu = spec.mtu
        self.mru = spec.mru
        self.mss_clamp = spec.mss_clamp
        self.antispoof = spec.antispoof
        self.open4 = False
        self.open6 = False
        self.routes4: tuple[Prefix, ...] = ()
        self.routes6: tuple[Prefix, ...] = ()
        self.other: Session | None = None
        """The session it is cross-connected with."""

        self.numbering = spec.send_sequence
        self.follow = spec.follow_sequence
        self.require_sequence = spec.require_sequence
        self.reorder_seconds = spec.reorder_seconds
        self.send_number = 0
        self.expected = 0
        self.late = 0
        self.late_run = 0
        self.held: dict[int, tuple[float, bytes]] | None = None

        self.idle_seconds = spec.idle_seconds
        self.idle_told = False
        self.last_traffic = 0.0
        self.errors_at = 0.0
        self.errors_sent = 0

        self.received_packets = 0
        self.received_octets = 0
        self.sent_packets = 0
        self.sent_octets = 0
        self.dropped = 0
        self.last_received = 0.0

    def counters(self) -> Counters:
        """A copy of the counters."""
        return Counters(
            self.received_packets,
            self.received_octets,
            self.sent_packets,
            self.sent_octets,
            self.dropped,
            self.last_received,
        )


class Tables:
    """All associations, tunnels, sessions and routes of a plane."""

    __slots__ = (
        "_next_id",
        "_sessions",
        "_tunnels",
        "associations",
        "by_key",
        "routes4",
        "routes6",
        "tunnel_keys",
    )

    def __init__(self, rng: Rng) -> None:
        self._next_id = 1
        self.associations = Associations(rng)
        self._tunnels: dict[int, Tunnel] = {}
        self._sessions: dict[int, Session] = {}
        self.tunnel_keys: dict[bytes, Tunnel] = {}
        """By the tunnel id as it stands in what we receive (2 octets)."""
        self.by_key: dict[bytes, Session] = {}
        """By tunnel and session id as they stand in what we receive (4 octets)."""
        self.routes4: RouteTable[Session | Association] = RouteTable()
        self.routes6: RouteTable[Session | Association] = RouteTable()

    def add_tunnel(self, spec: TunnelSpec) -> Tunnel:
        """Raises `ValueError` when an id is out of range or the local one is taken; as
        `association_of` does."""
        _check_id("local tunnel id", spec.local_id)
        _check_id("remote tunnel id", spec.remote_id)
        key = spec.local_id.to_bytes(2, "big")
        if key in self.tunnel_keys:
            raise ValueError(f"local tunnel id {spec.local_id} is taken")
        tunnel = Tunnel(self._new_id(), spec, self.association_of(spec.path))
        self._tunnels[tunnel.id] = self.tunnel_keys[key] = tunnel
        return tunnel

    def association_of(self, path: Path) -> Association | None:
        """What a tunnel with that path rides on; None in the clear. Raises `StaleId`; `ValueError`
        for an association in tunnel mode."""
        if path.association == 0:
            return None
        found = self.associations.get(path.association)
        if not found.transport:
            raise ValueError(f"association {found.id} is in tunnel mode")
        return found

    def tunnel(self, number: int) -> Tunnel:
        """Raises `StaleId`."""
        tunnel = self._tunnels.get(number)
        if tunnel is None:
            raise StaleId(f"tunnel {number} is gone")
        return tunnel

    def remove_tunnel(self, tunnel: Tunnel) -> None:
        """Forget a tunnel without sessions."""
        del self._tunnels[tunnel.id]
        del self.tunnel_keys[tunnel.spec.local_id.to_bytes(2, "big")]

    def add_session(self, spec: SessionSpec) -> Session:
        """Raises `StaleId`; `ValueError` when an id is out of range or the local one is taken."""
        tunnel = self.tunnel(spec.tunnel)
        _check_id("local session id", spec.local_id)
        _check_id("remote session id", spec.remote_id)
        key = wire_key(tunnel.spec.local_id, spec.local_id)
        if key in self.by_key:
            raise ValueError(f"local session id {spec.local_id} is taken in tunnel {tunnel.id}")
        session = Session(self._new_id(), tunnel, spec)
        self._sessions[session.id] = self.by_key[key] = session
        session.position = len(tunnel.sessions)
        tunnel.sessions.append(session)
        return session

    def session(self, number: int) -> Session:
        """Raises `StaleId`."""
        session = self._sessions.get(number)
        if session is None:
            raise StaleId(f"session {number} is gone")
        return session

    def remove_session(self, session: Session) -> None:
        """Forget a session and its routes."""
        tunnel = session.tunnel
        assert tunnel is not None
        self.route(session, ())
        last = tunnel.sessions.pop()
        if last is not session:
            last.position = session.position
            tunnel.sessions[session.position] = last
        del self._sessions[session.id]
        del self.by_key[session.key]
        session.tunnel = session.held = session.other = None

    def route(self, owner: Session | Association, networks: Sequence[Network]) -> None:
        """Replace the routes of a session or an association."""
        for prefix in owner.routes4:
            self.routes4.remove(prefix, owner)
        for prefix in owner.routes6:
            self.routes6.remove(prefix, owner)
        owner.routes4 = tuple(prefix_of(each) for each in networks if each.version == 4)
        owner.routes6 = tuple(prefix_of(each) for each in networks if each.version == 6)
        for prefix in owner.routes4:
            self.routes4.add(prefix, owner)
        for prefix in owner.routes6:
            self.routes6.add(prefix, owner)

    def _new_id(self) -> int:
        number = self._next_id
        self._next_id += 1
        return number


def wire_key(tunnel_id: int, session_id: int) -> bytes:
    """Tunnel and session id as they stand in a message."""
    return (tunnel_id << 16 | session_id).to_bytes(4, "big")


def _check_id(what: str, value: int) -> None:
    if not 1 <= value <= 0xFFFF:
        raise ValueError(f"{what} {value} is not within 1 to 65535")
