"""The management socket, from the client's request to the server's answer."""

import asyncio
import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from management.canned import SESSION, STATUS, TUNNEL, CannedManagement, running_server
from talpa.api import PoolUsage, ServerStatus, SessionInfo, TunnelInfo
from talpa.api.client import ApiClient, ApiError
from talpa.api.models import from_json, to_json
from talpa.server import api_server
from talpa.server.api_server import ApiServer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "talpa.sock"


@pytest.fixture
def management(path: Path) -> Iterator[CannedManagement]:
    canned = CannedManagement()
    with running_server(path, canned):
        yield canned


def raw(path: Path, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.usefixtures("management")
def test_what_the_server_says_arrives_unchanged(path: Path) -> None:
    client = ApiClient(path)
    assert client.status() == STATUS
    assert client.sessions() == [SESSION]
    assert client.tunnels() == [TUNNEL]


def test_ten_thousand_sessions_fit(path: Path, management: CannedManagement) -> None:
    management.found = [replace(SESSION, id=f"1/{number}") for number in range(10_000)]
    assert ApiClient(path).sessions() == management.found


def test_disconnect_says_what_was_ended(path: Path, management: CannedManagement) -> None:
    assert ApiClient(path).disconnect("alice") == ["alice 12/34"]
    with pytest.raises(ApiError, match="association or link bob") as caught:
        ApiClient(path).disconnect("bob")
    assert "talpa sessions" in caught.value.hint
    with pytest.raises(ApiError) as caught:
        ApiClient(path).disconnect("sa/7")
    assert "talpa sas" in caught.value.hint
    assert management.targets == ["alice", "bob", "sa/7"]


def test_reload_tells_what_is_wrong(path: Path, management: CannedManagement) -> None:
    assert ApiClient(path).reload() == "configuration read again"
    management.config_broken = True
    with pytest.raises(ApiError, match=r"talpa\.toml:3: user\[1\]\.name: is missing"):
        ApiClient(path).reload()


def test_a_fault_of_the_server_ends_neither_it_nor_the_client(
    path: Path, management: CannedManagement
) -> None:
    management.fault = RuntimeError("something broke")
    with pytest.raises(ApiError, match="something broke"):
        ApiClient(path).status()
    management.fault = None
    assert ApiClient(path).status() == STATUS


@pytest.mark.usefixtures("management")
@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        (b"not json\n", "not JSON"),
        (b"[" * 3000 + b"\n", "not JSON"),
        (b"[]\n", "does not know"),
        (b'{"op": "format disk"}\n', "does not know"),
        (b'{"op": "disconnect"}\n', "needs a target"),
        (b'{"op": "disconnect", "target": 7}\n', "needs a target"),
        (b'{"op": "' + b"x" * 10_000 + b'"}\n', "longer than 4096 octets"),
    ],
)
def test_strange_requests_get_an_error(path: Path, request_line: bytes, expected: str) -> None:
    answer = json.loads(raw(path, request_line))
    assert answer["ok"] is False
    assert expected in answer["error"]["what"]
    assert ApiClient(path).status() == STATUS


@pytest.mark.usefixtures("management")
def test_many_requests_on_one_connection(path: Path) -> None:
    answers = raw(path, b'{"op": "sessions"}\n' * 3 + b'{"op": "sess').splitlines()
    assert [json.loads(answer)["ok"] for answer in answers] == [True] * 3


