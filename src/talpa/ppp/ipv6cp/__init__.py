"""The IPv6 Control Protocol (RFC 5072)."""

from talpa.ppp.ipv6cp.core import Ipv6cp
from talpa.ppp.ipv6cp.options import IPV6CP_OPTIONS

__all__ = ["IPV6CP_OPTIONS", "Ipv6cp"]
