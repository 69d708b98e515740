"""Identities: who a peer says it is (RFC 2407 4.6.2, RFC 7296 3.5)."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from talpa.crypto.certificate_values import Certificate
from talpa.ike.names import general_name, name_from_text, parse_name
from talpa.wire import Malformed, OpenEnum, printable

MOST_OCTETS: Final = 4_096
"""Of the value."""
_SHOWN: Final = 160


class IdentityKind(OpenEnum):
    """Both versions use the same numbers for those that both have."""

    IPV4 = 1
    FQDN = 2
    USER_FQDN = 3
    """RFC822_ADDR in IKEv2."""
    IPV4_SUBNET = 4
    IPV6 = 5
    IPV6_SUBNET = 6
    IPV4_RANGE = 7
    IPV6_RANGE = 8
    DER_DN = 9
    DER_GN = 10
    KEY_ID = 11


_ADDRESS_OCTETS: Final = {
    IdentityKind.IPV4: 4,
    IdentityKind.IPV4_SUBNET: 8,
    IdentityKind.IPV4_RANGE: 8,
    IdentityKind.IPV6: 16,
    IdentityKind.IPV6_SUBNET: 32,
    IdentityKind.IPV6_RANGE: 32,
}


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity, with its octets as on the wire."""

    kind: IdentityKind
    value: bytes

    def show(self) -> str:
        """As `from_text` takes it, and fit to be shown whatever a peer has put into it."""
        return show(self)

    def matches(self, certificate: Certificate) -> bool:
        """Whether a certificate is this one's: see `matches`."""
        return matches(self, certificate)

    def same(self, other: "Identity") -> bool:
        """Whether both mean the same: host names in any case, names of directories as they read."""
        return _key(self) == _key(other)


def check(identity: Identity) -> None:
    """Raises `Malformed` for what cannot be an identity of its kind. Kinds that we do not know may
    have any octets."""
    size = len(identity.value)
    fixed = _ADDRESS_OCTETS.get(identity.kind)
    if fixed is not None and size != fixed:
        raise Malformed("identity of wrong length", f"{identity.kind}: {size} octets")
    if not 1 <= size <= MOST_OCTETS:
        raise Malformed("identity of wrong length", f"{size} octets")


def parse_identity(kind: int, value: bytes) -> Identity:
    """An identity as received; raises `Malformed`."""
    identity = Identity(IdentityKind(kind), value)
    check(identity)
    return identity


def of_address(host: str) -> Identity:
    """An address as identity; a zone behind it does not count. Raises `ValueError`."""
    address = ip_address(host.partition("%")[0])
    kind = IdentityKind.IPV4 if address.version == 4 else IdentityKind.IPV6
    return Identity(kind, address.packed)


def from_text(text: str) -> Identity:
    """An identity as people write it; raises `ValueError` with a sentence.

    "alice@example.com": a user; "@gw.example.com" or "gw.example.com": a host name; an address; a
    distinguished name in the order of RFC 4514, "CN=gw,O=Example"; "keyid:text" or "keyid:0x12ab":
    any octets.
    """
    made = _from_text(text.strip())
    try:
        check(made)
    except Malformed as error:
        raise ValueError(f"{text!r} is no identity: {error.detail}") from None
    return made


def _from_text(text: str) -> Identity:
    if text.startswith("keyid:"):
        return Identity(IdentityKind.KEY_ID, _key_id(text.removeprefix("keyid:")))
    try:
        return of_address(text)
    except ValueError:
        pass
    if "=" in text:
        return Identity(IdentityKind.DER_DN, name_from_text(text))
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"{text!r} is no identity: a space, or a letter that is not ASCII")
    if text.startswith("@"):
        return Identity(IdentityKind.FQDN, text[1:].encode())
    kind = IdentityKind.USER_FQDN if "@" in text else IdentityKind.FQDN
    return Identity(kind, text.encode())


def _key_id(text: str) -> bytes:
    if not text.startswith("0x"):
        return text.encode()
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise ValueError(f"keyid:{text} is no identity: not hexadecimal") from None


