"""The numbers of IKEv2 on the wire (RFC 7296 3, its extensions, and the registry)."""

from enum import IntFlag

from talpa.wire.numbers import OpenEnum


class Flag(IntFlag):
    """RFC 7296 3.1."""

    INITIATOR = 0x08
    """Sent by the original initiator of the IKE SA."""
    VERSION = 0x10
    RESPONSE = 0x20


class Exchange(OpenEnum):
    """RFC 7296 3.1."""

    IKE_SA_INIT = 34
    IKE_AUTH = 35
    CREATE_CHILD_SA = 36
    INFORMATIONAL = 37
    IKE_INTERMEDIATE = 43
    """RFC 9242."""
    IKE_FOLLOWUP_KE = 44
    """RFC 9370."""


class Kind(OpenEnum):
    """Kinds of payloads, RFC 7296 3.2."""

    NONE = 0
    SA = 33
    KE = 34
    ID_I = 35
    ID_R = 36
    CERT = 37
    CERTREQ = 38
    AUTH = 39
    NONCE = 40
    NOTIFY = 41
    DELETE = 42
    VENDOR = 43
    TS_I = 44
    TS_R = 45
    SK = 46
    CP = 47
    EAP = 48
    SKF = 53
    """RFC 7383."""


class ProtocolId(OpenEnum):
    """RFC 7296 3.3.1."""

    NONE = 0
    IKE = 1
    AH = 2
    ESP = 3


class TransformKind(OpenEnum):
    """RFC 7296 3.3.2, RFC 9370 2.2.2."""

    ENCR = 1
    PRF = 2
    INTEG = 3
    KE = 4
    ESN = 5
    ADDKE1 = 6
    ADDKE7 = 12


KEY_LENGTH = 14
"""The one attribute of transforms (RFC 7296 3.3.5)."""


class AuthMethod(OpenEnum):
    """RFC 7296 3.8, RFC 4754, RFC 7427."""

    RSA = 1
    PSK = 2
    ECDSA_256 = 9
    ECDSA_384 = 10
    ECDSA_521 = 11
    DIGITAL_SIGNATURE = 14


class ConfigKind(OpenEnum):
    """RFC 7296 3.15."""

    REQUEST = 1
    REPLY = 2
    SET = 3
    ACK = 4


class Attribute(OpenEnum):
    """Configuration attributes, RFC 7296 3.15.1 and RFC 8598."""

    IP4_ADDRESS = 1
    IP4_NETMASK = 2
    IP4_DNS = 3
    IP6_ADDRESS = 8
    IP6_DNS = 10
    IP4_SUBNET = 13
    IP6_SUBNET = 15
    DNS_DOMAIN = 25


class TsKind(OpenEnum):
    """RFC 7296 3.13.1."""

    IPV4_RANGE = 7
    IPV6_RANGE = 8


CERT_X509 = 4
"""X.509 certificate - signature (RFC 7296 3.6)."""


class NotifyKind(OpenEnum):
    """RFC 7296 3.10.1 and its extensions. Below 16384: errors."""

    UNSUPPORTED_CRITICAL_PAYLOAD = 1
    INVALID_IKE_SPI = 4
    INVALID_MAJOR_VERSION = 5
    INVALID_SYNTAX = 7
    INVALID_MESSAGE_ID = 9
    INVALID_SPI = 11
    NO_PROPOSAL_CHOSEN = 14
    INVALID_KE_PAYLOAD = 17
    AUTHENTICATION_FAILED = 24
    SINGLE_PAIR_REQUIRED = 34
    NO_ADDITIONAL_SAS = 35
    INTERNAL_ADDRESS_FAILURE = 36
    FAILED_CP_REQUIRED = 37
    TS_UNACCEPTABLE = 38
    INVALID_SELECTORS = 39
    UNACCEPTABLE_ADDRESSES = 40
    UNEXPECTED_NAT_DETECTED = 41
    TEMPORARY_FAILURE = 43
    CHILD_SA_NOT_FOUND = 44
    STATE_NOT_FOUND = 47

    INITIAL_CONTACT = 16384
    SET_WINDOW_SIZE = 16385
    ADDITIONAL_TS_POSSIBLE = 16386
    IPCOMP_SUPPORTED = 16387
    NAT_DETECTION_SOURCE_IP = 16388
    NAT_DETECTION_DESTINATION_IP = 16389
    COOKIE = 16390
    USE_TRANSPORT_MODE = 16391
    HTTP_CERT_LOOKUP_SUPPORTED = 16392
    REKEY_SA = 16393
    ESP_TFC_PADDING_NOT_SUPPORTED = 16394
    NON_FIRST_FRAGMENTS_ALSO = 16395
    MOBIKE_SUPPORTED = 16396
    ADDITIONAL_IP4_ADDRESS = 16397
    ADDITIONAL_IP6_ADDRESS = 16398
    NO_ADDITIONAL_ADDRESSES = 16399
    UPDATE_SA_ADDRESSES = 16400
    COOKIE2 = 16401
    NO_NATS_ALLOWED = 16402
    AUTH_LIFETIME = 16403
    REDIRECT_SUPPORTED = 16406
    REDIRECT = 16407
    REDIRECTED_FROM = 16408
    EAP_ONLY_AUTHENTICATION = 16417
    FRAGMENTATION_SUPPORTED = 16430
    SIGNATURE_HASH_ALGORITHMS = 16431
    USE_PPK = 16435
    PPK_IDENTITY = 16436
    NO_PPK_AUTH = 16437
    INTERMEDIATE_EXCHANGE_SUPPORTED = 16438
    ADDITIONAL_KEY_EXCHANGE = 16441

    @property
    def error(self) -> bool:
        """Whether it says that something failed."""
        return self < 16384
