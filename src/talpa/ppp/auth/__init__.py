"""Authentication on a PPP link, both sides: PAP, CHAP, MS-CHAP and MS-CHAPv2."""

from talpa.ppp.auth.authenticator import Authenticator
from talpa.ppp.auth.chap import ChapAuthenticator, ChapSupplicant
from talpa.ppp.auth.methods import CHAP_PROTOCOL, METHODS, PAP_PROTOCOL, Method, method_of
from talpa.ppp.auth.outcomes import Failure, Outcome, Success
from talpa.ppp.auth.pap import PapAuthenticator, PapSupplicant
from talpa.ppp.auth.policy import agree, counter, demand, demand_after_nak
from talpa.ppp.auth.supplicant import Supplicant

__all__ = [
    "CHAP_PROTOCOL",
    "METHODS",
    "PAP_PROTOCOL",
    "Authenticator",
    "ChapAuthenticator",
    "ChapSupplicant",
    "Failure",
    "Method",
    "Outcome",
    "PapAuthenticator",
    "PapSupplicant",
    "Success",
    "Supplicant",
    "agree",
    "counter",
    "demand",
    "demand_after_nak",
    "method_of",
]
