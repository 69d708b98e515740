"""The UDP sockets that carry tunnels."""

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from talpa.dataplane.interface import Degraded
from talpa.sansio import Address, Drops, Path

READS_AT_ONCE = 64
"""Datagrams taken for one call of a reader, so that other sockets have their turn."""

_DATAGRAM = 65_535
_KNOWN_PATHS = 8192
"""Paths kept ready for one socket, so that a packet does not make one anew."""

# Of <linux/in.h>, <linux/in6.h> and <asm/socket.h>; the socket module lacks some of them.
_IP_PKTINFO = 8
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_DONT = 0
_SO_RCVBUFFORCE = 33

_PKTINFO4 = struct.Struct("=I4s4s")
_PKTINFO6 = struct.Struct("=16sI")

Take = Callable[[Path, bytes, float], None]


class TunnelSocket:
    """One UDP socket, non-blocking.

    Bound to a wildcard it learns of every datagram which of the host's addresses it was sent to,
    and sends from the address that the path names.
    """

    __slots__ = ("_inet6", "_paths", "_socket", "_wildcard", "address")

    def __init__(self, listen: Address) -> None:
        """Raises `OSError` that names the address."""
        try:
            numeric = ipaddress.ip_address(listen.host)
        except ValueError:
            raise OSError(errno.EINVAL, f"{listen} is no numeric address to listen on") from None
        self._inet6 = numeric.version == 6
        self._wildcard = numeric.is_unspecified
        self._paths: dict[tuple[object, ...], Path] = {}
        family = socket.AF_INET6 if self._inet6 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._prepare()
            self._socket.bind(_destination(listen))
        except OSError as error:
            self._socket.close()
            raise OSError(error.errno, _cannot_listen(listen, error)) from error
        self.address = Address(listen.host, self._socket.getsockname()[1])

    def fileno(self) -> int:
        """For the event loop."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def enlarge(self, octets: int) -> int:
        """Ask for a receive buffer; what the kernel granted, in octets."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
        # The kernel doubles the figure for its own bookkeeping.
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2

    def receive(self, take: Take, now: float) -> None:
        """Hand the waiting datagrams to `take`, `READS_AT_ONCE` at most."""
        for _ in range(READS_AT_ONCE):
            try:
                path, datagram = self._read_asked() if self._wildcard else self._read()
            except BlockingIOError:
                return
            except OSError:
                # An ICMP error about something sent before: the peer's timers deal with it.
                continue
            take(path, datagram, now)

    def send(self, path: Path, data: bytes) -> None:
        """Send a datagram. Raises `OSError`."""
        remote = _destination(path.remote) if self._inet6 else path.remote
        if self._wildcard:
            self._socket.sendmsg((data,), self._from(path.local.host), 0, remote)
        else:
            self._socket.sendto(data, remote)

    def _prepare(self) -> None:
        # The outer packet may be fragmented: a tunnel that carries nothing is worse.
        if self._inet6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_DONT)
            if self._wildcard:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DONT)
            if self._wildcard:
                self._socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)

    def _read(self) -> tuple[Path, bytes]:
        datagram, sender = self._socket.recvfrom(_DATAGRAM)
        path = self._paths.get(sender)
        return path or self._learn(sender, self.address, sender), datagram

    def _read_asked(self) -> tuple[Path, bytes]:
        datagram, ancillary, _, sender = self._socket.recvmsg(_DATAGRAM, 64)
        asked = b""
        for level, kind, data in ancillary:
            if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
                asked = data[8:12]
            elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                asked = data[:16]
        key = (asked, sender)
        path = self._paths.get(key)
        if path is None:
            host = str(ipaddress.ip_address(asked)) if asked else self.address.host
            path = self._learn(key, Address(host, self.address.port), sender)
        return path, datagram

    def _learn(self, key: tuple[object, ...], local: Address, sender: Any) -> Path:
        host = sender[0]
        if self._inet6 and sender[3]:
            # A link-local address is one only together with its interface.
            host = f"{host.partition('%')[0]}%{sender[3]}"
        path = Path(local, Address(host, sender[1]))
        if len(self._paths) >= _KNOWN_PATHS:
            self._paths.clear()
        self._paths[key] = path
        return path

    def _from(self, host: str) -> list[tuple[int, int, bytes]]:
        source = ipaddress.ip_address(host.partition("%")[0])
        if source.is_unspecified:
            return []
        if self._inet6:
            info = _PKTINFO6.pack(source.packed, 0)
            return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info)]
        return [(socket.IPPROTO_IP, _IP_PKTINFO, _PKTINFO4.pack(0, source.packed, bytes(4)))]


class TunnelSockets:
    """All of them, and which one a path leaves through."""

    __slots__ = ("_by_local", "_drops", "_failed", "_sockets", "degraded")

    def __init__(self, listens: Iterable[Address], receive_buffer: int, drops: Drops) -> None:
        """Raises `OSError` with nothing left behind."""
        self._drops = drops
        self._failed: set[int | None] = set()
        self.degraded: list[Degraded] = []
        """What the kernel refused, until the owner takes it."""
        self._sockets: list[TunnelSocket] = []
        try:
            for listen in listens:
                self._sockets.append(TunnelSocket(listen))
        except OSError:
            self.close()
            raise
        self._by_local = {opened.address: opened for opened in self._sockets}
        for opened in self._sockets:
            granted = opened.enlarge(receive_buffer)
            if granted < receive_buffer:
                reason = f"asked for {receive_buffer} octets, granted {granted}"
                self.degraded.append(Degraded(f"receive buffer of {opened.address}", reason))

    def __iter__(self) -> Iterator[TunnelSocket]:
        return iter(self._sockets)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """What they are bound to."""
        return tuple(opened.address for opened in self._sockets)

    def send(self, path: Path, data: bytes) -> None:
        """Send a datagram, or count why it was not."""
        through = self._by_local.get(path.local)
        if through is None:
            wildcard = "::" if ":" in path.local.host else "0.0.0.0"
            through = self._by_local.get(Address(wildcard, path.local.port))
            if through is None:
                self._drops.add("no socket for the path")
                return
        try:
            through.send(path, data)
        except BlockingIOError:
            self._drops.add("send buffer full")
        except (OSError, ValueError) as error:
            self._drops.add("kernel refused to send")
            self._tell(error)

    def close(self) -> None:
        """Close them all."""
        for opened in self._sockets:
            opened.close()

    def _tell(self, error: OSError | ValueError) -> None:
        """Once for each kind of error: a route that is missing is missing for every packet."""
        number = error.errno if isinstance(error, OSError) else None
        if number == errno.ECONNREFUSED or number in self._failed:
            return
        self._failed.add(number)
        self.degraded.append(Degraded("sending to a peer", str(error)))


def _destination(address: Address) -> tuple[str, int] | tuple[str, int, int, int]:
    host, _, zone = address.host.partition("%")
    if not zone:
        return address
    return host, address.port, 0, int(zone) if zone.isdigit() else socket.if_nametoindex(zone)


def _cannot_listen(listen: Address, error: OSError) -> str:
    reason = os.strerror(error.errno) if error.errno else str(error)
    advice = {
        errno.EADDRINUSE: "another program serves there; stop it or choose another port",
        errno.EADDRNOTAVAIL: "no interface of this host has that address",
        errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
    }.get(error.errno or 0)
    return f"cannot listen on {listen}/udp: {reason}" + (f" ({advice})" if advice else "")
