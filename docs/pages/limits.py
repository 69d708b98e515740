"""Every bound on what a peer can make the server keep or do, with its value from the code."""
# ruff: noqa: SLF001 - many bounds are their modules' own

from dataclasses import fields
from typing import Any

from pages.markdown import table

from talpa.aaa.limits import GuessLimits
from talpa.crypto import certificate_values, trust
from talpa.dataplane.reference import early, outbound, sequencing
from talpa.eap import authenticator, mschapv2, tls_fragments
from talpa.esp import life, replay
from talpa.hostconfig import dhcpv6_message, names, routes
from talpa.ike import admission as ike_admission
from talpa.ike import fragments as ike_fragments
from talpa.ike import header, identities, invalid_version
from talpa.ike.config import Config as Ike
from talpa.ike.v1 import establishment, quick_mode, sas
from talpa.ike.v1 import messages as v1_messages
from talpa.ike.v1 import pairs as v1_pairs
from talpa.ike.v1 import payloads as v1_payloads
from talpa.ike.v1 import proofs as v1_proofs
from talpa.ike.v2 import child, config_payload
from talpa.ike.v2 import eap_tls as v2_eap_tls
from talpa.ike.v2 import payloads as v2_payloads
from talpa.ike.v2 import sa as v2_sa
from talpa.ike.v2 import sa_payload as v2_sa_payload
from talpa.ike.v2 import sas as v2_sas
from talpa.l2tp import control_channel
from talpa.l2tp.config import Config as L2tp
from talpa.l2tp.v2 import body, calls, endpoint, reception
from talpa.ppp import line
from talpa.ppp import options as ppp_options
from talpa.ppp.auth import formats
from talpa.ppp.config import Config as Ppp
from talpa.ppp.lcp import core as lcp
from talpa.roles import access, admission
from talpa.server.api_server import MAX_CONNECTIONS, MAX_LINE
from talpa.server.log import FIELD_LIMIT, MESSAGE_LIMIT, Log

Row = tuple[str, str, str]


def limits() -> str:
    """Tables by who is held off."""
    return "".join(
        f"### {title}\n\n" + table(("What", "Limit", "What happens above it"), rows)
        for title, rows in (
            ("Before a peer of IKE has proved who it is", _unproven()),
            ("A peer with IPsec", _peers()),
            ("L2TP, before a peer has shown where it is", _strangers()),
            ("A peer with a tunnel", _tunnels()),
            ("A caller", _callers()),
            ("Parsers", _parsers()),
            ("Data", _data()),
            ("On the machine", _machine()),
        )
    )


