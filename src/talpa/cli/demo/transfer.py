"""Bulk data over TCP, run at either end of the demo's tunnel.

`python -m talpa.cli.demo.transfer listen ADDRESS PORT` serves one connection after the other;
`... send ADDRESS PORT SECONDS` and `... fetch ADDRESS PORT SECONDS` move data for so long and
print the octets and seconds as the far end counted them.
"""

import socket
import struct
import sys
import time

CHUNK = bytes(65_536)
_PATIENCE_SECONDS = 10.0


def listen(address: str, port: int) -> None:
    """Take connections for ever: the first octet says who sends, the next eight for how long."""
    with socket.create_server((address, port)) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                mode, seconds = struct.unpack("!cd", _exactly(connection, 9))
                if mode == b"S":
                    count, spent = _drain(connection)
                    connection.sendall(struct.pack("!Qd", count, spent))
                else:
                    _pour(connection, seconds)


def run(mode: str, address: str, port: int, seconds: float) -> tuple[int, float]:
    """Send or fetch for so many seconds; octets that arrived, and the time they took."""
    with _connected(address, port) as connection:
        connection.settimeout(seconds + 20)
        connection.sendall(struct.pack("!cd", b"S" if mode == "send" else b"F", seconds))
        if mode != "send":
            return _drain(connection)
        _pour(connection, seconds)
        connection.shutdown(socket.SHUT_WR)
        count, spent = struct.unpack("!Qd", _exactly(connection, 16))
        return count, spent


def _connected(address: str, port: int) -> socket.socket:
    """A connection, once there is somebody who listens."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return socket.create_connection((address, port), timeout=_PATIENCE_SECONDS)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _pour(connection: socket.socket, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        connection.sendall(CHUNK)


def _drain(connection: socket.socket) -> tuple[int, float]:
    started = time.monotonic()
    count = 0
    while chunk := connection.recv(1 << 18):
        count += len(chunk)
    return count, time.monotonic() - started


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise ConnectionError("the far end closed the connection")
        data += chunk
    return data


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen(sys.argv[2], int(sys.argv[3]))
    else:
        octets, duration = run(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
        sys.stdout.write(f"{octets} {duration}\n")
