"""EAP (RFC 3748): both parties, for IKEv2 and PPP alike."""

from talpa.eap.authenticator import Authenticator, Step
from talpa.eap.methods import METHODS
from talpa.eap.outcomes import Failure, Outcome, Success
from talpa.eap.peer import Peer, PeerStep
from talpa.eap.tls_settings import TlsSettings

__all__ = [
    "METHODS",
    "Authenticator",
    "Failure",
    "Outcome",
    "Peer",
    "PeerStep",
    "Step",
    "Success",
    "TlsSettings",
]