def _of(kind: Any, name: str) -> Any:
    """The default of a field."""
    return next(f.default for f in fields(kind) if f.name == name)


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _unproven() -> list[Row]:
    return [
        (
            "Set-ups of IKE under way (`[ipsec.limits] half_open`)",
            f"{_number(_of(Ike, 'half_open'))}; {ike_admission._UNPROVEN_SHARE:.0%} of them for "
            "peers that answered no cookie",
            "no answer: `too many half-open SAs, or new ones too fast`, "
            "`IKEv2: too many new exchanges`",
        ),
        (
            "From one place (`half_open_per_address`; IPv4 address, or IPv6 /56)",
            _number(_of(Ike, "half_open_per_place")),
            "the same",
        ),
        (
            "New ones from one place in a second (`rate_per_address`)",
            _number(_of(Ike, "rate_per_place")),
            "the same",
        ),
        (
            "Under way in all, without a cookie (`cookies_from`; a quarter of it for one place)",
            _number(_of(Ike, "cookies_from")),
            "an IKEv2 peer gets a cookie, and nothing is kept of it: `IKEv2: cookie asked for`",
        ),
        ("A cookie is good for", f"{2 * ike_admission._SECRET_SECONDS:g} s at most", "another one"),
        (
            "Time to prove who it is",
            f"{_of(Ike, 'half_open_seconds'):g} s",
            "forgotten",
        ),
        (
            "Octets of an IKEv2 message from a peer that has not proved itself",
            _number(v2_sas._MOST_HALF_OPEN_OCTETS),
            "`IKEv2: too long`",
        ),
        (
            "Conversations of EAP-TLS at once",
            _number(v2_eap_tls.MOST_UNFINISHED),
            "others wait, and send again: `IKEv2: too many in EAP-TLS`",
        ),
        (
            "Messages that do not open, in a set-up",
            _number(v2_sa._BAD_MESSAGES),
            "no more are looked at: `IKEv2: too many messages that do not open`, "
            "`too many wrong proofs for one phase 1`",
        ),
        (
            "Pre-shared keys tried against one IKEv1 peer",
            _number(v1_proofs._MOST_CANDIDATES),
            "the others are not tried",
        ),
        (
            "Answers in Aggressive Mode, where it is allowed",
            f"{sas._AGGRESSIVE_RATE:g} a second for all",
            "`too much Aggressive Mode`",
        ),
        (
            "Answers to other versions of IKE",
            f"{invalid_version._PER_SECOND} a second",
            "none is sent",
        ),
        (
            "Packets of EAP each way, in one login",
            _number(authenticator.MOST_ROUNDS),
            "the login fails",
        ),
        ("Tries of EAP-MSCHAPv2 in one login", _number(mschapv2.TRIES), "the login fails"),
        (
            "Octets of one message of EAP-TLS",
            _number(tls_fragments.MOST_MESSAGE),
            "`EAP-TLS message too long`",
        ),
        (
            "A certificate",
            f"{_number(certificate_values.MOST_OCTETS)} octets, "
            f"{certificate_values.MOST_NAMES} names",
            "refused",
        ),
        (
            "Certificates that a peer sends",
            f"{trust.MOST_CERTIFICATES}, {trust._MOST_SIGNATURES} signatures checked",
            "refused",
        ),
    ]


def _peers() -> list[Row]:
    return [
        (
            "Quick Mode exchanges under way in one phase 1",
            _number(quick_mode._MOST_AT_ONCE),
            "`too many exchanges at once`",
        ),
        (
            "Associations of one peer (IKEv1); children of one IKE SA (IKEv2)",
            f"{quick_mode._MOST_ASSOCIATIONS}; {child._MOST_CHILDREN}",
            "refused with NO-PROPOSAL-CHOSEN or NO_ADDITIONAL_SAS",
        ),
        (
            "Pairs of SAs of one association, old ones among them",
            _number(v1_pairs.MOST_PAIRS),
            "the oldest goes",
        ),
        (
            "IKE without an association",
            f"{establishment.IDLE:g} s (IKEv1), {child._CHILDLESS:g} s (IKEv2)",
            "ended",
        ),
        (
            "An association for L2TP without a tunnel in it",
            f"{access.UNUSED_SECONDS:g} s",
            "ended: `no L2TP tunnel in it any more`",
        ),
        (
            "Silence until the peer is asked (`[ipsec] dpd`), and requests without an answer",
            f"{_of(Ike, 'dpd'):g} s, {_of(Ike, 'retransmit_limit')} times",
            "its IKE SA and associations end",
        ),
        (
            "How far packets may be out of order (`replay_window`)",
            f"{_number(_of(Ike, 'window'))} packets; {_number(replay.LARGEST)} at most",
            "counted as replayed",
        ),
        (
            "Packets, and octets, under one key of 3DES",
            f"{_number(life.DES3_PACKETS)}, {_number(life.DES3_OCTETS)}",
            "new keys before that, none afterwards",
        ),
    ]


def _strangers() -> list[Row]:
    return [
        (
            "Answer to one datagram",
            f"1 datagram, {reception.AMPLIFICATION} times as large",
            "shortened; no timer ever sends to a stranger",
        ),
        (
            "Half-open control connections",
            _number(_of(L2tp, "embryonic_limit")),
            "one at random makes room: `half-open control connection made room for another`",
        ),
        (
            "Half-open at one address",
            _number(_of(L2tp, "embryonic_per_address")),
            "`SCCRQ: too many control connections half open at this address`",
        ),
        (
            "Time until SCCCN (`[l2tp] setup_timeout`)",
            f"{_of(L2tp, 'setup_timeout'):g} s",
            "forgotten: `half-open control connection was never completed`",
        ),
        (
            "Octets of a datagram with a control message",
            _number(endpoint.MOST_OCTETS),
            "`control message too long`",
        ),
        (
            "Octets of AVPs of an SCCCN that waits until there is room",
            _number(reception.SCCCN_OCTETS),
            "not kept; the peer sends it again",
        ),
    ]


