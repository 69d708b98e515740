"""The Link Control Protocol (RFC 1661, RFC 1570)."""

from talpa.ppp.lcp.core import Lcp
from talpa.ppp.lcp.options import LCP_OPTIONS
from talpa.ppp.lcp.ras import ras_error

__all__ = ["LCP_OPTIONS", "Lcp", "ras_error"]