def show(identity: Identity) -> str:
    """As `from_text` takes it, and fit to be shown whatever a peer has put into it."""
    kind, value = identity.kind, identity.value
    try:
        check(identity)
    except Malformed:
        return f"{kind} {value[:32].hex()}"
    if kind in (IdentityKind.IPV4, IdentityKind.IPV6):
        return str(ip_address(value))
    if kind in _ADDRESS_OCTETS:
        return _show_addresses(kind, value)
    if kind is IdentityKind.FQDN:
        return f"@{printable(value, _SHOWN)}"
    if kind is IdentityKind.USER_FQDN:
        return printable(value, _SHOWN)
    if kind is IdentityKind.DER_DN:
        name = parse_name(value)
        if name is not None:
            return printable(name.rfc4514_string(), _SHOWN)
    if kind is IdentityKind.DER_GN:
        return f"general name {value[:64].hex()}"
    if kind is IdentityKind.KEY_ID:
        text = value.decode("ascii", "replace")
        readable = text.isascii() and text.isprintable() and not text.startswith("0x")
        return f"keyid:{printable(text, _SHOWN) if readable else '0x' + value[:64].hex()}"
    return f"{kind} {value[:64].hex()}"


def _show_addresses(kind: IdentityKind, value: bytes) -> str:
    half = len(value) // 2
    first, last = value[:half], value[half:]
    if kind in (IdentityKind.IPV4_RANGE, IdentityKind.IPV6_RANGE):
        return f"{ip_address(first)}-{ip_address(last)}"
    bits = int.from_bytes(last, "big")
    length = bits.bit_count()
    contiguous = bits == ((1 << length) - 1) << (8 * half - length)
    return f"{ip_address(first)}/{length if contiguous else ip_address(last)}"


def matches(identity: Identity, certificate: Certificate) -> bool:
    """Whether a certificate is for that identity: a distinguished name is its subject, anything
    else one of its alternative names. Wildcards stand for nobody, and nothing proves a key id."""
    kind, value = identity.kind, identity.value
    try:
        check(identity)
    except Malformed:
        return False
    if kind is IdentityKind.DER_GN:
        meant = general_name(value)
        if meant is None:
            return False
        tag, value = meant
        kind = _OF_GENERAL_NAME.get(tag, IdentityKind.KEY_ID)
        if kind is IdentityKind.IPV4 and len(value) == 16:
            kind = IdentityKind.IPV6
    if kind is IdentityKind.DER_DN:
        name = parse_name(value)
        return name is not None and bool(list(name)) and name == parse_name(certificate.subject_der)
    if kind in (IdentityKind.IPV4, IdentityKind.IPV6):
        if len(value) != _ADDRESS_OCTETS[kind]:
            return False
        address: IPv4Address | IPv6Address = ip_address(value)
        return address in certificate.addresses
    if kind is IdentityKind.FQDN:
        host = _host(value)
        return host is not None and host in {name.lower() for name in certificate.dns}
    if kind is IdentityKind.USER_FQDN:
        user = _user(value)
        return user is not None and user in {_user(one.encode()) for one in certificate.emails}
    return False


_OF_GENERAL_NAME: Final = {
    1: IdentityKind.USER_FQDN,
    2: IdentityKind.FQDN,
    4: IdentityKind.DER_DN,
    7: IdentityKind.IPV4,
}


def _key(identity: Identity) -> object:
    kind, value = identity.kind, identity.value
    if kind is IdentityKind.DER_DN:
        return kind, parse_name(value) or value
    if kind is IdentityKind.FQDN:
        return kind, _host(value) or value
    if kind is IdentityKind.USER_FQDN:
        return kind, _user(value) or value
    return kind, value


def _host(value: bytes) -> str | None:
    try:
        name = value.decode("ascii").lower().removesuffix(".")
    except UnicodeDecodeError:
        return None
    return name if name and name.isprintable() and "*" not in name else None


def _user(value: bytes) -> tuple[str, str] | None:
    """The part before the last "@" as it is, the host in lower case."""
    try:
        user, at, host = value.decode("utf-8").rpartition("@")
    except UnicodeDecodeError:
        return None
    return (user, host.lower()) if at and user and host else None
