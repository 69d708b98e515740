"""Identities: who a peer says it is (RFC 2407 4.6.2, RFC 7296 3.5)."""

from dataclasses import dataclass

from talpa.wire.numbers import OpenEnum


class IdentityKind(OpenEnum):
    """Both versions use the same numbers for those that both have."""

    IPV4 = 1
    FQDN = 2
    USER_FQDN = 3
    """RFC822_ADDR in IKEv2."""
    IPV4_SUBNET = 4
    IPV6 = 5
    IPV6_SUBNET = 6
    IPV4_RANGE = 7
    IPV6_RANGE = 8
    DER_DN = 9
    DER_GN = 10
    KEY_ID = 11


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity, with its octets as on the wire."""

    kind: IdentityKind
    value: bytes
