"""CHAP with MD5 (RFC 1994 4.1)."""

from hashlib import md5


def chap_response(identifier: int, password: bytes, challenge: bytes) -> bytes:
    """The response value, 16 octets."""
    data = b"".join((bytes((identifier,)), password, challenge))
    return md5(data, usedforsecurity=False).digest()
