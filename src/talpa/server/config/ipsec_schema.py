"""The options under `[ipsec]`."""

from datetime import date
from typing import Annotated, Literal

from talpa.server.config.fields import (
    Day,
    FilePath,
    Host,
    Listen,
    Many,
    Name,
    Network,
    SecretText,
)
from talpa.server.config.files import AnyFile, ReadFile, SecretFile
from talpa.server.config.section import Section, option
from talpa.wire import Secret

PolicyName = Literal["modern", "compatible", "legacy"]
EapMethod = Literal["mschapv2", "tls", "md5"]
Device = Literal[
    "any", "windows", "apple", "android", "chromeos", "routeros", "strongswan", "libreswan", "talpa"
]
Pfs = Literal["modp2048", "modp3072", "modp4096", "ecp256", "ecp384", "ecp521", "x25519"]
_KEY_EXAMPLE = "a long random key, of 20 characters or more"


class Keyed(Section):
    """A table with a secret, which stands in it or in a file of its own."""

    secret: SecretText | None = option("The secret itself.", default=None, example=_KEY_EXAMPLE)
    secret_file: SecretFile | None = option(
        "File whose first line is the secret, instead of `secret`; a relative path counts from "
        "this file.",
        default=None,
        example="psk.txt",
    )

    def key(self) -> Secret | None:
        """The secret, from wherever it stands."""
        return self.secret_file.first_line() if self.secret_file else self.secret


class IpsecPsk(Keyed):
    """A pre-shared key, and whom it is for."""

    name: Name | None = option(
        "What the log calls the key of one identity. Without it, the identity.",
        default=None,
        example="branch",
    )
    peer: Network | None = option(
        "Only for peers with an address in this network. Without it, for all.",
        default=None,
        example="198.18.0.0/16",
    )
    identity: Name | None = option(
        "Only for the peer that calls itself so: an e-mail address, a host name, an IP address, a "
        'distinguished name ("CN=..."), or "keyid:...".',
        default=None,
        example="branch.example.com",
    )


class IpsecCertificate(Section):
    """What this server proves itself with to peers that want a certificate, and whom it trusts."""

    chain: Annotated[tuple[AnyFile, ...], Many] = option(
        "PEM files with the server's certificate first, then those between it and its CA.",
        default=(),
        example='["server.pem"]',
        max_length=8,
    )
    key: AnyFile | None = option(
        "PEM file with the private key of the first certificate.",
        default=None,
        example="server-key.pem",
    )
    pkcs12: AnyFile | None = option(
        "PKCS#12 file with certificates and key, instead of `chain` and `key`.",
        default=None,
        example="server.p12",
    )
    password_file: SecretFile | None = option(
        "File whose first line is the password of the key, or of the PKCS#12 file.",
        default=None,
        example="key-password.txt",
    )
    ca: Annotated[tuple[AnyFile, ...], Many] = option(
        "PEM files with the CAs whose certificates peers may come with. Without it, no peer can "
        "prove itself by a certificate.",
        default=(),
        example='["clients-ca.pem"]',
        max_length=16,
    )
    crl: Annotated[tuple[AnyFile, ...], Many] = option(
        "PEM or DER files with lists of revoked certificates.",
        default=(),
        example='["clients-ca.crl"]',
        max_length=16,
    )
    strict: bool = option(
        "Demand of a peer's certificate that it was made for this use (extended key usage), and "
        "that it names the identity that the peer claims.",
        default=False,
    )
    require_crl: bool = option(
        "Refuse certificates of a CA of which no current list of revoked certificates is here.",
        default=False,
    )

    def own(self) -> bool:
        """Whether there is a certificate of our own, not only trust in others'."""
        return bool(self.chain or self.pkcs12)


class IpsecAllowWeak(Section):
    """Something weak that is taken nevertheless, because old devices know nothing better."""

    what: Literal["modp1024", "3des", "pfs-modp1024", "sha256-96"] = option(
        "modp1024: that group for the keys of IKE. 3des: that cipher. pfs-modp1024: that group for "
        "PFS. sha256-96: HMAC-SHA-256 cut to 96 bits.",
        example="modp1024",
    )
    device: Device = option(
        "Only for this kind of device, as it tells by its vendor ids.", default="any"
    )
    until: Annotated[date, Day] | None = option(
        "The last day. Without it, for ever.", default=None, example="2027-12-31"
    )


