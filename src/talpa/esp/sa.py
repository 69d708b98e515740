"""Security associations as values: what IKE hands over, and a data plane installs."""

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from ipaddress import IPv4Address, IPv6Address

from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.esp import suites
from talpa.sansio import Path
from talpa.wire import Secret


class Protocol(IntEnum):
    """Which header protects the packet: IP protocol numbers."""

    ESP = 50
    AH = 51


class Mode(Enum):
    """RFC 4301 4.1."""

    TRANSPORT = "transport"
    TUNNEL = "tunnel"


class Encapsulation(Enum):
    """How ESP crosses the network."""

    RAW = "raw"
    """IP protocol 50 (or 51)."""
    UDP = "udp"
    """RFC 3948, on the sockets that IKE floated to."""


@dataclass(frozen=True, slots=True)
class Suite:
    """How packets of an SA are protected."""

    protocol: Protocol
    encryption: EncryptionId
    """NULL with AH."""
    key_bits: int
    """Of AES; 0 for ciphers of one key length."""
    integrity: IntegrityId
    """NONE with an AEAD cipher. Encryption without integrity is not expressible: making such a
    value, or one of algorithms that we do not have, raises `ValueError`."""
    esn: bool = False
    """Extended (64-bit) sequence numbers (RFC 4303 2.2.1)."""

    def __post_init__(self) -> None:
        ah = self.protocol is Protocol.AH
        suites.check(self.encryption, self.key_bits, self.integrity, ah=ah)

    @property
    def name(self) -> str:
        """As shown to people: "AES-GCM-16-256", "AES-CBC-256/HMAC-SHA2-256-128"."""
        ah = self.protocol is Protocol.AH
        return suites.name(self.encryption, self.key_bits, self.integrity, ah=ah)

    @property
    def key_octets(self) -> int:
        """Octets of KEYMAT for one direction."""
        return suites.key_octets(self.encryption, self.key_bits, self.integrity)


@dataclass(frozen=True, slots=True)
class Limits:
    """Life of an SA. None: no bound. What is reached first counts."""

    seconds: float | None = None
    octets: int | None = None
    packets: int | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """A traffic selector (RFC 7296 3.13.1): a range of addresses and of ports, both ends included.

    Ports 0 to 65535 mean any; protocol 0 means any.
    """

    first: IPv4Address | IPv6Address
    last: IPv4Address | IPv6Address
    protocol: int = 0
    first_port: int = 0
    last_port: int = 0xFFFF


@dataclass(frozen=True, slots=True)
class Sa:
    """One direction: everything needed to protect or to open packets."""

    spi: int
    """32 bits, 256 and above. Inbound: ours, unique among all of ours, ESP and AH alike."""
    suite: Suite
    key: Secret = field(repr=False)
    """KEYMAT for this direction: encryption key (with the salt of an AEAD cipher behind it), then
    integrity key; `suite.key_octets` in all."""
    soft: Limits = Limits()
    """Where reached, the plane says `SaExpiring` once."""
    hard: Limits = Limits()
    """Where reached, the plane says `SaExpired` once and neither sends nor takes any more. An SA
    without ESN ends before its sequence number would wrap, whatever stands here."""
    window: int = 1024
    """Packets of the replay window, inbound: 0 (off) to 4096."""


@dataclass(frozen=True, slots=True)
class AssociationSpec:
    """What stays the same while SAs come and go: the peer, and what may pass."""

    path: Path
    """Where ESP comes from and goes to (`association` 0). With `RAW` the ports mean nothing. With
    UDP: the local address is one of the plane's `natt` sockets."""
    mode: Mode
    encapsulation: Encapsulation
    local: tuple[Selector, ...]
    """What our side may send from and be sent to. In transport mode only protocol and ports count,
    for addresses may have been translated on the way (RFC 3948 5)."""
    remote: tuple[Selector, ...]
    """The same of the peer."""
    keepalive: float | None = None
    """Seconds without a packet to the peer after which one octet 0xFF is sent (RFC 3948 4): set
    when we are behind NAT."""
    mtu: int = 1400
    """Tunnel mode: largest inner packet; the MSS of TCP is lowered to fit."""
