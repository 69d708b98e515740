"""A certificate as a value, and the refusal of one."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from talpa.crypto.signing import PublicKey, UnfitKey, fit_key
from talpa.wire.text import printable

MOST_OCTETS = 0x4000
"""Of one certificate."""
MOST_NAMES = 64
"""Alternative names of one certificate."""
_SHOWN = 160

MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
)
"""What the library raises on certificates and CRLs that it cannot read."""


class CertificateRefused(ValueError):
    """A certificate, a chain or a file of them that is not taken.

    The text is a person's sentence: what is wrong, with which certificate, and what to do.
    """


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was read; whether it is to be believed says `Trust.verify`."""

    der: bytes = field(repr=False)
    subject: str
    """RFC 4514, fit to be shown."""
    subject_der: bytes = field(repr=False)
    issuer: str
    """RFC 4514, fit to be shown."""
    dns: tuple[str, ...]
    """Alternative names: host names, in lower case, perhaps with a wildcard in front;"""
    addresses: tuple[IPv4Address | IPv6Address, ...]
    """addresses;"""
    emails: tuple[str, ...]
    """and e-mail addresses."""
    common_name: str
    """"" when there is none."""
    not_before: datetime
    """UTC, aware."""
    not_after: datetime
    """The last second. UTC, aware."""
    public_key: PublicKey = field(repr=False, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """All alternative names as text."""
        return (*self.dns, *map(str, self.addresses), *self.emails)


def shown(name: x509.Name) -> str:
    """A name as a person may read it."""
    return printable(name.rfc4514_string(), _SHOWN) or "(no name)"


def refused(certificate: x509.Certificate, what: str, advice: str) -> CertificateRefused:
    """A refusal in the usual form."""
    return CertificateRefused(f"The certificate of {shown(certificate.subject)} {what}: {advice}.")


def read(der: bytes, *, ours: bool = False) -> x509.Certificate:
    """The certificate in `der`, all of it readable; raises `CertificateRefused`.

    `ours`: it comes of a file, such as that of an old CA, and may have flaws that the library only
    warns of, as a serial number of zero.
    """
    if len(der) > MOST_OCTETS:
        raise CertificateRefused(
            f"A certificate of {len(der)} octets is larger than {MOST_OCTETS}, the most that is "
            "taken: have a smaller one made."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if ours else "error", CryptographyDeprecationWarning)
            certificate = x509.load_der_x509_certificate(der)
            _ = certificate.extensions, certificate.subject, certificate.issuer
            _ = certificate.version, certificate.serial_number
            _ = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    except (*MALFORMED, CryptographyDeprecationWarning) as error:
        raise CertificateRefused(
            f"A certificate cannot be read ({printable(str(error), _SHOWN)}): have it made anew."
        ) from None
    return certificate


def value_of(certificate: x509.Certificate) -> Certificate:
    """The value of a certificate.

    Raises `CertificateRefused` for a key that IKE cannot use, and for more names than anybody
    needs.
    """
    subject = certificate.subject
    dns, addresses, emails = _alternative_names(certificate)
    common = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    value = common[-1].value if common else ""
    return Certificate(
        certificate.public_bytes(Encoding.DER),
        shown(subject),
        subject.public_bytes(),
        shown(certificate.issuer),
        dns,
        addresses,
        emails,
        value if isinstance(value, str) else "",
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        key_of(certificate),
    )


def key_of(certificate: x509.Certificate) -> PublicKey:
    """Its public key; raises `CertificateRefused` for one that IKE cannot use."""
    try:
        return fit_key(certificate.public_key())
    except UnfitKey as error:
        reason = str(error)
    except MALFORMED as error:
        reason = f"a key that cannot be read ({printable(str(error), _SHOWN)})"
    raise CertificateRefused(
        f"The certificate of {shown(certificate.subject)} has {reason}: have one made for another "
        "key."
    )


def alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    """The extension, where there is one."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _alternative_names(
    certificate: x509.Certificate,
) -> tuple[tuple[str, ...], tuple[IPv4Address | IPv6Address, ...], tuple[str, ...]]:
    names: Iterable[x509.GeneralName] = alternative_names(certificate) or ()
    dns, addresses, emails = [], [], []
    for count, name in enumerate(names):
        if count == MOST_NAMES:
            raise CertificateRefused(
                f"The certificate of {shown(certificate.subject)} has more than {MOST_NAMES} "
                "names: have one made with fewer."
            )
        if isinstance(name, x509.DNSName):
            dns.append(name.value.lower())
        elif isinstance(name, x509.IPAddress) and isinstance(name.value, IPv4Address | IPv6Address):
            addresses.append(name.value)
        elif isinstance(name, x509.RFC822Name):
            emails.append(name.value)
    return tuple(dns), tuple(addresses), tuple(emails)
