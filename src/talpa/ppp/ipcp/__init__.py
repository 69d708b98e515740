"""The IP Control Protocol (RFC 1332, RFC 1877)."""

from talpa.ppp.ipcp.core import Ipcp
from talpa.ppp.ipcp.options import IPCP_OPTIONS

__all__ = ["IPCP_OPTIONS", "Ipcp"]
