"""What a scenario is played on."""

from dataclasses import dataclass

from interop.lab import Guest, Net


@dataclass(frozen=True, slots=True)
class Stage:
    """A namespace for Talpa, and a guest for the real peer, on one wire."""

    net: Net
    guest: Guest
