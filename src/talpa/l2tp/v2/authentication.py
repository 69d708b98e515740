"""Tunnel authentication (RFC 2661 5.1.1, 4.4.3)."""

import hashlib
import hmac

from talpa.wire import Secret

CHALLENGE_SIZE = 16
"""Octets of the challenges that we send."""


def response(message_type: int, secret: Secret, challenge: bytes) -> bytes:
    """The Challenge Response (16 octets) in a message of `message_type`, SCCRP or SCCCN, which
    stands where CHAP (RFC 1994 4.1) has its identifier."""
    data = bytes((message_type,)) + secret.reveal() + challenge
    return hashlib.md5(data, usedforsecurity=False).digest()


def proves(given: bytes | None, message_type: int, secret: Secret, challenge: bytes) -> bool:
    """Whether `given` shows that the peer knows the secret."""
    if given is None:
        return False
    return hmac.compare_digest(given, response(message_type, secret, challenge))
