"""How the clients of the world go about it: one row for each family.

What a row says was read from the client's own source, from captures of it, or from the logs of
servers that it called; `Family.evidence` says from which. `habits()` tells a row in words.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from talpa.l2tp.config import Habits as L2tpHabits
from talpa.l2tp.v2.call_description import CallParameters
from talpa.ppp.config import Habits as PppHabits
from talpa.storm.security_families import SECURITY
from talpa.storm.security_words import in_words

NEVER = 1e9
"""Seconds: an interval that no storm lasts."""

_CALLBACK = (13, b"\x06")
"""LCP option 13, location determined by CBCP."""
_MULTILINK = (17, b"\x06\x40")
"""LCP option 17, MRRU 1600."""
_STATELESS_MPPE = bytes.fromhex("12 06 01000000")
"""CCP option 18 with the H bit alone (RFC 3078 2.1): stateless, and no cipher offered, as where
IPsec encrypts already."""
_CORRELATION = bytes.fromhex("41d3e1f07c600000c8cdf1f07c60d701")
"""What Windows sends as its third Identification: 16 octets that are no text."""
_PPPD_FAREWELL = "User request"


@dataclass(frozen=True, slots=True)
class Family:
    """The habits of one family of clients."""

    name: str
    evidence: str
    """Where the habits are known from."""
    host_name: str
    """Host Name in SCCRQ."""
    l2tp: L2tpHabits
    ppp: PppHabits
    call: CallParameters
    """What ICRQ and ICCN say of a call."""
    receive_window: int = 4
    mru: int = 1400
    ipv6: bool = False
    methods: tuple[str, ...] = ("mschapv2", "chap", "pap")
    ask_dns: bool = True
    ask_wins: bool = False
    hello_interval: float = 60.0
    farewell: str = ""
    """Text of the Terminate-Request when it hangs up."""
    disconnect_cause: int = 0
    """Disconnect Code (RFC 3145) in CDN when it hangs up; 0: none is sent."""
    stop_result: int = 1
    """Result Code of StopCCN when it hangs up."""
    calls_per_tunnel: int = 1
    """Sessions that share a tunnel."""


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            "xl2tpd",
            "captures of xl2tpd 1.3.18 with pppd 2.5.2",
            "linux-client",
            L2tpHabits(framing=3, bearer=0, firmware=0x0690, vendor_name="xelerance.com"),
            PppHabits(echo_when_open=True),
            CallParameters(
                serial=1, bearer_type=0, framing_type=1, tx_connect_speed=0, rx_connect_speed=0
            ),
            ipv6=True,
            farewell=_PPPD_FAREWELL,
        ),
        Family(
            "windows",
            "logs of servers that Windows 7 to 11 called",
            "DESKTOP-STORM",
            L2tpHabits(
                framing=1,
                bearer=0,
                firmware=0x0A00,
                vendor_name="Microsoft",
                count_ids=True,
                foreign_avps=((311, 1, b"\x00\x00\x00\x01"),),
                peer_ids_at_end=True,
            ),
            PppHabits(
                extra_lcp=(_CALLBACK,),
                ask_pfc=True,
                ask_acfc=True,
                ask_accm=False,
                identification=(b"MSRASV5.20", b"MSRAS-0-DESKTOP-STORM", _CORRELATION),
                ccp=_STATELESS_MPPE,
                ipv6_first=True,
                one_count=True,
                ras_farewell=True,
            ),
            CallParameters(serial=0, framing_type=1, tx_connect_speed=1_000_000_000),
            receive_window=8,
            ipv6=True,
            methods=("mschapv2",),
            ask_wins=True,
        ),
        Family(
            "macos",
            "Apple's published source of its pppd and its L2TP plug-in",
            "storm-mac\0",  # its string is sent with the octet that ends it
            L2tpHabits(
                framing=3, firmware=None, vendor_name="", short_result=True, swapped_result=True
            ),
            PppHabits(ask_pfc=True, ask_acfc=True, ask_vj=True),
            CallParameters(serial=1, framing_type=3, tx_connect_speed=1_000_000),
            mru=1500,
            hello_interval=NEVER,
            farewell=_PPPD_FAREWELL,
        ),
        Family(
            "android",
            "the source of Android's mtpd and pppd, as in Android 4 to 11",
            "anonymous",
            L2tpHabits(
                framing=3,
                firmware=None,
                vendor_name="",
                host_name_first=True,
                call_after_ack=True,
                fixed_retransmit=2.0,
                close_call_first=False,
                short_result=True,
            ),
            PppHabits(ask_pfc=True, ask_acfc=True, ask_vj=True),
            CallParameters(framing_type=3, tx_connect_speed=100_000_000),
            receive_window=1,
            hello_interval=NEVER,
            farewell=_PPPD_FAREWELL,
            stop_result=6,
        ),
        Family(
            "routeros",
            "its vendor's manual and exported configurations; what these do not tell is assumed",
            "MikroTik",
            L2tpHabits(framing=1, bearer=0, firmware=1, vendor_name="MikroTik"),
            PppHabits(extra_lcp=(_MULTILINK,), ask_accm=False),
            CallParameters(serial=0, framing_type=1),
            mru=1450,
            methods=("mschapv2", "mschap", "chap", "pap"),
        ),
        Family(
            "chromeos",
            "the source of ChromeOS's shill, which runs xl2tpd and pppd",
            "localhost",
            L2tpHabits(framing=3, bearer=0, firmware=0x0690, vendor_name="xelerance.com"),
            PppHabits(echo_when_open=True),
            CallParameters(
                serial=1,
                bearer_type=0,
                framing_type=1,
                tx_connect_speed=1_000_000,
                rx_connect_speed=1_000_000,
            ),
            mru=1410,
            farewell=_PPPD_FAREWELL,
        ),
        Family(
            "lac",
            "RFC 2661: a provider's concentrator that puts the calls of many into one tunnel",
            "storm-lac",
            L2tpHabits(bearer=3),
            PppHabits(),
            CallParameters(bearer_type=1, framing_type=1, tx_connect_speed=100_000_000),
            receive_window=16,
            mru=1492,
            methods=("chap", "pap", "mschapv2"),
            ipv6=True,
            farewell="hung up",
            disconnect_cause=3,
            calls_per_tunnel=500,
        ),
    )
}


def habits(family: Family) -> Iterator[str]:
    """What is particular about a family, a line for each habit, for its page in the docs."""
    l2tp, ppp = family.l2tp, family.ppp
    host_name = family.host_name.rstrip("\0")
    yield f"Known from: {family.evidence}."
    yield f"Host Name `{host_name}`" + (
        ", with the zero octet that ends it." if host_name != family.host_name else "."
    )
    if l2tp.vendor_name:
        yield f"Vendor Name `{l2tp.vendor_name}`."
    if l2tp.host_name_first:
        yield "SCCRQ has Host Name before Framing Capabilities."
    if l2tp.bearer is None and l2tp.firmware is None:
        yield "SCCRQ has no Bearer Capabilities and no Firmware Revision."
    yield f"Takes {family.receive_window} control messages at a time."
    if l2tp.count_ids:
        yield "Tunnel and session ids count from 1."
    if "serial" in family.call:
        yield f"Call Serial Number {family.call['serial']} in every call."
    if l2tp.call_after_ack:
        yield "ICRQ only once SCCCN is acknowledged; others send it right behind."
    if l2tp.foreign_avps:
        yield "ICRQ has an AVP of the vendor's own."
    if l2tp.fixed_retransmit is not None:
        yield f"Sends again every {l2tp.fixed_retransmit:g} s, without end."
    if family.hello_interval == NEVER:
        yield "Sends no HELLO of its own accord."
    if family.calls_per_tunnel > 1:
        yield f"Up to {family.calls_per_tunnel} calls share a tunnel."
    yield from _ppp_habits(family)
    if not l2tp.close_call_first:
        yield "Hangs up by StopCCN alone, without CDN."
    if l2tp.short_result:
        yield "Result Codes have no Error Code: two octets."
    if l2tp.swapped_result:
        yield "Result Codes have their octets swapped."
    if l2tp.peer_ids_at_end:
        yield "CDN and StopCCN name the ids of the other side."
    if ppp.ras_farewell:
        yield "Terminate-Request bears a RAS error number."
    yield from in_words(SECURITY[family.name])


def _ppp_habits(family: Family) -> Iterator[str]:
    ppp = family.ppp
    if family.mru != 1500:
        yield f"LCP asks for an MRU of {family.mru} octets."
    else:
        yield "LCP asks for no MRU: it takes 1500 octets."
    if ppp.ask_pfc:
        yield "LCP asks for compressed headers."
    if _CALLBACK in ppp.extra_lcp:
        yield "LCP asks for callback."
    if _MULTILINK in ppp.extra_lcp:
        yield "LCP asks for multilink, with an MRRU of 1600 octets."
    if ppp.one_count:
        yield "Identifiers of all PPP protocols are one count, from 0."
    if ppp.identification:
        yield "Names itself by LCP Identification."
    if ppp.echo_when_open:
        yield "One LCP Echo-Request at once when LCP is open, before it has logged in."
    if ppp.ccp:
        yield "Tries CCP with stateless MPPE and no cipher, and ends it when that is refused."
    if family.ipv6:
        yield "Asks for IPv6" + (" before IPv4." if ppp.ipv6_first else ".")
    if ppp.ask_vj:
        yield "IPCP asks for header compression first of all."
    if family.ask_wins:
        yield "IPCP asks for WINS servers."