class IpsecConnection(Keyed):
    """A link to another router or server, expected by name."""

    name: Name = option("What the log and `talpa sas` call it.", example="branch")
    peer: Host | None = option(
        "Name or address of the other end. It may be left out where that calls us, from wherever "
        "it is.",
        default=None,
        example="branch.example.com",
    )
    version: Literal[1, 2] = option("Version of IKE.", default=2)
    initiate: bool = option(
        "Call the other end, and again whenever the link is lost; otherwise wait to be called.",
        default=True,
    )
    authentication: Literal["psk", "certificate"] | None = option(
        "How both ends prove who they are. Without it, by the key of this table if it has one, "
        "and by [ipsec.certificate] otherwise.",
        default=None,
        example="psk",
    )
    identity: Name | None = option(
        "What we call ourselves. Without it, our address; with a certificate, its subject.",
        default=None,
        example="office.example.com",
    )
    peer_identity: Name | None = option(
        "What the other end must call itself. Without it, anything that its key or certificate "
        "proves.",
        default=None,
        example="branch.example.com",
    )
    mode: Literal["tunnel", "transport"] = option(
        "tunnel: networks behind each end. transport: L2TP between the two ends.",
        default="tunnel",
    )
    local: Annotated[tuple[Network, ...], Many] = option(
        "Networks on our side, for tunnel mode.",
        default=(),
        example='["10.20.0.0/16"]',
        max_length=64,
    )
    remote: Annotated[tuple[Network, ...], Many] = option(
        "Networks on the other side, for tunnel mode.",
        default=(),
        example='["10.30.0.0/16"]',
        max_length=64,
    )
    policy: PolicyName | None = option(
        "As in [ipsec], for this link. The end that is called knows only after the first exchange "
        "which link it is: until then it goes by [ipsec] policy, and refuses then what this one "
        "does not allow.",
        default=None,
        example="modern",
    )
    pfs: Pfs | None = option(
        "Group with which each re-keying makes secrets that do not follow from earlier ones. The "
        "end that begins a re-keying asks for it, and the other takes any group of its policy: "
        "write it at both ends. IKEv1 knows no x25519.",
        default=None,
        example="x25519",
    )
    ike_lifetime: float | None = option(
        "As in [ipsec], for this link.", default=None, unit="seconds", example="28800", ge=10
    )
    child_lifetime: float | None = option(
        "As in [ipsec], for this link.", default=None, unit="seconds", example="3600", ge=10
    )
    child_kilobytes: int | None = option(
        "As in [ipsec], for this link.", default=None, unit="kilobytes", example="1000000", ge=1024
    )
    force_udp: bool = option(
        "Put ESP into UDP even where no NAT is seen, for networks that drop bare ESP. It counts at "
        "the end that calls, and the other end follows.",
        default=False,
    )
    ppk: Name | None = option(
        "Id of the [[ipsec.ppk]] to mix into the keys, on both ends.",
        default=None,
        example="ppk-2027",
    )

    def by_certificate(self) -> bool:
        """Whether the ends prove themselves by certificates."""
        return (self.authentication or ("psk" if self.key() else "certificate")) == "certificate"


class IpsecPpk(Keyed):
    """A post-quantum pre-shared key (RFC 8784): mixed into the keys of IKEv2, so that who records
    the traffic cannot open it later with a quantum computer."""

    id: Name = option("What both ends call it.", example="ppk-2027")


class IpsecLimits(Section):
    """What peers that have proved nothing yet may cost."""

    half_open: int = option(
        "Set-ups of IKE under way at once.", default=16_384, unit="set-ups", ge=16, le=1 << 20
    )
    half_open_per_address: int = option(
        "Of these from one address; a carrier's NAT holds many peers behind one.",
        default=2_048,
        unit="set-ups",
        ge=1,
        le=1 << 20,
    )
    rate_per_address: float = option(
        "New ones from one address in a second, and as many in one burst.",
        default=200.0,
        unit="set-ups",
        ge=1,
        le=100_000,
    )
    cookies_from: int = option(
        "Number under way from which on IKEv2 peers must show that they get our answers.",
        default=128,
        unit="set-ups",
        ge=0,
        le=1 << 20,
    )


