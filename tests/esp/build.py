"""SAs for the tests, and packets put together without the code under test."""

import hashlib
import hmac
import random

from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.crypto.encryption import ENCRYPTIONS, encryption
from talpa.crypto.integrity import INTEGRITIES
from talpa.esp.sa import Limits, Protocol, Sa, Suite
from talpa.wire import Secret

SPI = 0x1234ABCD

HASHES = {
    IntegrityId.HMAC_SHA1_96: ("sha1", 12),
    IntegrityId.HMAC_SHA2_256_128: ("sha256", 16),
    IntegrityId.HMAC_SHA2_384_192: ("sha384", 24),
    IntegrityId.HMAC_SHA2_512_256: ("sha512", 32),
    IntegrityId.HMAC_SHA2_256_96: ("sha256", 12),
}


def suites() -> list[Suite]:
    """Every one that can be expressed for ESP, without ESN."""
    found = []
    for cipher in ENCRYPTIONS:
        macs = [IntegrityId.NONE] if cipher.aead else [each.id for each in INTEGRITIES]
        found += [Suite(Protocol.ESP, cipher.id, cipher.key_bits, mac) for mac in macs]
    return found


GCM = Suite(Protocol.ESP, EncryptionId.AES_GCM_16, 256, IntegrityId.NONE)
CBC = Suite(Protocol.ESP, EncryptionId.AES_CBC, 256, IntegrityId.HMAC_SHA2_256_128)
NULL = Suite(Protocol.ESP, EncryptionId.NULL, 0, IntegrityId.HMAC_SHA1_96)
DES3 = Suite(Protocol.ESP, EncryptionId.DES3, 0, IntegrityId.HMAC_SHA1_96)


def sa(
    suite: Suite,
    *,
    spi: int = SPI,
    key: bytes | None = None,
    soft: Limits | None = None,
    hard: Limits | None = None,
    window: int = 64,
) -> Sa:
    """One whose key is the same for the same suite."""
    if key is None:
        key = random.Random(suite.name).randbytes(suite.key_octets)
    return Sa(spi, suite, Secret(key), soft or Limits(), hard or Limits(), window)


def icv(suite: Suite, key: bytes, covered: bytes) -> bytes:
    """The ICV of a suite with an HMAC."""
    name, octets = HASHES[suite.integrity]
    return hmac.digest(key, covered, getattr(hashlib, name))[:octets]


def packet(made: Sa, number: int, plaintext: bytes, *, iv: bytes = b"", low: bytes = b"") -> bytes:
    """A packet with any plaintext: trailer and all are the caller's."""
    suite, key = made.suite, made.key.reveal()
    kind = encryption(suite.encryption, suite.key_bits)
    cipher = kind.keyed(key[: kind.key_octets])
    head = made.spi.to_bytes(4, "big") + (low or number.to_bytes(4, "big"))
    iv = iv or bytes(kind.iv_octets)
    if kind.aead:
        return head + iv + cipher.encrypt(iv, plaintext, head)
    body = head + iv + (cipher.encrypt(iv, plaintext) if plaintext else b"")
    return body + icv(suite, key[kind.key_octets :], body)
