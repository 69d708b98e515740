"""All that this room declares as data, in one place: for dissection and for reference tables."""

from typing import NamedTuple

from talpa.ppp.frames import CODES, PROTOCOLS, Protocol
from talpa.ppp.ipcp.options import IPCP_OPTIONS
from talpa.ppp.ipv6cp.options import IPV6CP_OPTIONS
from talpa.ppp.lcp.options import LCP_OPTIONS
from talpa.ppp.options import Option

OPTIONS: dict[tuple[int, int], Option] = {
    (row.protocol, row.type): row for row in (*LCP_OPTIONS, *IPCP_OPTIONS, *IPV6CP_OPTIONS)
}
"""Configuration options by protocol number and type."""

NEGOTIATED = frozenset(
    (Protocol.LCP, Protocol.IPCP, Protocol.IPV6CP, Protocol.CCP, Protocol.BCP, Protocol.ECP)
)
"""Protocols whose packets have the codes of RFC 1661 5 and lists of options."""


class ReferenceRow(NamedTuple):
    """One line of a reference table."""

    protocol: str
    number: str
    name: str
    layout: str
    rfc: str
    text: str


def code_name(protocol: int, code: int) -> str:
    """What a packet of LCP or an NCP is called."""
    row = CODES.get(code)
    if row is None or not (row.ncp or protocol == Protocol.LCP):
        return f"code {code}"
    return row.name


def option(protocol: int, kind: int) -> Option | None:
    """The declaration of a configuration option; None: it has none."""
    return OPTIONS.get((protocol, kind))


def reference_rows() -> list[ReferenceRow]:
    """Protocols, packets and options, in this order."""
    return [
        *(
            ReferenceRow("PPP", f"{row.number:#06x}", row.name, "", row.rfc, "")
            for row in PROTOCOLS.values()
        ),
        *(
            ReferenceRow("LCP, NCPs" if row.ncp else "LCP", str(code), row.name, "", row.rfc, "")
            for code, row in CODES.items()
        ),
        *(
            ReferenceRow(
                PROTOCOLS[row.protocol].name,
                str(row.type),
                row.name,
                row.codec.name,
                row.rfc,
                row.text,
            )
            for row in OPTIONS.values()
        ),
    ]
