"""An expired password is changed from the client, and the new one outlives the server."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from simnet.link import Link
from simnet.stack import ALICE, ClientEnd, ServerEnd, connect
from talpa.aaa import User
from talpa.ppp.config import Config as PppConfig
from talpa.ppp.config import Credentials
from talpa.roles.client import Stage
from talpa.server.passwords import FILE, ChangedPasswords
from talpa.wire import Secret

EXPIRED = replace(ALICE, expired=True, may_change_password=True)
NEW = Secret("battery staple")


def serve(state: Path, users: Iterable[User] = (EXPIRED,)) -> ServerEnd:
    """A server process's life: its passwords are those of its state directory."""
    store = ChangedPasswords(state)
    server = ServerEnd(1, users=store.apply(users))
    server.directory.password_changed = store.changed
    return server


def call(server: ServerEnd, credentials: Credentials, *, seed: int = 2) -> ClientEnd:
    ppp = PppConfig(credentials=credentials, ask_address=True, name="alice")
    client = ClientEnd(seed, ppp=ppp)
    pair = connect(Link(5), client, server)
    pair.run(60, until=lambda: client.role.stage in (Stage.READY, Stage.CLOSED))
    return client


def test_a_new_password_is_stored_and_good_after_a_restart(tmp_path: Path) -> None:
    changing = Credentials("alice", ALICE.password, new_password=NEW)
    assert call(serve(tmp_path), changing).role.stage is Stage.READY
    later = serve(tmp_path)
    assert call(later, Credentials("alice", NEW)).role.stage is Stage.READY
    refused = call(later, Credentials("alice", ALICE.password), seed=3)
    assert refused.role.stage is Stage.CLOSED
    assert refused.role.refused


def test_whoever_has_no_new_password_is_told_why(tmp_path: Path) -> None:
    server = serve(tmp_path)
    client = call(server, Credentials("alice", ALICE.password))
    assert client.role.stage is Stage.CLOSED
    assert client.role.refused
    assert "expired" in client.role.failure
    (line,) = [n.message for n in server.notices if n.name == "login-failed"]
    assert "the password has expired" in line


def test_a_password_that_cannot_be_stored_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(tmp_path)

    def full(_name: str, _password: Secret) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(server.directory, "password_changed", full)
    client = call(server, Credentials("alice", ALICE.password, new_password=NEW))
    assert client.role.stage is Stage.CLOSED
    assert not (tmp_path / FILE).exists()
    lines = [n.message for n in server.notices if n.name == "login-failed"]
    assert "could not be stored: No space left on device" in lines[-1]
    assert call(serve(tmp_path), Credentials("alice", NEW)).role.stage is Stage.CLOSED


def test_the_new_password_is_in_no_notice(tmp_path: Path) -> None:
    server = serve(tmp_path)
    client = call(server, Credentials("alice", ALICE.password, new_password=NEW))
    for secret in (NEW, ALICE.password):
        text = secret.reveal().decode()
        assert text not in repr(server.notices) + repr(client.notices)
