"""Whom we believe: the way from a peer's certificate to a CA of ours (RFC 5280 6, RFC 4945 5).

The library's own verification is for the web: it refuses what VPNs are full of (no alternative
names, Ed25519). So the way is walked here, with the library checking each signature; only name
constraints are left to its verification as a whole.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha1
from itertools import pairwise
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from talpa.crypto.certificate_rules import (
    check_constraints,
    check_end_entity,
    check_issuer,
    check_time,
    check_usage,
)
from talpa.crypto.certificate_values import (
    MALFORMED,
    Certificate,
    CertificateRefused,
    key_of,
    read,
    shown,
    value_of,
)
from talpa.crypto.host_names import is_for
from talpa.crypto.revocation import Revocation
from talpa.wire.text import printable

MOST_CERTIFICATES = 8
"""Of a chain as it comes."""
_MOST_SIGNATURES = 16
"""Checked for one chain: hostile certificates could all have issued each other."""

Usage = Literal["server", "client"]


class Trust:
    """The CAs that we believe, and how strictly."""

    __slots__ = (
        "_ca_hashes",
        "_ca_subjects",
        "_revocation",
        "cas",
        "crls",
        "require_crl",
        "strict",
    )

    def __init__(
        self,
        cas: Sequence[x509.Certificate],
        crls: Sequence[x509.CertificateRevocationList] = (),
        *,
        strict: bool = False,
        require_crl: bool = False,
    ) -> None:
        """`cas` as of `load_cas`, `crls` as of `load_crls`. A peer's own certificate among `cas` is
        believed by itself.

        `strict`: the certificate must say that it was made for this use (extended key usage) and
        have its host names among the alternative names; it must not be a CA's.
        `require_crl`: each certificate needs a CRL of its issuer that is in date.
        """
        self.cas = tuple(cas)
        self.crls = tuple(crls)
        self.strict = strict
        self.require_crl = require_crl
        self._revocation = Revocation(self.crls, required=require_crl)
        self._ca_hashes = tuple(_key_hash(ca) for ca in self.cas)
        self._ca_subjects = tuple(ca.subject.public_bytes() for ca in self.cas)

    def ca_hashes(self) -> tuple[bytes, ...]:
        """SHA-1 of each CA's SubjectPublicKeyInfo: for CERTREQ of IKEv2 (RFC 7296 3.7)."""
        return self._ca_hashes

    def ca_subjects(self) -> tuple[bytes, ...]:
        """DER of each CA's name: for CERT_REQ of IKEv1 (RFC 2408 3.10)."""
        return self._ca_subjects

    def verify(
        self, chain: Sequence[bytes], wall: datetime, *, usage: Usage, name: str | None = None
    ) -> Certificate:
        """The peer's certificate, the first of `chain`, when one of our CAs vouches for it.

        `chain` is DER as received; the order of the others does not matter. `wall` is the time of
        day, aware. `usage` says what the peer is. `name`: the host, or numeric address, that it has
        to be for. Raises `CertificateRefused`.
        """
        if not chain:
            raise CertificateRefused("The peer sent no certificate: configure one there.")
        if len(chain) > MOST_CERTIFICATES:
            raise CertificateRefused(
                f"The peer sent {len(chain)} certificates, and {MOST_CERTIFICATES} is the most "
                "that is taken: have it send only those between its own and the CA."
            )
        own, *others = (read(der) for der in chain)
        found = value_of(own)
        check_time(own, wall)
        check_end_entity(own, strict=self.strict)
        check_usage(own, usage, strict=self.strict)
        if own not in self.cas:
            self._check_path(own, others, wall, usage)
        if name is not None and not is_for(found, name, common_name=not self.strict):
            raise CertificateRefused(
                f"The certificate of {found.subject} is not for {printable(name, 100)}, but for "
                f"{_names(found)}: connect by one of its names, or have one made for this one."
            )
        return found

    def _check_path(
        self, own: x509.Certificate, others: list[x509.Certificate], wall: datetime, usage: Usage
    ) -> None:
        """Find a way to a CA that holds; else say why the one that got farthest did not."""
        search = _Search(self.cas, others)
        refusal: CertificateRefused | None = None
        for path in search.paths([own]):
            try:
                self._check(path, wall, usage)
            except CertificateRefused as error:
                refusal = refusal or error
            else:
                return
        raise refusal or search.failure()

    def _check(self, path: Sequence[x509.Certificate], wall: datetime, usage: Usage) -> None:
        """`path` is the peer's certificate first and our CA last."""
        for depth, (certificate, issuer) in enumerate(pairwise(path)):
            anchor = depth == len(path) - 2
            check_time(issuer, wall)
            check_issuer(issuer, path[1 : depth + 1], anchor=anchor)
            if not anchor:
                check_usage(issuer, usage, strict=False)
            self._revocation.check(certificate, issuer, wall)
        check_constraints(path, wall)


