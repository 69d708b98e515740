"""What must hold between the options of `[ipsec]`."""

from collections.abc import Iterator
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from talpa.crypto.algorithms import GroupId
from talpa.ike.identities import from_text
from talpa.ike.v1.numbers import IKE_GROUPS
from talpa.server.config.certificates import certificate_doubts, certificate_faults
from talpa.server.config.checking import clashes, repeated
from talpa.server.config.ipsec_schema import Ipsec, IpsecCertificate, IpsecConnection, Keyed
from talpa.server.config.problems import Finding, KeyPath

_LEAST_PSK_OCTETS = 20
_NO_KEY = "IPsec is required, and there is no pre-shared key and no certificate"
_GIVE_KEY = (
    "add [[ipsec.psk]] or [ipsec.certificate]; where cleartext is meant, [ipsec] with "
    "require = false"
)

Network = IPv4Network | IPv6Network


def ipsec_faults(ipsec: Ipsec, pools: list[Network], now: datetime) -> Iterator[Finding]:
    """Everything for which the section is refused. `pools`: networks of the pools; `now`: aware."""
    if ipsec.require and not ipsec.enabled:
        yield Finding(
            ("ipsec", "enabled"),
            "IPsec is required and not enabled, so nobody could connect",
            "write require = false too, where cleartext is meant",
        )
    elif ipsec.require and not ipsec.active():
        yield Finding(("ipsec",), _NO_KEY, _GIVE_KEY)
    yield from _listen_faults(ipsec)
    yield from _key_faults(ipsec)
    yield from _identity_faults(ipsec)
    if ipsec.certificate is not None:
        wrong = list(_certificate_faults(ipsec, ipsec.certificate))
        yield from wrong or certificate_faults(ipsec.certificate, now)
    for position, link in enumerate(ipsec.connections):
        yield from _connection_faults(ipsec, link, ("ipsec", "connection", position), pools)
    yield from _version_faults(ipsec)


def ipsec_doubts(ipsec: Ipsec, now: datetime) -> Iterator[Finding]:
    """What works, but is likely not meant, or weak. The section must be right."""
    for path, table in _keyed(ipsec):
        key = table.key()
        if key is not None and len(key.reveal()) < _LEAST_PSK_OCTETS:
            yield Finding(
                (*path, "secret_file" if table.secret_file else "secret"),
                f"a key of fewer than {_LEAST_PSK_OCTETS} octets can be guessed by whoever takes "
                "part in one exchange (CVE-2018-5389)",
                "make a random one: openssl rand -base64 24",
            )
    places: dict[Path, KeyPath] = {
        table.secret_file.path: (*path, "secret_file")
        for path, table in _keyed(ipsec)
        if table.secret_file is not None
    }
    for option in ("key", "pkcs12", "password_file"):
        own = getattr(ipsec.certificate, option, None)
        if own is not None:
            places[own.path] = ("ipsec", "certificate", option)
    for file in ipsec.secret_files():
        if file.open_to_all:
            yield Finding(
                places[file.path],
                f"everybody on this machine can read {file.path}",
                f"chmod 600 {file.path}",
            )
    if ipsec.policy == "legacy":
        yield Finding(
            ("ipsec", "policy"),
            "legacy takes algorithms that are broken or about to be",
            'write policy = "compatible", and [[ipsec.allow_weak]] for what really needs it',
        )
    yield from _exposures(ipsec)
    for position, weak in enumerate(ipsec.allow_weak):
        place = ("ipsec", "allow_weak", position)
        who = "every device" if weak.device == "any" else f"{weak.device} devices"
        if weak.until is None:
            yield Finding(
                place, f"{weak.what} is weak, and taken from {who} for ever", "give it an until"
            )
        elif weak.until < now.date():
            yield Finding(
                (*place, "until"),
                f"{weak.what} was taken from {who} until {weak.until}, and is not any more",
                "remove the table",
            )
    if ipsec.certificate is not None:
        yield from certificate_doubts(ipsec.certificate, now)


