"""Pages about what is on the wire: from the rows that parser and writer run on."""

from pages.markdown import table

from talpa.esp.sa import Protocol
from talpa.ike.devices import name_of
from talpa.ike.suites import EspOffer, IkeOffer
from talpa.ike.words import describe_offers, group_name
from talpa.l2tp.v2 import messages
from talpa.ppp import registry
from talpa.storm.families import FAMILIES, Family
from talpa.storm.security import SecurityHabits
from talpa.storm.security_families import SECURITY


def l2tpv2() -> str:
    """Messages and AVPs of L2TPv2."""
    kinds, avps = messages.reference_rows()
    return (
        "# L2TPv2 messages and AVPs\n\n## Messages\n\n"
        + table(
            ("Number", "Name", "What it is", "Defined in", "AVPs it must have", "AVPs it may have"),
            kinds,
        )
        + "## AVPs\n\n"
        "*Mandatory*: a receiver that does not know it must give up. *Hideable*: it may be sent "
        "hidden. *Hidden*: Talpa hides it where there is a tunnel secret. A message with \\* "
        "must have the AVP.\n\n"
        + table(
            (
                *("Vendor", "Number", "Name", "Layout", "Mandatory", "Hideable", "Hidden"),
                *("Defined in", "Note", "Messages"),
            ),
            avps,
        )
    )


def ppp() -> str:
    """Protocols, packets and options of PPP."""
    rows = registry.reference_rows()
    protocols = [(r.number, r.name, r.rfc) for r in rows if r.protocol == "PPP"]
    packets = [(r.number, r.name, r.protocol, r.rfc) for r in rows if r.protocol.startswith("LCP,")]
    packets += [
        (r.number, r.name, r.protocol, r.rfc) for r in rows if r.protocol == "LCP" and not r.layout
    ]
    options = [
        (r.protocol, r.number, r.name, r.layout, r.rfc, r.text)
        for r in rows
        if r.layout and r.protocol != "PPP"
    ]
    return (
        "# PPP protocols, packets and options\n\n## Protocols\n\n"
        + table(("Number", "Name", "Defined in"), protocols)
        + "## Packets\n\n"
        + table(("Code", "Name", "Of", "Defined in"), packets)
        + "## Configuration options\n\n"
        "What is not in this table is rejected (Configure-Reject).\n\n"
        + table(("Protocol", "Type", "Name", "Layout", "Defined in", "What it does"), options)
    )


def families() -> str:
    """The habits of the load generator's clients."""
    head = ("", *(f"`{name}`" for name in FAMILIES))
    everybody = list(FAMILIES.values())
    rows = [(title, *(show(family) for family in everybody)) for title, show in _HABITS]
    rows += [(title, *(show(SECURITY[name]) for name in FAMILIES)) for title, show in _IPSEC]
    return table(head, rows) + (
        "What stands here of IPsec holds for IKEv1, which is what these clients speak for L2TP. "
        "Talpa knows neither MD5 nor DES: what they offer with these is left out. With `--ike 2` "
        "IKE itself is negotiated as Talpa's own clients do it.\n\n"
    )


def _ike_offers(habits: SecurityHabits) -> str:
    offers = [
        IkeOffer(0, ((cipher, bits),), (), (prf,), (group,))
        for cipher, bits, prf, group in habits.ike.ike_transforms or ()
    ]
    return _offers(offers)


def _esp_offers(habits: SecurityHabits) -> str:
    offers = [
        EspOffer(0, Protocol.ESP, b"", ((cipher, bits),), (mac,))
        for cipher, bits, mac in habits.ike.esp_transforms or ()
    ]
    return _offers(offers)


def _offers(offers: list[IkeOffer] | list[EspOffer]) -> str:
    lines = describe_offers(offers)
    return "; ".join(line.partition(" ")[2].partition(" ")[2] for line in lines)


