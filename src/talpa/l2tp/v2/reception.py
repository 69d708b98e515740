"""Strangers: SCCRQ, and what is kept of a peer before it has shown that it is where it says.

A peer is a stranger until it sends a message that bears the tunnel id we told it in SCCRP. Until
then nothing is sent to it but one answer to each of its datagrams, at most three times as large:
no timer runs, a lost SCCRP goes out again when the peer repeats its SCCRQ. Refusals leave no state.
"""

from collections import OrderedDict

from talpa.l2tp.config import Config
from talpa.l2tp.control_channel import WINDOW_IF_ABSENT
from talpa.l2tp.events import ControlConnectionRefused, Peer, Result
from talpa.l2tp.v2.authentication import CHALLENGE_SIZE, response
from talpa.l2tp.v2.control_connection import Shared
from talpa.l2tp.v2.header import CONTROL_SIZE, ControlHeader, pack_control
from talpa.l2tp.v2.identifiers import draw
from talpa.l2tp.v2.messages import Sccrp, Sccrq, StopCcn, encode
from talpa.l2tp.v2.results import not_authorized, of_fault, result_code, wrong_version
from talpa.sansio import Path, place
from talpa.wire import Secret

AMPLIFICATION = 3
"""An answer to a stranger is no more than so many times as large as what it sent."""

_STOPCCN_SIZE = CONTROL_SIZE + 8 + 8 + 10
"""StopCCN without text."""

SCCCN_OCTETS = 1024
"""AVPs of the longest SCCCN that waits in line: no real one has a tenth of that."""


class Stranger:
    """A control connection of the peer's in wait-ctl-conn, before the peer has proved itself."""

    __slots__ = ("challenge", "expires", "index", "path", "peer", "sccrp", "tunnel_id")

    def __init__(self, tunnel_id: int, path: Path, peer: Peer, expires: float) -> None:
        self.tunnel_id = tunnel_id
        self.path = path
        self.peer = peer
        self.expires = expires
        self.challenge: bytes | None = None
        self.sccrp = b""
        """The whole datagram, to be sent again."""
        self.index = 0