def _exposures(ipsec: Ipsec) -> Iterator[Finding]:
    if ipsec.aggressive_mode:
        yield Finding(
            ("ipsec", "aggressive_mode"),
            "anybody who asks gets a hash from which a pre-shared key can be guessed offline",
            "use Main Mode or IKEv2, or at least long random keys",
        )
    if ipsec.key_log is not None:
        yield Finding(
            ("ipsec", "key_log"),
            f"EVERY KEY IS WRITTEN TO {ipsec.key_log}: whoever reads it can read everything",
            "remove the line as soon as the fault is found",
        )
    if ipsec.replay_window == 0:
        yield Finding(
            ("ipsec", "replay_window"),
            "without a window whoever recorded packets can send them again",
            "leave the line out",
        )
    if "md5" in ipsec.eap and ipsec.ikev2:
        yield Finding(
            ("ipsec", "eap", ipsec.eap.index("md5")),
            "md5 does not prove to the client that the server knows the password, and can be "
            "guessed offline by a false one",
            "use mschapv2 or tls",
        )


def _keyed(ipsec: Ipsec) -> Iterator[tuple[KeyPath, Keyed]]:
    for name, tables in (
        ("psk", ipsec.psks),
        ("connection", ipsec.connections),
        ("ppk", ipsec.ppks),
    ):
        for position, table in enumerate(tables):
            yield ("ipsec", name, position), table


def _listen_faults(ipsec: Ipsec) -> Iterator[Finding]:
    yield from clashes(("ipsec", "listen"), ipsec.listen)
    yield from clashes(("ipsec", "listen_nat"), ipsec.listen_nat)
    behind_nat = {address.host for address in ipsec.listen_nat}
    for position, address in enumerate(ipsec.listen):
        if address.port and address in ipsec.listen_nat:
            yield Finding(
                ("ipsec", "listen", position),
                f"{address} is in listen_nat too",
                "give each its own port: 500 and 4500",
            )
        elif address.host not in behind_nat:
            port = ipsec.listen_nat[0].port
            yield Finding(
                ("ipsec", "listen_nat"),
                f"there is no address {address.host}, as there is in listen",
                f'add "{type(address)(address.host, port)}"',
            )


def _key_faults(ipsec: Ipsec) -> Iterator[Finding]:
    for path, table in _keyed(ipsec):
        if table.secret is not None and table.secret_file is not None:
            yield Finding((*path, "secret"), "secret_file is given too", "keep one of them")
        elif table.key() is None and not isinstance(table, IpsecConnection):
            yield Finding(path, "there is no secret", 'add secret_file = "psk.txt", or secret')
    yield from repeated(("ipsec", "psk"), [psk.name for psk in ipsec.psks], "name")
    yield from repeated(("ipsec", "ppk"), [ppk.id for ppk in ipsec.ppks], "id")
    names = [link.name for link in ipsec.connections]
    yield from repeated(("ipsec", "connection"), names, "name")


def _identity_faults(ipsec: Ipsec) -> Iterator[Finding]:
    texts: list[tuple[KeyPath, str | None]] = [(("ipsec", "identity"), ipsec.identity)]
    for position, psk in enumerate(ipsec.psks):
        texts.append((("ipsec", "psk", position, "identity"), psk.identity))
    for position, link in enumerate(ipsec.connections):
        texts.append((("ipsec", "connection", position, "identity"), link.identity))
        texts.append((("ipsec", "connection", position, "peer_identity"), link.peer_identity))
    for path, text in texts:
        try:
            if text is not None:
                from_text(text)
        except ValueError as error:
            yield Finding(path, str(error), "write it as gw.example.com or alice@example.com")


def _certificate_faults(ipsec: Ipsec, certificate: IpsecCertificate) -> Iterator[Finding]:
    path = ("ipsec", "certificate")
    if certificate.pkcs12 is not None and (certificate.chain or certificate.key):
        yield Finding((*path, "pkcs12"), "chain and key are given too", "keep one of both ways")
    elif certificate.chain and certificate.key is None:
        yield Finding(
            path,
            "the private key of the certificate is missing",
            'add a line such as key = "server-key.pem"',
        )
    elif certificate.key is not None and not certificate.chain:
        yield Finding(
            path,
            "the certificate of the key is missing",
            'add a line such as chain = ["server.pem"]',
        )
    if not certificate.own() and not certificate.key and not certificate.ca:
        yield Finding(path, "there is no certificate in it", "add chain and key, or pkcs12, and ca")
    if certificate.require_crl and not certificate.crl:
        yield Finding((*path, "require_crl"), "there is no list of revoked certificates", "add crl")
    if certificate.ca:
        return
    users = ipsec.ikev2 and set(ipsec.eap) - {"tls"}
    if certificate.own() and not users:
        yield Finding(
            path,
            "there is no CA, so no peer could prove itself",
            'add a line such as ca = ["clients-ca.pem"]',
        )
    if certificate.crl:
        yield Finding((*path, "crl"), "there is no CA that these could be of", "add ca")


