"""What the protocols of one link share: its configuration, its outbox, its limits.

Limits are counted in windows of two seconds with small integers: nothing is kept but counts.
"""

from talpa.ppp.config import Config
from talpa.ppp.events import Event
from talpa.ppp.frames import DEFAULT_MRU
from talpa.sansio import Drops, Rng

WINDOW = 2.0
"""Seconds."""
MOST_PACKETS = 100
"""Control packets taken in a window; more are dropped."""
MOST_ECHOES = 20
"""Echo-Replies given in a window."""
MOST_REJECTS = 10
"""Code-Rejects and Protocol-Rejects sent in a window."""
MOST_FLOODED_WINDOWS = 15
"""Windows in a row with too many packets after which the link is ended."""
MOST_RENEGOTIATIONS = 20
"""Renegotiations in an hour after which the link is ended."""


class Line:
    """Shared by the protocol objects of one link."""

    __slots__ = (
        "_echoes",
        "_flooded",
        "_hour",
        "_packets",
        "_rejects",
        "_renegotiations",
        "_window",
        "abused",
        "config",
        "drops",
        "events",
        "out",
        "peer_mru",
        "rng",
        "serial",
    )

    def __init__(self, config: Config, rng: Rng, drops: Drops) -> None:
        self.config = config
        self.rng = rng
        self.drops = drops
        self.out: list[tuple[int, bytes]] = []
        """(protocol, payload) to be sent."""
        self.events: list[Event] = []
        self.peer_mru = DEFAULT_MRU
        """Octets: the largest packet we may send."""
        self.abused = ""
        """Why the link should be ended for what the peer sends; empty: no reason."""
        self.serial = 0
        """The next identifier, where all protocols share one count."""
        self._window = 0
        self._packets = 0
        self._echoes = 0
        self._rejects = 0
        self._flooded = 0
        self._hour = 0
        self._renegotiations = 0

    def next_serial(self) -> int:
        """The next of the shared count of identifiers."""
        serial, self.serial = self.serial, (self.serial + 1) & 0xFF
        return serial

    def allow_packet(self, now: float) -> bool:
        """Count a control packet received; False: it is one too many."""
        window = int(now / WINDOW)
        if window != self._window:
            # Only windows that follow each other make a flood that lasts.
            flooded = self._packets > MOST_PACKETS and window == self._window + 1
            self._flooded = self._flooded + 1 if flooded else 0
            self._window = window
            self._packets = self._echoes = self._rejects = 0
        self._packets += 1
        if self._packets <= MOST_PACKETS:
            return True
        if self._flooded >= MOST_FLOODED_WINDOWS:
            self.abused = "the peer floods the link with control packets"
        return False

    def allow_echo(self) -> bool:
        """Count an Echo-Reply about to be sent; False: it is one too many."""
        self._echoes += 1
        return self._echoes <= MOST_ECHOES

    def allow_reject(self) -> bool:
        """Count a Code-Reject or Protocol-Reject about to be sent; False: it is one too many."""
        self._rejects += 1
        return self._rejects <= MOST_REJECTS

    def count_renegotiation(self, now: float) -> None:
        """An open protocol is negotiated anew by the peer's wish."""
        hour = int(now / 3600)
        if hour != self._hour:
            self._hour = hour
            self._renegotiations = 0
        self._renegotiations += 1
        if self._renegotiations > MOST_RENEGOTIATIONS:
            self.abused = f"the peer renegotiated more than {MOST_RENEGOTIATIONS} times in an hour"
