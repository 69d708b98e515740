"""Every option of the configuration file, written once: name, type, unit, default, what it is for.

The loader, `talpa check-config`, the reference page and the annotated sample all come from here.
What depends on several options at once is in `talpa.server.config.checks`.
"""

from typing import Annotated, Literal

from talpa.server.config.fields import (
    DeviceName,
    Domain,
    FilePath,
    Ip,
    Ipv4,
    Listen,
    Many,
    Name,
    Network,
    Network4,
    Network6,
    SecretText,
)
from talpa.server.config.ipsec_schema import Ipsec
from talpa.server.config.section import Section, option

Method = Literal["mschapv2", "mschap", "chap", "pap"]


class Server(Section):
    """The running process."""

    name: Name = option(
        "Name of this server, as peers see it: Host Name of L2TP, and the name in CHAP challenges.",
        default="talpa",
        example="vpn.example.com",
    )
    state_dir: FilePath = option(
        "Directory for what must outlive a restart: changed passwords, marks for cleaning up.",
        default="/var/lib/talpa",
    )
    socket: FilePath = option(
        "Unix socket on which `talpa sessions` and the other commands reach the server.",
        default="/run/talpa/talpa.sock",
    )
    forward: bool = option(
        "Switch IP forwarding on while the server runs, and back at its end.", default=True
    )
    masquerade: bool = option(
        "Hide clients behind this host's own addresses, for networks that have no route back.",
        default=False,
    )
    client_to_client: bool = option("Let packets of one client go to another client.", default=True)
    log_level: Literal["debug", "info", "warning", "error"] = option(
        "Least severe messages that are logged.", default="info"
    )
    log_format: Literal["text", "json"] = option(
        "Log lines for people, or one JSON object for each line.", default="text"
    )


class L2tpPeer(Section):
    """A peer with a tunnel secret of its own."""

    host_name: Name = option("Host Name that the peer sends.", example="lac.example.net")
    secret: SecretText = option("Tunnel secret shared with it.", example="tunnel secret")


class L2tp(Section):
    """L2TP: where it is answered, and how tunnels behave."""

    listen: Annotated[tuple[Listen, ...], Many] = option(
        'Addresses and UDP ports to answer on; IPv6 in brackets: "[::]:1701".',
        default=("0.0.0.0:1701",),
        min_length=1,
    )
    secret: SecretText | None = option(
        "Tunnel secret for every peer that has none of its own. Without one, peers that have none "
        "are refused if another has; if nobody has, tunnels are not authenticated; users still "
        "are.",
        default=None,
        example="tunnel secret",
    )
    tunnel_host_name: Name | None = option(
        "Host Name that this end sends. Without it, the server's name.",
        default=None,
        example="lns.example.com",
    )
    hello_interval: float = option(
        "Silence after which HELLO asks the peer whether it is still there.",
        default=60.0,
        unit="seconds",
        ge=1,
        le=86_400,
    )
    receive_window: int = option(
        "How many control messages a peer may send before one is acknowledged.",
        default=16,
        unit="messages",
        ge=1,
        le=1024,
    )
    retransmit_limit: int = option(
        "Transmissions of one control message without an answer before the peer counts as gone.",
        default=6,
        unit="times",
        ge=2,
        le=20,
    )
    retransmit_cap: float = option(
        "Longest wait between two retransmissions (RFC 2661 5.8: not below 8).",
        default=8.0,
        unit="seconds",
        ge=8,
        le=120,
    )
    setup_timeout: float = option(
        "Time that a tunnel, and a call in it, has to be set up.",
        default=30.0,
        unit="seconds",
        ge=5,
        le=600,
    )
    tunnels_per_address: int = option(
        "Tunnels from one address; a carrier's NAT holds many behind one.",
        default=20_000,
        unit="tunnels",
        ge=1,
        le=65_535,
    )
    sessions_per_tunnel: int = option(
        "Sessions in one tunnel.", default=65_000, unit="sessions", ge=1, le=65_535
    )
    peers: Annotated[tuple[L2tpPeer, ...], Many] = option(
        "Peers with a tunnel secret of their own.", default=(), alias="peer"
    )


class Ppp(Section):
    """PPP: what is negotiated inside a session."""

    authentication: Annotated[tuple[Method, ...], Many] = option(
        "Ways in which users may prove who they are, best first: mschapv2, mschap, chap, pap. pap "
        "sends the password itself, and mschap is broken: leave both out unless a client needs "
        "them.",
        default=("mschapv2", "chap"),
        min_length=1,
    )
    mru: int = option(
        "Largest packet in a session. 1400 fits through IPsec behind a PPPoE line of 1492 octets.",
        default=1400,
        unit="octets",
        ge=576,
        le=1500,
    )
    ipv6: bool = option("Offer IPv6 in sessions whose pool has IPv6 networks.", default=True)
    echo_interval: float = option(
        "Silence after which LCP Echo-Request asks the client whether it is still there; 0: never.",
        default=30.0,
        unit="seconds",
        ge=0,
        le=3600,
    )
    echo_failures: int = option(
        "Unanswered echoes in a row after which the client counts as gone.",
        default=4,
        unit="times",
        ge=1,
        le=100,
    )
    auth_tries: int = option(
        "Wrong passwords before the session is ended.", default=3, unit="times", ge=1, le=10
    )
    idle_timeout: float | None = option(
        "End a session that carries no traffic for so long. Without it, never. A pool or a user "
        "can set it too, and then that counts.",
        default=None,
        unit="seconds",
        example="1800",
        ge=1,
    )
    session_timeout: float | None = option(
        "End a session that is so old. Without it, never. A pool or a user can set it too, and "
        "then that counts.",
        default=None,
        unit="seconds",
        example="86400",
        ge=1,
    )


