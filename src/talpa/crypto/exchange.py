"""Key exchange: Diffie-Hellman groups and key encapsulation, in one shape.

The initiator makes an `Offer`, whose `public` goes to the responder; that one answers with a value
of its own, and both have the shared secret. What the peer sends is checked as RFC 6989 2 demands
before it is used.
"""

from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
)

from talpa.crypto.algorithms import GroupId
from talpa.crypto.curves import X448, X25519, CurveExchange
from talpa.crypto.kem import MLKEM768, MLKEM1024
from talpa.crypto.modp import ModpExchange
from talpa.crypto.public_values import BadPublicValue
from talpa.sansio import Rng

__all__ = ["GROUPS", "BadPublicValue", "Group", "Offer", "group"]


class Offer(Protocol):
    """The initiator's side of one exchange."""

    @property
    def public(self) -> bytes:
        """What the responder is sent: `public_octets`."""

    def finish(self, reply: bytes) -> bytes:
        """The shared secret; raises `BadPublicValue` when the reply is none."""


class Exchange(Protocol):
    """How a kind of group goes about it."""

    def initiate(self, rng: Rng) -> Offer:
        """See `Group`."""

    def respond(self, rng: Rng, public: bytes) -> tuple[bytes, bytes]:
        """See `Group`."""


@dataclass(frozen=True, slots=True)
class Group:
    """One group or KEM."""

    id: GroupId
    name: str
    """"ECP-256"."""
    public_octets: int
    """Of what the initiator sends."""
    reply_octets: int
    """Of what the responder sends."""
    kem: bool
    exchange: Exchange = field(repr=False)

    def initiate(self, rng: Rng) -> Offer:
        """Begin an exchange."""
        return self.exchange.initiate(rng)

    def respond(self, rng: Rng, public: bytes) -> tuple[bytes, bytes]:
        """Our reply to the initiator's value, and the shared secret; raises `BadPublicValue`.

        ML-KEM draws what it needs of chance from the library and not from `rng`.
        """
        return self.exchange.respond(rng, public)


def _modp(id_: GroupId, bits: int, added: int, exponent: int, *, known: bool = True) -> Group:
    octets = bits // 8
    made = ModpExchange(bits, added, exponent, known=known)
    return Group(id_, f"MODP-{bits}", octets, octets, kem=False, exchange=made)


def _ecp(id_: GroupId, curve: EllipticCurve) -> Group:
    made = CurveExchange(curve)
    name = f"ECP-{curve.key_size}"
    return Group(id_, name, made.octets, made.octets, kem=False, exchange=made)


GROUPS = (
    Group(GroupId.X25519, "X25519", 32, 32, kem=False, exchange=X25519),
    Group(GroupId.X448, "X448", 56, 56, kem=False, exchange=X448),
    _ecp(GroupId.ECP256, SECP256R1()),
    _ecp(GroupId.ECP384, SECP384R1()),
    _ecp(GroupId.ECP521, SECP521R1()),
    _modp(GroupId.MODP1024, 1024, 129093, 192, known=False),
    _modp(GroupId.MODP1536, 1536, 741804, 224),
    _modp(GroupId.MODP2048, 2048, 124476, 256),
    _modp(GroupId.MODP3072, 3072, 1690314, 288),
    _modp(GroupId.MODP4096, 4096, 240904, 336),
    Group(GroupId.MLKEM768, "ML-KEM-768", 1184, 1088, kem=True, exchange=MLKEM768),
    Group(GroupId.MLKEM1024, "ML-KEM-1024", 1568, 1568, kem=True, exchange=MLKEM1024),
)
"""Everything that we know; what is taken is the policies' affair."""

_BY_ID = {each.id: each for each in GROUPS}


def group(id_: GroupId) -> Group:
    """The group of that transform id; `LookupError` when we have none such."""
    return _BY_ID[id_]
