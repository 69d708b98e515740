"""Keep-alive by Echo-Request, and the round-trip time it measures."""


class KeepAlive:
    """When to ask whether the peer is still there, and when to stop believing it.

    Anything received counts as life: an echo is asked for only after `interval` of silence.
    """

    __slots__ = ("_asked", "_identifier", "deadline", "round_trip", "unanswered")

    def __init__(self) -> None:
        self.deadline: float | None = None
        """When to look again; None: it does not run."""
        self.round_trip: float | None = None
        """Seconds, of the latest echo that was answered."""
        self.unanswered = 0
        """Echo-Requests in a row without any sign of life since."""
        self._identifier = -1
        self._asked = 0.0

    def asked(self, identifier: int, now: float) -> None:
        """An Echo-Request goes out."""
        self._identifier = identifier
        self._asked = now

    def answered(self, identifier: int, now: float) -> bool:
        """An Echo-Reply came; False: to nothing that we asked."""
        if identifier != self._identifier:
            return False
        self._identifier = -1
        self.round_trip = now - self._asked
        return True

    def due(self, last_heard: float, interval: float, now: float) -> bool:
        """The deadline has passed: whether an Echo-Request is in place. Sets the next deadline."""
        # The answer may have come sooner after the question than this look after its deadline.
        if last_heard >= self._asked:
            self.unanswered = 0
        if last_heard + interval > now:
            self.deadline = last_heard + interval
            return False
        self.unanswered += 1
        self.deadline = now + interval
        return True
