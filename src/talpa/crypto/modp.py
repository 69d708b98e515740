"""The MODP groups (RFC 2409 6.2, RFC 3526): powers modulo a safe prime."""

import warnings

from talpa.crypto.public_values import BadPublicValue, check_length
from talpa.sansio import Rng

with warnings.catch_warnings():
    # The library means to give these groups up one day, and says so on import. IKE cannot do
    # without them yet, and the project holds the library below the versions that lack them.
    warnings.simplefilter("ignore")
    from cryptography.hazmat.primitives.asymmetric.dh import (
        DHParameterNumbers,
        DHPrivateNumbers,
        DHPublicNumbers,
    )

_GENERATOR = 2
_SPARE_BITS = 64


def _pi(bits: int) -> int:
    """The integer part of pi times two to the `bits` (Machin's formula)."""
    one = 1 << bits + _SPARE_BITS

    def arctangent_of_inverse(n: int) -> int:
        power = total = one // n
        sign, odd = -1, 3
        while power:
            power //= n * n
            total += sign * (power // odd)
            sign, odd = -sign, odd + 2
        return total

    return 4 * (4 * arctangent_of_inverse(5) - arctangent_of_inverse(239)) >> _SPARE_BITS


def prime(bits: int, added: int) -> int:
    """The prime of a group: 2^n - 2^(n-64) - 1 + 2^64 * ([2^(n-130) pi] + added)."""
    return (1 << bits) - (1 << bits - 64) - 1 + (_pi(bits - 130) + added << 64)


class ModpExchange:
    """See `exchange.Exchange`.

    Secret exponents are short, twice the strength of the group (RFC 3526 8): no more is gained by
    longer ones, and they would take many times as long.
    """

    __slots__ = ("_exponent_bits", "_generator", "_numbers", "_prime", "octets")

    def __init__(self, bits: int, added: int, exponent_bits: int, *, known: bool = True) -> None:
        """`known`: the library knows the group. For another it would prove the prime to be one at
        each key, 60 ms; there Python's own power serves, which takes 2 ms, though not a time that
        is the same for all exponents. Each exponent is used once."""
        self.octets = bits // 8
        self._prime = prime(bits, added)
        self._exponent_bits = exponent_bits
        self._numbers = DHParameterNumbers(self._prime, _GENERATOR) if known else None
        self._generator = _GENERATOR.to_bytes(self.octets, "big")

    def initiate(self, rng: Rng) -> "ModpOffer":
        """See `exchange.Group`."""
        secret = self._draw(rng)
        return ModpOffer(self, secret, *self._powers(secret, self._generator))

    def respond(self, rng: Rng, public: bytes) -> tuple[bytes, bytes]:
        """See `exchange.Group`."""
        self._check(public)
        own, shared = self._powers(self._draw(rng), self._generator, public)
        return own, shared

    def finish(self, secret: int, reply: bytes) -> bytes:
        """See `exchange.Offer`."""
        self._check(reply)
        (shared,) = self._powers(secret, reply)
        return shared

    def _draw(self, rng: Rng) -> int:
        bits = self._exponent_bits
        return int.from_bytes(rng(bits // 8), "big") | 1 << bits - 1

    def _check(self, public: bytes) -> None:
        """RFC 6989 2.1."""
        check_length(public, self.octets)
        if not 1 < int.from_bytes(public, "big") < self._prime - 1:
            raise BadPublicValue("public value outside 2 to p-2")

    def _powers(self, secret: int, *bases: bytes) -> list[bytes]:
        """Each base to the power of `secret`, padded to the length of the prime."""
        numbers = self._numbers
        integers = [int.from_bytes(base, "big") for base in bases]
        if numbers is None:
            modulus = self._prime
            return [pow(base, secret, modulus).to_bytes(self.octets, "big") for base in integers]
        # The public value that belongs to `secret` plays no part in a power; any stands for it.
        key = DHPrivateNumbers(secret, DHPublicNumbers(_GENERATOR, numbers)).private_key()
        return [key.exchange(DHPublicNumbers(base, numbers).public_key()) for base in integers]


class ModpOffer:
    """See `exchange.Offer`."""

    __slots__ = ("_exchange", "_secret", "public")

    def __init__(self, exchange: ModpExchange, secret: int, public: bytes) -> None:
        self._exchange = exchange
        self._secret = secret
        self.public = public

    def finish(self, reply: bytes) -> bytes:
        """See `exchange.Offer`."""
        return self._exchange.finish(self._secret, reply)
