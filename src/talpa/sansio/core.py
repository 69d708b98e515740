"""The surface that every protocol core shares, and the small values it speaks in.

A core opens no socket, reads no clock, draws no randomness and logs nothing. Its owner drives it:

1. `receive(...)`, a command, or `handle_timeout(now)`: something happened;
2. `transmits()`: drain what is to be sent;
3. `events()`: drain what the owner should know;
4. `next_timeout()`: when to call `handle_timeout` at the latest.

Inputs return no output, extra polls are harmless, and `now` (seconds, monotonic) never goes back.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

Rng = Callable[[int], bytes]
"""`rng(n)` gives `n` octets that nobody can guess; a seeded one replays a whole run."""


class Address(NamedTuple):
    """An address and a UDP port."""

    host: str
    """Numeric IPv4 or IPv6 address."""
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Path(NamedTuple):
    """The way to a peer: what a tunnel is bound to, and where its answers leave from."""

    local: Address
    remote: Address
    association: int = 0
    """The security association it rides on; 0 in the clear. Equal addresses under two associations
    are two paths: two clients behind one NAT differ in nothing else."""


class Core(Protocol):
    """What the driver needs of any core."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due; None when nothing is awaited."""

    def handle_timeout(self, now: float) -> None:
        """Act on every deadline that has passed. A spurious call does nothing."""
