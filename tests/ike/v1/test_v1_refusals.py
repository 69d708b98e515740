"""What is not done here, and what a peer refuses: each is said in words."""

from dataclasses import replace

import pytest

from talpa.crypto.algorithms import EncryptionId, IntegrityId
from talpa.esp.sa import Mode
from talpa.ike.config import Psk
from talpa.ike.events import IkeUp
from talpa.ike.header import parse_header
from talpa.ike.identities import from_text
from talpa.ike.v1 import messages, offers, proofs
from talpa.ike.v1.numbers import CertEncoding, ConfigKind, Encapsulation, Exchange, PayloadType
from talpa.ike.v1.payloads import ATTRIBUTES, CERT, Attributes, Certificate
from talpa.sansio import Address
from talpa.wire import Secret

from .rig import Wire, config, connection
from .test_v1_certificates import credential, root, with_certificate

_METHOD_PSK, _METHOD_XAUTH = b"\x80\x03\x00\x01", b"\x80\x03\xfd\xe9"
_METHOD_RSA_ENCRYPTION = b"\x80\x03\x00\x04"


@pytest.mark.parametrize(
    ("encoding", "name"), [(CertEncoding.PKCS7, "PKCS #7"), (CertEncoding(7), "encoding 7")]
)
def test_certificates_in_another_form_than_x_509(
    encoding: CertEncoding, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove = proofs.prove

    def otherwise(*args: object) -> messages.Chain:
        return [
            (
                kind,
                CERT.encode(Certificate(encoding, CERT.decode(body).data))
                if kind == PayloadType.CERT
                else body,
            )
            for kind, body in prove(*args)  # type: ignore[arg-type]
        ]

    wire = Wire(
        with_certificate(credential("client", "P-256", root())),
        with_certificate(credential("server", "P-256", root())),
    )
    monkeypatch.setattr(proofs, "prove", otherwise)
    wire.open(connection(authentication="certificate", psk=None))
    assert not wire.server.of(IkeUp)
    assert f"as {name}" in wire.server.failed[0].reason


@pytest.mark.parametrize("method", [_METHOD_XAUTH, _METHOD_RSA_ENCRYPTION])
def test_xauth_and_encryption_with_rsa_are_never_agreed(method: bytes) -> None:
    wire = Wire()
    wire.change = lambda _to, data: [data.replace(_METHOD_PSK, method)]
    wire.open()
    (failed,) = wire.server.failed
    assert failed.stage == "phase 1, message 1"
    assert failed.offered
    assert failed.allowed
    assert not wire.server.room().by_uid


def test_a_server_that_asks_for_a_user_in_ike_gets_nothing_and_it_is_told() -> None:
    wire = Wire()
    wire.open()
    (sa,) = wire.server.room().by_uid.values()
    asked = Attributes(ConfigKind.REQUEST, 7, ((16_520, b""), (16_521, b""), (16_522, b"")))
    prefix = messages.mid(99)
    chain = messages.hashed(
        sa.keys, prefix, [(PayloadType.ATTRIBUTES.value, ATTRIBUTES.encode(asked))]
    )
    datagram = messages.seal(
        sa.keys, sa.keys.phase_2_iv(prefix), sa.cookies, Exchange.TRANSACTION, chain, 99
    )
    for _ in range(2):
        wire.server.room().send(sa, datagram)
        ((path, data),) = wire.server.take()
        wire.to_client(path, data)
        ((_, reply),) = wire.client.take()
        opened, _ = messages.unseal(sa.keys, datagram[-sa.keys.block :], parse_header(reply), reply)
        said = ATTRIBUTES.decode(opened[1][1])
        assert [kind for kind, _ in said.attributes] == [16_527]
    (failed,) = wire.client.failed
    assert failed.stage == "XAUTH"
    assert wire.client.associations


def test_what_a_server_refuses_unprotected_is_told_in_the_end() -> None:
    wire = Wire()
    wire.open(connection(psk=Psk(Secret("another key than the server's"), "wrong")))
    # Anybody can have said it: the right answer is waited for.
    assert not wire.client.failed
    wire.wait(120.0)
    (failed,) = wire.client.failed
    assert failed.by_peer
    assert failed.reason.startswith("The peer says AUTHENTICATION-FAILED, unprotected.")
    assert "pre-shared key" in failed.reason
    assert wire.client.sas.describe() == []


def test_a_phase_2_that_is_refused_is_told_with_both_lists() -> None:
    wire = Wire(server=config(l2tp=False))
    wire.open()
    (failed,) = wire.client.failed
    assert failed.stage == "phase 2"
    assert failed.offered
    assert failed.allowed == ("the peer says INVALID-ID-INFORMATION",)


@pytest.mark.parametrize("mode", list(Mode))
def test_ah_is_not_asked_for_where_it_does_not_work(mode: Mode) -> None:
    nat = (lambda a: Address("198.18.0.99", a.port + 20_000)) if mode is Mode.TRANSPORT else None
    wire = Wire(server=config(ah=True), nat=nat)
    wire.open(connection(ah=True, mode=mode))
    (failed,) = wire.client.failed
    assert failed.stage == "phase 2"
    assert "use ESP" in failed.reason
    assert not wire.client.up
    assert not wire.server.up


@pytest.mark.parametrize(
    "encapsulation",
    [Encapsulation.TUNNEL, Encapsulation.UDP_TRANSPORT, Encapsulation.UDP_TRANSPORT_DRAFT],
)
def test_ah_is_refused_in_tunnel_mode_and_in_udp(encapsulation: Encapsulation) -> None:
    for ah, cipher in ((False, (EncryptionId.AES_CBC, 128)), (True, (EncryptionId.NULL, 0))):
        wish = offers.ChildWish(
            suites=((*cipher, IntegrityId.HMAC_SHA1_96),),
            encapsulation=encapsulation,
            group=None,
            seconds=3_600,
            kilobytes=None,
            ah=ah,
        )
        asked = offers.child_proposals(wish, b"\x00\x00\x10\x00")
        assert bool(offers.child_offers(asked, (encapsulation,), ah=True)) is not ah


def answers(wire: Wire) -> int:
    """Informational messages to the client so far."""
    return sum(to == "client" and data[18] == Exchange.INFORMATIONAL for to, data in wire.log)


def test_an_initiator_that_refuses_the_responder_says_so_at_once() -> None:
    own = from_text("@server.example")
    server = replace(with_certificate(credential("server", "P-256", root())), identity=own)
    wire = Wire(with_certificate(credential("client", "P-256", root())), server)
    wire.open(
        connection(
            authentication="certificate",
            remote_authentication="certificate",
            psk=None,
            remote_identity=from_text("@another.example"),
        )
    )
    wire.wait(1.0)
    (failed,) = wire.client.failed
    assert failed.stage == "phase 1, message 6"
    assert failed.identity == own
    assert "@another.example is expected" in failed.reason
    assert wire.client.sas.describe() == []


def test_a_wrong_key_is_answered_each_time_and_told_once() -> None:
    wire = Wire()
    wire.open(connection(psk=Psk(Secret("another key than the server's"), "wrong")))
    assert answers(wire) == 1
    wire.wait(7.0)
    assert answers(wire) == 3
    assert len(wire.server.failed) == 1


def test_message_1_that_is_refused_is_answered_each_time_and_told_once() -> None:
    wire = Wire(server=config(psks=lambda _: ()))
    wire.open()
    wire.wait(7.0)
    assert answers(wire) == 3
    assert len(wire.server.failed) == 1
    wire.open()
    assert len(wire.server.failed) == 2