def _tunnels() -> list[Row]:
    return [
        (
            "Tunnels from one address (`[l2tp] tunnels_per_address`)",
            _number(_of(L2tp, "tunnels_per_address")),
            "StopCCN, result 2, error 4",
        ),
        (
            "Sessions in a tunnel (`[l2tp] sessions_per_tunnel`)",
            _number(_of(L2tp, "sessions_per_tunnel")),
            "CDN, result 4: `call refused, result 4`",
        ),
        (
            "Messages ahead of their turn (`[l2tp] receive_window`)",
            _number(_of(L2tp, "receive_window")),
            "`control message beyond the receive window`",
        ),
        (
            "Octets of AVPs in these",
            _number(control_channel.EARLY_OCTETS),
            "`control message ahead of its turn: no room`; the peer sends it again",
        ),
        (
            "Messages that the peer has not acknowledged, while it asks for calls",
            _number(calls.MOST_ANSWERS),
            "CDN, result 4",
        ),
        (
            "Messages under way to the peer, whatever window it offers",
            _number(_of(L2tp, "send_window")),
            "the others wait",
        ),
        (
            "Refusals of calls that the peer does not acknowledge",
            _number(calls.MOST_REFUSALS),
            "no further refusal is sent",
        ),
        (
            "Transmissions without an answer (`[l2tp] retransmit_limit`)",
            _number(_of(L2tp, "retransmit_limit")),
            "the tunnel ends: `the peer does not answer`",
        ),
        (
            "Callers on their way to an address",
            _number(admission.SETUPS_AT_ONCE),
            "their SCCCNs wait: `control message put off: too many are being set up`",
        ),
        (
            "Of them, counted for one place (IPv4 address, or IPv6 /56)",
            f"1/{admission.SHARE}",
            "what it has above takes no room from others",
        ),
        (
            "Calls on their way in one tunnel",
            _number(admission.CALLS_PER_TUNNEL),
            "CDN, result 4: `call-failed` in the log",
        ),
        (
            "The same, from one place",
            _number(admission.CALLS_PER_PLACE),
            "CDN, result 4: `call-failed` in the log",
        ),
        ("Time for a call until ICCN", f"{_of(L2tp, 'setup_timeout'):g} s", "CDN, result 10"),
    ]


def _callers() -> list[Row]:
    guess, each = GuessLimits(), f"in {line.WINDOW:g} s"
    return [
        ("Time to log in", f"{_of(Ppp, 'auth_timeout'):g} s", "the session ends"),
        (
            "Time until an address",
            f"{_of(Ppp, 'setup_timeout'):g} s",
            "the session ends",
        ),
        (
            "Wrong passwords in a session (`[ppp] auth_tries`)",
            _number(_of(Ppp, "auth_tries")),
            "the session ends",
        ),
        (
            "Wait after a wrong password of a user from one place",
            f"{guess.first_wait:g} s, doubled each time, to {guess.longest_wait:g} s",
            "tries before that are refused without being looked at",
        ),
        (
            "Wrong passwords from one place, in "
            f"{guess.source_window:g} s (IPv4 address, or IPv6 /56)",
            _number(guess.source_failures),
            "users who gave one there wait until the time is over",
        ),
        (
            "The same, in all",
            _number(guess.source_most_failures),
            "all wait there who have not logged in from there before",
        ),
        ("Users and places remembered", _number(guess.entries), "the longest not seen go"),
        ("PPP control packets", f"{line.MOST_PACKETS} {each}", "`control packets, too many`"),
        (
            "Such floods one after the other",
            f"{line.MOST_FLOODED_WINDOWS} times",
            "the session ends",
        ),
        ("Echo-Replies", f"{line.MOST_ECHOES} {each}", "`Echo-Requests, too many`"),
        (
            "Code-Rejects and Protocol-Rejects",
            f"{line.MOST_REJECTS} {each}",
            "`unknown codes, too many`, `unknown protocols, too many`",
        ),
        (
            "Negotiating anew",
            f"{line.MOST_RENEGOTIATIONS} times an hour",
            "the session ends",
        ),
        (
            "LCP Identifications kept",
            f"{lcp.MOST_IDENTIFICATIONS}, of {lcp.MOST_TEXT} octets",
            "`Identifications, empty or too many`",
        ),
    ]


