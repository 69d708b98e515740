"""A peer that says whatever an input tells it to, under headers that are mostly right."""

from fuzz.octets import Octets, chunk
from l2tp.ends import Datagram, Host
from talpa.l2tp.avps import AVPS
from talpa.l2tp.v2.header import pack_control, parse_control
from talpa.l2tp.v2.messages import Message, Sccrp, encode, message_types, parse
from talpa.sansio import Path

_TYPES = tuple(cls.TYPE for cls in message_types())
_ROWS = tuple(AVPS.values())
_MOST_TIMERS = 3000


class Hostile:
    """Sends to an endpoint. Keeps the tunnel id it was told, and counts Ns and Nr for it."""

    def __init__(self, host: Host, octets: Octets) -> None:
        self._host = host
        self._octets = octets
        self._ns = 0
        self._nr = 0
        self._told = 0
        self._learn(host.transmits())

    def datagram(self, path: Path) -> bytes:
        """The next datagram as the input has it."""
        octets = self._octets
        shape = octets.number()
        if shape % 8 == 7:
            return octets.chunk()
        tunnel_id = self._tunnel_id(path, shape & 0x30)
        body = self._built() if shape % 8 == 6 else octets.chunk()
        session_id = self._session_id(octets.number())
        ns, nr = self._ns, self._nr
        if shape & 0x40:
            ns, nr = ns + octets.number() - 128, nr + octets.number() - 128
        elif body:
            self._ns += 1
        return pack_control(tunnel_id, session_id, ns & 0xFFFF, nr & 0xFFFF, body)

    def send(self, path: Path, datagram: bytes) -> list[Datagram]:
        """Send it; what comes at once."""
        if not datagram or datagram[0] < 0x80:
            return []
        self._host.receive((path, datagram), self._host.now)
        return self._learn(self._host.transmits())

    def wait(self, seconds: int) -> list[Datagram]:
        """Let time pass; what comes meanwhile."""
        end = self._host.now + seconds / 4
        answers: list[Datagram] = []
        for _ in range(_MOST_TIMERS):
            when = self._host.next_timeout()
            if when is None or when > end:
                self._host.now = end
                return answers
            self._host.handle_timeout(max(when, self._host.now))
            answers += self._learn(self._host.transmits())
        raise AssertionError("timers without end")

    def fall_silent(self) -> None:
        """Send nothing any more until the endpoint has come to rest."""
        self.wait(4 * 3600)
        assert self._host.next_timeout() is None, "it never comes to rest"

    def _learn(self, sent: list[Datagram]) -> list[Datagram]:
        turned = [(Path(path.remote, path.local, path.association), data) for path, data in sent]
        for _, data in turned:
            header, body = parse_control(data)
            if body and header.ns == self._nr & 0xFFFF:
                self._nr += 1
            message = parse(body) if body else None
            if isinstance(message, Sccrp):
                self._told = message.assigned_tunnel_id
        return turned

    def _tunnel_id(self, path: Path, which: int) -> int:
        live = [d.tunnel_id for d in self._host.endpoint.describe() if d.path == path]
        match which:
            case 0x00:
                return 0
            case 0x10:
                return live[-1] if live else self._told
            case 0x20:
                return self._told
            case _:
                return self._octets.number(2)

    def _session_id(self, which: int) -> int:
        if which == 0:
            return 0
        ids = sorted(key & 0xFFFF for key in self._host.endpoint._calls._sessions)
        return ids[which % len(ids)] if ids and which < 0x80 else which

    def _built(self) -> bytes:
        """A message of a known type with known AVPs that hold anything."""
        octets = self._octets
        body = b"\x80\x08\0\0\0\0" + octets.pick(_TYPES).to_bytes(2, "big")
        for _ in range(octets.number() % 24):
            row, flags, value = octets.pick(_ROWS), octets.number(), octets.chunk()[:1017]
            first = (flags & 0xFC) << 8 | len(value) + 6
            body += first.to_bytes(2, "big") + row.key.to_bytes(4, "big") + value
        return body


def message_octets(where: int, message: Message) -> bytes:
    """What `Hostile.datagram` reads as this message: to nobody's tunnel (0), to the tunnel (1), to
    a session in it (2)."""
    shape = 0x10 if where else 0x00
    return bytes((shape,)) + chunk(encode(message)) + bytes((1 if where == 2 else 0,))
