"""The whole server, and a client whose datagrams are changed on their way."""

from collections.abc import Iterator

from fuzz.middle import edit
from fuzz.octets import Octets, chunk
from fuzz.stack import Stack
from talpa.ppp.frames import emit_packet

PROCESSOR_SECONDS = 0.1
"""A whole connection and its end take some of it already."""


def check(data: bytes) -> None:
    """Nothing is raised; who does not know the password is not let in; and when the client has
    fallen silent the server keeps nothing of it: no call, no session, no address."""
    octets = Octets(data)
    knows = octets.number() % 4 != 3
    password = "correct horse" if knows else "wrong"
    stack = Stack(octets, server_lies=False, password=password)
    stack.run()
    if not knows:
        assert not stack.server.role.established
        assert not any(notice.name == "session-up" for notice in stack.server.notices)
    assert all(not usage.ipv4_used for usage in stack.server.directory.usage())


def seeds() -> Iterator[bytes]:
    """The connection as it is, and with one change in each datagram."""
    yield from (b"\0", b"\3")
    for datagram in range(24):
        yield b"\0\0" + edit(datagram, 0, 20, 1)
        yield b"\0\0" + edit(datagram, 11, 1)
        yield b"\0\0" + edit(datagram, 6, 0, 2, repair=False)
        yield b"\0\0" + edit(datagram, 5, repair=False)
        yield b"\3\0" + edit(datagram, 6, 0, 1, repair=False)
    for frame in _FRAMES:
        yield b"\0" + chunk(b"\2" + chunk(frame))


_FRAMES = (
    b"\xc0\x21" + emit_packet(1, 200, bytes.fromhex("010405780506010203ff")),
    b"\xc0\x21" + emit_packet(5, 201),
    b"\x80\x21" + emit_packet(1, 202, bytes.fromhex("03060a4d0002")),
    b"\x80\x57" + emit_packet(5, 203),
    b"\x00\x57" + bytes.fromhex("60000000") + bytes.fromhex("00083aff") + bytes(40),
)
