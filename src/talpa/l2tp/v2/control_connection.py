"""What is kept of one control connection, and what all of an endpoint's share."""

from collections.abc import Callable

from talpa.l2tp.config import Config
from talpa.l2tp.control_channel import ControlChannel
from talpa.l2tp.events import Event, Peer
from talpa.l2tp.v2.fsm import State
from talpa.l2tp.v2.messages import Message, encode
from talpa.sansio import Deadlines, Drops, Path, Rng, earliest
from talpa.wire import Secret


class ControlConnection:
    """One control connection: a tunnel.

    Kept from the SCCRQ we send, or from the first message of the peer that bears our tunnel id,
    until its ids have rested.
    """

    __slots__ = (
        "authenticated",
        "challenge",
        "channel",
        "expires",
        "heard",
        "path",
        "peer",
        "peer_tunnel_id",
        "secret",
        "session_ids",
        "since",
        "state",
        "tie_breaker",
        "tunnel_id",
        "waiting",
    )

    def __init__(
        self, tunnel_id: int, path: Path, state: State, channel: ControlChannel, now: float
    ) -> None:
        self.tunnel_id = tunnel_id
        self.peer_tunnel_id = 0
        """0 until known."""
        self.path = path
        self.state = state
        self.channel = channel
        self.peer: Peer | None = None
        self.secret: Secret | None = None
        self.challenge: bytes | None = None
        """The one we sent, until it is answered."""
        self.authenticated = False
        self.tie_breaker: bytes | None = None
        self.since = now
        self.heard = now
        """When the peer was last known to live."""
        self.expires: float | None = None
        """End of the time for set-up, or of the ids' rest."""
        self.session_ids: set[int] | None = None
        self.waiting: list[int] | None = []
        """Sessions that wait for the tunnel, and SCCCN's acknowledgement where that is our habit;
        None: new ones need not wait."""

    def send(self, message: Message, session_id: int = 0, *, body: bytes | None = None) -> None:
        """Queue a message; it goes out at the end of the turn."""
        self.channel.send(session_id, encode(message) if body is None else body)

    @property
    def session_count(self) -> int:
        """Sessions in whatever state."""
        return len(self.session_ids) if self.session_ids is not None else 0

    def deadline(self, hello_interval: float) -> float | None:
        """When the connection needs attention."""
        hello = None
        if self.state is State.ESTABLISHED and not self.channel.backlog:
            hello = self.heard + hello_interval
        return earliest(self.channel.next_timeout(), self.expires, hello)


class Shared:
    """What the machines of one endpoint have in common."""

    __slots__ = (
        "config",
        "connections",
        "deadlines",
        "drops",
        "events",
        "last_data",
        "per_address",
        "rng",
        "touched",
    )

    def __init__(self, config: Config, rng: Rng, last_data: Callable[[int], float]) -> None:
        self.config = config
        self.rng = rng
        self.last_data = last_data
        self.drops = Drops()
        self.events: list[Event] = []
        self.connections: dict[int, ControlConnection] = {}
        """By our tunnel id; those in idle are at rest."""
        self.per_address: dict[str, int] = {}
        """Live control connections by the `place` of the peer."""
        self.touched: dict[int, ControlConnection] = {}
        """Those to which something happened this turn."""
        self.deadlines: Deadlines[int] = Deadlines()
        """Of control connections by tunnel id, of calls by session key: these do not overlap."""

    def touch(self, connection: ControlConnection) -> None:
        """See to it that the connection's channel is flushed and its deadline set."""
        self.touched[connection.tunnel_id] = connection

    def random_nonzero(self) -> int:
        """An id that stands for nothing: what we give out along with a refusal."""
        return int.from_bytes(self.rng(2), "big") or 1