def _parsers() -> list[Row]:
    return [
        ("Octets of an IKE message", _number(header.MOST_OCTETS), "`IKE message too long`"),
        (
            "Fragments of an IKE message",
            f"{ike_fragments.MOST_FRAGMENTS}, {_number(ike_fragments.MOST_OCTETS)} octets together",
            "the message is dropped",
        ),
        (
            "Payloads in an IKE message",
            f"{v1_messages._MOST_PAYLOADS} (IKEv1), {v2_payloads._MOST_PAYLOADS} (IKEv2)",
            "`too many payloads`",
        ),
        (
            "Proposals, and transforms of each",
            f"{v1_payloads._MOST_PROPOSALS} (IKEv1), {v2_sa_payload._MOST_PROPOSALS} (IKEv2), "
            f"{v2_sa_payload._MOST_TRANSFORMS}",
            "`too many proposals`, `too many transforms`",
        ),
        (
            "Traffic selectors in a payload",
            _number(v2_payloads._MOST_SELECTORS),
            "the message is dropped",
        ),
        (
            "An identity",
            f"{_number(identities.MOST_OCTETS)} octets",
            "`identity of wrong length`",
        ),
        (
            "Addresses, networks and names in a configuration payload",
            _number(config_payload._MOST),
            "the others are not looked at",
        ),
        ("AVPs in a message", _number(body.MOST_AVPS), "`too many AVPs`"),
        (
            "PPP options in a packet",
            _number(ppp_options.MOST_OPTIONS),
            "`PPP packet with too many options`",
        ),
        ("Name in a login", f"{formats.MOST_NAME} octets", "`CHAP name too long`"),
        (
            "DHCPv6 options in a message",
            _number(dhcpv6_message.MOST_OPTIONS),
            "`DHCPv6: too many options`",
        ),
        ("Domain names in a list", _number(names.MOST_NAMES), "`too many domain names`"),
        ("Routes in a list", _number(routes.MOST_ROUTES), "`too many routes`"),
    ]


def _data() -> list[Row]:
    return [
        (
            "Data before its session is there",
            f"{early.MESSAGES_PER_SESSION} messages of a session, {early.MESSAGES} of all, "
            f"{early.WAIT:g} s",
            f"`{early.REASON}`",
        ),
        (
            "Messages held to put them in order",
            f"{sequencing.HOLD_AT_MOST} in a session",
            "the gap is given up",
        ),
        (
            "ICMP errors",
            f"{outbound.ERRORS_PER_SESSION} a second for a session, "
            f"{outbound.ERRORS_UNREACHABLE} for no session",
            "none is sent",
        ),
    ]


def _machine() -> list[Row]:
    return [
        (
            "Warnings of one kind from one address",
            f"{Log.BURST} in {Log.WINDOW:g} s",
            "summed up: `suppressed`",
        ),
        (
            "Information and warnings of one kind, from all addresses or none",
            f"{Log.TOTAL} in {Log.WINDOW:g} s",
            "summed up: `suppressed`",
        ),
        ("One field of a log line", f"{FIELD_LIMIT} characters", "cut"),
        ("The sentence of a log line", f"{MESSAGE_LIMIT} characters", "cut"),
        ("Request on the management socket", f"{MAX_LINE} octets", "refused"),
        ("Connections to it", _number(MAX_CONNECTIONS), "closed"),
    ]