class Ipsec(Section):
    """IPsec: who may call through it, with which keys and algorithms."""

    enabled: bool = option(
        "Answer IKE. Without any key or certificate there is nothing to answer with, and IKE stays "
        "silent.",
        default=True,
    )
    require: bool = option(
        "Give no answer at all to L2TP in the clear. With false, everything can be read on the "
        "way: only where that is meant.",
        default=True,
    )
    policy: PolicyName = option(
        "Which algorithms are taken: modern, compatible (all that today's built-in clients need), "
        "or legacy (what devices of many years ago need too).",
        default="compatible",
    )
    listen: Annotated[tuple[Listen, ...], Many] = option(
        "Addresses and UDP ports for IKE; clients know no other port than 500. Bare ESP is taken "
        'on the same addresses. IPv6 in brackets, beside IPv4: "[::]:500".',
        default=("0.0.0.0:500",),
        min_length=1,
    )
    listen_nat: Annotated[tuple[Listen, ...], Many] = option(
        "The same for peers behind NAT, and for ESP in UDP; clients know no other port than 4500.",
        default=("0.0.0.0:4500",),
        min_length=1,
    )
    ikev1: bool = option(
        "Answer IKEv1, which the L2TP clients of most systems speak.", default=True
    )
    ikev2: bool = option("Answer IKEv2.", default=True)
    identity: Name | None = option(
        "What this server calls itself. Without it, the address that was called; with a "
        "certificate, its subject.",
        default=None,
        example="vpn.example.com",
    )
    aggressive_mode: bool = option(
        "Answer IKEv1 Aggressive Mode. It hands anybody who asks a hash from which a pre-shared "
        "key can be guessed offline: leave it off.",
        default=False,
    )
    ah: bool = option(
        "Take AH, which proves packets but hides nothing, from peers that offer it. Links never "
        "offer it, and with IKEv1 they do not take it.",
        default=False,
    )
    remote_access: bool = option(
        "Give IKEv2 clients that know no L2TP an address from the pool of their user.",
        default=True,
    )
    eap: Annotated[tuple[EapMethod, ...], Many] = option(
        "Ways in which users of IKEv2 may prove who they are, best first: mschapv2, tls, md5. They "
        "need [ipsec.certificate], for the server has to prove itself first.",
        default=("mschapv2", "tls"),
    )
    ike_lifetime: float = option(
        "Life of the keys of IKE.", default=28_800.0, unit="seconds", ge=10, le=604_800
    )
    child_lifetime: float = option(
        "Life of the keys of ESP.", default=3_600.0, unit="seconds", ge=10, le=604_800
    )
    child_kilobytes: int | None = option(
        "Traffic after which the keys of ESP are made anew. Without it, only time counts.",
        default=None,
        unit="kilobytes",
        example="1000000",
        ge=1024,
    )
    replay_window: int = option(
        "How far packets may be out of order before one counts as replayed; 0: not looked at.",
        default=1024,
        unit="packets",
        ge=0,
        le=4096,
    )
    esn: bool = option("Sequence numbers of 64 bits where the peer knows them.", default=True)
    dpd: float = option(
        "Silence after which a peer is asked whether it is still there; 0: never.",
        default=30.0,
        unit="seconds",
        ge=0,
        le=3600,
    )
    mlkem: Literal["off", "on", "require"] = option(
        "ML-KEM beside the other key exchange of IKEv2 (RFC 9370): on takes it where the peer "
        "offers it, require takes no peer without it.",
        default="on",
    )
    require_ppk: bool = option(
        "Take no IKEv2 peer without one of the keys in [[ipsec.ppk]].", default=False
    )
    redirect: Host | None = option(
        "Send new IKEv2 clients to this server instead (RFC 5685).",
        default=None,
        example="vpn2.example.com",
    )
    key_log: FilePath | None = option(
        "Directory to write every key to, in tables with which Wireshark opens the traffic. Only "
        "for finding faults: whoever has it can read everything.",
        default=None,
        example="/root/talpa-keys",
    )
    limits: IpsecLimits = option(
        "What peers that have proved nothing yet may cost.", default=IpsecLimits()
    )
    psks: Annotated[tuple[IpsecPsk, ...], Many] = option(
        "Pre-shared keys. Of several that fit a peer the most specific counts.",
        default=(),
        alias="psk",
    )
    certificate: IpsecCertificate | None = option(
        "What this server proves itself with to peers that want a certificate, and whom it trusts.",
        default=None,
    )
    allow_weak: Annotated[tuple[IpsecAllowWeak, ...], Many] = option(
        "Weak algorithms that are taken nevertheless, for old devices. `talpa sas` marks who uses "
        "them.",
        default=(),
        max_length=64,
    )
    connections: Annotated[tuple[IpsecConnection, ...], Many] = option(
        "Links to other routers and servers.", default=(), alias="connection"
    )
    ppks: Annotated[tuple[IpsecPpk, ...], Many] = option(
        "Post-quantum pre-shared keys (RFC 8784).", default=(), alias="ppk"
    )

    def active(self) -> bool:
        """Whether IKE is answered: it is wanted, and there is something to answer it with."""
        own = self.certificate is not None and self.certificate.own()
        return self.enabled and bool(self.psks or self.connections or own)

    def secret_files(self) -> tuple[ReadFile, ...]:
        """Every file that nobody else should read."""
        certificate = self.certificate
        files = [table.secret_file for table in (*self.psks, *self.connections, *self.ppks)]
        if certificate is not None:
            files += [certificate.key, certificate.pkcs12, certificate.password_file]
        return tuple(file for file in files if file is not None)
