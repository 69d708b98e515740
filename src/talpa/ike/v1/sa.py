"""The records: an IKE SA, what its negotiation needs, and the peering that outlives it."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import Offer
from talpa.ike.config import Call, Connection, Psk
from talpa.ike.events import Peer
from talpa.ike.fragments import Reassembly
from talpa.ike.identities import Identity
from talpa.ike.suites import IkeSuite
from talpa.ike.v1.keymat import Keys
from talpa.ike.v1.numbers import AuthMethod, Exchange, Notify
from talpa.ike.v1.quick import Quick
from talpa.ike.v1.retransmission import Outgoing, fingerprint
from talpa.sansio import Path

_NO_QUICKS: Mapping[int, Quick] = MappingProxyType({})
"""Most SAs have no exchange under way."""
_KEPT_REPLIES = 4
_KEPT_IDS = 64


class NatVersion(Enum):
    """Which NAT-T was agreed."""

    NONE = ""
    RFC_3947 = "RFC 3947"
    DRAFT_03 = "draft-ietf-ipsec-nat-t-ike-03"
    DRAFT_02 = "draft-ietf-ipsec-nat-t-ike-02\\n"
    DRAFT_02_BARE = "draft-ietf-ipsec-nat-t-ike-02"

    @property
    def draft(self) -> bool:
        """Numbers of the drafts."""
        return self not in (NatVersion.NONE, NatVersion.RFC_3947)


class Draft:
    """A phase 1 under way: what is forgotten once it stands."""

    __slots__ = (
        "admitted",
        "auth_method",
        "bad",
        "deadline",
        "exchange_offer",
        "group",
        "hint",
        "initial_contact",
        "life",
        "nonce_i",
        "nonce_r",
        "own_identity",
        "parrot",
        "peer_body",
        "peer_identity",
        "peer_public",
        "psk",
        "public",
        "sa_body",
        "said",
        "shared",
        "stage",
        "suite",
        "weak",
    )

    def __init__(self, deadline: float) -> None:
        self.deadline: float | None = deadline
        self.admitted: Path | None = None
        """Counted as half-open there."""
        self.sa_body = b""
        """SAi_b (RFC 2409 5)."""
        self.suite: IkeSuite | None = None
        self.weak: tuple[str, ...] = ()
        self.auth_method = AuthMethod.PSK
        self.life: float = 0.0
        self.exchange_offer: Offer | None = None
        self.group = GroupId.NONE
        """As initiator in Aggressive Mode: of the key exchange sent."""
        self.public = b""
        self.peer_public = b""
        self.shared = b""
        self.nonce_i = b""
        self.nonce_r = b""
        self.own_identity: bytes = b""
        """IDii_b or IDir_b of ours."""
        self.peer_identity: Identity | None = None
        self.peer_body = b""
        """Aggressive Mode: IDii_b."""
        self.psk: Psk | None = None
        self.parrot = b""
        """The peer's first NAT-D hash: what it calls our address."""
        self.initial_contact = False
        self.bad = 0
        """Messages that did not prove what they had to."""
        self.hint = ""
        """What an unprotected notify said: it may be told, and changes nothing."""
        self.said: Notify | None = None
        self.stage = ""


