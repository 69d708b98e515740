"""The ciphers of IKE and ESP under a key.

A context of the library takes 1 to 2.5 KiB and some microseconds to make. Most SAs see few packets:
IKE's own, and those of an idle association. So a context is made anew for each of the first
`_PACKETS_WITHOUT` packets and kept only from then on. At 1,400 octets that saves 3 of 7
microseconds for each packet with AES-CBC, and 1.3 of 2.7 with AES-GCM.
"""

from typing import ClassVar, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher as LibraryCipher
from cryptography.hazmat.primitives.ciphers import CipherContext
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, GCM

_PACKETS_WITHOUT = 256

_AEAD_IV = 8
_SALT = 4
_TAG = 16


class Cipher(Protocol):
    """A cipher under its key. `iv` is the explicit IV of a packet; a salt is the cipher's own."""

    def encrypt(self, iv: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
        """The ciphertext, with the ICV behind it for an AEAD cipher.

        Raises `ValueError` for an IV or a plaintext of a length that the cipher does not take.
        """

    def decrypt(self, iv: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes | None:
        """The plaintext; None: forged, or of a length that cannot be. Never raises."""


class NullCipher:
    """ENCR_NULL (RFC 2410): no secrecy."""

    __slots__ = ()

    def __init__(self, key: bytes) -> None:
        del key

    def encrypt(self, iv: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
        """See `Cipher`."""
        del iv, aad
        return plaintext

    def decrypt(self, iv: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes | None:
        """See `Cipher`."""
        del iv, aad
        return ciphertext


class _CbcCipher:
    """Cipher block chaining.

    The library's contexts take no new IV, but chain on from one update to the next, and so one
    context can serve all packets:

    - decrypting, the IV goes in as a ciphertext block before the others, and what comes out for it
      is thrown away;
    - encrypting, the context adds the last ciphertext block that it made to the next plaintext
      block, so that block goes in with that one taken out and the IV added.
    """

    __slots__ = ("_decryptor", "_encryptor", "_key", "_last", "_left")

    _algorithm: ClassVar[type[AES] | type[TripleDES]]
    _block: ClassVar[int]

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._left = _PACKETS_WITHOUT
        self._encryptor: CipherContext | None = None
        self._decryptor: CipherContext | None = None
        self._last = 0
        """The ciphertext block that the encryptor made last."""

    def encrypt(self, iv: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
        """See `Cipher`."""
        del aad
        block = self._block
        if len(iv) != block or not plaintext or len(plaintext) % block:
            raise ValueError("CBC takes an IV of one block, and whole blocks")
        context = self._encryptor
        if context is None:
            if self._left:
                self._left -= 1
                return (
                    LibraryCipher(self._algorithm(self._key), CBC(iv)).encryptor().update(plaintext)
                )
            mode = CBC(bytes(block))
            context = LibraryCipher(self._algorithm(self._key), mode).encryptor()
            self._encryptor = context
        first = int.from_bytes(plaintext[:block], "big") ^ int.from_bytes(iv, "big") ^ self._last
        ciphertext = context.update(first.to_bytes(block, "big") + plaintext[block:])
        self._last = int.from_bytes(ciphertext[-block:], "big")
        return ciphertext

    def decrypt(self, iv: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes | None:
        """See `Cipher`."""
        del aad
        block = self._block
        if len(iv) != block or not ciphertext or len(ciphertext) % block:
            return None
        context = self._decryptor
        if context is None:
            if self._left:
                self._left -= 1
                return (
                    LibraryCipher(self._algorithm(self._key), CBC(iv))
                    .decryptor()
                    .update(ciphertext)
                )
            mode = CBC(bytes(block))
            context = LibraryCipher(self._algorithm(self._key), mode).decryptor()
            self._decryptor = context
        return context.update(iv + ciphertext)[block:]


class AesCbc(_CbcCipher):
    """AES-CBC (RFC 3602)."""

    __slots__ = ()
    _algorithm = AES
    _block = 16


class TripleDesCbc(_CbcCipher):
    """3DES-CBC (RFC 2451)."""

    __slots__ = ()
    _algorithm = TripleDES
    _block = 8


class _AeadCipher:
    """A cipher with a nonce of 12 octets: the salt, from behind the key, then the IV."""

    __slots__ = ("_context", "_key", "_left", "_salt")

    _library: ClassVar[type[AESGCM] | type[ChaCha20Poly1305]]

    def __init__(self, key: bytes) -> None:
        self._key = key[:-_SALT]
        self._salt = key[-_SALT:]
        self._left = _PACKETS_WITHOUT
        self._context: AESGCM | ChaCha20Poly1305 | None = None

    def _ready(self) -> AESGCM | ChaCha20Poly1305:
        context = self._library(self._key)
        if self._left:
            self._left -= 1
        else:
            self._context = context
        return context

    def encrypt(self, iv: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
        """See `Cipher`."""
        if len(iv) != _AEAD_IV:
            raise ValueError("an AEAD cipher takes an IV of 8 octets")
        return (self._context or self._ready()).encrypt(self._salt + iv, plaintext, aad)

    def decrypt(self, iv: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes | None:
        """See `Cipher`."""
        if len(iv) != _AEAD_IV:
            return None
        try:
            return (self._context or self._ready()).decrypt(self._salt + iv, ciphertext, aad)
        except InvalidTag:
            return None


class AesGcm16(_AeadCipher):
    """AES-GCM with an ICV of 16 octets (RFC 4106, RFC 5282)."""

    __slots__ = ()
    _library = AESGCM


class ChaCha20(_AeadCipher):
    """ChaCha20-Poly1305 (RFC 7634)."""

    __slots__ = ()
    _library = ChaCha20Poly1305


class _AesGcmShort(AesGcm16):
    """AES-GCM with a shorter ICV, which the library opens in its slower way only."""

    __slots__ = ()

    _icv: ClassVar[int]

    def encrypt(self, iv: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
        """See `Cipher`."""
        return super().encrypt(iv, plaintext, aad)[: self._icv - _TAG]

    def decrypt(self, iv: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes | None:
        """See `Cipher`."""
        icv = self._icv
        if len(iv) != _AEAD_IV or len(ciphertext) < icv:
            return None
        mode = GCM(self._salt + iv, ciphertext[-icv:], min_tag_length=icv)
        context = LibraryCipher(AES(self._key), mode).decryptor()
        context.authenticate_additional_data(aad)
        plaintext = context.update(ciphertext[:-icv])
        try:
            context.finalize()
        except InvalidTag:
            return None
        return plaintext


class AesGcm12(_AesGcmShort):
    """AES-GCM with an ICV of 12 octets."""

    __slots__ = ()
    _icv = 12


class AesGcm8(_AesGcmShort):
    """AES-GCM with an ICV of 8 octets."""

    __slots__ = ()
    _icv = 8
