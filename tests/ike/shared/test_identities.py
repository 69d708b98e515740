"""Identities: as people write them, as peers send them, and whose certificate is whose."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from talpa.crypto.certificate_values import Certificate, value_of
from talpa.ike.identities import (
    Identity,
    IdentityKind,
    check,
    from_text,
    of_address,
    parse_identity,
    show,
)
from talpa.ike.names import general_name, name_from_text, parse_name
from talpa.wire import Malformed

K = IdentityKind
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
DN = "CN=gw.example.com,OU=Net,O=Example\\, Inc.,C=DE"


def certificate(dn: str = DN, *names: x509.GeneralName) -> Certificate:
    subject = x509.Name.from_rfc4514_string(dn)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return value_of(builder.sign(KEY, None))


CERTIFICATE = certificate(
    DN,
    x509.DNSName("GW.example.com"),
    x509.DNSName("*.wild.example.com"),
    x509.IPAddress(IPv4Address("198.18.0.1")),
    x509.IPAddress(IPv6Address("fd00::1")),
    x509.RFC822Name("Alice@Example.com"),
)


@pytest.mark.parametrize(
    ("text", "kind", "value", "shown"),
    [
        ("alice@example.com", K.USER_FQDN, b"alice@example.com", "alice@example.com"),
        ("@gw.example.com", K.FQDN, b"gw.example.com", "@gw.example.com"),
        ("gw.example.com", K.FQDN, b"gw.example.com", "@gw.example.com"),
        ("198.18.0.1", K.IPV4, b"\xc6\x12\0\x01", "198.18.0.1"),
        (" fd00::1 ", K.IPV6, b"\xfd" + bytes(14) + b"\x01", "fd00::1"),
        ("keyid:office 7", K.KEY_ID, b"office 7", "keyid:office 7"),
        ("keyid:0x00ff10", K.KEY_ID, b"\x00\xff\x10", "keyid:0x00ff10"),
        (DN, K.DER_DN, name_from_text(DN), DN),
        ("CN=a, O=b", K.DER_DN, name_from_text("CN=a,O=b"), "CN=a,O=b"),
    ],
)
def test_identities_as_people_write_them(
    text: str, kind: IdentityKind, value: bytes, shown: str
) -> None:
    made = from_text(text)
    assert (made.kind, made.value) == (kind, value)
    assert made.show() == show(made) == shown
    assert from_text(shown) == made


@pytest.mark.parametrize(
    "text", ["", "@", "keyid:", "keyid:0xzz", "two words", "CN=", "=x", "NOSUCH=x", "grün.example"]
)
def test_what_is_no_identity_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (identity|distinguished name)"):
        from_text(text)


def test_an_address_with_a_zone_is_that_address() -> None:
    assert of_address("fe80::1%eth0") == of_address("fe80::1")


def identity(kind: IdentityKind, value: bytes | str) -> Identity:
    return Identity(kind, value.encode() if isinstance(value, str) else value)


def der_gn(tag: int, value: bytes) -> Identity:
    return Identity(K.DER_GN, bytes((tag, len(value))) + value)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (identity(K.FQDN, "gw.example.com"), True),
        (identity(K.FQDN, "Gw.Example.COM."), True),
        (identity(K.FQDN, "gw.example.com\0.evil.example"), False),
        (identity(K.FQDN, "evil.example"), False),
        (identity(K.FQDN, "host.wild.example.com"), False),
        (identity(K.FQDN, "*.wild.example.com"), False),
        (identity(K.FQDN, "*"), False),
        (identity(K.FQDN, b"gw.ex\xc3\xa4mple.com"), False),
        (identity(K.USER_FQDN, "Alice@example.com"), True),
        (identity(K.USER_FQDN, "alice@example.com"), False),
        (identity(K.USER_FQDN, "Alice@evil@example.com"), False),
        (identity(K.USER_FQDN, "@example.com"), False),
        (identity(K.USER_FQDN, "gw.example.com"), False),
        (of_address("198.18.0.1"), True),
        (of_address("198.18.0.2"), False),
        (of_address("fd00::1"), True),
        (identity(K.IPV4, b"\xc6\x12\0"), False),
        (identity(K.IPV4_SUBNET, b"\xc6\x12\0\x01" + bytes(4)), False),
        (identity(K.IPV4_RANGE, bytes(4) + b"\xff" * 4), False),
        (from_text(DN), True),
        (from_text("CN=gw.example.com,O=Example\\, Inc.,C=DE"), False),
        (from_text("CN=gw.example.com,OU=Net,O=Example\\, Inc.,C=DE,L=x"), False),
        (identity(K.DER_DN, name_from_text(DN) + b"\0"), False),
        (identity(K.DER_DN, name_from_text(DN)[:-1]), False),
        (identity(K.DER_DN, b"\x30\x00"), False),
        (identity(K.DER_DN, b"\x30\x80\0\0"), False),
        (identity(K.DER_DN, b"gw.example.com"), False),
        (der_gn(0x82, b"gw.example.com"), True),
        (der_gn(0x82, b"*.wild.example.com"), False),
        (der_gn(0x81, b"Alice@example.com"), True),
        (der_gn(0x87, b"\xc6\x12\0\x01"), True),
        (der_gn(0x87, IPv6Address("fd00::1").packed), True),
        (der_gn(0x87, b"\xc6\x12\0"), False),
        (der_gn(0x86, b"gw.example.com"), False),
        (der_gn(0xA4, name_from_text(DN)), True),
        (der_gn(0xA4, b"\x30\x00"), False),
        (identity(K.DER_GN, b"\x82\x81\x0egw.example.com"), False),
        (identity(K.DER_GN, b"\x82\x0fgw.example.com"), False),
        (identity(K.KEY_ID, "gw.example.com"), False),
        (identity(IdentityKind(201), "gw.example.com"), False),
        (identity(K.FQDN, b""), False),
    ],
)
def test_a_certificate_is_for_what_stands_in_it_and_nobody_else(
    who: Identity, expected: bool
) -> None:
    assert who.matches(CERTIFICATE) is expected


def test_a_common_name_is_no_host_name_and_an_empty_subject_nobody() -> None:
    bare = certificate()
    assert not from_text("@gw.example.com").matches(bare)
    assert from_text(DN).matches(bare)
    nameless = certificate("", x509.DNSName("gw.example.com"))
    assert not identity(K.DER_DN, b"\x30\x00").matches(nameless)
    assert from_text("gw.example.com").matches(nameless)


def test_a_name_is_the_same_in_another_type_of_string() -> None:
    printable = bytes.fromhex("300c310a3008060355040313") + b"\x01a"
    utf8 = bytes.fromhex("300c310a300806035504030c") + b"\x01a"
    assert parse_name(printable) == parse_name(utf8) != None  # noqa: E711
    assert Identity(K.DER_DN, printable).same(Identity(K.DER_DN, utf8))
    assert Identity(K.FQDN, b"A.example").same(Identity(K.FQDN, b"a.EXAMPLE."))
    assert Identity(K.USER_FQDN, b"a@X.example").same(Identity(K.USER_FQDN, b"a@x.example"))
    assert not Identity(K.USER_FQDN, b"A@x.example").same(Identity(K.USER_FQDN, b"a@x.example"))
    assert not Identity(K.FQDN, b"a.example").same(Identity(K.KEY_ID, b"a.example"))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (K.IPV4, b"\1\2\3"),
        (K.IPV6, bytes(15)),
        (K.IPV4_SUBNET, bytes(7)),
        (K.IPV6_RANGE, bytes(33)),
        (K.FQDN, b""),
        (K.KEY_ID, bytes(4_097)),
        (IdentityKind(250), b""),
    ],
)
def test_what_cannot_be_of_its_kind_is_malformed(kind: IdentityKind, value: bytes) -> None:
    with pytest.raises(Malformed):
        parse_identity(kind, value)
    assert Identity(kind, value).show()


def test_selectors_are_shown_as_networks_and_ranges() -> None:
    assert show(Identity(K.IPV4_SUBNET, bytes((10, 1, 0, 0, 255, 255, 0, 0)))) == "10.1.0.0/16"
    odd = Identity(K.IPV4_SUBNET, bytes((10, 1, 0, 0, 255, 0, 255, 0)))
    assert show(odd) == "10.1.0.0/255.0.255.0"
    assert show(Identity(K.IPV4_RANGE, bytes((10, 0, 0, 1, 10, 0, 0, 9)))) == "10.0.0.1-10.0.0.9"


@given(st.integers(0, 255), st.binary(max_size=80))
def test_any_identity_is_shown_in_one_line_and_matches_nothing_by_chance(
    kind: int, value: bytes
) -> None:
    who = Identity(IdentityKind(kind), value)
    assert who.show().isprintable()
    assert who.same(who)
    if who.matches(CERTIFICATE):
        check(who)


@given(st.binary(max_size=120))
def test_any_octets_are_a_name_or_none(data: bytes) -> None:
    sequence = b"\x30" + bytes((len(data),)) + data
    for der in (data, sequence, name_from_text(DN)[: len(data)] + data):
        parse_name(der)
        general_name(der)


def test_names_that_are_too_long_or_odd_are_read_without_a_warning() -> None:
    country = b"\x06\x03\x55\x04\x06\x13\x07Utopian"
    inner = b"\x30" + bytes((len(country),)) + country
    outer = b"\x31" + bytes((len(inner),)) + inner
    assert parse_name(b"\x30" + bytes((len(outer),)) + outer) is not None
    assert parse_name(b"\x30\x83\x01\x00\x00" + bytes(65_536)) is None
