"""What an IKE SA holds only until both ends have proved themselves."""

from typing import TYPE_CHECKING

from talpa.crypto.algorithms import GroupId
from talpa.crypto.exchange import Offer
from talpa.ike.config import Call
from talpa.ike.devices import vendor_names
from talpa.ike.identities import Identity
from talpa.ike.policies import IkeOffer
from talpa.ike.v2.numbers import Kind
from talpa.ike.v2.payloads import Contents

if TYPE_CHECKING:
    from talpa.eap.authenticator import Authenticator
    from talpa.eap.peer import Peer as EapPeer
    from talpa.ike.config import Psk


class Handshake:
    """From IKE_SA_INIT to the end of IKE_AUTH."""

    __slots__ = (
        "additional",
        "authenticated_i",
        "authenticated_r",
        "ca_hashes",
        "call",
        "child_spi",
        "cookie",
        "credential",
        "device",
        "eap",
        "eap_only",
        "eap_peer",
        "first_auth",
        "hashes",
        "local_id_body",
        "message_i",
        "message_r",
        "method",
        "mismatch",
        "msk",
        "nonce_i",
        "nonce_r",
        "offer",
        "offers",
        "ppk",
        "ppk_used",
        "psk",
        "quiet",
        "refusal",
        "remote_id",
        "remote_id_body",
        "request",
        "response",
        "shared",
        "stage",
        "tries",
        "user",
        "vendors",
        "wanted_id",
        "weak",
    )

    def __init__(self) -> None:
        self.message_i = b""
        """IKE_SA_INIT as sent: RealMessage1,"""
        self.message_r = b""
        """and RealMessage2 (RFC 7296 2.15)."""
        self.nonce_i = b""
        self.nonce_r = b""
        self.shared = b""
        """Of the first key exchange, until the keys are derived."""
        self.offer: Offer | None = None
        """Initiator: our half of a key exchange."""
        self.offers: tuple[IkeOffer, ...] = ()
        self.additional: tuple[GroupId, ...] = ()
        """Key exchanges that are still to be done (RFC 9370)."""
        self.authenticated_i = b""
        """IntAuth_i and"""
        self.authenticated_r = b""
        """IntAuth_r of RFC 9242."""
        self.first_auth = 0
        """Message id of the first IKE_AUTH."""
        self.hashes: tuple[int, ...] = ()
        """Hashes for signatures that the peer takes (RFC 7427)."""
        self.vendors: tuple[bytes, ...] = ()
        self.device = ""
        self.weak: tuple[str, ...] = ()
        self.ppk = False
        """Both said USE_PPK (RFC 8784)."""
        self.ppk_used = False
        self.ca_hashes = b""
        """The CAs that the peer asked a certificate of."""
        self.call: Call | None = None
        self.cookie = b""
        self.tries = 0
        """Times that IKE_SA_INIT began anew: cookies and key exchange groups."""
        self.refusal = ""
        """Initiator: an error that came without protection. It counts when nothing better comes."""
        self.mismatch: tuple[tuple[str, ...], tuple[str, ...]] = (), ()
        """What goes with it: our offers, and what the peer said of them."""
        self.quiet = False
        """Its failure is known already."""
        self.stage = "IKE_SA_INIT"
        self.remote_id: Identity | None = None
        self.remote_id_body = b""
        """As in the ID payload, for AUTH."""
        self.local_id_body = b""
        self.wanted_id: Identity | None = None
        """Responder: the IDr that the initiator asked for."""
        self.request: Contents | None = None
        """Responder: the first IKE_AUTH, whose child is made in the last."""
        self.child_spi = 0
        """Initiator: the SPI in our offer of a child."""
        self.method = ""
        self.credential = ""
        self.psk: Psk | None = None
        self.eap: Authenticator | None = None
        self.eap_peer: EapPeer | None = None
        self.eap_only = False
        self.msk: bytes | None = None
        """After EAP: what both prove with; empty: the method made no key."""
        self.user = ""
        """Responder: whom EAP found."""
        self.response: list[tuple[Kind, object]] | None = None
        """Responder: what is ready of the last response while an address is waited for."""

    def vendor_names(self) -> tuple[str, ...]:
        """Names of the peer's vendor ids."""
        return vendor_names(self.vendors)
