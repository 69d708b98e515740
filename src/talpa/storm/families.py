"""How the clients of the world go about it: one row for each family.

What each of them sends is read from its own source or from captures; the docs page of the load
generator names the habits in words.
"""

from dataclasses import dataclass

from talpa.l2tp.config import Habits as L2tpHabits
from talpa.ppp.config import Habits as PppHabits

_CALLBACK = (13, b"\x06")
_WINDOWS_CCP = bytes.fromhex("12060100000120"[:12])
"""CCP Configure-Request option 18 (MPPE/MPPC): stateless, no encryption wanted."""


@dataclass(frozen=True, slots=True)
class Family:
    """The habits of one family of clients."""

    name: str
    host_name: str
    """Host Name in SCCRQ."""
    l2tp: L2tpHabits
    ppp: PppHabits
    receive_window: int = 4
    mru: int = 1400
    ipv6: bool = False
    methods: tuple[str, ...] = ("mschapv2", "chap", "pap")
    ask_dns: bool = True
    ask_wins: bool = False
    hello_interval: float = 60.0
    calls_per_tunnel: int = 1
    """Sessions that share a tunnel."""


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            "xl2tpd",
            "linux-client",
            L2tpHabits(firmware=0x0690, vendor_name="xelerance.com", tx_connect_speed=0),
            PppHabits(echo_when_open=True),
            ipv6=True,
        ),
        Family(
            "windows",
            "DESKTOP-STORM",
            L2tpHabits(
                firmware=0x0A00,
                vendor_name="Microsoft",
                tx_connect_speed=1_000_000_000,
                foreign_avps=((311, 1, b"\x00\x00\x00\x01"),),
            ),
            PppHabits(
                extra_lcp=(_CALLBACK,),
                ask_pfc=True,
                ask_acfc=True,
                ask_accm=False,
                identification=(b"MSRASV5.20", b"MSRAS-0-DESKTOP-STORM"),
                ccp=_WINDOWS_CCP,
                ipv6_first=True,
            ),
            receive_window=8,
            ipv6=True,
            methods=("mschapv2",),
            ask_wins=True,
        ),
        Family(
            "macos",
            "storm-mac",
            L2tpHabits(framing=3, vendor_name="", tx_connect_speed=1_000_000, swapped_result=True),
            PppHabits(ask_pfc=True, ask_acfc=True, ask_vj=True),
            mru=1500,
        ),
        Family(
            "android",
            "anonymous",
            L2tpHabits(
                framing=3,
                vendor_name="",
                call_after_ack=True,
                fixed_retransmit=2.0,
                tx_connect_speed=100_000_000,
                close_call_first=False,
                short_result=True,
            ),
            PppHabits(),
            receive_window=1,
        ),
        Family(
            "routeros",
            "MikroTik",
            L2tpHabits(vendor_name="MikroTik"),
            PppHabits(extra_lcp=((17, b"\x06\x40"),)),
            mru=1450,
            methods=("mschapv2", "mschap", "chap", "pap"),
        ),
        Family(
            "chromeos",
            "localhost",
            L2tpHabits(firmware=0x0690, vendor_name="xelerance.com", tx_connect_speed=1_000_000),
            PppHabits(echo_when_open=True),
            mru=1410,
        ),
        Family(
            "lac",
            "storm-lac",
            L2tpHabits(bearer=3, tx_connect_speed=100_000_000),
            PppHabits(),
            receive_window=16,
            mru=1492,
            methods=("chap", "pap", "mschapv2"),
            ipv6=True,
            calls_per_tunnel=500,
        ),
    )
}