class _Search:
    """Ways from a certificate to a CA, by names and signatures."""

    __slots__ = ("_cas", "_left", "_others", "_refusal", "_stuck")

    def __init__(self, cas: Sequence[x509.Certificate], others: Sequence[x509.Certificate]) -> None:
        self._cas = cas
        self._left = _MOST_SIGNATURES
        self._others = others
        self._stuck: x509.Certificate | None = None
        self._refusal: CertificateRefused | None = None

    def paths(self, path: list[x509.Certificate]) -> Iterator[list[x509.Certificate]]:
        """Each way on from `path`."""
        last = path[-1]
        for ca in self._cas:
            if self._issued(ca, last):
                yield [*path, ca]
        if len(path) == MOST_CERTIFICATES:
            return
        for other in self._others:
            if other not in path and other not in self._cas and self._issued(other, last):
                yield from self.paths([*path, other])
        if self._stuck is None or len(path) > 1:
            self._stuck = last

    def failure(self) -> CertificateRefused:
        """Why there is none."""
        if self._refusal is not None:
            return self._refusal
        assert self._stuck is not None
        subject, issuer = shown(self._stuck.subject), shown(self._stuck.issuer)
        if self._stuck.subject == self._stuck.issuer:
            return CertificateRefused(
                f"The certificate of {subject} is signed by itself and is not one of our CAs: add "
                "it to the CA files if it is to be trusted."
            )
        return CertificateRefused(
            f"The certificate of {subject} was issued by {issuer}, which is not one of our CAs: "
            "add it to the CA files if it is to be trusted, or have the peer send the certificates "
            "between."
        )

    def _issued(self, issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
        if issuer.subject != certificate.issuer or self._left == 0:
            return False
        self._left -= 1
        try:
            _check_signature(certificate, issuer)
        except CertificateRefused as error:
            self._refusal = error
            return False
        return True


def _check_signature(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    key_of(issuer)
    try:
        hash_ = certificate.signature_hash_algorithm
        if hash_ is not None and not isinstance(hash_, SHA256 | SHA384 | SHA512):
            raise CertificateRefused(
                f"The certificate of {shown(certificate.subject)} is signed with "
                f"{hash_.name.upper()}, which proves nothing any more: have it made anew with "
                "SHA-256."
            )
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        raise CertificateRefused(
            f"The certificate of {shown(certificate.subject)} was not signed by the key of "
            f"{shown(issuer.subject)}, though it says so: is it of an older CA of the same name?"
        ) from None
    except CertificateRefused:
        raise
    except MALFORMED as error:
        raise CertificateRefused(
            f"The signature of the certificate of {shown(certificate.subject)} cannot be checked "
            f"({printable(str(error), 160)}): have it made anew."
        ) from None


def _key_hash(ca: x509.Certificate) -> bytes:
    info = ca.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha1(info, usedforsecurity=False).digest()


def _names(certificate: Certificate) -> str:
    hosts = (*certificate.dns, *map(str, certificate.addresses))
    if not hosts:
        return printable(certificate.common_name, 100) or "no host"
    return printable(", ".join(hosts), 200)
