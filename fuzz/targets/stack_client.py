"""The whole client, and a server whose datagrams are changed on their way."""

from collections.abc import Iterator

from fuzz.middle import edit
from fuzz.octets import Octets, chunk
from fuzz.stack import Stack
from hostconfig.offers import FULL
from talpa.hostconfig import router_advertisement

PROCESSOR_SECONDS = 0.1
"""A whole connection and its end take some of it already."""


def check(data: bytes) -> None:
    """Nothing is raised, and when the client has hung up it keeps nothing and awaits nothing."""
    stack = Stack(Octets(data), server_lies=True)
    stack.run()
    assert stack.client.role.failure or stack.client.role.stages


def seeds() -> Iterator[bytes]:
    """The connection as it is, and with one change in each datagram."""
    yield b"\0"
    for datagram in range(24):
        yield b"\0" + edit(datagram, 0, 20, 1)
        yield b"\0" + edit(datagram, 11, 1)
        yield b"\0" + edit(datagram, 6, 0, 2, repair=False)
        yield b"\0" + edit(datagram, 5, repair=False)
    yield chunk(b"\2" + chunk(b"\x00\x57" + router_advertisement(FULL)))
