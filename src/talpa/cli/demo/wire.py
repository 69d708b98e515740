"""What goes over the demo's wire, read as it passes, opened with the server's key log and told as a
ladder."""

import contextlib
import ctypes
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from talpa.cli.demo.world import CLIENT_ADDRESS, WIRE
from talpa.explain import Dissection, Ladder, Rung, SecurityKeys, dissect_esp, dissect_ike

_ETH_P_ALL = 3
_SO_TIMESTAMPNS = 35
_SO_ATTACH_FILTER = 26
_TIMESPEC = struct.Struct("@ll")
_MOST = 65_535
_SETTLED_SECONDS = 0.15
_KEYS_SECONDS = 0.05
_ESP = 50

_Instruction = tuple[int, int, int, int]
_LD_B, _LD_H, _LDX_HEADER, _IND_H = 0x30, 0x28, 0xB1, 0x48
_JEQ, _JSET, _RET = 0x15, 0x45, 0x06
_ACCEPT, _DROP = (_RET, 0, 0, _MOST), (_RET, 0, 0, 0)

_TO_PORT_500: tuple[_Instruction, ...] = (
    (_JEQ, 0, 7, 17),  # UDP, else drop
    (_LD_H, 0, 0, 6),
    (_JSET, 5, 0, 0x1FFF),  # no later fragment
    (_LDX_HEADER, 0, 0, 0),
    (_IND_H, 0, 0, 0),
    (_JEQ, 3, 0, 500),  # from
    (_IND_H, 0, 0, 2),
    (_JEQ, 1, 0, 500),  # or to the port of IKE
    _DROP,
    _ACCEPT,
)
KEYS: tuple[_Instruction, ...] = ((_LD_B, 0, 0, 9), *_TO_PORT_500)
"""A program for the kernel's packet filter, over IPv4 packets: what is IKE. User traffic would come
too fast to be told."""

EVERYTHING: tuple[_Instruction, ...] = (
    (_LD_B, 0, 0, 9),
    (_JEQ, len(_TO_PORT_500) - 1, 0, _ESP),
    *_TO_PORT_500,
)
"""The same, and ESP."""


class Wire:
    """Reads the wire in a thread of its own, for the time of a `with` block."""

    def __init__(self, show: Callable[[Rung], None], key_log: Path) -> None:
        """`key_log`: the directory that the server writes its keys to."""
        self.ladder = Ladder("client", "server")
        self.agreed: dict[str, str] = {}
        """What the server agreed to: the client's options, by their names in the RFCs."""
        self.ping: Dissection | None = None
        """The latest packet of the user's."""
        self._key_log = _KeyLog(key_log)
        self._show = show
        self._over = threading.Event()
        self._silent = threading.Event()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._thread = threading.Thread(target=self._read, name="wire", daemon=True)

    def __enter__(self) -> "Wire":
        self.listen_for(EVERYTHING)
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
            stamp = seconds + nanoseconds / 1e9
            # The server writes a key down when it reads the message that needs it.
            self._over.wait(stamp + _KEYS_SECONDS - time.time())
            self._tell(stamp, packet)

    def _tell(self, stamp: float, packet: bytes) -> None:
        inner = (packet[0] & 0x0F) * 4
        to_server = packet[12:16] == socket.inet_aton(CLIENT_ADDRESS)
        keys = self._key_log.read()
        if packet[9] == _ESP:
            message = dissect_esp(packet[inner:], keys)
        else:
            message = dissect_ike(packet[inner + 8 :], keys)
        if message.traffic:
            self.ping = message
        if message.message == "Configure-Ack" and not to_server:
            self._note(message)
        rung = self.ladder.rung(stamp, message, to_right=to_server)
        if rung is not None:
            with contextlib.suppress(OSError):  # nobody reads any more
                self._show(rung)

    def _note(self, message: Dissection) -> None:
        self.agreed |= {field.name: field.value for field in message.layers[-1].fields}


class _KeyLog:
    """The keys that the server has written down so far."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[Path, int] = {}
        self._keys = SecurityKeys()

    def read(self) -> SecurityKeys:
        """With what has been written since the last time."""
        for table in self._directory.glob("*"):
            at = self._read.get(table, 0)
            if table.stat().st_size > at:
                whole = table.read_bytes()[at:].rpartition(b"\n")[0]
                self._read[table] = at + len(whole) + 1
                for line in whole.decode().splitlines():
                    self._keys.add(table.name, line)
        return self._keys
