"""The key log: Wireshark's tables, which nobody else can read, and which grow."""

import os
from pathlib import Path

from talpa.ike.events import KeysMade
from talpa.roles.notices import Notice
from talpa.server.key_log import KeyLog


def test_a_key_is_never_shown() -> None:
    assert "secret" not in repr(KeysMade("esp_sa", "secret"))


def test_a_file_for_each_table_for_the_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "keys"
    told: list[Notice] = []
    before = os.umask(0)
    try:
        log = KeyLog(directory, told.append)
        log.write(KeysMade("esp_sa", "one"))
        log.write(KeysMade("ikev2_decryption_table", "two"))
        log.write(KeysMade("esp_sa", "three"))
        log.close()
    finally:
        os.umask(before)
    assert directory.stat().st_mode & 0o777 == 0o700
    files = {file.name: file for file in directory.iterdir()}
    assert set(files) == {"esp_sa", "ikev2_decryption_table"}
    assert {file.stat().st_mode & 0o777 for file in files.values()} == {0o600}
    header, *lines = files["esp_sa"].read_text().splitlines()
    assert header.startswith("# ")
    assert lines == ["one", "three"]
    assert told == []


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    told: list[Notice] = []
    (tmp_path / "esp_sa").touch(0o644)
    for line in ("one", "two"):
        log = KeyLog(tmp_path, told.append)
        log.write(KeysMade("esp_sa", line))
        log.close()
    assert (tmp_path / "esp_sa").stat().st_mode & 0o777 == 0o600
    text = (tmp_path / "esp_sa").read_text()
    assert text.count("#") == 1
    assert text.splitlines()[1:] == ["one", "two"]


def test_what_cannot_be_written_is_said_once_and_ends_nobody(tmp_path: Path) -> None:
    """Here a link of somebody else's, which is not followed."""
    told: list[Notice] = []
    target = tmp_path / "target"
    target.write_text("")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "esp_sa").symlink_to(target)
    log = KeyLog(tmp_path / "keys", told.append)
    log.write(KeysMade("esp_sa", "secret"))
    log.write(KeysMade("esp_sa", "secret"))
    log.close()
    assert target.read_text() == ""
    (said,) = told
    assert (said.name, said.level) == ("key-log", "error")
    assert f"no more keys go to {tmp_path}/keys: " in said.message
    assert "secret" not in said.message


def test_what_is_no_plain_file_of_ours_gets_no_keys(tmp_path: Path) -> None:
    told: list[Notice] = []
    os.mkfifo(tmp_path / "esp_sa")
    log = KeyLog(tmp_path, told.append)
    log.write(KeysMade("esp_sa", "secret"))
    log.close()
    assert [notice.level for notice in told] == ["error"]
