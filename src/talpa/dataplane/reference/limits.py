"""Sizes that both directions go by."""

SMALLEST_MTU = 68
"""RFC 791: every link carries so many octets; keeps the MSS positive whatever was negotiated."""
HEADERS4 = 40
HEADERS6 = 60
"""Octets of IP and TCP header without options."""
