"""Changes to the host: values that say what is added, and can add it and take it away again.

A change is written to the journal before it is made, so it is also undone by the next start after
a crash. Undoing one that was never made, or that is gone already, does nothing.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from ipaddress import ip_interface, ip_network
from pathlib import Path
from typing import Any, ClassVar, Protocol

from talpa.server.host.netlink import Hop, Interface, Netlink, Network


@dataclass(frozen=True, slots=True)
class System:
    """The parts of the host that changes are made to."""

    netlink: Netlink
    sysctls: Path = Path("/proc/sys")


class Change(Protocol):
    """One thing of ours on the host. Its fields are what JSON knows."""

    kind: ClassVar[str]
    """Names the class in the journal."""

    def make(self, system: System) -> None:
        """Raises `HostError`."""

    def undo(self, system: System) -> None:
        """Raises `HostError` only when something of ours stays."""


def to_json(change: Change) -> dict[str, Any]:
    """The change as the journal keeps it."""
    return {"kind": change.kind, **asdict(change)}  # type: ignore[call-overload]


def from_json(kinds: Mapping[str, type[Change]], entry: Mapping[str, Any]) -> Change:
    """The reverse. Raises `KeyError` or `TypeError` for an entry of another version."""
    fields = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in entry.items()
        if name != "kind"
    }
    return kinds[entry["kind"]](**fields)


@dataclass(frozen=True, slots=True)
class DeviceLink:
    """A device that is up, with our MTU."""

    kind: ClassVar[str] = "link"
    device: str
    mtu: int
    mtu_before: int
    up_before: bool

    def make(self, system: System) -> None:
        """Bring it up, without the link-local address that the kernel would make: PPP has agreed
        on another. That setting stays, for putting it back makes an address at once."""
        with contextlib.suppress(OSError):
            mode = system.sysctls / f"net/ipv6/conf/{self.device}/addr_gen_mode"
            mode.write_text("1")
        system.netlink.link_set(self.device, self.mtu, up=True)

    def undo(self, system: System) -> None:
        """As it was before; one that is gone, as our own TUN device when we end, is fine."""
        if system.netlink.link_exists(self.device):
            system.netlink.link_set(self.device, self.mtu_before, up=self.up_before)

    def __str__(self) -> str:
        return f"device {self.device} up"


@dataclass(frozen=True, slots=True)
class DeviceAddress:
    """An address on a device."""

    kind: ClassVar[str] = "address"
    device: str
    address: str
    """With its width: "10.77.0.1/32"."""

    @classmethod
    def of(cls, device: str, address: Interface) -> "DeviceAddress":
        """From a typed address."""
        return cls(device, str(address))

    def make(self, system: System) -> None:
        """Add it."""
        system.netlink.address_add(self.device, ip_interface(self.address))

    def undo(self, system: System) -> None:
        """Remove it."""
        system.netlink.address_remove(self.device, ip_interface(self.address))

    def __str__(self) -> str:
        return f"address {self.address} on {self.device}"


@dataclass(frozen=True, slots=True)
class DeviceRoute:
    """A route, marked as ours."""

    kind: ClassVar[str] = "route"
    network: str
    device: str
    gateway: str | None = None

    @classmethod
    def of(cls, network: Network, device: str, gateway: str | None = None) -> "DeviceRoute":
        """From a typed network."""
        return cls(str(network), device, gateway)

    def make(self, system: System) -> None:
        """Add it."""
        system.netlink.route_add(ip_network(self.network), Hop(self.device, self.gateway))

    def undo(self, system: System) -> None:
        """Remove it."""
        system.netlink.route_remove(ip_network(self.network), Hop(self.device, self.gateway))

    def __str__(self) -> str:
        return f"route {self.network} through {self.device}"
