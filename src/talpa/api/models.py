"""The management language: what the server tells of itself, as plain values.

On the socket each value is a JSON object with these names. A reader ignores names that it does not
know, so a newer server may say more.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """One session of one client. "Received" is what came from the client."""

    id: str
    """"tunnel/session", the ids we gave out; "ike/7" for a user of IKEv2 without L2TP."""
    user: str
    """Name as authenticated; empty until then."""
    device: str = ""
    """Computer name, from LCP Identification."""
    system: str = ""
    """What else the client said of itself there."""
    client: str
    """Address and port that the tunnel comes from."""
    ipv4: str | None = None
    ipv6: str | None = None
    """Prefix given to the client."""
    method: str = ""
    """How the user was authenticated: "MS-CHAPv2", "CHAP", "EAP-TLS", ..."""
    pool: str = ""
    since: float
    """Seconds since 1970: when the session came up."""
    age_seconds: float
    idle_seconds: float | None = None
    """Since the last packet from the client; None: there was none."""
    received_packets: int = 0
    received_octets: int = 0
    sent_packets: int = 0
    sent_octets: int = 0
    dropped: int = 0
    mtu: int = 0
    """Octets: largest packet to the client."""
    state: str
    """"negotiating", "authenticating", "up", "closing"."""
    association: int | None = None
    """The IPsec association that carries it; None: it is in the clear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelInfo:
    """One control connection."""

    id: int
    """Tunnel ID that we gave out."""
    peer_id: int
    """Tunnel ID that the peer gave out; 0 until known."""
    host_name: str = ""
    vendor: str = ""
    local: str
    """Address and port at our end."""
    remote: str
    """Address and port of the peer."""
    state: str
    """"connecting", "established", "closing"."""
    sessions: int = 0
    since: float
    """Seconds since 1970."""
    age_seconds: float
    authenticated: bool = False
    """The peer proved that it knows the tunnel secret."""
    association: int | None = None
    """The IPsec association that carries it; None: it is in the clear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """One IPsec association with one peer, through all changes of its keys. Octets are those of
    ESP, "received" those from the peer."""

    id: int
    ike: int
    """Number of the IKE SA that it belongs to."""
    peer: str
    """Address and port of the peer's IKE."""
    local: str
    """Address and port at our end."""
    identity: str
    """What the peer calls itself, as far as it proved it."""
    users: tuple[str, ...] = ()
    """Who is logged in through it."""
    version: int
    """Of IKE: 1 or 2."""
    method: str
    """How the peer proved itself: "PSK", "RSA", "ECDSA", "EAP-MSCHAPv2", ..."""
    credential: str = ""
    """Name of its key, or subject of its certificate."""
    device: str = ""
    """Kind of device, by its vendor ids: "windows", "apple", ..."""
    vendors: tuple[str, ...] = ()
    """The vendor ids that it sent."""
    connection: str = ""
    """Name of the configured link that it is."""
    initiated: bool = False
    """We called."""
    mode: str
    """"transport" or "tunnel"."""
    encapsulation: str
    """"raw" or "udp"."""
    nat: str = ""
    """Who is behind NAT: "peer", "us", "both", or nobody."""
    ike_suite: str
    esp_suite: str = ""
    weak: tuple[str, ...] = ()
    """What of it is only taken because it was allowed by name."""
    since: float
    """Seconds since 1970."""
    age_seconds: float
    idle_seconds: float | None = None
    """Since the last valid packet from the peer; None: there was none."""
    rekeys: int = 0
    """How often its ESP keys were made anew."""
    received_packets: int = 0
    received_octets: int = 0
    sent_packets: int = 0
    sent_octets: int = 0
    replayed: int = 0
    """Packets dropped because they came a second time, or too late to tell."""
    forged: int = 0
    """Packets dropped because they were not the peer's."""
    dropped: int = 0
    """Packets dropped for another reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUsage:
    """How full a pool is. A size of 0: the pool has no such addresses."""

    name: str
    ipv4_used: int = 0
    ipv4_size: int = 0
    ipv6_used: int = 0
    ipv6_size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """A configured link to another router."""

    name: str
    peer: str = ""
    """Name or address of the other end; empty: anywhere."""
    state: str
    """"up", "calling", "waiting" (for the next call), "listening" (the other end calls)."""
    since: float | None = None
    """Seconds since 1970: when it came to that state; None: it has been so since the start."""
    age_seconds: float | None = None
    """The time since then."""
    reason: str = ""
    """Why it is not up, as far as was said the last time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IpsecStatus:
    """IPsec as a whole."""

    listens: tuple[str, ...] = ()
    """Where IKE is answered."""
    policy: str
    required: bool
    """L2TP in the clear gets no answer."""
    ikes: int = 0
    """IKE SAs with peers that have proved who they are."""
    half_open: int = 0
    """IKE SAs under way to that."""
    associations: int = 0
    weak: int = 0
    """Of these, such as use something weak."""
    failures: int = 0
    """Set-ups that came to nothing, since the start."""
    links: tuple[LinkStatus, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """The server as a whole."""

    name: str
    version: str
    pid: int
    since: float
    """Seconds since 1970."""
    uptime_seconds: float
    listens: tuple[str, ...] = ()
    """Where L2TP in the clear is answered."""
    plane: str
    """Name of the data plane: "reference", "native"."""
    tun: str | None = None
    tunnels: int = 0
    sessions: int = 0
    users: int = 0
    """Different users with a session."""
    counters: dict[str, int] = field(default_factory=dict)
    """Everything else that is counted since the start: "sessions set up", "users refused", ..."""
    drops: dict[str, int] = field(default_factory=dict)
    """Input dropped, by reason."""
    pools: tuple[PoolUsage, ...] = ()
    ipsec: IpsecStatus | None = None
    """None: there is none."""
    warnings: tuple[str, ...] = ()
    """What does not work as it should just now, a sentence each."""


def to_json(value: Any) -> Any:
    """A model, or a list of them, as plain JSON values."""
    if isinstance(value, list | tuple):
        return [to_json(v) for v in value]
    if hasattr(value, "__dataclass_fields__"):
        return asdict(value)
    return value


def from_json(kind: type[T], data: object) -> T:
    """The model `kind` in a JSON object. Raises `ValueError` when it is no such thing."""
    if not isinstance(data, dict):
        raise ValueError(f"{kind.__name__}: not a JSON object")
    values = {f.name: data[f.name] for f in fields(kind) if f.name in data}  # type: ignore[arg-type]
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
    if kind is ServerStatus and "pools" in values:
        values["pools"] = tuple(from_json(PoolUsage, pool) for pool in values["pools"])
    if kind is ServerStatus and values.get("ipsec") is not None:
        values["ipsec"] = from_json(IpsecStatus, values["ipsec"])
    if kind is IpsecStatus and "links" in values:
        values["links"] = tuple(from_json(LinkStatus, link) for link in values["links"])
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from None
