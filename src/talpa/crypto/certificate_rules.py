"""What a certificate must and must not say (RFC 5280 4.2 and 6.1, RFC 4945 5.1)."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from talpa.crypto.certificate_values import alternative_names, key_of, refused
from talpa.wire.text import printable

_IKE_INTERMEDIATE = ObjectIdentifier("1.3.6.1.5.5.8.2.2")
_IPSEC_IKE = ObjectIdentifier("1.3.6.1.5.5.7.3.17")
_USAGES = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
}
_UNDERSTOOD = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
    x509.IssuerAlternativeName,
    x509.NameConstraints,
    x509.CertificatePolicies,
    x509.AuthorityKeyIdentifier,
    x509.SubjectKeyIdentifier,
    x509.AuthorityInformationAccess,
    x509.CRLDistributionPoints,
)
"""Extensions that may be critical."""
_CONSTRAINED = (x509.DNSName, x509.IPAddress, x509.RFC822Name)
"""Kinds of names whose constraints the library enforces."""


def check_time(certificate: x509.Certificate, wall: datetime) -> None:
    """Neither too early nor too late."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if wall > end:
        raise refused(
            certificate, f"expired on {end:%Y-%m-%d %H:%M} UTC", "its owner needs a new one"
        )
    if wall < begin:
        raise refused(
            certificate,
            f"is valid only from {begin:%Y-%m-%d %H:%M} UTC on",
            "are the clocks of both machines right?",
        )


def check_end_entity(certificate: x509.Certificate, *, strict: bool) -> None:
    """A peer's own certificate."""
    _check_critical(certificate)
    usage = _key_usage(certificate)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise refused(
            certificate,
            "is not for signatures (key usage)",
            'have one made with the key usage "digitalSignature"',
        )
    if strict and _is_ca(certificate):
        raise refused(certificate, "is a CA's own", "have one made for this peer itself")


def check_issuer(
    issuer: x509.Certificate, below: Sequence[x509.Certificate], *, anchor: bool
) -> None:
    """A certificate that has issued another; `below` are those between it and the peer's own."""
    _check_critical(issuer)
    basic = _basic_constraints(issuer)
    # A root of the time before version 3 could not say so; that it is among our CAs must do.
    old_root = anchor and issuer.version is x509.Version.v1
    if not old_root and (basic is None or not basic.ca):
        raise refused(
            issuer,
            "is not a CA's, yet it has issued another (basic constraints)",
            "have the peer's certificate issued by a real CA",
        )
    length = basic.path_length if basic else None
    intermediates = sum(each.subject != each.issuer for each in below)
    if length is not None and intermediates > length:
        raise refused(
            issuer,
            f"allows {length} CAs below it, and there are {intermediates} (path length)",
            "have the peer's certificate issued farther up",
        )
    usage = _key_usage(issuer)
    if usage is not None and not usage.key_cert_sign:
        raise refused(
            issuer,
            "is not for issuing others (key usage)",
            "have the peer's certificate issued by a real CA",
        )


def check_usage(certificate: x509.Certificate, usage: str, *, strict: bool) -> None:
    """The extended key usage. Not strict: it may be missing, or be for any purpose."""
    wanted = {_USAGES[usage], _IKE_INTERMEDIATE, _IPSEC_IKE}
    if not strict:
        wanted.add(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    advice = f'have one made with the extended key usage "{usage}Auth"'
    try:
        extension = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        if strict:
            raise refused(
                certificate, f"does not say that it is for a {usage} (extended key usage)", advice
            ) from None
        return
    if wanted.isdisjoint(extension.value):
        raise refused(certificate, f"is not for a {usage} (extended key usage)", advice)


def check_constraints(path: Sequence[x509.Certificate], wall: datetime) -> None:
    """Name constraints of the CAs of `path`, which is otherwise good, our CA last."""
    own, *issuers = path
    constraints = [each for each in map(_name_constraints, issuers) if each is not None]
    if not constraints:
        return
    for each in constraints:
        for name in (*(each.permitted_subtrees or ()), *(each.excluded_subtrees or ())):
            if not isinstance(name, _CONSTRAINED):
                raise refused(
                    own,
                    "has a CA above it that is constrained to names of a kind that is not "
                    f"understood ({type(name).__name__})",
                    "have it issued by a CA without that",
                )
    if alternative_names(own) is None:
        # Constraints say nothing about a subject's common name, which would pass for a host's.
        raise refused(
            own,
            "has no alternative names, and a CA above it is constrained to certain names",
            "have one made with alternative names",
        )
    anything = ExtensionPolicy.permit_all()
    policy = anything.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    builder = PolicyBuilder().store(Store([path[-1]])).time(wall).max_chain_depth(len(path))
    verifier = builder.extension_policies(ca_policy=policy, ee_policy=anything)
    try:
        verifier.build_client_verifier().verify(own, list(path[1:-1]))
    except VerificationError as error:
        raise refused(
            own,
            f"has names that a CA above it may not vouch for ({printable(str(error), 160)})",
            "have it issued by a CA that may",
        ) from None


def _check_critical(certificate: x509.Certificate) -> None:
    key_of(certificate)
    for extension in certificate.extensions:
        if extension.critical and not isinstance(extension.value, _UNDERSTOOD):
            raise refused(
                certificate,
                "demands that something be understood that is not (critical extension "
                f"{extension.oid.dotted_string})",
                "have one made without that",
            )


def _is_ca(certificate: x509.Certificate) -> bool:
    basic = _basic_constraints(certificate)
    return basic is not None and basic.ca


def _basic_constraints(certificate: x509.Certificate) -> x509.BasicConstraints | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return None


def _key_usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _name_constraints(certificate: x509.Certificate) -> x509.NameConstraints | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None
