"""Certificates made for one run."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from eap.eap_pair import WALL
from talpa.crypto.certificates import Credential, Trust, load_cas, load_credential, load_crls

UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_MONTH = timedelta(days=30)
_SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
_CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


def upn(name: str) -> x509.OtherName:
    return x509.OtherName(UPN, bytes((0x0C, len(name))) + name.encode())


def signed(
    subject: str,
    issuer: str,
    public: CertificatePublicKeyTypes,
    key: ec.EllipticCurvePrivateKey,
    *extensions: x509.ExtensionType,
    days: int = 30,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(WALL - _MONTH)
        .not_valid_after(WALL + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
    )
    for extension in extensions:
        critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, SHA256())


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])


_MAY_SIGN = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """A CA, with one below it when `below`."""

    def __init__(self, name: str = "Example CA", *, below: bool = False) -> None:
        self.root = ec.generate_private_key(ec.SECP256R1())
        self.name, self.key = name, self.root
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        public = self.root.public_key()
        self.certificate = signed(name, name, public, self.root, constraints, _MAY_SIGN)
        self.between: list[x509.Certificate] = []
        if below:
            self.name, self.key = "Issuing CA", ec.generate_private_key(ec.SECP256R1())
            public = self.key.public_key()
            self.between = [signed(self.name, name, public, self.root, constraints, _MAY_SIGN)]

    def issue(
        self,
        common: str,
        *names: x509.GeneralName,
        server: bool = False,
        days: int = 30,
        key: Key | None = None,
    ) -> tuple[Credential, x509.Certificate]:
        key = key or ec.generate_private_key(ec.SECP256R1())
        extensions: list[x509.ExtensionType] = [_SERVER if server else _CLIENT]
        if names:
            extensions.append(x509.SubjectAlternativeName(names))
        certificate = signed(common, self.name, key.public_key(), self.key, *extensions, days=days)
        pem = b"".join(c.public_bytes(Encoding.PEM) for c in (certificate, *self.between))
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return load_credential(pem, private, None, None), certificate

    def crl(self, revoked: Sequence[x509.Certificate]) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(named(self.name))
            .last_update(WALL - _MONTH)
            .next_update(WALL + _MONTH)
        )
        for one in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(one.serial_number)
                .revocation_date(WALL - timedelta(days=1))
                .build()
            )
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)

    def trust(self, crl: bytes | None = None) -> Trust:
        cas = load_cas(self.certificate.public_bytes(Encoding.PEM))
        return Trust(cas, () if crl is None else load_crls(crl))


@cache
def authority() -> Authority:
    return Authority()


@cache
def server() -> Credential:
    name = x509.DNSName("vpn.example.com")
    return authority().issue("vpn.example.com", name, server=True)[0]


@cache
def alice() -> Credential:
    return authority().issue("Alice", x509.RFC822Name("alice@example.com"))[0]


@cache
def stranger() -> Credential:
    """By a CA that nobody trusts."""
    return Authority("Other CA").issue("Alice", x509.RFC822Name("alice@example.com"))[0]