class IkeSa:
    """One ISAKMP SA, from its first message to its end."""

    __slots__ = (
        "answered_dpd",
        "awaits",
        "connection",
        "cookies",
        "device",
        "dpd",
        "dpd_at",
        "dpd_sent",
        "dpd_sequence",
        "draft",
        "exchange",
        "expires",
        "fragment_id",
        "fragments",
        "heard",
        "idle_at",
        "ike",
        "initiated",
        "keys",
        "local_nat",
        "message_ids",
        "microsoft",
        "nat",
        "on_natt",
        "outgoing",
        "path",
        "peer",
        "peering",
        "quicks",
        "reassembly",
        "remote_nat",
        "renew_at",
        "replies",
        "since",
        "uid",
        "vendors",
    )

    def __init__(
        self,
        uid: int,
        cookies: bytes,
        path: Path,
        exchange: Exchange,
        now: float,
        *,
        initiated: bool,
    ) -> None:
        self.uid = uid
        self.ike = 0
        """Number of the peering it will be of, as initiator."""
        self.cookies = cookies
        self.path = path
        self.on_natt = False
        """It runs between the ports of NAT-T (RFC 3947 4)."""
        self.exchange = exchange
        self.initiated = initiated
        self.awaits = 0
        """Number of the message that comes next; 0: it stands."""
        self.draft: Draft | None = None
        self.connection: Connection | None = None
        self.keys: Keys | None = None
        self.peer: Peer | None = None
        self.peering: Peering | None = None
        self.vendors: tuple[str, ...] = ()
        self.device = ""
        self.microsoft = False
        self.nat = NatVersion.NONE
        self.local_nat = False
        self.remote_nat = False
        self.fragments = False
        self.fragment_id = 0
        self.reassembly: Reassembly | None = None
        self.dpd = False
        self.dpd_at: float | None = None
        self.idle_at: float | None = None
        self.dpd_sent = 0
        self.dpd_sequence = 0
        self.answered_dpd = -1
        """Highest sequence number of the peer's that we answered."""
        self.since = now
        self.heard = now
        self.expires: float | None = None
        self.renew_at: float | None = None
        self.outgoing: Outgoing | None = None
        self.replies: tuple[tuple[bytes, bytes | None], ...] = ()
        """Fingerprint of a message that was dealt with, and what was answered."""
        self.message_ids: tuple[int, ...] = ()
        """Of finished exchanges: none begins again."""
        self.quicks: Mapping[int, Quick] = _NO_QUICKS
        """Exchanges of phase 2 under way, by message id."""

    @property
    def spi_i(self) -> bytes:
        """CKY-I."""
        return self.cookies[:8]

    @property
    def up(self) -> bool:
        """Phase 1 is done."""
        return self.awaits == 0

    def enter(self, quick: Quick) -> None:
        """An exchange of phase 2 begins."""
        self.quicks = {**self.quicks, quick.message_id: quick}

    def over(self, message_id: int) -> None:
        """An exchange is finished."""
        self.message_ids = (*self.message_ids[1 - _KEPT_IDS :], message_id)
        if message_id in self.quicks:
            left = {known: quick for known, quick in self.quicks.items() if known != message_id}
            self.quicks = left or _NO_QUICKS

    def stands(self) -> None:
        """Phase 1 is done: of its messages only the last, which is yet to be remembered, may have
        to be answered again."""
        self.awaits = 0
        self.replies = ()

    def remember(self, message: bytes, reply: bytes | None) -> None:
        """Answer this message the same way when it comes again."""
        self.replies = (*self.replies[1 - _KEPT_REPLIES :], (fingerprint(message), reply))


class Peering:
    """What lasts through all phases 1 with one peer: the number its owner knows it by, and how to
    call the peer again."""

    __slots__ = (
        "associations",
        "call",
        "connection",
        "down",
        "key",
        "number",
        "peer",
        "psk",
        "rekeyed",
        "sas",
        "since",
        "starting",
        "wanted",
    )

    def __init__(self, number: int, now: float) -> None:
        self.number = number
        self.since = now
        self.associations: list[int] = []
        """Ids."""
        self.sas: list[IkeSa] = []
        """Those that stand, oldest first: the last one is spoken with."""
        self.starting: IkeSa | None = None
        """One that we are bringing up."""
        self.call: Call | None = None
        self.connection: Connection | None = None
        self.psk: Psk | None = None
        self.peer: Peer | None = None
        self.key: tuple[Identity, str] | None = None
        """(identity, host) it is found by when the peer comes back."""
        self.rekeyed = 0
        self.wanted: list[int | None] = []
        """Phase 2 to begin when a phase 1 stands: inbound SPI of the pair to replace; None: the
        first of the connection."""
        self.down = False

    @property
    def current(self) -> IkeSa | None:
        """The newest that stands."""
        return self.sas[-1] if self.sas else None
