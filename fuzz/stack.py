"""Server and client whole, from role to data plane, with somebody in between."""

from fuzz.middle import Middle
from fuzz.octets import Octets
from fuzz.shapes import repaired_datagram, split_datagram
from l2tp.ends import leftovers
from simnet.stack import ClientEnd, Datagram, ServerEnd
from talpa.sansio import Path

_MOST_ROUNDS = 120
_MOST_TIMERS = 3000

End = ServerEnd | ClientEnd


class Stack:
    """A client that calls a server. The input changes what one of them says, and puts in datagrams
    of its own."""

    def __init__(
        self, octets: Octets, *, server_lies: bool, password: str = "correct horse"
    ) -> None:
        self.now = 1000.0
        self.server = ServerEnd(2)
        self.client = ClientEnd(1, password=password)
        self._injected = Octets(octets.chunk())
        self._middle = Middle(octets, repaired_datagram, split_datagram)
        self._server_lies = server_lies

    def run(self) -> None:
        """Connect, speak, let some timers expire, hang up, and fall silent."""
        self.server.now = self.now
        self.client.open(self.now)
        self._exchange()
        self._inject()
        for _ in range(4):
            self._wait()
        self.client.close(self.now)
        self._exchange()
        for end in (self.client, self.server):
            self._rest(end)

    def _exchange(self) -> None:
        for _ in range(_MOST_ROUNDS):
            carried = 0
            for end, other, lies in (
                (self.client, self.server, not self._server_lies),
                (self.server, self.client, self._server_lies),
            ):
                for path, datagram in end.transmits():
                    carried += 1
                    for arriving in self._middle.carry(datagram) if lies else [datagram]:
                        other.receive((path, arriving), self.now)
            if not carried:
                return
        raise AssertionError("they never come to rest")

    def _inject(self) -> None:
        """Datagrams of the input's own, under the ids of the connection where it leaves them."""
        liar, victim = (
            (self.server, self.client) if self._server_lies else (self.client, self.server)
        )
        for _ in range(16):
            if not self._injected:
                return
            datagram = self._addressed(victim, self._injected.number(), self._injected.chunk())
            path = Path(liar.plane.listens[0], victim.plane.listens[0])
            victim.receive((path, datagram), self.now)
            answers: list[Datagram] = victim.transmits()
            assert len(answers) <= 24, len(answers)

    def _addressed(self, victim: End, shape: int, octets: bytes) -> bytes:
        if shape & 1:
            return octets
        links = list(victim.role.links)
        ids = (links[0].tunnel_id, links[0].session_id) if links else (1, 1)
        head = b"\x00\x02" + ids[0].to_bytes(2, "big") + ids[1].to_bytes(2, "big")
        return head + (b"\xff\x03" if shape & 2 else b"") + octets

    def _wait(self) -> None:
        due = [w for end in (self.client, self.server) if (w := end.next_timeout()) is not None]
        if due:
            self.now = max(self.now, min(due))
            for end in (self.client, self.server):
                end.handle_timeout(self.now)
            self._exchange()

    def _rest(self, end: End) -> None:
        now = self.now
        for _ in range(_MOST_TIMERS):
            when = end.next_timeout()
            if when is None:
                break
            now = max(now, when)
            end.handle_timeout(now)
            end.transmits()
        assert end.next_timeout() is None, "it never comes to rest"
        assert not leftovers(end.role.endpoint), leftovers(end.role.endpoint)
        assert not len(end.role.links)
        assert not end.plane.pipeline._tables._sessions, "sessions are left in the data plane"
