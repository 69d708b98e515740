"""Masquerading of the pools' addresses, in an nftables table of our own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any, ClassVar

from talpa.server.host import commands
from talpa.server.host.changes import System
from talpa.server.host.errors import HostError
from talpa.server.host.netlink import Network

_PACKAGE = "nftables"
_FAMILY = "inet"
_SRCNAT = 100
"""The priority `srcnat`."""


@dataclass(frozen=True, slots=True)
class NatTable:
    """A table that masquerades packets from `networks` that leave through anything but `device`."""

    kind: ClassVar[str] = "nat"
    instance: str
    device: str
    networks: tuple[str, ...]

    @classmethod
    def of(cls, instance: str, device: str, networks: Sequence[Network]) -> "NatTable":
        """From typed networks."""
        return cls(instance, device, tuple(map(str, networks)))

    @property
    def name(self) -> str:
        """The table's name: one for each instance."""
        return f"talpa_{self.instance}"

    def make(self, system: System) -> None:  # noqa: ARG002 - netlink is nft's own here
        """Add the table, or replace the one there, in one transaction."""
        _apply([*self._gone(), *self._there()])

    def undo(self, system: System) -> None:  # noqa: ARG002
        """Delete the table with all in it."""
        if commands.find("nft") is not None:
            _apply(self._gone())

    def _gone(self) -> list[dict[str, Any]]:
        table = {"table": {"family": _FAMILY, "name": self.name}}
        # A table that is not there cannot be deleted, one that is there can be added.
        return [{"add": table}, {"delete": table}]

    def _there(self) -> list[dict[str, Any]]:
        here = {"family": _FAMILY, "table": self.name}
        chain = {"type": "nat", "hook": "postrouting", "prio": _SRCNAT, "policy": "accept"}
        commands: list[dict[str, Any]] = [
            {"add": {"table": {"family": _FAMILY, "name": self.name}}},
            {"add": {"chain": {**here, "name": "postrouting", **chain}}},
        ]
        for version, protocol, kind in ((4, "ip", "ipv4_addr"), (6, "ip6", "ipv6_addr")):
            elements = _prefixes(self.networks, version)
            if not elements:
                continue
            pools = {**here, "name": f"pools{version}", "type": kind, "flags": ["interval"]}
            commands.append({"add": {"set": {**pools, "elem": elements}}})
            source = {"payload": {"protocol": protocol, "field": "saddr"}}
            expression = [
                _match("==", source, f"@pools{version}"),
                _match("!=", {"meta": {"key": "oifname"}}, self.device),
                {"masquerade": None},
            ]
            rule = {**here, "chain": "postrouting", "expr": expression}
            commands.append({"add": {"rule": {**rule, "comment": f"talpa {self.instance}"}}})
        return commands

    def __str__(self) -> str:
        return f"nftables table {_FAMILY} {self.name}"


def _match(operator: str, left: dict[str, Any], right: str) -> dict[str, Any]:
    return {"match": {"op": operator, "left": left, "right": right}}


def _prefixes(networks: Sequence[str], version: int) -> list[dict[str, Any]]:
    """Set elements; overlapping networks, which a set refuses, put together."""
    mine = [n for n in map(ip_network, networks) if n.version == version]
    whole: list[IPv4Network | IPv6Network] = list(collapse_addresses(mine))  # type: ignore[type-var]
    return [{"prefix": {"addr": str(n.network_address), "len": n.prefixlen}} for n in whole]


def _apply(transaction: list[dict[str, Any]]) -> None:
    try:
        commands.run(
            ("nft", "-j", "-f", "-"), json.dumps({"nftables": transaction}), package=_PACKAGE
        )
    except HostError as error:
        raise HostError(f"Masquerading: {error}") from error
