"""The TUN device: one for all sessions."""

import errno
import fcntl
import os
import socket
import struct

TUN_PATH = "/dev/net/tun"
READS_AT_ONCE = 64

# Of <linux/if_tun.h> and <linux/sockios.h>.
_TUNSETIFF = 0x400454CA
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_SIOCSIFMTU = 0x8922
_NAME = 16
"""IFNAMSIZ: the name and the zero octet behind it."""
_FLAGS = struct.Struct("16sH22x")
_MTU = struct.Struct("16si20x")
_PACKET = 65_535

_ADVICE = {
    errno.ENOENT: f"there is no {TUN_PATH}: load the kernel module with `modprobe tun`, or give "
    "the container the device",
    errno.ENODEV: "the kernel has no TUN driver: load it with `modprobe tun`",
    errno.EACCES: f"this user may not open {TUN_PATH}: run as root, or give the user the device",
    errno.EPERM: "run as root or with CAP_NET_ADMIN",
    errno.EBUSY: "another program has a device of that name: stop it or choose another name",
    errno.EINVAL: "an interface of that name exists and is no TUN device, or the name or the MTU "
    "is not allowed",
}


class Tun:
    """A TUN device that carries bare IP packets. It lives as long as this object is open."""

    __slots__ = ("_fd", "name")

    def __init__(self, name: str, mtu: int) -> None:
        """Raises `OSError` that says what to do."""
        wanted = name.encode()
        if not wanted or len(wanted) >= _NAME:
            raise OSError(errno.EINVAL, f"TUN device name {name!r}: 1 to {_NAME - 1} octets")
        self._fd = -1
        try:
            self._fd = os.open(TUN_PATH, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            request = _FLAGS.pack(wanted, _IFF_TUN | _IFF_NO_PI)
            given = fcntl.ioctl(self._fd, _TUNSETIFF, request)[:_NAME]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                fcntl.ioctl(any_socket, _SIOCSIFMTU, _MTU.pack(given, mtu))
        except OSError as error:
            self.close()
            reason = _ADVICE.get(error.errno or 0, error.strerror)
            text = f"cannot make the TUN device {name}: {reason}"
            raise OSError(error.errno, text) from error
        self.name = given.rstrip(b"\0").decode()
        """What the kernel made of a name with "%d"."""

    def fileno(self) -> int:
        """For the event loop."""
        return self._fd

    def read(self) -> list[bytes]:
        """The packets that wait, `READS_AT_ONCE` at most; none while the device is down."""
        packets: list[bytes] = []
        try:
            while len(packets) < READS_AT_ONCE:
                packets.append(os.read(self._fd, _PACKET))
        except OSError:
            pass
        return packets

    def write(self, packet: bytes) -> bool:
        """Hand a packet to the kernel; whether it took it."""
        try:
            os.write(self._fd, packet)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close the device, which removes it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
