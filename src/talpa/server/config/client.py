"""What `talpa connect` is started with, and the URL that names the server."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from talpa.ppp.config import DEFAULT_METHODS
from talpa.wire import Secret

if TYPE_CHECKING:
    from talpa.crypto.certificates import Credential, Trust
    from talpa.ike.config import Policy
    from talpa.ike.identities import Identity

PORT = 1701
IKE_PORT = 500
RECONNECT_FIRST = 1.0
RECONNECT_CAP = 60.0
"""Seconds: the waits between two tries to connect double from the first to the cap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIpsec:
    """IPsec towards the server."""

    version: int
    """Of IKE: 1 or 2."""
    l2tp: bool = True
    """L2TP in transport mode; otherwise IP itself in tunnel mode, with an address that the server
    gives (IKEv2 alone)."""
    authentication: str
    """How we prove who we are: "psk", "certificate", or "eap" with user and password."""
    psk: Secret | None = field(default=None, repr=False)
    credential: "Credential | None" = None
    trust: "Trust | None" = None
    """Who may have signed the server's certificate; None: it proves itself by the key."""
    identity: "Identity | None" = None
    """What we call ourselves; None: our address, the certificate's subject, or the EAP user."""
    server_identity: "Identity | None" = None
    """What the server must call itself; None: with a certificate, the name that was called."""
    policy: "Policy"
    aggressive: bool = False
    """IKEv1: Aggressive Mode."""
    key_log: Path | None = None
    """Directory for Wireshark's tables of keys."""

    @property
    def server_authentication(self) -> str:
        """How the server has to prove itself: "psk" or "certificate"."""
        return "psk" if self.authentication == "psk" else "certificate"

    @property
    def wants_password(self) -> bool:
        """Whether the user's password is needed: by PPP, and by EAP without a certificate."""
        return self.l2tp or (self.authentication == "eap" and self.credential is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """One connection to one server."""

    server: str
    """Host name or address, as given."""
    port: int = PORT
    """Of L2TP in the clear, or of IKE."""
    user: str
    """Empty, as the password, where no user logs in: IKEv2 by a key or a certificate."""
    password: Secret
    ipsec: ClientIpsec | None = None
    """None: L2TP in the clear."""
    tunnel_secret: Secret | None = None
    routes: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks to reach through the tunnel, besides those that the server sends."""
    server_routes: bool = True
    """Reach the networks that the server sends through the tunnel."""
    default_route: bool = False
    """Everything goes through the tunnel."""
    use_dns: bool = True
    """Use the name servers that the server sends."""
    tun: str = "talpa-vpn"
    """Name of the TUN device."""
    mru: int = 1400
    """Octets."""
    methods: tuple[str, ...] = DEFAULT_METHODS
    """Ways of proving who we are that may be used; any other is refused."""
    ipv6: bool = True
    echo_interval: float = 30.0
    """Seconds of silence after which the server is asked whether it is still there; 0: never."""
    reconnect: bool = True
    """Connect again, with growing waits, when the connection ends or cannot be made."""
    reconnect_first: float = RECONNECT_FIRST
    reconnect_cap: float = RECONNECT_CAP
    state_dir: Path = Path("/var/lib/talpa")
    local_port: int = 0
    """UDP port that we send from; 0: any."""
    name: str = ""
    """Host Name that we send; empty: that of this machine."""
    log_level: str = "info"
    log_format: str = "text"


class ServerUrl(NamedTuple):
    """What stands in "l2tp://user@host:port"."""

    user: str
    """Empty when the URL names none."""
    host: str
    port: int
    """Of L2TP in the clear, or of IKE."""
    scheme: str = "l2tp"
    """One of `SCHEMES`."""


class UrlError(ValueError):
    """The URL does not name a server. `hint` says what to write."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
"""RFC 3986 3.1; anything else in front of "://" may be a user's name and password."""
EXAMPLE = "write it as l2tp+ipsec://alice@vpn.example.com"
SCHEMES = {"l2tp": PORT, "l2tp+ipsec": IKE_PORT, "ikev2": IKE_PORT}
"""L2TP in the clear, L2TP in IPsec, and IPsec alone: with the port that is called first."""


def parse_url(text: str, schemes: Collection[str] = tuple(SCHEMES)) -> ServerUrl:
    """The server that a URL names. Raises `UrlError`, whose text holds no password."""
    scheme, separator, rest = text.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        raise UrlError("the server's URL has no scheme", EXAMPLE)
    scheme = scheme.lower()
    if scheme in SCHEMES and scheme not in schemes:
        raise UrlError(f"this command does not know {scheme}://", f"it knows {', '.join(schemes)}")
    if scheme not in SCHEMES:
        raise UrlError(f'"{scheme}" is not a scheme of this program', EXAMPLE)
    try:
        parts = urlsplit(f"//{rest}")
        host, port, user = parts.hostname, parts.port, parts.username
        password = parts.password
    except ValueError:
        raise UrlError(
            "the server's URL has a malformed address or port",
            "ports go from 1 to 65535, and IPv6 addresses stand in brackets: l2tp://alice@[fd00::1]",
        ) from None
    if password is not None:
        raise UrlError(
            "a password must not stand in the URL, where every process on this machine can read it",
            "leave it out: it is asked for, or use --password-file",
        )
    if not host:
        raise UrlError("the server's URL names no host", EXAMPLE)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise UrlError("the server's URL goes on behind the host", EXAMPLE)
    if port == 0:
        raise UrlError("port 0 does not exist", "ports go from 1 to 65535")
    if port is not None and scheme != "l2tp":
        raise UrlError(f"{scheme}:// has no port", "leave it out: IKE has ports 500 and 4500")
    return ServerUrl(unquote(user or ""), host, port or SCHEMES[scheme], scheme)
