"""The options of `talpa connect` about IPsec: keys, certificates, whom to believe."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from talpa.cli.errors import USAGE, CliError, say
from talpa.cli.target import secret_in

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from talpa.crypto.certificates import Credential, Trust
    from talpa.ike.identities import Identity
    from talpa.server.config.client import ClientIpsec, ServerUrl
    from talpa.server.config.files import ReadFile

POLICIES = ("modern", "compatible", "legacy")
_LEAST_PSK_OCTETS = 20
_PRIVATE = b"PRIVATE KEY-----"
_BUNDLES = ("ca-certificates.crt", "ca-bundle.crt")
"""Names of the file with all of the system's CAs, in its directory of certificates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IpsecOptions:
    """As given on the command line."""

    version: int | None = None
    psk_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    pkcs12: Path | None = None
    key_password_file: Path | None = None
    ca: tuple[Path, ...] = ()
    eap: bool = False
    identity: str = ""
    server_identity: str = ""
    policy: str = "compatible"
    aggressive: bool = False
    key_log: Path | None = None

    def given(self) -> bool:
        """Whether any was."""
        return self != IpsecOptions()


def ipsec_of(url: "ServerUrl", options: IpsecOptions) -> "ClientIpsec | None":
    """What the URL and the options together mean; None: no IPsec. Raises `CliError`."""
    if url.scheme == "l2tp":
        if options.given():
            raise CliError(
                "l2tp:// is L2TP in the clear, and options of IPsec are given",
                f"write l2tp+ipsec://{url.user}@{url.host}",
                USAGE,
            )
        return None
    version = _version(url, options)
    authentication = _authentication(url, options)
    if options.policy not in POLICIES:
        raise CliError(
            f"--policy {options.policy}: there is no such choice",
            f"choose from {', '.join(POLICIES)}",
            USAGE,
        )
    if options.aggressive:
        if version != 1:
            raise CliError("--aggressive-mode: IKEv2 has no such mode", "leave it out", USAGE)
        say("warning: Aggressive Mode shows whoever listens a hash to guess the key from")
    psk = secret_in(options.psk_file) if options.psk_file else None
    if psk is not None and len(psk.reveal()) < _LEAST_PSK_OCTETS:
        say(
            f"warning: the key is shorter than {_LEAST_PSK_OCTETS} octets: whoever takes part in "
            "one exchange can guess it (CVE-2018-5389)"
        )
    if options.key_log is not None:
        say(
            f"warning: EVERY KEY IS WRITTEN TO {options.key_log}: whoever reads it can read "
            "everything"
        )
    from talpa.server.config.client import ClientIpsec
    from talpa.server.config.ipsec_build import policy_of
    from talpa.server.config.ipsec_schema import Ipsec

    return ClientIpsec(
        version=version,
        l2tp=url.scheme == "l2tp+ipsec",
        authentication=authentication,
        psk=psk,
        credential=_credential(options),
        trust=_trust(options) if authentication != "psk" else None,
        identity=_identity("--identity", options.identity),
        server_identity=_identity("--server-identity", options.server_identity),
        policy=policy_of(Ipsec(), options.policy),
        aggressive=options.aggressive,
        key_log=options.key_log,
    )


def _version(url: "ServerUrl", options: IpsecOptions) -> int:
    if url.scheme == "ikev2":
        if options.version == 1:
            raise CliError("--ike 1: ikev2:// is IKEv2", f"write l2tp+ipsec://{url.host}", USAGE)
        return 2
    return options.version or 1


def _authentication(url: "ServerUrl", options: IpsecOptions) -> str:
    certificate = options.certificate or options.pkcs12
    if options.certificate and options.pkcs12:
        raise CliError("--certificate and --pkcs12 are both given", "give one of them", USAGE)
    if options.key and not options.certificate:
        raise CliError("--key is given without --certificate", "add it", USAGE)
    if options.key_password_file and not certificate:
        raise CliError(
            "--key-password-file is given without a key", "add --pkcs12, or --key", USAGE
        )
    if options.psk_file and certificate:
        raise CliError("a key and a certificate are both given", "give one of them", USAGE)
    if options.eap and url.scheme != "ikev2":
        raise CliError("--eap: only ikev2:// logs in with EAP", "leave it out", USAGE)
    if options.psk_file:
        if options.ca or options.eap:
            raise CliError(
                "with --psk-file both ends prove themselves by the key",
                "leave out --ca and --eap",
                USAGE,
            )
        return "psk"
    if options.eap and not certificate:
        raise CliError(
            "--eap: EAP-TLS needs a certificate",
            "add --certificate or --pkcs12; to log in with a password, leave it out",
            USAGE,
        )
    if certificate and not options.eap:
        return "certificate"
    if url.scheme == "ikev2":
        if not url.user:
            raise CliError(
                "nothing is given to log in with",
                f"write ikev2://alice@{url.host} to log in with a password, or add --certificate "
                "or --psk-file",
                USAGE,
            )
        return "eap"
    raise CliError(
        f"{url.scheme}:// needs the pre-shared key of the server, or a certificate",
        "add --psk-file FILE, or --certificate FILE --key FILE and --ca FILE",
        USAGE,
    )


def _credential(options: IpsecOptions) -> "Credential | None":
    from talpa.crypto.certificates import CertificateRefused, load_credential

    named = options.pkcs12 or options.certificate
    if named is None:
        return None
    first = _read(named)
    password = secret_in(options.key_password_file) if options.key_password_file else None
    try:
        if options.pkcs12:
            _private(first)
            return load_credential(None, None, first.data, password)
        if options.key is None and _PRIVATE not in first.data:
            raise CliError(
                f"{named} holds no private key beside the certificate", "add --key FILE", USAGE
            )
        key = _read(options.key) if options.key else first
        _private(key)
        return load_credential(first.data, key.data, None, password)
    except CertificateRefused as error:
        raise CliError(f"{named}: {error}") from None


def _trust(options: IpsecOptions) -> "Trust":
    """The CAs given, or else those of the system. These sign for everybody on the Internet, so
    what they sign must be made for a server, of the name that is called."""
    from talpa.crypto.certificates import CertificateRefused, Trust, load_cas

    cas: list[Certificate] = []
    for file in options.ca or _system_bundle():
        try:
            cas.extend(load_cas(_read(file).data))
        except CertificateRefused as error:
            raise CliError(f"{file}: {error}") from None
    return Trust(cas, strict=not options.ca)


def _system_bundle() -> tuple[Path]:
    """The file with the system's CAs."""
    places = ssl.get_default_verify_paths()
    candidates = [Path(places.cafile)] if places.cafile else []
    if places.capath:
        candidates += [Path(places.capath) / name for name in _BUNDLES]
    for file in candidates:
        if file.is_file():
            return (file,)
    raise CliError(
        "there is no CA to check the server's certificate with", "name its CA: --ca FILE", USAGE
    )


def _identity(option: str, text: str) -> "Identity | None":
    from talpa.ike.identities import from_text

    try:
        return from_text(text) if text else None
    except ValueError as error:
        raise CliError(
            f"{option} {text}: {error}",
            "write it as alice@example.com, vpn.example.com, 198.18.0.1, or CN=alice",
            USAGE,
        ) from None


def _read(path: Path) -> "ReadFile":
    from talpa.server.config.files import read_file

    try:
        return read_file(path)
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CliError(f"{path} {error}") from None


def _private(file: "ReadFile") -> None:
    if file.open_to_all:
        say(f"warning: everybody on this machine can read {file.path}: chmod 600 {file.path}")
