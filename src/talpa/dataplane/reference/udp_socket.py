"""UDP sockets: for L2TP in the clear, for IKE, for IKE and ESP together."""

import socket
from enum import Enum

from talpa.dataplane.reference.host_socket import HostSocket
from talpa.sansio import Address


class Kind(Enum):
    """What comes to a UDP socket."""

    L2TP = "l2tp"
    IKE = "ike"
    NATT = "natt"
    """IKE behind the non-ESP marker, and ESP (RFC 3948)."""


class UdpSocket(HostSocket):
    """One UDP socket."""

    __slots__ = ("kind",)

    def __init__(self, listen: Address, kind: Kind) -> None:
        """Raises `OSError` that names the address."""
        super().__init__(listen, socket.SOCK_DGRAM, 0, f"{listen}/udp")
        self.kind = kind

    def _prepare(self) -> None:
        super()._prepare()
        if self.inet6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
