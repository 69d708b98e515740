"""How an IKE endpoint behaves. Values only; files are read and checked by the server.

Seconds and octets where not said otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from ipaddress import IPv4Network, IPv6Network

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.crypto.certificates import Credential, Trust
from talpa.esp.sa import Mode, Selector
from talpa.ike.identities import Identity
from talpa.sansio import Path
from talpa.wire import Secret


@dataclass(frozen=True, slots=True)
class Weakness:
    """Something that is only taken because it was allowed by name."""

    what: str
    """"modp1024", "3des", "pfs-modp1024", "sha256-96"."""
    device: str = "any"
    """Class of device as `talpa.ike.devices` tells it: "windows", "apple", "android", "chromeos",
    "routeros", "strongswan"...; "any": all."""
    until: date | None = None
    """The last day; None: no end."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which algorithms are taken and offered, best first. Of what a peer offers, the best by this
    order is chosen, not its first. A suite is compared by encryption, then group, then PRF, then
    integrity."""

    name: str
    encryption: tuple[tuple[EncryptionId, int], ...]
    """Of IKE itself, with key bits (0 where there is one length)."""
    integrity: tuple[IntegrityId, ...]
    """Of IKEv2, for ciphers that are no AEAD."""
    prf: tuple[PrfId, ...]
    """IKEv1: the hash."""
    groups: tuple[GroupId, ...]
    esp_encryption: tuple[tuple[EncryptionId, int], ...]
    esp_integrity: tuple[IntegrityId, ...]
    pfs_groups: tuple[GroupId, ...]
    """Groups taken for PFS when a peer asks for it."""
    additional: tuple[GroupId, ...] = ()
    """ML-KEM as additional key exchange (RFC 9370), best first. Where a peer does not offer one, it
    is done without, unless `require_additional`."""
    require_additional: bool = False
    esn: bool = True
    weak: tuple[Weakness, ...] = ()


@dataclass(frozen=True, slots=True)
class Psk:
    """A pre-shared key, and whom it is for."""

    secret: Secret = field(repr=False)
    name: str = ""
    """What logs call it: the configuration's own name for it, never the key."""
    peer: IPv4Network | IPv6Network | None = None
    """Only peers whose address is in it."""
    identity: Identity | None = None
    """Only the peer of that identity."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Ours. Each side re-keys by its own; IKEv1 says them to the peer (RFC 2407 4.5)."""

    ike: float = 28_800.0
    child: float = 3_600.0
    child_octets: int | None = None
    margin: float = 0.1
    """Share of a life before its end at which re-keying begins, varied by as much again at
    random, so that both ends seldom begin together."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How a particular kind of client goes about it. The defaults are ours; the load generator sets
    them to what real clients do."""

    vendor_ids: tuple[bytes, ...] | None = None
    """Instead of our own, in this order."""
    nonce_octets: int = 32
    natt_drafts: bool = False
    """Offer the drafts of NAT-T beside RFC 3947."""
    message_id: int | None = None
    """Of the first Quick Mode (Windows: 1)."""
    ike_transforms: tuple[tuple[EncryptionId, int, PrfId, GroupId], ...] | None = None
    """IKEv1 phase 1, exactly these in this order; None: by the policy."""
    esp_transforms: tuple[tuple[EncryptionId, int, IntegrityId], ...] | None = None
    """Likewise of phase 2 (IKEv1) or the child (IKEv2)."""
    kilobytes: int | None = None
    """IKEv1: life in KiB offered in phase 2."""
    initial_contact: bool = True
    dpd: bool = True
    local_address: str | None = None
    """The private address that the client has behind its NAT, for its identity and NAT-D."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One peer that we call, or expect by name: `talpa connect`, or a router to router link."""

    name: str
    version: int
    """1 or 2."""
    local_identity: Identity | None = None
    """None: our address; with a certificate, its subject."""
    remote_identity: Identity | None = None
    """Whom we demand at the other end; None: anybody whom the key or trusted CA proves; with a
    certificate `remote_host` must be among its names then."""
    remote_host: str = ""
    """The name by which the peer was called: what a certificate must be for."""
    authentication: str = "psk"
    """How we prove ourselves: "psk", "certificate", "eap"."""
    remote_authentication: str = "psk"
    """How the peer must: "psk", "certificate", or "eap" (EAP-only, RFC 5998)."""
    psk: Psk | None = None
    user: str = ""
    """EAP."""
    password: Secret | None = field(default=None, repr=False)
    mode: Mode = Mode.TRANSPORT
    local: tuple[Selector, ...] = ()
    """Empty: our address, in transport mode UDP port `l2tp_port`; or whatever address the peer
    gives when `ask_address`."""
    remote: tuple[Selector, ...] = ()
    """Empty: the peer's address, in transport mode UDP port 1701."""
    l2tp_port: int = 1701
    ask_address: bool = False
    """IKEv2: ask for an address, name servers and networks (RFC 7296 2.19)."""
    pfs: GroupId | None = None
    aggressive: bool = False
    ah: bool = False
    """Integrity alone, transport mode."""
    force_udp: bool = False
    """Encapsulate in UDP even where no NAT is seen."""
    lifetimes: Lifetimes | None = None
    """None: those of the endpoint."""
    policy: Policy | None = None
    post_quantum_key: Secret | None = field(default=None, repr=False)
    """RFC 8784."""
    post_quantum_id: bytes = b""
    habits: Habits = Habits()


