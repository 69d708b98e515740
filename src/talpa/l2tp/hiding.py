"""Hiding of AVP values under the tunnel secret (RFC 2661 4.3)."""

import hashlib

from talpa.wire import Malformed, Secret

_BLOCK = 16
_LENGTH = 2


def hide(
    value: bytes, attribute: int, secret: Secret, random_vector: bytes, padding: bytes = b""
) -> bytes:
    """The Hidden AVP Subformat of `value`, enciphered: 2 octets and the padding longer than it.

    `attribute` is the Attribute Type of the AVP, `random_vector` the value of the Random Vector AVP
    in front of it. Raises `ValueError` for a value that no AVP could carry.
    """
    if len(value) > 0xFFFF:
        raise ValueError(f"value of {len(value)} octets cannot be hidden")
    plain = len(value).to_bytes(_LENGTH, "big") + value + padding
    key = secret.reveal()
    pad = _md5(attribute.to_bytes(2, "big") + key + random_vector)
    out = b""
    for at in range(0, len(plain), _BLOCK):
        block = _xor(plain[at : at + _BLOCK], pad)
        out += block
        pad = _md5(key + block)
    return out


def reveal(hidden: bytes, attribute: int, secret: Secret, random_vector: bytes) -> bytes:
    """The value that `hide` hid; raises `Malformed`.

    The deciphered length is what the peer, or a wrong secret, makes it: it is held against the
    octets that are there.
    """
    if len(hidden) < _LENGTH:
        raise Malformed("hidden AVP: cut short", f"{len(hidden)} octets")
    key = secret.reveal()
    pad = _md5(attribute.to_bytes(2, "big") + key + random_vector)
    plain = b""
    for at in range(0, len(hidden), _BLOCK):
        block = hidden[at : at + _BLOCK]
        plain += _xor(block, pad)
        pad = _md5(key + block)
    length = int.from_bytes(plain[:_LENGTH], "big")
    if length > len(plain) - _LENGTH:
        raise Malformed("hidden AVP: no sense in it", "wrong secret?")
    return plain[_LENGTH : _LENGTH + length]


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _xor(data: bytes, pad: bytes) -> bytes:
    size = len(data)
    return (int.from_bytes(data, "big") ^ int.from_bytes(pad[:size], "big")).to_bytes(size, "big")
