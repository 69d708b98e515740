"""All sockets of the plane, and which one a path leaves through."""

import errno
from collections.abc import Iterator

from talpa.dataplane.interface import Config, Degraded
from talpa.dataplane.reference.host_socket import HostSocket
from talpa.dataplane.reference.raw_socket import RawSocket
from talpa.dataplane.reference.udp_socket import Kind, UdpSocket
from talpa.esp.sa import Protocol
from talpa.sansio import Address, Drops, Path

_MARKER = bytes(4)
"""Before IKE where ESP is at home as well (RFC 3948 2.2)."""


class Sockets:
    """Opened together, closed together."""

    __slots__ = ("_by_host", "_by_local", "_drops", "_failed", "degraded", "raw", "udp")

    def __init__(self, config: Config, drops: Drops) -> None:
        """Raises `OSError` with nothing left behind."""
        self._drops = drops
        self._failed: set[int | None] = set()
        self.degraded: list[Degraded] = []
        """What the kernel refused, until the owner takes it."""
        self.udp: list[UdpSocket] = []
        self.raw: list[RawSocket] = []
        try:
            self._open(config)
        except OSError:
            self.close()
            raise
        self._by_local = {each.address: each for each in self.udp}
        self._by_host = {(each.address.host, int(each.protocol)): each for each in self.raw}
        for each in (*self.udp, *self.raw):
            granted = each.enlarge(config.receive_buffer)
            if granted < config.receive_buffer:
                reason = f"asked for {config.receive_buffer} octets, granted {granted}"
                name = each.address if isinstance(each, UdpSocket) else each
                self.degraded.append(Degraded(f"receive buffer of {name}", reason))

    def _open(self, config: Config) -> None:
        for kind, listens in (
            (Kind.L2TP, config.listens),
            (Kind.IKE, config.ike),
            (Kind.NATT, config.natt),
        ):
            for each in listens:
                try:
                    self.udp.append(UdpSocket(each, kind))
                except OSError as error:
                    # Nothing would be answered there.
                    if kind is not Kind.L2TP or config.accept_clear:
                        raise
                    what = "counting what comes in the clear"
                    self.degraded.append(Degraded(what, error.strerror or str(error)))
        try:
            for host in config.raw_esp:
                for protocol in Protocol:
                    self.raw.append(RawSocket(host, protocol))
        except PermissionError as error:
            self.degraded.append(Degraded("ESP without UDP encapsulation", str(error)))

    def addresses(self, kind: Kind) -> tuple[Address, ...]:
        """What those of one kind are bound to."""
        return tuple(each.address for each in self.udp if each.kind is kind)

    def __iter__(self) -> Iterator[UdpSocket | RawSocket]:
        yield from self.udp
        yield from self.raw

    def send(self, path: Path, data: bytes) -> None:
        """Send a datagram, or count why it was not."""
        self._send(self._find(path), path, data)

    def send_ike(self, path: Path, data: bytes) -> None:
        """The same for an IKE message, which has a marker before it where ESP is sent, too."""
        through = self._find(path)
        if through is not None and through.kind is Kind.NATT:
            data = _MARKER + data
        self._send(through, path, data)

    def send_raw(self, path: Path, protocol: int, packet: bytes) -> None:
        """The same for a packet of IP protocol 50 or 51."""
        host = path.local.host
        through = self._by_host.get((host, protocol))
        if through is None:
            through = self._by_host.get((_wildcard(host), protocol))
        self._send(through, path, packet)

    def close(self) -> None:
        """Close them all."""
        for each in self:
            each.close()

    def _find(self, path: Path) -> UdpSocket | None:
        through = self._by_local.get(path.local)
        if through is None:
            local = Address(_wildcard(path.local.host), path.local.port)
            through = self._by_local.get(local)
        return through

    def _send(self, through: HostSocket | None, path: Path, data: bytes) -> None:
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

    def _tell(self, error: OSError | ValueError) -> None:
        """Once for each kind of error: a route that is missing is missing for every packet."""
        number = error.errno if isinstance(error, OSError) else None
        if number == errno.ECONNREFUSED or number in self._failed:
            return
        self._failed.add(number)
        self.degraded.append(Degraded("sending to a peer", str(error)))


def _wildcard(host: str) -> str:
    return "::" if ":" in host else "0.0.0.0"
