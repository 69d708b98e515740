"""Reliable delivery of control messages on one control connection (RFC 2661 5.8, appendix A).

The channel numbers, orders, acknowledges and retransmits; it knows nothing of what the messages
say. At the end of each turn its owner calls `flush` and sends what it gives: that way an
acknowledgement rides on a message that the same turn brought forth, and a ZLB goes out only when
none did.
"""

from collections.abc import Sequence

from talpa.l2tp.config import Config
from talpa.sansio import Drops, earliest

Delivery = tuple[int, bytes]
"""A message in its turn: the Session ID of its header, and its AVPs."""

Packet = tuple[int, int, int, bytes]
"""What to send: Session ID, Ns, Nr, AVPs. Without AVPs it is a ZLB."""

WINDOW_IF_ABSENT = 4
"""What the peer takes without a Receive Window Size AVP (RFC 2661 4.4.3)."""


EARLY_OCTETS = 16_384
"""AVPs of messages ahead of their turn, all together."""

_BEHIND = 4096
"""Messages by which an Nr may lag: a message sent again may bear the Nr it had at first."""


class ControlChannel:
    """The sending and the receiving half of one control connection.

    Messages that wait stand in one list, the oldest that is not acknowledged first: its Ns is
    `_oldest`, the first `_in_flight` of them are under way, and the first `_reach` have been sent
    at least once, which is as far as the peer may acknowledge.
    """

    __slots__ = (
        "_acknowledge_at",
        "_config",
        "_credit",
        "_drops",
        "_early",
        "_in_flight",
        "_limit",
        "_nr",
        "_oldest",
        "_queue",
        "_reach",
        "_retransmit_at",
        "_sent_at",
        "_threshold",
        "_transmissions",
        "_window",
        "rtt",
    )

    def __init__(self, config: Config, drops: Drops) -> None:
        self._config = config
        self._drops = drops
        self._queue: list[Delivery] | None = None
        self._oldest = 0
        self._in_flight = 0
        self._reach = 0
        self._transmissions = 0
        """Of the oldest message."""
        self._sent_at: float | None = None
        """When the oldest message went out, if it went out just once: only then an acknowledgement
        tells the round trip."""
        self._retransmit_at: float | None = None
        self._limit = 1
        """The peer's window as far as we use it."""
        self._window = 1
        """CWND of appendix A, messages."""
        self._threshold = 1
        """SSTHRESH of appendix A."""
        self._credit = 0
        """Acknowledgements since CWND last grew, in congestion avoidance."""
        self._nr = 0
        self._early: dict[int, Delivery] | None = None
        """Messages ahead of their turn, by Ns; fewer than our receive window."""
        self._acknowledge_at: float | None = None
        self.rtt: float | None = None
        """Smoothed round trip in seconds, once one was seen."""

    @classmethod
    def answered(cls, config: Config, drops: Drops, peer_window: int) -> "ControlChannel":
        """The channel of a responder whose SCCRP (Ns 0, Nr 1) has just been acknowledged."""
        channel = cls(config, drops)
        channel._oldest = channel._nr = 1
        channel.set_peer_window(peer_window)
        channel._grow()
        return channel

    def set_peer_window(self, size: int) -> None:
        """The peer's Receive Window Size; 0, which is invalid, counts as 1."""
        self._limit = max(1, min(size, self._config.send_window))
        self._threshold = self._limit
        self._window = min(self._window, self._limit)

    @property
    def peer_window(self) -> int:
        """Messages we may have under way at most."""
        return self._limit

    @property
    def backlog(self) -> int:
        """Messages that the peer has not acknowledged, sent or not."""
        return len(self._queue) if self._queue is not None else 0

    @property
    def oldest_body(self) -> bytes:
        """The oldest message that is not acknowledged; empty when there is none."""
        return self._queue[0][1] if self._queue is not None else b""

    def send(self, session_id: int, body: bytes) -> None:
        """Queue a message. It goes out with `flush`, as soon as the window has room."""
        if self._queue is None:
            self._queue = []
        self._queue.append((session_id, body))

    def drop_unsent(self) -> None:
        """Forget what has never been sent, but for what leaves room in the window for one more."""
        if self._queue is not None:
            del self._queue[max(self._reach, self._window - 1) :]
            self._queue = self._queue or None

    def abandon(self) -> None:
        """Send nothing again: nobody waits for it any more. What comes is still acknowledged."""
        self._oldest = (self._oldest + self._reach) & 0xFFFF
        self._queue = None
        self._in_flight = self._reach = self._transmissions = 0
        self._retransmit_at = self._sent_at = None

    def receive(
        self, session_id: int, ns: int, nr: int, body: bytes, now: float
    ) -> Sequence[Delivery]:
        """Take a message in, or a ZLB (no body); the messages whose turn has come with it.

        A message that acknowledges what was never sent is not the peer's.
        """
        self._take_acknowledgement(nr, now)
        if not body:
            return ()
        if (nr - self._oldest + _BEHIND) & 0xFFFF > _BEHIND + self._reach:
            self._drops.add("control message with an Nr out of range")
            return ()
        ahead = (ns - self._nr) & 0xFFFF
        if ahead == 0:
            self._nr = (ns + 1) & 0xFFFF
            self._owe(now + self._config.acknowledge_delay)
            if self._early is None:
                return ((session_id, body),)
            return self._with_early((session_id, body))
        if ahead >= 0x8000:
            # Our acknowledgement was lost or late: it must not be delayed again.
            self._drops.add("control message received before")
            self._owe(now)
        elif ahead < self._config.receive_window:
            if self._early is None:
                self._early = {}
            kept = sum(len(early) for _, early in self._early.values())
            if kept + len(body) <= EARLY_OCTETS:
                self._early.setdefault(ns, (session_id, body))
            else:
                self._drops.add("control message ahead of its turn: no room")
            self._owe(now)
        else:
            self._drops.add("control message beyond the receive window")
        return ()

    def flush(self, now: float) -> list[Packet]:
        """End the turn: everything that is to be sent now, in order."""
        queue = self._queue
        if queue is not None:
            first = self._in_flight
            end = min(len(queue), self._window)
            if first < end:
                if first == 0:
                    self._start_timer(now)
                self._in_flight = end
                if end > self._reach:
                    self._reach = end
                self._acknowledge_at = None
                return [
                    (queue[i][0], (self._oldest + i) & 0xFFFF, self._nr, queue[i][1])
                    for i in range(first, end)
                ]
        if self._acknowledge_at is not None and self._acknowledge_at <= now:
            self._acknowledge_at = None
            return [(0, (self._oldest + self._reach) & 0xFFFF, self._nr, b"")]
        return []

    def next_timeout(self) -> float | None:
        """When `handle_timeout` or `flush` has something to do."""
        return earliest(self._retransmit_at, self._acknowledge_at)

    def handle_timeout(self, now: float) -> bool:
        """Prepare the retransmission that is due, for `flush` to send. False: the peer has let the
        last transmission of a message go unanswered."""
        if self._retransmit_at is None or self._retransmit_at > now:
            return True
        if (
            self._config.habits.fixed_retransmit is None
            and self._transmissions >= self._config.retransmit_limit
        ):
            self._retransmit_at = None
            return False
        self._back_off()
        return True

    def start_over(self) -> None:
        """Transmit the oldest message as if for the first time: the peer lives in spite of all."""
        self._transmissions = 0
        self._back_off()

    def _back_off(self) -> None:
        self._threshold = max(self._window // 2, 1)
        self._window = 1
        self._credit = 0
        self._in_flight = 0
        self._retransmit_at = None

    def _start_timer(self, now: float) -> None:
        self._sent_at = now if self._transmissions == 0 and self._reach == 0 else None
        self._transmissions += 1
        self._retransmit_at = now + self._interval()

    def _interval(self) -> float:
        config = self._config
        if config.habits.fixed_retransmit is not None:
            return config.habits.fixed_retransmit
        return min(
            config.retransmit_first * 2.0 ** (self._transmissions - 1), config.retransmit_cap
        )

    def _take_acknowledgement(self, nr: int, now: float) -> None:
        acknowledged = (nr - self._oldest) & 0xFFFF
        if not 0 < acknowledged <= self._reach:
            return
        assert self._queue is not None, "messages were sent"
        self._oldest = nr
        self._reach -= acknowledged
        self._in_flight = max(0, self._in_flight - acknowledged)
        if acknowledged == len(self._queue):
            self._queue = None
        else:
            del self._queue[:acknowledged]
        if self._sent_at is not None:
            sample = now - self._sent_at
            self.rtt = sample if self.rtt is None else self.rtt + (sample - self.rtt) / 8
        self._sent_at = None
        self._transmissions = 0
        self._retransmit_at = None
        if self._in_flight:
            self._transmissions = 1
            self._retransmit_at = now + self._interval()
        self._grow()

    def _grow(self) -> None:
        """Widen CWND for one acknowledgement (appendix A)."""
        if self._window >= self._limit:
            return
        if self._window < self._threshold:
            self._window += 1
            return
        self._credit += 1
        if self._credit >= self._window:
            self._credit = 0
            self._window += 1

    def _owe(self, when: float) -> None:
        if self._acknowledge_at is None or when < self._acknowledge_at:
            self._acknowledge_at = when

    def _with_early(self, first: Delivery) -> list[Delivery]:
        """`first`, and what had come before its turn and now follows."""
        assert self._early is not None, "called only then"
        deliveries = [first]
        while (following := self._early.pop(self._nr, None)) is not None:
            deliveries.append(following)
            self._nr = (self._nr + 1) & 0xFFFF
        if not self._early:
            self._early = None
        return deliveries
