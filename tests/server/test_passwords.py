import stat
from pathlib import Path

import pytest

from talpa.aaa import User
from talpa.server.passwords import FILE, ChangedPasswords
from talpa.wire import Secret

ALICE = User("alice", Secret("old"), expired=True)


def test_a_changed_password_outlives_the_process(tmp_path: Path) -> None:
    first = ChangedPasswords(tmp_path)
    assert first.apply([ALICE]) == (ALICE,)
    first.changed("alice", Secret("new"))
    (alice,) = ChangedPasswords(tmp_path).apply([ALICE])
    assert alice.password == Secret("new")
    assert not alice.expired
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_the_administrator_has_the_last_word(tmp_path: Path) -> None:
    store = ChangedPasswords(tmp_path)
    store.apply([ALICE])
    store.changed("alice", Secret("new"))
    reset = User("alice", Secret("reset by the administrator"))
    assert store.apply([reset]) == (reset,)


def test_nobody_unknown_is_written_down(tmp_path: Path) -> None:
    store = ChangedPasswords(tmp_path)
    store.apply([ALICE])
    store.changed("mallory", Secret("new"))
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"alice": {}}', '{"alice": "x"}', '{"alice": null}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(OSError, match="damaged"):
        ChangedPasswords(tmp_path).apply([ALICE])
