"""From the files of `[ipsec.certificate]` to a credential and to trust."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography import x509

from talpa.crypto.certificates import (
    CertificateRefused,
    Credential,
    Trust,
    load_cas,
    load_credential,
    load_crls,
)
from talpa.server.config.ipsec_schema import IpsecCertificate
from talpa.server.config.problems import Finding, KeyPath
from talpa.wire import Secret

PATH: KeyPath = ("ipsec", "certificate")
_SOON = timedelta(days=14)


def credential_of(section: IpsecCertificate) -> Credential | None:
    """Our certificate chain and key; None: there is none. Raises `CertificateRefused`."""
    if not section.own():
        return None
    password: Secret | None = section.password_file.first_line() if section.password_file else None
    if section.pkcs12 is not None:
        return load_credential(None, None, section.pkcs12.data, password)
    assert section.key is not None
    chain = b"\n".join(file.data for file in section.chain)
    return load_credential(chain, section.key.data, None, password)


def trust_of(section: IpsecCertificate) -> Trust | None:
    """Whom we believe; None: nobody. Raises `CertificateRefused`."""
    if not section.ca:
        return None
    return Trust(
        tuple(ca for file in section.ca for ca in load_cas(file.data)),
        tuple(crl for file in section.crl for crl in load_crls(file.data)),
        strict=section.strict,
        require_crl=section.require_crl,
    )


def certificate_faults(section: IpsecCertificate, now: datetime) -> Iterator[Finding]:
    """What is wrong with what stands in the files."""
    for key, files, load in (("ca", section.ca, load_cas), ("crl", section.crl, load_crls)):
        for position, file in enumerate(files):
            try:
                load(file.data)
            except CertificateRefused as error:
                yield Finding((*PATH, key, position), f"{file.path}: {error}")
    place = (*PATH, "pkcs12") if section.pkcs12 else (*PATH, "chain")
    if section.pkcs12 is None and section.key is None:
        return
    try:
        credential = credential_of(section)
    except CertificateRefused as error:
        files_named = ", ".join(str(file.path) for file in (section.pkcs12, *section.chain) if file)
        yield Finding(place, f"{files_named}: {error}")
        return
    for name, parsed in _chain(credential):
        if parsed.not_valid_after_utc < now:
            yield Finding(
                place,
                f"the certificate of {name} has expired on {parsed.not_valid_after_utc:%Y-%m-%d}",
                "have a new one made",
            )


def certificate_doubts(section: IpsecCertificate, now: datetime) -> Iterator[Finding]:
    """What soon will be wrong, or is with somebody else."""
    place = (*PATH, "pkcs12") if section.pkcs12 else (*PATH, "chain")
    for name, parsed in _chain(credential_of(section)):
        if parsed.not_valid_before_utc > now:
            yield Finding(
                place,
                f"the certificate of {name} is valid only from {parsed.not_valid_before_utc}",
                "is this machine's clock right?",
            )
        elif parsed.not_valid_after_utc < now + _SOON:
            yield Finding(
                place,
                f"the certificate of {name} expires on {parsed.not_valid_after_utc:%Y-%m-%d}",
                "have a new one made",
            )
    for position, file in enumerate(section.ca):
        for ca in x509.load_pem_x509_certificates(file.data):
            if ca.not_valid_after_utc < now:
                yield Finding(
                    (*PATH, "ca", position),
                    f"{ca.subject.rfc4514_string()} expired on {ca.not_valid_after_utc:%Y-%m-%d}",
                    "ask that CA for its new certificate",
                )


def _chain(credential: Credential | None) -> Iterator[tuple[str, x509.Certificate]]:
    for certificate in credential.chain if credential else ():
        yield certificate.subject, x509.load_der_x509_certificate(certificate.der)