class Reception:
    """The strangers of an endpoint, bounded in number, in all and for each address."""

    def __init__(self, shared: Shared, out: list[tuple[Path, bytes]]) -> None:
        self._shared = shared
        self._out = out
        self._by_id: OrderedDict[int, Stranger] = OrderedDict()
        """By our tunnel id, oldest first."""
        self._ids: list[int] = []
        """The same ids, for drawing one at random."""
        self._by_peer: dict[tuple[Path, int], Stranger] = {}
        self._per_address: dict[str, int] = {}
        """By `place`."""
        self.lines: dict[str, dict[int, tuple[Stranger, ControlHeader, bytes]]] = {}
        """SCCCNs that wait until there is room: by `place`, then by our tunnel id, at most one for
        each stranger."""

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, tunnel_id: int) -> Stranger | None:
        """The stranger we gave this tunnel id."""
        return self._by_id.get(tunnel_id)

    def by_peer(self, path: Path, peer_tunnel_id: int) -> Stranger | None:
        """The stranger who calls from there and gave us this tunnel id."""
        return self._by_peer.get((path, peer_tunnel_id))

    def sccrq(
        self, path: Path, message: Sccrq, secret: Secret | None, size: int, now: float
    ) -> None:
        """Answer an SCCRQ that came as a datagram of `size` octets."""
        drops, config = self._shared.drops, self._shared.config
        if not message.assigned_tunnel_id:
            drops.add("SCCRQ without Assigned Tunnel ID")
            return
        known = self._by_peer.get((path, message.assigned_tunnel_id))
        if known is not None:
            drops.add("SCCRQ received before")
            if len(known.sccrp) <= AMPLIFICATION * size:
                self._out.append((path, known.sccrp))
            return
        refusal = self._refusal(path, message, secret)
        if refusal is not None:
            drops.add(f"SCCRQ refused, result {refusal.code}")
            self.refuse(path, message.assigned_tunnel_id, refusal, size)
            self._shared.events.append(ControlConnectionRefused(path, message.host_name, refusal))
            return
        if self._per_address.get(place(path.remote.host), 0) >= config.embryonic_per_address:
            drops.add("SCCRQ: too many control connections half open at this address")
            return
        if len(self._by_id) >= config.embryonic_limit:
            drops.add("half-open control connection made room for another")
            at = int.from_bytes(self._shared.rng(4), "big") % len(self._ids)
            self.remove(self._by_id[self._ids[at]])
        tunnel_id = draw(self._shared.rng, self._taken)
        if tunnel_id is None:
            drops.add("SCCRQ: no tunnel id is free")
            return
        self._add(path, message, secret, tunnel_id, size, now)

    def refuse(self, path: Path, peer_tunnel_id: int, result: Result, size: int) -> None:
        """Send a StopCCN of which nothing is kept, in answer to an SCCRQ of `size` octets."""
        habits = self._shared.config.habits
        message = StopCcn(
            assigned_tunnel_id=self._shared.random_nonzero(),
            result_code=result_code(result, habits, AMPLIFICATION * size - _STOPCCN_SIZE),
        )
        self._out.append((path, pack_control(peer_tunnel_id, 0, 0, 1, encode(message))))

    def dismiss(self, stranger: Stranger, result: Result, ns: int, size: int) -> None:
        """Forget a stranger and say why: StopCCN behind our SCCRP, in answer to its message number
        `ns` of `size` octets. Not sent again."""
        self.remove(stranger)
        habits = self._shared.config.habits
        message = StopCcn(
            assigned_tunnel_id=stranger.tunnel_id,
            result_code=result_code(result, habits, AMPLIFICATION * size - _STOPCCN_SIZE),
        )
        peer = stranger.peer.tunnel_id
        body = encode(message)
        self._out.append((stranger.path, pack_control(peer, 0, 1, (ns + 1) & 0xFFFF, body)))

    def put_in_line(self, stranger: Stranger, header: ControlHeader, body: bytes) -> None:
        """Keep a stranger's SCCCN until there is room. What comes behind it is sent again."""
        if header.ns == 1 and 0 < len(body) <= SCCCN_OCTETS:
            line = self.lines.setdefault(place(stranger.path.remote.host), {})
            line.setdefault(stranger.tunnel_id, (stranger, header, body))

    def remove(self, stranger: Stranger) -> None:
        """Forget a stranger: it has proved itself, or taken too long."""
        del self._by_id[stranger.tunnel_id]
        last = self._ids.pop()
        if last != stranger.tunnel_id:
            self._ids[stranger.index] = last
            self._by_id[last].index = stranger.index
        del self._by_peer[stranger.path, stranger.peer.tunnel_id]
        where = place(stranger.path.remote.host)
        if self._per_address[where] == 1:
            del self._per_address[where]
        else:
            self._per_address[where] -= 1
        line = self.lines.get(where)
        if line is not None:
            line.pop(stranger.tunnel_id, None)
            if not line:
                del self.lines[where]

    def next_timeout(self) -> float | None:
        """When the oldest stranger has taken too long."""
        return next(iter(self._by_id.values())).expires if self._by_id else None

    def handle_timeout(self, now: float) -> None:
        """Forget those who have taken too long."""
        while self._by_id and (oldest := next(iter(self._by_id.values()))).expires <= now:
            self._shared.drops.add("half-open control connection was never completed")
            self.remove(oldest)

    def _taken(self, tunnel_id: int) -> bool:
        return tunnel_id in self._by_id or tunnel_id in self._shared.connections

    def _refusal(self, path: Path, message: Sccrq, secret: Secret | None) -> Result | None:
        """Why the SCCRQ is not acceptable; None: it is."""
        if message.protocol_version.version != 1:
            return wrong_version(message.protocol_version.version)
        if message.faults:
            return of_fault(message.faults[0])
        if message.challenge is not None and secret is None:
            return not_authorized("no tunnel secret is shared with this host name")
        live = self._shared.per_address.get(place(path.remote.host), 0)
        if live >= self._shared.config.tunnels_per_address:
            return Result(2, 4, "too many control connections from this address")
        return None

    def _add(
        self,
        path: Path,
        message: Sccrq,
        secret: Secret | None,
        tunnel_id: int,
        size: int,
        now: float,
    ) -> None:
        shared = self._shared
        stranger = Stranger(tunnel_id, path, peer_of(message), now + shared.config.setup_timeout)
        answer = None
        if secret is not None:
            stranger.challenge = shared.rng(CHALLENGE_SIZE)
            if message.challenge is not None:
                answer = response(Sccrp.TYPE, secret, message.challenge)
        room = AMPLIFICATION * size - CONTROL_SIZE
        body = sccrp_within(shared.config, tunnel_id, stranger.challenge, answer, room)
        if body is None:
            shared.drops.add("SCCRQ too short for an answer")
            return
        stranger.sccrp = pack_control(message.assigned_tunnel_id, 0, 0, 1, body)
        stranger.index = len(self._ids)
        self._ids.append(tunnel_id)
        self._by_id[tunnel_id] = stranger
        self._by_peer[path, message.assigned_tunnel_id] = stranger
        where = place(path.remote.host)
        self._per_address[where] = self._per_address.get(where, 0) + 1
        self._out.append((path, stranger.sccrp))


def peer_of(message: Sccrq | Sccrp) -> Peer:
    """What the peer says of itself."""
    window = message.receive_window_size
    return Peer(
        message.host_name,
        message.vendor_name or "",
        message.firmware_revision or 0,
        message.assigned_tunnel_id,
        WINDOW_IF_ABSENT if window is None else window,
        message.framing_capabilities,
        message.bearer_capabilities or 0,
    )


def sccrp_within(
    config: Config, tunnel_id: int, challenge: bytes | None, answer: bytes | None, room: int
) -> bytes | None:
    """The AVPs of an SCCRP of at most `room` octets.

    Where it would be larger it goes without vendor name and firmware, then with its host name cut:
    a peer that says little of itself hears little. None: even that does not fit, which no SCCRQ
    with all its AVPs brings about.
    """
    habits = config.habits
    host = config.host_name

    def body(*, brief: bool) -> bytes:
        return encode(
            Sccrp(
                framing_capabilities=habits.framing,
                bearer_capabilities=habits.bearer,
                firmware_revision=None if brief else habits.firmware,
                host_name=host,
                vendor_name=None if brief else habits.vendor_name or None,
                assigned_tunnel_id=tunnel_id,
                receive_window_size=config.receive_window,
                challenge=challenge,
                challenge_response=answer,
            )
        )

    whole = body(brief=False)
    if len(whole) <= room:
        return whole
    whole = body(brief=True)
    excess = len(whole) - room
    if excess <= 0:
        return whole
    octets = host.encode()
    host = octets[: max(0, len(octets) - excess)].decode(errors="ignore")
    return body(brief=True) if host else None
