"""Sockets for ESP and AH as IP protocols 50 and 51."""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address

from talpa.dataplane.packets import IPV4_HEADER
from talpa.dataplane.reference.host_socket import LARGEST, HostSocket
from talpa.esp.sa import Protocol
from talpa.sansio import Address, Path


class RawSocket(HostSocket):
    """One of them. Ports in its paths are 0.

    Over IPv4 the kernel hands over the IP header as well. It is taken off, but for AH, which covers
    it: those packets are sent with their header, too.
    """

    __slots__ = ("protocol",)

    def __init__(self, host: str, protocol: Protocol) -> None:
        """Raises `OSError` that names the host; `PermissionError` without CAP_NET_RAW."""
        self.protocol = protocol
        super().__init__(Address(host, 0), socket.SOCK_RAW, protocol, f"{host}, {protocol.name}")

    def _prepare(self) -> None:
        super()._prepare()
        if self.protocol is Protocol.AH and not self.inet6:
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)

    def _port(self) -> int:
        return 0

    def _reader(self) -> Callable[[], tuple[Path, bytes]]:
        return self._read6 if self.inet6 else self._read4

    def _read4(self) -> tuple[Path, bytes]:
        packet = self._socket.recv(LARGEST)
        ends = packet[12:IPV4_HEADER]
        path = self._paths.get(ends)
        if path is None:
            remote, local = IPv4Address(ends[:4]), IPv4Address(ends[4:])
            path = self._keep(ends, Path(Address(str(local), 0), Address(str(remote), 0)))
        if self.protocol is Protocol.ESP:
            packet = packet[(packet[0] & 0x0F) * 4 :]
        return path, packet

    def _read6(self) -> tuple[Path, bytes]:
        # What the socket calls the port is the protocol number, or 0.
        path, packet = super()._reader()()
        if path.remote.port:
            path = Path(path.local, Address(path.remote.host, 0))
        return path, packet

    def send(self, path: Path, data: bytes) -> None:
        """Send a packet. Raises `OSError`."""
        # With another port than 0 an IPv6 socket takes it for a protocol number, and refuses.
        super().send(Path(path.local, Address(path.remote.host, 0)), data)