class Dataplane(Section):
    """What moves the packets."""

    backend: Literal["reference", "native"] = option(
        "Which data plane: reference (Python). native is not part of this version.",
        default="reference",
    )
    tun: DeviceName = option("Name of the TUN device that all clients share.", default="talpa0")
    mtu: int | None = option(
        "MTU of the TUN device. Without it, the mru of [ppp].",
        default=None,
        unit="octets",
        example="1400",
        ge=576,
        le=65_535,
    )
    receive_buffer: int = option(
        "Socket buffer asked of the kernel, so that many calls at once are not lost in it.",
        default=4 << 20,
        unit="octets",
        ge=65_536,
        le=1 << 30,
    )


class Pool(Section):
    """Addresses for clients, and what goes with them."""

    name: Name = option("Name of the pool.", example="staff")
    ipv4: Network4 = option("Network that IPv4 addresses are taken from.", example="10.77.0.0/24")
    ipv6: Network6 | None = option(
        "Network that IPv6 prefixes are taken from: each session gets a /64 of it, and the first "
        "is the server's.",
        default=None,
        example="fd77::/56",
    )
    gateway: Ipv4 | None = option(
        "Address of the server inside the sessions. Without it, the first of the network.",
        default=None,
        example="10.77.0.1",
    )
    dns: Annotated[tuple[Ip, ...], Many] = option(
        "Name servers for the clients, IPv4 and IPv6.",
        default=(),
        example='["10.20.0.53"]',
        max_length=8,
    )
    wins: Annotated[tuple[Ipv4, ...], Many] = option(
        "WINS (NBNS) servers for the clients.", default=(), example='["10.77.0.2"]', max_length=2
    )
    routes: Annotated[tuple[Network, ...], Many] = option(
        "Networks that clients are told to reach through the tunnel (split tunnelling). Without "
        "it, the client decides.",
        default=(),
        example='["10.0.0.0/8"]',
        max_length=64,
    )
    search: Annotated[tuple[Domain, ...], Many] = option(
        "Domains that clients search names in.",
        default=(),
        example='["example.com"]',
        max_length=16,
    )
    idle_timeout: float | None = option(
        "As in [ppp], for this pool.", default=None, unit="seconds", example="1800", ge=1
    )
    session_timeout: float | None = option(
        "As in [ppp], for this pool.", default=None, unit="seconds", example="86400", ge=1
    )


class User(Section):
    """Somebody who may connect."""

    name: Name = option("Name to log in with, without a domain.", example="alice")
    password: SecretText = option("Password.", example="correct horse")
    pool: Name | None = option(
        "Pool that addresses come from. Without it, the first one.", default=None, example="staff"
    )
    address: Ipv4 | None = option(
        "Fixed IPv4 address, inside the pool. Without it, any free one.",
        default=None,
        example="10.77.0.50",
    )
    sessions: int | None = option(
        "Sessions at once. Without it, no limit.", default=None, unit="sessions", example="2", ge=1
    )
    ipv6: bool = option("Give the user IPv6 where the pool has it.", default=True)
    disabled: bool = option("Let nobody in under this name.", default=False)
    change_password: bool = option(
        "Let the user change the password from the client (MS-CHAP and MS-CHAPv2).", default=False
    )
    password_expired: bool = option(
        "Tell the user that the password has expired, and let nobody in until it is changed.",
        default=False,
    )
    idle_timeout: float | None = option(
        "As in [ppp], for this user.", default=None, unit="seconds", example="1800", ge=1
    )
    session_timeout: float | None = option(
        "As in [ppp], for this user.", default=None, unit="seconds", example="86400", ge=1
    )


class Settings(Section):
    """The whole configuration file."""

    server: Server = option("The running process.", default=Server())
    l2tp: L2tp = option("L2TP: where it is answered, and how tunnels behave.", default=L2tp())
    ipsec: Ipsec = option(
        "IPsec: who may call through it, with which keys and algorithms.", default=Ipsec()
    )
    ppp: Ppp = option("PPP: what is negotiated inside a session.", default=Ppp())
    dataplane: Dataplane = option("What moves the packets.", default=Dataplane())
    pools: Annotated[tuple[Pool, ...], Many] = option(
        "Addresses for clients, and what goes with them.", default=(), alias="pool"
    )
    users: Annotated[tuple[User, ...], Many] = option("Who may connect.", default=(), alias="user")
