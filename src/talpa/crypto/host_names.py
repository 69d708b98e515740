"""Whether a certificate is for the host that was called (RFC 9525)."""

from ipaddress import ip_address

from talpa.crypto.certificate_values import Certificate


def is_for(certificate: Certificate, name: str, *, common_name: bool) -> bool:
    """Whether `name`, a host name or a numeric address, is among the certificate's.

    `common_name`: that of the subject counts where the certificate has no alternative names of
    hosts at all, as in certificates made by hand.
    """
    wanted = name.rstrip(".").lower()
    try:
        address = ip_address(wanted)
    except ValueError:
        if any(_matches(pattern, wanted) for pattern in certificate.dns):
            return True
    else:
        if address in certificate.addresses:
            return True
    if not common_name or certificate.dns or certificate.addresses:
        return False
    return certificate.common_name.lower() == wanted


def _matches(pattern: str, name: str) -> bool:
    """A wildcard stands for one whole label, the first, before at least two others."""
    if not pattern.startswith("*."):
        return pattern == name
    first, _, rest = name.partition(".")
    return bool(first) and rest == pattern[2:] and "." in rest
