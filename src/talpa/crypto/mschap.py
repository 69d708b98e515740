"""The computations of MS-CHAP (RFC 2433 appendix A) and MS-CHAPv2 (RFC 2759 8), by their names, and
the keys that come of MS-CHAPv2 (RFC 3079 3).

LAN Manager hashes are not here: we never send one, and never take one as proof.
"""

import struct
from functools import lru_cache
from hashlib import sha1

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher

from talpa.crypto.des import des_encrypt
from talpa.crypto.md4 import md4
from talpa.wire.secret import Secret

PASSWORD_BLOCK = 516
"""Octets of a PWBLOCK: 256 UTF-16 units and a length."""

_LENGTH = struct.Struct("<I")
_ROOM = PASSWORD_BLOCK - _LENGTH.size
_SIGNING = b"Magic server to client signing constant"
_PADDING = b"Pad to make it do more than one iteration"

_MASTER = b"This is the MPPE Master Key"
_CLIENT_SENDS = (
    b"On the client side, this is the send key; on the server side, it is the receive key."
)
_SERVER_SENDS = (
    b"On the client side, this is the receive key; on the server side, it is the send key."
)
_SHS_PAD1 = bytes(40)
_SHS_PAD2 = b"\xf2" * 40

_HASHES_KEPT = 4096
"""MD4 in Python costs more than the rest of an authentication; users come back."""


def password_text(password: Secret) -> str:
    """The password as text: UTF-8, or CP1252 where it is no UTF-8."""
    octets = password.reveal()
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


@lru_cache(_HASHES_KEPT)
def nt_password_hash(password: Secret) -> bytes:
    """RFC 2759 8.3: 16 octets, as secret as the password itself."""
    return md4(password_text(password).encode("utf-16-le"))


@lru_cache(_HASHES_KEPT)
def hash_nt_password_hash(password_hash: bytes) -> bytes:
    """RFC 2759 8.4: 16 octets."""
    return md4(password_hash)


def challenge_hash(
    peer_challenge: bytes, authenticator_challenge: bytes, user_name: bytes
) -> bytes:
    """RFC 2759 8.2: 8 octets. `user_name` is without a domain."""
    data = b"".join((peer_challenge, authenticator_challenge, user_name))
    return sha1(data, usedforsecurity=False).digest()[:8]


def challenge_response(challenge: bytes, password_hash: bytes) -> bytes:
    """RFC 2759 8.5: 24 octets out of a challenge of 8."""
    return b"".join(
        (
            des_encrypt(challenge, password_hash[:7]),
            des_encrypt(challenge, password_hash[7:14]),
            des_encrypt(challenge, password_hash[14:] + bytes(5)),
        )
    )


def nt_challenge_response(challenge: bytes, password: Secret) -> bytes:
    """RFC 2433 A.5: the response of MS-CHAP, 24 octets."""
    return challenge_response(challenge, nt_password_hash(password))


def generate_nt_response(
    authenticator_challenge: bytes, peer_challenge: bytes, user_name: bytes, password: Secret
) -> bytes:
    """RFC 2759 8.1: the response of MS-CHAPv2, 24 octets."""
    challenge = challenge_hash(peer_challenge, authenticator_challenge, user_name)
    return challenge_response(challenge, nt_password_hash(password))


def generate_authenticator_response(
    password: Secret,
    nt_response: bytes,
    peer_challenge: bytes,
    authenticator_challenge: bytes,
    user_name: bytes,
) -> bytes:
    """RFC 2759 8.7: 42 ASCII characters, "S=..."."""
    hash_hash = hash_nt_password_hash(nt_password_hash(password))
    inner = sha1(b"".join((hash_hash, nt_response, _SIGNING)), usedforsecurity=False).digest()
    challenge = challenge_hash(peer_challenge, authenticator_challenge, user_name)
    outer = sha1(b"".join((inner, challenge, _PADDING)), usedforsecurity=False)
    return b"S=" + outer.hexdigest().upper().encode()


def encrypt_pw_block_with_password_hash(
    password: Secret, password_hash: bytes, filler: bytes
) -> bytes:
    """RFC 2759 8.10: 516 octets. `filler` is random, 512 octets.

    Raises `ValueError` for a password of more than 256 UTF-16 units.
    """
    text = password_text(password).encode("utf-16-le")
    if len(text) > _ROOM:
        raise ValueError("password longer than 256 characters")
    block = filler[: _ROOM - len(text)] + text + _LENGTH.pack(len(text))
    return rc4_encrypt(block, password_hash)


def new_password_encrypted_with_old_nt_password_hash(
    new_password: Secret, old_password: Secret, filler: bytes
) -> bytes:
    """RFC 2759 8.9: 516 octets."""
    return encrypt_pw_block_with_password_hash(new_password, nt_password_hash(old_password), filler)


def decrypt_pw_block_with_password_hash(block: bytes, password_hash: bytes) -> Secret | None:
    """The password in a block of 516 octets; None when it does not decrypt to one."""
    clear = rc4_encrypt(block, password_hash)
    (size,) = _LENGTH.unpack_from(clear, _ROOM)
    if size == 0 or size > _ROOM:
        return None
    try:
        return Secret(clear[_ROOM - size : _ROOM].decode("utf-16-le"))
    except UnicodeDecodeError:
        return None


def rc4_encrypt(clear: bytes, key: bytes) -> bytes:
    """RFC 2759 8.11. Encrypting twice gives `clear` again."""
    return Cipher(ARC4(key), mode=None).encryptor().update(clear)


def old_nt_password_hash_encrypted_with_new_nt_password_hash(
    new_password: Secret, old_password: Secret
) -> bytes:
    """RFC 2759 8.12: 16 octets."""
    return nt_password_hash_encrypted_with_block(
        nt_password_hash(old_password), nt_password_hash(new_password)
    )


def nt_password_hash_encrypted_with_block(password_hash: bytes, block: bytes) -> bytes:
    """RFC 2759 8.13: 16 octets."""
    return des_encrypt(password_hash[:8], block[:7]) + des_encrypt(password_hash[8:], block[7:14])


def get_master_key(password: Secret, nt_response: bytes) -> bytes:
    """RFC 3079 3.4: 16 octets."""
    hash_hash = hash_nt_password_hash(nt_password_hash(password))
    return sha1(b"".join((hash_hash, nt_response, _MASTER)), usedforsecurity=False).digest()[:16]


def get_asymmetric_start_key(master_key: bytes, *, server_sends: bool) -> bytes:
    """RFC 3079 3.4: the key of one direction, 16 octets."""
    direction = _SERVER_SENDS if server_sends else _CLIENT_SENDS
    data = b"".join((master_key, _SHS_PAD1, direction, _SHS_PAD2))
    return sha1(data, usedforsecurity=False).digest()[:16]
