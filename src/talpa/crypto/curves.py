"""Elliptic curves: the ECP groups (RFC 5903), X25519 and X448 (RFC 8031)."""

from collections.abc import Callable
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    EllipticCurve,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from talpa.crypto.public_values import BadPublicValue, check_length
from talpa.sansio import Rng

_UNCOMPRESSED = b"\x04"
"""In front of a point in X9.62; not on the wire (RFC 5903 7)."""
_ECDH = ECDH()
_SPARE_OCTETS = 8
"""Of chance, beyond what a secret has, so that all are as good as equally likely."""


class CurveExchange:
    """See `exchange.Exchange`. Public: both coordinates; shared: the x coordinate (RFC 5903 7)."""

    __slots__ = ("_curve", "_secret_octets", "octets")

    def __init__(self, curve: EllipticCurve) -> None:
        self._curve = curve
        self._secret_octets = -(-curve.key_size // 8) + _SPARE_OCTETS
        self.octets = 2 * -(-curve.key_size // 8)

    def initiate(self, rng: Rng) -> "CurveOffer":
        """See `exchange.Group`."""
        return CurveOffer(self, self._draw(rng))

    def respond(self, rng: Rng, public: bytes) -> tuple[bytes, bytes]:
        """See `exchange.Group`."""
        point = self.point(public)
        secret = self._draw(rng)
        return public_octets(secret), secret.exchange(_ECDH, point)

    def point(self, public: bytes) -> EllipticCurvePublicKey:
        """The point; raises `BadPublicValue` unless it is on the curve (RFC 6989 2.3). Cofactors
        are 1, so it is in the group then."""
        check_length(public, self.octets)
        try:
            return EllipticCurvePublicKey.from_encoded_point(self._curve, _UNCOMPRESSED + public)
        except ValueError:
            raise BadPublicValue("public value that is no point of the curve") from None

    def _draw(self, rng: Rng) -> EllipticCurvePrivateKey:
        chance = int.from_bytes(rng(self._secret_octets), "big")
        return derive_private_key(chance % (self._curve.group_order - 1) + 1, self._curve)


class CurveOffer:
    """See `exchange.Offer`."""

    __slots__ = ("_exchange", "_secret", "public")

    def __init__(self, exchange: CurveExchange, secret: EllipticCurvePrivateKey) -> None:
        self._exchange = exchange
        self._secret = secret
        self.public = public_octets(secret)

    def finish(self, reply: bytes) -> bytes:
        """See `exchange.Offer`."""
        return self._secret.exchange(_ECDH, self._exchange.point(reply))


def public_octets(secret: EllipticCurvePrivateKey) -> bytes:
    """Both coordinates of the public point."""
    point = secret.public_key()
    return point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]


class _Public(Protocol):
    def public_bytes_raw(self) -> bytes: ...


class _Private(Protocol):
    def public_key(self) -> _Public: ...

    def exchange(self, peer_public_key: Any, /) -> bytes: ...


class MontgomeryExchange:
    """See `exchange.Exchange`. X25519 and X448."""

    __slots__ = ("_private", "_public", "octets")

    def __init__(
        self,
        octets: int,
        private: Callable[[bytes], _Private],
        public: Callable[[bytes], _Public],
    ) -> None:
        self.octets = octets
        self._private = private
        self._public = public

    def initiate(self, rng: Rng) -> "MontgomeryOffer":
        """See `exchange.Group`."""
        return MontgomeryOffer(self, self._private(rng(self.octets)))

    def respond(self, rng: Rng, public: bytes) -> tuple[bytes, bytes]:
        """See `exchange.Group`."""
        check_length(public, self.octets)
        secret = self._private(rng(self.octets))
        return secret.public_key().public_bytes_raw(), self.shared(secret, public)

    def shared(self, secret: _Private, public: bytes) -> bytes:
        """The shared secret; raises `BadPublicValue` when it is zero, for a point of small order
        (RFC 8031 3.1)."""
        check_length(public, self.octets)
        try:
            return secret.exchange(self._public(public))
        except ValueError:
            raise BadPublicValue("public value of small order") from None


class MontgomeryOffer:
    """See `exchange.Offer`."""

    __slots__ = ("_exchange", "_secret", "public")

    def __init__(self, exchange: MontgomeryExchange, secret: _Private) -> None:
        self._exchange = exchange
        self._secret = secret
        self.public = secret.public_key().public_bytes_raw()

    def finish(self, reply: bytes) -> bytes:
        """See `exchange.Offer`."""
        return self._exchange.shared(self._secret, reply)


X25519 = MontgomeryExchange(
    32, X25519PrivateKey.from_private_bytes, X25519PublicKey.from_public_bytes
)
X448 = MontgomeryExchange(56, X448PrivateKey.from_private_bytes, X448PublicKey.from_public_bytes)