@pytest.mark.usefixtures("management")
def test_the_socket_is_its_owners_alone(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_ISSOCK(path.stat().st_mode)


def test_a_stranger_is_not_heard(
    path: Path, management: CannedManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "_owners", lambda: (os.geteuid() + 1,))
    with pytest.raises(ApiError):
        ApiClient(path).disconnect("alice")
    assert management.targets == []


def test_connections_are_bounded(
    path: Path, management: CannedManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "MAX_CONNECTIONS", 1)
    with socket.socket(socket.AF_UNIX) as first:
        first.connect(str(path))
        first.sendall(b'{"op": "status"}\n')
        assert first.recv(1)
        with pytest.raises(ApiError):
            ApiClient(path).status()
    assert management.targets == []


def test_silent_connections_are_let_go(
    path: Path, management: CannedManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "IDLE_SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        assert connection.recv(1) == b""
    assert management.targets == []


def test_the_socket_goes_with_the_server(path: Path) -> None:
    with running_server(path, CannedManagement()):
        assert path.exists()
    assert not path.exists()


def test_a_directory_made_for_the_socket_goes_with_it(path: Path) -> None:
    with running_server(path, CannedManagement()):
        assert path.parent.is_dir()
    assert not path.parent.exists()


def test_a_directory_with_something_else_in_it_stays(path: Path) -> None:
    with running_server(path, CannedManagement()):
        (path.parent / "other").touch()
    assert [file.name for file in path.parent.iterdir()] == ["other"]


def test_a_directory_that_was_there_stays(path: Path) -> None:
    path.parent.mkdir()
    with running_server(path, CannedManagement()):
        pass
    assert path.parent.is_dir()


def test_a_socket_left_by_a_crash_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(str(path))
    with running_server(path, CannedManagement()):
        assert ApiClient(path).status() == STATUS


@pytest.mark.usefixtures("management")
def test_a_socket_in_use_is_left_alone(path: Path) -> None:
    with pytest.raises(OSError, match="another server listens"):
        asyncio.run(ApiServer(path, CannedManagement()).start())
    assert ApiClient(path).status() == STATUS


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(OSError, match="is not a socket"):
        asyncio.run(ApiServer(path, CannedManagement()).start())
    assert path.read_text() == "precious"


def test_no_server_is_said_with_what_to_do(path: Path) -> None:
    with pytest.raises(ApiError, match=f"no server answers on {path}") as caught:
        ApiClient(path).status()
    assert "talpa serve" in caught.value.hint


def answering(path: Path, answer: bytes) -> Callable[[], None]:
    """Something else that listens there, and answers once."""
    path.parent.mkdir()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, listener:
            connection.recv(4096)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread.join


@pytest.mark.parametrize(
    "answer",
    [b"", b"hello\n", b"[]\n", b"{}\n", b'{"ok": true, "result": {}}\n', b'{"ok": false}\n'],
)
def test_an_answer_of_something_else_is_named_so(path: Path, answer: bytes) -> None:
    join = answering(path, answer)
    with pytest.raises(ApiError, match="not that of a Talpa server"):
        ApiClient(path).sessions()
    join()


def test_a_server_that_hangs_is_not_waited_for(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(ApiError, match=r"did not answer within 0\.05 s"):
            ApiClient(path, timeout=0.05).status()


def test_a_newer_server_may_say_more() -> None:
    data = to_json(SESSION)
    data["colour"] = "blue"
    assert from_json(SessionInfo, data) == SESSION


def test_an_answer_without_what_is_needed_is_refused() -> None:
    with pytest.raises(ValueError, match="SessionInfo"):
        from_json(SessionInfo, {"id": "1/2"})
    with pytest.raises(ValueError, match="TunnelInfo"):
        from_json(TunnelInfo, 7)


COUNTS = st.integers(0, 2**63)
POOLS = st.builds(PoolUsage, name=st.text(), ipv4_used=COUNTS, ipv4_size=COUNTS)


@given(
    st.builds(
        ServerStatus,
        name=st.text(),
        version=st.text(),
        plane=st.text(),
        listens=st.lists(st.text()).map(tuple),
        counters=st.dictionaries(st.text(), COUNTS),
        drops=st.dictionaries(st.text(), COUNTS),
        pools=st.lists(POOLS).map(tuple),
        since=st.floats(0, 1e12),
        uptime_seconds=st.floats(0, 1e12),
    )
)
@settings(max_examples=50, deadline=None)
def test_models_survive_json(status: ServerStatus) -> None:
    assert from_json(ServerStatus, json.loads(json.dumps(to_json(status)))) == status
