"""The algorithms of IKE and ESP by their IKEv2 transform numbers (RFC 7296 3.3.2 and the registry).

IKEv1 has numbers of its own; `talpa.ike.v1` maps them to these, so that one table of algorithms
serves both versions, ESP and AH.
"""

from talpa.wire.numbers import OpenEnum


class EncryptionId(OpenEnum):
    """Transform type 1."""

    DES3 = 3
    NULL = 11
    AES_CBC = 12
    AES_GCM_8 = 18
    AES_GCM_12 = 19
    AES_GCM_16 = 20
    CHACHA20_POLY1305 = 28


class PrfId(OpenEnum):
    """Transform type 2. Each stands for its hash as well."""

    HMAC_SHA1 = 2
    HMAC_SHA2_256 = 5
    HMAC_SHA2_384 = 6
    HMAC_SHA2_512 = 7


class IntegrityId(OpenEnum):
    """Transform type 3."""

    NONE = 0
    HMAC_SHA1_96 = 2
    HMAC_SHA2_256_128 = 12
    HMAC_SHA2_384_192 = 13
    HMAC_SHA2_512_256 = 14
    HMAC_SHA2_256_96 = 1026
    """Not in the registry: SHA-256 cut to 96 bits, as some devices do under the name of the
    128-bit one."""


class GroupId(OpenEnum):
    """Transform type 4, and the additional key exchanges of RFC 9370."""

    NONE = 0
    MODP1024 = 2
    MODP1536 = 5
    MODP2048 = 14
    MODP3072 = 15
    MODP4096 = 16
    ECP256 = 19
    ECP384 = 20
    ECP521 = 21
    X25519 = 31
    X448 = 32
    MLKEM768 = 36
    MLKEM1024 = 37
