"""IP forwarding, and what it was before."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from talpa.server.host.changes import System
from talpa.server.host.errors import HostError


@dataclass(frozen=True, slots=True)
class Setting:
    """A kernel setting (sysctl) that we change."""

    kind: ClassVar[str] = "sysctl"
    key: str
    """Path below /proc/sys."""
    before: str
    ours: str | None
    """None: only put back, for the kernel changes it along with another."""
    optional: bool = False
    """A kernel that refuses it can be lived with."""

    def make(self, system: System) -> None:
        """Write our value."""
        if self.ours is None:
            return
        try:
            (system.sysctls / self.key).write_text(self.ours)
        except OSError as error:
            if self.optional:
                return
            name = self.key.replace("/", ".")
            raise HostError(
                f"Setting {name} to {self.ours} failed: {error.strerror}. "
                f"Set it beforehand (sysctl -w {name}={self.ours}), or switch forwarding off in "
                "the configuration."
            ) from error

    def undo(self, system: System) -> None:
        """Write the value from before, unless somebody else has changed it since."""
        now = read(system.sysctls, self.key)
        if now is None or now == self.before or self.ours not in (None, now):
            return
        try:
            (system.sysctls / self.key).write_text(self.before)
        except OSError as error:
            name = self.key.replace("/", ".")
            raise HostError(
                f"Putting {name} back to {self.before} failed: {error.strerror}"
            ) from error

    def __str__(self) -> str:
        return f"setting {self.key.replace('/', '.')}"


def read(sysctls: Path, key: str) -> str | None:
    """A setting's value; None when the kernel does not have it."""
    try:
        return (sysctls / key).read_text().strip()
    except OSError:
        return None


def device_settings(sysctls: Path, device: str, ipv6: bool) -> list[Setting]:
    """What to change so that a TUN device has the IPv6 that we give it, and no other: router
    advertisements are ours to read."""
    wanted = {"accept_ra": "0"}
    if ipv6:
        wanted["disable_ipv6"] = "0"
    changes: list[Setting] = []
    for name, value in wanted.items():
        key = f"net/ipv6/conf/{device}/{name}"
        before = read(sysctls, key)
        if before not in (None, value):
            changes.append(Setting(key, before, value, optional=True))
    return changes


def forwarding(sysctls: Path, ipv4: bool, ipv6: bool, tun: str = "") -> list[Setting]:
    """What to change so that the host forwards; nothing where it does already. `tun` has its own
    `device_settings`."""
    changes: list[Setting] = []
    if ipv4:
        changes += _family(sysctls, "net/ipv4/ip_forward", "net/ipv4/conf")
    if ipv6:
        key = "net/ipv6/conf/all/forwarding"
        found = _family(sysctls, key, "net/ipv6/conf")
        if found:
            # A host that forwards ignores router advertisements, and would lose its own way out;
            # 2 says: take them even so.
            takers = _each(sysctls, "net/ipv6/conf", "accept_ra", "1", "2")
            changes += [c for c in takers if c.key != f"net/ipv6/conf/{tun}/accept_ra"]
        changes += found
    return changes


def _family(sysctls: Path, key: str, devices: str) -> list[Setting]:
    before = read(sysctls, key)
    if before is None or before == "1":
        return []
    # The kernel sets every device along with the whole, both ways: devices that differed are
    # remembered, and put back last.
    return [*_each(sysctls, devices, "forwarding", "1", None), Setting(key, before, "1")]


def _each(sysctls: Path, devices: str, name: str, value: str, ours: str | None) -> list[Setting]:
    """A setting of each device that has `value` now."""
    found = sorted((sysctls / devices).glob(f"*/{name}"))
    keys = [str(path.relative_to(sysctls)) for path in found if path.parent.name != "all"]
    return [Setting(key, value, ours) for key in keys if read(sysctls, key) == value]
