"""What the sockets of every kind have in common: binding, buffers, the host's own address.

Bound to a wildcard, a socket learns of every packet which of the host's addresses it was sent to,
and sends from the address that the path names.
"""

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

from talpa.sansio import Address, Path

READS_AT_ONCE = 64
"""Packets taken for one call of a reader, so that other sockets have their turn."""
LARGEST = 65_535
ANCILLARY = 64
"""Octets of room for it."""

Take = Callable[[Path, bytes, float], None]

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


class HostSocket:
    """A non-blocking socket on one host address or a wildcard."""

    __slots__ = ("_paths", "_socket", "_what", "address", "inet6", "wildcard")

    def __init__(self, listen: Address, kind: int, protocol: int, what: str) -> None:
        """`what`: for messages to people, "127.0.0.1:1701/udp". Raises `OSError` that names it."""
        try:
            numeric = ipaddress.ip_address(listen.host)
        except ValueError:
            raise OSError(errno.EINVAL, f"{listen} is no numeric address to listen on") from None
        self.inet6 = numeric.version == 6
        self.wildcard = numeric.is_unspecified
        self._what = what
        self._paths: dict[object, Path] = {}
        family = socket.AF_INET6 if self.inet6 else socket.AF_INET
        try:
            self._socket = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
        except OSError as error:
            raise _refused(what, error) from error
        try:
            self._prepare()
            self._socket.bind(destination(listen))
        except OSError as error:
            self._socket.close()
            raise _refused(what, error) from error
        self.address = Address(listen.host, self._port())

    def fileno(self) -> int:
        """For the event loop."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def __str__(self) -> str:
        return self._what

    def enlarge(self, octets: int) -> int:
        """Ask for a receive buffer; what the kernel granted, in octets."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
        # The kernel doubles the figure for its own bookkeeping.
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2

    def receive(self, take: Take, now: float) -> None:
        """Hand the waiting packets to `take`, `READS_AT_ONCE` at most."""
        read = self._reader()
        for _ in range(READS_AT_ONCE):
            try:
                path, packet = read()
            except BlockingIOError:
                return
            except OSError:
                # An ICMP error about something sent before: the peer's timers deal with it.
                continue
            take(path, packet, now)

    def send(self, path: Path, data: bytes) -> None:
        """Send a packet. Raises `OSError`."""
        remote = destination(path.remote) if self.inet6 else path.remote
        if self.wildcard:
            self._socket.sendmsg((data,), self._from(path.local.host), 0, remote)
        else:
            self._socket.sendto(data, remote)

    def _port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    def _reader(self) -> Callable[[], tuple[Path, bytes]]:
        """What reads one packet."""
        return self._read_asked if self.wildcard else self._read

    def _prepare(self) -> None:
        # The outer packet may be fragmented: a tunnel that carries nothing is worse.
        if self.inet6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_DONT)
            if self.wildcard:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DONT)
            if self.wildcard:
                self._socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)

    def _read(self) -> tuple[Path, bytes]:
        packet, sender = self._socket.recvfrom(LARGEST)
        path = self._paths.get(sender)
        return path or self._learn(sender, self.address, sender), packet

    def _read_asked(self) -> tuple[Path, bytes]:
        packet, ancillary, _, sender = self._socket.recvmsg(LARGEST, ANCILLARY)
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
        return path, packet

    def _learn(self, key: object, local: Address, sender: Any) -> Path:
        host = sender[0]
        if self.inet6 and sender[3]:
            # A link-local address is one only together with its interface.
            host = f"{host.partition('%')[0]}%{sender[3]}"
        return self._keep(key, Path(local, Address(host, sender[1])))

    def _keep(self, key: object, path: Path) -> Path:
        if len(self._paths) >= _KNOWN_PATHS:
            self._paths.clear()
        self._paths[key] = path
        return path

    def _from(self, host: str) -> list[tuple[int, int, bytes]]:
        source = ipaddress.ip_address(host.partition("%")[0])
        if source.is_unspecified:
            return []
        if self.inet6:
            info = _PKTINFO6.pack(source.packed, 0)
            return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info)]
        return [(socket.IPPROTO_IP, _IP_PKTINFO, _PKTINFO4.pack(0, source.packed, bytes(4)))]


def destination(address: Address) -> tuple[str, int] | tuple[str, int, int, int]:
    """As the socket module takes it."""
    host, _, zone = address.host.partition("%")
    if not zone:
        return address
    return host, address.port, 0, int(zone) if zone.isdigit() else socket.if_nametoindex(zone)


def _refused(what: str, error: OSError) -> OSError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    advice = {
        errno.EADDRINUSE: "another program serves there; stop it or choose another port",
        errno.EADDRNOTAVAIL: "no interface of this host has that address",
        errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
        errno.EPERM: "IP protocols of its own need root or CAP_NET_RAW",
    }.get(error.errno or 0)
    return OSError(
        error.errno, f"cannot listen on {what}: {reason}" + (f" ({advice})" if advice else "")
    )