_IPSEC = (
    ("IPsec known from", lambda h: h.evidence),
    ("IKE with IPsec: offers", _ike_offers),
    ("IKE with IPsec: life of its keys", lambda h: f"{h.lifetimes.ike:g} s"),
    ("ESP: offers", _esp_offers),
    (
        "ESP: life of its keys",
        lambda h: (
            f"{h.lifetimes.child:g} s"
            + (f", {h.lifetimes.child_octets // 1024:,} KB" if h.lifetimes.child_octets else "")
        ),
    ),
    ("PFS", lambda h: group_name(h.pfs) if h.pfs else "-"),
    ("Vendor ids", lambda h: ", ".join(map(name_of, h.ike.vendor_ids or ())) or "Talpa's own"),
    ("Octets of a nonce", lambda h: h.ike.nonce_octets),
    ("Message id of the first Quick Mode", lambda h: h.ike.message_id or "random"),
    ("Asks whether the peer is there (DPD)", lambda h: "yes" if h.ike.dpd else "no"),
    ("UDP port inside IPsec", lambda h: "one of its own" if h.ephemeral_port else "1701"),
)


def _options(family: Family) -> str:
    ppp = family.ppp
    asked = ["MRU", "magic number"]
    asked += [name for name, on in _ASKED if on(family)]
    asked += [f"option {kind}" for kind, _ in ppp.extra_lcp]
    return ", ".join(asked)


_ASKED = (
    ("ACCM", lambda f: f.ppp.ask_accm),
    ("PFC", lambda f: f.ppp.ask_pfc),
    ("ACFC", lambda f: f.ppp.ask_acfc),
)
_PPP_EXTRAS = (
    ("LCP Identification", lambda f: bool(f.ppp.identification)),
    ("CCP Configure-Request", lambda f: bool(f.ppp.ccp)),
    ("IPV6CP before IPCP", lambda f: f.ppp.ipv6_first),
    ("asks for VJ compression", lambda f: f.ppp.ask_vj),
    ("one LCP echo as soon as LCP is open", lambda f: f.ppp.echo_when_open),
)
_L2TP_EXTRAS = (
    ("ICRQ only after SCCCN is acknowledged", lambda f: f.l2tp.call_after_ack),
    ("StopCCN without CDN", lambda f: not f.l2tp.close_call_first),
    ("Result Code of two octets", lambda f: f.l2tp.short_result),
    ("Result Code with its octets swapped", lambda f: f.l2tp.swapped_result),
    ("a vendor AVP of its own", lambda f: bool(f.l2tp.foreign_avps)),
)


def _extras(rows: tuple, family: Family) -> str:
    return ", ".join(name for name, on in rows if on(family)) or "-"


_HABITS = (
    ("Known from", lambda f: f.evidence),
    ("Host Name", lambda f: f.host_name.rstrip("\0")),
    ("Vendor Name", lambda f: f.l2tp.vendor_name or "-"),
    ("Firmware", lambda f: "-" if f.l2tp.firmware is None else f"{f.l2tp.firmware:#06x}"),
    (
        "Framing, bearer",
        lambda f: f"{f.l2tp.framing}, {'-' if f.l2tp.bearer is None else f.l2tp.bearer}",
    ),
    ("Receive window, messages", lambda f: f.receive_window),
    (
        "Retransmission",
        lambda f: (
            f"every {f.l2tp.fixed_retransmit:g} s" if f.l2tp.fixed_retransmit else "backs off"
        ),
    ),
    (
        "Transmit speed",
        lambda f: f"{f.call.get('tx_connect_speed', f.l2tp.tx_connect_speed) / 1e6:g} Mbit/s",
    ),
    ("Sessions in a tunnel", lambda f: f.calls_per_tunnel),
    ("Other habits of L2TP", lambda f: _extras(_L2TP_EXTRAS, f)),
    ("MRU, octets", lambda f: f.mru),
    ("LCP asks for", _options),
    ("Logs in by, best first", lambda f: f.methods),
    ("IPv6", lambda f: "yes" if f.ipv6 else "no"),
    ("Asks for WINS", lambda f: "yes" if f.ask_wins else "no"),
    ("Other habits of PPP", lambda f: _extras(_PPP_EXTRAS, f)),
)
