"""Which payloads a message must have, may have, how often, and which comes first.

One row for each message of each exchange (RFC 2409 5, RFC 3947 3 and 5). Payload numbers for
private use that nobody declared are passed over; reserved ones spoil the message (RFC 2408 5.3).
"""

from typing import Final, NamedTuple

from talpa.ike.v1.numbers import Exchange, PayloadType
from talpa.ike.v1.payloads import DECLARATIONS
from talpa.wire import Malformed

_P = PayloadType
_FIRST_PRIVATE = 128

Payloads = dict[int, list[bytes]]
"""Bodies by payload type, in the order they came."""


class Rule(NamedTuple):
    """One message."""

    name: str
    counts: dict[int, tuple[int, int]]
    """(least, most) by payload type."""
    first: int = 0
    """The type that must come first; 0: any."""
    protected: bool = False
    """It comes encrypted, and only so."""


_COMMON: Final[dict[int, tuple[int, int]]] = {
    _P.VENDOR_ID: (0, 48),
    _P.NOTIFY: (0, 8),
    _P.CERT_REQ: (0, 16),
}
_NAT_D: Final[dict[int, tuple[int, int]]] = {_P.NAT_D: (0, 8), _P.NAT_D_DRAFT: (0, 8)}
_NAT_OA: Final[dict[int, tuple[int, int]]] = {_P.NAT_OA: (0, 2), _P.NAT_OA_DRAFT: (0, 2)}
_PROOF: Final[dict[int, tuple[int, int]]] = {_P.HASH: (0, 1), _P.SIG: (0, 1), _P.CERT: (0, 8)}

MM_1: Final = Rule("Main Mode, message 1", {_P.SA: (1, 1), **_COMMON}, _P.SA)
MM_2: Final = Rule("Main Mode, message 2", {_P.SA: (1, 1), **_COMMON}, _P.SA)
_MM_KEYS = {_P.KE: (1, 1), _P.NONCE: (1, 1), **_NAT_D, **_COMMON}
MM_3: Final = Rule("Main Mode, message 3", _MM_KEYS)
MM_4: Final = Rule("Main Mode, message 4", _MM_KEYS)
_MM_PROOF = {_P.ID: (1, 1), **_PROOF, **_COMMON}
MM_5: Final = Rule("Main Mode, message 5", _MM_PROOF, protected=True)
MM_6: Final = Rule("Main Mode, message 6", _MM_PROOF, protected=True)
AM_1: Final = Rule(
    "Aggressive Mode, message 1",
    {_P.SA: (1, 1), _P.KE: (1, 1), _P.NONCE: (1, 1), _P.ID: (1, 1), **_COMMON},
    _P.SA,
)
AM_2: Final = Rule(
    "Aggressive Mode, message 2",
    {
        _P.SA: (1, 1),
        _P.KE: (1, 1),
        _P.NONCE: (1, 1),
        _P.ID: (1, 1),
        **_PROOF,
        **_NAT_D,
        **_COMMON,
    },
    _P.SA,
)
AM_3: Final = Rule("Aggressive Mode, message 3", {**_PROOF, **_NAT_D, **_COMMON})
_QM = {
    _P.HASH: (1, 1),
    _P.SA: (1, 1),
    _P.NONCE: (1, 1),
    _P.KE: (0, 1),
    _P.ID: (0, 2),
    **_NAT_OA,
    _P.NOTIFY: (0, 8),
    _P.VENDOR_ID: (0, 8),
}
QM_1: Final = Rule("Quick Mode, message 1", _QM, _P.HASH, protected=True)
QM_2: Final = Rule("Quick Mode, message 2", _QM, _P.HASH, protected=True)
QM_3: Final = Rule(
    "Quick Mode, message 3", {_P.HASH: (1, 1), _P.NOTIFY: (0, 8)}, _P.HASH, protected=True
)
INFORMATIONAL: Final = Rule(
    "informational",
    {_P.HASH: (1, 1), _P.NOTIFY: (0, 8), _P.DELETE: (0, 8), _P.VENDOR_ID: (0, 8)},
    _P.HASH,
    protected=True,
)
INFORMATIONAL_IN_CLEAR: Final = Rule(
    "informational, unprotected", {_P.NOTIFY: (0, 8), _P.DELETE: (0, 8), _P.VENDOR_ID: (0, 8)}
)
TRANSACTION: Final = Rule(
    "transaction",
    {_P.HASH: (1, 1), _P.ATTRIBUTES: (1, 1), _P.VENDOR_ID: (0, 8)},
    _P.HASH,
    protected=True,
)

RULES: Final[dict[tuple[Exchange, int], Rule]] = {
    (Exchange.MAIN, 1): MM_1,
    (Exchange.MAIN, 2): MM_2,
    (Exchange.MAIN, 3): MM_3,
    (Exchange.MAIN, 4): MM_4,
    (Exchange.MAIN, 5): MM_5,
    (Exchange.MAIN, 6): MM_6,
    (Exchange.AGGRESSIVE, 1): AM_1,
    (Exchange.AGGRESSIVE, 2): AM_2,
    (Exchange.AGGRESSIVE, 3): AM_3,
    (Exchange.QUICK, 1): QM_1,
    (Exchange.QUICK, 2): QM_2,
    (Exchange.QUICK, 3): QM_3,
    (Exchange.INFORMATIONAL, 1): INFORMATIONAL,
    (Exchange.TRANSACTION, 1): TRANSACTION,
}
"""By exchange and number of the message in it."""


def check(rule: Rule, payloads: list[tuple[int, bytes]]) -> Payloads:
    """The payloads of a message, sorted by type. Raises `Malformed` when one is missing, too many,
    not allowed, or of a wrong size."""
    found: Payloads = {}
    if rule.first and (not payloads or payloads[0][0] != rule.first):
        raise Malformed("first payload is not the one it must be", rule.name)
    for kind, body in payloads:
        if kind not in rule.counts:
            if kind >= _FIRST_PRIVATE and kind not in DECLARATIONS:
                continue
            raise Malformed("payload not allowed here", f"{PayloadType(kind)} in {rule.name}")
        codec = DECLARATIONS[kind].codec
        if len(body) < codec.least or (codec.most is not None and len(body) > codec.most):
            raise Malformed("payload of wrong length", f"{PayloadType(kind)}: {len(body)} octets")
        found.setdefault(kind, []).append(body)
    for kind, (least, most) in rule.counts.items():
        count = len(found.get(kind, ()))
        if not least <= count <= most:
            raise Malformed(
                "payload missing or too often", f"{count} {PayloadType(kind)} in {rule.name}"
            )
    return found
