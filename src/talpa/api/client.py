"""The blocking client of the management socket."""

import json
import os
import socket
from pathlib import Path
from typing import Any, TypeVar

from talpa.api.models import Association, ServerStatus, SessionInfo, TunnelInfo, from_json

T = TypeVar("T")

DEFAULT_SOCKET = Path("/run/talpa/talpa.sock")
TIMEOUT = 10.0
"""Seconds that an answer may take."""
_MOST = 256 << 20
"""Octets of an answer; far more than the sessions of a full server need."""


class ApiError(Exception):
    """A request came to nothing. `str` says why, `hint` what to do."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


class ApiClient:
    """Asks a running server, one connection for each request. Every method raises `ApiError`."""

    def __init__(self, path: Path = DEFAULT_SOCKET, timeout: float = TIMEOUT) -> None:
        self.path = path
        self._timeout = timeout

    def status(self) -> ServerStatus:
        """The server as a whole."""
        return self._read(ServerStatus, self.request("status"))

    def sessions(self) -> list[SessionInfo]:
        """Every session, oldest first."""
        return [self._read(SessionInfo, item) for item in self._list("sessions")]

    def tunnels(self) -> list[TunnelInfo]:
        """Every tunnel, oldest first."""
        return [self._read(TunnelInfo, item) for item in self._list("tunnels")]

    def associations(self) -> list[Association]:
        """Every IPsec association, oldest first."""
        return [self._read(Association, item) for item in self._list("associations")]

    def disconnect(self, target: str) -> list[str]:
        """End the sessions of a user, one session ("12/34") or a tunnel ("12"); what was ended."""
        return [str(item) for item in self._list("disconnect", target=target)]

    def reload(self) -> str:
        """Have the configuration read again; what the server says of it."""
        return str(self.request("reload"))

    def request(self, op: str, **arguments: str) -> Any:
        """One request and the result in its answer, as plain JSON values."""
        line = json.dumps({"op": op, **arguments}).encode() + b"\n"
        try:
            answer = json.loads(self._exchange(line))
        except OSError as error:
            raise self._unreachable(error) from None
        except ValueError:
            raise self._strange() from None
        if not isinstance(answer, dict):
            raise self._strange()
        if answer.get("ok") is not True:
            error_ = answer.get("error")
            if not isinstance(error_, dict):
                raise self._strange()
            raise ApiError(str(error_.get("what", "refused")), str(error_.get("hint", "")))
        return answer.get("result")

    def _exchange(self, line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(self._timeout)
            connection.connect(os.fspath(self.path))
            connection.sendall(line)
            received = bytearray()
            while not received.endswith(b"\n"):
                chunk = connection.recv(1 << 18)
                received += chunk
                if not chunk or len(received) > _MOST:
                    break
        return bytes(received)

    def _list(self, op: str, **arguments: str) -> list[Any]:
        result = self.request(op, **arguments)
        if not isinstance(result, list):
            raise self._strange()
        return result

    def _read(self, kind: type[T], item: object) -> T:
        try:
            return from_json(kind, item)
        except ValueError:
            raise self._strange() from None

    def _unreachable(self, error: OSError) -> ApiError:
        match error:
            case FileNotFoundError() | ConnectionRefusedError() | NotADirectoryError():
                return ApiError(
                    f"no server answers on {self.path}",
                    "start one with: talpa serve; or name its socket with --socket or TALPA_SOCKET",
                )
            case PermissionError():
                return ApiError(
                    f"this user may not talk to the server on {self.path}",
                    "run it as root, or as the user who runs the server",
                )
            case TimeoutError():
                return ApiError(
                    f"the server on {self.path} did not answer within {self._timeout:g} s",
                    "it is busy, or hangs: see its log",
                )
            case _:
                return ApiError(f"talking to the server on {self.path} failed: {error.strerror}")

    def _strange(self) -> ApiError:
        return ApiError(
            f"the answer from {self.path} is not that of a Talpa server",
            "is it the right socket, and of the same version?",
        )
