"""What goes over the demo's wire, read as it passes and told as a ladder."""

import contextlib
import ctypes
import socket
import struct
import threading
from collections.abc import Callable

from talpa.cli.demo.world import CLIENT_ADDRESS, WIRE
from talpa.explain import Dissection, Ladder, Rung, dissect_l2tp

_ETH_P_ALL = 3
_SO_TIMESTAMPNS = 35
_SO_ATTACH_FILTER = 26
_TIMESPEC = struct.Struct("@ll")
_MOST = 65_535
_SETTLED_SECONDS = 0.15

_Instruction = tuple[int, int, int, int]
_LD_B, _LD_H, _LDX_HEADER, _IND_B, _IND_H = 0x30, 0x28, 0xB1, 0x50, 0x48
_JEQ, _JSET, _RET = 0x15, 0x45, 0x06
_ACCEPT, _DROP = (_RET, 0, 0, _MOST), (_RET, 0, 0, 0)

L2TP: tuple[_Instruction, ...] = (
    (_LD_B, 0, 0, 9),
    (_JEQ, 0, 7, 17),  # UDP, else drop
    (_LD_H, 0, 0, 6),
    (_JSET, 5, 0, 0x1FFF),  # no later fragment
    (_LDX_HEADER, 0, 0, 0),
    (_IND_H, 0, 0, 0),
    (_JEQ, 3, 0, 1701),  # from
    (_IND_H, 0, 0, 2),
    (_JEQ, 1, 0, 1701),  # or to the port of L2TP
    _DROP,
    _ACCEPT,
)
"""A program for the kernel's packet filter, over IPv4 packets: what is L2TP."""

SIGNALLING: tuple[_Instruction, ...] = (
    *L2TP[:-1],
    (_IND_B, 0, 0, 8),
    (_JSET, 5, 0, 0x80),  # a control message
    (_IND_H, 0, 0, 14),
    (_JEQ, 0, 3, 0xFF03),
    (_IND_H, 0, 0, 16),
    (_JEQ, 2, 0, 0x0021),  # neither IPv4
    (_JEQ, 1, 0, 0x0057),  # nor IPv6
    _ACCEPT,
    _DROP,
)
"""The same without user traffic, which would come too fast to be told."""


class Wire:
    """Reads the wire in a thread of its own, for the time of a `with` block."""

    def __init__(self, show: Callable[[Rung], None]) -> None:
        self.ladder = Ladder("client", "server")
        self.agreed: dict[str, str] = {}
        """What the server agreed to: the client's options, by their names in the RFCs."""
        self._show = show
        self._over = threading.Event()
        self._silent = threading.Event()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._thread = threading.Thread(target=self._read, name="wire", daemon=True)

    def __enter__(self) -> "Wire":
        self.listen_for(L2TP)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.settimeout(_SETTLED_SECONDS)
        self._socket.bind((WIRE, _ETH_P_ALL))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(1)
        self._socket.close()

    def listen_for(self, program: tuple[_Instruction, ...]) -> None:
        """Have the kernel pass on only this."""
        code = b"".join(struct.pack("@HBBI", *instruction) for instruction in program)
        buffer = ctypes.create_string_buffer(code)
        self._socket.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("@HP", len(program), ctypes.addressof(buffer)),
        )

    def settle(self) -> None:
        """Wait until nothing has passed for a moment."""
        self._silent.clear()
        self._silent.wait(2)

    def _read(self) -> None:
        while not self._over.is_set():
            try:
                packet, extra, _, _ = self._socket.recvmsg(_MOST, 64)
            except TimeoutError:
                self._silent.set()
                continue
            self._silent.clear()
            seconds, nanoseconds = _TIMESPEC.unpack(extra[0][2])
            self._tell(seconds + nanoseconds / 1e9, packet)

    def _tell(self, time: float, packet: bytes) -> None:
        start = (packet[0] & 0x0F) * 4 + 8
        to_server = packet[12:16] == socket.inet_aton(CLIENT_ADDRESS)
        message = dissect_l2tp(packet[start:])
        if message.message == "Configure-Ack" and not to_server:
            self._note(message)
        rung = self.ladder.rung(time, message, to_right=to_server)
        if rung is not None:
            with contextlib.suppress(OSError):  # nobody reads any more
                self._show(rung)

    def _note(self, message: Dissection) -> None:
        self.agreed |= {field.name: field.value for field in message.layers[-1].fields}
