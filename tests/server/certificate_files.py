"""Certificates and keys in files, as an administrator has them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)


class Authority:
    """A CA that writes into a folder."""

    def __init__(self, folder: Path, name: str = "Example CA", *, days: float = 3650) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        self.certificate = self._sign(self.name, self.key.public_key(), days, authority=True)

    def write(self, file: str = "clients-ca.pem") -> Path:
        return _put(self.folder / file, self.certificate.public_bytes(Encoding.PEM), 0o644)

    def write_crl(self, file: str = "clients-ca.crl") -> Path:
        crl = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(NOW - timedelta(days=1))
            .next_update(NOW + timedelta(days=30))
            .sign(self.key, hashes.SHA256())
        )
        return _put(self.folder / file, crl.public_bytes(Encoding.PEM), 0o644)

    def issue(
        self,
        name: str = "vpn.example.com",
        *,
        days: float = 90,
        stem: str = "server",
        password: bytes | None = None,
    ) -> None:
        """Write STEM.pem, STEM-key.pem and STEM.p12."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(_name(name), key.public_key(), days, host=name)
        _put(self.folder / f"{stem}.pem", certificate.public_bytes(Encoding.PEM), 0o644)
        lock = BestAvailableEncryption(password) if password else NoEncryption()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
        _put(self.folder / f"{stem}-key.pem", private)
        packed = serialize_key_and_certificates(
            name.encode(), key, certificate, [self.certificate], lock
        )
        _put(self.folder / f"{stem}.p12", packed)

    def _sign(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        days: float,
        *,
        host: str | None = None,
        authority: bool = False,
    ) -> x509.Certificate:
        end = NOW + timedelta(days=days)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(NOW, end) - timedelta(days=10))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if host:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _put(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def copy_example(example: Path, folder: Path) -> Path:
    """An example in a folder with the files that it names."""
    authority = Authority(folder)
    authority.write()
    authority.write_crl()
    authority.issue()
    for name in ("psk.txt", "branch-psk.txt", "branch-ppk.txt"):
        _put(folder / name, b"t0YBtyG2bvbBUFHrGMwsMZ2hBp8zN3oI\n")
    return _put(folder / "talpa.toml", example.read_bytes())
