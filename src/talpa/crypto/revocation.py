"""Certificate revocation lists (RFC 5280 5, 6.3)."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509

from talpa.crypto.certificate_values import MALFORMED, CertificateRefused, key_of, shown

_HANDLED = (x509.CRLNumber, x509.AuthorityKeyIdentifier, x509.IssuingDistributionPoint)


class Revocation:
    """The CRLs of all issuers."""

    __slots__ = ("_by_issuer", "_genuine", "_required")

    def __init__(self, crls: Sequence[x509.CertificateRevocationList], *, required: bool) -> None:
        self._required = required
        self._by_issuer: dict[x509.Name, list[x509.CertificateRevocationList]] = {}
        for crl in crls:
            self._by_issuer.setdefault(crl.issuer, []).append(crl)
        self._genuine: dict[tuple[int, x509.Certificate], bool] = {}
        """Whether an issuer has signed a CRL: a large one takes long to check."""

    def check(
        self, certificate: x509.Certificate, issuer: x509.Certificate, wall: datetime
    ) -> None:
        """Raise `CertificateRefused` if the issuer has revoked the certificate, or if a CRL is
        demanded and there is none that could tell."""
        told = False
        stale: datetime | None = None
        for crl in self._by_issuer.get(issuer.subject, ()):
            if not self._is_genuine(crl, issuer) or crl.last_update_utc > wall:
                continue
            entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
            # A list that is out of date cannot clear a certificate, but it can still accuse one.
            if entry is not None and not _is_removal(entry):
                raise CertificateRefused(
                    f"The certificate of {shown(certificate.subject)} was revoked by "
                    f"{shown(issuer.subject)} on {entry.revocation_date_utc:%Y-%m-%d}: its owner "
                    "needs a new one."
                )
            if crl.next_update_utc is not None and crl.next_update_utc < wall:
                stale = crl.next_update_utc
            elif _covers(crl, certificate):
                told = True
        if told or not self._required:
            return
        if stale is not None:
            raise CertificateRefused(
                f"The revocation list of {shown(issuer.subject)} should have been renewed by "
                f"{stale:%Y-%m-%d}, so nobody knows whether the certificate of "
                f"{shown(certificate.subject)} still holds: get the current list."
            )
        raise CertificateRefused(
            f"There is no revocation list of {shown(issuer.subject)} for the certificate of "
            f"{shown(certificate.subject)}, and one is required: add it to the CRL files."
        )

    def _is_genuine(self, crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
        key = (id(crl), issuer)
        known = self._genuine.get(key)
        if known is None:
            # A hostile chain could bring any number of issuers of that name.
            if len(self._genuine) >= 64:
                self._genuine.clear()
            known = self._genuine[key] = _signed_by(crl, issuer)
        return known


def _signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        pass
    else:
        if not usage.crl_sign:
            return False
    try:
        return crl.is_signature_valid(key_of(issuer))
    except MALFORMED:
        return False


def _covers(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """Whether a certificate that the list does not name is not revoked."""
    for extension in crl.extensions:
        value = extension.value
        if isinstance(value, x509.IssuingDistributionPoint):
            is_ca = _is_ca(certificate)
            if (
                value.indirect_crl
                or value.only_contains_attribute_certs
                or value.only_some_reasons
                or (value.only_contains_user_certs and is_ca)
                or (value.only_contains_ca_certs and not is_ca)
            ):
                return False
        elif isinstance(value, x509.DeltaCRLIndicator) or (
            extension.critical and not isinstance(value, _HANDLED)
        ):
            return False
    return True


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _is_removal(entry: x509.RevokedCertificate) -> bool:
    """Taken back in a delta list."""
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except (x509.ExtensionNotFound, *MALFORMED):
        return False
    return reason is x509.ReasonFlags.remove_from_crl
