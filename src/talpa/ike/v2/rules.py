"""Which payloads a message must and may have (RFC 7296 1.2, 1.3, 1.4, 2.16, and its appendix C).

Payloads that are not named may stand anywhere and are passed over, as RFC 7296 2.5 wants it; what
is named twice, or is missing, makes the message one that is not understood.
"""

from collections.abc import Mapping

from talpa.ike.v2.numbers import CERT_X509, Kind
from talpa.ike.v2.payloads import CertificateData, Contents

Rules = Mapping[Kind, tuple[int, int]]
"""For each kind: how many at least, how many at most."""

_ONE = (1, 1)
_MAYBE = (0, 1)
_MOST_CERTIFICATES = 8

INIT_REQUEST: Rules = {Kind.SA: _ONE, Kind.KE: _ONE, Kind.NONCE: _ONE}
INIT_RESPONSE: Rules = {Kind.SA: _ONE, Kind.KE: _ONE, Kind.NONCE: _ONE, Kind.CERTREQ: (0, 8)}
INTERMEDIATE: Rules = {Kind.KE: _MAYBE}
AUTH_FIRST_REQUEST: Rules = {
    Kind.ID_I: _ONE,
    Kind.ID_R: _MAYBE,
    Kind.CERT: (0, _MOST_CERTIFICATES),
    Kind.CERTREQ: (0, 8),
    Kind.AUTH: _MAYBE,
    Kind.SA: _ONE,
    Kind.TS_I: _ONE,
    Kind.TS_R: _ONE,
    Kind.CP: _MAYBE,
    Kind.EAP: (0, 0),
    Kind.KE: (0, 0),
}
AUTH_EAP_REQUEST: Rules = {Kind.EAP: _ONE, Kind.AUTH: (0, 0)}
AUTH_LAST_REQUEST: Rules = {Kind.AUTH: _ONE, Kind.EAP: (0, 0)}
AUTH_FIRST_RESPONSE: Rules = {
    Kind.ID_R: _ONE,
    Kind.CERT: (0, _MOST_CERTIFICATES),
    Kind.AUTH: _MAYBE,
    Kind.EAP: _MAYBE,
}
AUTH_EAP_RESPONSE: Rules = {Kind.EAP: _ONE}
AUTH_LAST_RESPONSE: Rules = {Kind.AUTH: _ONE}
CHILD: Rules = {
    Kind.SA: _ONE,
    Kind.NONCE: _ONE,
    Kind.KE: _MAYBE,
    Kind.TS_I: _ONE,
    Kind.TS_R: _ONE,
}
"""A child in a CREATE_CHILD_SA, either way."""
REKEY_IKE: Rules = {
    Kind.SA: _ONE,
    Kind.NONCE: _ONE,
    Kind.KE: _ONE,
    Kind.TS_I: (0, 0),
    Kind.TS_R: (0, 0),
}
FOLLOWUP: Rules = {Kind.KE: _ONE}
INFORMATIONAL: Rules = {Kind.DELETE: (0, 64), Kind.CP: _MAYBE}


def hold(contents: Contents, rules: Rules) -> bool:
    """Whether a message has what it must, and no more of it than it may."""
    by_kind = contents.by_kind
    for kind, (least, most) in rules.items():
        found = by_kind.get(kind)
        count = 0 if found is None else len(found)
        if not least <= count <= most:
            return False
    return True


def certreq(hashes: bytes) -> CertificateData:
    """A request for certificates of these CAs: SHA-1 of their keys, one after another."""
    return CertificateData(CERT_X509, hashes)
