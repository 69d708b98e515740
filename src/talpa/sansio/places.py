"""What of an address counts as one place, wherever something is bounded for each caller."""

from functools import lru_cache
from ipaddress import IPv6Address


@lru_cache(4096)
def place(source: str) -> str:
    """An IPv4 address as it is, also one mapped into IPv6; of an IPv6 address its /56, which one
    customer has to choose from. What is no address is its own place."""
    if ":" not in source:
        return source
    try:
        address = IPv6Address(source.partition("%")[0])
    except ValueError:
        return source
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{address.packed[:7].hex()}/56"
