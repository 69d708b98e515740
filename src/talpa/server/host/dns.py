"""Name servers of a client: by systemd-resolved, by resolvconf, or in the resolver's own file."""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import ClassVar

from talpa.server.host import commands
from talpa.server.host.changes import Change, System
from talpa.server.host.errors import HostError
from talpa.server.host.journal import write_atomic

RESOLV_CONF = Path("/etc/resolv.conf")
_RESOLVED = Path("/run/systemd/resolve")
_MARK = "# Written by Talpa; the file from before comes back when it disconnects.\n"
_MOST_READ = 1 << 16
_MOST_SERVERS = 3
"""What the C library's resolver reads (resolv.conf(5))."""
_DOMAIN = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")


@dataclass(frozen=True, slots=True)
class ResolvedLink:
    """The name servers of a device, told to systemd-resolved."""

    kind: ClassVar[str] = "resolved"
    device: str
    servers: tuple[str, ...]
    search: tuple[str, ...]
    everything: bool
    """All names are asked of these servers, not only those in the search domains."""

    def make(self, system: System) -> None:  # noqa: ARG002
        """Set servers and domains of the link."""
        domains = (*self.search, *(("~.",) if self.everything else ()))
        commands.run(("resolvectl", "dns", self.device, *self.servers), package="systemd-resolved")
        commands.run(
            ("resolvectl", "domain", self.device, *(domains or ("",))), package="systemd-resolved"
        )

    def undo(self, system: System) -> None:  # noqa: ARG002
        """Forget them; resolved does so itself when the device goes."""
        with contextlib.suppress(HostError):
            commands.run(("resolvectl", "revert", self.device), package="systemd-resolved")

    def __str__(self) -> str:
        return f"name servers of {self.device} in systemd-resolved"


@dataclass(frozen=True, slots=True)
class ResolvconfRecord:
    """A record of the resolvconf program."""

    kind: ClassVar[str] = "resolvconf"
    device: str
    servers: tuple[str, ...]
    search: tuple[str, ...]

    @property
    def name(self) -> str:
        """The record's name: device and program, as resolvconf wants it."""
        return f"{self.device}.talpa"

    def make(self, system: System) -> None:  # noqa: ARG002
        """Add the record."""
        text = _resolv_conf(self.servers, self.search)
        commands.run(("resolvconf", "-a", self.name), text, package="resolvconf")

    def undo(self, system: System) -> None:  # noqa: ARG002
        """Delete the record."""
        if commands.find("resolvconf") is not None:
            commands.run(("resolvconf", "-d", self.name), package="resolvconf")

    def __str__(self) -> str:
        return f"resolvconf record {self.name}"


@dataclass(frozen=True, slots=True)
class ResolverFile:
    """The resolver's file, and what stood there before."""

    kind: ClassVar[str] = "resolv.conf"
    path: str
    servers: tuple[str, ...]
    search: tuple[str, ...]
    text_before: str | None
    """None: there was no file."""
    link_before: str | None
    """Where it pointed to, if it was a symbolic link."""
    mode_before: int = 0o644

    def make(self, system: System) -> None:  # noqa: ARG002
        """Write ours."""
        self._write(_MARK + _resolv_conf(self.servers, self.search), 0o644)

    def undo(self, system: System) -> None:  # noqa: ARG002
        """Put back what was there, unless somebody has written the file since."""
        path = Path(self.path)
        try:
            now = path.read_text(errors="replace") if path.exists() else ""
        except OSError:
            return
        if not now.startswith(_MARK):
            return
        try:
            if self.link_before is not None:
                beside = path.with_name(f".{path.name}.new")
                beside.unlink(missing_ok=True)
                beside.symlink_to(self.link_before)
                beside.replace(path)
            elif self.text_before is None:
                path.unlink()
            else:
                self._write(self.text_before, self.mode_before)
        except OSError as error:
            raise HostError(f"Putting {path} back failed: {error.strerror}") from error

    def _write(self, text: str, mode: int) -> None:
        path = Path(self.path)
        try:
            try:
                write_atomic(path, text.encode("utf-8", "surrogateescape"), mode)
            except OSError:
                # In a container the file is often a mount of its own, which cannot be replaced.
                if path.is_symlink():
                    raise
                path.write_text(text, "utf-8", "surrogateescape")
        except OSError as error:
            raise HostError(f"Writing {path} failed: {error.strerror}") from error

    def __str__(self) -> str:
        return f"name servers in {self.path}"


def name_servers(
    device: str,
    servers: Sequence[IPv4Address | IPv6Address],
    search: Sequence[str],
    everything: bool,
    resolv_conf: Path = RESOLV_CONF,
) -> Change:
    """The change that suits the system. A `resolv_conf` other than the system's is always written
    as a file. Raises `ValueError` for a search domain with characters no domain name has."""
    for domain in search:
        if not _DOMAIN.fullmatch(domain):
            raise ValueError(f"{domain!r} is no domain name")
    asked = tuple(map(str, servers))
    domains = tuple(search)
    if resolv_conf == RESOLV_CONF:
        if commands.find("resolvectl") is not None and _RESOLVED.is_dir():
            return ResolvedLink(device, asked, domains, everything)
        if commands.find("resolvconf") is not None:
            return ResolvconfRecord(device, asked, domains)
    link = str(resolv_conf.readlink()) if resolv_conf.is_symlink() else None
    text: str | None = None
    mode = 0o644
    with contextlib.suppress(FileNotFoundError):
        with resolv_conf.open(encoding="utf-8", errors="surrogateescape") as file:
            text = file.read(_MOST_READ)
        mode = resolv_conf.stat().st_mode & 0o777
    return ResolverFile(str(resolv_conf), asked, domains, text, link, mode)


def _resolv_conf(servers: Sequence[str], search: Sequence[str]) -> str:
    lines = [f"nameserver {server}\n" for server in servers[:_MOST_SERVERS]]
    if search:
        lines.append(f"search {' '.join(search)}\n")
    return "".join(lines)
