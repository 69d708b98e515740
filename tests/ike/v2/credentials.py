"""A CA, and certificates of both ends."""

from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from crypto.certificate_makers import CA, CLIENT, SERVER, Made, dns, key_usage, make
from talpa.crypto.certificates import Credential, Trust, load_cas, load_credential
from talpa.crypto.signing import PrivateKey

GATEWAY = "gateway.example"


@cache
def authority(label: str = "Example CA") -> Made:
    return make(label, None, CA, key_usage("key_cert_sign", "crl_sign"))


@cache
def key(kind: str) -> PrivateKey:
    if kind == "RSA":
        return rsa.generate_private_key(65537, 2048)
    if kind == "Ed25519":
        return Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP384R1() if kind == "P-384" else ec.SECP256R1())


@cache
def credential(
    common: str,
    kind: str = "ECDSA",
    *,
    server: bool = False,
    issuer: str = "Example CA",
    name: str = "",
) -> Credential:
    extensions: list[x509.ExtensionType] = [SERVER if server else CLIENT, dns(name or common)]
    made = make(common, authority(issuer), *extensions, key=key(kind))
    private = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return load_credential(made.pem, private, None, None)


@cache
def trust(label: str = "Example CA") -> Trust:
    return Trust(load_cas(authority(label).pem), ())
