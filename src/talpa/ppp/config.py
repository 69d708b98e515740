"""How a PPP link behaves. One frozen value is shared by all links of a kind."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from talpa.wire.secret import Secret

DEFAULT_METHODS = ("mschapv2", "chap")
"""Authentication methods allowed unless configured, best first."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What we prove who we are with, as the peer being authenticated."""

    name: str
    password: Secret
    new_password: Secret | None = None
    """What to change the password to if the peer says that it has expired (MS-CHAP only)."""


@dataclass(frozen=True, slots=True)
class Ipv4Offer:
    """IPCP from the side that hands out addresses; given to a link once the user is known."""

    ours: IPv4Address
    peer: IPv4Address
    dns: tuple[IPv4Address, ...] = ()
    wins: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Habits:
    """How a particular kind of client negotiates. The defaults are ours; the load generator sets
    them to what real clients do."""

    extra_lcp: tuple[tuple[int, bytes], ...] = ()
    """(type, data) of options put into our first Configure-Request (callback, MRRU, ...)."""
    ask_pfc: bool = False
    ask_acfc: bool = False
    ask_accm: bool = True
    identification: tuple[bytes, ...] = ()
    """Messages for LCP Identification, sent when LCP opens (Windows)."""
    ccp: bytes = b""
    """Options of a CCP Configure-Request to try before IPCP; empty: none. What is not granted is
    answered with a Terminate-Request (Windows)."""
    ipv6_first: bool = False
    ask_vj: bool = False
    echo_when_open: bool = False
    """One Echo-Request at once when LCP opens (pppd)."""
    one_count: bool = False
    """Identifiers of all protocols are one count, from 0 (Windows)."""
    ras_farewell: bool = False
    """Terminate-Requests bear an error number of the Remote Access Service (Windows)."""


@dataclass(frozen=True, slots=True)
class Config:
    """Seconds where not said otherwise."""

    mru: int = 1400
    """Octets we are ready to receive; works behind a 1,492-octet line with IPsec around."""
    authenticate: tuple[str, ...] = ()
    """Methods with which the peer must authenticate itself, best first: "mschapv2", "mschap",
    "chap", "pap". Empty: it need not."""
    accept: tuple[str, ...] = DEFAULT_METHODS
    """Methods with which we are ready to authenticate ourselves. Any other is refused."""
    credentials: Credentials | None = None
    insist_on_login: bool = True
    """With `credentials`: refuse a peer that does not ask us to log in. It would be given our
    packets without having shown that it knows our password."""
    name: str = "talpa"
    """Our name in CHAP challenges."""
    ipv4: bool = True
    ipv6: bool = True
    ask_address: bool = False
    """Ask the peer for our IPv4 address and its name servers: the client's side of IPCP."""
    ask_dns: bool = True
    ask_wins: bool = False
    passive: bool = False
    """Wait for the peer's first Configure-Request before sending ours, for a third of
    `restart_timer` at most: for peers that start listening a moment after the call is up."""
    echo_interval: float = 30.0
    """Echo-Request after so long without anything received; 0: never."""
    echo_failures: int = 4
    """Unanswered echoes in a row after which the link has failed."""
    restart_timer: float = 3.0
    max_configure: int = 10
    max_terminate: int = 2
    max_failure: int = 5
    """Configure-Naks before options are rejected (RFC 1661 4.6)."""
    setup_timeout: float = 60.0
    """From `lower_up` to the first network protocol; whoever types a refused password again has up
    to `auth_tries` times `auth_timeout` more. Negotiating LCP anew gives no more time."""
    auth_timeout: float = 30.0
    auth_tries: int = 3
    """Wrong passwords before the link is ended, however often LCP is negotiated anew."""
    rechallenge_interval: float = 0.0
    """CHAP again after so long; 0: never."""
    habits: Habits = Habits()
