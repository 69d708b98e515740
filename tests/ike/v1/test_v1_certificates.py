"""Main and Aggressive Mode with signatures: RSA, ECDSA, chains, and long messages in fragments."""

from functools import lru_cache
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from crypto.certificate_makers import WALL, Made, dns, key_usage, make
from talpa.crypto.certificate_files import load_cas, load_credential
from talpa.crypto.certificates import Credential
from talpa.crypto.trust import Trust
from talpa.ike.config import Config
from talpa.ike.events import IkeUp
from talpa.ike.header import parse_header
from talpa.ike.identities import from_text
from talpa.ike.v1.numbers import PayloadType

from .rig import Wire, config, connection

_CA = (x509.BasicConstraints(ca=True, path_length=None), key_usage("key_cert_sign", "crl_sign"))


@lru_cache
def key(kind: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    match kind:
        case "RSA":
            return rsa.generate_private_key(65_537, 2_048)
        case "P-256":
            return ec.generate_private_key(ec.SECP256R1())
        case "P-384":
            return ec.generate_private_key(ec.SECP384R1())
        case _:
            return ec.generate_private_key(ec.SECP521R1())


@lru_cache
def root() -> Made:
    return make("root", None, *_CA)


@lru_cache
def between() -> Made:
    return make("between", root(), *_CA)


def credential(
    name: str, kind: str, issuer: Made, *above: Made, address: str | None = None
) -> Credential:
    """`address`: what it is for, instead of the name."""
    names = dns(f"{name}.example")
    if address is not None:
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    made = make(name, issuer, names, key=key(kind))
    pem = made.certificate.public_bytes(Encoding.PEM)
    for each in above:
        pem += each.certificate.public_bytes(Encoding.PEM)
    private = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return load_credential(pem, private, None, None)


def with_certificate(own: Credential, trusted: Made | None = None) -> Config:
    cas = load_cas((trusted or root()).certificate.public_bytes(Encoding.PEM))
    return config(
        credential=own, trust=Trust(cas), wall=lambda: WALL, psks=lambda _: (), aggressive=True
    )


@pytest.mark.parametrize("kind", ["RSA", "P-256", "P-384", "P-521"])
@pytest.mark.parametrize("aggressive", [False, True])
def test_signatures(kind: str, aggressive: bool) -> None:
    wire = Wire(
        with_certificate(credential("client", kind, root())),
        with_certificate(credential("server", kind, root())),
    )
    wire.open(
        connection(
            authentication="certificate",
            remote_authentication="certificate",
            psk=None,
            aggressive=aggressive,
        )
    )
    assert wire.agree()
    (up,) = wire.server.of(IkeUp)
    assert up.peer.method == ("RSA" if kind == "RSA" else "ECDSA")
    assert up.peer.credential == "CN=client"
    assert up.peer.identity.show() == "CN=client"
    assert wire.client.of(IkeUp)[0].peer.credential == "CN=server"


def test_a_chain_goes_in_fragments_when_it_is_long() -> None:
    client = with_certificate(credential("client", "RSA", between(), between()))
    server = with_certificate(credential("server", "RSA", between(), between()))
    wire = Wire(client, server)
    wire.open(connection(authentication="certificate", psk=None))
    assert wire.agree()
    fragments = [
        data for _, data in wire.log if parse_header(data).next_payload == PayloadType.FRAGMENT
    ]
    assert len(fragments) >= 2
    assert max(len(data) for _, data in wire.log) <= 1_240


def test_the_name_that_was_called_must_be_in_the_certificate() -> None:
    for called, good in (("server.example", True), ("elsewhere.example", False)):
        wire = Wire(
            with_certificate(credential("client", "P-256", root())),
            with_certificate(credential("server", "P-256", root())),
        )
        wire.open(connection(authentication="certificate", psk=None, remote_host=called))
        wire.wait(120.0)
        assert bool(wire.client.of(IkeUp)) == good
        if not good:
            assert "elsewhere.example" in wire.client.failed[-1].reason


def test_identity_must_stand_in_the_certificate() -> None:
    wire = Wire(
        with_certificate(credential("client", "P-256", root())),
        with_certificate(credential("server", "P-256", root())),
    )
    wire.open(
        connection(
            authentication="certificate", psk=None, local_identity=from_text("@root.example")
        )
    )
    assert not wire.server.of(IkeUp)
    assert "root.example" in wire.server.failed[0].reason


def test_an_unknown_ca_is_refused() -> None:
    stranger = make("stranger", None, *_CA)
    wire = Wire(
        with_certificate(credential("client", "P-256", stranger), root()),
        with_certificate(credential("server", "P-256", root())),
    )
    wire.open(connection(authentication="certificate", psk=None))
    assert not wire.server.of(IkeUp)
    assert wire.server.failed[0].stage == "phase 1, message 5"


def test_a_server_with_both_takes_both() -> None:
    server = with_certificate(credential("server", "P-256", root()))
    both = config(credential=server.credential, trust=server.trust, wall=lambda: WALL)
    wire = Wire(with_certificate(credential("client", "P-256", root())), both)
    wire.open(connection(authentication="certificate", psk=None))
    assert wire.server.of(IkeUp)[0].peer.method == "ECDSA"
    wire = Wire(config(), both)
    wire.open()
    assert wire.server.of(IkeUp)[0].peer.method == "PSK"
