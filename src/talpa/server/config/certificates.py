"""From the files of `[ipsec.certificate]` to a credential and to trust."""

from collections.abc import Iterator
from datetime import datetime, timedelta

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

PATH: KeyPath = ("ipsec", "certificate")
_SOON = timedelta(days=14)
_NEW = "have a new one made"


def credential_of(section: IpsecCertificate) -> Credential | None:
    """Our certificate chain and key; None: there is none. Raises `CertificateRefused`."""
    if not section.own():
        return None
    password = section.password_file.first_line() if section.password_file else None
    if section.pkcs12 is not None:
        return load_credential(None, None, section.pkcs12.data, password)
    chain = b"\n".join(file.data for file in section.chain)
    return load_credential(chain, section.key.data if section.key else None, None, password)


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
    for position, file in enumerate(section.ca):
        try:
            load_cas(file.data)
        except CertificateRefused as error:
            yield Finding((*PATH, "ca", position), f"{file.path}: {error}")
    for position, file in enumerate(section.crl):
        try:
            load_crls(file.data)
        except CertificateRefused as error:
            yield Finding((*PATH, "crl", position), f"{file.path}: {error}")
    try:
        credential = credential_of(section)
    except CertificateRefused as error:
        named = (section.pkcs12, *section.chain, section.key)
        yield Finding(_place(section), f"{', '.join(str(f.path) for f in named if f)}: {error}")
        return
    for certificate in credential.chain if credential else ():
        if certificate.not_after < now:
            yield Finding(
                _place(section),
                f"the certificate of {certificate.subject} expired on "
                f"{certificate.not_after:%Y-%m-%d}",
                _NEW,
            )


def certificate_doubts(section: IpsecCertificate, now: datetime) -> Iterator[Finding]:
    """What soon will be wrong, or is so with others than us. The files must be right."""
    credential = credential_of(section)
    for certificate in credential.chain if credential else ():
        if certificate.not_before > now:
            yield Finding(
                _place(section),
                f"the certificate of {certificate.subject} counts only from "
                f"{certificate.not_before:%Y-%m-%d} on",
                "is the clock of this machine right?",
            )
        elif certificate.not_after < now + _SOON:
            yield Finding(
                _place(section),
                f"the certificate of {certificate.subject} expires on "
                f"{certificate.not_after:%Y-%m-%d}",
                _NEW,
            )
    for position, file in enumerate(section.ca):
        for ca in load_cas(file.data):
            if ca.not_valid_after_utc < now:
                yield Finding(
                    (*PATH, "ca", position),
                    f"{ca.subject.rfc4514_string()} expired on {ca.not_valid_after_utc:%Y-%m-%d}",
                    "ask that CA for its new certificate",
                )
    for position, file in enumerate(section.crl):
        for crl in load_crls(file.data):
            end = crl.next_update_utc
            if end is not None and end < now:
                yield Finding(
                    (*PATH, "crl", position),
                    f"the list of {crl.issuer.rfc4514_string()} was to be replaced on "
                    f"{end:%Y-%m-%d}",
                    "fetch the new one",
                )


def _place(section: IpsecCertificate) -> KeyPath:
    return (*PATH, "pkcs12" if section.pkcs12 else "chain")
