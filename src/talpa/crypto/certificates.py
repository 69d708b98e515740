"""X.509 certificates: whom we believe, and what we prove ourselves with."""

from talpa.crypto.certificate_files import Credential, load_cas, load_credential, load_crls
from talpa.crypto.certificate_values import Certificate, CertificateRefused
from talpa.crypto.trust import Trust

__all__ = [
    "Certificate",
    "CertificateRefused",
    "Credential",
    "Trust",
    "load_cas",
    "load_credential",
    "load_crls",
]
