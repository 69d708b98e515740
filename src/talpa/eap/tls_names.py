"""The user that a certificate is for, and whether a peer's identity says the same."""

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from talpa.crypto.attempts import without_domain
from talpa.crypto.certificate_values import MALFORMED, alternative_names

_UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
"""The user principal name of Windows, UTF8String."""
_UTF8_STRING = 0x0C
_MOST_NAMES = 32
_MOST_NAME = 255
_MACHINE = b"host/"
"""What Windows puts in front of a machine's name."""
_ANONYMOUS = b"anonymous"


def user_names(der: bytes) -> tuple[str, ...]:
    """Names of the user in the certificate: e-mail addresses, UPNs and DNS names; the common name
    where there is none of those."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = _alternative(certificate) or _common(certificate)
    except MALFORMED:
        return ()
    return tuple(n for n in names[:_MOST_NAMES] if 0 < len(n) <= _MOST_NAME)


def named_by(identity: bytes, names: tuple[str, ...]) -> str | None:
    """The one of `names` that `identity` means; None: another one. Whoever keeps its name to itself
    (RFC 9190 2.1.8, RFC 7542 2.4) means the first."""
    if not names:
        return None
    if identity.partition(b"@")[0].lower() in (b"", _ANONYMOUS):
        return names[0]
    spellings = (identity, without_domain(identity), identity.removeprefix(_MACHINE))
    wanted = {s.decode("utf-8", "replace").casefold() for s in spellings}
    return next((name for name in names if name.casefold() in wanted), None)


def _alternative(certificate: x509.Certificate) -> list[str]:
    names = alternative_names(certificate)
    if names is None:
        return []
    others = names.get_values_for_type(x509.OtherName)
    return [
        *names.get_values_for_type(x509.RFC822Name),
        *(_utf8_string(other.value) for other in others if other.type_id == _UPN),
        *names.get_values_for_type(x509.DNSName),
    ]


def _common(certificate: x509.Certificate) -> list[str]:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return [name.value for name in names if isinstance(name.value, str)]


def _utf8_string(der: bytes) -> str:
    """The text of a DER UTF8String of less than 128 octets; "" for anything else."""
    if len(der) < 2 or der[0] != _UTF8_STRING or der[1] != len(der) - 2 or der[1] > 127:
        return ""
    return der[2:].decode("utf-8", "replace")