def _no_psks(_remote: str) -> Sequence[Psk]:
    return ()


@dataclass(frozen=True, slots=True)
class Config:
    """An endpoint."""

    policy: Policy
    wall: Callable[[], datetime]
    """The time of day (UTC, aware), for certificates and for the ends of weaknesses."""
    psks: Callable[[str], Sequence[Psk]] = _no_psks
    """Pre-shared keys that a peer of this address may have, most specific first. In IKEv1 Main Mode
    the identity comes too late to choose by: each is tried against its fifth message."""
    identity: Identity | None = None
    """Ours as responder; None: the address that was asked, or the certificate's subject."""
    credential: Credential | None = None
    """Our certificate chain and key."""
    trust: Trust | None = None
    """CAs, revocation, strictness."""
    eap_methods: tuple[str, ...] = ("mschapv2", "tls", "md5")
    """IKEv2: what is offered to clients that ask for EAP, best first. Empty: none."""
    v1: bool = True
    v2: bool = True
    l2tp: bool = True
    """Take transport mode for L2TP: UDP, our port 1701."""
    remote_access: bool = True
    """IKEv2: give addresses to clients that ask for one, in tunnel mode."""
    connections: tuple[Connection, ...] = ()
    """Peers expected by name, each with its selectors."""
    aggressive: bool = False
    """Answer Aggressive Mode: its hash can be guessed offline by anybody who asks (RFC 2409
    5.4)."""
    ah: bool = False
    post_quantum_keys: tuple[tuple[bytes, Secret], ...] = ()
    """(id, key): RFC 8784."""
    require_post_quantum_key: bool = False
    force_udp: bool = False
    """Have every peer encapsulate in UDP, also where no NAT is seen: we cannot take raw ESP."""
    redirect: str = ""
    """IKEv2: send new clients there (RFC 5685): a name or an address."""
    lifetimes: Lifetimes = Lifetimes()
    window: int = 1024
    """Replay window, packets."""
    dpd: float = 30.0
    """Silence after which a peer is asked whether it is still there; 0: never. A peer that did not
    say it understands DPD is never asked (IKEv1)."""
    retransmit_first: float = 2.0
    retransmit_cap: float = 16.0
    retransmit_limit: int = 6
    """Transmissions of one request."""
    half_open: int = 16_384
    half_open_per_place: int = 2_048
    """A place: `sansio.place`. A carrier's NAT is one place."""
    cookies_from: int = 128
    """Half-open IKEv2 SAs in all from which on cookies are asked for; a quarter of it for one
    place."""
    half_open_seconds: float = 30.0
    rate_per_place: float = 200.0
    """New exchanges each second from one place, and as many at once."""
    fragment_octets: int = 1_240
    """Largest IKE datagram that we send where the peer takes fragments."""
    key_log: bool = False
    """Say every key in `KeysMade`."""


@dataclass(frozen=True, slots=True)
class Call:
    """How to reach the peer of a connection."""

    connection: Connection
    path: Path
    """To its port 500."""
    natt_path: Path
    """To its port 4500, from the socket that ESP in UDP uses."""
