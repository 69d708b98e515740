"""The Link Control Protocol (RFC 1661, RFC 1570)."""

from talpa.ppp.lcp.core import Lcp
from talpa.ppp.lcp.options import LCP_OPTIONS
from talpa.ppp.lcp.ras import RAS_ERRORS, ras_error

__all__ = ["LCP_OPTIONS", "RAS_ERRORS", "Lcp", "ras_error"]
