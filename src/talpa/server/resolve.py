"""Where a server is, and which of our addresses reaches it."""

import asyncio
import socket

from talpa.sansio import Address

RESOLVE_SECONDS = 10.0


async def resolve(host: str, port: int) -> Address:
    """The first address of `host`. Raises `OSError` when there is none within ten seconds."""
    loop = asyncio.get_running_loop()
    found = await asyncio.wait_for(
        loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM), RESOLVE_SECONDS
    )
    address = found[0][4]
    return Address(str(address[0]), int(address[1]))


def source_address(remote: Address) -> str:
    """The address that this host would call `remote` from. Raises `OSError` without a route."""
    family = socket.AF_INET6 if ":" in remote.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((remote.host, remote.port))
        return str(probe.getsockname()[0])
