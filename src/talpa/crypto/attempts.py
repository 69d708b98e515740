r"""The attempts of each method, and how each is held against a password.

Names come as octets, since MS-CHAPv2 hashes them as they are. A Windows domain in front of the name
("BIGCO\johndoe") takes part neither in the look-up nor in any hash (RFC 2759 4).
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from talpa.crypto.chap import chap_response
from talpa.crypto.credentials import Accepted, PasswordChanged
from talpa.crypto.mschap import (
    decrypt_pw_block_with_password_hash,
    generate_authenticator_response,
    generate_nt_response,
    get_master_key,
    nt_challenge_response,
    nt_password_hash,
    old_nt_password_hash_encrypted_with_new_nt_password_hash,
    password_text,
)
from talpa.wire.secret import Secret


def without_domain(name: bytes) -> bytes:
    """The user's part of a name."""
    return name.rpartition(b"\\")[2]


def name_text(name: bytes) -> str:
    """The user's part of a name as text: UTF-8, or CP1252 where it is no UTF-8."""
    user = without_domain(name)
    try:
        return user.decode()
    except UnicodeDecodeError:
        return user.decode("cp1252", "replace")


def _spellings(password: Secret) -> Iterator[bytes]:
    """The octets a client may have made of the password: UTF-8, then CP1252."""
    octets = password.reveal()
    yield octets
    if not octets.isascii():
        try:
            yield password_text(password).encode("cp1252")
        except UnicodeEncodeError:
            return


@dataclass(frozen=True, slots=True)
class _Named:
    sent_name: bytes
    """The name as sent, with a domain where there was one."""

    @property
    def name(self) -> str:
        return name_text(self.sent_name)


@dataclass(frozen=True, slots=True)
class PapAttempt(_Named):
    """PAP (RFC 1334 2): the password itself."""

    presented: Secret

    @property
    def method(self) -> str:
        """See `credentials.Attempt`."""
        return "PAP"

    def check(self, password: Secret) -> Accepted | None:
        """See `credentials.Attempt`."""
        presented = self.presented.reveal()
        if any(hmac.compare_digest(presented, octets) for octets in _spellings(password)):
            return Accepted(self.name)
        return None


@dataclass(frozen=True, slots=True)
class ChapAttempt(_Named):
    """CHAP with MD5 (RFC 1994 4.1)."""

    identifier: int
    challenge: bytes = field(repr=False)
    response: bytes = field(repr=False)

    @property
    def method(self) -> str:
        """See `credentials.Attempt`."""
        return "CHAP"

    def check(self, password: Secret) -> Accepted | None:
        """See `credentials.Attempt`."""
        for octets in _spellings(password):
            expected = chap_response(self.identifier, octets, self.challenge)
            if hmac.compare_digest(expected, self.response):
                return Accepted(self.name)
        return None


@dataclass(frozen=True, slots=True)
class MsChapAttempt(_Named):
    """MS-CHAP (RFC 2433 6). The LAN Manager response is never looked at."""

    challenge: bytes = field(repr=False)
    """8 octets."""
    nt_response: bytes = field(repr=False)

    @property
    def method(self) -> str:
        """See `credentials.Attempt`."""
        return "MS-CHAP"

    def check(self, password: Secret) -> Accepted | None:
        """See `credentials.Attempt`."""
        expected = nt_challenge_response(self.challenge, password)
        return Accepted(self.name) if hmac.compare_digest(expected, self.nt_response) else None


@dataclass(frozen=True, slots=True)
class MsChapV2Attempt(_Named):
    """MS-CHAPv2 (RFC 2759 4)."""

    challenge: bytes = field(repr=False)
    """16 octets, ours."""
    peer_challenge: bytes = field(repr=False)
    nt_response: bytes = field(repr=False)

    @property
    def method(self) -> str:
        """See `credentials.Attempt`."""
        return "MS-CHAPv2"

    def check(self, password: Secret) -> Accepted | None:
        """See `credentials.Attempt`."""
        proof = _v2_proof(
            password, self.sent_name, self.challenge, self.peer_challenge, self.nt_response
        )
        return None if proof is None else Accepted(self.name, proof)


