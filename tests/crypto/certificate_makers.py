"""Certificates, keys and revocation lists for tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from talpa.crypto.signing import PrivateKey

WALL = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CA = x509.BasicConstraints(ca=True, path_length=None)
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
IKE_INTERMEDIATE = x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.8.2.2")])
ANY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])

_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@cache
def key_of(label: str) -> ec.EllipticCurvePrivateKey:
    """The same key for the same label."""
    del label
    return ec.generate_private_key(ec.SECP256R1())


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def dns(*names: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(each) for each in names])


def key_usage(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{each: each in uses for each in _KEY_USAGES})


@dataclass(frozen=True)
class Made:
    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def make(
    subject: str,
    issuer: Made | None = None,
    *extensions: x509.ExtensionType,
    key: PrivateKey | None = None,
    begin: datetime = WALL - 30 * DAY,
    end: datetime = WALL + 30 * DAY,
    critical: Sequence[type[x509.ExtensionType]] = (x509.BasicConstraints, x509.NameConstraints),
    issuer_name: str | None = None,
) -> Made:
    """A certificate of `subject` by `issuer`; by itself without one."""
    own = key or key_of(subject)
    signer = issuer.key if issuer else own
    called = name(issuer_name) if issuer_name else None
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(called or (issuer.certificate.subject if issuer else name(subject)))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, tuple(critical)))
    algorithm = None if isinstance(signer, Ed25519PrivateKey) else SHA256()
    return Made(builder.sign(signer, algorithm), own)


def revocation_list(
    issuer: Made,
    *revoked: Made,
    key: PrivateKey | None = None,
    begin: datetime = WALL - DAY,
    end: datetime = WALL + DAY,
) -> x509.CertificateRevocationList:
    """A CRL of `issuer`, signed with `key` instead of its own where one is given."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(begin)
        .next_update(end)
    )
    for each in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(each.certificate.serial_number)
            .revocation_date(WALL - DAY)
            .build()
        )
    return builder.sign(key or issuer.key, SHA256())
