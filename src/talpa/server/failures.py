"""What the operating system refused, as a sentence."""

import errno
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from talpa.sansio import Address

_PROC = Path("/proc")


def sentence(error: OSError) -> str:
    """The error without its number; with the file where there is one."""
    if isinstance(error, TimeoutError) and not error.strerror:
        return "no answer in time"
    text = error.strerror or str(error)
    return f"{error.filename}: {text}" if error.filename else text


def with_holder(error: OSError, listens: Iterable[Address]) -> OSError:
    """The error that an address is in use, with the process that has it, where that can be seen."""
    if error.errno != errno.EADDRINUSE:
        return error
    holders = sorted({f"{name} (process {pid})" for pid, name in _holders(listens)})
    if not holders:
        return error
    return OSError(error.errno, f"{sentence(error)}; it is held by {', '.join(holders)}")


def _holders(listens: Iterable[Address]) -> Iterator[tuple[int, str]]:
    """Processes with a UDP socket in the way of ours: process id and name."""
    wanted = {f"socket:[{inode}]" for listen in listens for inode in _inodes(listen)}
    for process in _PROC.iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(str(fd.readlink()) in wanted for fd in (process / "fd").iterdir()):
                yield int(process.name), (process / "comm").read_text().strip()
        except OSError:
            continue  # gone meanwhile, or another user's


def _inodes(listen: Address) -> Iterator[str]:
    """Of UDP sockets on the same port, and the same address or all."""
    inet6 = ":" in listen.host
    family = socket.AF_INET6 if inet6 else socket.AF_INET
    host = _as_proc_writes(socket.inet_pton(family, listen.host.partition("%")[0]))
    anywhere = "0" * len(host)
    try:
        rows = (_PROC / "net" / ("udp6" if inet6 else "udp")).read_text().splitlines()[1:]
    except OSError:
        return
    for row in rows:
        columns = row.split()
        address, _, port = columns[1].partition(":")
        if int(port, 16) == listen.port and (host in (address, anywhere) or address == anywhere):
            yield columns[9]


def _as_proc_writes(address: bytes) -> str:
    """In hexadecimal, every four octets in the order of the host."""
    words = (address[at : at + 4] for at in range(0, len(address), 4))
    return "".join(f"{int.from_bytes(word, 'little'):08X}" for word in words)
