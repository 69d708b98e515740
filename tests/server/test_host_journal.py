"""The journal, forwarding and name servers, on files of the test's own."""

import json
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from talpa.server.host import Host, HostError, commands, dns
from talpa.server.host.changes import DeviceAddress, DeviceRoute, System
from talpa.server.host.dns import ResolverFile, name_servers
from talpa.server.host.forwarding import Setting, forwarding
from talpa.server.host.journal import Journal, write_atomic
from talpa.server.host.netlink import Netlink

KINDS = {kind.kind: kind for kind in (DeviceAddress, DeviceRoute, Setting, ResolverFile)}
CHANGES = (
    DeviceAddress("talpa0", "10.77.0.1/32"),
    DeviceRoute("10.77.0.0/24", "talpa0"),
    Setting("net/ipv4/ip_forward", "0", "1"),
    ResolverFile("x", ("10.77.0.1",), (), None, None),
)


def test_changes_come_back_from_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path, KINDS)
    journal.record(CHANGES)
    journal.record(CHANGES[:1])
    journal.close()
    journal = Journal(tmp_path, KINDS)
    assert tuple(journal.changes) == CHANGES
    journal.forget(CHANGES[1:])
    assert tuple(journal.changes) == CHANGES[:1]
    journal.forget(CHANGES)
    assert not (tmp_path / "host.json").exists()
    journal.close()


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    host = Host(tmp_path, "one")
    program = "import sys; from pathlib import Path; from talpa.server.host import Host\n"
    program += "Host(Path(sys.argv[1]), 'two')"
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "is in use by process" in done.stderr
    with pytest.raises(HostError, match="Talpa runs already"):
        Host(tmp_path, "one")
    host.teardown()
    Host(tmp_path, "one").teardown()


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '{"version": 2, "changes": []}', '{"version": 1}'),
        *('{"version": 1, "changes": [{"kind": "moon"}]}', '{"version": 1, "changes": [7]}'),
    ],
)
def test_an_unreadable_journal_is_kept_aside_and_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "host.json").write_text(text)
    host = Host(tmp_path)
    (said,) = host.recover()
    assert "host.unreadable" in said
    assert (tmp_path / "host.unreadable").read_text() == text
    host.teardown()


def test_a_state_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="cannot be used"):
        Host(tmp_path / "file" / "state")


def test_an_instance_is_a_word(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        Host(tmp_path, "a; flush ruleset")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"one", 0o640)
    write_atomic(path, b"two", 0o640)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def system(tmp_path: Path) -> System:
    return System(Netlink(), tmp_path)


def test_a_setting_somebody_else_changed_stays(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("0\n")
    setting = Setting("x", "0", "1")
    setting.make(system(tmp_path))
    assert (tmp_path / "x").read_text() == "1"
    (tmp_path / "x").write_text("2")
    setting.undo(system(tmp_path))
    assert (tmp_path / "x").read_text() == "2"


def test_a_setting_that_is_gone_is_fine_and_one_that_is_refused_is_said(tmp_path: Path) -> None:
    Setting("gone/away", "0", "1").undo(system(tmp_path))
    with pytest.raises(HostError, match=r"sysctl -w net\.ipv4\.ip_forward=1"):
        Setting("net/ipv4/ip_forward", "0", "1").make(system(tmp_path))


def test_a_kernel_without_ipv6_needs_no_ipv6_setting(tmp_path: Path) -> None:
    (tmp_path / "net/ipv4").mkdir(parents=True)
    (tmp_path / "net/ipv4/ip_forward").write_text("0\n")
    assert forwarding(tmp_path, ipv4=True, ipv6=True) == [Setting("net/ipv4/ip_forward", "0", "1")]


DNS = [IPv4Address(f"10.77.0.{n}") for n in range(1, 6)]


@pytest.mark.parametrize("before", [None, "", "search x\n", "nameserver ::1\n# \udcff\n"])
def test_the_resolver_s_file_comes_back(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "resolv.conf"
    if before is not None:
        path.write_text(before, "utf-8", "surrogateescape")
        path.chmod(0o640)
    change = name_servers("talpa0", DNS, ["a.example", "b.example"], True, path)
    change.make(system(tmp_path))
    lines = path.read_text().splitlines()
    assert lines[1:] == [
        *(f"nameserver 10.77.0.{n}" for n in (1, 2, 3)),
        "search a.example b.example",
    ]
    assert path.stat().st_mode & 0o777 == 0o644
    change.undo(system(tmp_path))
    assert path.exists() == (before is not None)
    if before is not None:
        assert path.read_text("utf-8", "surrogateescape") == before
        assert path.stat().st_mode & 0o777 == 0o640
    change.undo(system(tmp_path))


def test_a_resolver_s_file_written_since_stays(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    change = name_servers("talpa0", DNS, [], True, path)
    change.make(system(tmp_path))
    path.write_text("nameserver 192.0.2.53\n")
    change.undo(system(tmp_path))
    assert path.read_text() == "nameserver 192.0.2.53\n"


@pytest.mark.parametrize("domain", ["~.", "-x", "a b", "a\nnameserver 192.0.2.66", ""])
def test_a_domain_with_syntax_in_it_is_refused(tmp_path: Path, domain: str) -> None:
    with pytest.raises(ValueError):
        name_servers("talpa0", DNS, [domain], True, tmp_path / "resolv.conf")


def test_name_servers_can_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("search x\n")
    host = Host(tmp_path / "state", resolv_conf=path)
    host._tun = "talpa0"
    host.set_dns(DNS)
    host.set_dns(DNS[1:])
    assert "10.77.0.2" in path.read_text()
    (entry,) = json.loads((tmp_path / "state/host.json").read_text())["changes"]
    assert entry["text_before"] == "search x\n"
    host.set_dns([])
    assert path.read_text() == "search x\n"
    host.teardown()


def test_what_a_program_says_is_in_the_error() -> None:
    with pytest.raises(HostError, match="no-such-program is not installed"):
        commands.run(("no-such-program",), package="x")
    with pytest.raises(HostError, match="sh -c echo sorry >&2; exit 3 failed: sorry"):
        commands.run(("sh", "-c", "echo sorry >&2; exit 3"), package="dash")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for every program of the system: writes down how it was called."""
    fake = tmp_path / "fake"
    fake.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n[ -t 0 ] || cat >> {tmp_path}/calls\n'
    )
    fake.chmod(0o755)
    monkeypatch.setattr(commands, "find", lambda program: str(fake))
    return tmp_path / "calls"


def test_systemd_resolved_is_told_per_link(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "_RESOLVED", tmp_path)
    change = name_servers("talpa0", DNS[:2], ["a.example"], True)
    change.make(system(tmp_path))
    change.undo(system(tmp_path))
    assert programs.read_text().splitlines() == [
        "dns talpa0 10.77.0.1 10.77.0.2",
        "domain talpa0 a.example ~.",
        "revert talpa0",
    ]


def test_resolvconf_gets_a_record(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "_RESOLVED", tmp_path / "not there")
    change = name_servers("talpa0", DNS[:1], ["a.example"], True)
    change.make(system(tmp_path))
    change.undo(system(tmp_path))
    assert programs.read_text().splitlines() == [
        "-a talpa0.talpa",
        "nameserver 10.77.0.1",
        "search a.example",
        "-d talpa0.talpa",
    ]
