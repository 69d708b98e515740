"""Two control channels on a bad link: everything arrives, once, in order, at a bounded price."""

import random

import pytest

from simnet.link import Link, Pair
from talpa.l2tp.config import Config
from talpa.l2tp.control_channel import ControlChannel, Packet
from talpa.sansio import Drops


class Side:
    """A channel that has `todo` messages to send, some of them in answer to what comes."""

    def __init__(self, todo: int, seed: int) -> None:
        config = Config(host_name="x", retransmit_limit=60)
        self.channel = ControlChannel(config, Drops())
        self.channel.set_peer_window(random.Random(seed).choice((1, 4, 16)))
        self.todo = [b"%d" % i for i in range(todo)]
        self.sent = 0
        self.got: list[bytes] = []
        self.received = self.emitted = self.own = self.timeouts = 0
        self.now = 1000.0
        self.say()

    def say(self) -> None:
        if self.sent < len(self.todo):
            self.channel.send(0, self.todo[self.sent])
            self.sent += 1
            self.own += 1

    def receive(self, payload: Packet, now: float) -> None:
        self.now = now
        self.received += 1
        for _, body in self.channel.receive(*payload, now):
            self.got.append(body)
            self.say()
        if self.channel.backlog < 3:
            self.say()

    def transmits(self) -> list[Packet]:
        packets = self.channel.flush(self.now)
        self.emitted += len(packets)
        return packets

    def next_timeout(self) -> float | None:
        return self.channel.next_timeout()

    def handle_timeout(self, now: float) -> None:
        self.now = now
        self.timeouts += 1
        assert self.channel.handle_timeout(now)


@pytest.mark.parametrize("block", range(10))
def test_everything_arrives_once_and_in_order_at_a_bounded_price(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        link: Link[Packet] = Link(seed, loss=0.2, duplicate=0.2, reorder=0.3, delay=(0.0, 0.5))
        left, right = Side(30, seed), Side(30, seed + 1)
        pair = Pair(link, left, right)
        assert pair.run(most_steps=5000)
        assert left.got == right.todo
        assert right.got == left.todo
        for side in (left, right):
            # A time-out sends the lost message again, and after it what was under way behind it.
            assert side.emitted <= side.received + side.own + 16 * side.timeouts
            assert side.channel.backlog == 0
            assert side.channel._early is None
