"""Messages that are sent again, and messages that come again."""

from hashlib import blake2s


def fingerprint(message: bytes) -> bytes:
    """What a message is known by when it comes again."""
    return blake2s(message, digest_size=16).digest()


class Outgoing:
    """A message of ours that is sent again until it is answered."""

    __slots__ = ("data", "limit", "next_at", "sent", "wait")

    def __init__(self, data: bytes, now: float, wait: float, limit: int) -> None:
        self.data = data
        self.sent = 1
        self.wait = wait
        self.next_at = now + wait
        self.limit = limit

    def again(self, now: float, cap: float) -> bool:
        """Due: whether to send once more; else it is given up."""
        if self.sent >= self.limit:
            return False
        self.sent += 1
        self.wait = min(2 * self.wait, cap)
        self.next_at = now + self.wait
        return True
