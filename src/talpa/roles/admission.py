"""How many callers are set up at once: what keeps a server useful when thousands call together.

Each caller waits a few seconds for each answer. Where all are served at once, all are served late:
they repeat themselves, give up and begin anew, and the work done for them is lost. So only as many
are let in as get through at once; the others wait in line.
"""

SETUPS_AT_ONCE = 256
"""Callers between their first proven message and their address."""
CALL_WAIT = 5.0
"""Seconds for which a tunnel without a call counts: some tunnels never have one."""


class Admission:
    """Counts the callers on their way."""

    __slots__ = ("_sessions", "_tunnels", "limit")

    def __init__(self, limit: int = SETUPS_AT_ONCE) -> None:
        self.limit = limit
        self._tunnels: dict[int, float] = {}
        """Tunnels that wait for their first call, by the time they came up, oldest first."""
        self._sessions = 0

    def open(self, now: float) -> bool:
        """Whether one more may be let in."""
        while self._tunnels:
            tunnel_id, since = next(iter(self._tunnels.items()))
            if now - since < CALL_WAIT:
                break
            del self._tunnels[tunnel_id]
        return len(self._tunnels) + self._sessions < self.limit

    def tunnel_up(self, tunnel_id: int, now: float) -> None:
        """A tunnel came up: a call is to be expected."""
        self._tunnels[tunnel_id] = now

    def tunnel_down(self, tunnel_id: int) -> None:
        """It is gone."""
        self._tunnels.pop(tunnel_id, None)

    def session_begun(self, tunnel_id: int) -> None:
        """A call in it is up: PPP begins."""
        self._tunnels.pop(tunnel_id, None)
        self._sessions += 1

    def session_settled(self) -> None:
        """The session has its address, or came to nothing."""
        self._sessions -= 1
