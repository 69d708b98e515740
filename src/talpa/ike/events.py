"""What an IKE endpoint tells its owner. Drain events before transmits: an inbound SA must be there
before the message goes out that lets the peer use it."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from talpa.crypto.credentials import Attempt
from talpa.esp.sa import AssociationSpec, Sa
from talpa.ike.identities import Identity
from talpa.sansio import Path


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end, as far as it proved it."""

    version: int
    path: Path
    identity: Identity
    method: str
    """How it proved itself: "PSK", "RSA", "ECDSA", "Ed25519", "EAP-MSCHAPv2", "EAP-TLS"..."""
    credential: str
    """The name of the PSK, the subject of the certificate, or the user."""
    device: str
    """Class of device by its vendor ids and habits: "windows", "apple", ..., "" when unknown."""
    vendors: tuple[str, ...]
    """Vendor ids by name; unknown ones in hex."""
    suite: str
    """"AES-CBC-256/SHA-1/ECP-384"."""
    weak: tuple[str, ...]
    """What of it is only there because it was allowed by name: `Weakness.what`."""
    we_are_behind_nat: bool
    peer_is_behind_nat: bool
    initiated: bool
    connection: str = ""
    """Name of the `Connection` that it is, if any."""


@dataclass(frozen=True, slots=True)
class IkeUp:
    """The peer is authenticated. `ike` numbers the IKE SA and those that replace it by
    re-keying."""

    ike: int
    peer: Peer


@dataclass(frozen=True, slots=True)
class IkeRekeyed:
    """A new phase 1 stands in for the old."""

    ike: int
    peer: Peer


@dataclass(frozen=True, slots=True)
class IkeDown:
    """An IKE SA that was up is gone; each of its associations has its own event before, unless
    another IKE SA took them over."""

    ike: int
    reason: str
    by_peer: bool


@dataclass(frozen=True, slots=True)
class IkeFailed:
    """An IKE SA never came up, or a child was refused."""

    path: Path
    identity: Identity | None
    stage: str
    """Where: "phase 1, message 5", "IKE_AUTH"..."""
    reason: str
    """A person's sentence: what happened, why, what to do."""
    offered: tuple[str, ...] = ()
    """On a mismatch: what the initiator offered,"""
    allowed: tuple[str, ...] = ()
    """and what the responder would have taken; of a peer as far as it said so, which it hardly
    ever does."""
    connection: str = ""
    initiated: bool = False
    by_peer: bool = False
    """The peer said so."""


@dataclass(frozen=True, slots=True)
class PeerAttempted:
    """EAP: somebody tried to authenticate; answer with `Endpoint.verdict`. A certificate's attempt
    (EAP-TLS) is accepted whatever the password: `method` "EAP-TLS"."""

    ike: int
    path: Path
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class AddressWanted:
    """IKEv2: an authenticated peer asks for addresses; answer with `Endpoint.offer` or
    `Endpoint.refuse_address`."""

    ike: int
    peer: Peer
    user: str
    """Whom to give it: the EAP user, or the identity as text."""
    ipv4: bool
    ipv6: bool


@dataclass(frozen=True, slots=True)
class AddressOffer:
    """What a client is given (RFC 7296 3.15)."""

    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None
    dns: tuple[IPv4Address | IPv6Address, ...] = ()
    search: tuple[str, ...] = ()
    routes: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks behind us; empty: everything."""


@dataclass(frozen=True, slots=True)
class AddressGiven:
    """As client: what the peer gave us."""

    ike: int
    offer: AddressOffer


@dataclass(frozen=True, slots=True)
class AssociationUp:
    """A new association; its first SAs follow in `SasAdded`."""

    association: int
    ike: int
    spec: AssociationSpec
    peer: Peer


@dataclass(frozen=True, slots=True)
class SasAdded:
    """A pair of SAs of an association, the first or a re-keyed one. The inbound one is to be taken
    at once; the outbound one only when `use`, or when `SaUsed` says so."""

    association: int
    inbound: Sa
    outbound: Sa
    use: bool


@dataclass(frozen=True, slots=True)
class SaUsed:
    """From now on the outbound SA of this SPI is sent with."""

    association: int
    outbound_spi: int


@dataclass(frozen=True, slots=True)
class SasRemoved:
    """A pair of SAs is gone."""

    association: int
    inbound_spi: int
    outbound_spi: int


@dataclass(frozen=True, slots=True)
class AssociationMoved:
    """The peer is reached another way now."""

    association: int
    path: Path


@dataclass(frozen=True, slots=True)
class AssociationDown:
    """An association is gone, with all its SAs."""

    association: int
    reason: str
    by_peer: bool


@dataclass(frozen=True, slots=True)
class Redirected:
    """As client: the peer wants us to call somebody else."""

    ike: int
    to: str


@dataclass(frozen=True, slots=True)
class KeysMade:
    """For the key log: a line of Wireshark's table of that name."""

    table: str
    """"ikev1_decryption_table", "ikev2_decryption_table" or "esp_sa"."""
    line: str = field(repr=False)


Event = (
    IkeUp
    | IkeRekeyed
    | IkeDown
    | IkeFailed
    | PeerAttempted
    | AddressWanted
    | AddressGiven
    | AssociationUp
    | SasAdded
    | SaUsed
    | SasRemoved
    | AssociationMoved
    | AssociationDown
    | Redirected
    | KeysMade
)
