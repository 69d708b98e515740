"""The configuration options of IPV6CP, as data."""

from talpa.ppp.frames import Protocol
from talpa.ppp.options import Option
from talpa.wire import OCTETS, octets

INTERFACE_IDENTIFIER = Option(
    Protocol.IPV6CP,
    1,
    "Interface-Identifier",
    octets(8, 8, "interface identifier"),
    "RFC 5072 4.1",
    "Lower half of the sender's link-local address; zero asks for one.",
)

IPV6CP_OPTIONS: tuple[Option, ...] = (
    INTERFACE_IDENTIFIER,
    Option(Protocol.IPV6CP, 2, "IPv6-Compression-Protocol", OCTETS, "RFC 5172 2", "Rejected."),
)
"""Every option we know by name, by number."""