@dataclass(frozen=True, slots=True)
class MsChapChangeAttempt(_Named):
    """A new password by MS-CHAP, Change Password packet version 2 (RFC 2433 10)."""

    challenge: bytes = field(repr=False)
    encrypted_password: bytes = field(repr=False)
    encrypted_hash: bytes = field(repr=False)
    nt_response: bytes = field(repr=False)

    @property
    def method(self) -> str:
        """See `credentials.Attempt`."""
        return "MS-CHAP"

    def check(self, password: Secret) -> PasswordChanged | None:
        """See `credentials.Attempt`; `password` is the old one."""
        new = _new_password(password, self.encrypted_password, self.encrypted_hash)
        if new is None:
            return None
        expected = nt_challenge_response(self.challenge, new)
        if not hmac.compare_digest(expected, self.nt_response):
            return None
        return PasswordChanged(self.name, new, b"")


@dataclass(frozen=True, slots=True)
class MsChapV2ChangeAttempt(_Named):
    """A new password by MS-CHAPv2 (RFC 2759 7)."""

    challenge: bytes = field(repr=False)
    peer_challenge: bytes = field(repr=False)
    encrypted_password: bytes = field(repr=False)
    encrypted_hash: bytes = field(repr=False)
    nt_response: bytes = field(repr=False)

    @property
    def method(self) -> str:
        """See `credentials.Attempt`."""
        return "MS-CHAPv2"

    def check(self, password: Secret) -> PasswordChanged | None:
        """See `credentials.Attempt`; `password` is the old one."""
        new = _new_password(password, self.encrypted_password, self.encrypted_hash)
        if new is None:
            return None
        proof = _v2_proof(
            new, self.sent_name, self.challenge, self.peer_challenge, self.nt_response
        )
        return None if proof is None else PasswordChanged(self.name, new, proof)


@dataclass(frozen=True, slots=True)
class EapMd5Attempt(ChapAttempt):
    """EAP with MD5-Challenge (RFC 3748 5.4): CHAP under another name."""

    @property
    def method(self) -> str:
        """See `credentials.Attempt`."""
        return "EAP-MD5"


@dataclass(frozen=True, slots=True)
class EapMsChapV2Attempt(MsChapV2Attempt):
    """EAP-MSCHAPv2: MS-CHAPv2, and a key comes of it."""

    @property
    def method(self) -> str:
        """See `credentials.Attempt`."""
        return "EAP-MSCHAPv2"

    def check(self, password: Secret) -> Accepted | None:
        """See `credentials.Attempt`."""
        accepted = MsChapV2Attempt.check(self, password)
        if accepted is None:
            return None
        return replace(accepted, key=Secret(get_master_key(password, self.nt_response)))


@dataclass(frozen=True, slots=True)
class EapMsChapV2ChangeAttempt(MsChapV2ChangeAttempt):
    """A new password by EAP-MSCHAPv2."""

    @property
    def method(self) -> str:
        """See `credentials.Attempt`."""
        return "EAP-MSCHAPv2"

    def check(self, password: Secret) -> PasswordChanged | None:
        """See `credentials.Attempt`; `password` is the old one."""
        changed = MsChapV2ChangeAttempt.check(self, password)
        if changed is None:
            return None
        return replace(changed, key=Secret(get_master_key(changed.password, self.nt_response)))


@dataclass(frozen=True, slots=True)
class CertificateAttempt:
    """EAP-TLS (RFC 5216): a certificate that is verified already, and whose key the peer has. What
    is left to decide is whether the user may log in: no password takes part."""

    name: str
    """The user that the certificate is for."""
    subject: str
    """Its subject, for logs (RFC 4514)."""

    @property
    def method(self) -> str:
        """See `credentials.Attempt`."""
        return "EAP-TLS"

    def check(self, password: Secret) -> Accepted:  # noqa: ARG002
        """See `credentials.Attempt`: it holds against any password."""
        return Accepted(self.name)


def _v2_proof(
    password: Secret, sent_name: bytes, challenge: bytes, peer_challenge: bytes, nt_response: bytes
) -> bytes | None:
    """Our "S=..." when the response is right."""
    user = without_domain(sent_name)
    expected = generate_nt_response(challenge, peer_challenge, user, password)
    if not hmac.compare_digest(expected, nt_response):
        return None
    return generate_authenticator_response(password, nt_response, peer_challenge, challenge, user)


def _new_password(old: Secret, encrypted_password: bytes, encrypted_hash: bytes) -> Secret | None:
    """The new password, when whoever sent it knew the old one (RFC 2759 7)."""
    new = decrypt_pw_block_with_password_hash(encrypted_password, nt_password_hash(old))
    if new is None:
        return None
    expected = old_nt_password_hash_encrypted_with_new_nt_password_hash(new, old)
    return new if hmac.compare_digest(expected, encrypted_hash) else None
