"""Numbers of IKEv1 (RFC 2407, 2408, 2409 and their registries), and what of ours they stand for."""

from typing import Final

from talpa.crypto.algorithms import EncryptionId, GroupId, IntegrityId, PrfId
from talpa.wire import OpenEnum


class Exchange(OpenEnum):
    """RFC 2408 3.1, RFC 2409 A."""

    MAIN = 2
    """ISAKMP's Identity Protection exchange."""
    AGGRESSIVE = 4
    INFORMATIONAL = 5
    TRANSACTION = 6
    """XAUTH and mode configuration: read, and refused."""
    QUICK = 32
    NEW_GROUP = 33


class PayloadType(OpenEnum):
    """RFC 2408 3.1, RFC 3947, and what became custom."""

    NONE = 0
    SA = 1
    PROPOSAL = 2
    TRANSFORM = 3
    KE = 4
    ID = 5
    CERT = 6
    CERT_REQ = 7
    HASH = 8
    SIG = 9
    NONCE = 10
    NOTIFY = 11
    DELETE = 12
    VENDOR_ID = 13
    ATTRIBUTES = 14
    NAT_D = 20
    NAT_OA = 21
    NAT_D_DRAFT = 130
    NAT_OA_DRAFT = 131
    FRAGMENT = 132


class Flag:
    """Of the ISAKMP header (RFC 2408 3.1)."""

    ENCRYPTION: Final = 1
    COMMIT: Final = 2


class ProtocolId(OpenEnum):
    """RFC 2407 4.4.1."""

    ISAKMP = 1
    AH = 2
    ESP = 3
    IPCOMP = 4


class AuthMethod(OpenEnum):
    """RFC 2409 A, RFC 4754. Encryption with RSA is not implemented, and never will be."""

    PSK = 1
    RSA = 3
    ECDSA_256 = 9
    ECDSA_384 = 10
    ECDSA_521 = 11

    @property
    def ecdsa(self) -> bool:
        """Signature with ECDSA."""
        return self in (AuthMethod.ECDSA_256, AuthMethod.ECDSA_384, AuthMethod.ECDSA_521)


class Notify(OpenEnum):
    """RFC 2408 3.14.1, RFC 2407 4.6.3, RFC 3706."""

    INVALID_PAYLOAD_TYPE = 1
    INVALID_COOKIE = 4
    INVALID_EXCHANGE_TYPE = 7
    INVALID_MESSAGE_ID = 9
    INVALID_SPI = 11
    ATTRIBUTES_NOT_SUPPORTED = 13
    NO_PROPOSAL_CHOSEN = 14
    PAYLOAD_MALFORMED = 16
    INVALID_KEY_INFORMATION = 17
    INVALID_ID_INFORMATION = 18
    INVALID_CERTIFICATE = 20
    INVALID_HASH_INFORMATION = 23
    AUTHENTICATION_FAILED = 24
    INVALID_SIGNATURE = 25
    CONNECTED = 16384
    RESPONDER_LIFETIME = 24576
    REPLAY_STATUS = 24577
    INITIAL_CONTACT = 24578
    R_U_THERE = 36136
    R_U_THERE_ACK = 36137

    @property
    def is_error(self) -> bool:
        """RFC 2408 3.14.1."""
        return self < 16384


class IkeAttribute(OpenEnum):
    """Of transforms of phase 1 (RFC 2409 A)."""

    ENCRYPTION = 1
    HASH = 2
    AUTH_METHOD = 3
    GROUP = 4
    LIFE_TYPE = 11
    LIFE_DURATION = 12
    PRF = 13
    KEY_LENGTH = 14


class ChildAttribute(OpenEnum):
    """Of transforms of phase 2 (RFC 2407 4.5, RFC 4304)."""

    LIFE_TYPE = 1
    LIFE_DURATION = 2
    GROUP = 3
    ENCAPSULATION = 4
    AUTHENTICATION = 5
    KEY_LENGTH = 6
    ESN = 11


class LifeType(OpenEnum):
    """RFC 2407 4.5."""

    SECONDS = 1
    KILOBYTES = 2


class Encapsulation(OpenEnum):
    """RFC 2407 4.5, RFC 3947 5.1, and its drafts."""

    TUNNEL = 1
    TRANSPORT = 2
    UDP_TUNNEL = 3
    UDP_TRANSPORT = 4
    UDP_TUNNEL_DRAFT = 61443
    UDP_TRANSPORT_DRAFT = 61444


class CertEncoding(OpenEnum):
    """RFC 2408 3.9."""

    PKCS7 = 1
    X509_SIGNATURE = 4


class ConfigKind(OpenEnum):
    """Of the attributes payload of the transaction exchange."""

    REQUEST = 1
    REPLY = 2
    SET = 3
    ACK = 4


DOI_IPSEC: Final = 1
SITUATION_IDENTITY: Final = 1
KEY_IKE: Final = 1
"""Transform of phase 1."""
VERSION: Final = (1, 0)

IKE_ENCRYPTION: Final = {5: EncryptionId.DES3, 7: EncryptionId.AES_CBC}
IKE_HASH: Final = {
    2: PrfId.HMAC_SHA1,
    4: PrfId.HMAC_SHA2_256,
    5: PrfId.HMAC_SHA2_384,
    6: PrfId.HMAC_SHA2_512,
}
IKE_GROUPS: Final = {
    group.value: group
    for group in (
        GroupId.MODP1024,
        GroupId.MODP1536,
        GroupId.MODP2048,
        GroupId.MODP3072,
        GroupId.MODP4096,
        GroupId.ECP256,
        GroupId.ECP384,
        GroupId.ECP521,
    )
}
"""Both phases; the numbers are those of IKEv2."""
ESP_ENCRYPTION: Final = {
    3: EncryptionId.DES3,
    11: EncryptionId.NULL,
    12: EncryptionId.AES_CBC,
    18: EncryptionId.AES_GCM_8,
    19: EncryptionId.AES_GCM_12,
    20: EncryptionId.AES_GCM_16,
}
ESP_AUTHENTICATION: Final = {
    2: IntegrityId.HMAC_SHA1_96,
    5: IntegrityId.HMAC_SHA2_256_128,
    6: IntegrityId.HMAC_SHA2_384_192,
    7: IntegrityId.HMAC_SHA2_512_256,
}
AH_TRANSFORMS: Final = {
    3: IntegrityId.HMAC_SHA1_96,
    5: IntegrityId.HMAC_SHA2_256_128,
    6: IntegrityId.HMAC_SHA2_384_192,
    7: IntegrityId.HMAC_SHA2_512_256,
}
AEAD: Final = frozenset((EncryptionId.AES_GCM_8, EncryptionId.AES_GCM_12, EncryptionId.AES_GCM_16))

TO_IKE_ENCRYPTION: Final = {ours: wire for wire, ours in IKE_ENCRYPTION.items()}
TO_IKE_HASH: Final = {ours: wire for wire, ours in IKE_HASH.items()}
TO_ESP_ENCRYPTION: Final = {ours: wire for wire, ours in ESP_ENCRYPTION.items()}
TO_ESP_AUTHENTICATION: Final = {
    **{ours: wire for wire, ours in ESP_AUTHENTICATION.items()},
    IntegrityId.HMAC_SHA2_256_96: 5,
}
TO_AH_TRANSFORM: Final = {ours: wire for wire, ours in AH_TRANSFORMS.items()}
