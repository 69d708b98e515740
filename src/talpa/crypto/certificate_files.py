"""What stands in files: certificate chains and keys, CAs, revocation lists. Octets in, no files."""

import warnings
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
from cryptography.utils import CryptographyDeprecationWarning

from talpa.crypto.certificate_values import (
    MALFORMED,
    Certificate,
    CertificateRefused,
    key_of,
    read,
    shown,
    value_of,
)
from talpa.crypto.signing import PrivateKey, SigningKey, UnfitKey
from talpa.crypto.trust import MOST_CERTIFICATES
from talpa.wire import Secret, printable

_PEM = b"-----BEGIN"


@dataclass(frozen=True, slots=True)
class Credential:
    """What we prove ourselves with."""

    chain: tuple[Certificate, ...]
    """Our own first, then those between it and its CA."""
    key: SigningKey
    """That of the first."""


def load_credential(
    pem: bytes | None, key: bytes | None, pkcs12: bytes | None, password: Secret | None
) -> Credential:
    """A credential from PEM certificates and a PEM or DER key, or from PKCS#12.

    Without `key` it is looked for in `pem`. `password` opens an encrypted key or the PKCS#12. The
    order of certificates does not matter, and a root among them is left out, for a peer has it or
    does not believe it. Raises `CertificateRefused`.
    """
    if pkcs12 is not None:
        private, certificates = _from_pkcs12(pkcs12, password)
    elif pem is not None:
        private, certificates = _private_key(pem if key is None else key, password), _all(pem)
    else:
        raise CertificateRefused("There is no certificate: give PEM files or a PKCS#12 file.")
    own = next((each for each in certificates if key_of(each) == private.public), None)
    if own is None:
        names = "; ".join(shown(each.subject) for each in certificates[:MOST_CERTIFICATES])
        raise CertificateRefused(
            f"The private key does not go with any of these certificates: {names}. Give the key "
            "that the certificate was made for."
        )
    return Credential(tuple(value_of(each) for each in _ordered(own, certificates)), private)


def load_cas(pem: bytes) -> tuple[x509.Certificate, ...]:
    """All certificates of a PEM bundle, or the one of a DER file: for `Trust`.

    Raises `CertificateRefused`.
    """
    cas = _all(pem)
    for ca in cas:
        key_of(ca)
    return cas


def load_crls(pem_or_der: bytes) -> tuple[x509.CertificateRevocationList, ...]:
    """All lists of a PEM file, or the one of a DER file: for `Trust`.

    Raises `CertificateRefused`.
    """
    try:
        if _PEM not in pem_or_der:
            crls = [x509.load_der_x509_crl(pem_or_der)]
        else:
            end = b"-----END X509 CRL-----"
            blocks = pem_or_der.split(end)[:-1]
            crls = [
                x509.load_pem_x509_crl(block[block.index(_PEM + b" X509 CRL") :] + end + b"\n")
                for block in blocks
            ]
        for crl in crls:
            _ = crl.issuer, crl.extensions, crl.last_update_utc, crl.next_update_utc
    except MALFORMED:
        crls = []
    if not crls:
        raise CertificateRefused("There is no revocation list in it, neither in PEM nor in DER.")
    return tuple(crls)


def _all(data: bytes) -> tuple[x509.Certificate, ...]:
    if _PEM not in data:
        return (read(data, ours=True),)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificates = x509.load_pem_x509_certificates(data)
    except MALFORMED as error:
        raise CertificateRefused(
            f"There is no certificate in it that could be read ({printable(str(error), 160)})."
        ) from None
    return tuple(read(each.public_bytes(Encoding.DER), ours=True) for each in certificates)


def _private_key(data: bytes, password: Secret | None) -> SigningKey:
    secret = password.reveal() if password else None
    load = load_pem_private_key if _PEM in data else load_der_private_key
    try:
        try:
            key = load(data, secret)
        except TypeError:
            # Of the two ways that a password may not fit: one is given and none is needed.
            if secret is None:
                raise
            key = load(data, None)
    except TypeError:
        raise CertificateRefused("The private key is encrypted: give its password.") from None
    except MALFORMED as error:
        raise CertificateRefused(
            "The private key cannot be read: is the password right, and is it PEM or DER? "
            f"({printable(str(error), 160)})"
        ) from None
    return _signing_key(key)


def _from_pkcs12(
    data: bytes, password: Secret | None
) -> tuple[SigningKey, tuple[x509.Certificate, ...]]:
    secret = password.reveal() if password else None
    try:
        key, own, others = load_key_and_certificates(data, secret)
    except MALFORMED as error:
        raise CertificateRefused(
            "The PKCS#12 file cannot be opened: is the password right? Files of old Windows "
            "versions have to be exported anew with AES. "
            f"({printable(str(error), 160)})"
        ) from None
    if key is None or own is None:
        missing = "private key" if key is None else "certificate"
        raise CertificateRefused(f"There is no {missing} in the PKCS#12 file: export it with both.")
    every = (own, *others)
    return _signing_key(key), tuple(
        read(each.public_bytes(Encoding.DER), ours=True) for each in every
    )


def _signing_key(key: object) -> SigningKey:
    if not isinstance(key, PrivateKey):
        raise CertificateRefused(
            "The private key is none of RSA, ECDSA, Ed25519 and Ed448: have a certificate made for "
            "one of these."
        )
    try:
        return SigningKey(key)
    except UnfitKey as error:
        raise CertificateRefused(f"The private key is {error}: have another one made.") from None


def _ordered(
    own: x509.Certificate, certificates: tuple[x509.Certificate, ...]
) -> list[x509.Certificate]:
    """From `own` on towards the root, which stays out."""
    chain = [own]
    while len(chain) < MOST_CERTIFICATES:
        last = chain[-1]
        for each in certificates:
            if each.subject == last.issuer and each.subject != each.issuer and each not in chain:
                chain.append(each)
                break
        else:
            break
    return chain
