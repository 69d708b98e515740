"""Where a server is, and which of our addresses reaches it."""

import asyncio
import socket
import threading

from talpa.sansio import Address

RESOLVE_SECONDS = 10.0


async def resolve(host: str, port: int) -> tuple[Address, ...]:
    """The addresses of `host`, best first. Raises `OSError` when there is none within ten
    seconds."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[tuple[Address, ...]] = loop.create_future()

    def tell(addresses: tuple[Address, ...], error: OSError | None) -> None:
        if found.done():
            return
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)

    def ask() -> None:
        addresses: tuple[Address, ...] = ()
        error: OSError | None = None
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            addresses = tuple(Address(str(e[4][0]), int(e[4][1])) for e in entries)
        except (OSError, UnicodeError) as reason:
            error = reason if isinstance(reason, OSError) else OSError("it is no host name")
        try:
            loop.call_soon_threadsafe(tell, addresses, error)
        except RuntimeError:
            return  # nobody waits any more

    # A thread that the end of the program does not wait for: the system may ask for half a minute.
    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        return await asyncio.wait_for(found, RESOLVE_SECONDS)
    except TimeoutError:
        raise OSError(f"no name server answered within {RESOLVE_SECONDS:.0f} s") from None


def source_address(remote: Address) -> str:
    """The address that this host would call `remote` from. Raises `OSError` without a route."""
    family = socket.AF_INET6 if ":" in remote.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((remote.host, remote.port))
        return str(probe.getsockname()[0])
