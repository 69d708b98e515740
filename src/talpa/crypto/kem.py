"""ML-KEM (FIPS 203) as a key exchange of IKEv2, for RFC 9370."""

from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
    MLKEM1024PrivateKey,
    MLKEM1024PublicKey,
)

from talpa.crypto.public_values import BadPublicValue, check_length
from talpa.sansio import Rng

_SEED = 64


class _Public(Protocol):
    def public_bytes_raw(self) -> bytes: ...

    def encapsulate(self) -> tuple[bytes, bytes]: ...


class _Private(Protocol):
    def public_key(self) -> _Public: ...

    def decapsulate(self, ciphertext: bytes, /) -> bytes: ...


class KemExchange:
    """See `exchange.Exchange`. The initiator sends a key, the responder a ciphertext for it."""

    __slots__ = ("_private", "_public", "octets", "reply_octets")

    def __init__(
        self,
        octets: int,
        reply_octets: int,
        private: Callable[[bytes], _Private],
        public: Callable[[bytes], _Public],
    ) -> None:
        self.octets = octets
        self.reply_octets = reply_octets
        self._private = private
        self._public = public

    def initiate(self, rng: Rng) -> "KemOffer":
        """See `exchange.Group`."""
        return KemOffer(self, self._private(rng(_SEED)))

    def respond(self, rng: Rng, public: bytes) -> tuple[bytes, bytes]:
        """See `exchange.Group`. The library draws the secret by itself."""
        del rng
        check_length(public, self.octets)
        try:
            key = self._public(public)
        except ValueError:
            raise BadPublicValue("encapsulation key out of range") from None
        shared, ciphertext = key.encapsulate()
        return ciphertext, shared


class KemOffer:
    """See `exchange.Offer`."""

    __slots__ = ("_exchange", "_secret", "public")

    def __init__(self, exchange: KemExchange, secret: _Private) -> None:
        self._exchange = exchange
        self._secret = secret
        self.public = secret.public_key().public_bytes_raw()

    def finish(self, reply: bytes) -> bytes:
        """See `exchange.Offer`. A forged ciphertext gives a secret that nobody else has."""
        check_length(reply, self._exchange.reply_octets)
        return self._secret.decapsulate(reply)


MLKEM768 = KemExchange(
    1184, 1088, MLKEM768PrivateKey.from_seed_bytes, MLKEM768PublicKey.from_public_bytes
)
MLKEM1024 = KemExchange(
    1568, 1568, MLKEM1024PrivateKey.from_seed_bytes, MLKEM1024PublicKey.from_public_bytes
)
