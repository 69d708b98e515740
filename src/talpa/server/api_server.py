"""The management socket: what a running server is asked and told on its own machine.

A request is one line of JSON, `{"op": "sessions"}`; so is the answer, `{"ok": true, "result":
[...]}` or `{"ok": false, "error": {"what": ..., "hint": ...}}`. Only root and the server's own user
are heard.
"""

import asyncio
import contextlib
import json
import os
import socket
import stat
import struct
from pathlib import Path
from typing import Any, Protocol

from talpa.api.models import Association, ServerStatus, SessionInfo, TunnelInfo, to_json
from talpa.server.config.problems import ConfigError
from talpa.server.failures import sentence
from talpa.server.host import HostError

MAX_LINE = 4096
"""Octets of a request."""
MAX_CONNECTIONS = 32
IDLE_SECONDS = 30.0
"""How long a connection may stay silent, or leave an answer unread."""

_PEERCRED = struct.Struct("iII")


class Management(Protocol):
    """What the socket can ask of the server."""

    def status(self) -> ServerStatus:
        """The server as a whole."""

    def sessions(self) -> list[SessionInfo]:
        """Every session."""

    def tunnels(self) -> list[TunnelInfo]:
        """Every tunnel."""

    def associations(self) -> list[Association]:
        """Every IPsec association."""

    def disconnect(self, target: str) -> list[str]:
        """End the sessions of a user, one session ("12/34"), or a tunnel ("12"); what was ended."""

    def reload(self) -> str:
        """Read the configuration again; what came of it. Raises `ConfigError`, `HostError`,
        `OSError`."""


class Refused(Exception):
    """A request is answered with an error."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class ApiServer:
    """Listens on a Unix socket and answers from a `Management`."""

    def __init__(self, path: Path, management: Management) -> None:
        self.path = path
        self._management = management
        self._server: asyncio.Server | None = None
        self._inode: int | None = None
        self._made_directory = False
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen. Raises `OSError`, also when another server listens there."""
        self._made_directory = not self.path.parent.exists()
        self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        _remove_stale(self.path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            _bind_private(listener, self.path)
            self._inode = self.path.stat().st_ino
            self._server = await asyncio.start_unix_server(
                self._connected, sock=listener, limit=MAX_LINE
            )
        except BaseException:
            listener.close()
            raise

    async def stop(self) -> None:
        """End all connections and remove the socket, and its directory if we made that."""
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        # It may be gone (Python 3.13 removes it itself), or be that of a server started later.
        with contextlib.suppress(OSError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
        if self._made_directory:
            with contextlib.suppress(OSError):  # refused while something is in it
                self.path.parent.rmdir()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= MAX_CONNECTIONS and _may_ask(writer):
                await self._converse(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await asyncio.wait_for(reader.readline(), IDLE_SECONDS)
            except ValueError:
                writer.write(_refusal(Refused(f"a request is longer than {MAX_LINE} octets")))
                return
            if not line.endswith(b"\n"):
                return
            writer.write(self._answer(line))
            await asyncio.wait_for(writer.drain(), IDLE_SECONDS)

    def _answer(self, line: bytes) -> bytes:
        try:
            return _encoded({"ok": True, "result": self._result(line)})
        except Refused as refused:
            return _refusal(refused)
        except ConfigError as error:
            return _refusal(Refused(f"the configuration is refused:\n{error}"))
        except (OSError, HostError) as error:
            why = sentence(error) if isinstance(error, OSError) else str(error)
            return _refusal(Refused(f"it came to nothing: {why}"))
        except Exception as error:  # A fault in one answer must not end the server.
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a management request failed", "exception": error}
            )
            return _refusal(Refused(f"the server failed to answer: {error}", "see its log"))

    def _result(self, line: bytes) -> Any:
        match _request(line):
            case {"op": "status"}:
                return to_json(self._management.status())
            case {"op": "sessions"}:
                return to_json(self._management.sessions())
            case {"op": "tunnels"}:
                return to_json(self._management.tunnels())
            case {"op": "associations"}:
                return to_json(self._management.associations())
            case {"op": "disconnect", "target": str(target)} if target:
                return self._disconnect(target)
            case {"op": "reload"}:
                return self._management.reload()
            case {"op": "disconnect"}:
                raise Refused("disconnect needs a target")
            case _:
                raise Refused("the server does not know this request", "is it of this version?")

    def _disconnect(self, target: str) -> list[str]:
        ended = self._management.disconnect(target)
        if not ended:
            raise Refused(
                f"there is no user, session, tunnel, association or link {target}",
                f"see what there is with: talpa {'sas' if target[:3] == 'sa/' else 'sessions'}",
            )
        return ended


def _request(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise Refused("the request is not JSON") from None


def _refusal(refused: Refused) -> bytes:
    return _encoded({"ok": False, "error": {"what": refused.what, "hint": refused.hint}})


def _encoded(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode() + b"\n"


def _may_ask(writer: asyncio.StreamWriter) -> bool:
    """Whether the process at the other end belongs to root or to our own user."""
    connection: socket.socket = writer.get_extra_info("socket")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size)
    _, uid, _ = _PEERCRED.unpack(credentials)
    return uid in _owners()


def _owners() -> tuple[int, ...]:
    return 0, os.geteuid()


def _bind_private(listener: socket.socket, path: Path) -> None:
    """Bind so that nobody else can connect, not even for a moment."""
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
    finally:
        os.umask(before)


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens on. Raises `OSError` for one that is in use, and for
    anything that is not a socket."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} is there and is not a socket: remove it")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)  # noqa: FBT003 - no keyword is possible
            probe.connect(os.fspath(path))
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        path.unlink()
    except BlockingIOError:
        raise OSError(f"another server listens on {path}: stop it first") from None
    else:
        raise OSError(f"another server listens on {path}: stop it first")