def _connection_faults(
    ipsec: Ipsec, link: IpsecConnection, path: KeyPath, pools: list[Network]
) -> Iterator[Finding]:
    if link.peer is None and link.initiate:
        yield Finding(
            path, "it is not said whom to call", 'add peer = "...", or write initiate = false'
        )
    elif link.peer is None and link.peer_identity is None:
        yield Finding(
            path, "the other end could not be told from others", "add peer or peer_identity"
        )
    if not link.by_certificate():
        if link.key() is None:
            yield Finding(
                (*path, "authentication"),
                "psk needs a key of this link",
                'add secret_file = "psk.txt", or secret',
            )
    elif ipsec.certificate is None or not ipsec.certificate.own():
        yield Finding(
            path,
            "there is neither a key in it nor a certificate of this server",
            'add secret_file = "psk.txt" here, or [ipsec.certificate]',
        )
    elif not ipsec.certificate.ca:
        yield Finding(
            path,
            "there is no CA for the certificate of the other end",
            "add ca to [ipsec.certificate]",
        )
    if link.version == 1 and link.ppk is not None:
        yield Finding((*path, "ppk"), "IKEv1 knows no such keys", "write version = 2")
    elif link.ppk is not None and link.ppk not in {ppk.id for ppk in ipsec.ppks}:
        yield Finding(
            (*path, "ppk"), f'there is no ppk "{link.ppk}"', "add an [[ipsec.ppk]] of that id"
        )
    if link.version == 1 and link.pfs and GroupId[link.pfs.upper()] not in IKE_GROUPS.values():
        yield Finding(
            (*path, "pfs"),
            f"IKEv1 knows no group {link.pfs}",
            "write version = 2, or a group such as ecp256 or modp2048",
        )
    if not (ipsec.ikev1 if link.version == 1 else ipsec.ikev2):
        yield Finding(
            (*path, "version"),
            f"IKEv{link.version} is switched off",
            f"write ikev{link.version} = true under [ipsec]",
        )
    yield from _network_faults(ipsec, link, path, pools)


def _network_faults(
    ipsec: Ipsec, link: IpsecConnection, path: KeyPath, pools: list[Network]
) -> Iterator[Finding]:
    if link.mode == "transport":
        for key in ("local", "remote"):
            if getattr(link, key):
                yield Finding(
                    (*path, key),
                    "transport mode carries L2TP between the two ends and no networks",
                    'leave it out, or write mode = "tunnel"',
                )
        return
    for key, example in (("local", "10.20.0.0/16"), ("remote", "10.30.0.0/16")):
        if not getattr(link, key):
            yield Finding(path, f"there are no {key} networks", f'add {key} = ["{example}"]')
    if link.version == 1 and (len(link.local) > 1 or len(link.remote) > 1):
        yield Finding(
            path,
            "IKEv1 joins one network with one other",
            "write version = 2, or a table for each pair of networks",
        )
    for position, network in enumerate(link.remote):
        for pool in pools:
            if _share(network, pool):
                yield Finding(
                    (*path, "remote", position),
                    f"{network} overlaps the pool's {pool}",
                    "give the clients other addresses",
                )
        for other in ipsec.connections:
            if other is link:
                break
            if any(_share(network, taken) for taken in other.remote):
                yield Finding(
                    (*path, "remote", position),
                    f"{network} is reached through {other.name} already",
                    "give each network to one link",
                )


def _share(a: Network, b: Network) -> bool:
    return a.version == b.version and a.overlaps(b)


def _version_faults(ipsec: Ipsec) -> Iterator[Finding]:
    if not (ipsec.ikev1 or ipsec.ikev2):
        yield Finding(("ipsec", "ikev2"), "both versions of IKE are off", "leave one of them on")
    for key, wanted in (("mlkem", ipsec.mlkem == "require"), ("require_ppk", ipsec.require_ppk)):
        if wanted and ipsec.ikev1:
            yield Finding(
                ("ipsec", key),
                "IKEv1 can do without it, for it knows no such thing",
                "write ikev1 = false too",
            )
    if ipsec.require_ppk and not ipsec.ppks:
        yield Finding(("ipsec", "require_ppk"), "there is no such key", "add an [[ipsec.ppk]]")
