"""Addresses as they stand in packets."""

from ipaddress import ip_address


def address_octets(host: str) -> bytes:
    """The 4 or 16 octets of a numeric address, without its zone; empty for anything else."""
    try:
        return ip_address(host.partition("%")[0]).packed
    except ValueError:
        return b""
