"""Records of phase 2: an exchange under way, and what is remembered of each pair of SAs."""

from dataclasses import dataclass

from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import Offer
from talpa.esp.sa import AssociationSpec, Selector, Suite
from talpa.ike.associations import Pair
from talpa.ike.v1.numbers import Encapsulation
from talpa.ike.v1.payloads import SecurityAssociation
from talpa.ike.v1.retransmission import Outgoing

Ids = tuple[bytes, bytes] | None
"""Bodies of our and the peer's identification payload; None: none were sent."""


@dataclass(slots=True)
class Child:
    """What is remembered of a pair of SAs: enough to negotiate the same again."""

    suite: Suite
    group: GroupId
    """Of PFS; NONE without."""
    encapsulation: Encapsulation
    ids: Ids
    seconds: int
    kilobytes: int | None
    initiated: bool
    began: float
    """When its exchange began here,"""
    done: float | None = None
    """and when it was known that the peer has the pair, too; None: not yet."""


class Quick:
    """One exchange of phase 2 (RFC 2409 5.5)."""

    __slots__ = (
        "association",
        "began",
        "encapsulation",
        "exchange_offer",
        "group",
        "ids",
        "inbound_spi",
        "initiated",
        "iv",
        "message_id",
        "nonce_i",
        "nonce_r",
        "outgoing",
        "pair",
        "proposals",
        "replaces",
        "reply",
        "seen",
        "selectors",
        "spec",
    )

    def __init__(self, message_id: int, now: float, *, initiated: bool) -> None:
        self.message_id = message_id
        self.began = now
        self.initiated = initiated
        self.iv = b""
        self.nonce_i = b""
        self.nonce_r = b""
        self.exchange_offer: Offer | None = None
        self.group = GroupId.NONE
        self.proposals: SecurityAssociation | None = None
        self.inbound_spi = 0
        self.ids: Ids = None
        self.selectors: tuple[tuple[Selector, ...], tuple[Selector, ...]] = ((), ())
        self.spec: AssociationSpec | None = None
        self.encapsulation = Encapsulation.TRANSPORT
        self.association = 0
        """The association that it adds to; 0: a new one."""
        self.replaces: int | None = None
        """Inbound SPI of the pair that is to be replaced."""
        self.pair: Pair | None = None
        self.seen = b""
        """Fingerprint of the peer's last message, and the answer to it."""
        self.reply: bytes | None = None
        self.outgoing: Outgoing | None = None
